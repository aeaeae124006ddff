//! The merchants that an API key is for.

use crate::api::problem::Problem;
use std::collections::BTreeSet;

/// The merchants that an API key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Merchants {
    /// Every merchant, also one that is added later.
    All,
    /// These merchants.
    Only(BTreeSet<String>),
}

impl Merchants {
    /// Returns whether the key is for a merchant.
    pub(crate) fn allows(&self, merchant: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(merchant),
        }
    }

    /// Returns whether the key is for all of these merchants.
    pub(crate) fn covers(&self, others: &Self) -> bool {
        match (self, others) {
            (Self::All, _) => true,
            (Self::Only(own), Self::Only(others)) => others.is_subset(own),
            (Self::Only(_), Self::All) => false,
        }
    }

    /// Returns the merchant of a request: the one that it names, or else the only one that the key is for and that is
    /// configured. Two merchants may use the same number, so there is no other default.
    ///
    /// # Errors
    ///
    /// 422 if none is named and there is not exactly one; 403 if the key is not for it; 404 if it is not configured.
    pub(crate) fn select<'a>(
        &self,
        named: Option<&str>,
        configured: impl IntoIterator<Item = &'a str>,
    ) -> Result<&'a str, Problem> {
        let mut configured = configured.into_iter();
        if let Some(named) = named {
            if !self.allows(named) {
                return Err(Problem::other_merchant());
            }
            return configured.find(|name| *name == named).ok_or_else(|| Problem::not_found("merchant"));
        }
        let mut allowed = configured.filter(|name| self.allows(name));
        match (allowed.next(), allowed.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(Problem::invalid_field(
                "merchant",
                "is required, because the API key is not for exactly one merchant",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(names: &[&str]) -> Merchants {
        Merchants::Only(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn merchant_is_named_or_the_only_one_and_never_a_guess() {
        let select = |merchants: Merchants, named, configured: &[&'static str]| {
            merchants.select(named, configured.iter().copied()).map_err(|problem| problem.status().as_u16())
        };
        let both = &["a", "b"];
        assert_eq!(select(Merchants::All, Some("b"), both), Ok("b"));
        assert_eq!(select(Merchants::All, Some("c"), both), Err(404));
        assert_eq!(select(Merchants::All, None, both), Err(422));
        assert_eq!(select(Merchants::All, None, &["a"]), Ok("a"));
        assert_eq!(select(Merchants::All, None, &[]), Err(422));
        assert_eq!(select(only(&["a"]), None, both), Ok("a"));
        assert_eq!(select(only(&["a"]), Some("b"), both), Err(403));
        assert_eq!(select(only(&["c"]), Some("c"), both), Err(404));
        assert_eq!(select(only(&["a", "b"]), None, both), Err(422));
        assert_eq!(select(only(&["c"]), None, both), Err(422));
        assert_eq!(select(only(&[]), None, &["a"]), Err(422));
    }
}
