//! Faults in AES-GCM.

use super::first_bit_flipped;
use crate::faulty::{Fault, NO_FAULT};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{CryptoProvider as _, InvalidSignature},
    secret::Secret,
};

/// Returns whether a nonce has the usual length. Other lengths have a rule of their own, which a fault must not break
/// besides the rule that it is for.
fn is_usual(nonce: &[u8]) -> bool {
    nonce.len() == 12
}

/// Opens a ciphertext in a second way if it did not open, and its nonce has the usual length.
fn or_usual(
    opened: Result<Vec<u8>, InvalidSignature>,
    nonce: &[u8],
    again: impl FnOnce() -> Result<Vec<u8>, InvalidSignature>,
) -> Result<Vec<u8>, InvalidSignature> {
    opened.or_else(|error| if is_usual(nonce) { again() } else { Err(error) })
}

pub(crate) fn breaking_one_rule() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "AES-GCM ciphertexts equal those of OpenSSL",
            Fault {
                seal_aead: |key, nonce, associated_data, plain| {
                    let mut sealed = key.inner.seal(nonce, associated_data, plain);
                    if is_usual(nonce) {
                        sealed.rotate_right(16);
                    }
                    sealed
                },
                ..NO_FAULT
            },
        ),
        (
            "AES-GCM ciphertexts of OpenSSL open",
            Fault {
                open_aead: |key, nonce, associated_data, sealed| match key.inner.open(
                    nonce,
                    associated_data,
                    sealed,
                ) {
                    Ok(plain) if plain.is_empty() => Err(InvalidSignature),
                    opened => opened,
                },
                ..NO_FAULT
            },
        ),
        (
            "AES-GCM nonces may have any length",
            Fault {
                open_aead: |key, nonce, associated_data, sealed| {
                    let opened = key.inner.open(nonce, associated_data, sealed);
                    opened.and_then(|plain| is_usual(nonce).then_some(plain).ok_or(InvalidSignature))
                },
                ..NO_FAULT
            },
        ),
        (
            "an AES-GCM ciphertext is rejected with another key",
            Fault {
                open_aead: |key, nonce, associated_data, sealed| {
                    key.inner.open(nonce, associated_data, sealed).or_else(|_| {
                        let other = first_bit_flipped(&key.key).try_into().unwrap();
                        AwsLc.symmetric_key(&Secret::new(other)).open(nonce, associated_data, sealed)
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "an AES-GCM ciphertext is rejected with another nonce",
            Fault {
                open_aead: |key, nonce, associated_data, sealed| {
                    or_usual(key.inner.open(nonce, associated_data, sealed), nonce, || {
                        key.inner.open(&first_bit_flipped(nonce), associated_data, sealed)
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "an AES-GCM ciphertext is rejected with other associated data",
            Fault {
                open_aead: |key, nonce, associated_data, sealed| {
                    or_usual(key.inner.open(nonce, associated_data, sealed), nonce, || {
                        key.inner.open(nonce, b"certificate", sealed)
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "a changed AES-GCM ciphertext is rejected",
            Fault {
                open_aead: |key, nonce, associated_data, sealed| {
                    or_usual(key.inner.open(nonce, associated_data, sealed), nonce, || {
                        key.inner.open(nonce, associated_data, &first_bit_flipped(sealed))
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "a shorter or longer AES-GCM ciphertext is rejected",
            Fault {
                open_aead: |key, nonce, associated_data, sealed| {
                    key.inner.open(nonce, associated_data, sealed).or_else(|_| match sealed {
                        [start @ .., _] => key.inner.open(nonce, associated_data, start),
                        [] => Err(InvalidSignature),
                    })
                },
                ..NO_FAULT
            },
        ),
        (
            "`Debug` of a symmetric key shows nothing of the key",
            Fault { debug_symmetric: |key| format!("{key:02x?}"), ..NO_FAULT },
        ),
    ]
}
