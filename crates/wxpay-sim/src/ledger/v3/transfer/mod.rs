//! What a merchant pays to users, what they allow it to pay without asking, and the receipts of both.

mod authorization;
mod receipt;

pub(crate) use authorization::{Authorization, Authorizations, Scope};
pub use authorization::{AuthorizationRecord, AuthorizationState, CloseReason};
pub(crate) use receipt::Receipt;
pub use receipt::{ReceiptRecord, ReceiptState};

use crate::notices::NoticeRecord;
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OpenId, OutAuthorizationNo, OutBillNo, TransferBillNo},
    secret::Secret,
};

/// What the gateway knows of one transfer. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[allow(clippy::struct_field_names, reason = "transfer_bill_no is the protocol's word")]
pub struct TransferRecord {
    /// Who pays.
    pub mchid: MchId,
    /// The merchant's number.
    pub out_bill_no: OutBillNo,
    /// The gateway's number.
    pub transfer_bill_no: TransferBillNo,
    /// How it gets to its payee.
    pub way: TransferWay,
    /// The app; for a wallet of QQ it may be one of QQ's.
    pub appid: String,
    /// The payee, under the app.
    #[serde(serialize_with = "openid")]
    pub openid: OpenId,
    /// How much.
    pub transfer_amount: Fen,
    /// Where it stands.
    pub state: TransferState,
    /// Why it failed.
    pub fail_reason: Option<String>,
    /// What the payee's side confirms it by, while it waits for that.
    pub package_info: Option<String>,
    /// What the payee was asked to allow along with it, or had allowed before.
    pub out_authorization_no: Option<OutAuthorizationNo>,
    /// Its receipt, if one was asked for.
    pub receipt: Option<ReceiptRecord>,
    /// When it was made.
    pub created_at: u64,
    /// When its state changed last.
    pub updated_at: u64,
    /// Its notices and how they were answered.
    pub notices: Vec<NoticeRecord>,
}

fn openid<S: serde::Serializer>(openid: &OpenId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(openid.as_str())
}

/// How a transfer gets to its payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum TransferWay {
    /// The payee confirms it.
    ToConfirm,
    /// The payee confirms it, and may allow later ones with it.
    ToConfirmAndAllow,
    /// The payee allowed it before.
    Allowed,
    /// The payee confirms it, and has it in a wallet of QQ.
    QqWallet,
}

/// Where a transfer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum TransferState {
    /// It was taken; the money is not yet locked.
    Accepted,
    /// The payee must confirm.
    WaitUserConfirm,
    /// The payee has it.
    Success,
    /// It failed.
    Fail,
    /// It is being taken back.
    Canceling,
    /// It was taken back.
    Cancelled,
}

impl TransferState {
    /// The word on the wire.
    #[must_use]
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

/// One transfer as kept.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names, reason = "transfer_bill_no is the protocol's word")]
pub(crate) struct Transfer {
    pub(crate) mchid: MchId,
    pub(crate) out_bill_no: OutBillNo,
    pub(crate) transfer_bill_no: TransferBillNo,
    pub(crate) way: TransferWay,
    pub(crate) appid: String,
    pub(crate) openid: OpenId,
    pub(crate) amount: Fen,
    /// The payee's name, if it was said.
    pub(crate) user_name: Option<Arc<Secret<String>>>,
    /// What is asked for along with it, or what it goes by.
    pub(crate) authorization: Option<OutAuthorizationNo>,
    /// The request, its sealed fields hashed.
    pub(crate) said: Value,
    /// The `Wechatpay-Serial` of that request.
    pub(crate) asked: Option<String>,
    pub(crate) package_info: String,
    pub(crate) state: TransferState,
    pub(crate) fail_reason: Option<String>,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) created: UnixTime,
    pub(crate) updated: UnixTime,
}

impl Transfer {
    /// A text of the request.
    pub(crate) fn said(&self, name: &str) -> Option<&str> {
        self.said.get(name).and_then(Value::as_str)
    }

    /// Where it stands as long as nobody has decided: it waits for the payee, or for its money.
    pub(crate) const fn pending(&self) -> TransferState {
        match self.way {
            TransferWay::Allowed => TransferState::Accepted,
            TransferWay::ToConfirm | TransferWay::ToConfirmAndAllow | TransferWay::QqWallet => {
                TransferState::WaitUserConfirm
            }
        }
    }

    pub(crate) fn record(&self, notices: Vec<NoticeRecord>) -> TransferRecord {
        let waits = self.state == TransferState::WaitUserConfirm && self.way != TransferWay::QqWallet;
        TransferRecord {
            mchid: self.mchid.clone(),
            out_bill_no: self.out_bill_no.clone(),
            transfer_bill_no: self.transfer_bill_no.clone(),
            way: self.way,
            appid: self.appid.clone(),
            openid: self.openid.clone(),
            transfer_amount: self.amount,
            state: self.state,
            fail_reason: self.fail_reason.clone(),
            package_info: waits.then(|| self.package_info.clone()),
            out_authorization_no: self.authorization.clone(),
            receipt: self.receipt.as_ref().map(Receipt::record),
            created_at: self.created.as_secs(),
            updated_at: self.updated.as_secs(),
            notices,
        }
    }
}

/// Every transfer, and the numbers that lead to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transfers {
    all: BTreeMap<(MchId, OutBillNo), Transfer>,
    ids: BTreeMap<TransferBillNo, (MchId, OutBillNo)>,
    pub(crate) authorizations: Authorizations,
}

impl Transfers {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Transfer> {
        self.all.values()
    }

    pub(crate) fn of(&self, mchid: &MchId, number: &str) -> Option<&Transfer> {
        self.all.get(&(mchid.clone(), number.parse().ok()?))
    }

    pub(crate) fn of_mut(&mut self, mchid: &MchId, number: &str) -> Option<&mut Transfer> {
        self.all.get_mut(&(mchid.clone(), number.parse().ok()?))
    }

    /// By the gateway's number, if it is this merchant's.
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
