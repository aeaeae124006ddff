//! Faults in AES-GCM.

use super::first_bit_flipped;
use crate::faulty::{Fault, NO_FAULT};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{CryptoProvider as _, InvalidSignature},
    secret::Secret,
};

pub(crate) fn breaking_one_rule() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "AES-GCM ciphertexts equal those of OpenSSL",
            Fault {
                seal_aead: |key, nonce, associated_data, plain| {
                    let mut sealed = key.inner.seal(nonce, associated_data, plain);
                    sealed.rotate_right(16);
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
                open_aead: |key, nonce, associated_data, sealed| match nonce.len() {
                    12 => key.inner.open(nonce, associated_data, sealed),
                    _ => Err(InvalidSignature),
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
                    key.inner
                        .open(nonce, associated_data, sealed)
                        .or_else(|_| key.inner.open(&first_bit_flipped(nonce), associated_data, sealed))
                },
                ..NO_FAULT
            },
        ),
        (
            "an AES-GCM ciphertext is rejected with other associated data",
            Fault {
                open_aead: |key, nonce, associated_data, sealed| {
                    key.inner
                        .open(nonce, associated_data, sealed)
                        .or_else(|_| key.inner.open(nonce, b"certificate", sealed))
                },
                ..NO_FAULT
            },
        ),
        (
            "a changed AES-GCM ciphertext is rejected",
            Fault {
                open_aead: |key, nonce, associated_data, sealed| {
                    key.inner
                        .open(nonce, associated_data, sealed)
                        .or_else(|_| key.inner.open(nonce, associated_data, &first_bit_flipped(sealed)))
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
