//! WeChat Pay's notification that an order was paid, with two signatures.
//!
//! A notification is a POST. Its query describes the order and is signed by MD5 with the `PartnerKey`. Its XML body
//! describes the payer and is signed by SHA-1 with the `PaySignKey`. **Query and body are not bound to each
//! other**: a replayed body and the query of another payment have valid signatures together. Therefore only the query
//! proves a payment, and the payer's `openid` authorizes nothing.
//!
//! **A signed string has [one reading](signature#one-signed-string-one-reading)**: only the documented parameters and
//! elements are accepted, and no value with a `&`. A payer who could choose the `attach` of an order could otherwise move
//! the boundaries of the genuine notification, and turn it into the payment of another order. If an order was placed by
//! other software with a `&` in its `attach`, its notification is rejected: [query](Merchant::query) the order.
//!
//! WeChat Pay sends a notification up to ten times within half an hour, until the response is `success`. It may arrive
//! before the reply to the order, or never. APIv1 has no time window, so an eavesdropper can replay a notification. A
//! replay is harmless to a [`PaymentState`](crate::payment::PaymentState): it repeats known evidence.
//!
//! Source: [the rules of APIv1](crate::manual::protocol#apiv1).

mod body;
mod error;
mod query;

pub use error::NotificationError;

use super::{
    merchant::Merchant,
    signature::{self, StringToSign},
};
use crate::{
    clock::UnixTime,
    http::Response,
    id::{NotifyId, OpenId, OutTradeNo, TransactionId},
    money::Fen,
    payment::{Evidence, Payment},
    prelude::*,
    wire::{charset::Charset, form::Form, time, xml::FlatXml},
};
use body::SignedBody;
use core::fmt;
use error::{Reason, invalid};
use query::{Content, SignedQuery};

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
    content: Content,
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
    pub fn response(self) -> Response {
        let (status, body) = match self {
            Self::Success => (200, "success"),
            Self::Fail => (500, "fail"),
            Self::Reject(status) => (status, "fail"),
        };
        Response::new(status, body.into()).with_header("content-type", b"text/plain")
    }
}

impl Merchant {
    /// Verifies both signatures of a notification, then reads it.
    ///
    /// # Errors
    ///
    /// When the form, a signature or a field is invalid. [`NotificationError::ack`] is the response to send then.
    pub fn verify_notification(&self, raw: &RawNotification<'_>) -> Result<Notification, NotificationError> {
        Notification::verify(self, raw).map_err(NotificationError::new)
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
        let query = Form::parse(raw.query).map_err(Reason::Query)?;
        let query = SignedQuery::verify(merchant, &query)?;
        let body = FlatXml::parse(raw.body).map_err(Reason::Body)?;
        let body = SignedBody::verify(merchant, &body)?;
        Self::read(merchant, query, &body)
    }

    fn read(merchant: &Merchant, query: SignedQuery<'_>, body: &SignedBody<'_>) -> Result<Self, Reason> {
        let SignedQuery { parameters, charset, .. } = &query;
        parameters.partner.require(merchant.partner().as_str(), "must be the merchant's own number")?;
        body.require_app(merchant.appid())?;
        parameters.sign_type.require_if_given("MD5", "must be MD5")?;
        parameters.fee_type.require("1", "must be 1 (CNY)")?;
        parameters.trade_mode.require("1", "must be 1 (paid immediately)")?;
        let total_fee: Fen = parameters.total_fee.parsed("must be whole fen")?;
        let discount = match parameters.discount.optional() {
            Some(_) => parameters.discount.parsed("must be whole fen")?,
            None => Fen::ZERO,
        };
        if total_fee.checked_add(discount).is_none() {
            return Err(invalid("discount", "must not overflow when added to total_fee"));
        }
        let trade_state = parameters.trade_state.required()?;
        if !trade_state.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(invalid("trade_state", "must be digits"));
        }
        let time_end = time::parse_compact(parameters.time_end.required()?.as_bytes())
            .map_err(|_| invalid("time_end", "must be yyyyMMddHHmmss"))?;
        let transaction_id = parameters.transaction_id.id()?;
        Ok(Self {
            out_trade_no: parameters.out_trade_no.id()?,
            payment: Payment::new(transaction_id, total_fee, discount, time_end),
            paid: trade_state == "0",
            notify_id: parameters.notify_id.id()?,
            openid: body.openid.parse().map_err(Reason::Field)?,
            is_subscribe: body.is_subscribe == "1",
            sent_at: body
                .timestamp
                .parse()
                .map(UnixTime::from_secs)
                .map_err(|_| invalid("TimeStamp", "must be whole seconds"))?,
            bank_type: parameters.bank_type.text(*charset)?.ok_or(invalid("bank_type", "is required"))?,
            bank_billno: parameters.bank_billno.text(*charset)?,
            attach: parameters.attach.text(*charset)?,
            pay_info: parameters.pay_info.text(*charset)?,
            content: query.into_content(body),
        })
    }

    /// Returns the merchant's order number.
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// WeChat Pay's number of the payment.
    pub fn transaction_id(&self) -> &TransactionId {
        self.payment.transaction_id()
    }

    /// Returns whether the order was paid (`trade_state` 0). If not, respond `success` and deliver nothing.
    pub fn is_paid(&self) -> bool {
        self.paid
    }

    /// Returns the evidence of payment, if the order was paid.
    pub fn evidence(&self) -> Option<Evidence> {
        self.paid.then(|| Evidence::new(self.out_trade_no.clone(), self.payment.clone()))
    }

    /// Returns the amount that the payer paid, in fen: the price less the discount.
    pub fn total_fee(&self) -> Fen {
        self.payment.total_fee()
    }

    /// Returns the discount, in fen: `total_fee + discount` is the price that was ordered.
    pub fn discount(&self) -> Fen {
        self.payment.discount()
    }

    /// Returns the time of payment.
    pub fn time_end(&self) -> UnixTime {
        self.payment.time_end()
    }

    /// Returns the notification's id, the same in every delivery.
    pub fn notify_id(&self) -> &NotifyId {
        &self.notify_id
    }

    /// Returns the payer, from the body. It authorizes nothing: see the [module](self).
    pub fn openid(&self) -> &OpenId {
        &self.openid
    }

    /// Returns whether the payer follows the account; `false` is normal for an app.
    pub fn is_subscribe(&self) -> bool {
        self.is_subscribe
    }

    /// Returns the time at which this delivery of the notification was signed.
    pub fn sent_at(&self) -> UnixTime {
        self.sent_at
    }

    /// Returns the bank that paid, such as `CMB_FP` or `2032`; not `WX` as in the order.
    pub fn bank_type(&self) -> &str {
        &self.bank_type
    }

    /// Returns the bank's number of the payment; absent when the order was paid from a balance.
    pub fn bank_billno(&self) -> Option<&str> {
        self.bank_billno.as_deref()
    }

    /// Returns the text attached to the order.
    pub fn attach(&self) -> Option<&str> {
        self.attach.as_deref()
    }

    /// Returns the reason why the order was not paid.
    pub fn pay_info(&self) -> Option<&str> {
        self.pay_info.as_deref()
    }

    /// Returns the key for [`Deduplicator`](crate::memory::Deduplicator): a digest of all that was verified, except what
    /// is new in every delivery, namely the time and the random string of the body. Two notifications of one key have
    /// the same content.
    pub fn dedup_key(&self) -> String {
        self.content.digest()
    }
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
    let rejected = |reason| NotificationError::new(reason);
    let query = Form::parse(raw.query).map_err(|fault| rejected(Reason::Query(fault)))?;
    let body = FlatXml::parse(raw.body).map_err(|fault| rejected(Reason::Body(fault)))?;
    let charset = query.value("input_charset").and_then(Charset::from_name).unwrap_or(Charset::Gbk);
    let mut elements: Vec<_> = body.iter().map(|(name, value)| (name, value.trim())).collect();
    elements.retain(|(name, _)| !signature::is_unsigned(name));
    elements.sort_by(|(left, _), (right, _)| signature::cmp_lower_case(left, right));
    Ok([
        signature::md5_string_of(&query, charset, merchant.partner_key()),
        signature::sha1_string(elements.into_iter(), merchant.pay_sign_key()),
    ])
}

#[cfg(test)]
mod tests;
