//! A shop with several merchants and several processes, and the gateway that it talks to.

use super::{
    records::{OrderKey, Records},
    total::Total,
};
use crate::rng::Rng;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};
use wxpay_proto::{
    Fen, UnixTime,
    exchange::{Reply, Transmit},
    id::{AppId, NotifyUrl, OpenId},
    v3::{Merchant, Party, Sensitive},
};
use wxpay_sim::{
    Settings,
    gateway::{OrderRef, Payer},
    keys::KeySource,
    ledger::OrderRecord,
    merchant::{KeyMode, Merchant as SimMerchant, PlatformPublicKey},
};
use wxpay_testkit::{
    drive::{Network as _, Process, VirtualTime},
    network::{SimNetwork, v3},
};

/// The number of the shop's merchants. They differ in their platform keys; see [`super::weather`].
pub(super) const ACCOUNTS: usize = 3;
/// The merchant that uses a WeChat Pay public key, and is about to get a second one.
pub(super) const PUBLIC_KEY: usize = 0;
/// The merchant that uses platform certificates, which are rotated.
pub(super) const CERTIFICATES: usize = 1;
/// The merchant that migrates from certificates to the public key.
pub(super) const MIGRATING: usize = 2;

/// A shop and its gateway.
pub(super) struct Shop {
    pub(super) time: VirtualTime,
    pub(super) sim: RefCell<SimNetwork>,
    pub(super) accounts: Vec<Account>,
    /// The servers of the shop. They share what the shop has stored, but no memory.
    pub(super) processes: Vec<Process>,
    pub(super) records: RefCell<Records>,
    pub(super) total: RefCell<Total>,
    /// The number of lives that have not ended.
    pub(super) lives: Cell<usize>,
    /// The life whose steps are printed.
    pub(super) traced: Option<usize>,
    /// Texts that no step and no error may show.
    pub(super) secrets: Vec<String>,
}

/// One of the shop's merchants.
pub(super) struct Account {
    pub(super) merchant: Merchant,
    pub(super) appid: AppId,
    /// A sub-merchant that it serves as a partner.
    pub(super) partner: Party,
    /// The key that replaces its public key.
    pub(super) next_public_key: PlatformPublicKey,
}

impl Shop {
    pub(super) fn open(seed: u64, rng: Rng) -> Rc<Self> {
        let mut settings = Settings::default();
        settings.v3.key_source = KeySource::Fake;
        let mut sim = SimNetwork::new(settings, seed);
        let time = VirtualTime::new(UnixTime::from_secs(1_795_500_000));
        let accounts: Vec<_> = (0..ACCOUNTS).map(|index| Account::open(index, &mut sim)).collect();
        let mut secrets = vec![PAYEE.to_owned(), "null-private".into()];
        secrets.extend(
            sim.gateway.merchants().filter_map(|merchant| Some(merchant.api_v3_key()?.expose().clone())),
        );
        let processes = (0..2).map(|number| Process::new(time.clone(), seed.wrapping_add(number))).collect();
        Rc::new(Self {
            time,
            sim: RefCell::new(sim),
            accounts,
            processes,
            records: RefCell::new(Records::new(rng)),
            total: RefCell::default(),
            lives: Cell::new(0),
            traced: std::env::var("WXPAY_STORM_TRACE").ok().map(|serial| serial.parse().unwrap()),
            secrets,
        })
    }

    /// Sends a request. Notifications that come before the reply are delivered first.
    pub(super) fn send(self: &Rc<Self>, transmit: Transmit) -> (Reply, Duration) {
        self.total.borrow_mut().requests += 1;
        let (reply, early) = {
            let mut sim = self.sim.borrow_mut();
            let reply = sim.send(transmit, self.time.now());
            (reply, std::mem::take(&mut sim.early))
        };
        for delivery in early {
            self.deliver(delivery);
        }
        reply
    }

    /// Returns whether every life has ended. From then on nothing fails any more, except what has failed already.
    pub(super) fn is_calm(&self) -> bool {
        self.lives.get() == 0
    }

    /// Ends everything that fails.
    pub(super) fn calm_down(&self) {
        let gateway = &mut self.sim.borrow_mut().gateway;
        gateway.clear_faults();
        gateway.settings_mut().v3.probes_per_mille = 0;
    }

    pub(super) fn process(&self, rng: &mut Rng) -> &Process {
        let index = rng.below(u64::try_from(self.processes.len()).unwrap());
        &self.processes[usize::try_from(index).unwrap()]
    }

    /// Returns the gateway's record of an order.
    pub(super) fn recorded(&self, (account, number): &OrderKey) -> Option<OrderRecord> {
        let mchid = self.accounts[*account].merchant.mchid().clone();
        let order = OrderRef::OfMerchant(mchid, number.clone());
        self.sim.borrow().gateway.order(&order, self.time.now())
    }

    /// Lets a payer pay an order, whatever the shop knows of it. Returns whether that was possible.
    pub(super) fn pay(&self, (account, number): &OrderKey, discount: Fen) -> bool {
        let mchid = self.accounts[*account].merchant.mchid().clone();
        let order = OrderRef::OfMerchant(mchid, number.clone());
        let payer = Payer::default().with_discount(discount);
        self.sim.borrow_mut().gateway.pay(&order, &payer, self.time.now()).is_ok()
    }

    pub(super) fn openid(&self) -> OpenId {
        self.sim.borrow().gateway.payer().clone()
    }
}

/// The name of the payee of every transfer.
const PAYEE: &str = "甘露生";

pub(super) fn payee() -> Sensitive {
    Sensitive::new(PAYEE.into()).unwrap()
}

/// The URL that a merchant's notifications are sent to.
pub(super) fn notify_url(account: usize) -> NotifyUrl {
    format!("{NOTIFY_URL}{account}").parse().unwrap()
}

/// The merchant that a notification was sent to.
pub(super) fn account_of(url: &str) -> usize {
    url.strip_prefix(NOTIFY_URL).unwrap().parse().unwrap()
}

const NOTIFY_URL: &str = "https://shop.example/notify/v3/";

impl Account {
    fn open(index: usize, sim: &mut SimNetwork) -> Self {
        let gateway = &mut sim.gateway;
        let registered = if index == 0 { gateway.merchant().clone() } else { gateway.new_merchant() };
        // The key pair of a merchant that is not used: any pair of the gateway's key source will do.
        let spare = gateway.new_merchant().platform().public_key().unwrap().clone();
        let mchid = registered.mchid().clone();
        let public_key = registered.platform().public_key().unwrap().clone();
        let mode = match index {
            PUBLIC_KEY => KeyMode::PublicKey,
            CERTIFICATES => KeyMode::Certificates,
            _ => KeyMode::Obtained,
        };
        gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(mode);
        let provider = v3::provider(gateway);
        let builder = v3::builder(gateway, &registered);
        let parsed = |key: &PlatformPublicKey| provider.public_key(&key.key_pair.public().der()).unwrap();
        let builder = match index {
            PUBLIC_KEY => builder
                .public_key(public_key.id.clone(), parsed(&public_key))
                .public_key(spare.id.clone(), parsed(&spare)),
            CERTIFICATES => builder.platform_certificates(),
            _ => builder.platform_certificates().public_key(public_key.id.clone(), parsed(&public_key)),
        };
        let (appid, partner) = (registered.appids()[0].clone(), partner_of(&registered));
        Self { merchant: builder.build(), appid, partner, next_public_key: spare }
    }
}

fn partner_of(merchant: &SimMerchant) -> Party {
    let (sub_mchid, appids) = merchant.sub_merchants().first_key_value().unwrap();
    Party::Partner { sub_mchid: sub_mchid.clone(), sub_appid: appids.first().cloned() }
}
