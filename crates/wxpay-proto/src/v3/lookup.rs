//! The result of a query.

use crate::refusal::{Code, Refusal};

/// The result of a query: the object, or the certainty that WeChat Pay does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the object is found, or it is not")]
pub enum Lookup<T> {
    /// The object exists.
    Found(T),
    /// WeChat Pay has no such object; this reply was signed. A request that creates it may still be in flight: see
    /// [`resolve`](crate::v3::Merchant::resolve).
    NotFound,
}

impl<T> Lookup<T> {
    /// Returns `NotFound` if a refusal has one of these codes, by which WeChat Pay reports that the queried object does
    /// not exist. For [`read_refusal`](crate::v3::Endpoint::read_refusal).
    pub fn from_refusal(refusal: &Refusal, not_found: &[Code]) -> Option<Self> {
        not_found.contains(&refusal.code).then_some(Self::NotFound)
    }

    /// Returns the object, if it was found.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(object) => Some(object),
            Self::NotFound => None,
        }
    }

    /// Converts the object, if it was found.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Found(object) => Lookup::Found(convert(object)),
            Self::NotFound => Lookup::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_given_codes_mean_not_found() {
        let not_found = [Code::ORDER_NOT_EXIST, Code::RESOURCE_NOT_EXISTS];
        let lookup = |code| Lookup::<u8>::from_refusal(&Refusal::new(404, code, ""), &not_found);
        assert_eq!(lookup(Code::ORDER_NOT_EXIST), Some(Lookup::NotFound));
        assert_eq!(lookup(Code::RESOURCE_NOT_EXISTS), Some(Lookup::NotFound));
        assert_eq!(lookup(Code::NOT_FOUND), None);
    }

    #[test]
    fn only_a_found_object_is_converted_and_returned() {
        assert_eq!(Lookup::Found(2).map(|object| object * 2).found(), Some(4));
        assert_eq!(Lookup::<u8>::NotFound.map(|object| object * 2).found(), None);
    }
}
