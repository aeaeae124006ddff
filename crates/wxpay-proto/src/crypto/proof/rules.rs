//! The rules. Each parses the keys it needs, so that a provider that cannot parse one can still satisfy the others.

use super::{
    super::{Certificate, CryptoProvider, PrivateKey, PublicKey, SymmetricKey},
    material,
};
use crate::{prelude::*, secret::Secret};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use core::{fmt, iter};

/// A rule: returns whether a provider satisfies it.
pub(super) type Rule = fn(&dyn CryptoProvider) -> bool;

pub(super) const RULES: &[(&str, Rule)] = &[
    // keys
    ("a private key is read from PKCS#8", |p| signs(p, material::PKCS8)),
    ("a private key is read from PKCS#1", |p| signs(p, material::PKCS1)),
    ("a private key of 1024 bits is rejected", |p| private(p, material::SMALL_PKCS8).is_none()),
    ("an elliptic curve private key is rejected", |p| private(p, material::CURVE_PKCS8).is_none()),
    ("bytes that are not a private key are rejected", |p| {
        not_keys(material::PKCS8, material::SPKI).all(|der| p.private_key(&Secret::new(der)).is_err())
    }),
    ("`Debug` of a private key shows nothing of the key", |p| {
        debug_output_is_equal(private(p, material::PKCS8), private(p, material::OTHER_PKCS8))
    }),
    ("a public key is read from a certificate", |p| {
        let certificate = Certificate::parse(&bytes(material::CERTIFICATE));
        let key = certificate.ok().and_then(|certificate| p.public_key(certificate.spki()).ok());
        key.is_some_and(|key| verifies(&*key, material::SIGNATURE))
    }),
    ("a public key of 8192 bits is read", |p| {
        public(p, material::BIG_SPKI).is_some_and(|key| verifies(&*key, material::BIG_SIGNATURE))
    }),
    ("a public key of 8200 bits is rejected", |p| public(p, material::HUGE_SPKI).is_none()),
    ("a public key of 1024 bits is rejected", |p| public(p, material::SMALL_SPKI).is_none()),
    ("an elliptic curve public key is rejected", |p| public(p, material::CURVE_SPKI).is_none()),
    ("bytes that are not a public key are rejected", |p| {
        not_keys(material::SPKI, material::CERTIFICATE).all(|der| p.public_key(&der).is_err())
    }),
    ("a public key with bytes after it is rejected", |p| {
        let mut followed = bytes(material::SPKI);
        followed.push(0);
        p.public_key(&followed).is_err()
    }),
    // signatures
    ("signatures equal those of OpenSSL, each time", |p| {
        key_satisfies(private(p, material::PKCS8), |key| {
            signed().iter().all(|(message, signature)| {
                (0..2).all(|_| key.sign(message).as_deref() == Ok(&bytes(signature)))
            })
        })
    }),
    ("signatures of OpenSSL verify, each time", |p| {
        key_satisfies(public(p, material::SPKI), |key| {
            signed()
                .iter()
                .all(|(message, signature)| (0..2).all(|_| key.verify(message, &bytes(signature)).is_ok()))
        })
    }),
    ("a message in parts verifies as their concatenation", |p| {
        let (message, signature) = (material::MESSAGE.as_bytes(), bytes(material::SIGNATURE));
        key_satisfies(public(p, material::SPKI), |key| {
            let verifies = |parts: &[&[u8]]| key.verify_parts(parts, &signature).is_ok();
            (0..=message.len()).all(|at| {
                let (begin, end) = message.split_at(at);
                let in_order = begin.is_empty() || end.is_empty();
                verifies(&[begin, b"", end])
                    && verifies(&[begin]) == end.is_empty()
                    && verifies(&[end]) == begin.is_empty()
                    && verifies(&[end, begin]) == in_order
            }) && !verifies(&[])
        })
    }),
    ("a changed message is rejected", |p| {
        let message = material::MESSAGE.as_bytes();
        let others = with_one_bit_flipped(message).chain(resized(message)).chain(iter::once(Vec::new()));
        rejects_signed(p, others.map(|message| (message, bytes(material::SIGNATURE))))
    }),
    ("a changed signature is rejected", |p| {
        rejects_signatures(p, with_one_bit_flipped(&bytes(material::SIGNATURE)))
    }),
    ("a shorter or longer signature is rejected", |p| {
        rejects_signatures(p, resized(&bytes(material::SIGNATURE)))
    }),
    ("the empty signature is rejected", |p| rejects_signatures(p, iter::once(Vec::new()))),
    ("another key's signature is rejected", |p| {
        rejects_signatures(p, iter::once(bytes(material::OTHER_SIGNATURE)))
    }),
    ("a signature with SHA-1 is rejected", |p| {
        rejects_signatures(p, iter::once(bytes(material::SIGNATURE_SHA1)))
    }),
    ("a signature with RSASSA-PSS is rejected", |p| {
        rejects_signatures(p, iter::once(bytes(material::SIGNATURE_PSS)))
    }),
    ("a signature of a bare digest is rejected", |p| {
        rejects_signatures(p, iter::once(bytes(material::SIGNATURE_WITHOUT_DIGEST_INFO)))
    }),
    ("a signature with bytes after the digest is rejected", |p| {
        rejects_signatures(p, iter::once(bytes(material::SIGNATURE_WITH_TRAILING_BYTES)))
    }),
    ("a signature with other padding is rejected", |p| {
        rejects_signatures(p, iter::once(bytes(material::SIGNATURE_WITH_WRONG_PADDING)))
    }),
    ("a signature above the modulus is rejected", |p| {
        rejects_signed(
            p,
            iter::once((bytes(material::MESSAGE_ABOVE_MODULUS), bytes(material::SIGNATURE_ABOVE_MODULUS))),
        )
    }),
    // RSA-OAEP
    ("RSA-OAEP ciphertexts of OpenSSL open", |p| {
        key_satisfies(private(p, material::PKCS8), |key| {
            let texts = [
                (material::SECRET.as_bytes(), material::SEALED),
                (b"", material::SEALED_EMPTY),
                (&prefix(&thousand_bytes(), MAX_OAEP_PLAINTEXT), material::SEALED_LONG),
            ];
            texts.iter().all(|(plain, sealed)| opens(key, &bytes(sealed), plain))
        })
    }),
    ("a sealed text of up to 214 bytes opens", |p| {
        key_satisfies(public(p, material::SPKI), |public_key| {
            key_satisfies(private(p, material::PKCS8), |key| {
                (0..=MAX_OAEP_PLAINTEXT).step_by(107).chain([1, MAX_OAEP_PLAINTEXT]).all(|length| {
                    let plain = prefix(&thousand_bytes(), length);
                    public_key.seal(&plain).is_ok_and(|sealed| opens(key, &sealed, &plain))
                })
            })
        })
    }),
    ("a text of more than 214 bytes is not sealed", |p| {
        key_satisfies(public(p, material::SPKI), |public_key| {
            [215, 216, 245, 255, 256, 257, 1000].iter().all(|length| {
                let plain = prefix(&thousand_bytes(), *length);
                public_key.seal(&plain).is_err()
            })
        })
    }),
    ("sealing a text twice gives different ciphertexts", |p| {
        key_satisfies(public(p, material::SPKI), |public_key| {
            let sealed = || public_key.seal(material::SECRET.as_bytes());
            sealed() != sealed()
        })
    }),
    ("a changed sealed text is rejected", |p| {
        rejects_oaep(p, with_one_bit_flipped(&bytes(material::SEALED)))
    }),
    ("a shorter or longer sealed text is rejected", |p| {
        rejects_oaep(p, resized(&bytes(material::SEALED)).chain(iter::once(Vec::new())))
    }),
    ("a text sealed for another key is rejected", |p| {
        rejects_oaep(p, iter::once(bytes(material::SEALED_TO_OTHER)))
    }),
    ("a text sealed with SHA-256 is rejected", |p| {
        rejects_oaep(p, iter::once(bytes(material::SEALED_SHA256)))
    }),
    ("a text sealed with a label is rejected", |p| {
        rejects_oaep(p, iter::once(bytes(material::SEALED_LABEL)))
    }),
    ("a text encrypted with RSAES-PKCS1-v1_5 is rejected", |p| {
        rejects_oaep(p, iter::once(bytes(material::SEALED_PKCS1)))
    }),
    // AES-GCM
    ("AES-GCM ciphertexts equal those of OpenSSL", |p| {
        let key = symmetric(p);
        ciphertexts().iter().all(|(associated_data, plain, sealed)| {
            key.seal(material::NONCE, associated_data, plain) == bytes(sealed)
        })
    }),
    ("AES-GCM ciphertexts of OpenSSL open", |p| {
        let key = symmetric(p);
        ciphertexts().iter().all(|(associated_data, plain, sealed)| {
            key.open(material::NONCE, associated_data, &bytes(sealed)).as_deref() == Ok(plain.as_slice())
        })
    }),
    ("AES-GCM nonces may have any length", |p| {
        let key = symmetric(p);
        material::AEAD_CIPHERTEXTS_BY_NONCE.iter().all(|(nonce, sealed)| {
            let (nonce, sealed) = (nonce.as_bytes(), bytes(sealed));
            key.seal(nonce, b"certificate", material::SECRET.as_bytes()) == sealed
                && key.open(nonce, b"certificate", &sealed).as_deref() == Ok(material::SECRET.as_bytes())
                && key.open(nonce, b"", &sealed).is_err()
                && with_one_bit_flipped(nonce).all(|nonce| key.open(&nonce, b"certificate", &sealed).is_err())
                && with_one_bit_flipped(&sealed).all(|other| key.open(nonce, b"certificate", &other).is_err())
        })
    }),
    ("an AES-GCM ciphertext is rejected with another key", |p| {
        with_one_bit_flipped(material::API_V3_KEY).all(|other| {
            other.try_into().is_ok_and(|other| {
                let key = p.symmetric_key(&Secret::new(other));
                ciphertexts().iter().all(|(associated_data, _, sealed)| {
                    key.open(material::NONCE, associated_data, &bytes(sealed)).is_err()
                })
            })
        })
    }),
    ("an AES-GCM ciphertext is rejected with another nonce", |p| {
        let key = symmetric(p);
        with_one_bit_flipped(material::NONCE).all(|other| {
            ciphertexts().iter().all(|(associated_data, _, sealed)| {
                key.open(&other, associated_data, &bytes(sealed)).is_err()
            })
        })
    }),
    ("an AES-GCM ciphertext is rejected with other associated data", |p| {
        let key = symmetric(p);
        let others = [&b""[..], b"transaction", b"certificat", b"certificate\0"];
        others.iter().all(|associated_data| {
            key.open(material::NONCE, associated_data, &bytes(material::AEAD_CIPHERTEXT)).is_err()
        }) && key.open(material::NONCE, b"certificate", &bytes(material::AEAD_CIPHERTEXT_OF_EMPTY)).is_err()
    }),
    ("a changed AES-GCM ciphertext is rejected", |p| {
        ciphertexts().iter().all(|(associated_data, _, sealed)| {
            rejects_ciphertexts(p, associated_data, with_one_bit_flipped(&bytes(sealed)))
        })
    }),
    ("a shorter or longer AES-GCM ciphertext is rejected", |p| {
        ciphertexts().iter().all(|(associated_data, _, sealed)| {
            let sealed = bytes(sealed);
            rejects_ciphertexts(p, associated_data, resized(&sealed))
                && rejects_ciphertexts(
                    p,
                    associated_data,
                    (0..sealed.len()).map(|length| prefix(&sealed, length)),
                )
        })
    }),
    ("`Debug` of a symmetric key shows nothing of the key", |p| {
        debug_output_is_equal(Some(symmetric(p)), Some(p.symmetric_key(&Secret::new([0; 32]))))
    }),
];

/// The longest plaintext of RSAES-OAEP with SHA-1 and 2048 bits, in bytes: 256 - 2 * 20 - 2.
const MAX_OAEP_PLAINTEXT: usize = 214;

fn bytes(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap_or_default()
}

/// Returns a thousand bytes, equal to `long` in `make.py`.
fn thousand_bytes() -> Vec<u8> {
    (0_u32..1000).map(|number| u8::try_from(number.wrapping_mul(7) & 0xff).unwrap_or_default()).collect()
}

fn prefix(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().take(length).copied().collect()
}

fn signed() -> [(Vec<u8>, &'static str); 3] {
    [
        (material::MESSAGE.into(), material::SIGNATURE),
        (Vec::new(), material::SIGNATURE_OF_EMPTY),
        (thousand_bytes(), material::SIGNATURE_OF_LONG),
    ]
}

/// Returns AES-GCM cases: associated data, plaintext, and ciphertext in Base64.
fn ciphertexts() -> [(&'static [u8], Vec<u8>, &'static str); 3] {
    [
        (b"certificate", material::MESSAGE.into(), material::AEAD_CIPHERTEXT),
        (b"", Vec::new(), material::AEAD_CIPHERTEXT_OF_EMPTY),
        (b"", thousand_bytes(), material::AEAD_CIPHERTEXT_OF_LONG),
    ]
}

/// Returns copies with one flipped bit, one copy for each byte: in the first byte the lowest bit, then the next.
fn with_one_bit_flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let bits = (0..8).map(|place| 1_u8 << place).cycle();
    bytes.iter().enumerate().zip(bits).map(|((at, byte), bit)| {
        let mut other = bytes.to_vec();
        other.splice(at..=at, [byte ^ bit]);
        other
    })
}

/// Returns copies with one byte less or more at either end, and a doubled copy.
fn resized(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = [bytes.get(1..), bytes.get(..bytes.len().saturating_sub(1))];
    let cut = cut.map(|bytes| bytes.unwrap_or_default().to_vec());
    cut.into_iter().chain([[&[0], bytes].concat(), [bytes, &[0]].concat(), [bytes, bytes].concat()])
}

/// Returns bytes that are not a key of the expected kind: other DER, truncated DER, and arbitrary bytes.
fn not_keys(key: &str, other: &str) -> impl Iterator<Item = Vec<u8>> {
    let key = bytes(key);
    let half = prefix(&key, key.len() / 2);
    [Vec::new(), Vec::from(*b"not a key"), [0; 1200].into(), thousand_bytes(), half, bytes(other)].into_iter()
}

fn private(provider: &dyn CryptoProvider, der: &str) -> Option<Arc<dyn PrivateKey>> {
    provider.private_key(&Secret::new(bytes(der))).ok()
}

fn public(provider: &dyn CryptoProvider, spki: &str) -> Option<Arc<dyn PublicKey>> {
    provider.public_key(&bytes(spki)).ok()
}

fn symmetric(provider: &dyn CryptoProvider) -> Arc<dyn SymmetricKey> {
    provider.symmetric_key(&Secret::new(*material::API_V3_KEY))
}

/// Applies a condition to a key. A key that could not be parsed violates the rule.
fn key_satisfies<K: ?Sized>(key: Option<Arc<K>>, holds: impl FnOnce(&K) -> bool) -> bool {
    key.is_some_and(|key| holds(&key))
}

fn signs(provider: &dyn CryptoProvider, der: &str) -> bool {
    key_satisfies(private(provider, der), |key| {
        key.sign(material::MESSAGE.as_bytes()).as_deref() == Ok(&bytes(material::SIGNATURE))
    })
}

fn verifies(key: &dyn PublicKey, signature: &str) -> bool {
    key.verify(material::MESSAGE.as_bytes(), &bytes(signature)).is_ok()
}

fn rejects_signatures(provider: &dyn CryptoProvider, signatures: impl Iterator<Item = Vec<u8>>) -> bool {
    rejects_signed(provider, signatures.map(|signature| (material::MESSAGE.into(), signature)))
}

fn rejects_signed(
    provider: &dyn CryptoProvider,
    mut signed: impl Iterator<Item = (Vec<u8>, Vec<u8>)>,
) -> bool {
    key_satisfies(public(provider, material::SPKI), |key| {
        signed.all(|(message, signature)| key.verify(&message, &signature).is_err())
    })
}

fn opens(key: &dyn PrivateKey, sealed: &[u8], plain: &[u8]) -> bool {
    key.open(sealed).is_ok_and(|opened| opened.expose() == plain)
}

fn rejects_oaep(provider: &dyn CryptoProvider, mut sealed: impl Iterator<Item = Vec<u8>>) -> bool {
    key_satisfies(private(provider, material::PKCS8), |key| sealed.all(|sealed| key.open(&sealed).is_err()))
}

fn rejects_ciphertexts(
    provider: &dyn CryptoProvider,
    associated_data: &[u8],
    mut sealed: impl Iterator<Item = Vec<u8>>,
) -> bool {
    let key = symmetric(provider);
    sealed.all(|sealed| key.open(material::NONCE, associated_data, &sealed).is_err())
}

/// Returns whether two keys of one size have the same `Debug` output, which then reveals neither.
fn debug_output_is_equal<K: fmt::Debug + ?Sized>(one: Option<Arc<K>>, other: Option<Arc<K>>) -> bool {
    one.zip(other).is_some_and(|(one, other)| {
        format!("{one:?}") == format!("{other:?}") && format!("{one:#?}") == format!("{other:#?}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Undecodable material would be rejected for that reason, and the rule would prove nothing.
    #[test]
    fn invalid_material_has_the_form_of_valid_material() {
        let signatures = [
            material::SIGNATURE,
            material::OTHER_SIGNATURE,
            material::SIGNATURE_SHA1,
            material::SIGNATURE_PSS,
            material::SIGNATURE_WITHOUT_DIGEST_INFO,
            material::SIGNATURE_WITH_TRAILING_BYTES,
            material::SIGNATURE_WITH_WRONG_PADDING,
            material::SIGNATURE_ABOVE_MODULUS,
        ];
        let sealed = [
            material::SEALED,
            material::SEALED_TO_OTHER,
            material::SEALED_SHA256,
            material::SEALED_LABEL,
            material::SEALED_PKCS1,
        ];
        for text in signatures.iter().chain(&sealed) {
            assert_eq!(bytes(text).len(), 256, "{text}");
        }
        let keys = [
            material::OTHER_PKCS8,
            material::SMALL_PKCS8,
            material::SMALL_SPKI,
            material::HUGE_SPKI,
            material::CURVE_PKCS8,
            material::CURVE_SPKI,
        ];
        for text in keys {
            let der = bytes(text);
            assert!(der[0] == 0x30 && der.len() > 90, "{text}");
        }
        assert!(!bytes(material::MESSAGE_ABOVE_MODULUS).is_empty());
    }

    #[test]
    fn changed_and_resized_differ_from_the_input() {
        let text = b"two words";
        assert_eq!(with_one_bit_flipped(text).count(), text.len());
        assert!(with_one_bit_flipped(text).chain(resized(text)).all(|other| other != text));
        assert!(not_keys(material::PKCS8, material::SPKI).all(|der| der != bytes(material::PKCS8)));
    }
}
