//! Profit sharing: parts of a payment for those who were added before.
//!
//! A payment can be shared if its order said so (`settle_info.profit_sharing`), from one minute after it was paid and
//! for 30 days, at most 50 times among 50 receivers, three tenths of it in all.
//!
//! ```text
//!  receiver.rs                who may get a part
//!  share.rs  ─▶ moved.rs      the parts, and what becomes of them
//!  query.rs                   where a sharing stands, and what is left
//!  give_back.rs ─▶ moved.rs   what a merchant gives back of its part
//! ```

pub(super) mod give_back;
mod moved;
pub(super) mod query;
pub(super) mod receiver;
pub(super) mod share;

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, must, text},
    operation::Operation,
};
use crate::{
    chance::DIGITS,
    gateway::Gateway,
    ledger::v3::{Order, Sharing},
    time,
};
use serde_json::Value;
use std::time::Duration;
use wxpay_proto::UnixTime;

/// What a part or a return may be at most.
const MOST: u64 = 10_000_000_000;
const TRANSACTION_ID: Field = must("transaction_id", text(32));
const NUMBER: Kind = Kind::Text(1, 64, Alphabet::RefundNumber);
const OUT_ORDER_NO: Field = must("out_order_no", NUMBER);
const TYPE: Field = must("type", Kind::OneOf(&[MERCHANT_ID, "PERSONAL_OPENID", SUB_OPENID]));
const ACCOUNT: Field = must("account", text(64));
const MERCHANT_ID: &str = "MERCHANT_ID";
const SUB_OPENID: &str = "PERSONAL_SUB_OPENID";

/// What may be shared of a payment, in ten-thousandths.
const MAX_RATIO: u64 = 3000;
/// Sharings that one order may have.
const MOST_SHARINGS: usize = 50;
/// How long after the payment it can be shared, and until when.
const SINCE: Duration = Duration::from_secs(60);
const UNTIL: Duration = Duration::from_secs(30 * 86_400);

fn paid<'a>(gateway: &'a Gateway, call: &Call, id: &str) -> Result<&'a Order, Refusal> {
    let order = gateway.v3.ledger.by_transaction(&call.mchid, id);
    order.ok_or_else(|| errors::RESOURCE_NOT_EXISTS.saying("订单不存在"))
}

fn order_of<'a>(gateway: &'a Gateway, sharing: &Sharing) -> Result<&'a Order, Refusal> {
    let order = gateway.v3.ledger.order(&sharing.order);
    order.ok_or_else(|| errors::SYSTEM_ERROR.because("the order is gone"))
}

fn is_marked(order: &Order) -> bool {
    order.placed.pointer("/settle_info/profit_sharing").and_then(Value::as_bool) == Some(true)
}

fn since_paid(order: &Order, now: UnixTime) -> Duration {
    order.payment().map_or(Duration::ZERO, |payment| now.since(UnixTime::from_secs(payment.success_at)))
}

/// What is frozen still: nothing was refunded, shared or unfrozen of it. A refund takes from it first.
fn left(gateway: &Gateway, order: &Order, now: UnixTime) -> u64 {
    let (sharings, key) = (&gateway.v3.ledger.sharings, order.key());
    if !is_marked(order) || sharings.is_ended(&key) || since_paid(order, now) > UNTIL {
        return 0;
    }
    let (given_back, _) = order.given_back();
    order.total.get().saturating_sub(given_back).saturating_sub(sharings.taken(&key))
}

/// A new number of the gateway's: 28 digits.
fn new_id(gateway: &mut Gateway, prefix: &str, now: UnixTime) -> String {
    let serial = gateway.v3.next_serial();
    format!("{prefix}{}{}{serial:010}", gateway.v3.chance.text(DIGITS, 8), time::day(now))
}

fn finished(shown: &mut Value, at: Option<u64>) {
    if let (Some(at), Some(members)) = (at, shown.as_object_mut()) {
        members.insert("finish_time".into(), time::rfc3339(UnixTime::from_secs(at)).into());
    }
}

/// Why something did not happen, if it did not.
fn failed(shown: &mut Value, reason: Option<&str>) {
    if let (Some(reason), Some(members)) = (reason, shown.as_object_mut()) {
        members.insert("fail_reason".into(), reason.into());
    }
}
