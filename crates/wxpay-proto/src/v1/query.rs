//! Querying an order: `orderquery`.
//!
//! Notifications are not guaranteed, so query an open order until its outcome is known. Source:
//! [the rules of APIv1](crate::manual::protocol#apiv1).

use super::{
    api_reply::{ApiReply, malformed},
    call::{Call, Endpoint},
    merchant::Merchant,
    package::Package,
    signature::{self, Sha1Sign, StringToSign},
};
use crate::{
    clock::UnixTime,
    error::Error,
    exchange::sealed::Sealed,
    id::{OutTradeNo, TransactionId},
    money::Fen,
    payment::{Evidence, Payment},
    pending::PendingOperation,
    prelude::*,
    refusal::{Code, Refusal},
    wire::{
        json::{self, LenientString},
        time,
    },
    world::World,
};

/// The operation `orderquery`, which changes nothing.
#[derive(Clone, Debug)]
pub struct QueryOrder(OutTradeNo);

/// The result of querying an order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryOutcome {
    /// The order was paid. [`PaymentState`](crate::payment::PaymentState) checks the amount.
    Paid(OrderInfo),
    /// The order exists, and is not paid yet.
    Unpaid,
    /// WeChat Pay has no such order. A request that creates it may still be in flight: see
    /// [`resolve`](Merchant::resolve).
    NotFound,
}

/// The label of the key of an order.
pub(super) const ORDER_LABEL: &str = "v1.order";

/// Returns the key of an order.
pub(super) fn pending_order(number: &OutTradeNo) -> PendingOperation {
    PendingOperation::new(ORDER_LABEL).with("out_trade_no", number)
}

impl Merchant {
    /// Queries an order.
    pub fn query(&self, number: OutTradeNo) -> Call<QueryOrder> {
        Call::new(self.clone(), QueryOrder(number))
    }
}

impl QueryOrder {
    pub(super) fn number(&self) -> &OutTradeNo {
        &self.0
    }
}

impl QueryOutcome {
    /// Returns the evidence of payment, if the order was paid.
    pub fn evidence(&self) -> Option<Evidence> {
        match self {
            Self::Paid(info) => Some(Evidence::new(info.out_trade_no.clone(), info.payment.clone())),
            Self::Unpaid | Self::NotFound => None,
        }
    }
}

/// A paid order, as described by `order_info`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderInfo {
    /// The merchant's number.
    pub out_trade_no: OutTradeNo,
    /// The payment.
    pub payment: Payment,
    /// The bank that paid; not `WX` as in the order.
    pub bank_type: String,
    /// The bank's number of the payment; empty when the order was paid from a balance.
    pub bank_billno: String,
    /// The text attached to the order.
    pub attach: String,
    /// Set when a part of the payment, or all of it, was refunded.
    pub is_refund: bool,
    /// Set when the payment was split among several receivers.
    pub is_split: bool,
}

/// A signed query as sent, for debugging.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SignedQuery {
    appid: String,
    package: String,
    /// The time of signing, in seconds since 1970; a string here, as in the document's sample.
    timestamp: String,
    app_signature: Sha1Sign,
    sign_method: &'static str,
}

impl SignedQuery {
    /// Signs a query twice: first its package with MD5, then the whole request with SHA-1.
    pub fn sign(merchant: &Merchant, out_trade_no: &OutTradeNo, now: UnixTime) -> Self {
        let package = Package::for_query(out_trade_no.as_str(), merchant).into_text();
        let timestamp = now.as_secs().to_string();
        let app_signature =
            signature::sha1(fields(merchant.appid().as_str(), &package, &timestamp), merchant.pay_sign_key());
        Self { appid: merchant.appid().to_string(), package, timestamp, app_signature, sign_method: "sha1" }
    }

    /// Returns the package, which ends with its MD5 signature.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Returns the string that the MD5 of an order query signs.
    pub fn package_string_to_sign(merchant: &Merchant, out_trade_no: &OutTradeNo) -> StringToSign {
        Package::query_string_to_sign(out_trade_no.as_str(), merchant)
    }

    /// Returns the SHA-1 signature over the request.
    pub fn app_signature(&self) -> Sha1Sign {
        self.app_signature
    }

    /// Returns the string that [`app_signature`](Self::app_signature) signs.
    pub fn string_to_sign(&self, merchant: &Merchant) -> StringToSign {
        signature::sha1_string(fields(&self.appid, &self.package, &self.timestamp), merchant.pay_sign_key())
    }

    /// Returns the request's body.
    pub fn body(&self) -> Vec<u8> {
        json::write(self)
    }
}

fn fields<'a>(
    appid: &'a str,
    package: &'a str,
    timestamp: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    [("appid", appid), ("package", package), ("timestamp", timestamp)].into_iter()
}

#[derive(serde::Deserialize)]
struct Reply {
    order_info: Option<Info>,
}

/// The object `order_info`. On the wire every member but `ret_code` is a string; strings and numbers are accepted for
/// all.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Info {
    ret_code: LenientString,
    ret_msg: LenientString,
    trade_state: LenientString,
    trade_mode: LenientString,
    partner: LenientString,
    bank_type: LenientString,
    bank_billno: LenientString,
    total_fee: LenientString,
    fee_type: LenientString,
    transaction_id: LenientString,
    out_trade_no: LenientString,
    is_split: LenientString,
    is_refund: LenientString,
    attach: LenientString,
    time_end: LenientString,
    discount: LenientString,
}

/// Tenpay's code for an unknown order.
const NO_SUCH_ORDER: &str = "88221009";
/// Tenpay's code for an internal error.
const SYSTEM_ERROR: &str = "88219998";

impl Info {
    fn into_outcome(self, merchant: &Merchant, number: &OutTradeNo) -> Result<QueryOutcome, Error> {
        match self.ret_code.0.as_str() {
            "0" => {}
            NO_SUCH_ORDER => return Ok(QueryOutcome::NotFound),
            // Reported as a busy gateway, so that the call retries: Tenpay's own codes are not retried.
            SYSTEM_ERROR => {
                return Err(Error::refused(Refusal::new(200, Code::BUSY, &self.ret_msg.0), None));
            }
            code => {
                return Err(Error::refused(
                    Refusal::new(200, Code::from(code.to_string()), &self.ret_msg.0),
                    None,
                ));
            }
        }
        if self.trade_state.0 != "0" {
            return Ok(QueryOutcome::Unpaid);
        }
        self.paid(merchant, number).map(QueryOutcome::Paid).ok_or_else(malformed)
    }

    /// Reads a paid order. Returns `None` unless it is the queried order of this merchant, in CNY, paid immediately
    /// (`trade_mode` 1).
    fn paid(self, merchant: &Merchant, number: &OutTradeNo) -> Option<OrderInfo> {
        let matches = self.partner.0 == merchant.partner().as_str() && self.out_trade_no.0 == number.as_str();
        if !matches || self.fee_type.0 != "1" || self.trade_mode.0 != "1" {
            return None;
        }
        let transaction_id: TransactionId = self.transaction_id.0.parse().ok()?;
        let discount = if self.discount.0.is_empty() { Fen::ZERO } else { self.discount.0.parse().ok()? };
        let time_end = time::parse_compact(self.time_end.0.as_bytes()).ok()?;
        Some(OrderInfo {
            out_trade_no: number.clone(),
            payment: Payment::new(transaction_id, self.total_fee.0.parse().ok()?, discount, time_end),
            bank_type: self.bank_type.0,
            bank_billno: self.bank_billno.0,
            attach: self.attach.0,
            is_refund: self.is_refund.0 == "true",
            is_split: self.is_split.0 == "true",
        })
    }
}

impl Sealed for QueryOrder {}

impl Endpoint for QueryOrder {
    type Output = QueryOutcome;

    const LABEL: &'static str = "v1.orderquery";
    const IS_READ: bool = true;
    const PATH: &'static str = "/pay/orderquery";

    fn body(&self, merchant: &Merchant, world: &mut World<'_>) -> Vec<u8> {
        SignedQuery::sign(merchant, &self.0, world.now).body()
    }

    fn read(
        &self,
        merchant: &Merchant,
        reply: ApiReply<'_>,
        _: &mut World<'_>,
    ) -> Result<QueryOutcome, Error> {
        let Reply { order_info } = reply.parse()?;
        order_info.ok_or_else(malformed)?.into_outcome(merchant, &self.0)
    }
}
