//! Authorizations, by which a payee allows transfers without confirmation: application, query and closing.
//!
//! ```text
//!  ApplyAuthorization ─▶ WAIT_USER_CONFIRM ─ confirmed within a day ─▶ TAKING_EFFECT ─▶ CLOSED, by either side
//!                             └─ not confirmed ────────────────────────▶ CLOSED
//! ```
//!
//! `POST /v3/fund-app/mch-transfer/user-confirm-authorization`, `GET …/out-authorization-no/{out_authorization_no}`,
//! `POST …/{out_authorization_no}/close`.

mod apply;
mod query;

pub use apply::{ApplyAuthorization, DeviceType, SceneInfo};
pub use query::{CloseAuthorization, QueryAuthorization};

use crate::{
    id::{AppId, AuthorizationId, MchId, OpenId, OutAuthorizationNo},
    v3::prelude::*,
};
use core::fmt;

open_enum! {
    /// The status of an authorization.
    AuthorizationState {
        /// The payee has not confirmed the authorization.
        WaitUserConfirm = "WAIT_USER_CONFIRM",
        /// The authorization is in force: transfers can be created under it.
        TakingEffect = "TAKING_EFFECT",
        /// The authorization is closed.
        Closed = "CLOSED",
    }
}

open_enum! {
    /// The reason why an authorization was closed.
    CloseReason {
        /// The merchant closed it.
        CloseViaMchApi = "CLOSE_VIA_MCH_API",
        /// The payee closed it.
        UserClose = "USER_CLOSE",
        /// The payee did not confirm it in time.
        UserOverdueUnconfirmed = "USER_OVERDUE_UNCONFIRMED",
        /// WeChat Pay found the transfers risky.
        TransferRisk = "TRANSFER_RISK",
        /// The payee's account is abnormal.
        UserAccountAbnormal = "USER_ACCOUNT_ABNORMAL",
    }
}

/// An authorization and its status. It is read only from a [verified](Verified) reply or notification. `Debug` shows
/// numbers and status only.
///
/// Each operation returns some of the fields; the merchant's number and the status are always present.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authorization {
    /// The merchant's number of the authorization.
    pub out_authorization_no: OutAuthorizationNo,
    /// WeChat Pay's number of the authorization, once the payee has confirmed it.
    pub authorization_id: Option<AuthorizationId>,
    /// The status of the authorization.
    pub state: AuthorizationState,
    /// The value that the payee's client needs to show the authorization for confirmation. Returned by
    /// [`ApplyAuthorization`], and by [`QueryAuthorization`] on request.
    pub package_info: Option<String>,
    /// The merchant.
    pub mchid: Option<MchId>,
    /// The app.
    pub appid: Option<AppId>,
    /// The payee's openid for `appid`.
    pub openid: Option<OpenId>,
    /// The name of the payee's account at the merchant.
    pub user_display_name: Option<String>,
    /// The id of the transfer scene.
    pub transfer_scene_id: Option<String>,
    /// The reason for payment that the payee sees.
    pub user_recv_perception: Option<String>,
    /// The time of the application.
    pub create_time: Option<UnixTime>,
    /// The time at which the payee confirmed.
    pub authorize_time: Option<UnixTime>,
    /// The time and reason of the closing, once closed.
    pub close_info: Option<CloseInfo>,
}

object! {
    /// The closing of an authorization: time and reason.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct CloseInfo {
        /// The time of the closing.
        pub close_time: UnixTime,
        /// The reason for the closing.
        pub close_reason: CloseReason,
    }
}

impl Authorization {
    /// Reads an authorization.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.read()?;
        Ok(Self {
            out_authorization_no: wire.out_authorization_no,
            authorization_id: wire.authorization_id,
            state: wire.state,
            package_info: wire.package_info,
            mchid: wire.mchid.or(wire.mch_id),
            appid: wire.appid,
            openid: wire.openid,
            user_display_name: wire.user_display_name,
            transfer_scene_id: wire.transfer_scene_id,
            user_recv_perception: wire.user_recv_perception,
            create_time: wire.create_time,
            authorize_time: wire.authorize_time,
            close_info: wire.close_info,
        })
    }

    /// Reads an authorization. Its `out_authorization_no` must be this one.
    fn read_of(body: Verified<'_>, number: &OutAuthorizationNo) -> Result<Self, Error> {
        let authorization = Self::read(body)?;
        require(
            authorization.out_authorization_no == *number,
            "out_authorization_no",
            "must be that of the requested authorization",
        )?;
        Ok(authorization)
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("out_authorization_no", &self.out_authorization_no)
            .field("authorization_id", &self.authorization_id)
            .field("state", &self.state)
            .field("close_info", &self.close_info)
            .finish_non_exhaustive()
    }
}

object! {
    struct Wire {
        out_authorization_no: OutAuthorizationNo,
        authorization_id: Option<AuthorizationId>,
        state: AuthorizationState,
        package_info: Option<String>,
        mchid: Option<MchId> = strict,
        mch_id: Option<MchId> = strict,
        appid: Option<AppId>,
        openid: Option<OpenId>,
        user_display_name: Option<String>,
        transfer_scene_id: Option<String>,
        user_recv_perception: Option<String>,
        create_time: Option<UnixTime>,
        authorize_time: Option<UnixTime>,
        close_info: Option<CloseInfo>,
    }
}
