//! The account of a profit-sharing receiver.

use crate::{
    id::{MchId, OpenId},
    secret::PersonalData,
    v3::prelude::*,
};

/// The account of a receiver: `type` and `account`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Account {
    /// `MERCHANT_ID`: a merchant.
    Merchant(MchId),
    /// `PERSONAL_OPENID`: a person, by the openid for the requesting merchant's app (`appid`).
    PersonalOpenid(OpenId),
    /// `PERSONAL_SUB_OPENID`: a person, by the openid for the sub-merchant's app (`sub_appid`).
    PersonalSubOpenid(OpenId),
    /// An account of a type that has no variant here yet, or that breaks the rule of its type.
    Other {
        /// The value of `type`.
        kind: String,
        /// The value of `account`.
        account: PersonalData,
    },
}

impl Account {
    /// Returns the wire form: `type` and `account`.
    pub(super) fn to_wire(&self) -> (&str, &str) {
        match self {
            Self::Merchant(mchid) => (MERCHANT, mchid.as_str()),
            Self::PersonalOpenid(openid) => (OPENID, openid.as_str()),
            Self::PersonalSubOpenid(openid) => (SUB_OPENID, openid.as_str()),
            Self::Other { kind, account } => (kind, account.as_str()),
        }
    }

    /// Checks that the party has a `sub_appid` if the account's openid belongs to it.
    pub(super) fn check_party(&self, party: &Party) -> Result<(), Error> {
        if matches!(self, Self::PersonalSubOpenid(_)) && party.sub_appid().is_none() {
            return Err(Error::misuse(InvalidField::new("sub_appid", "is required for PERSONAL_SUB_OPENID")));
        }
        Ok(())
    }

    /// Reads the wire form. Never fails: an unexpected account becomes [`Other`](Self::Other).
    pub(super) fn from_wire(kind: String, account: String) -> Self {
        let known = match kind.as_str() {
            MERCHANT => account.parse().ok().map(Self::Merchant),
            OPENID => account.parse().ok().map(Self::PersonalOpenid),
            SUB_OPENID => account.parse().ok().map(Self::PersonalSubOpenid),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other { kind, account: account.into() })
    }
}

/// Writes `type` and `account`.
impl Members for Account {
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error> {
        let (kind, account) = self.to_wire();
        object.member("type", kind)?;
        object.member("account", account)
    }
}

const MERCHANT: &str = "MERCHANT_ID";
const OPENID: &str = "PERSONAL_OPENID";
const SUB_OPENID: &str = "PERSONAL_SUB_OPENID";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_account_is_kept_and_not_printed() {
        for (kind, account) in [
            ("MERCHANT_ID", "1900000109"),
            ("PERSONAL_OPENID", "planted-openid"),
            ("PERSONAL_SUB_OPENID", "planted-openid"),
            ("MERCHANT_ID", "planted, not a number"),
            ("A_NEW_KIND", "planted"),
        ] {
            let parsed = Account::from_wire(kind.into(), account.into());
            assert_eq!(parsed.to_wire(), (kind, account));
            assert!(!format!("{parsed:?}").contains("planted"), "{parsed:?}");
        }
        let merchant = Account::from_wire("MERCHANT_ID".into(), "1900000109".into());
        assert_eq!(merchant, Account::Merchant("1900000109".parse().unwrap()));
    }
}
