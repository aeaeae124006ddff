//! The outcome of sharings and returns when they are due, and the notifications.

use super::super::{form::Form, notification::Event, party::PartyMembers, reply::to_json};
use crate::{
    gateway::Gateway,
    ledger::{
        MERCHANT_ID, ReturnFailure, ReturnRecord, Sharing, SharingDetailFailure, SharingDetailRecord,
        SharingDetailResult, SharingRecord,
    },
    time,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use wxpay_proto::{
    UnixTime,
    id::{MchId, TransactionId},
};

/// Finishes a sharing: each receiver gets its amount, or the payment to it is closed.
pub(super) fn finish_sharing(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let Some(sharing) = gateway.ledger.finish_sharing(mchid, number, now).cloned() else { return };
    let numbers = (sharing.order_id.as_str(), number);
    for detail in sharing.paid_details() {
        notify(gateway, &sharing, numbers, &detail.record, ("PROFITSHARING.SUCCESS", "分账"), now);
    }
}

/// Finishes a return: the money is returned, or the return fails and the receiver keeps it.
pub(super) fn finish_return(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let Some((sharing, returned)) = gateway.ledger.finish_return(mchid, number, now) else { return };
    let (sharing, returned) = (sharing.clone(), returned.clone());
    let detail = SharingDetailRecord {
        kind: String::from(MERCHANT_ID),
        account: returned.return_mchid,
        amount: returned.amount,
        description: returned.description,
        detail_id: String::new(),
        result: SharingDetailResult::Success,
        fail_reason: None,
        finished_at: returned.finished_at,
    };
    let numbers = (returned.return_id.as_str(), number);
    notify(gateway, &sharing, numbers, &detail, ("PROFITSHARING.RETURN", "分账回退"), now);
}

/// Sends the notifications of a transferred amount: to the payment's merchant at the order's `notify_url`, and to the
/// receiver if it has set a notify URL for profit sharing.
fn notify(
    gateway: &mut Gateway,
    sharing: &Sharing,
    (order_id, number): (&str, &str),
    detail: &SharingDetailRecord,
    (event_type, summary): (&'static str, &'static str),
    now: UnixTime,
) {
    let Some(order) = gateway.ledger.order(&sharing.order) else { return };
    let plaintext = to_json(&SharingNotification {
        merchants: PartyMembers::merchants_of(order),
        order_id,
        out_order_no: number,
        receiver: json!({
            "type": detail.kind,
            "account": detail.account,
            "amount": detail.amount,
            "description": detail.description,
        }),
        success_time: time::rfc3339(now),
        transaction_id: &sharing.transaction_id,
    });
    let notify_url = order.terms().notify_url.as_deref().map(String::from);
    let owner = notify_url.map(|url| (order.mchid().clone(), url, Form::request_serial_of(order)));
    let receiver = receiver(gateway, detail).filter(|(mchid, _)| mchid != order.mchid());
    let receiver = receiver.map(|(mchid, url)| (mchid, url, None));
    let due = now.after(gateway.settings().notify_delay);
    for (mchid, notify_url, request_serial) in owner.into_iter().chain(receiver) {
        let event = Event {
            mchid,
            notify_url,
            created_at: now,
            event_type,
            summary,
            original_type: "profitsharing",
            plaintext: plaintext.clone(),
            request_serial,
            retry_schedule: None,
        };
        gateway.notify(sharing.order.1.as_str(), Arc::new(event), due);
    }
}

/// The content of a notification.
#[derive(Serialize)]
struct SharingNotification<'a> {
    #[serde(flatten)]
    merchants: PartyMembers<'a>,
    order_id: &'a str,
    out_order_no: &'a str,
    receiver: Value,
    success_time: String,
    transaction_id: &'a TransactionId,
}

/// Returns the receiving or returning merchant and its notify URL for profit sharing, if it has set one.
fn receiver(gateway: &Gateway, detail: &SharingDetailRecord) -> Option<(MchId, String)> {
    let mchid: MchId = Some(&detail.account).filter(|_| detail.kind == MERCHANT_ID)?.parse().ok()?;
    let url = gateway.registry().get(&mchid)?.sharing_notify_url()?.to_owned();
    Some((mchid, url))
}

/// The outcomes that a test can choose.
impl Gateway {
    /// Makes the pending payment to a receiver end as `CLOSED` with this reason; without this call it succeeds. The
    /// amount stays frozen. Returns `None` if the sharing has no pending payment to that account.
    pub fn close_receiver_amount(
        &mut self,
        mchid: &MchId,
        out_order_no: &str,
        account: &str,
        reason: SharingDetailFailure,
        now: UnixTime,
    ) -> Option<SharingRecord> {
        self.run_due_tasks(now);
        let is_closed = self.ledger.close_receiver_amount(mchid, out_order_no, account, reason);
        is_closed.then(|| self.recorded_sharing(mchid, out_order_no)).flatten()
    }

    /// Makes a pending return end as `FAILED` with this reason; without this call it succeeds. The receiver keeps the
    /// money. Returns `None` if there is no such pending return.
    pub fn fail_return(
        &mut self,
        mchid: &MchId,
        out_return_no: &str,
        reason: ReturnFailure,
        now: UnixTime,
    ) -> Option<ReturnRecord> {
        self.run_due_tasks(now);
        self.ledger.fail_return(mchid, out_return_no, reason).cloned()
    }
}
