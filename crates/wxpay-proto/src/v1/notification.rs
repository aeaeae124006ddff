//! WeChat Pay's notice that an order was paid: signed twice.
//!
//! A POST whose query tells of the order, signed by MD5 with the `PartnerKey`, and whose XML body tells of the
//! payer, signed by SHA-1 with the `PaySignKey`. **The halves are not bound to each other**: a genuine body of
//! one payment fits under the genuine query of another. So money is told by the query alone, and the payer's
//! `openid` authorises nothing.
//!
//! It comes up to ten times within half an hour until it is answered `success`, perhaps before the order's own
//! answer, perhaps never. There is no time window in this generation; a notice repeated by an eavesdropper tells
//! nothing new, which [`PaymentState`](crate::payment::PaymentState) makes harmless.
//!
//! The App payment document of 2014, section 3.6.

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

/// How many bytes the query may have.
pub const MAX_QUERY: usize = 8 * 1024;
/// How many bytes the body may have.
pub const MAX_BODY: usize = 64 * 1024;

/// A notice as it came in: nothing of it is to be believed yet.
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
    /// Takes up a notice: the method, the raw query without the `?`, the raw body.
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

/// A verified notice.
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

/// What is answered to a notice. Anything but `success` with HTTP 200 brings it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ack {
    /// It is durably taken note of: 200 `success`, these seven bytes and no more.
    Success,
    /// It could not be handled now: 500 `fail`.
    Fail,
    /// It is not what it should be, with this HTTP status: `fail`.
    Reject(u16),
}

impl Ack {
    /// The reply.
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

/// A form or document whose signature was checked. [`verify_query`] and [`verify_body`] are its only makers, and
/// [`Notification`] is read from nothing else.
struct Verified<T>(T);

impl Merchant {
    /// Hears a notice: verifies both its signatures, then reads it.
    ///
    /// # Errors
    ///
    /// When anything about it is wrong. Then it tells nothing, and [`NotificationError::ack`] is the answer to give.
    pub fn verify_notification(&self, raw: &RawNotification<'_>) -> Result<Notification, NotificationError> {
        Notification::verified(self, raw).map_err(|reason| NotificationError(Box::new(reason)))
    }
}

impl Notification {
    fn verified(me: &Merchant, raw: &RawNotification<'_>) -> Result<Self, Reason> {
        if raw.method != "POST" {
            return Err(Reason::Method);
        }
        if raw.query.len() > MAX_QUERY || raw.body.len() > MAX_BODY {
            return Err(Reason::TooLong);
        }
        let query = verify_query(me, Form::parse(raw.query).map_err(Reason::Query)?)?;
        let body = verify_body(me, FlatXml::parse(raw.body).map_err(Reason::Body)?)?;
        Self::read(me, &query, &body)
    }

    fn read(
        me: &Merchant,
        Verified(query): &Verified<Form<'_>>,
        Verified(body): &Verified<FlatXml<'_>>,
    ) -> Result<Self, Reason> {
        // The document's default, when nothing is declared.
        let charset = match query.value("input_charset") {
            None | Some(b"") => Charset::Gbk,
            Some(name) => Charset::from_name(name).ok_or(field("input_charset", "must be UTF-8 or GBK"))?,
        };
        let query = QueryOrder { form: query, charset };
        query.expect("partner", me.partner().as_str(), "must be ours")?;
        if body.value("AppId").map(str::trim) != Some(me.appid().as_str()) {
            return Err(field("AppId", "must be ours"));
        }
        if let Some(sign_type) = query.optional("sign_type")
            && sign_type != "MD5"
        {
            return Err(field("sign_type", "must be MD5"));
        }
        query.expect("fee_type", "1", "must be 1, yuan")?;
        query.expect("trade_mode", "1", "must be 1, paid at once")?;
        let total_fee: Fen = query.parsed("total_fee", "must be whole fen")?;
        let discount = match query.optional("discount") {
            Some(discount) => discount.parse().map_err(|_| field("discount", "must be whole fen"))?,
            None => Fen::ZERO,
        };
        if total_fee.checked_add(discount).is_none() {
            return Err(field("discount", "must not exceed all money"));
        }
        let trade_state = query.told("trade_state")?;
        if !trade_state.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(field("trade_state", "must be digits"));
        }
        let time_end = time::parse_compact(query.told("time_end")?.as_bytes())
            .map_err(|_| field("time_end", "must be yyyyMMddHHmmss"))?;
        Ok(Self {
            key: query.told("sign")?.to_ascii_uppercase(),
            out_trade_no: query.id("out_trade_no")?,
            payment: Payment::new(query.id("transaction_id")?, total_fee, discount, time_end),
            paid: trade_state == "0",
            notify_id: query.id("notify_id")?,
            openid: element(body, "OpenId")?.parse().map_err(Reason::Field)?,
            is_subscribe: element(body, "IsSubscribe")? == "1",
            sent_at: element(body, "TimeStamp")?
                .parse()
                .map(UnixTime::from_secs)
                .map_err(|_| field("TimeStamp", "must be whole seconds"))?,
            bank_type: query.text("bank_type")?.ok_or(field("bank_type", "must be there"))?,
            bank_billno: query.text("bank_billno")?,
            attach: query.text("attach")?,
            pay_info: query.text("pay_info")?,
        })
    }

    /// The order it is about.
    #[must_use]
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// WeChat Pay's number of the payment.
    #[must_use]
    pub fn transaction_id(&self) -> &TransactionId {
        self.payment.transaction_id()
    }

    /// Whether it tells of success (`trade_state` 0). Otherwise it is to be answered `success` and to be credited
    /// to nobody.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        self.paid
    }

    /// What it proves: that the order was paid, if it was.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        self.paid.then(|| Evidence::new(self.out_trade_no.clone(), self.payment.clone()))
    }

    /// What the payer paid. Less than was ordered, if there is a discount.
    #[must_use]
    pub fn total_fee(&self) -> Fen {
        self.payment.total_fee()
    }

    /// What was taken off the price: `total_fee + discount` is what was ordered.
    #[must_use]
    pub fn discount(&self) -> Fen {
        self.payment.discount()
    }

    /// When it was paid.
    #[must_use]
    pub fn time_end(&self) -> UnixTime {
        self.payment.time_end()
    }

    /// The notice's number, the same in every repetition.
    #[must_use]
    pub fn notify_id(&self) -> &NotifyId {
        &self.notify_id
    }

    /// The payer, as the body tells; see the module on why that authorises nothing.
    #[must_use]
    pub fn openid(&self) -> &OpenId {
        &self.openid
    }

    /// Whether the payer follows the account; 0 is normal for an app.
    #[must_use]
    pub fn is_subscribe(&self) -> bool {
        self.is_subscribe
    }

    /// When this delivery of the notice was signed.
    #[must_use]
    pub fn sent_at(&self) -> UnixTime {
        self.sent_at
    }

    /// Where the money came from, such as `CMB_FP` or `2032`; not `WX` as in the order.
    #[must_use]
    pub fn bank_type(&self) -> &str {
        &self.bank_type
    }

    /// The bank's number of the payment; absent when it was paid from a balance.
    #[must_use]
    pub fn bank_billno(&self) -> Option<&str> {
        self.bank_billno.as_deref()
    }

    /// The text attached to the order.
    #[must_use]
    pub fn attach(&self) -> Option<&str> {
        self.attach.as_deref()
    }

    /// Why it was not paid.
    #[must_use]
    pub fn pay_info(&self) -> Option<&str> {
        self.pay_info.as_deref()
    }

    /// A digest of everything the query says, the same in every repetition: for [`Deduplicator`](crate::memory::Deduplicator).
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// MD5 over the bytes as they were before they were escaped, whatever their charset.
fn verify_query<'a>(me: &Merchant, query: Form<'a>) -> Result<Verified<Form<'a>>, Reason> {
    let claimed = query.value("sign").ok_or(field("sign", "must be there"))?;
    if signature::md5(query.iter(), me.partner_key()).is(claimed) {
        Ok(Verified(query))
    } else {
        Err(Reason::QuerySignature)
    }
}

/// SHA-1 over the elements, trimmed, their names in lower case.
fn verify_body<'a>(me: &Merchant, body: FlatXml<'a>) -> Result<Verified<FlatXml<'a>>, Reason> {
    let claimed = body.value("AppSignature").ok_or(field("AppSignature", "must be there"))?.trim();
    if !element(&body, "SignMethod")?.eq_ignore_ascii_case("sha1") {
        return Err(field("SignMethod", "must be sha1"));
    }
    if signature::sha1(signed_elements(&body).into_iter(), me.pay_sign_key()).is(claimed.as_bytes()) {
        Ok(Verified(body))
    } else {
        Err(Reason::BodySignature)
    }
}

fn signed_elements<'a>(body: &'a FlatXml<'_>) -> Vec<(&'a str, &'a str)> {
    let mut signed: Vec<_> = body.iter().map(|(name, value)| (name, value.trim())).collect();
    signed.retain(|(name, _)| !signature::is_left_out(name));
    signed.sort_by(|(one, _), (other, _)| signature::by_lower_case(one, other));
    signed
}

/// The strings under a notice's two signatures, for debugging. Nothing is verified.
///
/// # Errors
///
/// When the query or the body cannot be read.
pub fn strings_to_sign(
    me: &Merchant,
    raw: &RawNotification<'_>,
) -> Result<[StringToSign; 2], NotificationError> {
    let rejected = |reason| NotificationError(Box::new(reason));
    let query = Form::parse(raw.query).map_err(|fault| rejected(Reason::Query(fault)))?;
    let body = FlatXml::parse(raw.body).map_err(|fault| rejected(Reason::Body(fault)))?;
    let charset = query.value("input_charset").and_then(Charset::from_name).unwrap_or(Charset::Gbk);
    Ok([
        signature::md5_string(query.iter(), charset, me.partner_key()),
        signature::sha1_string(signed_elements(&body).into_iter(), me.pay_sign_key()),
    ])
}

fn element<'a>(body: &'a FlatXml<'_>, name: &'static str) -> Result<&'a str, Reason> {
    body.value(name).map(str::trim).ok_or_else(|| field(name, "must be there"))
}

/// A verified query, and the charset that its texts are in.
struct QueryOrder<'a> {
    form: &'a Form<'a>,
    charset: Charset,
}

impl QueryOrder<'_> {
    /// An ASCII value; `None` if it is absent or empty.
    fn optional(&self, name: &str) -> Option<&str> {
        self.form
            .value(name)
            .filter(|value| !value.is_empty())
            .map(|value| core::str::from_utf8(value).unwrap_or("\u{FFFD}"))
    }

    fn told(&self, name: &'static str) -> Result<&str, Reason> {
        self.optional(name).ok_or_else(|| field(name, "must be there"))
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, Reason> {
        match self.form.value(name) {
            None | Some(b"") => Ok(None),
            Some(value) => match self.charset.decode(value) {
                Ok(text) => Ok(Some(text.into_owned())),
                Err(_) => Err(field(name, "must be in the declared charset")),
            },
        }
    }

    fn expect(&self, name: &'static str, value: &str, rule: &'static str) -> Result<(), Reason> {
        if self.optional(name) == Some(value) { Ok(()) } else { Err(field(name, rule)) }
    }

    fn parsed<T: FromStr>(&self, name: &'static str, rule: &'static str) -> Result<T, Reason> {
        self.optional(name).and_then(|value| value.parse().ok()).ok_or_else(|| field(name, rule))
    }

    fn id<T: FromStr<Err = InvalidField>>(&self, name: &'static str) -> Result<T, Reason> {
        self.told(name)?.parse().map_err(Reason::Field)
    }
}

/// A notice that is not believed. Tells what is wrong with it, never what it says.
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
    /// The answer to give: not `success`.
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

const fn field(name: &'static str, rule: &'static str) -> Reason {
    Reason::Field(InvalidField::new(name, rule))
}

impl fmt::Display for NotificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Method => f.write_str("the method must be POST"),
            Reason::TooLong => f.write_str("the query or the body is too long"),
            Reason::Query(_) => f.write_str("the query cannot be read"),
            Reason::Body(_) => f.write_str("the body cannot be read"),
            Reason::QuerySignature => f.write_str("the query's signature does not verify"),
            Reason::BodySignature => f.write_str("the body's signature does not verify"),
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

    /// Hears a well-signed notice with these fields in place of, or beside, the usual ones.
    fn heard(changed: &[(&str, &str)]) -> Result<Notification, NotificationError> {
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
        let kept = usual.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let fields: Vec<_> = kept.chain(changed).copied().collect();
        let query = super::super::Package::of_fields(&fields, Charset::Gbk, &partner_key).unwrap();
        let payer =
            [("appid", "wxd930ea5d5a258f4f"), ("issubscribe", "0"), ("openid", "o1"), ("timestamp", "1")];
        let (sign, _) = signature::sha1_of(&payer, &pay_sign_key);
        let body = format!(
            "<xml><AppId>wxd930ea5d5a258f4f</AppId><IsSubscribe>0</IsSubscribe><OpenId>o1</OpenId>\
             <TimeStamp>1</TimeStamp><AppSignature>{sign}</AppSignature><SignMethod>sha1</SignMethod></xml>"
        );
        let app_secret = AppSecret::new("0123456789abcdef".repeat(2)).unwrap();
        let [appid, partner] = ["wxd930ea5d5a258f4f", "1900000109"];
        let me = Merchant::builder(
            appid.parse().unwrap(),
            app_secret,
            pay_sign_key,
            partner.parse().unwrap(),
            partner_key,
        );
        me.build().verify_notification(&RawNotification::new(
            "POST",
            query.as_str().as_bytes(),
            body.as_bytes(),
        ))
    }

    #[test]
    fn a_state_that_is_no_number_is_refused_and_not_taken_for_unpaid() {
        assert!(heard(&[]).unwrap().is_paid());
        assert!(!heard(&[("trade_state", "1")]).unwrap().is_paid());
        for state in ["0 ", "+0", "零", "paid"] {
            let error = heard(&[("trade_state", state)]).unwrap_err();
            assert_eq!(error.to_string(), "trade_state must be digits", "{state}");
        }
    }
}
