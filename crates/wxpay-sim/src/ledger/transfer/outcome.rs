//! The steps of a transfer after it was accepted, to its final state.

use super::{Authorization, Transfer, TransferMethod, TransferState, Transfers, state::TransferStep};
use crate::ledger::{Ledger, NumberSource};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutAuthorizationNo},
};

/// The reason why a transfer cannot be cancelled. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelError {
    /// The merchant has no such transfer.
    NoSuchTransfer,
    /// The transfer succeeded or failed.
    Finished,
}

impl Ledger {
    /// Locks the money of an accepted transfer. A transfer by authorization succeeds at once; any other waits for
    /// confirmation, at most for the window. Returns `None` if no such transfer is accepted.
    pub(crate) fn lock_funds(
        &mut self,
        mchid: &MchId,
        number: &str,
        confirm_window: Duration,
        now: UnixTime,
    ) -> Option<&Transfer> {
        self.step(mchid, number, TransferStep::LockFunds, now)?;
        let transfer = self.transfers.get_mut(mchid, number)?;
        let is_waiting = transfer.state == TransferState::WaitUserConfirm;
        transfer.confirm_by = is_waiting.then(|| now.after(confirm_window));
        Some(transfer)
    }

    /// Confirms a transfer as its payee. The authorization requested with it takes effect, unless another one is in
    /// force. Returns the transfer and that authorization, or `None` if no such transfer waits for confirmation.
    pub(crate) fn confirm_transfer(
        &mut self,
        mchid: &MchId,
        number: &str,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) -> Option<(&Transfer, Option<&Authorization>)> {
        self.step(mchid, number, TransferStep::Confirm, now)?;
        let requested = self.transfers.requested_with(mchid, number);
        let mut takes_effect = false;
        if let Some(requested) = &requested {
            takes_effect = self.put_in_force(mchid, requested.as_str(), numbers, now).is_some();
            if !takes_effect {
                self.drop_authorization(mchid, requested.as_str(), now);
            }
        }
        let confirmed = requested.filter(|_| takes_effect);
        let confirmed =
            confirmed.and_then(|number| self.transfers.authorizations.get(mchid, number.as_str()));
        Some((self.transfers.get(mchid, number)?, confirmed))
    }

    /// Makes a transfer fail at its payee, for this reason. Returns `None` if no such transfer can fail.
    pub(crate) fn fail_transfer(
        &mut self,
        mchid: &MchId,
        number: &str,
        reason: &str,
        now: UnixTime,
    ) -> Option<&Transfer> {
        self.end_without_money(mchid, number, (TransferStep::Fail, Some(reason)), now)
    }

    /// Makes a transfer fail whose time for confirmation is over. Returns `None` if it is not.
    pub(crate) fn expire_transfer(
        &mut self,
        mchid: &MchId,
        number: &str,
        now: UnixTime,
    ) -> Option<&Transfer> {
        // A forgotten transfer may have had the same number, and an earlier end.
        self.transfers.get(mchid, number)?.confirm_by.filter(|end| *end <= now)?;
        self.end_without_money(mchid, number, (TransferStep::Expire, Some("OVERDUE_CLOSE")), now)
    }

    /// Starts to cancel a transfer that has no final state. Returns `false` if that was started before.
    pub(crate) fn cancel_transfer(
        &mut self,
        mchid: &MchId,
        number: &str,
        now: UnixTime,
    ) -> Result<bool, CancelError> {
        let transfer = self.transfers.get(mchid, number).ok_or(CancelError::NoSuchTransfer)?;
        match transfer.state {
            TransferState::Success | TransferState::Fail => Err(CancelError::Finished),
            TransferState::Canceling | TransferState::Cancelled => Ok(false),
            TransferState::Accepted | TransferState::WaitUserConfirm => {
                Ok(self.step(mchid, number, TransferStep::Cancel, now).is_some())
            }
        }
    }

    /// Finishes the cancellation of a transfer. Returns `None` if no such transfer is being cancelled.
    pub(crate) fn finish_cancel(&mut self, mchid: &MchId, number: &str, now: UnixTime) -> Option<&Transfer> {
        self.end_without_money(mchid, number, (TransferStep::FinishCancel, None), now)
    }

    /// Takes a step to a final state in which the payee receives nothing. The authorization requested with the transfer
    /// is closed.
    fn end_without_money(
        &mut self,
        mchid: &MchId,
        number: &str,
        (step, reason): (TransferStep, Option<&str>),
        now: UnixTime,
    ) -> Option<&Transfer> {
        self.step(mchid, number, step, now)?;
        let transfer = self.transfers.get_mut(mchid, number)?;
        transfer.fail_reason = reason.map(String::from);
        if let Some(requested) = self.transfers.requested_with(mchid, number) {
            self.drop_authorization(mchid, requested.as_str(), now);
        }
        self.transfers.get(mchid, number)
    }

    /// Takes a step. Returns `None` if the transfer does not exist or the step does not start in its state.
    fn step(&mut self, mchid: &MchId, number: &str, step: TransferStep, now: UnixTime) -> Option<()> {
        let transfer = self.transfers.get_mut(mchid, number)?;
        transfer.state = transfer.state.after(step, transfer.method)?;
        transfer.updated_at = now;
        if transfer.state.is_final() {
            let age = transfer.age;
            self.transfers.ages.finished(age);
        }
        Some(())
    }
}

impl Transfers {
    /// Returns the number of the authorization that was requested with a transfer. One that was forgotten does not count,
    /// nor does a later one with its number.
    pub(super) fn requested_with(&self, mchid: &MchId, number: &str) -> Option<OutAuthorizationNo> {
        let transfer = self.get(mchid, number)?;
        let requested = self.authorizations.get(mchid, transfer.out_authorization_no.as_ref()?.as_str())?;
        let is_requested = transfer.method == TransferMethod::UserConfirmAndAuthorize
            && requested.out_bill_no.as_ref() == Some(&transfer.out_bill_no);
        is_requested.then(|| requested.out_authorization_no.clone())
    }
}
