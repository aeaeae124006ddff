//! Transfers to users, the payees' authorizations, and electronic receipts.

mod authorization;
mod receipt;

pub(crate) use authorization::{Authorization, Authorizations, Scope};
pub use authorization::{AuthorizationRecord, AuthorizationState, CloseReason};
pub(crate) use receipt::Receipt;
pub use receipt::{ReceiptRecord, ReceiptState};

use crate::notifications::NotificationRecord;
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, ops::Bound, sync::Arc};
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OpenId, OutAuthorizationNo, OutBillNo, TransferBillNo},
    secret::Secret,
};

/// A transfer as the gateway recorded it. Times are seconds of the virtual clock.
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

fn openid<S: serde::Serializer>(openid: &OpenId, serializer: S) -> Result<S::Ok, S::Error> {
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

/// The state of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum TransferState {
    /// The transfer was accepted; the money is not locked yet.
    Accepted,
    /// The payee must confirm the transfer.
    WaitUserConfirm,
    /// The payee has received the money.
    Success,
    /// The transfer failed.
    Fail,
    /// The transfer is being cancelled.
    Canceling,
    /// The transfer was cancelled.
    Cancelled,
}

impl TransferState {
    /// Returns the protocol's name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::WaitUserConfirm => "WAIT_USER_CONFIRM",
            Self::Success => "SUCCESS",
            Self::Fail => "FAIL",
            Self::Canceling => "CANCELING",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// A transfer as stored.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names, reason = "transfer_bill_no is the protocol's name")]
pub(crate) struct Transfer {
    pub(crate) mchid: MchId,
    pub(crate) out_bill_no: OutBillNo,
    pub(crate) transfer_bill_no: TransferBillNo,
    pub(crate) method: TransferMethod,
    pub(crate) appid: String,
    pub(crate) openid: OpenId,
    pub(crate) amount: Fen,
    /// The payee's name, if the request contained it.
    pub(crate) user_name: Option<Arc<Secret<String>>>,
    /// The authorization that the transfer requests or uses.
    pub(crate) out_authorization_no: Option<OutAuthorizationNo>,
    /// The request, encrypted fields hashed.
    pub(crate) request: Value,
    /// The `Wechatpay-Serial` of the request.
    pub(crate) request_serial: Option<String>,
    pub(crate) package_info: String,
    pub(crate) state: TransferState,
    pub(crate) fail_reason: Option<String>,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) created_at: UnixTime,
    pub(crate) updated_at: UnixTime,
}

impl Transfer {
    /// Returns a text field of the request.
    pub(crate) fn request_text(&self, name: &str) -> Option<&str> {
        self.request.get(name).and_then(Value::as_str)
    }

    /// Returns the initial state: waiting for the payee, or for the money if the payee authorized the transfer before.
    pub(crate) const fn initial_state(&self) -> TransferState {
        match self.method {
            TransferMethod::Authorized => TransferState::Accepted,
            TransferMethod::UserConfirm
            | TransferMethod::UserConfirmAndAuthorize
            | TransferMethod::QqWallet => TransferState::WaitUserConfirm,
        }
    }

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

/// All transfers, with an index by WeChat Pay's number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transfers {
    all: BTreeMap<(MchId, OutBillNo), Transfer>,
    ids: BTreeMap<TransferBillNo, (MchId, OutBillNo)>,
    pub(crate) authorizations: Authorizations,
}

impl Transfers {
    /// Returns the transfers after a merchant's number.
    pub(crate) fn after(&self, after: Option<(&str, &str)>) -> impl Iterator<Item = &Transfer> {
        let key = after.and_then(|(mchid, number)| Some((mchid.parse().ok()?, number.parse().ok()?)));
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.all.range((from, Bound::Unbounded)).map(|(_, transfer)| transfer)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Transfer> {
        self.all.values()
    }

    pub(crate) fn get(&self, mchid: &MchId, number: &str) -> Option<&Transfer> {
        self.all.get(&(mchid.clone(), number.parse().ok()?))
    }

    pub(crate) fn get_mut(&mut self, mchid: &MchId, number: &str) -> Option<&mut Transfer> {
        self.all.get_mut(&(mchid.clone(), number.parse().ok()?))
    }

    /// Returns the transfer with WeChat Pay's number, if it belongs to this merchant.
    pub(crate) fn by_id(&self, mchid: &MchId, id: &str) -> Option<&Transfer> {
        let key = self.ids.get(&id.parse().ok()?).filter(|(owner, _)| owner == mchid)?;
        self.all.get(key)
    }

    pub(crate) fn add(&mut self, transfer: Transfer) {
        let key = (transfer.mchid.clone(), transfer.out_bill_no.clone());
        self.ids.insert(transfer.transfer_bill_no.clone(), key.clone());
        self.all.insert(key, transfer);
    }
}
