//! Scopes: the operations that an API key allows.

use std::{collections::BTreeSet, fmt, str::FromStr};
use wxpay_proto::id::InvalidField;

/// An operation that an API key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    OrdersRead,
    OrdersWrite,
    RefundsWrite,
    EventsRead,
    ConfigWrite,
}

impl Scope {
    /// All scopes.
    pub(crate) const ALL: [Self; 5] =
        [Self::OrdersRead, Self::OrdersWrite, Self::RefundsWrite, Self::EventsRead, Self::ConfigWrite];

    /// Returns the name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::RefundsWrite => "refunds:write",
            Self::EventsRead => "events:read",
            Self::ConfigWrite => "config:write",
        }
    }

    /// Returns the name as a list of one, for the document.
    pub(crate) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::OrdersRead => &["orders:read"],
            Self::OrdersWrite => &["orders:write"],
            Self::RefundsWrite => &["refunds:write"],
            Self::EventsRead => &["events:read"],
            Self::ConfigWrite => &["config:write"],
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        const RULE: InvalidField = InvalidField::new(
            "scopes",
            "must be of orders:read, orders:write, refunds:write, events:read and config:write",
        );
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or(RULE)
    }
}

/// The scopes of an API key. `Display` and `FromStr` separate them by spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Returns every scope.
    pub(crate) fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Returns whether the key allows the operations of a scope. A key that may write orders may read them.
    pub(crate) fn allows(&self, scope: Scope) -> bool {
        self.0.contains(&scope) || (scope == Scope::OrdersRead && self.0.contains(&Scope::OrdersWrite))
    }

    /// Returns the first of some scopes that these do not allow.
    pub(crate) fn first_missing(&self, asked: &Self) -> Option<Scope> {
        asked.iter().find(|scope| !self.allows(*scope))
    }

    /// Yields the scopes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " " })?;
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        text.split_ascii_whitespace().map(str::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_survive_their_text_and_others_are_refused() {
        let text = "orders:read orders:write refunds:write events:read config:write";
        assert_eq!(Scopes::all().to_string(), text);
        assert_eq!(text.parse::<Scopes>().unwrap(), Scopes::all());
        assert_eq!("".parse::<Scopes>().unwrap(), Scopes::default());
        assert_eq!("orders:read admin".parse::<Scopes>().unwrap_err().field(), "scopes");
    }

    #[test]
    fn scope_allows_only_its_operations() {
        let scopes: Scopes = "orders:write".parse().unwrap();
        assert!(scopes.allows(Scope::OrdersWrite) && scopes.allows(Scope::OrdersRead));
        for scope in [Scope::RefundsWrite, Scope::EventsRead, Scope::ConfigWrite] {
            assert!(!scopes.allows(scope), "{scope:?}");
        }
        assert!(!"orders:read".parse::<Scopes>().unwrap().allows(Scope::OrdersWrite));
    }
}
