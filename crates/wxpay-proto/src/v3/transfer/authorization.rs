//! What a payee allows: to be paid without confirming each time. Asked for, asked after, ended.
//!
//! ```text
//!  ApplyAuthorization ─▶ WAIT_USER_CONFIRM ─ the payee confirms within a day ─▶ TAKING_EFFECT ─▶ CLOSED, by either side
//!                             └ or does not ───────────────────────────────────────▶ CLOSED
//! ```
//!
//! `POST /v3/fund-app/mch-transfer/user-confirm-authorization`, `GET …/out-authorization-no/{out_authorization_no}`,
//! `POST …/{out_authorization_no}/close`.

mod apply;
mod query;

pub use apply::{ApplyAuthorization, Builder, DeviceType};
pub use query::{AuthorizationLookup, CloseAuthorization, QueryAuthorization};

use crate::{
    clock::UnixTime,
    error::Error,
    id::{AppId, AuthorizationId, InvalidField, MchId, OpenId, OutAuthorizationNo},
    v3::{
        field::{self, open_enum},
        verify::{Verified, malformed},
    },
    wire::time,
};
use alloc::string::String;
use core::fmt;

open_enum! {
    /// Where it stands.
    State {
        /// The payee has not confirmed it yet.
        WaitUserConfirm = "WAIT_USER_CONFIRM",
        /// Transfers can be made.
        TakingEffect = "TAKING_EFFECT",
        /// It has ended.
        Closed = "CLOSED",
    }
}

open_enum! {
    /// Why it ended.
    CloseReason {
        /// The merchant ended it.
        CloseViaMchApi = "CLOSE_VIA_MCH_API",
        /// The payee ended it.
        UserClose = "USER_CLOSE",
        /// The payee did not confirm it in time.
        UserOverdueUnconfirmed = "USER_OVERDUE_UNCONFIRMED",
        /// WeChat Pay sees a risk.
        TransferRisk = "TRANSFER_RISK",
        /// Something is wrong with the payee's account.
        UserAccountAbnormal = "USER_ACCOUNT_ABNORMAL",
    }
}

/// What a payee allows. Only a [verified](Verified) reply or notice makes one. `Debug` shows numbers and state alone.
///
/// Each operation tells a part of it; the merchant's number and the state are always there.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authorization {
    /// The merchant's number.
    pub out_authorization_no: OutAuthorizationNo,
    /// WeChat Pay's number, once the payee confirmed it.
    pub authorization_id: Option<AuthorizationId>,
    /// Where it stands.
    pub state: State,
    /// What the payee's side needs to confirm it: in the answer of [`ApplyAuthorization`], and of a [`QueryAuthorization`] that asks for it.
    pub package_info: Option<String>,
    /// The merchant.
    pub mchid: Option<MchId>,
    /// The app.
    pub appid: Option<AppId>,
    /// The payee.
    pub openid: Option<OpenId>,
    /// The name that the payee's account has at the merchant.
    pub user_display_name: Option<String>,
    /// The scene.
    pub transfer_scene_id: Option<String>,
    /// What the payee is told to be paid for.
    pub user_recv_perception: Option<String>,
    /// When it was asked for.
    pub create_time: Option<UnixTime>,
    /// When the payee confirmed it.
    pub authorize_time: Option<UnixTime>,
    /// How it ended.
    pub close_info: Option<CloseInfo>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct CloseInfo {
    /// When.
    #[serde(deserialize_with = "time::deserialize")]
    pub close_time: UnixTime,
    /// Why.
    pub close_reason: CloseReason,
}

impl Authorization {
    /// Reads it.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.parse()?;
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

    /// The same, where it must be of that number.
    fn read_of(body: Verified<'_>, number: &OutAuthorizationNo) -> Result<Self, Error> {
        let authorization = Self::read(body)?;
        if authorization.out_authorization_no == *number {
            Ok(authorization)
        } else {
            Err(malformed()
                .caused_by(InvalidField::new("out_authorization_no", "must be the one that was asked for")))
        }
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

#[derive(serde::Deserialize)]
struct Wire {
    out_authorization_no: OutAuthorizationNo,
    authorization_id: Option<AuthorizationId>,
    state: State,
    package_info: Option<String>,
    mchid: Option<MchId>,
    mch_id: Option<MchId>,
    appid: Option<AppId>,
    openid: Option<OpenId>,
    user_display_name: Option<String>,
    transfer_scene_id: Option<String>,
    user_recv_perception: Option<String>,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    create_time: Option<UnixTime>,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    authorize_time: Option<UnixTime>,
    close_info: Option<CloseInfo>,
}

/// The name that the payee's account has at the merchant.
pub(super) fn display_name(text: &str) -> Result<String, InvalidField> {
    let rule = InvalidField::new("user_display_name", "must be 1 to 32 characters, none beyond U+FFFF");
    field::text(text, 32, rule)
}
