//! Faults in RSA-OAEP.

use super::{SIZE, first_bit_flipped};
use crate::faulty::{Fault, NO_FAULT, Private, Public};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
};
use wxpay_proto::{
    crypto::{InvalidSignature, TooLong},
    secret::Secret,
};

pub(crate) fn breaking_one_rule() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "a sealed text of up to 214 bytes opens",
            Fault {
                seal: |key, plain| if plain.len() == 214 { Err(TooLong) } else { key.inner.seal(plain) },
                ..NO_FAULT
            },
        ),
        (
            "a text of more than 214 bytes is not sealed",
            Fault { seal: |key, plain| key.inner.seal(plain.get(..214).unwrap_or(plain)), ..NO_FAULT },
        ),
        ("sealing a text twice gives different ciphertexts", Fault { seal: seal_once, ..NO_FAULT }),
        (
            "a changed sealed text is rejected",
            Fault {
                open: |key, sealed| {
                    key.inner.open(sealed).or_else(|_| key.inner.open(&first_bit_flipped(sealed)))
                },
                ..NO_FAULT
            },
        ),
        (
            "a shorter or longer sealed text is rejected",
            Fault { open: |key, sealed| key.inner.open(sealed.get(..SIZE).unwrap_or(sealed)), ..NO_FAULT },
        ),
        (
            "a text sealed for another key is rejected",
            Fault {
                open: |key, sealed| key.all().find_map(|key| key.open(sealed).ok()).ok_or(InvalidSignature),
                ..NO_FAULT
            },
        ),
        (
            "a text sealed with SHA-256 is rejected",
            Fault {
                open: |key, sealed| {
                    key.inner.open(sealed).or_else(|_| open_by(&OAEP_SHA256_MGF1SHA256, None, key, sealed))
                },
                ..NO_FAULT
            },
        ),
        (
            "a text sealed with a label is rejected",
            Fault {
                open: |key, sealed| {
                    key.inner.open(sealed).or_else(|_| open_by(&OAEP_SHA1_MGF1SHA1, Some(b"w"), key, sealed))
                },
                ..NO_FAULT
            },
        ),
        (
            "a text encrypted with RSAES-PKCS1-v1_5 is rejected",
            Fault {
                open: |key, sealed| key.inner.open(sealed).or_else(|_| open_by_pkcs1(key, sealed)),
                ..NO_FAULT
            },
        ),
    ]
}

fn seal_once(key: &Public, plain: &[u8]) -> Result<Vec<u8>, TooLong> {
    let mut last = key.sealed.lock().unwrap();
    match &*last {
        Some((text, sealed)) if text == plain => Ok(sealed.clone()),
        _ => {
            let sealed = key.inner.seal(plain)?;
            *last = Some((plain.to_vec(), sealed.clone()));
            Ok(sealed)
        }
    }
}

fn decrypting_key(key: &Private) -> Result<PrivateDecryptingKey, InvalidSignature> {
    PrivateDecryptingKey::from_pkcs8(&key.der).map_err(|_| InvalidSignature)
}

fn open_by(
    algorithm: &'static OaepAlgorithm,
    label: Option<&[u8]>,
    key: &Private,
    sealed: &[u8],
) -> Result<Secret<Vec<u8>>, InvalidSignature> {
    let key = OaepPrivateDecryptingKey::new(decrypting_key(key)?).map_err(|_| InvalidSignature)?;
    let mut plain = [0; SIZE];
    let plain = key.decrypt(algorithm, sealed, &mut plain, label).map_err(|_| InvalidSignature)?;
    Ok(Secret::new(plain.to_vec()))
}

fn open_by_pkcs1(key: &Private, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
    let key = Pkcs1PrivateDecryptingKey::new(decrypting_key(key)?).map_err(|_| InvalidSignature)?;
    let mut plain = [0; SIZE];
    let plain = key.decrypt(sealed, &mut plain).map_err(|_| InvalidSignature)?;
    Ok(Secret::new(plain.to_vec()))
}
