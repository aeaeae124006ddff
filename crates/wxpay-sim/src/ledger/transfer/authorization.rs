//! Transfer authorizations: payees allow a merchant to pay them without a confirmation for each transfer.

use super::{Ages, openid};
use crate::{ledger::RequestDigest, notifications::NotificationRecord};
use serde::Serialize;
use std::{collections::BTreeMap, ops::Bound, time::Duration};
use wxpay_proto::{
    UnixTime,
    id::{AppId, AuthorizationId, MchId, OpenId, OutAuthorizationNo, OutBillNo},
};

/// An authorization as the gateway recorded it. Times are seconds of the business clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[allow(clippy::struct_field_names, reason = "authorization_id is the protocol's name")]
pub struct AuthorizationRecord {
    /// The merchant that is authorized.
    pub mchid: MchId,
    /// The merchant's authorization number.
    pub out_authorization_no: OutAuthorizationNo,
    /// WeChat Pay's authorization number, once the payee has confirmed.
    pub authorization_id: Option<AuthorizationId>,
    /// The app that the payee's openid belongs to.
    pub appid: AppId,
    /// The payee's openid under the app.
    #[serde(serialize_with = "openid")]
    pub openid: OpenId,
    /// The name of the payee's account at the merchant.
    pub user_display_name: String,
    /// The transfer scene that is authorized.
    pub transfer_scene_id: String,
    /// The transfer that requested the authorization, if a transfer did.
    pub out_bill_no: Option<OutBillNo>,
    /// The authorization's state.
    pub state: AuthorizationState,
    /// The parameter by which the payee's client confirms, while the authorization awaits the confirmation.
    pub package_info: Option<String>,
    /// The time of the request.
    pub created_at: u64,
    /// The time of the payee's confirmation.
    pub authorized_at: Option<u64>,
    /// The time at which the authorization ended.
    pub closed_at: Option<u64>,
    /// The reason for the end.
    pub close_reason: Option<CloseReason>,
    /// The notifications and the merchant's responses to them.
    pub notifications: Vec<NotificationRecord>,
}

/// The state of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum AuthorizationState {
    /// The payee has not confirmed yet.
    WaitUserConfirm,
    /// The authorization is in force.
    TakingEffect,
    /// The authorization has ended.
    Closed,
}

impl AuthorizationState {
    /// Returns the protocol's name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitUserConfirm => "WAIT_USER_CONFIRM",
            Self::TakingEffect => "TAKING_EFFECT",
            Self::Closed => "CLOSED",
        }
    }
}

/// The reason why an authorization ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum CloseReason {
    /// The merchant closed the authorization.
    CloseViaMchApi,
    /// The payee closed or declined the authorization.
    UserClose,
    /// The payee did not confirm in time.
    UserOverdueUnconfirmed,
    /// WeChat Pay detected a risk.
    TransferRisk,
    /// The payee's account is abnormal.
    UserAccountAbnormal,
}

impl CloseReason {
    /// Returns the protocol's name of the reason.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CloseViaMchApi => "CLOSE_VIA_MCH_API",
            Self::UserClose => "USER_CLOSE",
            Self::UserOverdueUnconfirmed => "USER_OVERDUE_UNCONFIRMED",
            Self::TransferRisk => "TRANSFER_RISK",
            Self::UserAccountAbnormal => "USER_ACCOUNT_ABNORMAL",
        }
    }

    /// Returns the reason with this protocol name, or `None` for an unknown one.
    pub fn from_name(name: &str) -> Option<Self> {
        const ALL: [CloseReason; 5] = [
            CloseReason::CloseViaMchApi,
            CloseReason::UserClose,
            CloseReason::UserOverdueUnconfirmed,
            CloseReason::TransferRisk,
            CloseReason::UserAccountAbnormal,
        ];
        ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// The scope of an authorization: a payee and a scene. A merchant has at most one authorization in force per scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) appid: AppId,
    pub(crate) openid: OpenId,
    pub(crate) transfer_scene_id: String,
}

/// An authorization as stored.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names, reason = "authorization_id is the protocol's name")]
pub(crate) struct Authorization {
    pub(crate) mchid: MchId,
    pub(crate) out_authorization_no: OutAuthorizationNo,
    /// Set when the payee confirms.
    pub(crate) authorization_id: Option<AuthorizationId>,
    pub(crate) scope: Scope,
    pub(crate) user_display_name: String,
    pub(crate) user_recv_perception: Option<String>,
    pub(crate) notify_url: String,
    /// The identity of the request, unless a transfer requested the authorization.
    pub(crate) request: Option<RequestDigest>,
    /// The transfer that requested the authorization.
    pub(crate) out_bill_no: Option<OutBillNo>,
    /// The `Wechatpay-Serial` of the request.
    pub(crate) request_serial: Option<String>,
    pub(crate) package_info: String,
    /// The time until which the payee can confirm, unless a transfer requested the authorization.
    pub(crate) confirm_by: Option<UnixTime>,
    pub(crate) state: AuthorizationState,
    pub(crate) created_at: UnixTime,
    pub(crate) authorized_at: Option<UnixTime>,
    /// The time and the reason of the end.
    pub(crate) closed: Option<(UnixTime, CloseReason)>,
    pub(super) age: u64,
}

/// The time for which an unconfirmed authorization can be queried after its closing.
const UNCONFIRMED_TTL: Duration = Duration::from_secs(30 * 86_400);

impl Authorization {
    /// Returns whether the merchant can still query the authorization.
    pub(crate) fn is_kept(&self, now: UnixTime) -> bool {
        self.closed.is_none_or(|(at, reason)| {
            reason != CloseReason::UserOverdueUnconfirmed || now.since(at) <= UNCONFIRMED_TTL
        })
    }

    pub(crate) fn record(&self, notifications: Vec<NotificationRecord>) -> AuthorizationRecord {
        let awaits_confirmation =
            self.state == AuthorizationState::WaitUserConfirm && self.out_bill_no.is_none();
        AuthorizationRecord {
            mchid: self.mchid.clone(),
            out_authorization_no: self.out_authorization_no.clone(),
            authorization_id: self.authorization_id.clone(),
            appid: self.scope.appid.clone(),
            openid: self.scope.openid.clone(),
            user_display_name: self.user_display_name.clone(),
            transfer_scene_id: self.scope.transfer_scene_id.clone(),
            out_bill_no: self.out_bill_no.clone(),
            state: self.state,
            package_info: awaits_confirmation.then(|| self.package_info.clone()),
            created_at: self.created_at.as_secs(),
            authorized_at: self.authorized_at.map(UnixTime::as_secs),
            closed_at: self.closed.map(|(at, _)| at.as_secs()),
            close_reason: self.closed.map(|(_, reason)| reason),
            notifications,
        }
    }
}

/// The merchant, and its number of the authorization.
type Key = (MchId, OutAuthorizationNo);

/// All authorizations, with an index by WeChat Pay's number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorizations {
    pub(super) all: BTreeMap<Key, Authorization>,
    pub(super) ids: BTreeMap<AuthorizationId, Key>,
    pub(super) ages: Ages<Key>,
}

impl Authorizations {
    /// Returns the authorizations after a merchant's number.
    pub(crate) fn after(&self, after: Option<(&str, &str)>) -> impl Iterator<Item = &Authorization> {
        let key = after.and_then(|(mchid, number)| Some((mchid.parse().ok()?, number.parse().ok()?)));
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.all.range((from, Bound::Unbounded)).map(|(_, authorization)| authorization)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Authorization> {
        self.all.values()
    }

    pub(crate) fn get(&self, mchid: &MchId, number: &str) -> Option<&Authorization> {
        self.all.get(&(mchid.clone(), number.parse().ok()?))
    }

    pub(super) fn get_mut(&mut self, mchid: &MchId, number: &str) -> Option<&mut Authorization> {
        self.all.get_mut(&(mchid.clone(), number.parse().ok()?))
    }

    /// Returns the authorization with WeChat Pay's number, if it belongs to this merchant.
    pub(crate) fn by_id(&self, mchid: &MchId, id: &str) -> Option<&Authorization> {
        let key = self.ids.get(&id.parse().ok()?).filter(|(owner, _)| owner == mchid)?;
        self.all.get(key)
    }

    /// Returns whether the merchant has an authorization of this scope in this state.
    pub(super) fn has_state(&self, mchid: &MchId, scope: &Scope, state: AuthorizationState) -> bool {
        self.all.values().any(|each| each.mchid == *mchid && each.scope == *scope && each.state == state)
    }

    pub(super) fn add(&mut self, mut authorization: Authorization) {
        let key = (authorization.mchid.clone(), authorization.out_authorization_no.clone());
        authorization.age = self.ages.added(key.clone());
        self.all.insert(key, authorization);
    }

    /// Sets WeChat Pay's number.
    pub(super) fn set_id(&mut self, mchid: &MchId, number: &str, id: AuthorizationId) {
        let Some(authorization) = self.get_mut(mchid, number) else { return };
        let key = (mchid.clone(), authorization.out_authorization_no.clone());
        authorization.authorization_id = Some(id.clone());
        self.ids.insert(id, key);
    }
}
