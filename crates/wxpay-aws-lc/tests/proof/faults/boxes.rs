//! Faults in AES-GCM.

use super::first_bit_flipped;
use crate::faulty::{Fault, HONEST};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{Forged, Provider as _},
    secret::Secret,
};

pub(crate) fn of_one_rule() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "boxes are those of OpenSSL",
            Fault {
                seal_box: |key, nonce, beside, plain| {
                    let mut sealed = key.inner.seal(nonce, beside, plain);
                    sealed.rotate_right(16);
                    sealed
                },
                ..HONEST
            },
        ),
        (
            "boxes of OpenSSL open",
            Fault {
                open_box: |key, nonce, beside, sealed| match key.inner.open(nonce, beside, sealed) {
                    Ok(plain) if plain.is_empty() => Err(Forged),
                    opened => opened,
                },
                ..HONEST
            },
        ),
        (
            "a box is refused with another key",
            Fault {
                open_box: |key, nonce, beside, sealed| {
                    key.inner.open(nonce, beside, sealed).or_else(|_| {
                        let other = first_bit_flipped(&key.key).try_into().unwrap();
                        AwsLc.symmetric_key(&Secret::new(other)).open(nonce, beside, sealed)
                    })
                },
                ..HONEST
            },
        ),
        (
            "a box is refused with another nonce",
            Fault {
                open_box: |key, nonce, beside, sealed| {
                    key.inner.open(nonce, beside, sealed).or_else(|_| {
                        key.inner.open(&first_bit_flipped(nonce).try_into().unwrap(), beside, sealed)
                    })
                },
                ..HONEST
            },
        ),
        (
            "a box is refused with other associated data",
            Fault {
                open_box: |key, nonce, beside, sealed| {
                    key.inner
                        .open(nonce, beside, sealed)
                        .or_else(|_| key.inner.open(nonce, b"certificate", sealed))
                },
                ..HONEST
            },
        ),
        (
            "a changed box is refused",
            Fault {
                open_box: |key, nonce, beside, sealed| {
                    key.inner
                        .open(nonce, beside, sealed)
                        .or_else(|_| key.inner.open(nonce, beside, &first_bit_flipped(sealed)))
                },
                ..HONEST
            },
        ),
        (
            "a shorter or longer box is refused",
            Fault {
                open_box: |key, nonce, beside, sealed| {
                    key.inner.open(nonce, beside, sealed).or_else(|_| match sealed {
                        [start @ .., _] => key.inner.open(nonce, beside, start),
                        [] => Err(Forged),
                    })
                },
                ..HONEST
            },
        ),
        (
            "a symmetric key prints nothing of itself",
            Fault { print_symmetric: |key| format!("{key:02x?}"), ..HONEST },
        ),
    ]
}
