//! The cryptography of WeChat Pay APIv3, implemented with aws-lc-rs.
//!
//! [`AwsLc`] is a [`CryptoProvider`] for [`wxpay_proto`]. The core decides which bytes to sign, verify, seal and open;
//! this crate performs the operation, with the library that rustls uses too.
//!
//! ```
//! use wxpay_aws_lc::AwsLc;
//! use wxpay_proto::{crypto::CryptoProvider as _, secret::Secret};
//!
//! let key = AwsLc.symmetric_key(&Secret::new(*b"an APIv3 key has 32 bytes, ASCII"));
//! let sealed = key.seal(b"twelve bytes", b"certificate", b"text");
//! assert_eq!(key.open(b"twelve bytes", b"certificate", &sealed).as_deref(), Ok(&b"text"[..]));
//! assert!(key.open(b"twelve bytes", b"transaction", &sealed).is_err());
//! ```
//!
//! # In scope
//!
//! RSA keys of 2048 to 8192 bits (RSASSA-PKCS1-v1_5 with SHA-256, RSAES-OAEP with SHA-1), and AES-256-GCM. A key is
//! parsed once, when it is read, and may be used from several threads at a time.
//!
//! # Out of scope
//!
//! Keys that are stored elsewhere, in a KMS or an HSM: implement [`PrivateKey`] for them, and use this provider's public
//! keys. The example `kms_signer` of `wxpay-hyper` does.

mod gcm;
mod rsa;

use std::sync::Arc;
use wxpay_proto::{
    crypto::{CryptoProvider, InvalidKey, PrivateKey, PublicKey, SymmetricKey},
    secret::Secret,
};

/// The cryptography of aws-lc-rs. It has no configuration and no shared state.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct, used as a value")]
pub struct AwsLc;

impl CryptoProvider for AwsLc {
    fn private_key(&self, der: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, InvalidKey> {
        Ok(Arc::new(rsa::RsaPrivateKey::from_der(der)?))
    }

    fn public_key(&self, spki: &[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey> {
        Ok(Arc::new(rsa::RsaPublicKey::from_spki(spki)?))
    }

    fn symmetric_key(&self, key: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey> {
        Arc::new(gcm::AesGcmKey::new(key))
    }
}
