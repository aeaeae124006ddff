//! The third generation: JSON over HTTPS, signed by RSA in both directions.
//!
//! # The front door
//!
//! Every call is checked in this order, and refused by the first thing that is wrong ([`door`]): the headers `Accept`
//! and `User-Agent`; the form of `Authorization`; its time; its merchant; its certificate; its signature over the raw
//! target and the raw body; `Wechatpay-Negative-Test`; path and method; the limit of calls; the query and the body,
//! field by field. What comes after is the product's.
//!
//! # How a product is added
//!
//! A product is one file here. It has a table of [`Operation`](operation::Operation)s and a function for each:
//!
//! ```text
//! pub(super) const OPERATIONS: &[Operation] = &[
//!     Operation::post("v3.refund", "/v3/refund/domestic/refunds", FIELDS, create).at_most(150),
//!     Operation::get("v3.refund.query", "/v3/refund/domestic/refunds/{out_refund_no}", query).asking(QUERY),
//! ];
//!
//! const FIELDS: &[Field] = &[must("out_refund_no", Kind::Text(1, 64, Alphabet::RefundNumber)), …];
//!
//! fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> { … }
//! ```
//!
//! * The table is named in [`route`]'s `PRODUCTS`.
//! * Fields are declared in [`fields`]' words; the body has been held to them when the function runs, which reads it
//!   with [`Call::text`](call::Call::text), [`number`](call::Call::number) and the like, by JSON pointers.
//! * A refusal is a code of [`errors`] with a reason; nothing may have changed by then.
//! * What happens later by itself is a [`Task`](super::agenda::Task); what the merchant is told is one call of
//!   `Gateway::tell`.
//! * What is kept goes into [`ledger::v3`](crate::ledger::v3).

mod authorization;
mod bill;
pub(super) mod call;
mod certificates;
mod combine;
mod door;
mod download;
mod echo;
pub(super) mod errors;
pub(super) mod fields;
mod media;
mod multipart;
pub(crate) mod notice;
pub(crate) mod operation;
mod party;
pub(super) mod pay;
mod profitsharing;
mod rates;
mod refund;
mod reply;
mod requests;
pub(crate) mod route;
mod transfer;
pub(super) mod trouble;

pub use requests::RequestRecord;
pub use route::Served;

use super::{Gateway, agenda::Agenda};
use crate::{
    chance::{ALPHANUMERIC, Chance, DIGITS, HEX},
    keys::Authority,
    ledger::v3::Ledger,
    merchant::{ApiKey, Merchant, Merchants, Misstep, Mode, Platform, PlatformKey},
    notices::{Notice, Says},
    settings::Settings,
    time,
    warnings::Kind,
};
use door::Door;
use download::Downloads;
use errors::Refusal;
use notice::Event;
use rates::Rates;
use reply::Reply;
use requests::Requests;
use wxpay_proto::{
    UnixTime,
    http::{Request, Response},
    id::{AppId, Invalid, MchId, NotifyId, SerialNo, TransactionId},
};

/// Where the third generation's calls live.
pub(super) const ROOT: &str = "/v3/";

/// What the gateway keeps of the third generation.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) merchants: Merchants,
    pub(super) ledger: Ledger,
    pub(super) agenda: Agenda,
    pub(super) chance: Chance,
    requests: Requests,
    rates: Rates,
    downloads: Downloads,
    authority: Authority,
    first: Merchant,
    /// Keys of the ring that were given out.
    given: usize,
    /// The last number of a payment or a refund.
    serial: u64,
}

impl State {
    /// With one merchant, whose credentials follow from the seed.
    pub(super) fn new(settings: &Settings, seed: u64) -> Self {
        let authority = Authority::new("wxpay-sim root", settings.v3.ring.root());
        let mut chance = Chance::new(seed, "v3");
        // The first key is the root's, the second that of the TLS server.
        let mut given = 2;
        let first = loop {
            if let Ok(merchant) = thrown_away(settings, &authority, &mut chance, &mut given, (None, None)) {
                break merchant;
            }
        };
        let merchants = Merchants([(first.mchid().clone(), first.clone())].into());
        Self {
            merchants,
            ledger: Ledger::default(),
            agenda: Agenda::default(),
            chance,
            requests: Requests::default(),
            rates: Rates::default(),
            downloads: Downloads::default(),
            authority,
            first,
            given,
            serial: 2_718_281_828,
        }
    }

    /// The next number of a payment or a refund, of ten digits.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial = self.serial.wrapping_add(1);
        self.serial.checked_rem(10_000_000_000).unwrap_or_default()
    }

    /// A new number of a payment: 28 digits. There is always one.
    fn new_transaction_id(&mut self, now: UnixTime) -> Option<TransactionId> {
        let serial = self.next_serial();
        let digits = self.chance.text(DIGITS, 6);
        format!("4200{digits}{}{serial:010}", time::day(now)).parse().ok()
    }
}

/// A merchant of the documented forms, its keys the next of the ring, who serves one sub-merchant.
///
/// # Errors
///
/// Never in practice: what is made keeps to the grammar it is parsed by.
fn thrown_away(
    settings: &Settings,
    authority: &Authority,
    chance: &mut Chance,
    given: &mut usize,
    (mchid, appid): (Option<MchId>, Option<AppId>),
) -> Result<Merchant, Invalid> {
    let ring = &settings.v3.ring;
    let since = settings.v3.certificates_since;
    let mut next = || {
        *given = given.saturating_add(1);
        ring.pair(given.saturating_sub(1))
    };
    let made_up: MchId = format!("16{}", chance.text(DIGITS, 8)).parse()?;
    let mchid = mchid.unwrap_or(made_up);
    let own = next();
    let api_key =
        ApiKey::new(authority.certificate(serial(chance)?, mchid.as_str(), own.public(), since), own);
    let pair = next();
    let name = "Tenpay.com sign";
    let certificate = authority.certificate(serial(chance)?, name, pair.public(), since);
    let key = PlatformKey::new(format!("PUB_KEY_ID_0{}", chance.text(DIGITS, 33)).parse()?, next());
    let platform = Platform::new(certificate, pair, key, Mode::Either);
    let mut new_app = || format!("wx{}", chance.text(HEX, 16)).parse();
    let (own_app, sub_app) = (new_app()?, new_app()?);
    let own_app = appid.unwrap_or(own_app);
    let merchant = Merchant::new(mchid, own_app, api_key, chance.text(ALPHANUMERIC, 32), platform);
    Ok(merchant.with_sub(format!("17{}", chance.text(DIGITS, 8)).parse()?, vec![sub_app]))
}

/// 40 hexadecimal digits in upper case, the first not 0 and the number positive.
fn serial(chance: &mut Chance) -> Result<SerialNo, Invalid> {
    format!("5{}", chance.text(HEX, 39)).parse()
}

/// Carries a call out, as far as it is let in.
fn carried_out(gateway: &mut Gateway, request: &Request, door: &mut Door, now: UnixTime) -> Reply {
    let answered = door::enter(gateway, request, door, now).and_then(|(operation, call)| {
        let answered = (operation.answer)(gateway, &call);
        if let Err(refusal) = &answered {
            gateway.v3.rates.failed(&call, refusal);
        }
        answered
    });
    answered.unwrap_or_else(|refusal| refused(gateway, request, door, &refusal, now))
}

/// Sends a reply on its way: signed, if it is one that is and there is anybody to sign towards.
fn sent(gateway: &mut Gateway, request: &Request, mut door: Door, reply: Reply, now: UnixTime) -> Response {
    let id = gateway.v3.chance.text(HEX, 32).to_uppercase();
    let request_id = format!("08{id}-{}", reply.number);
    gateway.v3.requests.add(request, &door, Some(&reply), &request_id, now);
    let State { merchants, chance, first, .. } = &mut gateway.v3;
    let merchant = door.mchid.as_ref().and_then(|mchid| merchants.get(mchid)).unwrap_or(first);
    let probes = u64::from(gateway.settings.v3.probes_per_mille);
    if door.negative.is_none() && probes > 0 && chance.below(1000) < probes {
        door.negative = Some(reply::Negative::SigntestProbe);
    }
    let signer = merchant.platform().signs_reply(request.header("wechatpay-serial"), now);
    let signer = reply.is_signed.then_some(signer);
    reply::sealed(reply, &request_id, signer, door.negative, chance, now)
}

fn refused(gateway: &mut Gateway, request: &Request, door: &Door, refusal: &Refusal, now: UnixTime) -> Reply {
    let label = door.label.unwrap_or("v3");
    let detail = format!("{label} {} {}: {}", refusal.status, refusal.code, refusal.why);
    let number = named_order(request);
    gateway.remark(now, Kind::Refused, number.as_deref(), detail);
    Reply { code: Some(refusal.code), ..Reply::of(refusal.status, &refusal.body(), refusal.number) }
}

/// The order a request is about, as far as that can be read without believing it.
pub(super) fn named_order(request: &Request) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let named = ["/out_trade_no", "/combine_out_trade_no", "/out_bill_no", "/out_authorization_no"];
    let said = named.iter().find_map(|pointer| body.pointer(pointer)?.as_str()).map(String::from);
    said.or_else(|| {
        let path = authorization::target(request).split('?').next().unwrap_or_default();
        let mut parts = path.split('/').skip_while(|part| {
            !matches!(
                *part,
                "out-trade-no" | "out-bill-no" | "out-authorization-no" | "transfer-to-qq-wallet-bills"
            )
        });
        parts.nth(1).map(call::decoded)
    })
}

/// The merchants and the platform's keys, as a test sets them up.
impl Gateway {
    /// The merchant of the third generation that it was made with, as it was made.
    #[must_use]
    pub fn merchant(&self) -> &Merchant {
        &self.v3.first
    }

    /// A merchant as the gateway knows it now.
    #[must_use]
    pub fn merchant_of(&self, mchid: &MchId) -> Option<&Merchant> {
        self.v3.merchants.get(mchid)
    }

    /// The same, to change it.
    pub fn merchant_mut(&mut self, mchid: &MchId) -> Option<&mut Merchant> {
        self.v3.merchants.0.get_mut(mchid)
    }

    /// Every merchant of the third generation.
    pub fn merchants(&self) -> impl Iterator<Item = &Merchant> {
        self.v3.merchants.0.values()
    }

    /// Makes a merchant known, or known anew.
    pub fn enrol(&mut self, merchant: Merchant) {
        self.v3.merchants.0.insert(merchant.mchid().clone(), merchant);
    }

    /// Makes up one merchant more and makes it known.
    pub fn new_merchant(&mut self) -> Merchant {
        self.new_merchant_named(None, None)
    }

    /// The same under a number and with a first app that are given, or made up.
    pub fn new_merchant_named(&mut self, mchid: Option<MchId>, appid: Option<AppId>) -> Merchant {
        let State { authority, chance, given, .. } = &mut self.v3;
        let names = (mchid, appid);
        let merchant = loop {
            if let Ok(merchant) = thrown_away(&self.settings, authority, chance, given, names.clone()) {
                break merchant;
            }
        };
        self.enrol(merchant.clone());
        merchant
    }

    /// Lists a new platform certificate for a merchant; it signs a day later.
    ///
    /// # Errors
    ///
    /// [`Misstep`] for an unknown merchant, and while a switch to the public key is on its way.
    pub fn rotate_certificate(&mut self, mchid: &MchId, now: UnixTime) -> Result<(), Misstep> {
        let pair = self.settings.v3.ring.pair(self.v3.given);
        let mut chance = self.v3.chance.clone();
        let serial = serial(&mut chance).map_err(|_| Misstep)?;
        let certificate = self.v3.authority.certificate(serial, "Tenpay.com sign", pair.public(), now);
        let merchant = self.v3.merchants.0.get_mut(mchid).ok_or(Misstep)?;
        merchant.platform_mut().rotate(certificate, pair)?;
        (self.v3.given, self.v3.chance) = (self.v3.given.saturating_add(1), chance);
        Ok(())
    }

    /// Issues one API certificate more to a merchant, who must be given it with its key.
    ///
    /// # Errors
    ///
    /// [`Misstep`] for an unknown merchant.
    pub fn issue_api_key(&mut self, mchid: &MchId, now: UnixTime) -> Result<ApiKey, Misstep> {
        let pair = self.settings.v3.ring.pair(self.v3.given);
        let mut chance = self.v3.chance.clone();
        let serial = serial(&mut chance).map_err(|_| Misstep)?;
        let certificate = self.v3.authority.certificate(serial, mchid.as_str(), pair.public(), now);
        let merchant = self.v3.merchants.0.get_mut(mchid).ok_or(Misstep)?;
        let api_key = ApiKey::new(certificate, pair);
        merchant.add_api_key(api_key.clone());
        (self.v3.given, self.v3.chance) = (self.v3.given.saturating_add(1), chance);
        Ok(api_key)
    }

    /// The last calls of the third generation, the oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &RequestRecord> {
        self.v3.requests.iter()
    }

    /// Does what was due by itself until now.
    pub(crate) fn tick(&mut self, now: UnixTime) {
        while let Some((at, task)) = self.v3.agenda.take(now) {
            (task.run)(self, &task.mchid, &task.number, at);
        }
    }

    /// Queues a notice about the merchant's own `number`. A merchant without an APIv3 key is told nothing.
    pub(super) fn tell(&mut self, number: &str, event: Event, due: UnixTime) {
        let has_key =
            self.v3.merchants.get(&event.mchid).is_some_and(|merchant| merchant.api_v3_key().is_some());
        if !has_key {
            let detail = "no notice is sent: the merchant has set no APIv3 key";
            return self.remark(due, Kind::GivenUp, Some(number), detail);
        }
        let hex = self.v3.chance.text(HEX, 32);
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        let id = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
        if let Ok(notify_id) = id.parse::<NotifyId>() {
            let notice = Notice { number: String::from(number), notify_id, says: Says::V3(event) };
            self.notices.add(notice, due);
        }
    }
}
