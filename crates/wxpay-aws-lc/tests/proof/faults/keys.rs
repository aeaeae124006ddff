//! Faults in parsing keys and in their `Debug`.

use crate::faulty::{Fault, NO_FAULT, read_private};
use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use std::{
    ops::RangeInclusive,
    sync::{Arc, LazyLock},
};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::crypto::{CryptoProvider as _, InvalidKey, PrivateKey, PublicKey};

pub(crate) fn breaking_one_rule() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "a private key is read from PKCS#1",
            Fault {
                private_key: |der| {
                    if KeyPair::from_der(der).is_ok() { Err(InvalidKey) } else { read_private(der) }
                },
                ..NO_FAULT
            },
        ),
        (
            "a private key of 1024 bits is rejected",
            Fault {
                private_key: |der| read_private(der).or_else(|_| private_when(620..=660, der)),
                ..NO_FAULT
            },
        ),
        (
            "an elliptic curve private key is rejected",
            Fault {
                private_key: |der| read_private(der).or_else(|_| private_when(100..=150, der)),
                ..NO_FAULT
            },
        ),
        (
            "bytes that are not a private key are rejected",
            Fault { private_key: |der| read_private(der).or_else(|_| private_when(0..=10, der)), ..NO_FAULT },
        ),
        (
            "`Debug` of a private key shows nothing of the key",
            Fault { debug: |der| format!("{der:02x?}"), ..NO_FAULT },
        ),
        (
            "a public key of 8192 bits is read",
            Fault {
                public_key: |spki| if spki.len() > 1000 { Err(InvalidKey) } else { AwsLc.public_key(spki) },
                ..NO_FAULT
            },
        ),
        (
            "a public key of 8200 bits is rejected",
            Fault {
                public_key: |spki| AwsLc.public_key(spki).or_else(|_| public_when(1050..=1070, spki)),
                ..NO_FAULT
            },
        ),
        (
            "a public key of 1024 bits is rejected",
            Fault {
                public_key: |spki| AwsLc.public_key(spki).or_else(|_| public_when(155..=170, spki)),
                ..NO_FAULT
            },
        ),
        (
            "an elliptic curve public key is rejected",
            Fault {
                public_key: |spki| AwsLc.public_key(spki).or_else(|_| public_when(80..=100, spki)),
                ..NO_FAULT
            },
        ),
        (
            "bytes that are not a public key are rejected",
            Fault {
                public_key: |spki| AwsLc.public_key(spki).or_else(|_| public_when(0..=10, spki)),
                ..NO_FAULT
            },
        ),
        (
            "a public key with bytes after it is rejected",
            Fault {
                public_key: |spki| match spki.split_last() {
                    Some((0, key)) => AwsLc.public_key(key),
                    _ => AwsLc.public_key(spki),
                },
                ..NO_FAULT
            },
        ),
    ]
}

/// A key pair of an accepted size: the private key and the public key, as DER.
static PAIR: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    (pair.as_der().unwrap().as_ref().to_vec(), pair.public_key().as_der().unwrap().as_ref().to_vec())
});

fn private_when(lengths: RangeInclusive<usize>, der: &[u8]) -> Result<Arc<dyn PrivateKey>, InvalidKey> {
    if lengths.contains(&der.len()) { read_private(&PAIR.0) } else { Err(InvalidKey) }
}

fn public_when(lengths: RangeInclusive<usize>, spki: &[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey> {
    if lengths.contains(&spki.len()) { AwsLc.public_key(&PAIR.1) } else { Err(InvalidKey) }
}
