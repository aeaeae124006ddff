//! The two signatures of the first generation.
//!
//! ```text
//! MD5    the fields with a value, but not `sign`, by name in ASCII order, as name=value joined by &,
//!        then &key=<PartnerKey>; MD5 over the bytes in the declared charset; upper-case hex
//! SHA-1  the fields and appkey=<PaySignKey>, names in lower case, without app_signature and sign_method,
//!        by name in ASCII order, as name=value joined by &; SHA-1 over UTF-8; lower-case hex
//! ```
//!
//! MD5 signs raw values, before they are escaped, and leaves empty ones out. SHA-1 signs values as sent (the
//! package with its escapes) and keeps empty ones.

use super::merchant::{PartnerKey, PaySignKey};
use crate::{secret::same_bytes, wire::charset::Charset};
use alloc::{string::String, vec::Vec};
use core::{fmt, ops::Range};
use md5::{Digest, Md5};
use sha1::Sha1;
use zeroize::Zeroizing;

/// An MD5 signature: 32 upper-case hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Md5Sign([u8; 32]);

/// A SHA-1 signature: 40 lower-case hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha1Sign([u8; 40]);

macro_rules! hexadecimal {
    ($($name:ident)*) => {$(
        impl $name {
            /// The signature as it is sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                core::str::from_utf8(&self.0).unwrap_or_default()
            }

            /// Whether somebody's claim is this signature. The letters' case does not matter, and the time taken
            /// does not depend on where the two differ.
            #[must_use]
            pub fn is(&self, claimed: &[u8]) -> bool {
                let Ok(mut claimed) = <[u8; size_of::<Self>()]>::try_from(claimed) else { return false };
                let mut own = self.0;
                claimed.make_ascii_lowercase();
                own.make_ascii_lowercase();
                same_bytes(&own, &claimed)
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

/// The exact bytes under a signature, for debugging. `Display` shows the key as `[secret]`.
pub struct StringToSign {
    bytes: Zeroizing<Vec<u8>>,
    secret: Range<usize>,
    charset: Charset,
}

impl StringToSign {
    fn empty(charset: Charset) -> Self {
        Self { bytes: Zeroizing::new(Vec::new()), secret: 0..0, charset }
    }

    /// The bytes, **key included**: what the signature is the hash of.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for StringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.bytes.get(..self.secret.start).unwrap_or_default();
        let after = self.bytes.get(self.secret.end..).unwrap_or_default();
        let text = |bytes| self.charset.decode(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes));
        write!(f, "{}[secret]{}", text(before), text(after))
    }
}

impl fmt::Debug for StringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StringToSign({self})")
    }
}

/// Where the string to sign goes: into a hash, or into a text for a person. What is shown is what is signed.
trait Sink {
    fn open(&mut self, bytes: &[u8]);
    fn secret(&mut self, bytes: &[u8]);
}

impl Sink for Md5 {
    fn open(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
    fn secret(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Sink for Sha1 {
    fn open(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
    fn secret(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Sink for StringToSign {
    fn open(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
    fn secret(&mut self, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.secret = start..self.bytes.len();
    }
}

/// Signs by the MD5 rule. The fields come sorted by name and in the bytes of their charset.
pub(crate) fn md5<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, key: &PartnerKey) -> Md5Sign {
    let mut hash = Md5::new();
    write_md5(&mut hash, fields, key);
    let mut hex = [0; 32];
    encode(&hash.finalize(), b"0123456789ABCDEF", &mut hex);
    Md5Sign(hex)
}

/// The string under [`md5`].
pub(crate) fn md5_string<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    charset: Charset,
    key: &PartnerKey,
) -> StringToSign {
    let mut string = StringToSign::empty(charset);
    write_md5(&mut string, fields, key);
    string
}

fn write_md5<'a>(sink: &mut impl Sink, fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, key: &PartnerKey) {
    for (name, value) in fields.filter(|(name, value)| *name != b"sign" && !value.is_empty()) {
        sink.open(name);
        sink.open(b"=");
        sink.open(value);
        sink.open(b"&");
    }
    sink.open(b"key=");
    sink.secret(key.expose().as_bytes());
}

/// Signs by the SHA-1 rule. The fields come with names in lower case and sorted by them; `appkey`,
/// `app_signature`, `sign_method` and their XML spellings are not among them.
pub(crate) fn sha1<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>, key: &PaySignKey) -> Sha1Sign {
    let mut hash = Sha1::new();
    write_sha1(&mut hash, fields, key);
    let mut hex = [0; 40];
    encode(&hash.finalize(), b"0123456789abcdef", &mut hex);
    Sha1Sign(hex)
}

/// The string under [`sha1`].
pub(crate) fn sha1_string<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    key: &PaySignKey,
) -> StringToSign {
    let mut string = StringToSign::empty(Charset::Utf8);
    write_sha1(&mut string, fields, key);
    string
}

fn write_sha1<'a>(sink: &mut impl Sink, fields: impl Iterator<Item = (&'a str, &'a str)>, key: &PaySignKey) {
    let mut joint: &[u8] = b"";
    let mut keyed = false;
    for (name, value) in fields {
        if !keyed && name > "appkey" {
            write_appkey(sink, joint, key);
            (keyed, joint) = (true, b"&");
        }
        sink.open(joint);
        sink.open(name.as_bytes());
        sink.open(b"=");
        sink.open(value.as_bytes());
        joint = b"&";
    }
    if !keyed {
        write_appkey(sink, joint, key);
    }
}

fn write_appkey(sink: &mut impl Sink, joint: &[u8], key: &PaySignKey) {
    sink.open(joint);
    sink.open(b"appkey=");
    sink.secret(key.expose().as_bytes());
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
/// Every message of this generation has a typed way to be signed; this one is for looking into them.
///
/// # Errors
///
/// When a value has a character that the charset lacks.
pub fn md5_of(
    fields: &[(&str, &str)],
    charset: Charset,
    key: &PartnerKey,
) -> Result<(Md5Sign, StringToSign), crate::wire::Unreadable> {
    let encoded = sorted(fields)
        .into_iter()
        .map(|(name, value)| Ok((name, charset.encode(value)?)))
        .collect::<Result<Vec<_>, _>>()?;
    let raw = || encoded.iter().map(|(name, value)| (name.as_bytes(), &**value));
    Ok((md5(raw(), key), md5_string(raw(), charset, key)))
}

/// Signs any fields by the SHA-1 rule, in any order and any case of names. Fields that the rule leaves out may
/// be among them, and so may an `appkey`, which is replaced by the key.
#[must_use]
pub fn sha1_of(fields: &[(&str, &str)], key: &PaySignKey) -> (Sha1Sign, StringToSign) {
    let lower: Vec<(String, &str)> = fields
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), *value))
        .filter(|(name, _)| !is_left_out(name))
        .collect();
    let lower = sorted(&lower.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>());
    (sha1(lower.iter().copied(), key), sha1_string(lower.iter().copied(), key))
}

/// The names the SHA-1 rule does not sign, in lower case, as JSON and as XML spell them.
pub(crate) fn is_left_out(name: &str) -> bool {
    matches!(name, "appkey" | "app_signature" | "appsignature" | "sign_method" | "signmethod")
}

fn sorted<'a>(fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = fields.to_vec();
    fields.sort_by_key(|(name, _)| *name);
    fields
}
