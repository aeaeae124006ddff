//! The party that a merchant acts for: itself, or, as a partner (service provider), one of its sub-merchants.
//!
//! Operations that exist in both modes take a [`Party`], instead of being defined twice.

use super::{body::Members, merchant::Merchant, seal::RequestWriter};
use crate::{
    error::Error,
    id::{AppId, MchId},
};

/// The party that an operation is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there are two modes")]
pub enum Party {
    /// The merchant itself, as a direct merchant.
    #[default]
    Direct,
    /// A sub-merchant of the partner.
    Partner {
        /// The sub-merchant, which receives the money.
        sub_mchid: MchId,
        /// The sub-merchant's own app, if the payer uses that app.
        sub_appid: Option<AppId>,
    },
}

impl Party {
    /// Creates the party for a sub-merchant without an app of its own.
    pub fn partner(sub_mchid: MchId) -> Self {
        Self::Partner { sub_mchid, sub_appid: None }
    }

    /// Returns the sub-merchant's number.
    pub fn sub_mchid(&self) -> Option<&MchId> {
        match self {
            Self::Direct => None,
            Self::Partner { sub_mchid, .. } => Some(sub_mchid),
        }
    }

    /// Returns the sub-merchant's own app.
    pub fn sub_appid(&self) -> Option<&AppId> {
        match self {
            Self::Direct => None,
            Self::Partner { sub_appid, .. } => sub_appid.as_ref(),
        }
    }

    /// Selects one of two values, such as paths, by mode.
    pub(super) fn choose<T>(&self, direct: T, partner: T) -> T {
        match self {
            Self::Direct => direct,
            Self::Partner { .. } => partner,
        }
    }
}

/// Writes `sub_mchid` in partner mode.
impl Members for Party {
    fn write_members(&self, writer: &mut RequestWriter<'_, '_>) -> Result<(), Error> {
        self.sub_mchid().map_or(Ok(()), |sub_mchid| writer.member("sub_mchid", sub_mchid))
    }
}

/// The ids of the app and the merchant that place an order, as on the wire in either mode.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(super) enum OrderParty<'a> {
    Direct {
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

impl<'a> OrderParty<'a> {
    pub(super) fn of(merchant: &'a Merchant, appid: &'a AppId, party: &'a Party) -> Self {
        match party {
            Party::Direct => Self::Direct { appid, mchid: merchant.mchid() },
            Party::Partner { sub_mchid, sub_appid } => Self::Partner {
                sp_appid: appid,
                sp_mchid: merchant.mchid(),
                sub_appid: sub_appid.as_ref(),
                sub_mchid,
            },
        }
    }
}

/// The ids of the merchant that an order belongs to, as on the wire in either mode.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(super) enum QueryParty<'a> {
    Direct { mchid: &'a MchId },
    Partner { sp_mchid: &'a MchId, sub_mchid: &'a MchId },
}

impl<'a> QueryParty<'a> {
    pub(super) fn of(merchant: &'a Merchant, party: &'a Party) -> Self {
        match party {
            Party::Direct => Self::Direct { mchid: merchant.mchid() },
            Party::Partner { sub_mchid, .. } => Self::Partner { sp_mchid: merchant.mchid(), sub_mchid },
        }
    }
}
