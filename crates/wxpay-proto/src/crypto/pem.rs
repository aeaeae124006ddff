//! PEM to DER: keys and certificates as the merchant platform hands them out.
//!
//! Of several objects in one text the first of the wanted kind counts; what stands around them is passed over. The
//! text is the caller's to wipe.

use crate::secret::Secret;
use alloc::vec::Vec;
use core::{error, fmt};
use rustls_pki_types::pem::{Error, PemObject as _, SectionKind};
use zeroize::Zeroizing;

/// The DER of a private key: `PRIVATE KEY` (PKCS#8, what the platform's tool writes) or `RSA PRIVATE KEY` (PKCS#1).
///
/// # Errors
///
/// When there is none, it is encrypted, or the text is not well formed.
pub fn private_key(pem: &[u8]) -> Result<Secret<Vec<u8>>, BadPem> {
    let mut der = find(pem, "a private key", &[SectionKind::PrivateKey, SectionKind::RsaPrivateKey])?;
    Ok(Secret::new(core::mem::take(&mut *der)))
}

/// The DER of a `PUBLIC KEY`: a `SubjectPublicKeyInfo`.
///
/// # Errors
///
/// When there is none, or the text is not well formed.
pub fn public_key(pem: &[u8]) -> Result<Vec<u8>, BadPem> {
    find(pem, "a public key", &[SectionKind::PublicKey]).map(|mut der| core::mem::take(&mut *der))
}

/// The DER of a `CERTIFICATE`.
///
/// # Errors
///
/// When there is none, or the text is not well formed.
pub fn certificate(pem: &[u8]) -> Result<Vec<u8>, BadPem> {
    find(pem, "a certificate", &[SectionKind::Certificate]).map(|mut der| core::mem::take(&mut *der))
}

/// A text in which what was wanted cannot be found: what was wanted, and why not. Never the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPem {
    wanted: &'static str,
    why: &'static str,
}

impl fmt::Display for BadPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no PEM of {}: {}", self.wanted, self.why)
    }
}

impl error::Error for BadPem {}

/// What is passed over may be a key, too: every object found is wiped unless it is taken out.
fn find(pem: &[u8], wanted: &'static str, kinds: &[SectionKind]) -> Result<Zeroizing<Vec<u8>>, BadPem> {
    let bad = |why| BadPem { wanted, why };
    let pem = pem.strip_prefix("\u{feff}".as_bytes()).unwrap_or(pem);
    let mut other = None;
    for found in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        let (kind, der) = found.map_err(|error| bad(malformed(pem, &error)))?;
        let der = Zeroizing::new(der);
        if kinds.contains(&kind) {
            return Ok(der);
        }
        other.get_or_insert(kind);
    }
    Err(bad(match other {
        _ if is_encrypted(pem) => ENCRYPTED,
        Some(SectionKind::Certificate) => "the text has a certificate",
        Some(SectionKind::PublicKey) => "the text has a public key",
        Some(SectionKind::PrivateKey | SectionKind::RsaPrivateKey) => "the text has a private key",
        Some(SectionKind::EcPrivateKey) => "the text has a key for elliptic curves, not for RSA",
        Some(_) => "the text has something else",
        None => "the text has no line that begins it",
    }))
}

const ENCRYPTED: &str = "it is encrypted; decrypt it first";

fn malformed(pem: &[u8], error: &Error) -> &'static str {
    match error {
        _ if is_encrypted(pem) => ENCRYPTED,
        Error::MissingSectionEnd { .. } => "the line that ends it is missing",
        Error::IllegalSectionStart { .. } => "the line that begins it is not one; are its line breaks lost?",
        Error::Base64Decode(_) => "it is not Base64",
        Error::SectionTooLarge | Error::NoItemsFound | _ => "it cannot be read",
    }
}

/// PKCS#8 says so in the first line, PKCS#1 in a header.
fn is_encrypted(pem: &[u8]) -> bool {
    ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"]
        .iter()
        .any(|sign| pem.windows(sign.len()).any(|window| window == sign.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{
        super::certificate::tests::{MERCHANT, MERCHANT_KEY},
        *,
    };
    use alloc::{
        format,
        string::{String, ToString as _},
    };

    /// Not a key: the reader looks at the frame alone.
    fn framed(label: &str) -> String {
        format!("-----BEGIN {label}-----\nbm90IGEga2V5\n-----END {label}-----\n")
    }

    fn why<T>(read: Result<T, BadPem>) -> &'static str {
        read.err().map_or("", |bad| bad.why)
    }

    #[test]
    fn both_frames_of_private_keys_are_read() {
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
            assert_eq!(private_key(framed(label).as_bytes()).unwrap().expose(), b"not a key", "{label}");
        }
        assert_eq!(public_key(framed("PUBLIC KEY").as_bytes()).unwrap(), b"not a key");
        assert_eq!(certificate(framed("CERTIFICATE").as_bytes()).unwrap(), b"not a key");
    }

    #[test]
    fn the_first_of_the_wanted_kind_counts() {
        let text =
            format!("\u{feff}Bag Attributes\n{}{MERCHANT}{MERCHANT_KEY}", framed("CERTIFICATE REQUEST"));
        assert_eq!(certificate(text.as_bytes()), certificate(MERCHANT.as_bytes()));
        assert_eq!(public_key(text.as_bytes()), public_key(MERCHANT_KEY.as_bytes()));
        assert_eq!(public_key(text.replace('\n', "\r\n").as_bytes()), public_key(MERCHANT_KEY.as_bytes()));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        let key = framed("PRIVATE KEY");
        let cases: [(String, &str); 11] = [
            (String::new(), "the text has no line that begins it"),
            ("bm90IGEga2V5".into(), "the text has no line that begins it"),
            (MERCHANT.into(), "the text has a certificate"),
            (MERCHANT_KEY.into(), "the text has a public key"),
            (framed("EC PRIVATE KEY"), "the text has a key for elliptic curves, not for RSA"),
            (framed("X509 CRL"), "the text has something else"),
            (framed("ENCRYPTED PRIVATE KEY"), ENCRYPTED),
            (framed("RSA PRIVATE KEY").replace("bm90", "Proc-Type: 4,ENCRYPTED\n\nbm90"), ENCRYPTED),
            (key.replace("-----END", ""), "the line that ends it is missing"),
            (key.replace('\n', "\\n"), "the line that begins it is not one; are its line breaks lost?"),
            (key.replace("bm90", "bm9*"), "it is not Base64"),
        ];
        for (text, expected) in cases {
            let bad = private_key(text.as_bytes());
            assert_eq!(why(bad), expected, "{text}");
        }
        let bad = certificate(key.as_bytes()).unwrap_err();
        assert_eq!(bad.to_string(), "no PEM of a certificate: the text has a private key");
    }
}
