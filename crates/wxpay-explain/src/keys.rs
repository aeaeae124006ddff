//! Public keys, their serial numbers and the merchants they belong to.

use crate::rsa::{self, Recovered};
use num_bigint::BigUint;
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use std::fmt;
use x509_cert::{
    Certificate,
    der::{
        Decode as _, SliceReader, Tag, Tagged as _,
        asn1::{AnyRef, OctetStringRef, UintRef},
    },
    ext::pkix::name::DirectoryString,
    spki::SubjectPublicKeyInfoRef,
};

/// The party that holds the private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Owner {
    /// The merchant, which signs requests and the parameters of clients.
    Merchant,
    /// WeChat Pay, which signs replies and notifications.
    Platform,
}

/// The key cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidKey;

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no RSA key can be read; a certificate, a public key (SPKI) or a private key (PKCS #8 or PKCS #1) is required")
    }
}

impl std::error::Error for InvalidKey {}

/// An RSA public key, with its serial numbers and its holder. Of a private key, only the public half is kept.
#[derive(Clone)]
pub struct Key {
    modulus: BigUint,
    exponent: BigUint,
    serials: Vec<String>,
    /// The serial numbers are those of a certificate, which are true; others are only said to be.
    is_certified: bool,
    mchid: Option<String>,
    owner: Option<Owner>,
}

impl Key {
    /// Reads the first certificate, public key or private key of a PEM text.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if there is none, or if it is not an RSA key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidKey> {
        let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem);
        let found = sections.filter_map(Result::ok).find_map(|(kind, der)| {
            if kind == SectionKind::Certificate {
                Some(Self::from_certificate(&der))
            } else if kind == SectionKind::PublicKey {
                Some(Self::from_spki(&der))
            } else if matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey) {
                Some(Self::from_private_key(&der))
            } else {
                None
            }
        });
        found.unwrap_or(Err(InvalidKey))
    }

    /// Reads a certificate (DER). Its serial number and, if it is one, the mchid of its subject are kept.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if it is not a certificate of an RSA key.
    pub fn from_certificate(der: &[u8]) -> Result<Self, InvalidKey> {
        let certificate = Certificate::from_der(der).map_err(|_| InvalidKey)?;
        let content = certificate.tbs_certificate();
        let key = content.subject_public_key_info().subject_public_key.raw_bytes();
        let key = Self::from_rsa_public_key(key)?;
        let serial = rsa::hex(content.serial_number().as_bytes()).to_ascii_uppercase();
        let names = content.subject().iter().filter(|name| name.oid == x509_cert::der::oid::db::rfc4519::CN);
        let mut names = names.filter_map(|name| name.value.decode_as::<DirectoryString>().ok());
        let mchid = names.find_map(|name| is_mchid(&name.value()).then(|| name.value().into_owned()));
        Ok(Self { mchid, is_certified: true, ..key.with_serial(serial) })
    }

    /// Reads a `SubjectPublicKeyInfo` (DER).
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if it is not an RSA key.
    pub fn from_spki(der: &[u8]) -> Result<Self, InvalidKey> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| InvalidKey)?;
        Self::from_rsa_public_key(info.subject_public_key.raw_bytes())
    }

    /// Reads the public half of a private key in PKCS #8 or PKCS #1 (DER).
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if it is not an RSA key.
    pub fn from_private_key(der: &[u8]) -> Result<Self, InvalidKey> {
        let inner = sequence(der, |reader| {
            UintRef::decode(reader)?;
            AnyRef::decode(reader)?;
            Ok(<&OctetStringRef>::decode(reader)?.as_bytes())
        });
        let pkcs1 = inner.unwrap_or(der);
        let numbers = sequence(pkcs1, |reader| {
            UintRef::decode(reader)?;
            Ok((UintRef::decode(reader)?.as_bytes(), UintRef::decode(reader)?.as_bytes()))
        });
        numbers.ok_or(InvalidKey).and_then(|(modulus, exponent)| Self::new(modulus, exponent))
    }

    fn from_rsa_public_key(der: &[u8]) -> Result<Self, InvalidKey> {
        let numbers = sequence(der, |reader| {
            Ok((UintRef::decode(reader)?.as_bytes(), UintRef::decode(reader)?.as_bytes()))
        });
        numbers.ok_or(InvalidKey).and_then(|(modulus, exponent)| Self::new(modulus, exponent))
    }

    /// Checks the size: an odd modulus of 1024 to 8192 bits, and an exponent of at most 32 bits, which bounds the time of
    /// the operation.
    fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, InvalidKey> {
        let (modulus, exponent) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
        if (1024..=8192).contains(&modulus.bits()) && modulus.bit(0) && (2..=32).contains(&exponent.bits()) {
            Ok(Self { modulus, exponent, serials: Vec::new(), is_certified: false, mchid: None, owner: None })
        } else {
            Err(InvalidKey)
        }
    }

    /// Adds the serial number of the key's certificate, or the id of a WeChat Pay public key.
    #[must_use]
    pub fn with_serial(mut self, serial: impl Into<String>) -> Self {
        let serial = serial.into();
        if !self.serials.contains(&serial) {
            self.serials.push(serial);
        }
        self
    }

    /// Sets the party that holds the private key. Unknown by default.
    #[must_use]
    pub fn owned_by(self, owner: Owner) -> Self {
        Self { owner: Some(owner), ..self }
    }

    pub(crate) fn recover(&self, signature: &[u8]) -> Option<Recovered> {
        rsa::recover(&self.modulus, &self.exponent, signature)
    }

    pub(crate) fn length(&self) -> usize {
        usize::try_from(self.modulus.bits().div_ceil(8)).unwrap_or(usize::MAX)
    }

    pub(crate) fn serials(&self) -> &[String] {
        &self.serials
    }

    pub(crate) fn mchid(&self) -> Option<&str> {
        self.mchid.as_deref()
    }

    pub(crate) const fn owner(&self) -> Option<Owner> {
        self.owner
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[public key of {} bits, serials {:?}]", self.modulus.bits(), self.serials)
    }
}

/// The given keys. Those with the same modulus are one key.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Adds a key, or facts about a key that is there already. The serial numbers of certificates replace those
    /// that were only given.
    pub fn add(&mut self, key: Key) {
        match self.0.iter_mut().find(|other| other.modulus == key.modulus) {
            None => self.0.push(key),
            Some(other) => {
                let serials = other.serials.clone();
                if key.is_certified && !other.is_certified {
                    (other.serials, other.is_certified) = (key.serials, true);
                } else if key.is_certified == other.is_certified {
                    other.serials.extend(key.serials.into_iter().filter(|serial| !serials.contains(serial)));
                }
                other.mchid = other.mchid.take().or(key.mchid);
                // A key that is given for both parties belongs to neither for certain.
                other.owner = if other.owner == key.owner { key.owner } else { other.owner.xor(key.owner) };
            }
        }
    }

    /// Returns whether no key was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// Returns the key that a serial number names.
    pub(crate) fn named(&self, serial: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.serials.iter().any(|other| other == serial))
    }
}

impl FromIterator<Key> for Keys {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        keys.into_iter().fold(Self::default(), |mut all, key| {
            all.add(key);
            all
        })
    }
}

/// Returns whether a text is a merchant's number.
fn is_mchid(text: &str) -> bool {
    (8..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads the beginning of a DER sequence. Elements after it are ignored.
fn sequence<'a, T>(
    der: &'a [u8],
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T, x509_cert::der::Error>,
) -> Option<T> {
    let content = AnyRef::from_der(der).ok()?;
    if content.tag() != Tag::Sequence {
        return None;
    }
    let mut reader = SliceReader::new(content.value()).ok()?;
    read(&mut reader).ok()
}
