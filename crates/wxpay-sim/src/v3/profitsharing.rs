//! Profit sharing: amounts of a payment for receivers that were added before.
//!
//! A payment can be shared if its order requested it (`settle_info.profit_sharing`). Sharing is possible from one
//! minute to 30 days after the payment, 50 times, each time among at most 50 receivers. All receivers together get at
//! most 30 % of the payment.
//!
//! ```text
//!  receiver.rs                adding and deleting receivers
//!  create.rs  ─▶ outcome.rs   creating a sharing, and its outcome
//!  query.rs                   querying a sharing and the unsplit amount
//!  returns.rs ─▶ outcome.rs   returning a shared amount
//! ```

pub(super) mod create;
mod outcome;
pub(super) mod query;
pub(super) mod receiver;
pub(super) mod returns;

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, bytes, characters, required, text},
    operation::Operation,
};
use crate::{
    gateway::Gateway,
    ledger::{Order, Sharing},
    rng::DIGITS,
    time,
};
use serde_json::Value;
use std::time::Duration;
use wxpay_proto::UnixTime;

/// The maximum amount of a receiver or a return, in fen.
const MAX_AMOUNT_FEN: u64 = 10_000_000_000;
const TRANSACTION_ID: Field = required("transaction_id", "微信订单号", text(32));
const NUMBER: Kind = Kind::Text(bytes(1, 64), Alphabet::RefundNumber);
const OUT_ORDER_NO: Field = required("out_order_no", "商户分账单号", NUMBER);
const TYPE: Field =
    required("type", "分账接收方类型", Kind::OneOf(&[MERCHANT_ID, "PERSONAL_OPENID", SUB_OPENID]));
const ACCOUNT: Field = required("account", "分账接收方帐号", Kind::Text(characters(1, 64), Alphabet::Any));
const MERCHANT_ID: &str = "MERCHANT_ID";
const SUB_OPENID: &str = "PERSONAL_SUB_OPENID";

/// The maximum part of a payment that can be shared, in ten-thousandths.
const MAX_RATIO: u64 = 3000;
/// The maximum number of sharings of one order.
const MAX_SHARINGS: usize = 50;
/// The minimum age of a payment that can be shared.
const MIN_PAYMENT_AGE: Duration = Duration::from_secs(60);
/// The maximum age of a payment that can be shared.
const MAX_PAYMENT_AGE: Duration = Duration::from_secs(30 * 86_400);

fn paid_order<'a>(gateway: &'a Gateway, call: &Call, id: &str) -> Result<&'a Order, Refusal> {
    let order = gateway.ledger.order_by_transaction(&call.mchid, id);
    order.ok_or_else(|| errors::RESOURCE_NOT_EXISTS.with_message("订单不存在"))
}

fn order_of<'a>(gateway: &'a Gateway, sharing: &Sharing) -> Result<&'a Order, Refusal> {
    let order = gateway.ledger.order(&sharing.order);
    order.ok_or_else(|| errors::SYSTEM_ERROR.with_reason("the order is missing from the ledger"))
}

fn is_profit_sharing(order: &Order) -> bool {
    order.terms().is_profit_sharing
}

fn since_paid(order: &Order, now: UnixTime) -> Duration {
    order.payment().map_or(Duration::ZERO, |payment| now.since(UnixTime::from_secs(payment.success_at)))
}

/// Returns the frozen amount in fen: the part of a payment that is not refunded, shared or unfrozen. A refund takes the
/// frozen amount first.
fn unsplit_fen(gateway: &Gateway, order: &Order, now: UnixTime) -> u64 {
    let (sharings, key) = (&gateway.ledger.sharings, order.key());
    if !is_profit_sharing(order) || sharings.is_unfrozen(&key) || since_paid(order, now) > MAX_PAYMENT_AGE {
        return 0;
    }
    let (refunded, _) = order.refund_totals();
    order.total().get().saturating_sub(refunded).saturating_sub(sharings.taken_total(&key))
}

/// Generates a new number of WeChat Pay: the prefix, a random part, the day and a serial number, 28 digits in total.
fn new_id(gateway: &mut Gateway, prefix: &str, now: UnixTime) -> String {
    let serial = gateway.next_serial();
    format!("{prefix}{}{}{serial:010}", gateway.rng.text(DIGITS, 8), time::yyyymmdd(now))
}

fn add_finish_time(value: &mut Value, at: Option<u64>) {
    if let (Some(at), Some(members)) = (at, value.as_object_mut()) {
        members.insert("finish_time".into(), time::rfc3339(UnixTime::from_secs(at)).into());
    }
}

/// Adds the reason of a failure, if there is one.
fn add_fail_reason(value: &mut Value, reason: Option<&str>) {
    if let (Some(reason), Some(members)) = (reason, value.as_object_mut()) {
        members.insert("fail_reason".into(), reason.into());
    }
}
