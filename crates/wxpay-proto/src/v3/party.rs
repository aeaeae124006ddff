//! For whom a merchant acts: itself, or, as a partner, one of its sub-merchants.
//!
//! Each operation that has both forms takes a [`Party`], instead of coming twice.

use super::merchant::Merchant;
use crate::id::{AppId, MchId};

/// For whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there are two modes")]
pub enum Party {
    /// The merchant itself.
    #[default]
    Own,
    /// A sub-merchant of the partner.
    Partner {
        /// Whose money it is.
        sub_mchid: MchId,
        /// The sub-merchant's own app, if the payer is there.
        sub_appid: Option<AppId>,
    },
}

impl Party {
    /// A sub-merchant without an app of its own.
    #[must_use]
    pub fn partner(sub_mchid: MchId) -> Self {
        Self::Partner { sub_mchid, sub_appid: None }
    }

    /// The sub-merchant's number.
    #[must_use]
    pub fn sub_mchid(&self) -> Option<&MchId> {
        match self {
            Self::Own => None,
            Self::Partner { sub_mchid, .. } => Some(sub_mchid),
        }
    }

    /// The sub-merchant's own app.
    #[must_use]
    pub fn sub_appid(&self) -> Option<&AppId> {
        match self {
            Self::Own => None,
            Self::Partner { sub_appid, .. } => sub_appid.as_ref(),
        }
    }

    /// The one of two paths, or of two other things, that is for this mode.
    pub(super) fn choose<T>(&self, own: T, partner: T) -> T {
        match self {
            Self::Own => own,
            Self::Partner { .. } => partner,
        }
    }
}

/// Who orders, as the wire has it in either mode.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(super) enum Ordering<'a> {
    Own {
        appid: &'a AppId,
        mchid: &'a MchId,
    },
    Partner {
        sp_appid: &'a AppId,
        sp_mchid: &'a MchId,
        #[serde(skip_serializing_if = "Option::is_none")]
        sub_appid: Option<&'a AppId>,
        sub_mchid: &'a MchId,
    },
}

impl<'a> Ordering<'a> {
    pub(super) fn of(me: &'a Merchant, appid: &'a AppId, party: &'a Party) -> Self {
        match party {
            Party::Own => Self::Own { appid, mchid: me.mchid() },
            Party::Partner { sub_mchid, sub_appid } => Self::Partner {
                sp_appid: appid,
                sp_mchid: me.mchid(),
                sub_appid: sub_appid.as_ref(),
                sub_mchid,
            },
        }
    }
}

/// Whose order, as the wire has it in either mode.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(super) enum Belonging<'a> {
    Own { mchid: &'a MchId },
    Partner { sp_mchid: &'a MchId, sub_mchid: &'a MchId },
}

impl<'a> Belonging<'a> {
    pub(super) fn of(me: &'a Merchant, party: &'a Party) -> Self {
        match party {
            Party::Own => Self::Own { mchid: me.mchid() },
            Party::Partner { sub_mchid, .. } => Self::Partner { sp_mchid: me.mchid(), sub_mchid },
        }
    }
}
