//! What payees allow: to be paid without confirming each time.

use super::openid;
use crate::notices::NoticeRecord;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use wxpay_proto::{
    UnixTime,
    id::{AppId, AuthorizationId, MchId, OpenId, OutAuthorizationNo, OutBillNo},
};

/// What the gateway knows of one permission. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[allow(clippy::struct_field_names, reason = "authorization_id is the protocol's word")]
pub struct AuthorizationRecord {
    /// Who may pay.
    pub mchid: MchId,
    /// The merchant's number.
    pub out_authorization_no: OutAuthorizationNo,
    /// The gateway's number, once the payee confirmed it.
    pub authorization_id: Option<AuthorizationId>,
    /// The app.
    pub appid: AppId,
    /// The payee, under the app.
    #[serde(serialize_with = "openid")]
    pub openid: OpenId,
    /// The name that the payee's account has at the merchant.
    pub user_display_name: String,
    /// The scene that it is for.
    pub transfer_scene_id: String,
    /// The transfer that it was asked for along with, if it was.
    pub out_bill_no: Option<OutBillNo>,
    /// Where it stands.
    pub state: AuthorizationState,
    /// What the payee's side confirms it by, while it waits for that.
    pub package_info: Option<String>,
    /// When it was asked for.
    pub created_at: u64,
    /// When the payee confirmed it.
    pub authorized_at: Option<u64>,
    /// When it ended.
    pub closed_at: Option<u64>,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// Its notices and how they were answered.
    pub notices: Vec<NoticeRecord>,
}

/// Where a permission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum AuthorizationState {
    /// The payee has not confirmed it.
    WaitUserConfirm,
    /// It is in force.
    TakingEffect,
    /// It has ended.
    Closed,
}

impl AuthorizationState {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitUserConfirm => "WAIT_USER_CONFIRM",
            Self::TakingEffect => "TAKING_EFFECT",
            Self::Closed => "CLOSED",
        }
    }
}

/// Why a permission ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum CloseReason {
    /// The merchant ended it.
    CloseViaMchApi,
    /// The payee ended it, or turned it down.
    UserClose,
    /// The payee did not confirm it in time.
    UserOverdueUnconfirmed,
    /// The platform sees a risk.
    TransferRisk,
    /// Something is wrong with the payee's account.
    UserAccountAbnormal,
}

impl CloseReason {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CloseViaMchApi => "CLOSE_VIA_MCH_API",
            Self::UserClose => "USER_CLOSE",
            Self::UserOverdueUnconfirmed => "USER_OVERDUE_UNCONFIRMED",
            Self::TransferRisk => "TRANSFER_RISK",
            Self::UserAccountAbnormal => "USER_ACCOUNT_ABNORMAL",
        }
    }

    /// By the word on the wire.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        const ALL: [CloseReason; 5] = [
            CloseReason::CloseViaMchApi,
            CloseReason::UserClose,
            CloseReason::UserOverdueUnconfirmed,
            CloseReason::TransferRisk,
            CloseReason::UserAccountAbnormal,
        ];
        ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// For what a payee allows one merchant to pay: one permission at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) appid: AppId,
    pub(crate) openid: OpenId,
    pub(crate) transfer_scene_id: String,
}

/// One permission as kept.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names, reason = "authorization_id is the protocol's word")]
pub(crate) struct Authorization {
    pub(crate) mchid: MchId,
    pub(crate) out_authorization_no: OutAuthorizationNo,
    /// Given when the payee confirms.
    pub(crate) authorization_id: Option<AuthorizationId>,
    pub(crate) scope: Scope,
    pub(crate) user_display_name: String,
    pub(crate) user_recv_perception: Option<String>,
    pub(crate) notify_url: String,
    /// The request; null where it was asked for along with a transfer.
    pub(crate) said: Value,
    /// The transfer that it was asked for along with.
    pub(crate) along: Option<OutBillNo>,
    /// The `Wechatpay-Serial` of the request.
    pub(crate) asked: Option<String>,
    pub(crate) package_info: String,
    pub(crate) state: AuthorizationState,
    pub(crate) created: UnixTime,
    pub(crate) authorized: Option<UnixTime>,
    pub(crate) closed: Option<(UnixTime, CloseReason)>,
}

impl Authorization {
    pub(crate) fn record(&self, notices: Vec<NoticeRecord>) -> AuthorizationRecord {
        let waits = self.state == AuthorizationState::WaitUserConfirm && self.along.is_none();
        AuthorizationRecord {
            mchid: self.mchid.clone(),
            out_authorization_no: self.out_authorization_no.clone(),
            authorization_id: self.authorization_id.clone(),
            appid: self.scope.appid.clone(),
            openid: self.scope.openid.clone(),
            user_display_name: self.user_display_name.clone(),
            transfer_scene_id: self.scope.transfer_scene_id.clone(),
            out_bill_no: self.along.clone(),
            state: self.state,
            package_info: waits.then(|| self.package_info.clone()),
            created_at: self.created.as_secs(),
            authorized_at: self.authorized.map(UnixTime::as_secs),
            closed_at: self.closed.map(|(at, _)| at.as_secs()),
            close_reason: self.closed.map(|(_, reason)| reason),
            notices,
        }
    }
}

/// Every permission.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorizations(BTreeMap<(MchId, OutAuthorizationNo), Authorization>);

impl Authorizations {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Authorization> {
        self.0.values()
    }

    pub(crate) fn of(&self, mchid: &MchId, number: &str) -> Option<&Authorization> {
        self.0.get(&(mchid.clone(), number.parse().ok()?))
    }

    pub(crate) fn of_mut(&mut self, mchid: &MchId, number: &str) -> Option<&mut Authorization> {
        self.0.get_mut(&(mchid.clone(), number.parse().ok()?))
    }

    /// By the gateway's number, if it is this merchant's.
    pub(crate) fn by_id(&self, mchid: &MchId, id: &str) -> Option<&Authorization> {
        let is_it = |each: &&Authorization| {
            each.mchid == *mchid && each.authorization_id.as_ref().is_some_and(|own| own.as_str() == id)
        };
        self.0.values().find(is_it)
    }

    /// Whether one of a payee and a scene stands so.
    pub(crate) fn is_any(&self, mchid: &MchId, scope: &Scope, state: AuthorizationState) -> bool {
        self.0.values().any(|each| each.mchid == *mchid && each.scope == *scope && each.state == state)
    }

    pub(crate) fn add(&mut self, authorization: Authorization) {
        let key = (authorization.mchid.clone(), authorization.out_authorization_no.clone());
        self.0.insert(key, authorization);
    }
}
