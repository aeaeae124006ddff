//! The two signatures of APIv1.
//!
//! ```text
//! MD5    the non-empty fields except sign, sorted by name in ASCII order, as name=value joined by &,
//!        then &key=<PartnerKey>; MD5 over the bytes in the declared charset; upper-case hex
//! SHA-1  the fields and appkey=<PaySignKey>, names in lower case, except app_signature and sign_method,
//!        sorted by name in ASCII order, as name=value joined by &; SHA-1 over UTF-8; lower-case hex
//! ```
//!
//! MD5 signs raw values, before they are escaped, and omits empty ones. SHA-1 signs values as sent (the package with
//! its escapes) and keeps empty ones.
//!
//! # One signed string, one reading
//!
//! Neither rule escapes the `&` that separates the fields. A value `a&total_fee=1` therefore gives the same string, and
//! the same signature, as a value `a` followed by a field `total_fee`: whoever chooses a value could choose other
//! fields. This crate excludes that on both sides, for every message that it signs or verifies:
//!
//! * No value has a `&` ([`has_one_reading`]); only the `package` has, whose own values are escaped.
//! * All names are from the closed set of the document, and none of them has a `=` or a `&`.
//! * A field without a value and an absent field mean the same wherever MD5 signs, because their strings are equal.
//!
//! So the string splits into its fields in exactly one way. It cannot be the string of another kind of message under the
//! same key either, because no two kinds have the same names.

use super::merchant::{PartnerKey, PaySignKey};
use crate::{
    prelude::*,
    secret::constant_time_eq,
    wire::{charset::Charset, form::Form},
};
use core::{cmp::Ordering, fmt, mem, ops::Range};
use md5::{Digest, Md5};
use sha1::Sha1;
use zeroize::Zeroize as _;

/// An MD5 signature: 32 upper-case hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Md5Sign([u8; 32]);

/// A SHA-1 signature: 40 lower-case hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha1Sign([u8; 40]);

macro_rules! hexadecimal {
    ($($name:ident)*) => {$(
        impl $name {
            /// Returns the signature as sent.
            pub fn as_str(&self) -> &str {
                core::str::from_utf8(&self.0).unwrap_or_default()
            }

            /// Returns whether a claimed signature equals this one, in any letter case. Compares in constant time.
            pub fn matches(&self, claimed: &[u8]) -> bool {
                let Ok(mut claimed) = <[u8; size_of::<Self>()]>::try_from(claimed) else { return false };
                let mut own = self.0;
                claimed.make_ascii_lowercase();
                own.make_ascii_lowercase();
                constant_time_eq(&own, &claimed)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }
    )*};
}

hexadecimal! { Md5Sign Sha1Sign }

/// The exact bytes that a signature signs. `Display` shows the key as `[secret]`, and the key is wiped on drop.
pub struct StringToSign {
    bytes: Vec<u8>,
    secret: Range<usize>,
    charset: Charset,
}

impl StringToSign {
    fn empty(charset: Charset) -> Self {
        Self { bytes: Vec::with_capacity(1024), secret: 0..0, charset }
    }

    /// Returns the bytes, **key included**: the input of the hash.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn before_key(&self) -> &[u8] {
        self.bytes.get(..self.secret.start).unwrap_or_default()
    }

    /// Returns the bytes before the key, which is wiped. For MD5 these are all signed fields.
    pub(crate) fn into_fields(mut self) -> Vec<u8> {
        self.wipe();
        self.bytes.truncate(self.secret.start);
        self.secret = 0..0;
        mem::take(&mut self.bytes)
    }

    fn wipe(&mut self) {
        if let Some(key) = self.bytes.get_mut(self.secret.clone()) {
            key.zeroize();
        }
    }

    /// Reserves space for the key. The key is written last, when the buffer no longer grows: growing would leave a
    /// copy behind that is never wiped.
    fn reserve_key(&mut self, key: &str) {
        let start = self.bytes.len();
        self.bytes.resize(start.saturating_add(key.len()), 0);
        self.secret = start..self.bytes.len();
    }

    /// Ends the string of the MD5 rule.
    fn with_partner_key(mut self, key: &PartnerKey) -> Self {
        self.push(b"key=");
        self.reserve_key(key.expose());
        self.with_key(key.expose())
    }

    fn with_key(mut self, key: &str) -> Self {
        if let Some(reserved) = self.bytes.get_mut(self.secret.clone()) {
            reserved.copy_from_slice(key.as_bytes());
        }
        self
    }
}

impl Drop for StringToSign {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Display for StringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = self.bytes.get(self.secret.end..).unwrap_or_default();
        let text = |bytes| self.charset.decode(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes));
        write!(f, "{}[secret]{}", text(self.before_key()), text(after))
    }
}

impl fmt::Debug for StringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StringToSign({self})")
    }
}

/// Returns whether a value leaves the string that contains it with one reading: it has no `&`.
///
/// `&` is a byte of its own in UTF-8 and in GBK, where no second byte of a character is below `0x30`. A `=` is harmless:
/// names have none, so the first one of a field ends its name.
pub fn has_one_reading(value: &[u8]) -> bool {
    !value.contains(&b'&')
}

/// Signs by the MD5 rule. The fields must be sorted by name, in the bytes of their charset.
pub(crate) fn md5<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, key: &PartnerKey) -> Md5Sign {
    // The charset only matters for printing the string, not for its hash.
    md5_of(&md5_string(fields, Charset::default(), key))
}

/// Signs a string of [`md5_string`].
pub(crate) fn md5_of(string: &StringToSign) -> Md5Sign {
    let mut hex = [0; 32];
    encode(&Md5::digest(string.expose()), b"0123456789ABCDEF", &mut hex);
    Md5Sign(hex)
}

/// Returns the string that [`md5()`] signs.
pub(crate) fn md5_string<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    charset: Charset,
    key: &PartnerKey,
) -> StringToSign {
    let mut string = StringToSign::empty(charset);
    for (name, value) in fields.filter(|(name, value)| is_md5_signed(name, value)) {
        string.push(name);
        string.push(b"=");
        string.push(value);
        string.push(b"&");
    }
    string.with_partner_key(key)
}

/// Returns the string that MD5 signs for a form, as [`md5_string`] does for its fields.
pub(crate) fn md5_string_of(form: &Form<'_>, charset: Charset, key: &PartnerKey) -> StringToSign {
    let mut string = StringToSign::empty(charset);
    for (_, _, text) in form.texts().filter(|(name, value, _)| is_md5_signed(name, value)) {
        string.push(text);
        string.push(b"&");
    }
    string.with_partner_key(key)
}

/// Returns whether the MD5 rule signs a field.
fn is_md5_signed(name: &[u8], value: &[u8]) -> bool {
    !value.is_empty() && name != b"sign"
}

/// Signs by the SHA-1 rule. The fields must be sorted [by name in lower case](cmp_lower_case), without those that the
/// rule [omits](is_unsigned).
pub(crate) fn sha1<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>, key: &PaySignKey) -> Sha1Sign {
    let string = sha1_string(fields, key);
    let mut hex = [0; 40];
    encode(&Sha1::digest(string.expose()), b"0123456789abcdef", &mut hex);
    Sha1Sign(hex)
}

/// Returns the string that [`sha1()`] signs.
pub(crate) fn sha1_string<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    key: &PaySignKey,
) -> StringToSign {
    const APPKEY: &str = "appkey";
    let mut string = StringToSign::empty(Charset::Utf8);
    let mut fields = fields.peekable();
    while let Some((name, value)) = fields.next_if(|(name, _)| cmp_lower_case(name, APPKEY).is_lt()) {
        write_field(&mut string, name, value);
        string.push(b"&");
    }
    string.push(b"appkey=");
    string.reserve_key(key.expose());
    for (name, value) in fields {
        string.push(b"&");
        write_field(&mut string, name, value);
    }
    string.with_key(key.expose())
}

fn write_field(string: &mut StringToSign, name: &str, value: &str) {
    string.bytes.extend(lower_case(name));
    string.push(b"=");
    string.push(value.as_bytes());
}

fn lower_case(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes().map(|letter| letter.to_ascii_lowercase())
}

/// Compares two names in the order of the SHA-1 rule.
pub(crate) fn cmp_lower_case(left: &str, right: &str) -> Ordering {
    lower_case(left).cmp(lower_case(right))
}

/// Returns whether the SHA-1 rule omits a field of this name, in any letter case, as spelled in JSON or in XML.
pub(crate) fn is_unsigned(name: &str) -> bool {
    const UNSIGNED: [&str; 5] = ["appkey", "app_signature", "appsignature", "sign_method", "signmethod"];
    UNSIGNED.iter().any(|unsigned| unsigned.eq_ignore_ascii_case(name))
}

fn encode(digest: &[u8], digits: &[u8; 16], hex: &mut [u8]) {
    for (byte, pair) in digest.iter().zip(hex.chunks_exact_mut(2)) {
        for (nibble, place) in [byte >> 4, byte & 15].into_iter().zip(pair) {
            *place = digits.get(usize::from(nibble)).copied().unwrap_or_default();
        }
    }
}

/// Signs any fields by the MD5 rule, in any order of names.
///
/// Every message of APIv1 has a type that signs it; this function is for debugging, and signs values with a `&` too. A
/// `sign` among the fields is ignored.
///
/// # Errors
///
/// When a value has a character that the charset lacks.
pub fn sign_md5(
    fields: &[(&str, &str)],
    charset: Charset,
    key: &PartnerKey,
) -> Result<(Md5Sign, StringToSign), crate::wire::ParseError> {
    let mut encoded = fields
        .iter()
        .filter(|(name, _)| *name != "sign")
        .map(|(name, value)| Ok((*name, charset.encode(value)?)))
        .collect::<Result<Vec<_>, _>>()?;
    encoded.sort_by_key(|(name, _)| *name);
    let raw = || encoded.iter().map(|(name, value)| (name.as_bytes(), &**value));
    Ok((md5(raw(), key), md5_string(raw(), charset, key)))
}

/// Signs any fields by the SHA-1 rule, in any order and any letter case of names; for debugging, like [`sign_md5`]. Fields that the rule omits are
/// ignored; an `appkey` among the fields is replaced by the key.
pub fn sign_sha1(fields: &[(&str, &str)], key: &PaySignKey) -> (Sha1Sign, StringToSign) {
    let mut fields: Vec<_> = fields.iter().copied().filter(|(name, _)| !is_unsigned(name)).collect();
    fields.sort_by(|(left, _), (right, _)| cmp_lower_case(left, right));
    (sha1(fields.iter().copied(), key), sha1_string(fields.iter().copied(), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_signature_is_not_signed() {
        let key = PartnerKey::new("fedcba9876543210".repeat(2)).unwrap();
        let sign = |fields: &[(&str, &str)]| sign_md5(fields, Charset::Gbk, &key).map(|(sign, _)| sign);
        assert_eq!(sign(&[("a", "1"), ("sign", "😀")]), sign(&[("a", "1")]));
        assert!(sign(&[("a", "😀")]).is_err());
    }
}
