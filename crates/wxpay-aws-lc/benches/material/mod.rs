//! The subjects of both benchmarks: an order to sign, a notification to verify, and the bare cryptography of the same
//! bytes.

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256},
};
use std::{hint::black_box, sync::Arc};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    Fen, UnixTime,
    crypto::{CryptoProvider as _, pem},
    entropy::Entropy,
    exchange::{Step, Transmit},
    http::Method,
    memory::Memory,
    secret::Secret,
    v3::{
        ApiV3Key, Authorization, Merchant, RawNotification, message,
        pay::{JsapiOrder, Order, Payer, Transaction},
    },
    wire::base64,
    world::World,
};

const MERCHANT: &str = include_str!("../../../wxpay-testkit/keys/merchant.pem");
const WECHATPAY: &str = include_str!("../../../wxpay-testkit/keys/public_key_mode.pem");
const WECHATPAY_PUBLIC: &str = include_str!("../../../wxpay-testkit/keys/public_key_mode_public.pem");
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026010100000000000001";
const API_V3_KEY: &str = "4p1v3Key000000000000000000005ec4";
const NOW: UnixTime = UnixTime::from_secs(1_795_600_000);

fn merchant() -> Merchant {
    Merchant::builder(
        Arc::new(AwsLc),
        "1900000001".parse().unwrap(),
        "0A51C3E08D2B467F91A4D05E73B8C26F1D340001".parse().unwrap(),
        AwsLc.private_key(&pem::private_key(MERCHANT.as_bytes()).unwrap()).unwrap(),
        &ApiV3Key::new(API_V3_KEY.into()).unwrap(),
    )
    .public_key(
        PUBLIC_KEY_ID.parse().unwrap(),
        AwsLc.public_key(&pem::public_key(WECHATPAY_PUBLIC.as_bytes()).unwrap()).unwrap(),
    )
    .build()
}

/// Parses a key with the bare library, as a program without this crate would.
fn bare_key(text: &str) -> KeyPair {
    KeyPair::from_pkcs8(pem::private_key(text.as_bytes()).unwrap().expose()).unwrap()
}

/// An order to sign.
pub(crate) struct SignBench {
    merchant: Merchant,
    order: JsapiOrder,
    key: KeyPair,
    rng: SystemRandom,
    /// The signed message.
    message: Vec<u8>,
    body: Vec<u8>,
}

impl SignBench {
    pub(crate) fn new() -> Self {
        let url = "https://shop.example/wxpay/v3/notify".parse().unwrap();
        let order = Order::builder(
            "wx0123456789abcdef".parse().unwrap(),
            "7240b65810859cbf2a8d9f76a638c0a3".parse().unwrap(),
            Fen::new(1999),
            "千足金箍棒",
            url,
        );
        let order = order.attach("花果山分店").build().unwrap();
        let payer = Payer::new("oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap());
        let (merchant, order) = (merchant(), JsapiOrder::new(order, payer).unwrap());
        let mut bench = Self {
            merchant,
            order,
            key: bare_key(MERCHANT),
            rng: SystemRandom::new(),
            message: Vec::new(),
            body: Vec::new(),
        };
        let transmit = bench.call(bench.input());
        let authorization: Authorization = transmit.request.header("authorization").unwrap().parse().unwrap();
        bench.body = transmit.request.body().to_vec();
        bench.message = message::request(
            Method::Post,
            "/v3/pay/transactions/jsapi",
            authorization.timestamp,
            &authorization.nonce_str,
            &bench.body,
        );
        assert_eq!(bench.bare(), authorization.signature);
        bench
    }

    /// Returns the input of [`call`](Self::call).
    pub(crate) fn input(&self) -> (JsapiOrder, Memory, Entropy) {
        (self.order.clone(), Memory::default(), Entropy::new([7; 32]))
    }

    /// Serialises and signs the order, and returns the request to send.
    pub(crate) fn call(&self, (order, mut memory, entropy): (JsapiOrder, Memory, Entropy)) -> Transmit {
        match Step::begin(self.merchant.call(order), World::new(NOW, entropy, &mut memory)) {
            Step::Send(transmit, _) => transmit,
            Step::Wait(..) | Step::Done(_) => panic!("the order must be sent first"),
        }
    }

    /// Signs a given body and returns the header.
    pub(crate) fn authorize(&self, nonce: String) -> String {
        let target = "/v3/pay/transactions/jsapi";
        let authorization = self.merchant.authorize(Method::Post, target, black_box(&self.body), NOW, nonce);
        authorization.unwrap().to_string()
    }

    /// Signs the same bytes with the bare library.
    pub(crate) fn bare(&self) -> Vec<u8> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &self.rng, black_box(&self.message), &mut signature).unwrap();
        signature
    }
}

/// A notification to verify.
pub(crate) struct VerifyBench {
    merchant: Merchant,
    notification: RawNotification,
    key: ParsedPublicKey,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl VerifyBench {
    pub(crate) fn new() -> Self {
        let plaintext = r#"{"mchid":"1900000001","appid":"wx0123456789abcdef","out_trade_no":"7240b65810859cbf2a8d9f76a638c0a3","transaction_id":"4200000001202611250000000042","trade_type":"JSAPI","trade_state":"SUCCESS","trade_state_desc":"支付成功","bank_type":"CMC","attach":"花果山分店","success_time":"2026-11-25T10:34:56+08:00","payer":{"openid":"oX99MDgNcgwnz3zFN3DNmo8uwa-w"},"amount":{"total":1999,"payer_total":1999,"currency":"CNY","payer_currency":"CNY"}}"#;
        let key = AwsLc.symmetric_key(&Secret::new(API_V3_KEY.as_bytes().try_into().unwrap()));
        let sealed = base64::encode(&key.seal(b"fdasflkja484", b"transaction", plaintext.as_bytes()));
        let body = format!(
            r#"{{"id":"EV-2018022511223320873","create_time":"2026-11-25T10:34:56+08:00","resource_type":"encrypt-resource","event_type":"TRANSACTION.SUCCESS","summary":"支付成功","resource":{{"original_type":"transaction","algorithm":"AEAD_AES_256_GCM","ciphertext":"{sealed}","associated_data":"transaction","nonce":"fdasflkja484"}}}}"#
        );
        let (time, nonce) = (NOW.to_string(), "EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz");
        let message = message::reply(&time, nonce, body.as_bytes());
        let wechatpay = bare_key(WECHATPAY);
        let mut signature = vec![0; wechatpay.public_modulus_len()];
        wechatpay.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).unwrap();
        let spki: PublicKeyX509Der<'_> = wechatpay.public_key().as_der().unwrap();
        let notification = RawNotification::new(body.into_bytes())
            .header("Wechatpay-Timestamp", time.as_bytes())
            .header("Wechatpay-Nonce", nonce.as_bytes())
            .header("Wechatpay-Signature", base64::encode(&signature).as_bytes())
            .header("Wechatpay-Serial", PUBLIC_KEY_ID.as_bytes())
            .header("Wechatpay-Signature-Type", b"WECHATPAY2-SHA256-RSA2048");
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki.as_ref()).unwrap();
        Self { merchant: merchant(), notification, key, message, signature }
    }

    /// Returns the input of verification.
    pub(crate) fn input(&self) -> (RawNotification, Memory, Entropy) {
        (self.notification.clone(), Memory::default(), Entropy::new([7; 32]))
    }

    /// Verifies, decrypts and parses the notification.
    pub(crate) fn verify_notification(
        &self,
        (notification, mut memory, entropy): (RawNotification, Memory, Entropy),
    ) -> Box<Transaction> {
        use wxpay_proto::v3::Event;
        match Step::begin(
            self.merchant.verify_notification(notification),
            World::new(NOW, entropy, &mut memory),
        ) {
            Step::Done(Ok(notification)) => match notification.event().unwrap() {
                Event::Transaction(transaction) => transaction,
                _ => panic!("the event must be a transaction"),
            },
            Step::Send(..) | Step::Wait(..) | Step::Done(Err(_)) => {
                panic!("the notification must be accepted without a request")
            }
        }
    }

    /// Verifies the same bytes with the bare library.
    pub(crate) fn bare(&self) {
        self.key.verify_sig(black_box(&self.message), black_box(&self.signature)).unwrap();
    }
}
