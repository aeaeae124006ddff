//! Public records of transfers.

use super::{Receipt, ReceiptRecord, Transfer, TransferState};
use crate::notifications::NotificationRecord;
use serde::Serialize;
use wxpay_proto::{
    Fen,
    id::{MchId, OpenId, OutAuthorizationNo, OutBillNo, TransferBillNo},
};

/// A transfer as the gateway recorded it. Times are seconds of the business clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[allow(clippy::struct_field_names, reason = "transfer_bill_no is the protocol's name")]
pub struct TransferRecord {
    /// The merchant that pays.
    pub mchid: MchId,
    /// The merchant's transfer number.
    pub out_bill_no: OutBillNo,
    /// WeChat Pay's transfer number.
    pub transfer_bill_no: TransferBillNo,
    /// The way in which the transfer reaches its payee.
    pub method: TransferMethod,
    /// The app; a transfer to a QQ wallet may name an app of QQ.
    pub appid: String,
    /// The payee's openid under the app.
    #[serde(serialize_with = "openid")]
    pub openid: OpenId,
    /// The amount, in fen.
    pub transfer_amount: Fen,
    /// The transfer's state.
    pub state: TransferState,
    /// The reason for a failure.
    pub fail_reason: Option<String>,
    /// The parameter by which the payee's client confirms, while the transfer awaits the confirmation.
    pub package_info: Option<String>,
    /// The authorization that the transfer requests or uses.
    pub out_authorization_no: Option<OutAuthorizationNo>,
    /// The electronic receipt, if the merchant applied for one.
    pub receipt: Option<ReceiptRecord>,
    /// The time at which the transfer was created.
    pub created_at: u64,
    /// The time of the last state change.
    pub updated_at: u64,
    /// The notifications and the merchant's responses to them.
    pub notifications: Vec<NotificationRecord>,
}

pub(super) fn openid<S: serde::Serializer>(openid: &OpenId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(openid.as_str())
}

/// The way in which a transfer reaches its payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum TransferMethod {
    /// The payee confirms the transfer.
    UserConfirm,
    /// The payee confirms the transfer, and may authorize later ones at the same time.
    UserConfirmAndAuthorize,
    /// The payee authorized the transfer before.
    Authorized,
    /// The payee confirms the transfer and receives it in a QQ wallet.
    QqWallet,
}

impl Transfer {
    pub(crate) fn record(&self, notifications: Vec<NotificationRecord>) -> TransferRecord {
        let awaits_confirmation =
            self.state == TransferState::WaitUserConfirm && self.method != TransferMethod::QqWallet;
        TransferRecord {
            mchid: self.mchid.clone(),
            out_bill_no: self.out_bill_no.clone(),
            transfer_bill_no: self.transfer_bill_no.clone(),
            method: self.method,
            appid: self.appid.clone(),
            openid: self.openid.clone(),
            transfer_amount: self.amount,
            state: self.state,
            fail_reason: self.fail_reason.clone(),
            package_info: awaits_confirmation.then(|| self.package_info.clone()),
            out_authorization_no: self.out_authorization_no.clone(),
            receipt: self.receipt.as_ref().map(Receipt::record),
            created_at: self.created_at.as_secs(),
            updated_at: self.updated_at.as_secs(),
            notifications,
        }
    }
}
