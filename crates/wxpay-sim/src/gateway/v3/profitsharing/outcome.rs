//! The outcome of sharings and returns when they are due, and the notifications.

use super::{
    super::{notification::Event, party},
    MERCHANT_ID,
};
use crate::{
    gateway::Gateway,
    ledger::v3::{
        EntryKind, JournalEntry, ReturnFailure, ReturnRecord, ReturnResult, Sharing, SharingDetailFailure,
        SharingDetailRecord, SharingDetailResult, SharingEntry, SharingRecord,
    },
    time,
};
use serde_json::json;
use wxpay_proto::{Fen, UnixTime, id::MchId};

/// Finishes a sharing: each receiver gets its amount, or its part is closed.
pub(super) fn finish_sharing(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let sharings = &mut gateway.v3.ledger.sharings;
    let Some(sharing) = sharings.get_mut(mchid, number) else { return };
    for part in &mut sharing.details {
        part.record.result =
            if part.fails.is_some() { SharingDetailResult::Closed } else { SharingDetailResult::Success };
        part.record.fail_reason = part.fails;
        part.record.finished_at = Some(now.as_secs());
    }
    let sharing = sharing.clone();
    for part in sharing.details.iter().filter(|part| part.fails.is_none()) {
        let (out_order_no, detail_id) = (sharing.out_order_no.clone(), part.record.detail_id.clone());
        let share = if part.is_own {
            SharingEntry::Own { out_order_no, detail_id }
        } else {
            SharingEntry::Part { out_order_no, detail_id }
        };
        record_line(gateway, &sharing, share, part.record.amount, now);
        let numbers = (sharing.order_id.as_str(), sharing.out_order_no.as_str());
        notify(gateway, &sharing, numbers, &part.record, ("PROFITSHARING.SUCCESS", "分账"), now);
    }
}

/// Finishes a return: the money is returned, or the return fails and the receiver keeps it.
pub(super) fn finish_return(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let sharings = &mut gateway.v3.ledger.sharings;
    let Some(back) = sharings.return_mut(mchid, number) else { return };
    back.record.result =
        if back.pending_failure.is_some() { ReturnResult::Failed } else { ReturnResult::Success };
    back.record.fail_reason = back.pending_failure;
    back.record.finished_at = Some(now.as_secs());
    if back.pending_failure.is_some() {
        return;
    }
    let back = back.record.clone();
    let Some(sharing) = sharings.get(mchid, &back.out_order_no).cloned() else { return };
    record_line(gateway, &sharing, SharingEntry::Back { out_return_no: number.into() }, back.amount, now);
    let part = SharingDetailRecord {
        kind: String::from(MERCHANT_ID),
        account: back.return_mchid,
        amount: back.amount,
        description: back.description,
        detail_id: String::new(),
        result: SharingDetailResult::Success,
        fail_reason: None,
        finished_at: back.finished_at,
    };
    notify(gateway, &sharing, (&back.return_id, number), &part, ("PROFITSHARING.RETURN", "分账回退"), now);
}

/// Records an amount that was moved, for the bills of the day.
fn record_line(gateway: &mut Gateway, sharing: &Sharing, share: SharingEntry, amount: Fen, now: UnixTime) {
    let ledger = &mut gateway.v3.ledger;
    let sub_mchid = ledger.order(&sharing.order).and_then(|order| order.sub_mchid()).cloned();
    let (key, what) = (sharing.order.clone(), EntryKind::Shared(share));
    ledger.journal.add(JournalEntry { at: now, key, sub_mchid, what, amount, fee: Fen::ZERO, balance: 0 });
}

/// Notifies of an amount that was moved: the payment's merchant at the order's `notify_url`, and the receiver, if it
/// has set a notify URL for profit sharing.
fn notify(
    gateway: &mut Gateway,
    sharing: &Sharing,
    (order_id, number): (&str, &str),
    part: &SharingDetailRecord,
    (event_type, summary): (&'static str, &'static str),
    now: UnixTime,
) {
    let Some(order) = gateway.v3.ledger.order(&sharing.order) else { return };
    let mut plain = json!({
        "transaction_id": sharing.transaction_id,
        "order_id": order_id,
        "out_order_no": number,
        "receiver": {
            "type": part.kind,
            "account": part.account,
            "amount": part.amount,
            "description": part.description,
        },
        "success_time": time::rfc3339(now),
    });
    if let Some(members) = plain.as_object_mut() {
        members.extend(party::mchid_members(order));
    }
    let owner = order.notify_url.clone().map(|url| (order.mchid.clone(), url, order.request_serial.clone()));
    let receiver = receiver(gateway, part).filter(|(mchid, _)| *mchid != order.mchid);
    let receiver = receiver.map(|(mchid, url)| (mchid, url, None));
    let due = now.after(gateway.settings.notify_delay);
    for (mchid, notify_url, asked) in owner.into_iter().chain(receiver) {
        let event = Event {
            mchid,
            notify_url,
            created: now,
            event_type,
            summary,
            original_type: "profitsharing",
            plaintext: plain.clone(),
            asked,
            retry_schedule: None,
        };
        gateway.notify(sharing.order.1.as_str(), event, due);
    }
}

/// Returns the receiving or returning merchant and its notify URL for profit sharing, if it has set one.
fn receiver(gateway: &Gateway, part: &SharingDetailRecord) -> Option<(MchId, String)> {
    let mchid: MchId = Some(&part.account).filter(|_| part.kind == MERCHANT_ID)?.parse().ok()?;
    let url = gateway.v3.merchants.get(&mchid)?.sharing_notify_url()?.to_owned();
    Some((mchid, url))
}

/// The outcomes that a test can choose.
impl Gateway {
    /// Makes a pending part end as `CLOSED` with this reason; without this call it succeeds. Its money stays where it
    /// was. Returns `None` if the sharing has no pending part of that account.
    pub fn close_receiver_amount(
        &mut self,
        mchid: &MchId,
        out_order_no: &str,
        account: &str,
        reason: SharingDetailFailure,
        now: UnixTime,
    ) -> Option<SharingRecord> {
        self.tick(now);
        let sharings = &mut self.v3.ledger.sharings;
        let sharing = sharings.get_mut(mchid, out_order_no)?;
        let mut parts = sharing.details.iter_mut().filter(|part| !part.is_own);
        let part = parts.find(|part| {
            part.record.account == account
                && part.record.result == SharingDetailResult::Pending
                && part.fails.is_none()
        })?;
        part.fails = Some(reason);
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
        self.tick(now);
        let back = self.v3.ledger.sharings.return_mut(mchid, out_return_no)?;
        if back.record.result != ReturnResult::Processing {
            return None;
        }
        back.pending_failure = Some(reason);
        Some(back.record.clone())
    }
}
