//! A merchant of the third generation, with everything both sides know of it.
//!
//! The simulator makes its merchants, so it knows their private keys as well; the gateway uses the public halves
//! alone. A merchant's program is given what [`Merchant`] tells.

mod platform;

pub use platform::{Misstep, Mode, Platform, PlatformCertificate, PlatformKey};

use crate::keys::{Certificate, KeyPair, PublicKey};
use std::{collections::BTreeMap, sync::Arc};
use wxpay_proto::{
    id::{AppId, MchId, SerialNo},
    secret::Secret,
};

/// Every merchant, by its number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merchants(pub(crate) BTreeMap<MchId, Merchant>);

impl Merchants {
    pub(crate) fn get(&self, mchid: &MchId) -> Option<&Merchant> {
        self.0.get(mchid)
    }
}

/// A merchant: its numbers, its keys, and the platform's keys as they are used towards it.
#[derive(Clone, Debug)]
pub struct Merchant {
    mchid: MchId,
    appids: Vec<AppId>,
    api_keys: Vec<ApiKey>,
    api_v3_key: Option<Arc<Secret<String>>>,
    /// Whom it serves, if it is a service provider.
    subs: BTreeMap<MchId, Vec<AppId>>,
    /// Where it wants to hear of parts that it gets of others' payments.
    sharing_notify_url: Option<String>,
    platform: Platform,
}

/// A merchant's API certificate and the key it is of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiKey {
    /// The certificate; its name is the merchant's number.
    pub certificate: Certificate,
    /// The private key, which the merchant keeps.
    pub pair: KeyPair,
}

impl ApiKey {
    /// Puts both together.
    #[must_use]
    pub const fn new(certificate: Certificate, pair: KeyPair) -> Self {
        Self { certificate, pair }
    }
}

impl Merchant {
    /// A merchant with one app, one certificate and an APIv3 key of 32 characters.
    #[must_use]
    pub fn new(mchid: MchId, appid: AppId, api_key: ApiKey, api_v3_key: String, platform: Platform) -> Self {
        Self {
            mchid,
            appids: vec![appid],
            api_keys: vec![api_key],
            api_v3_key: Some(Arc::new(Secret::new(api_v3_key))),
            subs: BTreeMap::new(),
            sharing_notify_url: None,
            platform,
        }
    }

    /// With one app more.
    #[must_use]
    pub fn with_appid(mut self, appid: AppId) -> Self {
        self.appids.push(appid);
        self
    }

    /// Serving a sub-merchant, which may have apps of its own.
    #[must_use]
    pub fn with_sub(mut self, mchid: MchId, appids: Vec<AppId>) -> Self {
        self.subs.insert(mchid, appids);
        self
    }

    /// Adds a certificate; the others stay good.
    pub fn add_api_key(&mut self, api_key: ApiKey) {
        self.api_keys.push(api_key);
    }

    /// Ends a certificate: requests that name it are refused.
    pub fn revoke_api_key(&mut self, serial: &SerialNo) {
        self.api_keys.retain(|key| key.certificate.serial() != serial);
    }

    /// Sets another APIv3 key, or none: then no notice is sent.
    pub fn set_api_v3_key(&mut self, key: Option<String>) {
        self.api_v3_key = key.map(|key| Arc::new(Secret::new(key)));
    }

    /// Sets where it hears of parts that it gets of others' payments, or nowhere. WeChat Pay's merchants say so on the
    /// platform's pages.
    pub fn set_sharing_notify_url(&mut self, url: Option<String>) {
        self.sharing_notify_url = url;
    }

    /// Its number.
    #[must_use]
    pub const fn mchid(&self) -> &MchId {
        &self.mchid
    }

    /// Its apps, the first one first.
    #[must_use]
    pub fn appids(&self) -> &[AppId] {
        &self.appids
    }

    /// Its certificates with their keys, the oldest first.
    #[must_use]
    pub fn api_keys(&self) -> &[ApiKey] {
        &self.api_keys
    }

    /// The key of notices and of the certificates' download.
    #[must_use]
    pub fn api_v3_key(&self) -> Option<&Secret<String>> {
        self.api_v3_key.as_deref()
    }

    /// Whom it serves, and their apps.
    #[must_use]
    pub const fn subs(&self) -> &BTreeMap<MchId, Vec<AppId>> {
        &self.subs
    }

    /// Where it hears of parts that it gets of others' payments.
    #[must_use]
    pub fn sharing_notify_url(&self) -> Option<&str> {
        self.sharing_notify_url.as_deref()
    }

    /// The platform's keys towards it.
    #[must_use]
    pub const fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The same, to take a step of the migration.
    pub const fn platform_mut(&mut self) -> &mut Platform {
        &mut self.platform
    }

    /// The public key of a certificate that is in force. The letters of its serial number may be small ones: there are
    /// merchants' programs that send what their X.509 library makes of it.
    #[must_use]
    pub fn public_key(&self, serial: &str) -> Option<&PublicKey> {
        let is_named = |key: &&ApiKey| key.certificate.serial().as_str().eq_ignore_ascii_case(serial);
        Some(self.api_keys.iter().find(is_named)?.certificate.public_key())
    }

    /// The key that what is for the merchant's eyes alone is sealed with: the latest certificate's.
    #[must_use]
    pub fn sealing_key(&self) -> Option<&PublicKey> {
        self.api_keys.last().map(|key| key.certificate.public_key())
    }

    /// Whether one of its certificates' keys made the signature: what the phone's parameters are signed with.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.api_keys.iter().any(|key| key.certificate.public_key().verifies(message, signature))
    }

    /// Whether an app is this merchant's.
    #[must_use]
    pub fn has_app(&self, appid: &str) -> bool {
        self.appids.iter().any(|own| own.as_str() == appid)
    }
}
