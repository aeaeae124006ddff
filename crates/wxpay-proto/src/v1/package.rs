//! The `package`: what is sold, escaped, and signed by MD5 before it was escaped.

use super::{
    merchant::{Merchant, PartnerKey},
    order::Order,
    signature::{self, Md5Sign, StringToSign},
};
use crate::{
    id::InvalidField,
    wire::{charset::Charset, form},
};
use alloc::{borrow::Cow, string::String, vec::Vec};

/// A signed package: `name=value&…&sign=…`, values escaped, in ASCII order of the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    text: String,
    sign: Md5Sign,
}

impl Package {
    /// Assembles an order's package.
    #[must_use]
    pub fn of(order: &Order, me: &Merchant) -> Self {
        Self::assemble(order.fields(me.partner()), me.partner_key())
    }

    /// The string under an order's MD5, for debugging.
    #[must_use]
    pub fn string_to_sign(order: &Order, me: &Merchant) -> StringToSign {
        signature::md5_string(bytes(order.fields(me.partner())), order.charset(), me.partner_key())
    }

    /// Assembles a package of any fields, in any order of names; empty ones and `sign` are left out.
    ///
    /// An [`Order`] checks the rules of the fields; this checks that they can be written down at all.
    ///
    /// # Errors
    ///
    /// When a value has a character that the charset lacks, when a name has one that would have to be escaped, or
    /// comes twice.
    pub fn of_fields(
        fields: &[(&str, &str)],
        charset: Charset,
        key: &PartnerKey,
    ) -> Result<Self, InvalidField> {
        const NAMES: InvalidField =
            InvalidField::new("package", "must have names of letters, digits and - . _ ~ alone, each once");
        let told = fields.iter().filter(|(name, value)| *name != "sign" && !value.is_empty());
        let mut encoded: Vec<(&str, Cow<'_, [u8]>)> = told
            .map(|(name, value)| charset.encode(value).map(|value| (*name, value)))
            .collect::<Result<_, _>>()
            .map_err(|fault| {
                InvalidField::new("package", "must have characters of the charset alone").at(fault.offset)
            })?;
        encoded.sort_by_key(|(name, _)| *name);
        let each_once = encoded.is_sorted_by(|(one, _), (next, _)| one < next);
        if !each_once || encoded.iter().any(|(name, _)| name.is_empty() || !form::needs_no_escape(name)) {
            return Err(NAMES);
        }
        Ok(Self::assemble(encoded.iter().map(|(name, value)| (*name, &**value)), key))
    }

    /// The small package of an order query.
    pub(crate) fn of_query(out_trade_no: &str, me: &Merchant) -> Self {
        Self::assemble(query_fields(out_trade_no, me), me.partner_key())
    }

    /// The string under the MD5 of an order query.
    pub(crate) fn query_string_to_sign(out_trade_no: &str, me: &Merchant) -> StringToSign {
        signature::md5_string(bytes(query_fields(out_trade_no, me)), Charset::Utf8, me.partner_key())
    }

    /// The text, as it goes into the call.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// The MD5 inside.
    #[must_use]
    pub fn sign(&self) -> Md5Sign {
        self.sign
    }

    /// Fields come sorted by name, and none is empty.
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
    me: &'a Merchant,
) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone {
    [("out_trade_no", out_trade_no.as_bytes()), ("partner", me.partner().as_str().as_bytes())].into_iter()
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
    fn a_name_that_could_not_be_read_back_is_refused() {
        let key = PartnerKey::new("fedcba9876543210".repeat(2)).unwrap();
        let package = |fields: &[(&str, &str)]| Package::of_fields(fields, Charset::Utf8, &key);
        assert!(package(&[("b", "2"), ("a", "1")]).unwrap().as_str().starts_with("a=1&b=2&sign="));
        for name in ["a&b", "a=b", "a%62", "a b", "测", ""] {
            assert_eq!(package(&[(name, "1")]).unwrap_err().field(), "package", "{name}");
        }
        assert!(package(&[("a", "1"), ("a", "2")]).is_err());
    }
}
