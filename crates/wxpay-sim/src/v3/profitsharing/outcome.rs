//! The outcome of sharings and returns when they are due, and the notifications.

use super::{
    super::{form::Form, notification::Event, party::PartyMembers, reply::to_json},
    MERCHANT_ID,
};
use crate::{
    gateway::Gateway,
    ledger::{
        EntryKind, JournalEntry, ReturnFailure, ReturnRecord, ReturnResult, Sharing, SharingDetailFailure,
        SharingDetailRecord, SharingDetailResult, SharingEntry, SharingRecord,
    },
    time,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, TransactionId},
};

/// Finishes a sharing: each receiver gets its amount, or the payment to it is closed.
pub(super) fn finish_sharing(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let sharings = &mut gateway.ledger.sharings;
    let Some(sharing) = sharings.get_mut(mchid, number) else { return };
    for detail in &mut sharing.details {
        detail.record.result = if detail.pending_failure.is_some() {
            SharingDetailResult::Closed
        } else {
            SharingDetailResult::Success
        };
        detail.record.fail_reason = detail.pending_failure;
        detail.record.finished_at = Some(now.as_secs());
    }
    let sharing = sharing.clone();
    for detail in sharing.details.iter().filter(|detail| detail.pending_failure.is_none()) {
        let (out_order_no, detail_id) = (sharing.out_order_no.clone(), detail.record.detail_id.clone());
        let entry = if detail.is_merchant {
            SharingEntry::Unfrozen { out_order_no, detail_id }
        } else {
            SharingEntry::ToReceiver { out_order_no, detail_id }
        };
        add_entry(gateway, &sharing, entry, detail.record.amount, now);
        let numbers = (sharing.order_id.as_str(), sharing.out_order_no.as_str());
        notify(gateway, &sharing, numbers, &detail.record, ("PROFITSHARING.SUCCESS", "分账"), now);
    }
}

/// Finishes a return: the money is returned, or the return fails and the receiver keeps it.
pub(super) fn finish_return(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let sharings = &mut gateway.ledger.sharings;
    let Some(sharing_return) = sharings.return_mut(mchid, number) else { return };
    sharing_return.record.result =
        if sharing_return.pending_failure.is_some() { ReturnResult::Failed } else { ReturnResult::Success };
    sharing_return.record.fail_reason = sharing_return.pending_failure;
    sharing_return.record.finished_at = Some(now.as_secs());
    if sharing_return.pending_failure.is_some() {
        return;
    }
    let sharing_return = sharing_return.record.clone();
    let Some(sharing) = sharings.get(mchid, &sharing_return.out_order_no).cloned() else { return };
    add_entry(
        gateway,
        &sharing,
        SharingEntry::Return { out_return_no: number.into() },
        sharing_return.amount,
        now,
    );
    let detail = SharingDetailRecord {
        kind: String::from(MERCHANT_ID),
        account: sharing_return.return_mchid,
        amount: sharing_return.amount,
        description: sharing_return.description,
        detail_id: String::new(),
        result: SharingDetailResult::Success,
        fail_reason: None,
        finished_at: sharing_return.finished_at,
    };
    notify(
        gateway,
        &sharing,
        (&sharing_return.return_id, number),
        &detail,
        ("PROFITSHARING.RETURN", "分账回退"),
        now,
    );
}

/// Adds a transferred amount to the journal, for the bills of the day.
fn add_entry(gateway: &mut Gateway, sharing: &Sharing, entry: SharingEntry, amount: Fen, now: UnixTime) {
    let ledger = &mut gateway.ledger;
    let sub_mchid = ledger.order(&sharing.order).and_then(|order| order.sub_mchid()).cloned();
    let (key, kind) = (sharing.order.clone(), EntryKind::Sharing(entry));
    ledger.journal.add(JournalEntry { at: now, key, sub_mchid, kind, amount, fee: Fen::ZERO, balance: 0 });
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
        let sharings = &mut self.ledger.sharings;
        let sharing = sharings.get_mut(mchid, out_order_no)?;
        let mut details = sharing.details.iter_mut().filter(|detail| !detail.is_merchant);
        let detail = details.find(|detail| {
            detail.record.account == account
                && detail.record.result == SharingDetailResult::Pending
                && detail.pending_failure.is_none()
        })?;
        detail.pending_failure = Some(reason);
        self.sharing(mchid, out_order_no, now)
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
        let sharing_return = self.ledger.sharings.return_mut(mchid, out_return_no)?;
        if sharing_return.record.result != ReturnResult::Processing {
            return None;
        }
        sharing_return.pending_failure = Some(reason);
        Some(sharing_return.record.clone())
    }
}
