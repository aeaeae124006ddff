//! The transfer object: the status of a transfer in replies and notifications.

use crate::{
    id::{AppId, MchId, OpenId, OutAuthorizationNo, OutBillNo, TransferBillNo},
    v3::{prelude::*, seal::Sealed},
};
use core::fmt;

open_enum! {
    /// The status of a transfer.
    TransferState {
        /// WeChat Pay accepted the transfer.
        Accepted = "ACCEPTED",
        /// The merchant's money is being reserved. Query again.
        Processing = "PROCESSING",
        /// The payee has not confirmed the transfer on the page that [`package_info`](Transfer::package_info) opens.
        WaitUserConfirm = "WAIT_USER_CONFIRM",
        /// The money is being transferred. The single R is WeChat Pay's spelling.
        Transfering = "TRANSFERING",
        /// The payee has the money.
        Success = "SUCCESS",
        /// The transfer failed: see [`fail_reason`](Transfer::fail_reason).
        Fail = "FAIL",
        /// The transfer is being cancelled.
        Canceling = "CANCELING",
        /// The transfer is cancelled.
        Cancelled = "CANCELLED",
    }
}

impl TransferState {
    /// Returns whether the status is final: paid, failed or cancelled.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Success | Self::Fail | Self::Cancelled)
    }
}

/// A transfer and its status. It is read only from a [verified](Verified) reply or notification. `Debug` shows numbers,
/// status and amount only.
///
/// Each operation returns some of the fields; the two numbers and the status are always present.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    /// The merchant's number of the transfer.
    pub out_bill_no: OutBillNo,
    /// WeChat Pay's number of the transfer.
    pub transfer_bill_no: TransferBillNo,
    /// The status of the transfer.
    pub state: TransferState,
    /// The reason for the failure, such as `PAYEE_ACCOUNT_ABNORMAL`. The reasons are an open set.
    pub fail_reason: Option<String>,
    /// The value that the payee's client passes to `requestMerchantTransfer` as `package`. The reply to the request
    /// that creates the transfer contains it while the transfer waits for the payee. To get it again, send the same
    /// request again: a query does not return it.
    pub package_info: Option<String>,
    /// The merchant.
    pub mchid: Option<MchId>,
    /// The app.
    pub appid: Option<AppId>,
    /// The payee's openid for `appid`.
    pub openid: Option<OpenId>,
    /// The payee's QQ number, for a transfer to a QQ wallet.
    pub user_qq: Option<String>,
    /// The payee's name, sealed for the merchant: [`Merchant::open`](crate::v3::Merchant::open) opens it.
    pub user_name: Option<Sealed>,
    /// The amount, in fen.
    pub transfer_amount: Option<Fen>,
    /// The remark that the payee reads.
    pub transfer_remark: Option<String>,
    /// The merchant's number of the authorization that the same request applied for.
    pub out_authorization_no: Option<OutAuthorizationNo>,
    /// The name of the payee's account at the merchant, as in that authorization.
    pub user_display_name: Option<String>,
    /// The time of creation.
    pub create_time: Option<UnixTime>,
    /// The time at which the status last changed.
    pub update_time: Option<UnixTime>,
}

/// The rule that a reply about another transfer breaks.
pub(super) const OTHER_TRANSFER: &str = "must be that of the requested transfer";

impl Transfer {
    /// Reads a transfer.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.read()?;
        Ok(Self {
            out_bill_no: wire.out_bill_no,
            transfer_bill_no: wire.transfer_bill_no,
            state: wire.state,
            fail_reason: wire.fail_reason,
            package_info: wire.package_info,
            mchid: wire.mchid.or(wire.mch_id),
            appid: wire.appid,
            openid: wire.openid,
            user_qq: wire.user_qq,
            user_name: wire.user_name,
            transfer_amount: wire.transfer_amount,
            transfer_remark: wire.transfer_remark,
            out_authorization_no: wire.out_authorization_no,
            user_display_name: wire.user_display_name,
            create_time: wire.create_time,
            update_time: wire.update_time,
        })
    }

    /// Reads a transfer. Its `out_bill_no` must be this one.
    pub(super) fn read_of(body: Verified<'_>, out_bill_no: &OutBillNo) -> Result<Self, Error> {
        let transfer = Self::read(body)?;
        require(transfer.out_bill_no == *out_bill_no, "out_bill_no", OTHER_TRANSFER)?;
        Ok(transfer)
    }

    /// Returns whether the payee has the money.
    pub fn is_paid(&self) -> bool {
        self.state == TransferState::Success
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer")
            .field("out_bill_no", &self.out_bill_no)
            .field("transfer_bill_no", &self.transfer_bill_no)
            .field("state", &self.state)
            .field("fail_reason", &self.fail_reason)
            .field("transfer_amount", &self.transfer_amount)
            .finish_non_exhaustive()
    }
}

object! {
    /// The transfer object as on the wire. Some operations name the merchant `mch_id`, others `mchid`.
    struct Wire {
        out_bill_no: OutBillNo,
        transfer_bill_no: TransferBillNo,
        state: TransferState,
        fail_reason: Option<String>,
        package_info: Option<String>,
        mchid: Option<MchId> = strict,
        mch_id: Option<MchId> = strict,
        appid: Option<AppId>,
        openid: Option<OpenId>,
        user_qq: Option<String>,
        user_name: Option<Sealed>,
        transfer_amount: Option<Fen> = strict,
        transfer_remark: Option<String>,
        out_authorization_no: Option<OutAuthorizationNo>,
        user_display_name: Option<String>,
        create_time: Option<UnixTime>,
        update_time: Option<UnixTime>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_states_keep_wechat_pays_spelling() {
        for (text, is_final) in [
            ("ACCEPTED", false),
            ("PROCESSING", false),
            ("WAIT_USER_CONFIRM", false),
            ("TRANSFERING", false),
            ("SUCCESS", true),
            ("FAIL", true),
            ("CANCELING", false),
            ("CANCELLED", true),
        ] {
            let state = TransferState::from(text);
            assert!(!matches!(state, TransferState::Other(_)), "{text}");
            assert_eq!((state.to_string().as_str(), state.is_final()), (text, is_final));
        }
        let other = TransferState::from("TRANSFERRING");
        assert_eq!((other.as_str(), other.is_final()), ("TRANSFERRING", false));
    }

    #[test]
    fn mchid_and_mch_id_are_both_read() {
        for name in ["mchid", "mch_id"] {
            let text = format!(
                r#"{{"out_bill_no":"1","transfer_bill_no":"2","state":"SUCCESS","{name}":"1900001109","update_time":""}}"#
            );
            let transfer = Transfer::read(Verified::decrypted(text.as_bytes())).unwrap();
            assert_eq!(transfer.mchid, Some("1900001109".parse().unwrap()));
            assert!(transfer.is_paid() && transfer.update_time.is_none());
        }
    }

    #[test]
    fn a_transfer_without_number_or_state_is_rejected() {
        for text in [
            r#"{"transfer_bill_no":"2","state":"SUCCESS"}"#,
            r#"{"out_bill_no":"1","state":"SUCCESS"}"#,
            r#"{"out_bill_no":"1","transfer_bill_no":"2"}"#,
            r#"{"out_bill_no":"1","transfer_bill_no":"2","state":"SUCCESS","transfer_amount":1.5}"#,
        ] {
            assert!(Transfer::read(Verified::decrypted(text.as_bytes())).is_err(), "{text}");
        }
    }
}
