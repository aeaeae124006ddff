//! What a merchant is told when it is made: who it is, whom it believes, which gateway it calls.

use super::{
    api_v3_key::ApiV3Key,
    gateway::Gateway,
    merchant::{Merchant, Told},
};
use crate::{
    crypto::{BadKey, Certificate, PrivateKey, Provider, PublicKey},
    id::{Invalid, MchId, PublicKeyId, SerialNo},
    memory::PlatformKey,
    retry::Policy,
};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::fmt;

impl Merchant {
    /// A merchant by its number, the number of its certificate, the private key of that certificate, and its APIv3
    /// key. It believes platform certificates, unless it is told of a [public key](Builder::public_key).
    #[must_use]
    pub fn builder(
        provider: Arc<dyn Provider>,
        mchid: MchId,
        serial_no: SerialNo,
        private_key: Arc<dyn PrivateKey>,
        api_v3_key: &ApiV3Key,
    ) -> Builder {
        let api_v3_keys = Vec::from([provider.symmetric_key(&api_v3_key.0)]);
        Builder(Told {
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
        })
    }
}

/// What a merchant may be told beyond its credentials; see [`Merchant::builder`].
pub struct Builder(Told);

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
    /// Believes this public key of WeChat Pay's, seals with it, and asks for replies signed by it. **No certificates
    /// are fetched then**, unless [`certificates`](Self::certificates) asks for both; nothing needs the network to
    /// begin.
    ///
    /// May be called again: all are believed, and the last is sealed with.
    #[must_use]
    pub fn public_key(mut self, id: PublicKeyId, key: Arc<dyn PublicKey>) -> Self {
        self.0.public_keys.insert(id.clone(), key);
        self.0.public_key = Some(id);
        self
    }

    /// Believes platform certificates beside the public key: for the weeks in which WeChat Pay signs with either.
    /// Without a public key this is so already.
    #[must_use]
    pub fn certificates(mut self) -> Self {
        self.0.fetches_certificates = true;
        self
    }

    /// Believes a platform certificate that was obtained by other means, until it expires.
    ///
    /// # Errors
    ///
    /// When its key cannot be used.
    pub fn platform_certificate(mut self, certificate: &Certificate) -> Result<Self, BadKey> {
        let (serial, key) = PlatformKey::of(&*self.0.provider, certificate)?;
        self.0.pinned.insert(serial, key);
        Ok(self)
    }

    /// Opens notices with this APIv3 key, too: the one that was in use before, for notices under way.
    #[must_use]
    pub fn former_api_v3_key(mut self, key: &ApiV3Key) -> Self {
        let key = self.0.provider.symmetric_key(&key.0);
        self.0.api_v3_keys.push(key);
        self
    }

    /// Calls another gateway than `https://api.mch.weixin.qq.com`: a simulator, or a proxy of one's own. It has no
    /// backup, unless [`backup_url`](Self::backup_url) names one.
    ///
    /// # Errors
    ///
    /// When it is not an absolute `http` or `https` URL, or has a user, a query or a fragment.
    pub fn base_url(mut self, base_url: &str) -> Result<Self, Invalid> {
        self.0.gateway = Gateway::parse(base_url)?;
        Ok(self)
    }

    /// Tries this gateway when the other one does not answer, or answers 5xx. Every second try goes there, with the
    /// same number and the same bytes.
    ///
    /// # Errors
    ///
    /// As with [`base_url`](Self::base_url).
    pub fn backup_url(mut self, backup_url: &str) -> Result<Self, Invalid> {
        self.0.gateway = self.0.gateway.backed_up_by(backup_url)?;
        Ok(self)
    }

    /// Tries calls by another policy than the default.
    #[must_use]
    pub fn retry(mut self, policy: Policy) -> Self {
        self.0.retry = policy;
        self
    }

    /// The merchant.
    #[must_use]
    pub fn build(mut self) -> Merchant {
        self.0.fetches_certificates |= self.0.public_keys.is_empty();
        Merchant::of(self.0)
    }
}
