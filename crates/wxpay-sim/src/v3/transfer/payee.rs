//! The payee's side of transfers, and the gateway's own records.

use super::{authorization, notify, notify_if_finished};
use crate::{
    gateway::Gateway,
    ledger::{Authorization, AuthorizationRecord, CloseReason, Transfer, TransferMethod, TransferRecord},
    notifications::NotificationRecord,
};
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutAuthorizationNo, OutBillNo},
};

/// The payee's actions on transfers, and the records.
impl Gateway {
    /// Returns the gateway's own records of all transfers, including those to QQ wallets.
    pub fn transfers(&mut self, now: UnixTime) -> Vec<TransferRecord> {
        self.run_due_tasks(now);
        self.ledger.transfers.iter().map(|transfer| self.transfer_record(transfer)).collect()
    }

    /// Returns the records of the transfers after a merchant's number, each with its cursor.
    pub(crate) fn transfers_after(
        &self,
        after: Option<(&str, &str)>,
    ) -> impl Iterator<Item = (String, TransferRecord)> {
        self.ledger.transfers.after(after).map(|transfer| {
            (format!("{}/{}", transfer.mchid, transfer.out_bill_no), self.transfer_record(transfer))
        })
    }

    /// Returns the gateway's own record of a merchant's transfer.
    pub fn transfer(&mut self, mchid: &MchId, number: &OutBillNo, now: UnixTime) -> Option<TransferRecord> {
        self.run_due_tasks(now);
        self.recorded_transfer(mchid, number)
    }

    /// Returns the record of a transfer as of the last due task.
    pub(crate) fn recorded_transfer(&self, mchid: &MchId, number: &OutBillNo) -> Option<TransferRecord> {
        let transfer = self.ledger.transfers.get(mchid, number.as_str())?;
        Some(self.transfer_record(transfer))
    }

    /// Confirms a transfer as its payee; this includes transfers to QQ wallets. The money arrives at once, and an
    /// authorization requested with the transfer is confirmed. Returns `false` if no such transfer waits for
    /// confirmation.
    pub fn confirm_transfer(&mut self, mchid: &MchId, number: &OutBillNo, now: UnixTime) -> bool {
        self.run_due_tasks(now);
        let (ledger, mut numbers) = self.ledger_and_numbers();
        let confirmed = ledger.confirm_transfer(mchid, number.as_str(), &mut numbers, now);
        let Some((transfer, authorization)) = confirmed else { return false };
        let (transfer, authorization) = (transfer.clone(), authorization.cloned());
        notify(self, &transfer, now);
        if let Some(authorization) = authorization {
            authorization::notify_confirmed(self, &authorization, now);
        }
        true
    }

    /// Makes a transfer fail at confirmation, for a reason such as `PAYEE_ACCOUNT_ABNORMAL`; a transfer that needs no
    /// confirmation fails while it is `ACCEPTED`. Returns `false` if there is no such transfer.
    pub fn fail_transfer(&mut self, mchid: &MchId, number: &OutBillNo, reason: &str, now: UnixTime) -> bool {
        self.run_due_tasks(now);
        let failed = self.ledger.fail_transfer(mchid, number.as_str(), reason, now).cloned();
        notify_if_finished(self, failed, now)
    }

    /// Makes the pending receipt of a transfer fail for this reason. Returns `false` if no receipt is being generated.
    pub fn fail_receipt(&mut self, mchid: &MchId, number: &OutBillNo, reason: &str, now: UnixTime) -> bool {
        self.run_due_tasks(now);
        self.ledger.finish_receipt(mchid, number.as_str(), Some(reason), now)
    }

    fn transfer_record(&self, transfer: &Transfer) -> TransferRecord {
        let event_type = match transfer.method {
            TransferMethod::QqWallet => "MCHTRANSFER.QQWALLETBILL.",
            TransferMethod::UserConfirm
            | TransferMethod::UserConfirmAndAuthorize
            | TransferMethod::Authorized => "MCHTRANSFER.BILL.",
        };
        transfer.record(self.notifications_of(&transfer.mchid, transfer.out_bill_no.as_str(), event_type))
    }

    /// Returns the notifications about a number whose event types begin with `event_type`: objects of other kinds may
    /// have the same number.
    fn notifications_of(&self, mchid: &MchId, number: &str, event_type: &str) -> Vec<NotificationRecord> {
        let is_wanted = |wanted: &str| wanted.starts_with(event_type);
        self.notifications.records_about(mchid.as_str(), number, is_wanted)
    }
}

/// The payee's and the platform's actions on authorizations, and the records.
impl Gateway {
    /// Returns the gateway's own records of all authorizations in any state.
    pub fn authorizations(&mut self, now: UnixTime) -> Vec<AuthorizationRecord> {
        self.run_due_tasks(now);
        let all = self.ledger.transfers.authorizations.iter();
        all.map(|authorization| self.authorization_record(authorization)).collect()
    }

    /// Returns the records of the authorizations after a merchant's number, each with its cursor.
    pub(crate) fn authorizations_after(
        &self,
        after: Option<(&str, &str)>,
    ) -> impl Iterator<Item = (String, AuthorizationRecord)> {
        self.ledger.transfers.authorizations.after(after).map(|authorization| {
            let record = self.authorization_record(authorization);
            (format!("{}/{}", record.mchid, record.out_authorization_no), record)
        })
    }

    /// Returns the gateway's own record of one authorization.
    pub fn authorization(
        &mut self,
        mchid: &MchId,
        number: &OutAuthorizationNo,
        now: UnixTime,
    ) -> Option<AuthorizationRecord> {
        self.run_due_tasks(now);
        self.recorded_authorization(mchid, number)
    }

    /// Returns the record of an authorization as of the last due task.
    pub(crate) fn recorded_authorization(
        &self,
        mchid: &MchId,
        number: &OutAuthorizationNo,
    ) -> Option<AuthorizationRecord> {
        let authorization = self.ledger.transfers.authorizations.get(mchid, number.as_str())?;
        Some(self.authorization_record(authorization))
    }

    /// Confirms an authorization as its payee. An authorization requested with a transfer cannot be confirmed alone:
    /// use [`confirm_transfer`](Self::confirm_transfer). Returns `false` if no such authorization waits for
    /// confirmation.
    pub fn confirm_authorization(
        &mut self,
        mchid: &MchId,
        number: &OutAuthorizationNo,
        now: UnixTime,
    ) -> bool {
        self.run_due_tasks(now);
        let (ledger, mut numbers) = self.ledger_and_numbers();
        let confirmed = ledger.confirm_authorization(mchid, number.as_str(), &mut numbers, now).cloned();
        confirmed.inspect(|confirmed| authorization::notify_confirmed(self, confirmed, now)).is_some()
    }

    /// Refuses an authorization as its payee, without a notification. A transfer that requested it continues without
    /// it. Returns `false` if no such authorization waits for confirmation.
    pub fn refuse_authorization(
        &mut self,
        mchid: &MchId,
        number: &OutAuthorizationNo,
        now: UnixTime,
    ) -> bool {
        self.run_due_tasks(now);
        self.ledger.refuse_authorization(mchid, number.as_str(), now)
    }

    /// Closes an authorization in force, as the payee (`USER_CLOSE`) or the platform, and sends a notification. Returns
    /// `false` if no such authorization is in force.
    pub fn close_authorization(
        &mut self,
        mchid: &MchId,
        number: &OutAuthorizationNo,
        reason: CloseReason,
        now: UnixTime,
    ) -> bool {
        self.run_due_tasks(now);
        let ended = self.ledger.end_authorization(mchid, number.as_str(), reason, now).cloned();
        ended.inspect(|ended| authorization::notify_closed(self, ended, now)).is_some()
    }

    fn authorization_record(&self, authorization: &Authorization) -> AuthorizationRecord {
        let number = authorization.out_authorization_no.as_str();
        authorization.record(self.notifications_of(
            &authorization.mchid,
            number,
            "MCHTRANSFER.AUTHORIZATION.",
        ))
    }
}
