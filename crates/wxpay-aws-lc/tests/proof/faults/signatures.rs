//! Faults in signing and verifying.

use super::{SIZE, first_bit_flipped};
use crate::faulty::{Fault, NO_FAULT, Public};
use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{
        ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PSS_2048_8192_SHA256,
        VerificationAlgorithm,
    },
};
use num_bigint::BigUint;
use wxpay_proto::crypto::{InvalidSignature, Unavailable};

pub(crate) fn breaking_one_rule() -> Vec<(&'static str, Fault)> {
    [lenient(), other_schemes()].concat()
}

fn lenient() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "signatures equal those of OpenSSL, each time",
            Fault {
                sign: |key, message| {
                    if message.is_empty() { Err(Unavailable) } else { key.inner.sign(message) }
                },
                ..NO_FAULT
            },
        ),
        (
            "signatures of OpenSSL verify, each time",
            Fault {
                verify: |key, message, signature| match message.len() {
                    0..=500 => key.inner.verify(message, signature),
                    _ => Err(InvalidSignature),
                },
                ..NO_FAULT
            },
        ),
        (
            "a message in parts verifies as their concatenation",
            Fault {
                verify_parts: |key, parts, signature| {
                    let mut sorted = parts.to_vec();
                    sorted.sort_unstable();
                    key.inner
                        .verify_parts(parts, signature)
                        .or_else(|_| key.inner.verify_parts(&sorted, signature))
                },
                ..NO_FAULT
            },
        ),
        (
            "a changed message is rejected",
            Fault {
                verify: |key, message, signature| {
                    or_if(key, message, signature, || match message {
                        [text @ .., 0] => key.inner.verify(text, signature).is_ok(),
                        _ => false,
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "a changed signature is rejected",
            Fault {
                verify: |key, message, signature| {
                    or_if(key, message, signature, || {
                        key.inner.verify(message, &first_bit_flipped(signature)).is_ok()
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "a shorter or longer signature is rejected",
            Fault {
                verify: |key, message, signature| {
                    or_if(key, message, signature, || {
                        signature.get(..SIZE).is_some_and(|start| key.inner.verify(message, start).is_ok())
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "the empty signature is rejected",
            Fault {
                verify: |key, message, signature| or_if(key, message, signature, || signature.is_empty()),
                ..NO_FAULT
            },
        ),
        (
            "another key's signature is rejected",
            Fault {
                verify: |key, message, signature| {
                    or_if(key, message, signature, || {
                        key.all().any(|key| key.verify(message, signature).is_ok())
                    })
                },
                ..NO_FAULT
            },
        ),
    ]
}

/// Other schemes that the private key could have signed with, which must be rejected.
fn other_schemes() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "a signature with SHA-1 is rejected",
            Fault {
                verify: |key, message, signature| {
                    let sha1 = &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
                    or_if(key, message, signature, || verifies_by(sha1, key, message, signature))
                },
                ..NO_FAULT
            },
        ),
        (
            "a signature with RSASSA-PSS is rejected",
            Fault {
                verify: |key, message, signature| {
                    let pss = &RSA_PSS_2048_8192_SHA256;
                    or_if(key, message, signature, || verifies_by(pss, key, message, signature))
                },
                ..NO_FAULT
            },
        ),
        (
            "a signature of a bare digest is rejected",
            Fault {
                verify: |key, message, signature| {
                    let digest = digest(&SHA256, message);
                    or_if(key, message, signature, || {
                        encoded_message(key, signature).ends_with(&[&[0], digest.as_ref()].concat())
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "a signature with bytes after the digest is rejected",
            Fault {
                verify: |key, message, signature| {
                    or_if(key, message, signature, || {
                        let encoded = encoded_message(key, signature);
                        let padding = encoded.iter().skip(2).take_while(|byte| **byte == 0xff).count();
                        encoded.starts_with(&[0, 1])
                            && encoded.split_at(2 + padding).1.starts_with(&digest_info_suffix(message))
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "a signature with other padding is rejected",
            Fault {
                verify: |key, message, signature| {
                    or_if(key, message, signature, || {
                        let encoded = encoded_message(key, signature);
                        encoded.starts_with(&[0, 1]) && encoded.ends_with(&digest_info_suffix(message))
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "a signature above the modulus is rejected",
            Fault {
                verify: |key, message, signature| {
                    or_if(key, message, signature, || {
                        let (modulus, number) = (modulus(key), BigUint::from_bytes_be(signature));
                        signature.len() == SIZE
                            && number >= modulus
                            && key.inner.verify(message, &padded(&(number - modulus))).is_ok()
                    })
                },
                ..NO_FAULT
            },
        ),
    ]
}

/// Verifies the signature, and accepts an invalid one if the condition is true.
fn or_if(
    key: &Public,
    message: &[u8],
    signature: &[u8],
    condition: impl FnOnce() -> bool,
) -> Result<(), InvalidSignature> {
    key.inner.verify(message, signature).or_else(|error| if condition() { Ok(()) } else { Err(error) })
}

fn verifies_by(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &Public,
    message: &[u8],
    signature: &[u8],
) -> bool {
    ParsedPublicKey::new(algorithm, &key.spki).unwrap().verify_sig(message, signature).is_ok()
}

/// Returns the encoded message of the signature, or nothing if the signature is out of range.
fn encoded_message(key: &Public, signature: &[u8]) -> Vec<u8> {
    let (modulus, number) = (modulus(key), BigUint::from_bytes_be(signature));
    if signature.len() == SIZE && number < modulus {
        padded(&number.modpow(&65_537_u32.into(), &modulus))
    } else {
        Vec::new()
    }
}

/// Returns the modulus. In a key of 2048 bits it begins after 33 bytes of DER.
fn modulus(key: &Public) -> BigUint {
    BigUint::from_bytes_be(&key.spki[33..][..SIZE])
}

fn padded(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; SIZE.saturating_sub(bytes.len())], bytes].concat()
}

/// Returns the end of the encoded message: a zero byte and the `DigestInfo` of SHA-256.
fn digest_info_suffix(message: &[u8]) -> Vec<u8> {
    let prefix = b"\x00\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    [prefix, digest(&SHA256, message).as_ref()].concat()
}
