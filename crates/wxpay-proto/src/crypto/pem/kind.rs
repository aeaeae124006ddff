//! The kinds of key files: recognised by the label of a PEM section, or by the structure of DER.

use crate::prelude::*;

/// The content of a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A private key of PKCS#8 or PKCS#1.
    PrivateKey,
    EncryptedPrivateKey,
    EcPrivateKey,
    /// A `SubjectPublicKeyInfo`.
    PublicKey,
    /// An RSA public key of PKCS#1, without the algorithm.
    RsaPublicKey,
    Certificate,
    Pkcs12,
    Other,
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

impl Kind {
    pub(super) fn of_label(label: &[u8]) -> Self {
        match label {
            b"PRIVATE KEY" | b"RSA PRIVATE KEY" => Self::PrivateKey,
            b"ENCRYPTED PRIVATE KEY" => Self::EncryptedPrivateKey,
            b"EC PRIVATE KEY" => Self::EcPrivateKey,
            b"PUBLIC KEY" => Self::PublicKey,
            b"RSA PUBLIC KEY" => Self::RsaPublicKey,
            b"CERTIFICATE" => Self::Certificate,
            _ => Self::Other,
        }
    }

    /// Recognises DER by its first two members. Returns `None` if the bytes are not one DER sequence.
    pub(super) fn of_der(der: &[u8]) -> Option<Self> {
        let (SEQUENCE, content, []) = element(der)? else { return None };
        let (first_tag, first, rest) = element(content)?;
        let (second_tag, _, rest) = element(rest)?;
        Some(match (first_tag, first, second_tag, rest) {
            (INTEGER, [3], SEQUENCE, _) => Self::Pkcs12,
            (INTEGER, [0 | 1], SEQUENCE, _) | (INTEGER, [0], INTEGER, _) => Self::PrivateKey,
            (INTEGER, [1], OCTET_STRING, _) => Self::EcPrivateKey,
            (INTEGER, _, INTEGER, []) => Self::RsaPublicKey,
            (SEQUENCE, _, BIT_STRING, []) => Self::PublicKey,
            (SEQUENCE, _, OCTET_STRING, []) => Self::EncryptedPrivateKey,
            (SEQUENCE, _, SEQUENCE, _) => Self::Certificate,
            _ => Self::Other,
        })
    }
}

/// Splits off the first DER element: its tag, its content, and the bytes after it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = bytes
                .iter()
                .try_fold(0_usize, |length, byte| length.checked_mul(256)?.checked_add(usize::from(*byte)));
            (length?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Converts an RSA public key of PKCS#1 into a `SubjectPublicKeyInfo`.
pub(super) fn spki_of(rsa_public_key: &[u8]) -> Vec<u8> {
    /// The algorithm identifier of RSA keys: rsaEncryption, with NULL parameters.
    const RSA_ENCRYPTION: [u8; 15] = [SEQUENCE, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    // The first byte is the number of unused bits.
    let bits = encode(BIT_STRING, &[&[0], rsa_public_key].concat());
    encode(SEQUENCE, &[&RSA_ENCRYPTION[..], &bits].concat())
}

fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut der = Vec::from([tag]);
    match significant[..] {
        [] => der.push(0),
        [short @ ..=0x7f] => der.push(short),
        _ => {
            der.extend(u8::try_from(significant.len()).map(|count| 0x80 | count));
            der.extend(&significant);
        }
    }
    der.extend(content);
    der
}
