//! The `package`: the order's fields, signed by MD5, then percent-encoded.

use super::{
    merchant::{Merchant, PartnerKey},
    order::Order,
    signature::{self, Md5Sign, StringToSign},
};
use crate::{
    id::InvalidField,
    prelude::*,
    wire::{charset::Charset, form},
};

/// A signed package: `name=value&…&sign=…`, with escaped values, in ASCII order of the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    text: String,
    sign: Md5Sign,
}

impl Package {
    /// Builds an order's package.
    pub fn from_order(order: &Order, merchant: &Merchant) -> Self {
        Self::assemble(order.fields(merchant.partner()), merchant.partner_key())
    }

    /// Returns the string that an order's MD5 signs, for debugging.
    pub fn string_to_sign(order: &Order, merchant: &Merchant) -> StringToSign {
        signature::md5_string(
            bytes(order.fields(merchant.partner())),
            order.charset(),
            merchant.partner_key(),
        )
    }

    /// Builds a package from any fields, in any order. Empty fields and `sign` are omitted.
    ///
    /// An [`Order`] validates the rules of the fields. This function only checks that they can be encoded, and that
    /// their string to sign has [one reading](signature#one-signed-string-one-reading).
    ///
    /// # Errors
    ///
    /// When a value has a `&` or a character that the charset lacks, or when a name is empty, duplicate, or needs
    /// escaping.
    pub fn from_fields(
        fields: &[(&str, &str)],
        charset: Charset,
        key: &PartnerKey,
    ) -> Result<Self, InvalidField> {
        const NAMES: InvalidField =
            InvalidField::new("package", "must have unique names of letters, digits and - . _ ~");
        const VALUES: InvalidField = InvalidField::new("package", "must have no & in a value");
        let present = fields.iter().filter(|(name, value)| *name != "sign" && !value.is_empty());
        let mut encoded: Vec<(&str, Cow<'_, [u8]>)> = present
            .map(|(name, value)| charset.encode(value).map(|value| (*name, value)))
            .collect::<Result<_, _>>()
            .map_err(|fault| {
                InvalidField::new("package", "must have only characters of the charset").at(fault.offset)
            })?;
        encoded.sort_by_key(|(name, _)| *name);
        let is_unique = encoded.is_sorted_by(|(left, _), (right, _)| left < right);
        if !is_unique || encoded.iter().any(|(name, _)| name.is_empty() || !form::needs_no_escape(name)) {
            return Err(NAMES);
        }
        if !encoded.iter().all(|(_, value)| signature::has_one_reading(value)) {
            return Err(VALUES);
        }
        Ok(Self::assemble(encoded.iter().map(|(name, value)| (*name, &**value)), key))
    }

    /// Builds the package of an order query, which has two fields.
    pub(crate) fn for_query(out_trade_no: &str, merchant: &Merchant) -> Self {
        Self::assemble(query_fields(out_trade_no, merchant), merchant.partner_key())
    }

    /// Returns the string that the MD5 of an order query signs.
    pub(crate) fn query_string_to_sign(out_trade_no: &str, merchant: &Merchant) -> StringToSign {
        signature::md5_string(
            bytes(query_fields(out_trade_no, merchant)),
            Charset::Utf8,
            merchant.partner_key(),
        )
    }

    /// Returns the package as text, as sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Returns the MD5 signature in the package.
    pub fn sign(&self) -> Md5Sign {
        self.sign
    }

    /// Assembles fields that are sorted by name and not empty.
    fn assemble<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])> + Clone, key: &PartnerKey) -> Self {
        let sign = signature::md5(bytes(fields.clone()), key);
        let mut text = String::with_capacity(512);
        for (name, value) in fields {
            text.push_str(name);
            text.push('=');
            form::escape(value, &mut text);
            text.push('&');
        }
        text.push_str("sign=");
        text.push_str(sign.as_str());
        Self { text, sign }
    }
}

fn query_fields<'a>(
    out_trade_no: &'a str,
    merchant: &'a Merchant,
) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone {
    [("out_trade_no", out_trade_no.as_bytes()), ("partner", merchant.partner().as_str().as_bytes())]
        .into_iter()
}

fn bytes<'a>(
    fields: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    fields.map(|(name, value)| (name.as_bytes(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_need_escaping_is_rejected() {
        let key = PartnerKey::new("fedcba9876543210".repeat(2)).unwrap();
        let package = |fields: &[(&str, &str)]| Package::from_fields(fields, Charset::Utf8, &key);
        assert!(package(&[("b", "2"), ("a", "1")]).unwrap().as_str().starts_with("a=1&b=2&sign="));
        for name in ["a&b", "a=b", "a%62", "a b", "测", ""] {
            assert_eq!(package(&[(name, "1")]).unwrap_err().field(), "package", "{name}");
        }
        assert!(package(&[("a", "1"), ("a", "2")]).is_err());
        assert_eq!(
            package(&[("a", "1&b=2")]).unwrap_err().to_string(),
            "package must have no & in a value",
            "it would have the string to sign of two fields"
        );
    }
}
