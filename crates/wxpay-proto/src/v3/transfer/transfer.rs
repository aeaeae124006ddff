//! What became of a transfer: the same object in answers, queries and notices.

use crate::{
    clock::UnixTime,
    error::Error,
    id::{AppId, InvalidField, MchId, OpenId, OutAuthorizationNo, OutBillNo, TransferBillNo},
    money::Fen,
    v3::{
        field::open_enum,
        seal::Sealed,
        verify::{Verified, malformed},
    },
    wire::time,
};
use alloc::string::String;
use core::fmt;

open_enum! {
    /// Where a transfer stands.
    TransferState {
        /// Taken up.
        Accepted = "ACCEPTED",
        /// The money is being put aside; ask again.
        Processing = "PROCESSING",
        /// The payee may confirm it, on the page that [`package_info`](Transfer::package_info) opens.
        WaitUserConfirm = "WAIT_USER_CONFIRM",
        /// It is on its way to the payee. With one R: so they spell it.
        Transfering = "TRANSFERING",
        /// The payee has it.
        Success = "SUCCESS",
        /// It failed; see [`fail_reason`](Transfer::fail_reason).
        Fail = "FAIL",
        /// It is being cancelled.
        Canceling = "CANCELING",
        /// It was cancelled.
        Cancelled = "CANCELLED",
    }
}

impl TransferState {
    /// Whether it stays so: paid, failed or cancelled.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Success | Self::Fail | Self::Cancelled)
    }
}

/// What became of a transfer. Only a [verified](Verified) reply or notice makes one. `Debug` shows numbers, state and
/// amount alone.
///
/// Each operation tells a part of it; the numbers and the state are always there.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    /// The merchant's number.
    pub out_bill_no: OutBillNo,
    /// WeChat Pay's number.
    pub transfer_bill_no: TransferBillNo,
    /// Where it stands.
    pub state: TransferState,
    /// Why it failed, such as `PAYEE_ACCOUNT_ABNORMAL`. An open set.
    pub fail_reason: Option<String>,
    /// What the payee's side hands to `requestMerchantTransfer` as its `package`. The answer of the request that made the
    /// transfer has it, while it waits for the payee; the same request again brings it back, a query does not.
    pub package_info: Option<String>,
    /// The merchant.
    pub mchid: Option<MchId>,
    /// The app.
    pub appid: Option<AppId>,
    /// The payee.
    pub openid: Option<OpenId>,
    /// The payee's wallet of QQ.
    pub user_qq: Option<String>,
    /// The payee's name, sealed: [`Merchant::open`](crate::v3::Merchant::open) opens it.
    pub user_name: Option<Sealed>,
    /// How much.
    pub transfer_amount: Option<Fen>,
    /// What the payee reads.
    pub transfer_remark: Option<String>,
    /// What was asked to be allowed along with it.
    pub out_authorization_no: Option<OutAuthorizationNo>,
    /// How the payee is called there.
    pub user_display_name: Option<String>,
    /// When it was made.
    pub create_time: Option<UnixTime>,
    /// When its state changed last.
    pub update_time: Option<UnixTime>,
}

impl Transfer {
    /// Reads it.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.parse()?;
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

    /// The same, where it must be of that number.
    pub(super) fn read_of(body: Verified<'_>, out_bill_no: &OutBillNo) -> Result<Self, Error> {
        let transfer = Self::read(body)?;
        if transfer.out_bill_no == *out_bill_no { Ok(transfer) } else { Err(other("out_bill_no")) }
    }

    /// Whether the payee has the money.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        self.state == TransferState::Success
    }
}

/// The answer is about another transfer.
pub(super) fn other(field: &'static str) -> Error {
    malformed().caused_by(InvalidField::new(field, "must be of the transfer that was asked for"))
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

/// Some operations call the merchant `mch_id`, others `mchid`.
#[derive(serde::Deserialize)]
struct Wire {
    out_bill_no: OutBillNo,
    transfer_bill_no: TransferBillNo,
    state: TransferState,
    fail_reason: Option<String>,
    package_info: Option<String>,
    mchid: Option<MchId>,
    mch_id: Option<MchId>,
    appid: Option<AppId>,
    openid: Option<OpenId>,
    user_qq: Option<String>,
    user_name: Option<Sealed>,
    transfer_amount: Option<Fen>,
    transfer_remark: Option<String>,
    out_authorization_no: Option<OutAuthorizationNo>,
    user_display_name: Option<String>,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    create_time: Option<UnixTime>,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    update_time: Option<UnixTime>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn their_words_are_kept_letter_for_letter() {
        for (word, is_final) in [
            ("ACCEPTED", false),
            ("PROCESSING", false),
            ("WAIT_USER_CONFIRM", false),
            ("TRANSFERING", false),
            ("SUCCESS", true),
            ("FAIL", true),
            ("CANCELING", false),
            ("CANCELLED", true),
        ] {
            let state = TransferState::from(word);
            assert!(!matches!(state, TransferState::Other(_)), "{word}");
            assert_eq!((state.to_string().as_str(), state.is_final()), (word, is_final));
        }
        let other = TransferState::from("TRANSFERRING");
        assert_eq!((other.as_str(), other.is_final()), ("TRANSFERRING", false));
    }

    #[test]
    fn either_name_of_the_merchant_is_read() {
        for name in ["mchid", "mch_id"] {
            let text = alloc::format!(
                r#"{{"out_bill_no":"1","transfer_bill_no":"2","state":"SUCCESS","{name}":"1900001109","update_time":""}}"#
            );
            let transfer = Transfer::read(Verified::decrypted(text.as_bytes())).unwrap();
            assert_eq!(transfer.mchid, Some("1900001109".parse().unwrap()));
            assert!(transfer.is_paid() && transfer.update_time.is_none());
        }
    }

    #[test]
    fn a_transfer_without_number_or_state_is_none() {
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
