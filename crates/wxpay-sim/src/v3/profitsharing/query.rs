//! Queries: a sharing, the unsplit amount and the maximum ratio.

use super::{
    super::{
        call::Call,
        errors::{self, Refusal},
        party::{self, SUB_MCHID},
        reply::Reply,
    },
    Operation, TRANSACTION_ID, add_fail_reason, add_finish_time, order_of, paid_order,
};
use crate::{
    gateway::Gateway,
    ledger::{
        MAX_SHARED_RATIO, ReceiverRecord, Return, Sharing, SharingDetail, SharingDetailFailure, SharingRecord,
    },
    time,
};
use serde_json::{Value, json};
use wxpay_proto::{UnixTime, id::MchId};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::get("v3.profitsharing.query", "/v3/profitsharing/orders/{out_order_no}", query)
        .with_query(&[SUB_MCHID, TRANSACTION_ID])
        .calls_per_second(500),
    Operation::get(
        "v3.profitsharing.unsplit_amount",
        "/v3/profitsharing/transactions/{transaction_id}/amounts",
        unsplit_amount,
    ),
    Operation::get("v3.profitsharing.max_ratio", "/v3/profitsharing/merchant-configs/{sub_mchid}", max_ratio),
];

fn query(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let not_found = || errors::RESOURCE_NOT_EXISTS.with_message("分账单不存在");
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let sharing = gateway.ledger.sharings.get(&call.mchid, call.path("out_order_no"));
    let sharing = sharing.ok_or_else(not_found)?;
    let order = paid_order(gateway, call, call.query("transaction_id").unwrap_or_default())?;
    if call.query("transaction_id") != Some(sharing.transaction_id.as_str()) {
        return Err(not_found());
    }
    party::check_order_owner(order, sub_mchid.as_ref())?;
    sharing_reply(gateway, sharing)
}

/// Returns a sharing as a reply.
pub(super) fn sharing_reply(gateway: &Gateway, sharing: &Sharing) -> Result<Reply, Refusal> {
    let order = order_of(gateway, sharing)?;
    let receivers: Vec<Value> = sharing.details.iter().map(|detail| detail_value(detail, sharing)).collect();
    let mut value = json!({
        "transaction_id": sharing.transaction_id,
        "out_order_no": sharing.out_order_no,
        "order_id": sharing.order_id,
        "state": sharing.state(),
        "receivers": receivers,
    });
    if let (Some(sub_mchid), Some(members)) = (order.sub_mchid(), value.as_object_mut()) {
        members.insert("sub_mchid".into(), sub_mchid.as_str().into());
    }
    Ok(Reply::json(&value))
}

fn detail_value(detail: &SharingDetail, sharing: &Sharing) -> Value {
    let detail = &detail.record;
    let mut value = json!({
        "type": detail.kind,
        "account": detail.account,
        "amount": detail.amount,
        "description": detail.description,
        "result": detail.result.as_str(),
        "detail_id": detail.detail_id,
        "create_time": time::rfc3339(sharing.created_at),
    });
    add_fail_reason(&mut value, detail.fail_reason.map(SharingDetailFailure::as_str));
    add_finish_time(&mut value, detail.finished_at);
    value
}

fn unsplit_amount(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let id = call.path("transaction_id");
    let unsplit = gateway.ledger.unsplit(paid_order(gateway, call, id)?, call.now);
    Ok(Reply::json(&json!({ "transaction_id": id, "unsplit_amount": unsplit })))
}

fn max_ratio(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub = party::served_sub_merchant(gateway, &call.mchid, Some(call.path("sub_mchid")), None)?;
    Ok(Reply::json(&json!({ "sub_mchid": sub.mchid, "max_ratio": MAX_SHARED_RATIO })))
}

/// The gateway's own records of profit sharing.
impl Gateway {
    /// Returns all sharings and unfreezes as of `now`, with their returns.
    pub fn sharings(&mut self, now: UnixTime) -> Vec<SharingRecord> {
        self.run_due_tasks(now);
        self.ledger.sharings.iter().map(|sharing| self.sharing_record(sharing)).collect()
    }

    /// Returns the records of the sharings after a merchant's number, each with its cursor.
    pub(crate) fn sharings_after(
        &self,
        after: Option<(&str, &str)>,
    ) -> impl Iterator<Item = (String, SharingRecord)> {
        self.ledger.sharings.after(after).map(|sharing| {
            let record = self.sharing_record(sharing);
            (format!("{}/{}", record.mchid, record.out_order_no), record)
        })
    }

    /// Returns one sharing, by its `out_order_no`.
    pub fn sharing(&mut self, mchid: &MchId, out_order_no: &str, now: UnixTime) -> Option<SharingRecord> {
        self.run_due_tasks(now);
        self.recorded_sharing(mchid, out_order_no)
    }

    /// Returns the record of a sharing as of the last due task.
    pub(crate) fn recorded_sharing(&self, mchid: &MchId, out_order_no: &str) -> Option<SharingRecord> {
        let sharing = self.ledger.sharings.get(mchid, out_order_no)?;
        Some(self.sharing_record(sharing))
    }

    /// Returns all receivers that were added.
    pub fn receivers(&self) -> impl Iterator<Item = &ReceiverRecord> {
        self.ledger.sharings.receivers.after(None)
    }

    /// Returns the receivers after the one with this cursor, each with its cursor.
    pub(crate) fn receivers_after(
        &self,
        after: Option<&str>,
    ) -> impl Iterator<Item = (String, &ReceiverRecord)> {
        let after = after.and_then(ReceiverRecord::from_cursor);
        self.ledger.sharings.receivers.after(after).map(|receiver| (receiver.cursor(), receiver))
    }

    fn sharing_record(&self, sharing: &Sharing) -> SharingRecord {
        let order = self.ledger.order(&sharing.order);
        let returns = self.ledger.sharings.returns_of(sharing);
        SharingRecord {
            out_order_no: sharing.out_order_no.clone(),
            order_id: sharing.order_id.clone(),
            mchid: sharing.order.0.clone(),
            sub_mchid: order.and_then(|order| order.sub_mchid()).cloned(),
            out_trade_no: sharing.order.1.clone(),
            transaction_id: sharing.transaction_id.clone(),
            state: sharing.state(),
            is_last: sharing.unfreezes_rest,
            receivers: sharing.details.iter().map(|detail| detail.record.clone()).collect(),
            returns: returns.map(|sharing_return: &Return| sharing_return.record.clone()).collect(),
            created_at: sharing.created_at.as_secs(),
        }
    }
}
