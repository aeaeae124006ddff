//! What the payee does, and what the gateway knows of it.

use super::{authorization, end, receipt};
use crate::{
    gateway::Gateway,
    ledger::v3::{
        Authorization, AuthorizationRecord, AuthorizationState, CloseReason, Transfer, TransferRecord,
        TransferState, TransferWay,
    },
    notifications::{NotificationRecord, Says},
};
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutAuthorizationNo, OutBillNo},
};

/// Transfers, as their payees and a test see them.
impl Gateway {
    /// The gateway's own record of every transfer, those to wallets of QQ among them.
    #[must_use]
    pub fn transfers(&mut self, now: UnixTime) -> Vec<TransferRecord> {
        self.tick(now);
        self.v3.ledger.transfers.all().map(|transfer| self.transfer_record(transfer)).collect()
    }

    /// The gateway's own record of a merchant's transfer.
    #[must_use]
    pub fn transfer(&mut self, mchid: &MchId, number: &OutBillNo, now: UnixTime) -> Option<TransferRecord> {
        self.tick(now);
        let transfer = self.v3.ledger.transfers.of(mchid, number.as_str())?;
        Some(self.transfer_record(transfer))
    }

    /// The payee confirms: the money is there at once, in a wallet of QQ as well, and what was asked for along with it is
    /// allowed. Whether there was such a transfer to confirm.
    pub fn confirm_transfer(&mut self, mchid: &MchId, number: &OutBillNo, now: UnixTime) -> bool {
        self.tick(now);
        let step = (TransferState::WaitUserConfirm, TransferState::Success, None);
        end(self, mchid, number.as_str(), step, now)
    }

    /// The transfer fails when the payee confirms, for a reason such as `PAYEE_ACCOUNT_ABNORMAL`; one that needs nobody's
    /// confirmation, while it is `ACCEPTED`. Whether there was such a transfer.
    pub fn fail_transfer(&mut self, mchid: &MchId, number: &OutBillNo, reason: &str, now: UnixTime) -> bool {
        self.tick(now);
        let transfer = self.v3.ledger.transfers.of(mchid, number.as_str());
        let from = transfer.map_or(TransferState::WaitUserConfirm, Transfer::pending);
        end(self, mchid, number.as_str(), (from, TransferState::Fail, Some(reason)), now)
    }

    /// The receipt that is being made of a transfer cannot be made, for that reason. Whether one is being made.
    pub fn fail_receipt(&mut self, mchid: &MchId, number: &OutBillNo, reason: &str, now: UnixTime) -> bool {
        self.tick(now);
        receipt::end(self, mchid, number.as_str(), Some(reason), now)
    }

    fn transfer_record(&self, transfer: &Transfer) -> TransferRecord {
        let event_type = match transfer.way {
            TransferWay::QqWallet => "MCHTRANSFER.QQWALLETBILL.",
            TransferWay::ToConfirm | TransferWay::ToConfirmAndAllow | TransferWay::Allowed => {
                "MCHTRANSFER.BILL."
            }
        };
        transfer.record(self.told_of(&transfer.mchid, transfer.out_bill_no.as_str(), event_type))
    }

    /// The notices about a number whose event types begin so: other things may have the same number.
    fn told_of(&self, mchid: &MchId, number: &str, event_type: &str) -> Vec<NotificationRecord> {
        self.notifications.records_of(&[number], |notification| {
            let is_such =
                matches!(&notification.says, Says::V3(event) if event.event_type.starts_with(event_type));
            is_such && notification.is_of_v3(mchid, number)
        })
    }
}

/// What payees allow.
impl Gateway {
    /// The gateway's own record of everything that payees allow, allowed, or were asked to.
    #[must_use]
    pub fn authorizations(&mut self, now: UnixTime) -> Vec<AuthorizationRecord> {
        self.tick(now);
        let all = self.v3.ledger.transfers.authorizations.all();
        all.map(|authorization| self.authorization_record(authorization)).collect()
    }

    /// The gateway's own record of one such, by the merchant's number.
    #[must_use]
    pub fn authorization(
        &mut self,
        mchid: &MchId,
        number: &OutAuthorizationNo,
        now: UnixTime,
    ) -> Option<AuthorizationRecord> {
        self.tick(now);
        let authorization = self.v3.ledger.transfers.authorizations.of(mchid, number.as_str())?;
        Some(self.authorization_record(authorization))
    }

    /// The payee allows it. What was asked for along with a transfer is allowed by
    /// [confirming](Self::confirm_transfer) that. Whether there was such a thing to allow.
    pub fn confirm_authorization(
        &mut self,
        mchid: &MchId,
        number: &OutAuthorizationNo,
        now: UnixTime,
    ) -> bool {
        self.tick(now);
        let known = self.v3.ledger.transfers.authorizations.of(mchid, number.as_str());
        known.is_some_and(|known| known.along.is_none())
            && authorization::take_effect(self, mchid, number.as_str(), now)
    }

    /// The payee turns it down, and nobody is told. A transfer that it was asked for along with goes on without it.
    /// Whether there was such a thing to turn down.
    pub fn refuse_authorization(
        &mut self,
        mchid: &MchId,
        number: &OutAuthorizationNo,
        now: UnixTime,
    ) -> bool {
        self.tick(now);
        let (from, reason) = (AuthorizationState::WaitUserConfirm, CloseReason::UserClose);
        authorization::end(self, mchid, number.as_str(), from, reason, now)
    }

    /// What was in force ends: the payee does that (`USER_CLOSE`), or the platform. The merchant is told. Whether there was
    /// such a thing in force.
    pub fn close_authorization(
        &mut self,
        mchid: &MchId,
        number: &OutAuthorizationNo,
        reason: CloseReason,
        now: UnixTime,
    ) -> bool {
        self.tick(now);
        authorization::end(self, mchid, number.as_str(), AuthorizationState::TakingEffect, reason, now)
    }

    fn authorization_record(&self, authorization: &Authorization) -> AuthorizationRecord {
        let number = authorization.out_authorization_no.as_str();
        authorization.record(self.told_of(&authorization.mchid, number, "MCHTRANSFER.AUTHORIZATION."))
    }
}
