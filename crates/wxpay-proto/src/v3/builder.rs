//! The configuration of a merchant: its credentials, the keys it trusts, the gateway it calls.

use super::{
    api_v3_key::ApiV3Key,
    gateway::Gateway,
    merchant::{Merchant, MerchantConfig},
};
use crate::{
    crypto::{Certificate, CryptoProvider, InvalidKey, PrivateKey, PublicKey},
    id::{AppId, InvalidField, MchId, NotifyUrl, PublicKeyId, SerialNo},
    memory::PlatformKey,
    prelude::*,
    retry::Policy,
};
use alloc::collections::BTreeMap;
use core::fmt;

impl Merchant {
    /// Creates a builder from the merchant's credentials: merchant number, serial number of its API certificate,
    /// private key of that certificate, and APIv3 key. The merchant trusts the platform certificates that WeChat Pay
    /// lists, unless a WeChat Pay [public key](Builder::public_key) or a
    /// [certificate](Builder::platform_certificate) is set.
    pub fn builder(
        provider: Arc<dyn CryptoProvider>,
        mchid: MchId,
        serial_no: SerialNo,
        private_key: Arc<dyn PrivateKey>,
        api_v3_key: &ApiV3Key,
    ) -> Builder {
        let api_v3_keys = Vec::from([provider.symmetric_key(&api_v3_key.0)]);
        Builder(MerchantConfig {
            provider,
            mchid,
            serial_no,
            private_key,
            api_v3_keys,
            public_keys: BTreeMap::new(),
            public_key: None,
            pinned: BTreeMap::new(),
            fetches_certificates: false,
            gateway: Gateway::default(),
            retry: Policy::default(),
            appid: None,
            notify_url: None,
        })
    }
}

/// The optional settings of a merchant, beyond its credentials; see [`Merchant::builder`].
#[must_use]
pub struct Builder(MerchantConfig);

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("mchid", &self.0.mchid)
            .field("public_key", &self.0.public_key)
            .field("fetches_certificates", &self.0.fetches_certificates)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Trusts this WeChat Pay public key, encrypts sensitive fields with it, and requests replies signed by it. **No
    /// certificates are fetched then**, unless [`platform_certificates`](Self::platform_certificates) enables both.
    ///
    /// May be called repeatedly: all keys are trusted, and the last one encrypts.
    pub fn public_key(mut self, id: PublicKeyId, key: Arc<dyn PublicKey>) -> Self {
        self.0.public_keys.insert(id.clone(), key);
        self.0.public_key = Some(id);
        self
    }

    /// Also trusts the platform certificates that WeChat Pay lists, which are fetched when needed: for the migration
    /// weeks in which WeChat Pay signs with either kind of key. This is the default if no key is configured.
    pub fn platform_certificates(mut self) -> Self {
        self.0.fetches_certificates = true;
        self
    }

    /// Trusts a platform certificate that was obtained by other means, until it expires. **No certificates are fetched
    /// then**, unless [`platform_certificates`](Self::platform_certificates) enables both.
    ///
    /// May be called repeatedly: all certificates are trusted, and without a public key the newest encrypts.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey`] if the provider cannot use its key.
    pub fn platform_certificate(mut self, certificate: &Certificate) -> Result<Self, InvalidKey> {
        let (serial, key) = PlatformKey::of(&*self.0.provider, certificate)?;
        self.0.pinned.insert(serial, key);
        Ok(self)
    }

    /// Also decrypts with this APIv3 key, the previous one: notifications in flight may still be encrypted with it.
    pub fn previous_api_v3_key(mut self, key: &ApiV3Key) -> Self {
        let key = self.0.provider.symmetric_key(&key.0);
        self.0.api_v3_keys.push(key);
        self
    }

    /// Sets the gateway to call instead of `https://api.mch.weixin.qq.com`: a simulator, or a proxy of your own. It has
    /// no backup, unless [`backup_url`](Self::backup_url) sets one.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the text is not an absolute `http` or `https` URL, or has a user, a query or a
    /// fragment.
    pub fn base_url(mut self, base_url: &str) -> Result<Self, InvalidField> {
        self.0.gateway = Gateway::parse(base_url)?;
        Ok(self)
    }

    /// Checks a text like [`base_url`](Self::base_url), without a builder: for a set-up that reports all invalid
    /// settings at once.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] in the cases of [`base_url`](Self::base_url).
    pub fn check_base_url(base_url: &str) -> Result<(), InvalidField> {
        Gateway::parse(base_url).map(drop)
    }

    /// Sets the gateway that is called after the other one did not reply, or replied 5xx. The hosts alternate from then
    /// on; every attempt sends the same number and the same bytes.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] in the cases of [`base_url`](Self::base_url).
    pub fn backup_url(mut self, backup_url: &str) -> Result<Self, InvalidField> {
        self.0.gateway = self.0.gateway.with_backup(backup_url)?;
        Ok(self)
    }

    /// Sets the default app: requests that need one and set none use it.
    pub fn appid(mut self, appid: AppId) -> Self {
        self.0.appid = Some(appid);
        self
    }

    /// Sets the default notification URL: orders, authorizations and transfers that set none use it. The default of
    /// refunds is configured on the merchant platform.
    pub fn notify_url(mut self, notify_url: NotifyUrl) -> Self {
        self.0.notify_url = Some(notify_url);
        self
    }

    /// Sets the retry policy of calls.
    pub fn retry(mut self, policy: Policy) -> Self {
        self.0.retry = policy;
        self
    }

    /// Builds the merchant.
    pub fn build(mut self) -> Merchant {
        self.0.fetches_certificates |= self.0.public_keys.is_empty() && self.0.pinned.is_empty();
        Merchant::from_config(self.0)
    }
}
