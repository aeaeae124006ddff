//! Profit sharing: amounts of a payment for receivers that were added before.
//!
//! The rules are those of the ledger. A payment can be shared if its order requested it
//! (`settle_info.profit_sharing`), each time among at most 50 receivers.
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
    ledger::{MERCHANT_ID, Order, Sharing},
    time,
};
use serde_json::Value;
use wxpay_proto::UnixTime;

/// The maximum amount of a receiver or a return, in fen.
const MAX_AMOUNT_FEN: u64 = 10_000_000_000;
const TRANSACTION_ID: Field = required("transaction_id", "微信订单号", text(32));
const NUMBER: Kind = Kind::Text(bytes(1, 64), Alphabet::RefundNumber);
const OUT_ORDER_NO: Field = required("out_order_no", "商户分账单号", NUMBER);
const TYPE: Field =
    required("type", "分账接收方类型", Kind::OneOf(&[MERCHANT_ID, "PERSONAL_OPENID", SUB_OPENID]));
const ACCOUNT: Field = required("account", "分账接收方帐号", Kind::Text(characters(1, 64), Alphabet::Any));
const SUB_OPENID: &str = "PERSONAL_SUB_OPENID";

fn paid_order<'a>(gateway: &'a Gateway, call: &Call, id: &str) -> Result<&'a Order, Refusal> {
    let order = gateway.ledger.order_by_transaction(&call.mchid, id);
    order.ok_or_else(|| errors::RESOURCE_NOT_EXISTS.with_message("订单不存在"))
}

fn order_of<'a>(gateway: &'a Gateway, sharing: &Sharing) -> Result<&'a Order, Refusal> {
    let order = gateway.ledger.order(&sharing.order);
    order.ok_or_else(|| errors::SYSTEM_ERROR.with_reason("the order is missing from the ledger"))
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
