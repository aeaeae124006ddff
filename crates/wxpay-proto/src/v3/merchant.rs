//! The merchant: its credentials, the keys it trusts, its signatures. Each operation is defined in its own module.

use super::{
    authorization::{Authorization, HeaderValue},
    gateway::Gateway,
    message,
};
use crate::{
    clock::UnixTime,
    crypto::{CryptoProvider, PrivateKey, PublicKey, SymmetricKey},
    error::{Error, ErrorKind, Fate},
    http::Method,
    id::{AppId, InvalidField, KeyId, MchId, NotifyUrl, PublicKeyId, SerialNo},
    memory::{KeyProblem, MissingKey, PlatformKey},
    prelude::*,
    retry::Policy,
    world::World,
};
use alloc::collections::BTreeMap;
use core::fmt;

/// A merchant of APIv3, or a partner (service provider) that calls for sub-merchants. Clones share one set of
/// credentials. One process may hold many merchants, with different crypto providers.
///
/// The trusted keys are configured in the [builder](Merchant::builder): platform certificates, which are fetched
/// automatically; the WeChat Pay public key; or both, during the weeks of a migration. The key is always chosen by the
/// `Wechatpay-Serial` of the message to verify.
///
/// ```
/// use std::sync::Arc;
/// use wxpay_proto::crypto::{Certificate, CryptoProvider, pem};
/// use wxpay_proto::v3::{ApiV3Key, Call, Merchant, pay};
/// use wxpay_proto::Fen;
///
/// /// Configures the merchant: the crypto provider is your choice, the rest is from the merchant platform.
/// fn merchant(
///     provider: Arc<dyn CryptoProvider>,
///     private_key_pem: &[u8],
///     certificate_pem: &[u8],
///     api_v3_key: String,
///     public_key_pem: &[u8],
/// ) -> Result<Merchant, Box<dyn std::error::Error>> {
///     let certificate = Certificate::parse_pem(certificate_pem)?;
///     let private_key = provider.private_key(&pem::private_key(private_key_pem)?)?;
///     let public_key = provider.public_key(&pem::public_key(public_key_pem)?)?;
///     let (mchid, serial_no) = ("1900007291".parse()?, certificate.serial().parse()?);
///     let api_v3_key = ApiV3Key::new(api_v3_key)?;
///     let merchant = Merchant::builder(provider, mchid, serial_no, private_key, &api_v3_key)
///         .public_key("PUB_KEY_ID_0119000072912024112200000000".parse()?, public_key)
///         .appid("wxd678efh567hg6787".parse()?)
///         .notify_url("https://shop.example/notify".parse()?)
///         .build();
///     Ok(merchant)
/// }
///
/// /// Creates the call that places an order to be paid by scanning a code; a driver of flows runs it.
/// fn order(me: &Merchant) -> Result<Call<pay::NativeOrder>, wxpay_proto::id::InvalidField> {
///     let order = pay::Order::new("20261125A1".parse()?, Fen::new(1999), "a pair of socks")?;
///     Ok(me.call(pay::NativeOrder::new(order)))
/// }
///
/// /// Creates the call that queries the order.
/// fn query(me: &Merchant) -> Result<Call<pay::QueryOrder>, wxpay_proto::id::InvalidField> {
///     Ok(me.call(pay::QueryOrder::out_trade_no("20261125A1".parse()?)))
/// }
/// ```
#[derive(Clone)]
pub struct Merchant(Arc<MerchantConfig>);

/// The configuration of a merchant.
pub(super) struct MerchantConfig {
    pub(super) provider: Arc<dyn CryptoProvider>,
    pub(super) mchid: MchId,
    pub(super) serial_no: SerialNo,
    pub(super) private_key: Arc<dyn PrivateKey>,
    /// The current key, then previous keys, which notifications in flight may still be encrypted with.
    pub(super) api_v3_keys: Vec<Arc<dyn SymmetricKey>>,
    pub(super) public_keys: BTreeMap<PublicKeyId, Arc<dyn PublicKey>>,
    /// The id of the public key to seal with; sent with every request as `Wechatpay-Serial`.
    pub(super) public_key: Option<PublicKeyId>,
    pub(super) pinned: BTreeMap<SerialNo, PlatformKey>,
    pub(super) fetches_certificates: bool,
    pub(super) gateway: Gateway,
    pub(super) retry: Policy,
    /// The app and the notification URL of requests that set none.
    pub(super) appid: Option<AppId>,
    pub(super) notify_url: Option<NotifyUrl>,
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchant")
            .field("mchid", &self.0.mchid)
            .field("serial_no", &self.0.serial_no)
            .finish_non_exhaustive()
    }
}

impl Merchant {
    pub(super) fn from_config(config: MerchantConfig) -> Self {
        Self(Arc::new(config))
    }

    /// Returns the merchant's number.
    pub fn mchid(&self) -> &MchId {
        &self.0.mchid
    }

    /// Returns the serial number of the merchant's API certificate.
    pub fn serial_no(&self) -> &SerialNo {
        &self.0.serial_no
    }

    /// Returns the app of requests that set none, if the merchant has a default.
    pub fn appid(&self) -> Option<&AppId> {
        self.0.appid.as_ref()
    }

    /// Returns the notification URL of orders, authorizations and transfers that set none, if the merchant has a default.
    pub fn notify_url(&self) -> Option<&NotifyUrl> {
        self.0.notify_url.as_ref()
    }

    /// Returns the app of a request: its own, or else the merchant's default.
    pub(super) fn appid_or_default<'a>(&'a self, appid: Option<&'a AppId>) -> Result<&'a AppId, Error> {
        appid.or_else(|| self.appid()).ok_or_else(|| missing_default("appid"))
    }

    /// Returns the notification URL of a request: its own, or else the merchant's default.
    pub(super) fn notify_url_or_default<'a>(
        &'a self,
        notify_url: Option<&'a NotifyUrl>,
    ) -> Result<&'a NotifyUrl, Error> {
        notify_url.or_else(|| self.notify_url()).ok_or_else(|| missing_default("notify_url"))
    }

    /// Signs a message with the merchant's private key, such as the parameters for the payer's client. Blocks if the
    /// [key does](PrivateKey::may_block).
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`ErrorKind::Unavailable`] if the key is not available.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.private_key.sign(message).map_err(|cause| unavailable().caused_by(cause))
    }

    /// Signs a request. `signed` is its body, or the `meta` part of an upload.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`ErrorKind::Unavailable`] if the key is not available.
    pub fn authorize(
        &self,
        method: Method,
        target: &str,
        signed: &[u8],
        now: UnixTime,
        nonce_str: String,
    ) -> Result<Authorization, Error> {
        let timestamp = now.as_secs();
        let signature = self.sign(&message::request(method, target, timestamp, &nonce_str, signed))?;
        let (mchid, serial_no) = (self.0.mchid.clone(), self.0.serial_no.clone());
        Ok(Authorization { mchid, nonce_str, signature, timestamp, serial_no })
    }

    /// Signs a request like [`authorize`](Self::authorize), and returns the value of the `Authorization` header.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`ErrorKind::Unavailable`] if the key is not available.
    pub fn authorization_header(
        &self,
        method: Method,
        target: &str,
        signed: &[u8],
        now: UnixTime,
        nonce_str: &str,
    ) -> Result<String, Error> {
        let timestamp = now.as_secs();
        let signature = &*self.sign(&message::request(method, target, timestamp, nonce_str, signed))?;
        let (mchid, serial_no) = (&self.0.mchid, &self.0.serial_no);
        Ok(HeaderValue { mchid, nonce_str, signature, timestamp, serial_no }.into_string())
    }

    pub(super) fn provider(&self) -> &dyn CryptoProvider {
        &*self.0.provider
    }

    pub(super) fn private_key(&self) -> &dyn PrivateKey {
        &*self.0.private_key
    }

    /// Returns whether a signature may block: see [`PrivateKey::may_block`].
    pub(super) fn may_block(&self) -> bool {
        self.0.private_key.may_block()
    }

    pub(super) fn api_v3_keys(&self) -> &[Arc<dyn SymmetricKey>] {
        &self.0.api_v3_keys
    }

    pub(super) fn fetches_certificates(&self) -> bool {
        self.0.fetches_certificates
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.0.gateway
    }

    pub(super) fn retry(&self) -> Policy {
        self.0.retry
    }

    /// Looks up the verification key by its id, never by trying keys.
    pub(super) fn key(&self, id: &KeyId, world: &mut World<'_>) -> Result<Arc<dyn PublicKey>, MissingKey> {
        let now = world.now;
        if let Some(key) = self.configured_key(id, now) {
            return Ok(key.clone());
        }
        match id {
            KeyId::PublicKey(_) => Err(MissingKey::Unavailable(KeyProblem::NotConfigured)),
            KeyId::Certificate(serial) if self.0.fetches_certificates => {
                world.memory(|memory| memory.platform_keys_of(&self.0.mchid).claim(serial, now))
            }
            KeyId::Certificate(_) => Err(MissingKey::Unavailable(KeyProblem::NotFetched)),
        }
    }

    /// Looks up a key that was trusted before this message arrived; never leads to a fetch.
    pub(super) fn trusted_key(&self, id: &KeyId, world: &mut World<'_>) -> Option<Arc<dyn PublicKey>> {
        let now = world.now;
        match (self.configured_key(id, now), id) {
            (Some(key), _) => Some(key.clone()),
            (None, KeyId::PublicKey(_)) => None,
            (None, KeyId::Certificate(serial)) => {
                world.memory(|memory| memory.platform_keys_of(&self.0.mchid).get(serial, now).cloned())
            }
        }
    }

    fn configured_key(&self, id: &KeyId, now: UnixTime) -> Option<&Arc<dyn PublicKey>> {
        match id {
            KeyId::PublicKey(id) => self.0.public_keys.get(id),
            KeyId::Certificate(serial) => {
                self.0.pinned.get(serial).filter(|pinned| pinned.is_usable(now)).map(|pinned| &pinned.key)
            }
        }
    }

    /// Looks up the key that seals sensitive fields: the configured public key, or else the newest platform
    /// certificate.
    pub(super) fn sealing_key(
        &self,
        world: &mut World<'_>,
    ) -> Result<(KeyId, Arc<dyn PublicKey>), MissingKey> {
        let now = world.now;
        let configured = self.0.public_key.as_ref().and_then(|id| Some((id, self.0.public_keys.get(id)?)));
        if let Some((id, key)) = configured {
            return Ok((KeyId::PublicKey(id.clone()), key.clone()));
        }
        let (serial, key) = if self.0.fetches_certificates {
            world.memory(|memory| memory.platform_keys_of(&self.0.mchid).claim_for_sealing(now))?
        } else {
            let newest = PlatformKey::newest(&self.0.pinned, now);
            let (serial, pinned) = newest.ok_or(MissingKey::Unavailable(KeyProblem::NotFetched))?;
            (serial.clone(), pinned.key.clone())
        };
        Ok((KeyId::Certificate(serial), key))
    }

    /// Returns the key id that every request names in `Wechatpay-Serial`, so that WeChat Pay signs the reply with it.
    pub(super) fn requested_signing_key(&self) -> Option<&PublicKeyId> {
        self.0.public_key.as_ref()
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, Fate::NotSent)
}

fn missing_default(field: &'static str) -> Error {
    Error::misuse(InvalidField::new(
        field,
        "is required: set it in the request, or in the merchant's builder",
    ))
}
