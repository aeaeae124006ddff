//! Sensitive fields: sealed for WeChat Pay with RSA-OAEP, opened with the merchant's private key.
//!
//! The type enforces sealing: a [`Sensitive`] value reaches a request only through a [`RequestWriter`], which also
//! makes the request name the key in `Wechatpay-Serial`. Source: [the rules](crate::manual::protocol#encryption).

use super::{
    merchant::Merchant,
    verify::{malformed, require},
};
use crate::{
    crypto::PublicKey,
    error::{Error, ErrorKind, Fate},
    id::{InvalidField, KeyId},
    memory::{KeyError, KeyProblem, MissingKey},
    prelude::*,
    secret::Secret,
    wire::{
        base64,
        json::{
            Text, object,
            read::{Outcome, Read},
        },
    },
    world::World,
};
use core::{error, fmt};

/// A sensitive value, such as a person's name, account number or document number: 1 to 214 bytes of UTF-8. `Debug`
/// omits it, and it is wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Sensitive(Arc<Secret<String>>);

impl Sensitive {
    /// The maximum length in bytes that a 2048-bit key can seal.
    pub const MAX_LEN: usize = 214;

    /// Creates a sensitive value from its text.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the text is empty or longer than [`MAX_LEN`](Self::MAX_LEN) bytes.
    pub fn new(text: String) -> Result<Self, InvalidField> {
        let is_valid = (1..=Self::MAX_LEN).contains(&text.len());
        let sensitive = Self(Arc::new(Secret::new(text)));
        if is_valid {
            Ok(sensitive)
        } else {
            Err(InvalidField::new("sensitive field", "must be 1 to 214 bytes"))
        }
    }

    /// Returns the plaintext.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sensitive]")
    }
}

/// A sealed field, as on the wire. A [`RequestWriter`] seals the fields of a request; a field of a reply is sealed for
/// the merchant's own certificate, and [`Merchant::open`] opens it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl<'de> Read<'de> for Sealed {
    const SHAPE: &'static str = String::SHAPE;

    fn from_text(text: Cow<'de, str>) -> Outcome<Self> {
        String::from_text(text).map(Self)
    }
}

impl Sealed {
    /// Returns the ciphertext in base64, as on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} characters)", self.0.len())
    }
}

/// The context in which an operation writes its request: gives access to the merchant, and seals sensitive fields.
#[derive(Debug)]
pub struct RequestWriter<'a, 'w> {
    merchant: &'a Merchant,
    world: &'a mut World<'w>,
    sealing_key: Option<(KeyId, Arc<dyn PublicKey>)>,
    missing: Option<MissingKey>,
}

impl<'a, 'w> RequestWriter<'a, 'w> {
    pub(super) fn new(merchant: &'a Merchant, world: &'a mut World<'w>) -> Self {
        Self { merchant, world, sealing_key: None, missing: None }
    }

    /// Returns the merchant that sends the request.
    pub fn merchant(&self) -> &'a Merchant {
        self.merchant
    }

    /// Returns the error for a request that cannot be written, such as one without an app where the merchant has no
    /// default. Nothing is sent.
    pub fn misuse(&self, cause: InvalidField) -> Error {
        Error::misuse(cause)
    }

    /// Seals a field.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the key is not cached. The call then fetches it, and drafts the request again; if it
    /// cannot be fetched, the call ends with a [`KeyError`].
    pub fn seal(&mut self, plain: &Sensitive) -> Result<Sealed, Error> {
        let sealed = self.key()?.seal(plain.expose().as_bytes());
        // `Sensitive::MAX_LEN` fits the shortest key that WeChat Pay uses, so a failure means an unsuitable key.
        let sealed = sealed.map_err(|cause| Error::new(ErrorKind::Misuse, Fate::NotSent).caused_by(cause))?;
        Ok(Sealed(base64::encode(&sealed)))
    }

    /// Makes the request name the key even if nothing is sealed: some operations require the header
    /// `Wechatpay-Serial`.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] in the cases of [`seal`](Self::seal).
    pub fn set_serial_header(&mut self) -> Result<(), Error> {
        self.key().map(|_| ())
    }

    fn key(&mut self) -> Result<Arc<dyn PublicKey>, Error> {
        if let Some((_, key)) = &self.sealing_key {
            return Ok(key.clone());
        }
        match self.merchant.sealing_key(self.world) {
            Ok((id, key)) => {
                self.sealing_key = Some((id, key.clone()));
                Ok(key)
            }
            Err(missing) => {
                self.missing = Some(missing);
                // The call fetches the key and drafts again, or replaces this error by the problem with the key.
                Err(KeyError::new(None, KeyProblem::Unfinished).into_error())
            }
        }
    }

    /// Returns the id of the key that was used, and the reason why one is missing.
    pub(super) fn finish(self) -> (Option<KeyId>, Option<MissingKey>) {
        (self.sealing_key.map(|(id, _)| id), self.missing)
    }
}

impl Merchant {
    /// Opens a sensitive field of a reply: base64 of a ciphertext for the merchant's certificate.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`ErrorKind::Malformed`] if the field was not sealed for this merchant's key, or is not
    /// UTF-8.
    pub fn open(&self, sealed: &str) -> Result<Sensitive, Error> {
        let sealed = base64::decode(sealed.as_bytes()).map_err(|error| malformed().caused_by(error))?;
        let plain = self.private_key().open(&sealed).map_err(|cause| malformed().caused_by(cause))?;
        let text = core::str::from_utf8(plain.expose()).map_err(|_| malformed())?;
        Sensitive::new(text.into()).map_err(|error| malformed().caused_by(error))
    }

    /// Opens an AES-256-GCM ciphertext with the first APIv3 key that fits: notifications in flight may be encrypted
    /// with the previous key.
    pub(super) fn decrypt_resource(&self, sealed: &EncryptedResource<'_>) -> Result<Vec<u8>, Error> {
        let nonce: &[u8; 12] = sealed
            .nonce
            .as_bytes()
            .try_into()
            .map_err(|_| malformed().caused_by(InvalidField::new("nonce", "must be 12 bytes")))?;
        require(&*sealed.algorithm == "AEAD_AES_256_GCM", "algorithm", "must be AEAD_AES_256_GCM")?;
        let ciphertext =
            base64::decode(sealed.ciphertext.as_bytes()).map_err(|error| malformed().caused_by(error))?;
        let associated_data = sealed.associated_data.as_deref().unwrap_or_default().as_bytes();
        let opened =
            self.api_v3_keys().iter().find_map(|key| key.open(nonce, associated_data, &ciphertext).ok());
        opened.ok_or_else(|| malformed().caused_by(DecryptError))
    }
}

/// The error for a ciphertext that the APIv3 key does not open. Opaque on purpose: details would help a forger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "opaque on purpose")]
pub struct DecryptError;

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the ciphertext cannot be decrypted; is the APIv3 key right? After a change of the key in the merchant \
             platform, also configure the previous one for a while",
        )
    }
}

impl error::Error for DecryptError {}

object! {
    /// A ciphertext under the APIv3 key, as on the wire: a notification's `resource`, or an `encrypt_certificate`.
    #[derive(serde::Deserialize)]
    pub(super) struct EncryptedResource<'a> {
        #[serde(borrow)]
        algorithm: Text<'a>,
        #[serde(borrow)]
        nonce: Text<'a>,
        #[serde(borrow)]
        pub(super) associated_data: Option<Text<'a>> = strict,
        #[serde(borrow)]
        ciphertext: Text<'a>,
        #[serde(borrow)]
        pub(super) original_type: Option<Text<'a>>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    #[test]
    fn only_fields_sealed_for_the_merchant_open() {
        let merchant = fake::merchant();
        assert_eq!(merchant.open(&fake::sealed_for_merchant("张三".as_bytes())).unwrap().expose(), "张三");
        for sealed in [fake::sealed("张三"), fake::sealed_for_merchant(b"\xff"), "%".into(), String::new()]
        {
            assert_eq!(merchant.open(&sealed).unwrap_err().kind(), ErrorKind::Malformed);
        }
    }

    #[test]
    fn a_sensitive_value_is_not_printed_and_has_length_limits() {
        let value = Sensitive::new("张三".into()).unwrap();
        assert_eq!((format!("{value:?}").as_str(), value.expose()), ("[sensitive]", "张三"));
        assert!(Sensitive::new(String::new()).is_err());
        assert!(Sensitive::new("x".repeat(214)).is_ok());
        assert!(Sensitive::new("x".repeat(215)).is_err());
    }
}
