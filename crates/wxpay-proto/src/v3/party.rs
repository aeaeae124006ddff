//! The party that a merchant acts for: itself, or, as a partner (service provider), one of its sub-merchants.
//!
//! Operations that exist in both modes have a setter for the [`Party`], instead of being defined twice.

use super::body::{Members, Object};
use crate::{
    id::{AppId, MchId},
    pending::PendingOperation,
};
use serde::ser::SerializeMap;

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

    /// Returns the party that a key names: the sub-merchant, if there is one.
    pub(super) fn of_pending(pending: &PendingOperation) -> Self {
        pending.number("sub_mchid").map_or(Self::Direct, Self::partner)
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
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error> {
        self.sub_mchid().map_or(Ok(()), |sub_mchid| object.member("sub_mchid", sub_mchid))
    }
}

/// The ids of the app and the merchant that place an order.
pub(super) struct OrderParty<'a> {
    pub(super) appid: &'a AppId,
    pub(super) mchid: &'a MchId,
    pub(super) party: &'a Party,
}

impl Members for OrderParty<'_> {
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error> {
        let Self { appid, mchid, party } = *self;
        object.member(party.choose("appid", "sp_appid"), appid)?;
        object.member(party.choose("mchid", "sp_mchid"), mchid)?;
        object.member_opt("sub_appid", party.sub_appid())?;
        party.write_members(object)
    }
}

/// The ids of the merchant that an order belongs to.
pub(super) struct QueryParty<'a> {
    pub(super) mchid: &'a MchId,
    pub(super) party: &'a Party,
}

impl Members for QueryParty<'_> {
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error> {
        let Self { mchid, party } = *self;
        object.member(party.choose("mchid", "sp_mchid"), mchid)?;
        party.write_members(object)
    }
}
