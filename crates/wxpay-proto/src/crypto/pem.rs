//! Key files to DER: keys and certificates as the merchant platform issues them.
//!
//! A file may be PEM, also if its line breaks were lost or written out as `\n`; DER; or base64 of DER without the lines
//! around it. If a PEM text has several sections, the first of the expected kind is used; everything around it is
//! ignored. The caller must wipe the file's bytes.

mod kind;
mod section;

use crate::{prelude::*, secret::Secret};
use core::{error, fmt};
use kind::Kind;
use zeroize::Zeroizing;

/// Returns the DER of a private key: PKCS#8 (`PRIVATE KEY`, as the platform's tool writes) or PKCS#1
/// (`RSA PRIVATE KEY`).
///
/// # Errors
///
/// Returns [`InvalidPem`] if there is no such key, it is encrypted, or the file is malformed.
pub fn private_key(file: &[u8]) -> Result<Secret<Vec<u8>>, InvalidPem> {
    let (_, mut der) = find(file, Expected::PrivateKey)?;
    Ok(Secret::new(core::mem::take(&mut *der)))
}

/// Returns the DER of a public key as a `SubjectPublicKeyInfo`: `PUBLIC KEY`, or `RSA PUBLIC KEY` of PKCS#1.
///
/// # Errors
///
/// Returns [`InvalidPem`] if there is no such key, or the file is malformed.
pub fn public_key(file: &[u8]) -> Result<Vec<u8>, InvalidPem> {
    let (kind, mut der) = find(file, Expected::PublicKey)?;
    Ok(if kind == Kind::RsaPublicKey { kind::spki_of(&der) } else { core::mem::take(&mut *der) })
}

/// Returns the DER of a `CERTIFICATE`.
///
/// # Errors
///
/// Returns [`InvalidPem`] if there is no certificate, or the file is malformed.
pub fn certificate(file: &[u8]) -> Result<Vec<u8>, InvalidPem> {
    let (_, mut der) = find(file, Expected::Certificate)?;
    Ok(core::mem::take(&mut *der))
}

/// The error for a file without the expected key or certificate. It names the expected kind and the problem, never the
/// content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPem {
    expected: Expected,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    PrivateKey,
    PublicKey,
    Certificate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    /// Neither PEM nor DER nor base64 of DER.
    Unknown,
    Found(Kind),
    BeginLine,
    NoEnd,
    Base64,
}

impl Expected {
    fn accepts(self, kind: Kind) -> bool {
        match self {
            Self::PrivateKey => kind == Kind::PrivateKey,
            Self::PublicKey => matches!(kind, Kind::PublicKey | Kind::RsaPublicKey),
            Self::Certificate => kind == Kind::Certificate,
        }
    }
}

impl fmt::Display for InvalidPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, pkcs12) = match self.expected {
            Expected::PrivateKey => {
                ("a private key", "found PKCS#12; convert with `openssl pkcs12 -in FILE -nocerts -nodes`")
            }
            Expected::PublicKey => {
                ("a public key", "found PKCS#12, which holds the merchant's key; use the file pub_key.pem")
            }
            Expected::Certificate => {
                ("a certificate", "found PKCS#12; convert with `openssl pkcs12 -in FILE -clcerts -nokeys`")
            }
        };
        let problem = match self.problem {
            Problem::Unknown => {
                "no `-----BEGIN` line, and neither DER nor its base64; if it is PKCS#12, convert with \
                 `openssl pkcs12 -in FILE -nodes`"
            }
            Problem::BeginLine => "malformed `-----BEGIN` line",
            Problem::NoEnd => "no `-----END` line; is the text truncated?",
            Problem::Base64 => "invalid Base64",
            Problem::Found(Kind::PrivateKey) => "found a private key",
            Problem::Found(Kind::EncryptedPrivateKey) => {
                "the private key is encrypted; decrypt it with `openssl pkey -in FILE`"
            }
            Problem::Found(Kind::EcPrivateKey) => "found an elliptic curve key; an RSA key is required",
            Problem::Found(Kind::PublicKey | Kind::RsaPublicKey) => "found a public key",
            Problem::Found(Kind::Certificate) => "found a certificate",
            Problem::Found(Kind::Pkcs12) => pkcs12,
            Problem::Found(Kind::Other) => "found another kind of section",
        };
        write!(f, "expected {expected} in PEM: {problem}")
    }
}

impl error::Error for InvalidPem {}

/// Finds the first key or certificate of the expected kind. Only what is returned is decoded.
fn find(file: &[u8], expected: Expected) -> Result<(Kind, Zeroizing<Vec<u8>>), InvalidPem> {
    let invalid = |problem| InvalidPem { expected, problem };
    // Some editors write a byte order mark.
    let mut text = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    if !section::is_pem(text) {
        let (kind, der) = without_frame(text).ok_or_else(|| invalid(Problem::Unknown))?;
        return if expected.accepts(kind) { Ok((kind, der)) } else { Err(invalid(Problem::Found(kind))) };
    }
    let mut other = None;
    while let Some(found) = section::next(text) {
        let (section, rest) = found.map_err(invalid)?;
        let kind = Kind::of_label(section.label);
        let kind = if section.is_encrypted() { Kind::EncryptedPrivateKey } else { kind };
        if expected.accepts(kind) {
            return Ok((kind, section.decode().map_err(invalid)?));
        }
        // An encrypted key explains the missing one best.
        if other.is_none() || kind == Kind::EncryptedPrivateKey {
            other = Some(kind);
        }
        text = rest;
    }
    Err(invalid(other.map_or(Problem::BeginLine, Problem::Found)))
}

/// Reads DER, or base64 of DER.
fn without_frame(file: &[u8]) -> Option<(Kind, Zeroizing<Vec<u8>>)> {
    if let Some(kind) = Kind::of_der(file) {
        return Some((kind, Zeroizing::new(file.to_vec())));
    }
    let der = section::decode(file).ok()?;
    Some((Kind::of_der(&der)?, der))
}

#[cfg(test)]
mod tests;
