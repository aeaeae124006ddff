//! Faults for every rule of the proof: mistakes that providers have made or could make.

mod aead;
mod keys;
mod oaep;
mod signatures;

use crate::faulty::{Fault, NO_FAULT, read_private};
use aws_lc_rs::rsa::KeyPair;
use wxpay_proto::{
    crypto::{InvalidKey, InvalidSignature},
    secret::Secret,
};

/// Returns rules, each with a fault that breaks it and no other.
pub(crate) fn breaking_one_rule() -> Vec<(&'static str, Fault)> {
    [
        keys::breaking_one_rule(),
        signatures::breaking_one_rule(),
        oaep::breaking_one_rule(),
        aead::breaking_one_rule(),
    ]
    .concat()
}

/// Returns rules, each with a fault that breaks others as well, because those need the same key or the same call.
pub(crate) fn breaking_several_rules() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "a private key is read from PKCS#8",
            Fault {
                private_key: |der| {
                    if KeyPair::from_der(der).is_ok() { read_private(der) } else { Err(InvalidKey) }
                },
                ..NO_FAULT
            },
        ),
        ("a public key is read from a certificate", Fault { public_key: |_| Err(InvalidKey), ..NO_FAULT }),
        (
            "RSA-OAEP ciphertexts of OpenSSL open",
            Fault {
                open: |key, sealed| {
                    key.inner.open(sealed).and_then(|plain| not_empty(plain).ok_or(InvalidSignature))
                },
                ..NO_FAULT
            },
        ),
    ]
}

/// The length of a signature and of an OAEP ciphertext, in bytes.
const SIZE: usize = 256;

fn not_empty(plain: Secret<Vec<u8>>) -> Option<Secret<Vec<u8>>> {
    (!plain.expose().is_empty()).then_some(plain)
}

fn first_bit_flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(first) = bytes.first_mut() {
        *first ^= 1;
    }
    bytes
}
