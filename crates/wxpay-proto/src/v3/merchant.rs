//! Who we are in the third generation, whose keys we trust. What can be asked stands with each operation.

use super::{
    authorization::Authorization,
    call::{Call, Endpoint},
    message,
};
use crate::{
    clock::UnixTime,
    crypto::{BadKey, Certificate, PrivateKey, Provider, PublicKey, SymmetricKey},
    error::{Error, ErrorKind, Fate},
    http::Method,
    id::{Invalid, KeyId, MchId, PublicKeyId, SerialNo, absolute_url},
    memory::{KeyClaim, Memory, PlatformKey},
    retry::Policy,
    secret::Secret,
};
use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::fmt;

/// The APIv3 key: 32 letters and digits. Opens notices and platform certificates, and never travels.
#[derive(Debug)]
pub struct ApiV3Key(Secret<[u8; 32]>);

impl ApiV3Key {
    /// Takes the key in.
    ///
    /// # Errors
    ///
    /// When it is not 32 letters and digits.
    pub fn new(text: String) -> Result<Self, Invalid> {
        let text = Secret::new(text);
        let bytes = text.expose().as_bytes();
        let good = bytes.iter().all(u8::is_ascii_alphanumeric);
        match <[u8; 32]>::try_from(bytes) {
            Ok(key) if good => Ok(Self(Secret::new(key))),
            _ => Err(Invalid::new("apiv3_key", "must be 32 letters and digits")),
        }
    }
}

const MAIN: &str = "https://api.mch.weixin.qq.com";
const BACKUP: &str = "https://api2.mch.weixin.qq.com";

/// The gateway's own hosts, under all their names. `protocol/v3` section 13.
const OFFICIAL: [&str; 4] = [MAIN, BACKUP, "https://api.wechatpay.cn", "https://api2.wechatpay.cn"];

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
pub struct Merchant(Arc<Inner>);

struct Inner {
    provider: Arc<dyn Provider>,
    mchid: MchId,
    serial_no: SerialNo,
    private_key: Arc<dyn PrivateKey>,
    /// The one in use, then those that notices under way may still be sealed with.
    api_v3_keys: Vec<Arc<dyn SymmetricKey>>,
    public_keys: BTreeMap<PublicKeyId, Arc<dyn PublicKey>>,
    /// The public key to seal with; its id is sent with every request.
    public_key: Option<PublicKeyId>,
    pinned: BTreeMap<SerialNo, PlatformKey>,
    fetches_certificates: bool,
    /// The gateway, then its backup in another city.
    base_urls: Vec<String>,
    retry: Policy,
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchant")
            .field("mchid", &self.0.mchid)
            .field("serial_no", &self.0.serial_no)
            .finish_non_exhaustive()
    }
}

/// What a merchant may be told beyond its credentials; see [`Merchant::builder`].
pub struct Builder(Inner);

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
        let (serial, key) = platform_key(&*self.0.provider, certificate)?;
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
        self.0.base_urls = Vec::from([url("base_url", base_url)?]);
        Ok(self)
    }

    /// Tries this gateway when the other one does not answer, or answers 5xx. Every second try goes there, with the
    /// same number and the same bytes.
    ///
    /// # Errors
    ///
    /// As with [`base_url`](Self::base_url).
    pub fn backup_url(mut self, backup_url: &str) -> Result<Self, Invalid> {
        self.0.base_urls.truncate(1);
        self.0.base_urls.push(url("backup_url", backup_url)?);
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
        Merchant(Arc::new(self.0))
    }
}

fn url(field: &'static str, text: &str) -> Result<String, Invalid> {
    let rule = Invalid::new(field, "must be an absolute http or https URL without user, query or fragment");
    Ok(absolute_url(text, rule)?.trim_end_matches('/').into())
}

/// Path and query of a URL, if it begins with that base URL.
fn behind<'a>(base: &str, url: &'a str) -> Option<&'a str> {
    url.strip_prefix(base).filter(|target| target.starts_with('/'))
}

/// Scheme and host of a base URL.
fn origin(base: &str) -> &str {
    let host = base.find("://").map_or(0, |at| at.saturating_add(3));
    let end = base.get(host..).and_then(|rest| rest.find('/')).map(|at| host.saturating_add(at));
    end.and_then(|end| base.get(..end)).unwrap_or(base)
}

/// The key of a certificate, under its number.
pub(super) fn platform_key(
    provider: &dyn Provider,
    certificate: &Certificate,
) -> Result<(SerialNo, PlatformKey), BadKey> {
    let serial = certificate.serial().parse().map_err(|_| BadKey)?;
    let key = provider.public_key(certificate.spki())?;
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    Ok((serial, PlatformKey { key, not_before, not_after }))
}

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
        Builder(Inner {
            provider,
            mchid,
            serial_no,
            private_key,
            api_v3_keys,
            public_keys: BTreeMap::new(),
            public_key: None,
            pinned: BTreeMap::new(),
            fetches_certificates: false,
            base_urls: Vec::from([MAIN.into(), BACKUP.into()]),
            retry: Policy::default(),
        })
    }

    /// Calls any operation.
    #[must_use]
    pub fn call<E: Endpoint>(&self, endpoint: E) -> Call<E> {
        Call::new(self.clone(), endpoint)
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

    /// The gateway for a try; they take turns once something went wrong.
    pub(super) fn base_url(&self, turn: usize) -> &str {
        let urls = &self.0.base_urls;
        urls.get(turn.checked_rem(urls.len()).unwrap_or_default()).map_or("", String::as_str)
    }

    /// Where a URL that the gateway gave leads: the base URL to call, and path and query behind it. `None` if the
    /// host is neither the merchant's own gateway nor one of WeChat Pay's.
    ///
    /// What leads to WeChat Pay itself goes the merchant's own way, too: a proxy, where there is one.
    pub(super) fn locate<'a>(&'a self, url: &'a str) -> Option<(&'a str, &'a str)> {
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if !url.bytes().all(visible) {
            return None;
        }
        let own = self.0.base_urls.iter().map(String::as_str);
        let origins = own.clone().map(origin);
        if let Some(located) = own.chain(origins).find_map(|base| Some((base, behind(base, url)?))) {
            return Some(located);
        }
        let (base, target) = OFFICIAL.iter().find_map(|base| Some((*base, behind(base, url)?)))?;
        let first = self.base_url(0);
        Some((if OFFICIAL.contains(&first) { base } else { first }, target))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::toy;
    use alloc::{format, string::ToString as _};

    #[test]
    fn a_url_of_the_gateways_leads_to_the_gateway_and_no_other_anywhere() {
        let official = toy::merchant();
        for url in ["https://api.mch.weixin.qq.com/v3/x?token=1", "https://api2.wechatpay.cn/v3/x?token=1"] {
            let (base, target) = official.locate(url).unwrap();
            assert_eq!((format!("{base}{target}").as_str(), target), (url, "/v3/x?token=1"));
        }
        for url in [
            "",
            "/v3/x",
            "http://api.mch.weixin.qq.com/v3/x",
            "https://api.mch.weixin.qq.com",
            "https://api.mch.weixin.qq.com.example.com/v3/x",
            "https://api.mch.weixin.qq.com@example.com/v3/x",
            "https://api.mch.weixin.qq.com:8443/v3/x",
            "https://example.com/https://api.mch.weixin.qq.com/v3/x",
            "https://api.mch.weixin.qq.com/v3/x#y",
            "https://api.mch.weixin.qq.com/v3/x y",
            "https://api.mch.weixin.qq.com/v3/x\r\nHost: example.com",
        ] {
            assert_eq!(official.locate(url), None, "{url}");
        }
    }

    #[test]
    fn a_gateway_of_ones_own_is_reached_under_its_own_name_and_stands_for_wechat_pay() {
        let own = toy::builder().base_url("http://127.0.0.1:8080/wx/").unwrap().build();
        for (url, base, target) in [
            ("http://127.0.0.1:8080/wx/v3/x?token=1", "http://127.0.0.1:8080/wx", "/v3/x?token=1"),
            ("http://127.0.0.1:8080/v3/x?token=1", "http://127.0.0.1:8080", "/v3/x?token=1"),
            ("https://api.mch.weixin.qq.com/v3/x", "http://127.0.0.1:8080/wx", "/v3/x"),
        ] {
            assert_eq!(own.locate(url), Some((base, target)));
        }
        assert_eq!(own.locate("http://127.0.0.1:80800/v3/x"), None);
    }

    #[test]
    fn an_apiv3_key_is_32_letters_and_digits_and_is_not_printed() {
        let key = ApiV3Key::new("planted0".repeat(4)).unwrap();
        assert!(!format!("{key:?}").contains("planted"));
        for text in ["", "planted0", &"a".repeat(33), &"-".repeat(32), &"支".repeat(32)] {
            let error = ApiV3Key::new(text.into()).unwrap_err();
            assert_eq!(error.to_string(), "apiv3_key must be 32 letters and digits");
        }
    }
}
