//! WeChat Pay's notification that an order was paid, with two signatures.
//!
//! A notification is a POST. Its query describes the order and is signed by MD5 with the `PartnerKey`. Its XML body
//! describes the payer and is signed by SHA-1 with the `PaySignKey`. **Query and body are not bound to each
//! other**: a replayed body and the query of another payment have valid signatures together. Therefore only the query
//! proves a payment, and the payer's `openid` authorizes nothing.
//!
//! WeChat Pay sends a notification up to ten times within half an hour, until the response is `success`. It may arrive
//! before the reply to the order, or never. APIv1 has no time window, so an eavesdropper can replay a notification. A
//! replay is harmless to a [`PaymentState`](crate::payment::PaymentState): it repeats known evidence.
//!
//! Source: the App payment document of 2014, section 3.6.

use super::{
    merchant::Merchant,
    signature::{self, StringToSign},
};
use crate::{
    clock::UnixTime,
    http::Response,
    id::{InvalidField, NotifyId, OpenId, OutTradeNo, TransactionId},
    money::Fen,
    payment::{Evidence, Payment},
    wire::{ParseError, charset::Charset, form::Form, time, xml::FlatXml},
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::{error, fmt, str::FromStr};

/// The maximum length of the query, in bytes.
pub const MAX_QUERY_BYTES: usize = 8 * 1024;
/// The maximum length of the body, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// A notification as received. Nothing of it is verified yet.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RawNotification<'a> {
    /// The method, which must be `POST`.
    pub method: &'a str,
    /// The raw query, without the `?`.
    pub query: &'a [u8],
    /// The raw body.
    pub body: &'a [u8],
}

impl<'a> RawNotification<'a> {
    /// Creates a notification from the method, the raw query without the `?`, and the raw body.
    #[must_use]
    pub fn new(method: &'a str, query: &'a [u8], body: &'a [u8]) -> Self {
        Self { method, query, body }
    }
}

impl fmt::Debug for RawNotification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawNotification")
            .field("query_len", &self.query.len())
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A verified notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    key: String,
    out_trade_no: OutTradeNo,
    payment: Payment,
    paid: bool,
    notify_id: NotifyId,
    openid: OpenId,
    is_subscribe: bool,
    sent_at: UnixTime,
    bank_type: String,
    bank_billno: Option<String>,
    attach: Option<String>,
    pay_info: Option<String>,
}

/// The response to a notification. WeChat Pay sends the notification again unless it is `success` with HTTP 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ack {
    /// The notification is stored durably: 200 with the body `success`, exactly these seven bytes.
    Success,
    /// The notification could not be handled now: 500 with the body `fail`.
    Fail,
    /// The notification is invalid: this HTTP status with the body `fail`.
    Reject(u16),
}

impl Ack {
    /// Returns the HTTP response.
    #[must_use]
    pub fn response(self) -> Response {
        let (status, body) = match self {
            Self::Success => (200, "success"),
            Self::Fail => (500, "fail"),
            Self::Reject(status) => (status, "fail"),
        };
        Response::new(status, body.into()).with_header("content-type", b"text/plain")
    }
}

/// A form or document whose signature was verified. Only [`verify_query`] and [`verify_body`] create it, and a
/// [`Notification`] is read from nothing else.
struct Verified<T>(T);

impl Merchant {
    /// Verifies both signatures of a notification, then reads it.
    ///
    /// # Errors
    ///
    /// When the form, a signature or a field is invalid. [`NotificationError::ack`] is the response to send then.
    pub fn verify_notification(&self, raw: &RawNotification<'_>) -> Result<Notification, NotificationError> {
        Notification::verify(self, raw).map_err(|reason| NotificationError(Box::new(reason)))
    }
}

impl Notification {
    fn verify(merchant: &Merchant, raw: &RawNotification<'_>) -> Result<Self, Reason> {
        if raw.method != "POST" {
            return Err(Reason::Method);
        }
        if raw.query.len() > MAX_QUERY_BYTES || raw.body.len() > MAX_BODY_BYTES {
            return Err(Reason::TooLong);
        }
        let query = verify_query(merchant, Form::parse(raw.query).map_err(Reason::Query)?)?;
        let body = verify_body(merchant, FlatXml::parse(raw.body).map_err(Reason::Body)?)?;
        Self::read(merchant, &query, &body)
    }

    fn read(
        merchant: &Merchant,
        Verified(query): &Verified<Form<'_>>,
        Verified(body): &Verified<FlatXml<'_>>,
    ) -> Result<Self, Reason> {
        // GBK is the document's default when no charset is declared.
        let charset = match query.value("input_charset") {
            None | Some(b"") => Charset::Gbk,
            Some(name) => Charset::from_name(name).ok_or(invalid("input_charset", "must be UTF-8 or GBK"))?,
        };
        let query = SignedQueryFields { form: query, charset };
        query.require_value("partner", merchant.partner().as_str(), "must be the merchant's own number")?;
        if body.value("AppId").map(str::trim) != Some(merchant.appid().as_str()) {
            return Err(invalid("AppId", "must be the merchant's own app"));
        }
        if let Some(sign_type) = query.optional("sign_type")
            && sign_type != "MD5"
        {
            return Err(invalid("sign_type", "must be MD5"));
        }
        query.require_value("fee_type", "1", "must be 1 (CNY)")?;
        query.require_value("trade_mode", "1", "must be 1 (paid immediately)")?;
        let total_fee: Fen = query.parsed("total_fee", "must be whole fen")?;
        let discount = match query.optional("discount") {
            Some(discount) => discount.parse().map_err(|_| invalid("discount", "must be whole fen"))?,
            None => Fen::ZERO,
        };
        if total_fee.checked_add(discount).is_none() {
            return Err(invalid("discount", "must not overflow when added to total_fee"));
        }
        let trade_state = query.required("trade_state")?;
        if !trade_state.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(invalid("trade_state", "must be digits"));
        }
        let time_end = time::parse_compact(query.required("time_end")?.as_bytes())
            .map_err(|_| invalid("time_end", "must be yyyyMMddHHmmss"))?;
        Ok(Self {
            key: query.required("sign")?.to_ascii_uppercase(),
            out_trade_no: query.id("out_trade_no")?,
            payment: Payment::new(query.id("transaction_id")?, total_fee, discount, time_end),
            paid: trade_state == "0",
            notify_id: query.id("notify_id")?,
            openid: element(body, "OpenId")?.parse().map_err(Reason::Field)?,
            is_subscribe: element(body, "IsSubscribe")? == "1",
            sent_at: element(body, "TimeStamp")?
                .parse()
                .map(UnixTime::from_secs)
                .map_err(|_| invalid("TimeStamp", "must be whole seconds"))?,
            bank_type: query.text("bank_type")?.ok_or(invalid("bank_type", "is required"))?,
            bank_billno: query.text("bank_billno")?,
            attach: query.text("attach")?,
            pay_info: query.text("pay_info")?,
        })
    }

    /// Returns the merchant's order number.
    #[must_use]
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// WeChat Pay's number of the payment.
    #[must_use]
    pub fn transaction_id(&self) -> &TransactionId {
        self.payment.transaction_id()
    }

    /// Returns whether the order was paid (`trade_state` 0). If not, respond `success` and deliver nothing.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        self.paid
    }

    /// Returns the evidence of payment, if the order was paid.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        self.paid.then(|| Evidence::new(self.out_trade_no.clone(), self.payment.clone()))
    }

    /// Returns the amount that the payer paid, in fen: the price less the discount.
    #[must_use]
    pub fn total_fee(&self) -> Fen {
        self.payment.total_fee()
    }

    /// Returns the discount, in fen: `total_fee + discount` is the price that was ordered.
    #[must_use]
    pub fn discount(&self) -> Fen {
        self.payment.discount()
    }

    /// Returns the time of payment.
    #[must_use]
    pub fn time_end(&self) -> UnixTime {
        self.payment.time_end()
    }

    /// Returns the notification's id, the same in every delivery.
    #[must_use]
    pub fn notify_id(&self) -> &NotifyId {
        &self.notify_id
    }

    /// Returns the payer, from the body. It authorizes nothing: see the [module](self).
    #[must_use]
    pub fn openid(&self) -> &OpenId {
        &self.openid
    }

    /// Returns whether the payer follows the account; `false` is normal for an app.
    #[must_use]
    pub fn is_subscribe(&self) -> bool {
        self.is_subscribe
    }

    /// Returns the time at which this delivery of the notification was signed.
    #[must_use]
    pub fn sent_at(&self) -> UnixTime {
        self.sent_at
    }

    /// Returns the bank that paid, such as `CMB_FP` or `2032`; not `WX` as in the order.
    #[must_use]
    pub fn bank_type(&self) -> &str {
        &self.bank_type
    }

    /// Returns the bank's number of the payment; absent when the order was paid from a balance.
    #[must_use]
    pub fn bank_billno(&self) -> Option<&str> {
        self.bank_billno.as_deref()
    }

    /// Returns the text attached to the order.
    #[must_use]
    pub fn attach(&self) -> Option<&str> {
        self.attach.as_deref()
    }

    /// Returns the reason why the order was not paid.
    #[must_use]
    pub fn pay_info(&self) -> Option<&str> {
        self.pay_info.as_deref()
    }

    /// Returns the key for [`Deduplicator`](crate::memory::Deduplicator): a digest of the whole query, the same in
    /// every delivery.
    #[must_use]
    pub fn dedup_key(&self) -> &str {
        &self.key
    }
}

/// Verifies the MD5 signature over the unescaped bytes, in any charset.
fn verify_query<'a>(merchant: &Merchant, query: Form<'a>) -> Result<Verified<Form<'a>>, Reason> {
    let claimed = query.value("sign").ok_or(invalid("sign", "is required"))?;
    if signature::md5(query.iter(), merchant.partner_key()).matches(claimed) {
        Ok(Verified(query))
    } else {
        Err(Reason::QuerySignature)
    }
}

/// Verifies the SHA-1 signature over the trimmed elements, with their names in lower case.
fn verify_body<'a>(merchant: &Merchant, body: FlatXml<'a>) -> Result<Verified<FlatXml<'a>>, Reason> {
    let claimed = body.value("AppSignature").ok_or(invalid("AppSignature", "is required"))?.trim();
    if !element(&body, "SignMethod")?.eq_ignore_ascii_case("sha1") {
        return Err(invalid("SignMethod", "must be sha1"));
    }
    if signature::sha1(signed_elements(&body).into_iter(), merchant.pay_sign_key())
        .matches(claimed.as_bytes())
    {
        Ok(Verified(body))
    } else {
        Err(Reason::BodySignature)
    }
}

fn signed_elements<'a>(body: &'a FlatXml<'_>) -> Vec<(&'a str, &'a str)> {
    let mut signed: Vec<_> = body.iter().map(|(name, value)| (name, value.trim())).collect();
    signed.retain(|(name, _)| !signature::is_unsigned(name));
    signed.sort_by(|(left, _), (right, _)| signature::cmp_lower_case(left, right));
    signed
}

/// Returns the strings that a notification's two signatures sign, for debugging. Verifies nothing.
///
/// # Errors
///
/// When the query or the body cannot be parsed.
pub fn strings_to_sign(
    merchant: &Merchant,
    raw: &RawNotification<'_>,
) -> Result<[StringToSign; 2], NotificationError> {
    let rejected = |reason| NotificationError(Box::new(reason));
    let query = Form::parse(raw.query).map_err(|fault| rejected(Reason::Query(fault)))?;
    let body = FlatXml::parse(raw.body).map_err(|fault| rejected(Reason::Body(fault)))?;
    let charset = query.value("input_charset").and_then(Charset::from_name).unwrap_or(Charset::Gbk);
    Ok([
        signature::md5_string(query.iter(), charset, merchant.partner_key()),
        signature::sha1_string(signed_elements(&body).into_iter(), merchant.pay_sign_key()),
    ])
}

fn element<'a>(body: &'a FlatXml<'_>, name: &'static str) -> Result<&'a str, Reason> {
    body.value(name).map(str::trim).ok_or_else(|| invalid(name, "is required"))
}

/// A verified query and the charset of its texts.
struct SignedQueryFields<'a> {
    form: &'a Form<'a>,
    charset: Charset,
}

impl SignedQueryFields<'_> {
    /// Returns an ASCII value; `None` if it is absent or empty. A value that is not UTF-8 becomes U+FFFD, which no
    /// rule accepts.
    fn optional(&self, name: &str) -> Option<&str> {
        self.form
            .value(name)
            .filter(|value| !value.is_empty())
            .map(|value| core::str::from_utf8(value).unwrap_or("\u{FFFD}"))
    }

    fn required(&self, name: &'static str) -> Result<&str, Reason> {
        self.optional(name).ok_or_else(|| invalid(name, "is required"))
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, Reason> {
        match self.form.value(name) {
            None | Some(b"") => Ok(None),
            Some(value) => match self.charset.decode(value) {
                Ok(text) => Ok(Some(text.into_owned())),
                Err(_) => Err(invalid(name, "must be in the declared charset")),
            },
        }
    }

    fn require_value(&self, name: &'static str, value: &str, rule: &'static str) -> Result<(), Reason> {
        if self.optional(name) == Some(value) { Ok(()) } else { Err(invalid(name, rule)) }
    }

    fn parsed<T: FromStr>(&self, name: &'static str, rule: &'static str) -> Result<T, Reason> {
        self.optional(name).and_then(|value| value.parse().ok()).ok_or_else(|| invalid(name, rule))
    }

    fn id<T: FromStr<Err = InvalidField>>(&self, name: &'static str) -> Result<T, Reason> {
        self.required(name)?.parse().map_err(Reason::Field)
    }
}

/// The error for a rejected notification. It names the rule that was broken, and never contains received data.
#[derive(Debug)]
pub struct NotificationError(Box<Reason>);

#[derive(Debug)]
enum Reason {
    Method,
    TooLong,
    Query(ParseError),
    Body(ParseError),
    QuerySignature,
    BodySignature,
    Field(InvalidField),
}

impl NotificationError {
    /// Returns the response to send; never `success`.
    #[must_use]
    pub fn ack(&self) -> Ack {
        Ack::Reject(match *self.0 {
            Reason::Method => 405,
            Reason::TooLong => 413,
            Reason::QuerySignature | Reason::BodySignature => 401,
            Reason::Query(_) | Reason::Body(_) | Reason::Field(_) => 400,
        })
    }
}

const fn invalid(name: &'static str, rule: &'static str) -> Reason {
    Reason::Field(InvalidField::new(name, rule))
}

impl fmt::Display for NotificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Method => f.write_str("the method must be POST"),
            Reason::TooLong => f.write_str("the query or the body is too long: at most 8192 and 65536 bytes"),
            Reason::Query(_) => f.write_str("the query cannot be parsed"),
            Reason::Body(_) => f.write_str("the body cannot be parsed"),
            Reason::QuerySignature => f.write_str("the query's signature is invalid"),
            Reason::BodySignature => f.write_str("the body's signature is invalid"),
            Reason::Field(invalid) => invalid.fmt(f),
        }
    }
}

impl error::Error for NotificationError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &*self.0 {
            Reason::Query(fault) | Reason::Body(fault) => Some(fault),
            Reason::Method
            | Reason::TooLong
            | Reason::QuerySignature
            | Reason::BodySignature
            | Reason::Field(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{AppSecret, PartnerKey, PaySignKey, signature};
    use alloc::{format, string::ToString as _};

    fn keys() -> (PartnerKey, PaySignKey) {
        let partner_key = PartnerKey::new("fedcba9876543210".repeat(2)).unwrap();
        (partner_key, PaySignKey::new("0123456789abcdef".repeat(8)).unwrap())
    }

    /// Verifies a correctly signed notification. These fields replace the usual ones or add to them.
    fn verify(changed: &[(&str, &str)]) -> Result<Notification, NotificationError> {
        let (partner_key, pay_sign_key) = keys();
        let usual = [
            ("bank_type", "2032"),
            ("fee_type", "1"),
            ("notify_id", "n1"),
            ("out_trade_no", "20140508001"),
            ("partner", "1900000109"),
            ("time_end", "20140508101000"),
            ("total_fee", "1999"),
            ("trade_mode", "1"),
            ("trade_state", "0"),
            ("transaction_id", "1900000109201405083141592653"),
        ];
        let defaults = usual.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let fields: Vec<_> = defaults.chain(changed).copied().collect();
        let query = super::super::Package::from_fields(&fields, Charset::Gbk, &partner_key).unwrap();
        let payer =
            [("appid", "wxd930ea5d5a258f4f"), ("issubscribe", "0"), ("openid", "o1"), ("timestamp", "1")];
        let (sign, _) = signature::sign_sha1(&payer, &pay_sign_key);
        let body = format!(
            "<xml><AppId>wxd930ea5d5a258f4f</AppId><IsSubscribe>0</IsSubscribe><OpenId>o1</OpenId>\
             <TimeStamp>1</TimeStamp><AppSignature>{sign}</AppSignature><SignMethod>sha1</SignMethod></xml>"
        );
        let app_secret = AppSecret::new("0123456789abcdef".repeat(2)).unwrap();
        let [appid, partner] = ["wxd930ea5d5a258f4f", "1900000109"];
        let merchant = Merchant::builder(
            appid.parse().unwrap(),
            app_secret,
            pay_sign_key,
            partner.parse().unwrap(),
            partner_key,
        );
        merchant.build().verify_notification(&RawNotification::new(
            "POST",
            query.as_str().as_bytes(),
            body.as_bytes(),
        ))
    }

    #[test]
    fn a_trade_state_that_is_no_number_is_rejected() {
        assert!(verify(&[]).unwrap().is_paid());
        assert!(!verify(&[("trade_state", "1")]).unwrap().is_paid());
        for state in ["0 ", "+0", "零", "paid"] {
            let error = verify(&[("trade_state", state)]).unwrap_err();
            assert_eq!(error.to_string(), "trade_state must be digits", "{state}");
        }
    }
}
