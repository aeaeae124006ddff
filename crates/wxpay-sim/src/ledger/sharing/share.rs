//! Sharing a payment with receivers, and unfreezing the rest.

use super::{MERCHANT_ID, Sharing, SharingDetail, SharingDetailRecord, SharingDetailResult, total};
use crate::ledger::{
    EntryKind, JournalEntry, Ledger, NumberSource, Order, OrderKey, ReceiverRecord, RequestDigest,
    SharingDetailFailure, SharingEntry,
};
use std::time::Duration;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, TransactionId},
};

/// The maximum part of a payment that receivers can get, in ten-thousandths.
pub(crate) const MAX_SHARED_RATIO: u64 = 3000;
/// The maximum number of profit sharings of one order.
const MAX_SHARINGS: usize = 50;
/// The minimum age of a payment that can be shared.
const MIN_PAYMENT_AGE: Duration = Duration::from_secs(60);
/// The maximum age of a payment that can be shared.
const MAX_PAYMENT_AGE: Duration = Duration::from_secs(30 * 86_400);

/// A profit sharing or unfreeze to make.
pub(crate) struct NewSharing {
    pub(crate) out_order_no: String,
    /// The payment that the request names.
    pub(crate) transaction_id: TransactionId,
    pub(crate) request: RequestDigest,
}

/// An amount to share with a receiver.
pub(crate) struct NewReceiverAmount {
    /// The receiver's type.
    pub(crate) kind: String,
    pub(crate) account: String,
    /// The hash of the receiver's name, if the request contains the name.
    pub(crate) name: Option<String>,
    pub(crate) amount: Fen,
    pub(crate) description: String,
}

/// The reason why a payment cannot be shared. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShareError {
    /// The order does not exist.
    NoSuchOrder,
    /// The order did not request profit sharing.
    NotForSharing,
    /// The payment is too recent.
    TooEarly,
    /// The payment is too old.
    TooLate,
    /// The rest of the payment was unfrozen.
    Unfrozen,
    /// The order has the maximum number of profit sharings.
    TooMany,
    /// The merchant has not added the receiver.
    UnknownReceiver,
    /// The receiver was added under another name.
    OtherName,
    /// All receivers together would get more than the maximum ratio.
    ExceedsRatio,
    /// The amounts exceed the frozen amount.
    ExceedsUnsplit,
}

impl Ledger {
    /// Shares a payment. The amounts are pending until [`finish_sharing`](Self::finish_sharing). `rest` is the
    /// description under which the rest is unfrozen, if it is.
    pub(crate) fn share(
        &mut self,
        key: &OrderKey,
        new: NewSharing,
        receivers: Vec<NewReceiverAmount>,
        rest: Option<&str>,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) -> Result<(), ShareError> {
        let order = self.shareable_order(key, now)?;
        if self.sharings.of_order(key).count() >= MAX_SHARINGS {
            return Err(ShareError::TooMany);
        }
        let details = receivers.into_iter().map(|receiver| self.new_detail(order, receiver));
        let mut details = details.collect::<Result<Vec<_>, _>>()?;
        let others = details.iter().filter(|detail| !detail.is_merchant);
        let shared = self.sharings.shared_total(key).saturating_add(total(others.map(SharingDetail::amount)));
        let limit = u128::from(order.total().get()).saturating_mul(u128::from(MAX_SHARED_RATIO));
        if u128::from(shared).saturating_mul(10_000) > limit {
            return Err(ShareError::ExceedsRatio);
        }
        let remainder = self.unsplit(order, now).get();
        let remainder = remainder.checked_sub(total(details.iter().map(SharingDetail::amount)));
        let remainder = remainder.ok_or(ShareError::ExceedsUnsplit)?;
        details.extend(rest.and_then(|description| rest_detail(order, remainder, description)));
        self.start_sharing(key, new, details, rest.is_some(), numbers, now);
        Ok(())
    }

    /// Unfreezes the rest of a payment: nothing more of it can be shared.
    pub(crate) fn unfreeze(
        &mut self,
        key: &OrderKey,
        new: NewSharing,
        description: &str,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) -> Result<(), ShareError> {
        let order = self.shareable_order(key, now)?;
        let details = rest_detail(order, self.unsplit(order, now).get(), description);
        self.start_sharing(key, new, details.into_iter().collect(), true, numbers, now);
        Ok(())
    }

    /// Pays or closes the pending amounts of a profit sharing. Returns `None` if none is pending.
    pub(crate) fn finish_sharing(
        &mut self,
        mchid: &MchId,
        out_order_no: &str,
        now: UnixTime,
    ) -> Option<&Sharing> {
        let sharing = self.sharings.get_mut(mchid, out_order_no).filter(|sharing| !sharing.is_finished())?;
        for detail in &mut sharing.details {
            detail.finish(now);
        }
        let sharing = self.sharings.get(mchid, out_order_no)?;
        let sub_mchid = self.orders.get(&self.id_of(&sharing.order)?)?.sub_mchid();
        for detail in sharing.paid_details() {
            let (out_order_no, detail_id) = (out_order_no.into(), detail.record.detail_id.clone());
            let entry = if detail.is_merchant {
                SharingEntry::Unfrozen { out_order_no, detail_id }
            } else {
                SharingEntry::ToReceiver { out_order_no, detail_id }
            };
            self.journal.add(JournalEntry {
                at: now,
                key: sharing.order.clone(),
                sub_mchid: sub_mchid.cloned(),
                kind: EntryKind::Sharing(entry),
                amount: detail.record.amount,
                fee: Fen::ZERO,
                balance: 0,
            });
        }
        Some(sharing)
    }

    /// Makes the pending amount of a receiver end as closed, for this reason. Returns `false` if the account has no
    /// pending amount.
    pub(crate) fn close_receiver_amount(
        &mut self,
        mchid: &MchId,
        out_order_no: &str,
        account: &str,
        reason: SharingDetailFailure,
    ) -> bool {
        let sharing = self.sharings.get_mut(mchid, out_order_no);
        let details = sharing.into_iter().flat_map(|sharing| &mut sharing.details);
        let mut pending = details.filter(|detail| {
            !detail.is_merchant
                && detail.record.account == account
                && detail.record.result == SharingDetailResult::Pending
                && detail.pending_failure.is_none()
        });
        pending.next().map(|detail| detail.pending_failure = Some(reason)).is_some()
    }

    /// Returns the frozen amount: the part of a payment that is not refunded, shared or unfrozen. A refund takes the
    /// frozen amount first.
    pub(crate) fn unsplit(&self, order: &Order, now: UnixTime) -> Fen {
        let key = order.key();
        let is_frozen = order.terms().is_profit_sharing && !self.sharings.is_unfrozen(&key);
        if !is_frozen || since_paid(order, now) > MAX_PAYMENT_AGE {
            return Fen::ZERO;
        }
        let (refunded, _) = order.refund_totals();
        let rest = order.total().get().saturating_sub(refunded);
        Fen::new(rest.saturating_sub(self.sharings.taken_total(&key)))
    }

    /// Returns the paid order, if it can be shared now.
    fn shareable_order(&self, key: &OrderKey, now: UnixTime) -> Result<&Order, ShareError> {
        let order = self.order(key).ok_or(ShareError::NoSuchOrder)?;
        if !order.terms().is_profit_sharing {
            return Err(ShareError::NotForSharing);
        }
        let age = since_paid(order, now);
        if age < MIN_PAYMENT_AGE {
            return Err(ShareError::TooEarly);
        }
        if age > MAX_PAYMENT_AGE {
            return Err(ShareError::TooLate);
        }
        if self.sharings.is_unfrozen(key) {
            return Err(ShareError::Unfrozen);
        }
        Ok(order)
    }

    /// Builds a receiver's amount. The receiver must have been added with the same name; the payment's own merchant need
    /// not be added.
    fn new_detail(&self, order: &Order, new: NewReceiverAmount) -> Result<SharingDetail, ShareError> {
        let NewReceiverAmount { kind, account, name, amount, description } = new;
        if kind == MERCHANT_ID && account == owner(order).as_str() {
            return Ok(pending_detail(kind, account, amount, description, true));
        }
        let (mchid, sub_mchid) = (order.mchid().clone(), order.sub_mchid().cloned());
        let receiver = ReceiverRecord { mchid, sub_mchid, kind, account };
        let added = self.sharings.receivers.get(&receiver).ok_or(ShareError::UnknownReceiver)?;
        if let (Some(added), Some(name)) = (added, name)
            && *added != name
        {
            return Err(ShareError::OtherName);
        }
        Ok(pending_detail(receiver.kind, receiver.account, amount, description, false))
    }

    fn start_sharing(
        &mut self,
        key: &OrderKey,
        new: NewSharing,
        mut details: Vec<SharingDetail>,
        unfreezes_rest: bool,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) {
        for detail in &mut details {
            detail.record.detail_id = numbers.sharing_detail(now);
        }
        self.sharings.add(Sharing {
            order: key.clone(),
            out_order_no: new.out_order_no,
            order_id: numbers.sharing(now),
            transaction_id: new.transaction_id,
            request: new.request,
            details,
            unfreezes_rest,
            created_at: now,
            returns: Vec::new(),
        });
    }
}

fn since_paid(order: &Order, now: UnixTime) -> Duration {
    order.payment().map_or(Duration::ZERO, |payment| now.since(UnixTime::from_secs(payment.success_at)))
}

/// Returns the merchant that owns the money of an order's payment.
fn owner(order: &Order) -> &MchId {
    order.sub_mchid().unwrap_or_else(|| order.mchid())
}

/// Builds the amount that the payment's merchant gets back, unless nothing is left.
fn rest_detail(order: &Order, remainder: u64, description: &str) -> Option<SharingDetail> {
    let (kind, account) = (MERCHANT_ID.into(), owner(order).to_string());
    let detail = || pending_detail(kind, account, Fen::new(remainder), description.into(), true);
    (remainder > 0).then(detail)
}

const fn pending_detail(
    kind: String,
    account: String,
    amount: Fen,
    description: String,
    is_merchant: bool,
) -> SharingDetail {
    let record = SharingDetailRecord {
        kind,
        account,
        amount,
        description,
        detail_id: String::new(),
        result: SharingDetailResult::Pending,
        fail_reason: None,
        finished_at: None,
    };
    SharingDetail { record, is_merchant, pending_failure: None }
}

impl SharingDetail {
    fn finish(&mut self, now: UnixTime) {
        self.record.result = match self.pending_failure {
            Some(_) => SharingDetailResult::Closed,
            None => SharingDetailResult::Success,
        };
        self.record.fail_reason = self.pending_failure;
        self.record.finished_at = Some(now.as_secs());
    }
}
