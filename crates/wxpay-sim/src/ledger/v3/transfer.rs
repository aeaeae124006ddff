//! What a merchant pays to users.

use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, MchId, OutBillNo, TransferBillNo},
    secret::Secret,
};

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
    pub(crate) appid: AppId,
    pub(crate) amount: Fen,
    /// The payee's name, if it was said.
    pub(crate) user_name: Option<Arc<Secret<String>>>,
    /// The request, its sealed fields hashed.
    pub(crate) said: Value,
    /// The `Wechatpay-Serial` of that request.
    pub(crate) asked: Option<String>,
    pub(crate) package_info: String,
    pub(crate) state: TransferState,
    pub(crate) fail_reason: Option<String>,
    pub(crate) created: UnixTime,
    pub(crate) updated: UnixTime,
}

impl Transfer {
    /// A text of the request.
    pub(crate) fn said(&self, name: &str) -> Option<&str> {
        self.said.get(name).and_then(Value::as_str)
    }
}

/// Every transfer, and the numbers that lead to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transfers {
    all: BTreeMap<(MchId, OutBillNo), Transfer>,
    ids: BTreeMap<TransferBillNo, (MchId, OutBillNo)>,
}

impl Transfers {
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
