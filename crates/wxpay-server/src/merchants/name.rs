//! The name of a merchant.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};
use wxpay_proto::id::InvalidField;

/// The name under which the installation knows a merchant: 1 to 32 of `a-z 0-9 _ -`. It is part of paths and keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MerchantName(Box<str>);

impl MerchantName {
    /// The name of the merchant that the environment defines.
    pub(crate) const DEFAULT: &'static str = "default";

    /// The name that no merchant may have: the events and cases of a webhook endpoint of all merchants are filed under it,
    /// and a key for one merchant must not see them.
    pub(crate) const RESERVED: &'static str = "_";

    /// The maximum length.
    pub(crate) const MAX_LENGTH: usize = 32;

    /// Returns the text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MerchantName {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidField::new("merchant", "must be 1 to 32 of a-z 0-9 _ -"))
        }
    }
}

impl fmt::Display for MerchantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MerchantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MerchantName({})", self.0)
    }
}

impl Serialize for MerchantName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MerchantName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merchant_name_has_1_to_32_of_its_alphabet() {
        for name in ["a", "shop-1", "shop_2", "0", &"x".repeat(32), MerchantName::DEFAULT] {
            assert_eq!(name.parse::<MerchantName>().unwrap().to_string(), name);
        }
        for name in ["", "Shop", "a b", "a/b", "a.b", "店", "a:b", &"x".repeat(33)] {
            let error = name.parse::<MerchantName>().unwrap_err();
            assert_eq!(error.to_string(), "merchant must be 1 to 32 of a-z 0-9 _ -", "{name}");
        }
    }

    #[test]
    fn a_merchant_name_is_a_json_string() {
        let name: MerchantName = serde_json::from_str("\"shop1\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"shop1\"");
        assert!(serde_json::from_str::<MerchantName>("\"Shop\"").is_err());
    }
}
