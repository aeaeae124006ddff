//! The payer of an order, and the person that the payer must be.

use crate::{id::OpenId, v3::prelude::*};

/// The payer of an order.
#[derive(Clone, Debug)]
#[must_use]
pub struct Payer(PayerInfo);

body! {
    /// The payer as an object in a body.
    #[derive(Clone, Default)]
    pub(super) struct PayerInfo {
        pub(super) optional openid: OpenId,
        optional sp_openid: OpenId,
        pub(super) optional sub_openid: OpenId,
        pub(super) optional identity: Identity,
    }
    Debug { openid, sub_openid, identity }
}

body! {
    /// The person that the payer must be.
    #[derive(Clone)]
    pub(super) struct Identity {
        required kind: IdentityKind as "type",
        required number: Sensitive,
        required name: Sensitive,
    }
    Debug { kind }
}

/// The kind of document that identifies the payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum IdentityKind {
    /// An identity card of the mainland.
    Idcard,
    /// A travel permit for residents of Hong Kong and Macao.
    HongkongMacao,
    /// A residence permit for residents of Hong Kong and Macao.
    HongkongMacaoResident,
    /// A residence permit for residents of Taiwan.
    TaiwanResident,
    /// A residence permit for foreigners.
    ForeignResident,
    /// A passport.
    OverseaPassport,
    /// A telephone number.
    PhoneNumber,
}

impl Payer {
    /// Creates a payer whose openid belongs to the order's app.
    pub fn new(openid: OpenId) -> Self {
        Self(PayerInfo { openid: Some(openid), ..PayerInfo::default() })
    }

    /// Creates a payer whose openid belongs to the sub-merchant's own app: for [`Party::Partner`] with a `sub_appid`.
    pub fn under_sub_appid(openid: OpenId) -> Self {
        Self(PayerInfo { sub_openid: Some(openid), ..PayerInfo::default() })
    }

    /// Restricts payment to this person. The merchant needs a separate permission for it.
    pub fn identity(self, kind: IdentityKind, number: Sensitive, name: Sensitive) -> Self {
        Self(self.0.identity(kind, number, name))
    }

    /// Returns the payer of an order of this party, which decides the name of the openid.
    pub(super) fn of_party(self, party: &Party) -> Result<PayerInfo, InvalidField> {
        let Self(payer) = self;
        if payer.sub_openid.is_some() && party.sub_appid().is_none() {
            return Err(InvalidField::new("sub_openid", "requires a sub_appid in the order"));
        }
        Ok(match party {
            Party::Direct => payer,
            Party::Partner { .. } => PayerInfo { sp_openid: payer.openid, openid: None, ..payer },
        })
    }
}

impl PayerInfo {
    pub(super) fn identity(self, kind: IdentityKind, number: Sensitive, name: Sensitive) -> Self {
        Self { identity: Some(Identity::required(kind, number, name)), ..self }
    }
}
