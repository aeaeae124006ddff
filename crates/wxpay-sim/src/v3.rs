//! APIv3: JSON over HTTPS, signed with RSA in both directions.
//!
//! # Validation
//!
//! [`validate`] checks every request in this order and refuses it at the first failed check: the headers `Accept` and
//! `User-Agent`; the form of `Authorization`; its timestamp; its merchant; its certificate; its signature over the raw
//! target and the raw body; `Wechatpay-Negative-Test`; path and method; the rate limit; the query and the body, field
//! by field. Later checks belong to the product.
//!
//! # Adding a product
//!
//! A product is a file or a directory of this module. It has a table of [`Operation`](operation::Operation)s and a
//! function for each:
//!
//! ```text
//! pub(crate) const OPERATIONS: &[Operation] = &[
//!     Operation::post("v3.refund.create", "/v3/refund/domestic/refunds", FIELDS, create).calls_per_second(150),
//!     Operation::get("v3.refund.query", "/v3/refund/domestic/refunds/{out_refund_no}", query).with_query(QUERY),
//! ];
//!
//! const FIELDS: &[Field] = &[required("out_refund_no", Kind::Text(1, 64, Alphabet::RefundNumber)), …];
//!
//! fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> { … }
//! ```
//!
//! * The table is listed in `OPERATION_TABLES` of [`route`].
//! * Fields are declared with the types of [`fields`]. The body has been validated when the function runs; the function
//!   reads it with [`Call::text`](call::Call::text), [`number`](call::Call::number) and similar methods, by JSON
//!   pointers.
//! * A refusal is a code of [`errors`] with a reason. The function must not have changed anything when it returns one.
//! * An event that happens later is a [`Task`](super::tasks::Task); a notification is sent with `Gateway::notify`.
//! * State is kept in [`ledger::v3`](crate::ledger::v3).

mod authorization;
mod bill;
pub(crate) mod call;
mod certificates;
mod combine;
mod download;
mod echo;
pub(crate) mod errors;
pub(crate) mod faults;
pub(crate) mod fields;
mod media;
mod multipart;
pub(crate) mod notification;
pub(crate) mod operation;
mod party;
pub(crate) mod pay;
mod profitsharing;
mod rates;
mod refund;
mod reply;
mod requests;
pub(crate) mod route;
mod transfer;
mod validate;

pub use requests::RequestRecord;
pub use route::SupportedOperation;

use crate::{
    gateway::{Gateway, tasks::TaskQueue},
    keys::CertificateAuthority,
    ledger::Ledger,
    merchant::{
        ApiKey, KeyMode, Merchant, MerchantRegistry, MigrationError, PlatformKeys, PlatformPublicKey,
    },
    notifications::{Notification, NotificationContent},
    rng::{ALPHANUMERIC, DIGITS, HEX, Rng, UPPER_HEX},
    settings::Settings,
    time,
    warnings::Kind,
};
use download::Downloads;
use errors::Refusal;
use notification::Event;
use rates::RateLimiter;
use reply::Reply;
use requests::RequestLog;
use validate::RequestContext;
use wxpay_proto::{
    UnixTime,
    http::{Request, Response},
    id::{AppId, InvalidField, MchId, NotifyId, SerialNo, TransactionId},
};

/// The path prefix of all APIv3 operations.
pub(crate) const ROOT: &str = "/v3/";

/// The APIv3 state of the gateway.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) merchants: MerchantRegistry,
    pub(crate) ledger: Ledger,
    pub(crate) tasks: TaskQueue,
    pub(crate) rng: Rng,
    requests: RequestLog,
    rates: RateLimiter,
    downloads: Downloads,
    authority: CertificateAuthority,
    default_merchant: Merchant,
    /// The number of keys taken from the key source.
    keys_used: usize,
    /// The last serial number of a payment or a refund.
    serial: u64,
}

impl State {
    /// Creates the state with one merchant, whose credentials are derived from the seed.
    pub(crate) fn new(settings: &Settings, seed: u64) -> Self {
        let authority = CertificateAuthority::new("wxpay-sim root", settings.v3.key_source.root());
        let mut rng = Rng::new(seed, "v3");
        // The first key is the root's, the second that of the TLS server.
        let mut keys_used = 2;
        let default_merchant = loop {
            if let Ok(merchant) =
                generate_merchant(settings, &authority, &mut rng, &mut keys_used, (None, None))
            {
                break merchant;
            }
        };
        let merchants =
            MerchantRegistry([(default_merchant.mchid().clone(), default_merchant.clone())].into());
        Self {
            merchants,
            ledger: Ledger::default(),
            tasks: TaskQueue::default(),
            rng,
            requests: RequestLog::default(),
            rates: RateLimiter::default(),
            downloads: Downloads::default(),
            authority,
            default_merchant,
            keys_used,
            serial: 2_718_281_828,
        }
    }

    /// Returns the next serial number of a payment or a refund, of at most ten digits.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial = self.serial.wrapping_add(1);
        self.serial.checked_rem(10_000_000_000).unwrap_or_default()
    }

    /// Returns a new `transaction_id` of 28 digits. In practice never `None`.
    fn new_transaction_id(&mut self, now: UnixTime) -> Option<TransactionId> {
        let serial = self.next_serial();
        let digits = self.rng.text(DIGITS, 6);
        format!("4200{digits}{}{serial:010}", time::yyyymmdd(now)).parse().ok()
    }
}

/// Generates a merchant with one sub-merchant. The values have the documented forms; the keys are the next ones of the
/// key source.
///
/// # Errors
///
/// Never in practice: the generated values follow the grammar they are parsed with.
fn generate_merchant(
    settings: &Settings,
    authority: &CertificateAuthority,
    rng: &mut Rng,
    keys_used: &mut usize,
    (mchid, appid): (Option<MchId>, Option<AppId>),
) -> Result<Merchant, InvalidField> {
    let key_source = &settings.v3.key_source;
    let valid_from = settings.v3.certificates_since;
    let mut next_key_pair = || {
        *keys_used = keys_used.saturating_add(1);
        key_source.key_pair(keys_used.saturating_sub(1))
    };
    let generated: MchId = format!("16{}", rng.text(DIGITS, 8)).parse()?;
    let mchid = mchid.unwrap_or(generated);
    let api_key_pair = next_key_pair();
    let api_key = ApiKey::new(
        authority.certificate(serial(rng)?, mchid.as_str(), api_key_pair.public(), valid_from),
        api_key_pair,
    );
    let platform_key_pair = next_key_pair();
    let name = "Tenpay.com sign";
    let certificate = authority.certificate(serial(rng)?, name, platform_key_pair.public(), valid_from);
    let key =
        PlatformPublicKey::new(format!("PUB_KEY_ID_0{}", rng.text(DIGITS, 33)).parse()?, next_key_pair());
    let platform = PlatformKeys::new(certificate, platform_key_pair, key, KeyMode::Either);
    let mut new_app = || format!("wx{}", rng.text(HEX, 16)).parse();
    let (own_app, sub_app) = (new_app()?, new_app()?);
    let own_app = appid.unwrap_or(own_app);
    let merchant = Merchant::new(mchid, own_app, api_key, rng.text(ALPHANUMERIC, 32), platform);
    Ok(merchant.with_sub_merchant(format!("17{}", rng.text(DIGITS, 8)).parse()?, vec![sub_app]))
}

/// Generates a certificate serial number: 40 hexadecimal digits in upper case, the first one not 0 and the number
/// positive.
fn serial(rng: &mut Rng) -> Result<SerialNo, InvalidField> {
    format!("5{}", rng.text(HEX, 39)).parse()
}

/// Validates a request and, if it is valid, executes it.
fn execute(gateway: &mut Gateway, request: &Request, context: &mut RequestContext, now: UnixTime) -> Reply {
    let result = validate::validate(gateway, request, context, now).and_then(|(operation, call)| {
        let result = (operation.handler)(gateway, &call);
        if let Err(refusal) = &result {
            gateway.v3.rates.count_failure(&call, refusal);
        }
        result
    });
    result.unwrap_or_else(|refusal| refusal_reply(gateway, request, context, &refusal, now))
}

/// Finishes a reply: records the request and signs the reply, unless it is exempt from signing.
fn finish_reply(
    gateway: &mut Gateway,
    request: &Request,
    mut context: RequestContext,
    reply: Reply,
    now: UnixTime,
) -> Response {
    let id = gateway.v3.rng.text(UPPER_HEX, 32);
    let request_id = format!("08{id}-{}", reply.result_code);
    gateway.v3.requests.add(request, &context, Some(&reply), &request_id, now);
    let State { merchants, rng, default_merchant, .. } = &mut gateway.v3;
    // The reply to an unknown merchant is signed too, with the platform key of the default merchant.
    let merchant = context.mchid.as_ref().and_then(|mchid| merchants.get(mchid)).unwrap_or(default_merchant);
    let probes = u64::from(gateway.settings.v3.probes_per_mille);
    if context.negative.is_none() && probes > 0 && rng.below(1000) < probes {
        context.negative = Some(reply::NegativeTest::SigntestProbe);
    }
    let signer = merchant.platform().reply_signer(request.header("wechatpay-serial"), now);
    let signer = reply.is_signed.then_some(signer);
    reply::into_response(reply, &request_id, signer, context.negative, rng, now)
}

fn refusal_reply(
    gateway: &mut Gateway,
    request: &Request,
    context: &RequestContext,
    refusal: &Refusal,
    now: UnixTime,
) -> Reply {
    let label = context.label.unwrap_or("v3");
    let detail = format!("{label} {} {}: {}", refusal.status, refusal.code, refusal.reason);
    let number = claimed_order_number(request);
    gateway.warn(now, Kind::Refused, number.as_deref(), detail);
    Reply { code: Some(refusal.code), ..Reply::of(refusal.status, &refusal.body(), refusal.result_code) }
}

/// Returns the order number in a request, as far as it can be read before the request is verified.
pub(crate) fn claimed_order_number(request: &Request) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let pointers = ["/out_trade_no", "/combine_out_trade_no", "/out_bill_no", "/out_authorization_no"];
    let from_body = pointers.iter().find_map(|pointer| body.pointer(pointer)?.as_str()).map(String::from);
    from_body.or_else(|| {
        let path = authorization::target(request).split('?').next().unwrap_or_default();
        let mut parts = path.split('/').skip_while(|part| {
            !matches!(
                *part,
                "out-trade-no" | "out-bill-no" | "out-authorization-no" | "transfer-to-qq-wallet-bills"
            )
        });
        parts.nth(1).map(call::percent_decoded)
    })
}

/// Merchants and platform keys, as set up by a test.
impl Gateway {
    /// Returns the APIv3 merchant that the gateway was created with, in its original state.
    pub fn merchant(&self) -> &Merchant {
        &self.v3.default_merchant
    }

    /// Returns the current state of a merchant.
    pub fn merchant_by_mchid(&self, mchid: &MchId) -> Option<&Merchant> {
        self.v3.merchants.get(mchid)
    }

    /// Returns a merchant, to change it.
    pub fn merchant_mut(&mut self, mchid: &MchId) -> Option<&mut Merchant> {
        self.v3.merchants.0.get_mut(mchid)
    }

    /// Returns all APIv3 merchants.
    pub fn merchants(&self) -> impl Iterator<Item = &Merchant> {
        self.v3.merchants.0.values()
    }

    /// Adds a merchant, or replaces the one with the same mchid.
    pub fn add_merchant(&mut self, merchant: Merchant) {
        self.v3.merchants.0.insert(merchant.mchid().clone(), merchant);
    }

    /// Generates one more merchant and adds it.
    pub fn new_merchant(&mut self) -> Merchant {
        self.new_merchant_with(None, None)
    }

    /// Generates and adds a merchant. The mchid and the first appid are generated too, unless they are given.
    pub fn new_merchant_with(&mut self, mchid: Option<MchId>, appid: Option<AppId>) -> Merchant {
        let State { authority, rng, keys_used, .. } = &mut self.v3;
        let ids = (mchid, appid);
        let merchant = loop {
            if let Ok(merchant) = generate_merchant(&self.settings, authority, rng, keys_used, ids.clone()) {
                break merchant;
            }
        };
        self.add_merchant(merchant.clone());
        merchant
    }

    /// Lists a new platform certificate for a merchant. It starts to sign one day later.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] for an unknown merchant, and while a switch to the public key is in progress.
    pub fn rotate_certificate(&mut self, mchid: &MchId, now: UnixTime) -> Result<(), MigrationError> {
        let platform_key_pair = self.settings.v3.key_source.key_pair(self.v3.keys_used);
        // Stored on success only: a failed call must not change the values generated later.
        let mut rng = self.v3.rng.clone();
        let serial = serial(&mut rng).map_err(|_| MigrationError)?;
        let certificate =
            self.v3.authority.certificate(serial, "Tenpay.com sign", platform_key_pair.public(), now);
        let merchant = self.v3.merchants.0.get_mut(mchid).ok_or(MigrationError)?;
        merchant.platform_mut().rotate_certificate(certificate, platform_key_pair)?;
        (self.v3.keys_used, self.v3.rng) = (self.v3.keys_used.saturating_add(1), rng);
        Ok(())
    }

    /// Issues one more API certificate to a merchant. The test must pass certificate and key to the merchant's program.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] for an unknown merchant.
    pub fn issue_api_key(&mut self, mchid: &MchId, now: UnixTime) -> Result<ApiKey, MigrationError> {
        let api_key_pair = self.settings.v3.key_source.key_pair(self.v3.keys_used);
        // Stored on success only: a failed call must not change the values generated later.
        let mut rng = self.v3.rng.clone();
        let serial = serial(&mut rng).map_err(|_| MigrationError)?;
        let certificate = self.v3.authority.certificate(serial, mchid.as_str(), api_key_pair.public(), now);
        let merchant = self.v3.merchants.0.get_mut(mchid).ok_or(MigrationError)?;
        let api_key = ApiKey::new(certificate, api_key_pair);
        merchant.add_api_key(api_key.clone());
        (self.v3.keys_used, self.v3.rng) = (self.v3.keys_used.saturating_add(1), rng);
        Ok(api_key)
    }

    /// Returns the last APIv3 requests, the oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &RequestRecord> {
        self.v3.requests.iter()
    }

    /// Runs the scheduled tasks that are due.
    pub(crate) fn run_due_tasks(&mut self, now: UnixTime) {
        while let Some((at, task)) = self.v3.tasks.take(now) {
            (task.run)(self, &task.mchid, &task.number, at);
        }
    }

    /// Queues a notification about the merchant's `number`. A merchant without an APIv3 key gets no notifications.
    pub(crate) fn notify(&mut self, number: &str, event: Event, due: UnixTime) {
        let has_key =
            self.v3.merchants.get(&event.mchid).is_some_and(|merchant| merchant.api_v3_key().is_some());
        if !has_key {
            let detail = "no notification is sent: the merchant has no APIv3 key";
            return self.warn(due, Kind::RetriesExhausted, Some(number), detail);
        }
        let hex = self.v3.rng.text(HEX, 32);
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        let id = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
        if let Ok(notify_id) = id.parse::<NotifyId>() {
            let notification = Notification {
                number: String::from(number),
                notify_id,
                content: NotificationContent::V3(event),
            };
            self.notifications.add(notification, due);
        }
    }
}
