//! Transfers to users, the payees' authorizations, and electronic receipts.

mod authorization;
mod authorize;
mod outcome;
mod receipt;
mod record;
mod retention;
mod send;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use authorization::{Authorization, Authorizations, Scope};
pub use authorization::{AuthorizationRecord, AuthorizationState, CloseReason};
pub(crate) use authorize::{CloseAuthorizationError, NewAuthorization, ScopeTaken};
pub(crate) use outcome::CancelError;
pub(crate) use receipt::{Receipt, ReceiptError};
pub use receipt::{ReceiptRecord, ReceiptState};
use record::openid;
pub use record::{TransferMethod, TransferRecord};
pub(crate) use send::{AuthorizationUse, NewTransfer, Payee, TransferError};
pub use state::TransferState;

use super::RequestDigest;
use retention::Ages;
use std::{collections::BTreeMap, ops::Bound, sync::Arc};
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OpenId, OutAuthorizationNo, OutBillNo, TransferBillNo},
    secret::Secret,
};

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
    pub(crate) remark: String,
    pub(crate) notify_url: Option<String>,
    /// The payee's QQ number, if the request contained it.
    pub(crate) user_qq: Option<String>,
    /// The identity of the request. A different request under the same number is refused.
    pub(crate) request: RequestDigest,
    /// The `Wechatpay-Serial` of the request.
    pub(crate) request_serial: Option<String>,
    pub(crate) package_info: String,
    /// The time until which the payee can confirm, once the money is locked.
    pub(crate) confirm_by: Option<UnixTime>,
    pub(crate) state: TransferState,
    pub(crate) fail_reason: Option<String>,
    receipt: Option<Receipt>,
    pub(crate) created_at: UnixTime,
    pub(crate) updated_at: UnixTime,
    age: u64,
}

/// All transfers, with an index by WeChat Pay's number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transfers {
    all: BTreeMap<(MchId, OutBillNo), Transfer>,
    ids: BTreeMap<TransferBillNo, (MchId, OutBillNo)>,
    ages: Ages<(MchId, OutBillNo)>,
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

    fn get_mut(&mut self, mchid: &MchId, number: &str) -> Option<&mut Transfer> {
        self.all.get_mut(&(mchid.clone(), number.parse().ok()?))
    }

    /// Returns the transfer with WeChat Pay's number, if it belongs to this merchant.
    pub(crate) fn by_id(&self, mchid: &MchId, id: &str) -> Option<&Transfer> {
        let key = self.ids.get(&id.parse().ok()?).filter(|(owner, _)| owner == mchid)?;
        self.all.get(key)
    }

    fn add(&mut self, mut transfer: Transfer) {
        let key = (transfer.mchid.clone(), transfer.out_bill_no.clone());
        transfer.age = self.ages.added(key.clone());
        self.ids.insert(transfer.transfer_bill_no.clone(), key.clone());
        self.all.insert(key, transfer);
    }
}
