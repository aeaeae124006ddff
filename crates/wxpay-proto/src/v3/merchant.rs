//! Who we are in the third generation, whose keys we trust. What can be asked stands with each operation.

use super::{authorization::Authorization, gateway::Gateway, message};
use crate::{
    clock::UnixTime,
    crypto::{PrivateKey, Provider, PublicKey, SymmetricKey},
    error::{Error, ErrorKind, Fate},
    http::Method,
    id::{KeyId, MchId, PublicKeyId, SerialNo},
    memory::{KeyClaim, Memory, PlatformKey},
    retry::Policy,
};
use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::fmt;

/// A merchant of the third generation, or a partner that calls for others. Copies share one set of credentials;
/// there may be many merchants, with different providers, in one process.
///
/// Whose signatures it believes is told when it is [built](Merchant::builder): platform certificates, which it
/// fetches by itself; WeChat Pay's public key; or both at once, in the weeks of the move from the one to the other.
/// The key is always chosen by the `Wechatpay-Serial` of what is verified.
///
/// ```
/// use std::sync::Arc;
/// use wxpay_proto::crypto::{Certificate, Provider, pem};
/// use wxpay_proto::v3::{ApiV3Key, Call, Merchant, Party, pay};
/// use wxpay_proto::Fen;
///
/// /// Who we are: the provider is whichever one chose, the rest is from the merchant platform.
/// fn merchant(
///     provider: Arc<dyn Provider>,
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
///         .build();
///     Ok(merchant)
/// }
///
/// /// Begins an order that is paid by scanning a code; whatever drives flows carries it out.
/// fn order(me: &Merchant) -> Result<Call<pay::Native>, wxpay_proto::id::Invalid> {
///     let order = pay::Order::builder(
///         "wxd678efh567hg6787".parse()?,
///         "20261125A1".parse()?,
///         Fen::new(1999),
///         "a pair of socks",
///         "https://shop.example/notices".parse()?,
///     );
///     Ok(me.call(pay::Native::new(order.build()?)))
/// }
///
/// /// Asks what became of it.
/// fn ask(me: &Merchant) -> Result<Call<pay::Query>, wxpay_proto::id::Invalid> {
///     Ok(me.call(pay::Query::out_trade_no("20261125A1".parse()?, Party::Own)))
/// }
/// ```
#[derive(Clone)]
pub struct Merchant(Arc<Told>);

/// All that a merchant was told.
pub(super) struct Told {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) mchid: MchId,
    pub(super) serial_no: SerialNo,
    pub(super) private_key: Arc<dyn PrivateKey>,
    /// The one in use, then those that notices under way may still be sealed with.
    pub(super) api_v3_keys: Vec<Arc<dyn SymmetricKey>>,
    pub(super) public_keys: BTreeMap<PublicKeyId, Arc<dyn PublicKey>>,
    /// The public key to seal with; its id is sent with every request.
    pub(super) public_key: Option<PublicKeyId>,
    pub(super) pinned: BTreeMap<SerialNo, PlatformKey>,
    pub(super) fetches_certificates: bool,
    pub(super) gateway: Gateway,
    pub(super) retry: Policy,
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
    pub(super) fn of(told: Told) -> Self {
        Self(Arc::new(told))
    }

    /// The merchant's number.
    #[must_use]
    pub fn mchid(&self) -> &MchId {
        &self.0.mchid
    }

    /// The number of its certificate.
    #[must_use]
    pub fn serial_no(&self) -> &SerialNo {
        &self.0.serial_no
    }

    /// Signs a message with the merchant's key: the client-side parameters, and whatever else WeChat Pay asks for.
    ///
    /// # Errors
    ///
    /// When the key cannot be had: [`ErrorKind::Unavailable`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.private_key.sign(message).map_err(|cause| unavailable().caused_by(cause))
    }

    /// Signs a request; `signed` is its body, or the `meta` part of an upload.
    ///
    /// # Errors
    ///
    /// When the key cannot be had: [`ErrorKind::Unavailable`].
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

    pub(super) fn provider(&self) -> &dyn Provider {
        &*self.0.provider
    }

    pub(super) fn private_key(&self) -> &dyn PrivateKey {
        &*self.0.private_key
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

    /// The key that a signature claims, by its name alone.
    pub(super) fn key(&self, id: &KeyId, memory: &mut Memory, now: UnixTime) -> KeyClaim<Arc<dyn PublicKey>> {
        match id {
            KeyId::PublicKey(id) => {
                self.0.public_keys.get(id).map_or(KeyClaim::Unknown, |key| KeyClaim::Use(key.clone()))
            }
            KeyId::Certificate(serial) => match self.0.pinned.get(serial) {
                Some(pinned) if now < pinned.not_after => KeyClaim::Use(pinned.key.clone()),
                _ if self.0.fetches_certificates => memory.platform_keys_of(&self.0.mchid).claim(serial, now),
                _ => KeyClaim::Unknown,
            },
        }
    }

    /// A key that was configured, never one that would have to be fetched.
    pub(super) fn public_key(&self, id: &PublicKeyId) -> Option<&Arc<dyn PublicKey>> {
        self.0.public_keys.get(id)
    }

    /// The one key that is sealed with.
    pub(super) fn sealing_key(
        &self,
        memory: &mut Memory,
        now: UnixTime,
    ) -> KeyClaim<(KeyId, Arc<dyn PublicKey>)> {
        let ours = self.0.public_key.as_ref().and_then(|id| Some((id, self.0.public_keys.get(id)?)));
        if let Some((id, key)) = ours {
            return KeyClaim::Use((KeyId::PublicKey(id.clone()), key.clone()));
        }
        if self.0.fetches_certificates {
            return match memory.platform_keys_of(&self.0.mchid).claim_newest(now) {
                KeyClaim::Use((serial, key)) => KeyClaim::Use((KeyId::Certificate(serial), key)),
                KeyClaim::Fetch(lease) => KeyClaim::Fetch(lease),
                KeyClaim::Wait(until) => KeyClaim::Wait(until),
                KeyClaim::Unknown => KeyClaim::Unknown,
            };
        }
        KeyClaim::Unknown
    }

    /// What every request says of keys, sealed or not: "sign your reply with this".
    pub(super) fn announced_key(&self) -> Option<&PublicKeyId> {
        self.0.public_key.as_ref()
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, Fate::NotSent)
}
