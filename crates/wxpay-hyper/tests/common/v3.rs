//! WeChat Pay's side of APIv3: keys and certificates of this run, signed replies, encrypted and signed notifications.
//! They are built by the rules of the documents and not by the core.

use rcgen::{
    CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize, SerialNumber,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::io::AsyncWriteExt as _;
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{CryptoProvider, PrivateKey},
    retry,
    secret::Secret,
    v3::{ApiV3Key, Builder, Merchant},
    wire::base64,
};

pub const MCHID: &str = "1900000109";
pub const API_V3_KEY: &str = "Apiv3Key000000000000000000000000";
pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000001092026112400181";

/// Returns one of the test RSA keys. Generating one is slow, so they are shared.
fn rsa(index: usize) -> &'static KeyPair {
    static KEYS: [OnceLock<KeyPair>; 4] = [const { OnceLock::new() }; 4];
    KEYS[index].get_or_init(|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap())
}

fn private_key(pair: &KeyPair) -> Arc<dyn PrivateKey> {
    AwsLc.private_key(&Secret::new(pair.serialize_der())).unwrap()
}

/// Returns the private key of the test merchants, parsed by this provider.
pub fn merchant_private_key(provider: &dyn CryptoProvider) -> Arc<dyn PrivateKey> {
    provider.private_key(&Secret::new(rsa(0).serialize_der())).unwrap()
}

/// Returns a merchant with test keys that attempts each call once.
pub fn merchant(mchid: &str, api_v3_key: &str, base_url: &str) -> Builder {
    merchant_with(Arc::new(AwsLc), merchant_private_key(&AwsLc), mchid, api_v3_key, base_url)
}

/// Returns such a merchant with this provider and this private key.
pub fn merchant_with(
    provider: Arc<dyn CryptoProvider>,
    private_key: Arc<dyn PrivateKey>,
    mchid: &str,
    api_v3_key: &str,
    base_url: &str,
) -> Builder {
    let mut once = retry::Policy::default();
    once.max_attempts = 1;
    let api_v3_key = ApiV3Key::new(api_v3_key.to_owned()).unwrap();
    Merchant::builder(provider, mchid.parse().unwrap(), "0A00F0".parse().unwrap(), private_key, &api_v3_key)
        .base_url(base_url)
        .unwrap()
        .retry(once)
}

/// Seals bytes for the test merchants, in base64.
pub fn sealed_for_merchant(plain: &[u8]) -> String {
    let key = AwsLc.public_key(&rsa(0).subject_public_key_info()).unwrap();
    base64::encode(&key.seal(plain).unwrap())
}

/// Returns a merchant that trusts the public key of [`Platform::with_public_key`] and needs no network.
pub fn merchant_with_public_key(mchid: &str, api_v3_key: &str) -> Merchant {
    let key = AwsLc.public_key(&Platform::with_public_key().spki).unwrap();
    merchant(mchid, api_v3_key, "http://127.0.0.1:1").public_key(PUBLIC_KEY_ID.parse().unwrap(), key).build()
}

/// A key that WeChat Pay signs with.
#[derive(Clone)]
pub struct Platform {
    pub id: String,
    key: Arc<dyn PrivateKey>,
    pub spki: Vec<u8>,
    certificate: String,
}

impl Platform {
    /// Returns the platform with the WeChat Pay public key, which is the key of certificate 1.
    pub fn with_public_key() -> Self {
        Self { id: PUBLIC_KEY_ID.to_owned(), ..Self::with_certificate(1) }
    }

    /// Returns the platform with certificate 1, 2 or 3.
    pub fn with_certificate(number: u8) -> Self {
        let pair = rsa(number.into());
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&[0x5A, number]));
        params.distinguished_name.push(DnType::CommonName, "Tenpay.com sign throw-away");
        Self {
            id: format!("5A0{number}"),
            key: private_key(pair),
            spki: pair.subject_public_key_info(),
            certificate: params.self_signed(pair).unwrap().pem(),
        }
    }

    /// Returns the signature headers of a reply or a notification.
    pub fn signature_headers(&self, timestamp: u64, body: &str) -> Vec<(&'static str, String)> {
        let nonce = "c5ac7061fccab6bf3e254dcf98995b8c";
        let signature = self.key.sign(format!("{timestamp}\n{nonce}\n{body}\n").as_bytes()).unwrap();
        vec![
            ("Wechatpay-Timestamp", timestamp.to_string()),
            ("Wechatpay-Nonce", nonce.to_owned()),
            ("Wechatpay-Signature", base64::encode(&signature)),
            ("Wechatpay-Serial", self.id.clone()),
            ("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
        ]
    }

    /// Returns a complete reply, signed now.
    pub fn reply(&self, status: &str, body: &str) -> String {
        let headers = header_lines(&self.signature_headers(super::now().as_secs(), body));
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\n{headers}request-id: 08F1A2-0\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }
}

/// Formats headers for HTTP/1.1.
pub fn header_lines(headers: &[(&'static str, String)]) -> String {
    headers.iter().flat_map(|(name, value)| [*name, ": ", value, "\r\n"]).collect()
}

/// Encrypts a text with an APIv3 key and returns the `resource` object as JSON.
fn sealed(api_v3_key: &str, associated_data: &str, original_type: &str, plaintext: &str) -> String {
    let key: [u8; 32] = api_v3_key.as_bytes().try_into().unwrap();
    let nonce = b"0123456789ab";
    let sealed =
        AwsLc.symmetric_key(&Secret::new(key)).seal(nonce, associated_data.as_bytes(), plaintext.as_bytes());
    format!(
        r#"{{"original_type":"{original_type}","algorithm":"AEAD_AES_256_GCM","ciphertext":"{}","associated_data":"{associated_data}","nonce":"0123456789ab"}}"#,
        base64::encode(&sealed)
    )
}

/// Returns a notification of any event.
pub fn notification(api_v3_key: &str, event_type: &str, original_type: &str, plaintext: &str) -> String {
    let resource = sealed(api_v3_key, original_type, original_type, plaintext);
    format!(
        r#"{{"id":"EV-2018022511223320873","create_time":"2026-11-24T10:34:56+08:00","resource_type":"encrypt-resource","event_type":"{event_type}","summary":"支付成功","resource":{resource}}}"#
    )
}

/// Returns the notification to a merchant that this order was paid with one fen.
pub fn paid(mchid: &str, api_v3_key: &str, out_trade_no: &str) -> String {
    let plaintext = format!(
        r#"{{"transaction_id":"1217752501201407033233368018","amount":{{"payer_total":1,"total":1,"currency":"CNY","payer_currency":"CNY"}},"mchid":"{mchid}","trade_state":"SUCCESS","bank_type":"CMC","success_time":"2026-11-24T10:34:56+08:00","payer":{{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}},"out_trade_no":"{out_trade_no}","appid":"wxd678efh567hg6787","trade_state_desc":"支付成功","trade_type":"JSAPI","attach":""}}"#
    );
    notification(api_v3_key, "TRANSACTION.SUCCESS", "transaction", &plaintext)
}

/// Returns the reply of `/v3/certificates` with these certificates, signed by the first.
pub fn certificates(api_v3_key: &str, platforms: &[Platform]) -> String {
    let entries: Vec<String> = platforms
        .iter()
        .map(|platform| {
            let sealed = sealed(api_v3_key, "certificate", "certificate", &platform.certificate);
            format!(
                r#"{{"serial_no":"{}","effective_time":"2026-11-24T10:34:56+08:00","expire_time":"2031-11-23T10:34:56+08:00","encrypt_certificate":{sealed}}}"#,
                platform.id
            )
        })
        .collect();
    platforms[0].reply("200 OK", &format!(r#"{{"data":[{}]}}"#, entries.join(",")))
}

/// Starts a gateway that returns these certificates after a pause, and counts its requests.
pub async fn certificates_at(platforms: Vec<Platform>, pause: Duration) -> (SocketAddr, Arc<AtomicU32>) {
    let requests = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&requests);
    let address = super::peer(move |mut stream| {
        let (platforms, requests) = (platforms.clone(), Arc::clone(&counting));
        async move {
            while super::read_request(&mut stream).await.starts_with("GET /v3/certificates HTTP/1.1\r\n") {
                requests.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(pause).await;
                if stream.write_all(certificates(API_V3_KEY, &platforms).as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (address, requests)
}
