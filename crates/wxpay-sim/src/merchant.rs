//! APIv3 merchants, with their own keys and the platform's.
//!
//! The simulator creates its merchants, so it holds their private keys as well; the gateway uses the public halves
//! only. The accessors of [`Merchant`] return what a merchant's program needs.

mod platform;

pub use platform::{KeyMode, MigrationError, PlatformCertificate, PlatformKeys, PlatformPublicKey};

use crate::keys::{Certificate, KeyPair, PublicKey};
use std::{collections::BTreeMap, sync::Arc};
use wxpay_proto::{
    id::{AppId, MchId, SerialNo},
    secret::Secret,
};

/// All merchants, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct MerchantRegistry(pub(crate) BTreeMap<MchId, Merchant>);

impl MerchantRegistry {
    pub(crate) fn get(&self, mchid: &MchId) -> Option<&Merchant> {
        self.0.get(mchid)
    }
}

/// A merchant: its numbers, its keys, and the platform's keys as used with it.
#[derive(Clone, Debug)]
pub struct Merchant {
    mchid: MchId,
    appids: Vec<AppId>,
    api_keys: Vec<ApiKey>,
    api_v3_key: Option<Arc<Secret<String>>>,
    /// The sub-merchants with their apps, if it is a service provider.
    sub_merchants: BTreeMap<MchId, Vec<AppId>>,
    /// The URL for notifications of amounts that the merchant receives by profit sharing.
    sharing_notify_url: Option<String>,
    platform: PlatformKeys,
}

/// A merchant's API certificate and its private key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiKey {
    /// The certificate; its common name is the merchant's number.
    pub certificate: Certificate,
    /// The private key, which the merchant keeps.
    pub key_pair: KeyPair,
}

impl ApiKey {
    /// Creates an API key from its parts.
    pub const fn new(certificate: Certificate, key_pair: KeyPair) -> Self {
        Self { certificate, key_pair }
    }
}

impl Merchant {
    /// Creates a merchant with one app, one certificate and an APIv3 key of 32 characters.
    pub fn new(
        mchid: MchId,
        appid: AppId,
        api_key: ApiKey,
        api_v3_key: String,
        platform: PlatformKeys,
    ) -> Self {
        Self {
            mchid,
            appids: vec![appid],
            api_keys: vec![api_key],
            api_v3_key: Some(Arc::new(Secret::new(api_v3_key))),
            sub_merchants: BTreeMap::new(),
            sharing_notify_url: None,
            platform,
        }
    }

    /// Adds an app.
    #[must_use]
    pub fn with_appid(mut self, appid: AppId) -> Self {
        self.appids.push(appid);
        self
    }

    /// Adds a sub-merchant, which may have apps of its own.
    #[must_use]
    pub fn with_sub_merchant(mut self, mchid: MchId, appids: Vec<AppId>) -> Self {
        self.sub_merchants.insert(mchid, appids);
        self
    }

    /// Adds a certificate. The others remain valid.
    pub fn add_api_key(&mut self, api_key: ApiKey) {
        self.api_keys.push(api_key);
    }

    /// Revokes a certificate: requests that name it are refused.
    pub fn revoke_api_key(&mut self, serial: &SerialNo) {
        self.api_keys.retain(|key| key.certificate.serial() != serial);
    }

    /// Replaces or removes the APIv3 key. Without a key, no notification is sent.
    pub fn set_api_v3_key(&mut self, key: Option<String>) {
        self.api_v3_key = key.map(|key| Arc::new(Secret::new(key)));
    }

    /// Sets or removes the URL for notifications of amounts that the merchant receives by profit sharing. With
    /// WeChat Pay, a merchant sets it in the merchant platform.
    pub fn set_sharing_notify_url(&mut self, url: Option<String>) {
        self.sharing_notify_url = url;
    }

    /// Returns the merchant's number.
    pub const fn mchid(&self) -> &MchId {
        &self.mchid
    }

    /// Returns the apps, in the order in which they were added.
    pub fn appids(&self) -> &[AppId] {
        &self.appids
    }

    /// Returns the certificates with their keys, the oldest first.
    pub fn api_keys(&self) -> &[ApiKey] {
        &self.api_keys
    }

    /// Returns the APIv3 key, which encrypts notifications and downloaded certificates.
    pub fn api_v3_key(&self) -> Option<&Secret<String>> {
        self.api_v3_key.as_deref()
    }

    /// Returns the sub-merchants with their apps.
    pub const fn sub_merchants(&self) -> &BTreeMap<MchId, Vec<AppId>> {
        &self.sub_merchants
    }

    /// Returns the URL for notifications of amounts that the merchant receives by profit sharing.
    pub fn sharing_notify_url(&self) -> Option<&str> {
        self.sharing_notify_url.as_deref()
    }

    /// Returns the platform's keys as used with this merchant.
    pub const fn platform(&self) -> &PlatformKeys {
        &self.platform
    }

    /// Returns the platform's keys for changes: rotation and migration.
    pub const fn platform_mut(&mut self) -> &mut PlatformKeys {
        &mut self.platform
    }

    /// Returns the public key of the certificate with this serial number, unless it was revoked.
    ///
    /// The serial number may have lower-case digits, because some X.509 libraries print it so.
    pub fn public_key(&self, serial: &str) -> Option<&PublicKey> {
        let is_named = |key: &&ApiKey| key.certificate.serial().as_str().eq_ignore_ascii_case(serial);
        Some(self.api_keys.iter().find(is_named)?.certificate.public_key())
    }

    /// Returns the key that encrypts sensitive fields for the merchant: that of the latest certificate.
    pub fn encryption_key(&self) -> Option<&PublicKey> {
        self.api_keys.last().map(|key| key.certificate.public_key())
    }

    /// Returns whether a signature is valid under one of the merchant's certificates. The payer's client verifies the
    /// payment parameters with it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.api_keys.iter().any(|key| key.certificate.public_key().verifies(message, signature))
    }

    /// Returns whether an app belongs to this merchant.
    pub fn has_app(&self, appid: &str) -> bool {
        self.appids.iter().any(|own| own.as_str() == appid)
    }
}
