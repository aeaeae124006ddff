//! A provider on top of [`AwsLc`], with a replaceable function for each operation.

use aws_lc_rs::{encoding::AsDer as _, rsa::KeyPair};
use std::{
    fmt,
    sync::{Arc, Mutex},
};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{
        CryptoProvider, InvalidKey, InvalidSignature, PrivateKey, PublicKey, SymmetricKey, TooLong,
        Unavailable,
    },
    secret::Secret,
};

/// The functions of a provider. A fault replaces one or more functions of [`NO_FAULT`].
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) private_key: fn(&[u8]) -> Result<Arc<dyn PrivateKey>, InvalidKey>,
    pub(crate) public_key: fn(&[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey>,
    pub(crate) sign: fn(&Private, &[u8]) -> Result<Vec<u8>, Unavailable>,
    pub(crate) open: fn(&Private, &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature>,
    pub(crate) verify: fn(&Public, &[u8], &[u8]) -> Result<(), InvalidSignature>,
    pub(crate) verify_parts: fn(&Public, &[&[u8]], &[u8]) -> Result<(), InvalidSignature>,
    pub(crate) seal: fn(&Public, &[u8]) -> Result<Vec<u8>, TooLong>,
    pub(crate) open_aead: fn(&Symmetric, &[u8], &[u8], &[u8]) -> Result<Vec<u8>, InvalidSignature>,
    pub(crate) seal_aead: fn(&Symmetric, &[u8], &[u8], &[u8]) -> Vec<u8>,
    pub(crate) debug: fn(&[u8]) -> String,
    pub(crate) debug_symmetric: fn(&[u8; 32]) -> String,
}

/// A provider without a fault.
pub(crate) const NO_FAULT: Fault = Fault {
    private_key: read_private,
    public_key: |spki| AwsLc.public_key(spki),
    sign: |key, message| key.inner.sign(message),
    open: |key, sealed| key.inner.open(sealed),
    verify: |key, message, signature| key.inner.verify(message, signature),
    verify_parts: |key, parts, signature| key.inner.verify_parts(parts, signature),
    seal: |key, plain| key.inner.seal(plain),
    open_aead: |key, nonce, associated_data, sealed| key.inner.open(nonce, associated_data, sealed),
    seal_aead: |key, nonce, associated_data, plain| key.inner.seal(nonce, associated_data, plain),
    debug: |_| "[private key]".into(),
    debug_symmetric: |_| "[symmetric key]".into(),
};

pub(crate) fn read_private(der: &[u8]) -> Result<Arc<dyn PrivateKey>, InvalidKey> {
    AwsLc.private_key(&Secret::new(der.to_vec()))
}

pub(crate) struct Faulty {
    fault: Fault,
    known_keys: KnownKeys,
}

/// The private keys that the provider has read, as DER.
type KnownKeys = Arc<Mutex<Vec<Vec<u8>>>>;

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, known_keys: KnownKeys::default() }
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl CryptoProvider for Faulty {
    fn private_key(&self, der: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, InvalidKey> {
        let der = der.expose().clone();
        let inner = (self.fault.private_key)(&der)?;
        self.known_keys.lock().unwrap().push(der.clone());
        Ok(Arc::new(Private { inner, der, known_keys: self.known_keys.clone(), fault: self.fault }))
    }

    fn public_key(&self, spki: &[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey> {
        let inner = (self.fault.public_key)(spki)?;
        let (spki, known_keys) = (spki.to_vec(), self.known_keys.clone());
        Ok(Arc::new(Public { inner, spki, known_keys, sealed: Mutex::default(), fault: self.fault }))
    }

    fn symmetric_key(&self, key: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey> {
        Arc::new(Symmetric { inner: AwsLc.symmetric_key(key), key: *key.expose(), fault: self.fault })
    }
}

pub(crate) struct Private {
    pub(crate) inner: Arc<dyn PrivateKey>,
    pub(crate) der: Vec<u8>,
    known_keys: KnownKeys,
    fault: Fault,
}

impl Private {
    /// Returns all private keys that the provider has read.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<dyn PrivateKey>> + use<> {
        let known_keys = self.known_keys.lock().unwrap().clone();
        known_keys.into_iter().map(|der| read_private(&der).unwrap())
    }
}

impl PrivateKey for Private {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        (self.fault.sign)(self, message)
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        (self.fault.open)(self, sealed)
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&(self.fault.debug)(&self.der))
    }
}

pub(crate) struct Public {
    pub(crate) inner: Arc<dyn PublicKey>,
    pub(crate) spki: Vec<u8>,
    /// The last plaintext and its ciphertext.
    pub(crate) sealed: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
    known_keys: KnownKeys,
    fault: Fault,
}

impl Public {
    /// Returns the public keys of all private keys that the provider has read.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<dyn PublicKey>> + use<> {
        let known_keys = self.known_keys.lock().unwrap().clone();
        known_keys.into_iter().filter_map(|der| KeyPair::from_pkcs8(&der).ok()).map(|pair| {
            let spki = aws_lc_rs::signature::KeyPair::public_key(&pair).as_der().unwrap();
            AwsLc.public_key(spki.as_ref()).unwrap()
        })
    }
}

impl PublicKey for Public {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.fault.verify)(self, message, signature)
    }

    fn verify_parts(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.fault.verify_parts)(self, parts, signature)
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong> {
        (self.fault.seal)(self, plain)
    }
}

impl fmt::Debug for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[public key]")
    }
}

pub(crate) struct Symmetric {
    pub(crate) inner: Arc<dyn SymmetricKey>,
    pub(crate) key: [u8; 32],
    fault: Fault,
}

impl SymmetricKey for Symmetric {
    fn open(&self, nonce: &[u8], associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, InvalidSignature> {
        (self.fault.open_aead)(self, nonce, associated_data, sealed)
    }

    fn seal(&self, nonce: &[u8], associated_data: &[u8], plain: &[u8]) -> Vec<u8> {
        (self.fault.seal_aead)(self, nonce, associated_data, plain)
    }
}

impl fmt::Debug for Symmetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&(self.fault.debug_symmetric)(&self.key))
    }
}
