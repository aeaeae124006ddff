//! Returning a shared amount to the payment's merchant.

use super::{MERCHANT_ID, Return, ReturnFailure, ReturnRecord, ReturnResult, Sharing, SharingDetail, total};
use crate::ledger::{EntryKind, JournalEntry, Ledger, NumberSource, RequestDigest, SharingEntry};
use wxpay_proto::{Fen, UnixTime, id::MchId};

/// A return to make.
pub(crate) struct NewReturn {
    pub(crate) out_return_no: String,
    /// The receiver that returns the money.
    pub(crate) return_mchid: String,
    pub(crate) amount: Fen,
    pub(crate) description: String,
    pub(crate) request: RequestDigest,
}

/// The reason why a shared amount cannot be returned. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReturnError {
    /// The merchant has no such profit sharing.
    NoSuchSharing,
    /// The profit sharing is not finished.
    Unfinished,
    /// The merchant received no amount of the profit sharing.
    NotAReceiver,
    /// The returns would exceed the amount that the merchant received.
    ExceedsReceived,
}

impl Ledger {
    /// Returns a receiver's amount, in whole or in part. The return is pending until
    /// [`finish_return`](Self::finish_return).
    pub(crate) fn return_share(
        &mut self,
        mchid: &MchId,
        out_order_no: &str,
        new: NewReturn,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) -> Result<(), ReturnError> {
        let sharing = self.sharings.get(mchid, out_order_no).ok_or(ReturnError::NoSuchSharing)?;
        if !sharing.is_finished() {
            return Err(ReturnError::Unfinished);
        }
        let received = sharing.received_by(&new.return_mchid);
        if received == 0 {
            return Err(ReturnError::NotAReceiver);
        }
        let returned = self.sharings.returned_total(sharing, &new.return_mchid);
        if returned.saturating_add(new.amount.get()) > received {
            return Err(ReturnError::ExceedsReceived);
        }
        let record = ReturnRecord {
            out_return_no: new.out_return_no,
            return_id: numbers.sharing_return(now),
            out_order_no: out_order_no.into(),
            return_mchid: new.return_mchid,
            amount: new.amount,
            description: new.description,
            result: ReturnResult::Processing,
            fail_reason: None,
            created_at: now.as_secs(),
            finished_at: None,
        };
        self.sharings.add_return(mchid, Return { record, request: new.request, pending_failure: None });
        Ok(())
    }

    /// Finishes a pending return: the money is returned, or the return fails and the receiver keeps it. Returns the
    /// profit sharing and the return if the money is returned.
    pub(crate) fn finish_return(
        &mut self,
        mchid: &MchId,
        out_return_no: &str,
        now: UnixTime,
    ) -> Option<(&Sharing, &ReturnRecord)> {
        let pending = self.sharings.return_mut(mchid, out_return_no);
        let pending = pending.filter(|each| each.record.result == ReturnResult::Processing)?;
        pending.record.finished_at = Some(now.as_secs());
        pending.record.fail_reason = pending.pending_failure;
        if pending.pending_failure.is_some() {
            pending.record.result = ReturnResult::Failed;
            return None;
        }
        pending.record.result = ReturnResult::Success;
        let returned = &self.sharings.get_return(mchid, out_return_no)?.record;
        let sharing = self.sharings.get(mchid, &returned.out_order_no)?;
        let sub_mchid = self.orders.get(&self.id_of(&sharing.order)?)?.sub_mchid();
        self.journal.add(JournalEntry {
            at: now,
            key: sharing.order.clone(),
            sub_mchid: sub_mchid.cloned(),
            kind: EntryKind::Sharing(SharingEntry::Return { out_return_no: out_return_no.into() }),
            amount: returned.amount,
            fee: Fen::ZERO,
            balance: 0,
        });
        Some((sharing, returned))
    }

    /// Makes a pending return end as failed, for this reason. Returns `None` if no such return is pending.
    pub(crate) fn fail_return(
        &mut self,
        mchid: &MchId,
        out_return_no: &str,
        reason: ReturnFailure,
    ) -> Option<&ReturnRecord> {
        let pending = self.sharings.return_mut(mchid, out_return_no);
        let pending = pending.filter(|each| each.record.result == ReturnResult::Processing)?;
        pending.pending_failure = Some(reason);
        Some(&pending.record)
    }
}

impl Sharing {
    /// Returns the amount that a merchant received as a receiver, in fen. Returns are not subtracted.
    fn received_by(&self, mchid: &str) -> u64 {
        let details = self.details.iter().filter(|detail| detail.is_counted() && !detail.is_merchant);
        let theirs = details
            .filter(|detail| detail.record.kind == MERCHANT_ID && detail.record.account == mchid)
            .map(SharingDetail::amount);
        total(theirs)
    }
}
