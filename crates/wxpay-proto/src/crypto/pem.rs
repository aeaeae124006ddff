//! PEM to DER: keys and certificates as the merchant platform issues them.
//!
//! If a text has several sections, the first of the expected kind is used; everything around it is ignored. The caller
//! must wipe the text.

use crate::secret::Secret;
use alloc::vec::Vec;
use core::{error, fmt};
use rustls_pki_types::pem::{Error, PemObject as _, SectionKind};
use zeroize::Zeroizing;

/// Returns the DER of a private key: `PRIVATE KEY` (PKCS#8, as the platform's tool writes) or `RSA PRIVATE KEY`
/// (PKCS#1).
///
/// # Errors
///
/// Returns [`InvalidPem`] if there is no such section, the key is encrypted, or the text is malformed.
pub fn private_key(pem: &[u8]) -> Result<Secret<Vec<u8>>, InvalidPem> {
    let mut der = find(pem, "a private key", &[SectionKind::PrivateKey, SectionKind::RsaPrivateKey])?;
    Ok(Secret::new(core::mem::take(&mut *der)))
}

/// Returns the DER of a `PUBLIC KEY`: a `SubjectPublicKeyInfo`.
///
/// # Errors
///
/// Returns [`InvalidPem`] if there is no such section, or the text is malformed.
pub fn public_key(pem: &[u8]) -> Result<Vec<u8>, InvalidPem> {
    find(pem, "a public key", &[SectionKind::PublicKey]).map(|mut der| core::mem::take(&mut *der))
}

/// Returns the DER of a `CERTIFICATE`.
///
/// # Errors
///
/// Returns [`InvalidPem`] if there is no such section, or the text is malformed.
pub fn certificate(pem: &[u8]) -> Result<Vec<u8>, InvalidPem> {
    find(pem, "a certificate", &[SectionKind::Certificate]).map(|mut der| core::mem::take(&mut *der))
}

/// The error for a text without the expected PEM section. It names the expected kind and the problem, never the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPem {
    expected: &'static str,
    problem: &'static str,
}

impl fmt::Display for InvalidPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} in PEM: {}", self.expected, self.problem)
    }
}

impl error::Error for InvalidPem {}

/// Finds the first section of the given kinds.
// Skipped sections may be keys, too: each is wiped.
fn find(pem: &[u8], expected: &'static str, kinds: &[SectionKind]) -> Result<Zeroizing<Vec<u8>>, InvalidPem> {
    let invalid = |problem| InvalidPem { expected, problem };
    // Some editors write a byte order mark.
    let pem = pem.strip_prefix("\u{feff}".as_bytes()).unwrap_or(pem);
    let mut other = None;
    for found in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        let (kind, der) = found.map_err(|error| invalid(malformed(pem, &error)))?;
        let der = Zeroizing::new(der);
        if kinds.contains(&kind) {
            return Ok(der);
        }
        other.get_or_insert(kind);
    }
    Err(invalid(match other {
        _ if is_encrypted(pem) => ENCRYPTED,
        Some(SectionKind::Certificate) => "found a certificate",
        Some(SectionKind::PublicKey) => "found a public key",
        Some(SectionKind::PrivateKey | SectionKind::RsaPrivateKey) => "found a private key",
        Some(SectionKind::EcPrivateKey) => "found an elliptic curve key; an RSA key is required",
        Some(_) => "found another kind of section",
        None => NO_BEGIN,
    }))
}

const ENCRYPTED: &str = "the private key is encrypted; decrypt it with `openssl pkey -in FILE`";
const NO_BEGIN: &str = "no `-----BEGIN` line; PKCS#12 or DER? convert with `openssl pkcs12 -nodes -in FILE`, \
    `openssl pkey -inform DER -in FILE` or `openssl x509 -inform DER -in FILE`";

fn malformed(pem: &[u8], error: &Error) -> &'static str {
    match error {
        _ if is_encrypted(pem) => ENCRYPTED,
        Error::MissingSectionEnd { .. } => "no `-----END` line; is the text truncated?",
        Error::IllegalSectionStart { .. } => "malformed `-----BEGIN` line; are the line breaks lost?",
        Error::Base64Decode(_) => "invalid Base64",
        Error::SectionTooLarge | Error::NoItemsFound | _ => "the section cannot be parsed",
    }
}

/// Returns whether a key is encrypted: PKCS#8 states it in the first line, PKCS#1 in a header.
fn is_encrypted(pem: &[u8]) -> bool {
    ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"]
        .iter()
        .any(|marker| pem.windows(marker.len()).any(|window| window == marker.as_bytes()))
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

    /// Returns a section without a key in it: the parser reads only the frame.
    fn pem_with_label(label: &str) -> String {
        format!("-----BEGIN {label}-----\nbm90IGEga2V5\n-----END {label}-----\n")
    }

    fn problem<T>(result: Result<T, InvalidPem>) -> &'static str {
        result.err().map_or("", |error| error.problem)
    }

    #[test]
    fn private_key_reads_pkcs8_and_pkcs1() {
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
            assert_eq!(
                private_key(pem_with_label(label).as_bytes()).unwrap().expose(),
                b"not a key",
                "{label}"
            );
        }
        assert_eq!(public_key(pem_with_label("PUBLIC KEY").as_bytes()).unwrap(), b"not a key");
        assert_eq!(certificate(pem_with_label("CERTIFICATE").as_bytes()).unwrap(), b"not a key");
    }

    #[test]
    fn the_first_section_of_the_expected_kind_is_used() {
        let text = format!(
            "\u{feff}Bag Attributes\n{}{MERCHANT}{MERCHANT_KEY}",
            pem_with_label("CERTIFICATE REQUEST")
        );
        assert_eq!(certificate(text.as_bytes()), certificate(MERCHANT.as_bytes()));
        assert_eq!(public_key(text.as_bytes()), public_key(MERCHANT_KEY.as_bytes()));
        assert_eq!(public_key(text.replace('\n', "\r\n").as_bytes()), public_key(MERCHANT_KEY.as_bytes()));
    }

    #[test]
    fn pem_error_names_the_problem_but_not_the_text() {
        let key = pem_with_label("PRIVATE KEY");
        let cases: [(String, &str); 11] = [
            (String::new(), NO_BEGIN),
            ("bm90IGEga2V5".into(), NO_BEGIN),
            (MERCHANT.into(), "found a certificate"),
            (MERCHANT_KEY.into(), "found a public key"),
            (pem_with_label("EC PRIVATE KEY"), "found an elliptic curve key; an RSA key is required"),
            (pem_with_label("X509 CRL"), "found another kind of section"),
            (pem_with_label("ENCRYPTED PRIVATE KEY"), ENCRYPTED),
            (pem_with_label("RSA PRIVATE KEY").replace("bm90", "Proc-Type: 4,ENCRYPTED\n\nbm90"), ENCRYPTED),
            (key.replace("-----END", ""), "no `-----END` line; is the text truncated?"),
            (key.replace('\n', "\\n"), "malformed `-----BEGIN` line; are the line breaks lost?"),
            (key.replace("bm90", "bm9*"), "invalid Base64"),
        ];
        for (text, expected) in cases {
            let result = private_key(text.as_bytes());
            assert_eq!(problem(result), expected, "{text}");
        }
        let error = certificate(key.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "expected a certificate in PEM: found a private key");
    }
}
