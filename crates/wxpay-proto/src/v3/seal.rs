//! Sensitive fields: sealed for WeChat Pay by OAEP, opened with the merchant's own key.
//!
//! `protocol/v3` section 7. A field is sealed by type: what is [`Sensitive`] reaches a request only through a
//! [`Pen`], which also makes the request name the key.

use super::{merchant::Merchant, verify::malformed};
use crate::{
    clock::UnixTime,
    crypto::PublicKey,
    error::{Error, ErrorKind, Fate},
    id::{Invalid, KeyId},
    memory::{KeyClaim, Lease},
    secret::Secret,
    wire::{base64, json::Text},
    world::World,
};
use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;

/// A name, a number of an account or of a document: 1 to 214 bytes of UTF-8. Never printed, and wiped when dropped;
/// copies share one.
#[derive(Clone)]
pub struct Sensitive(Arc<Secret<String>>);

impl Sensitive {
    /// The most bytes that a key of 2048 bits seals.
    pub const MAX_LEN: usize = 214;

    /// Takes a value in.
    ///
    /// # Errors
    ///
    /// When it is empty or longer than [`MAX_LEN`](Self::MAX_LEN) bytes.
    pub fn new(text: String) -> Result<Self, Invalid> {
        let good = (1..=Self::MAX_LEN).contains(&text.len());
        let sensitive = Self(Arc::new(Secret::new(text)));
        if good { Ok(sensitive) } else { Err(Invalid::new("sensitive field", "must be 1 to 214 bytes")) }
    }

    /// Lets it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sensitive]")
    }
}

/// A sealed field, as the wire has it. In a request a [`Pen`] makes it; one of a reply is sealed for the merchant's own
/// certificate, and [`Merchant::open`] opens it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// The wire form: base64.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} characters)", self.0.len())
    }
}

/// What a request is written with: it knows who writes, and seals.
#[derive(Debug)]
pub struct Pen<'a, 'w> {
    me: &'a Merchant,
    world: &'a mut World<'w>,
    used: Option<(KeyId, Arc<dyn PublicKey>)>,
    wanted: Option<Wanted>,
}

/// The key to seal with is not at hand.
#[derive(Debug)]
pub(super) enum Wanted {
    Fetch(Lease),
    Wait(UnixTime),
    /// There is none to be had now.
    Nothing,
}

impl<'a, 'w> Pen<'a, 'w> {
    pub(super) fn new(me: &'a Merchant, world: &'a mut World<'w>) -> Self {
        Self { me, world, used: None, wanted: None }
    }

    /// Who writes.
    #[must_use]
    pub fn me(&self) -> &'a Merchant {
        self.me
    }

    /// Seals a field.
    ///
    /// # Errors
    ///
    /// When the key is not at hand. The call then fetches it, and has the request written anew.
    pub fn seal(&mut self, plain: &Sensitive) -> Result<Sealed, Error> {
        let sealed = self.key()?.seal(plain.expose().as_bytes());
        // The type's bound is that of the shortest key there may be.
        let sealed = sealed.map_err(|cause| Error::new(ErrorKind::Misuse, Fate::NotSent).caused_by(cause))?;
        Ok(Sealed(base64::encode(&sealed)))
    }

    /// Seals a field that may be absent.
    ///
    /// # Errors
    ///
    /// As with [`seal`](Self::seal).
    pub fn seal_if(&mut self, plain: Option<&Sensitive>) -> Result<Option<Sealed>, Error> {
        plain.map(|plain| self.seal(plain)).transpose()
    }

    /// Makes the request name the key even if nothing is sealed: some operations insist on the header
    /// `Wechatpay-Serial`.
    ///
    /// # Errors
    ///
    /// As with [`seal`](Self::seal).
    pub fn name_key(&mut self) -> Result<(), Error> {
        self.key().map(|_| ())
    }

    fn key(&mut self) -> Result<Arc<dyn PublicKey>, Error> {
        if let Some((_, key)) = &self.used {
            return Ok(key.clone());
        }
        self.wanted = Some(match self.me.sealing_key(self.world.memory, self.world.now) {
            KeyClaim::Use((id, key)) => {
                self.used = Some((id, key.clone()));
                return Ok(key);
            }
            KeyClaim::Fetch(lease) => Wanted::Fetch(lease),
            KeyClaim::Wait(until) => Wanted::Wait(until),
            KeyClaim::Unknown => Wanted::Nothing,
        });
        Err(Error::new(ErrorKind::Exhausted, Fate::NotSent))
    }

    /// The key that was used, and the one that was missing.
    pub(super) fn put_down(self) -> (Option<KeyId>, Option<Wanted>) {
        (self.used.map(|(id, _)| id), self.wanted)
    }
}

impl Merchant {
    /// Opens a sensitive field of a reply: base64 of what was sealed for the merchant's certificate.
    ///
    /// # Errors
    ///
    /// When it was not sealed for this merchant's key, or is not text: [`ErrorKind::Malformed`].
    pub fn open(&self, sealed: &str) -> Result<Sensitive, Error> {
        let sealed = base64::decode(sealed.as_bytes()).map_err(|fault| malformed().caused_by(fault))?;
        let plain = self.private_key().open(&sealed).map_err(|cause| malformed().caused_by(cause))?;
        let text = core::str::from_utf8(plain.expose()).map_err(|_| malformed())?;
        Sensitive::new(text.into()).map_err(|fault| malformed().caused_by(fault))
    }

    /// Opens a box of AES-256-GCM with whichever of the APIv3 keys fits: a notice under way may be sealed with the
    /// one before.
    pub(super) fn open_box(&self, sealed: &Boxed<'_>) -> Result<Vec<u8>, Error> {
        let nonce: &[u8; 12] = sealed
            .nonce
            .as_bytes()
            .try_into()
            .map_err(|_| malformed().caused_by(Invalid::new("nonce", "must be 12 bytes")))?;
        if &*sealed.algorithm != "AEAD_AES_256_GCM" {
            return Err(malformed().caused_by(Invalid::new("algorithm", "must be AEAD_AES_256_GCM")));
        }
        let ciphertext =
            base64::decode(sealed.ciphertext.as_bytes()).map_err(|fault| malformed().caused_by(fault))?;
        let data = sealed.associated_data.as_deref().unwrap_or_default().as_bytes();
        let opened = self.api_v3_keys().iter().find_map(|key| key.open(nonce, data, &ciphertext).ok());
        opened.ok_or_else(|| malformed().caused_by(crate::crypto::Forged))
    }
}

/// What was sealed with the APIv3 key, as the wire has it: a notice's `resource`, or an `encrypt_certificate`.
#[derive(serde::Deserialize)]
pub(super) struct Boxed<'a> {
    #[serde(borrow)]
    algorithm: Text<'a>,
    #[serde(borrow)]
    nonce: Text<'a>,
    #[serde(borrow)]
    associated_data: Option<Text<'a>>,
    #[serde(borrow)]
    ciphertext: Text<'a>,
    #[serde(borrow)]
    pub(super) original_type: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::toy;
    use alloc::format;

    #[test]
    fn what_was_sealed_for_the_merchant_opens_and_nothing_else_does() {
        let me = toy::merchant();
        assert_eq!(me.open(&toy::sealed_for_merchant("张三".as_bytes())).unwrap().expose(), "张三");
        for sealed in [toy::sealed("张三"), toy::sealed_for_merchant(b"\xff"), "%".into(), String::new()] {
            assert_eq!(me.open(&sealed).unwrap_err().kind(), ErrorKind::Malformed);
        }
    }

    #[test]
    fn a_sensitive_value_is_not_printed_and_keeps_to_its_bounds() {
        let value = Sensitive::new("张三".into()).unwrap();
        assert_eq!((format!("{value:?}").as_str(), value.expose()), ("[sensitive]", "张三"));
        assert!(Sensitive::new(String::new()).is_err());
        assert!(Sensitive::new("x".repeat(214)).is_ok());
        assert!(Sensitive::new("x".repeat(215)).is_err());
    }
}
