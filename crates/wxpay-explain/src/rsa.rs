//! The public operation of RSA, which recovers the signed digest.

use aws_lc_rs::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use num_bigint::BigUint;

/// The content of a signature, recovered with the public key.
pub(crate) enum Recovered {
    /// A digest in a `DigestInfo` (PKCS #1 v1.5).
    Digest(Hash, Vec<u8>),
    /// Bytes without a `DigestInfo` (PKCS #1 v1.5).
    Bare(Vec<u8>),
    /// PSS: the hash `H` and the salt. A digest is compared by hashing it with the salt.
    Pss {
        hash: Hash,
        digest: Vec<u8>,
        salt: Vec<u8>,
        /// False if one in some thousands of other messages has this structure.
        is_certain: bool,
    },
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    /// Recognised, but its digests are not compared.
    Md5,
}

impl Hash {
    const ALL: [Self; 5] = [Self::Sha256, Self::Sha1, Self::Sha384, Self::Sha512, Self::Md5];

    /// Returns the DER of `DigestInfo` up to the digest.
    const fn digest_info(self) -> &'static [u8] {
        match self {
            Self::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
            Self::Sha256 => b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
            Self::Sha384 => b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
            Self::Sha512 => b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
            Self::Md5 => b"\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10",
        }
    }

    const fn algorithm(self) -> Option<&'static Algorithm> {
        match self {
            Self::Sha1 => Some(&SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => Some(&SHA256),
            Self::Sha384 => Some(&SHA384),
            Self::Sha512 => Some(&SHA512),
            Self::Md5 => None,
        }
    }

    pub(crate) fn of(self, text: &[u8]) -> Option<digest::Digest> {
        Some(digest::digest(self.algorithm()?, text))
    }
}

impl Recovered {
    /// Returns whether the structure alone proves that the key made the signature.
    pub(crate) const fn is_certain(&self) -> bool {
        match self {
            Self::Digest(..) | Self::Bare(_) => true,
            Self::Pss { is_certain, .. } => *is_certain,
        }
    }

    /// Returns whether the signature is one over this string.
    pub(crate) fn is_over(&self, string: &[u8]) -> bool {
        match self {
            Self::Digest(hash, digest) => hash.of(string).is_some_and(|found| found.as_ref() == digest),
            Self::Bare(bytes) => {
                bytes == string
                    || Hash::Sha256.of(string).is_some_and(|found| {
                        found.as_ref() == bytes || hex(found.as_ref()).as_bytes() == bytes
                    })
            }
            Self::Pss { hash, digest, salt, .. } => {
                let Some(message) = hash.of(string) else { return false };
                let padded = [&[0; 8], message.as_ref(), salt].concat();
                hash.of(&padded).is_some_and(|found| found.as_ref() == digest)
            }
        }
    }
}

/// Applies the public key to a signature. Returns `None` if the result has none of the known forms: the signature was
/// made with another key.
pub(crate) fn recover(modulus: &BigUint, exponent: &BigUint, signature: &[u8]) -> Option<Recovered> {
    let bits = modulus.bits();
    let length = usize::try_from(bits.div_ceil(8)).ok()?;
    let number = BigUint::from_bytes_be(signature);
    if signature.len() != length || number >= *modulus {
        return None;
    }
    let encoded = power(&number, exponent, modulus).to_bytes_be();
    let mut message = vec![0; length.checked_sub(encoded.len())?];
    message.extend_from_slice(&encoded);
    pkcs1(&message).or_else(|| pss(&message, bits))
}

/// Raises a number to an exponent. Exponents are short and have few bits (65537), for which the table that
/// `BigUint::modpow` builds first takes as long as the operation.
fn power(number: &BigUint, exponent: &BigUint, modulus: &BigUint) -> BigUint {
    let bits = (0..exponent.bits().saturating_sub(1)).rev();
    bits.fold(number.clone(), |power, bit| {
        let square = product(&power, &power, modulus);
        if exponent.bit(bit) { product(&square, number, modulus) } else { square }
    })
}

#[allow(clippy::arithmetic_side_effects, reason = "these numbers grow, and the modulus is not zero")]
fn product(one: &BigUint, other: &BigUint, modulus: &BigUint) -> BigUint {
    one * other % modulus
}

/// Removes the padding of PKCS #1 v1.5: `00 01 FF … FF 00`, at least eight `FF`.
fn pkcs1(message: &[u8]) -> Option<Recovered> {
    let rest = message.strip_prefix(&[0, 1])?;
    let end = rest.iter().position(|byte| *byte != 0xff).filter(|count| *count >= 8)?;
    let content = rest.get(end..)?.strip_prefix(&[0])?;
    let digest = Hash::ALL.into_iter().find_map(|hash| {
        let digest = content.strip_prefix(hash.digest_info())?;
        let length = hash.digest_info().last().copied().map(usize::from)?;
        (digest.len() == length).then(|| Recovered::Digest(hash, digest.to_vec()))
    });
    Some(digest.unwrap_or_else(|| Recovered::Bare(content.to_vec())))
}

/// The hashes of a signature and of its mask. Java masks with SHA-1 unless told otherwise.
const PSS_HASHES: [(Hash, Hash); 6] = [
    (Hash::Sha256, Hash::Sha256),
    (Hash::Sha256, Hash::Sha1),
    (Hash::Sha1, Hash::Sha1),
    (Hash::Sha1, Hash::Sha256),
    (Hash::Sha384, Hash::Sha384),
    (Hash::Sha512, Hash::Sha512),
];

/// Reads the structure of EMSA-PSS (RFC 8017, 9.1.2). Only the usual lengths of the salt are accepted: that of a hash, and
/// the greatest one.
fn pss(message: &[u8], modulus_bits: u64) -> Option<Recovered> {
    // The encoded message has one bit less than the modulus.
    let message = if modulus_bits % 8 == 1 { message.get(1..)? } else { message };
    let bits = u64::try_from(message.len()).ok()?.checked_mul(8)?;
    let unused = u32::try_from(bits.checked_sub(modulus_bits)?.checked_add(1)?).ok()?;
    let content = message.strip_suffix(&[0xbc])?;
    PSS_HASHES.into_iter().find_map(|(hash, mask)| {
        let length = hash.algorithm()?.output_len();
        let (masked, digest) = content.split_at_checked(content.len().checked_sub(length)?)?;
        let mut block = unmask(mask, masked, digest)?;
        let first = block.first_mut()?;
        *first &= 0xff_u8.checked_shr(unused).unwrap_or(0);
        let start = block.iter().position(|byte| *byte != 0)?;
        let salt = block.get(start..)?.strip_prefix(&[1])?.to_vec();
        let is_usual = start == 0 || matches!(salt.len(), 20 | 32 | 48 | 64);
        is_usual.then(|| Recovered::Pss { hash, digest: digest.to_vec(), salt, is_certain: start >= 8 })
    })
}

/// Removes the mask that MGF1 makes from a seed.
fn unmask(hash: Hash, masked: &[u8], seed: &[u8]) -> Option<Vec<u8>> {
    let mut mask = Vec::with_capacity(masked.len().saturating_add(64));
    for counter in 0_u32.. {
        if mask.len() >= masked.len() {
            break;
        }
        mask.extend_from_slice(hash.of(&[seed, &counter.to_be_bytes()].concat())?.as_ref());
    }
    Some(masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect())
}

/// Encodes bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
