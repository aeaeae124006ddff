//! The subjects of both benchmarks: an order to sign, a reply and a notification to verify, and the bare cryptography of
//! the same bytes.

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
    exchange::{AwaitingReply, Step, Transmit},
    http::{Method, Response},
    memory::Memory,
    secret::Secret,
    v3::{
        ApiV3Key, Authorization, Call, Lookup, Merchant, RawNotification, message,
        pay::{JsapiOrder, Order, Payer, QueryOrder, Transaction},
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
        let order =
            Order::new("7240b65810859cbf2a8d9f76a638c0a3".parse().unwrap(), Fen::new(1999), "千足金箍棒")
                .unwrap()
                .appid("wx0123456789abcdef".parse().unwrap())
                .notify_url(url);
        let order = order.attach("花果山分店").unwrap();
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
    pub(crate) fn authorize(&self) -> String {
        let (target, nonce) = ("/v3/pay/transactions/jsapi", "593BEC0C930BF1AFEB40B4A08C8FB242");
        let body = black_box(&self.body);
        self.merchant.authorization_header(Method::Post, target, body, NOW, nonce).unwrap()
    }

    /// Signs the same bytes with the bare library.
    pub(crate) fn bare(&self) -> Vec<u8> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &self.rng, black_box(&self.message), &mut signature).unwrap();
        signature
    }
}

/// The bare verification of a signed text.
struct BareVerification {
    key: ParsedPublicKey,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl BareVerification {
    /// Signs a text as WeChat Pay does. Returns the headers of the signature as well.
    fn sign(body: &str) -> (Self, [(&'static str, Vec<u8>); 5]) {
        let (time, nonce) = (NOW.to_string(), "EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz");
        let message = message::reply(&time, nonce, body.as_bytes());
        let wechatpay = bare_key(WECHATPAY);
        let mut signature = vec![0; wechatpay.public_modulus_len()];
        wechatpay.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).unwrap();
        let spki: PublicKeyX509Der<'_> = wechatpay.public_key().as_der().unwrap();
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki.as_ref()).unwrap();
        let headers = [
            ("Wechatpay-Timestamp", time.into_bytes()),
            ("Wechatpay-Nonce", nonce.into()),
            ("Wechatpay-Signature", base64::encode(&signature).into_bytes()),
            ("Wechatpay-Serial", PUBLIC_KEY_ID.into()),
            ("Wechatpay-Signature-Type", b"WECHATPAY2-SHA256-RSA2048".to_vec()),
        ];
        (Self { key, message, signature }, headers)
    }

    fn verify(&self) {
        self.key.verify_sig(black_box(&self.message), black_box(&self.signature)).unwrap();
    }
}

/// The reply to a query, with the headers that the gateway sends.
pub(crate) struct ReplyBench {
    merchant: Merchant,
    reply: Response,
    bare: BareVerification,
}

/// A call that awaits its reply, the reply, and the rest of a step's input.
pub(crate) type ReplyInput = (AwaitingReply<Call<QueryOrder>>, Response, Memory, Entropy);

impl ReplyBench {
    /// The reply about an order that was paid.
    pub(crate) fn paid() -> Self {
        Self::new(
            r#"{"amount":{"currency":"CNY","payer_currency":"CNY","payer_total":1899,"total":1999},"appid":"wx0123456789abcdef","attach":"花果山分店","bank_type":"CMC","mchid":"1900000001","out_trade_no":"7240b65810859cbf2a8d9f76a638c0a3","payer":{"openid":"oX99MDgNcgwnz3zFN3DNmo8uwa-w"},"scene_info":{"device_id":"013467007045764"},"success_time":"2026-11-25T10:34:56+08:00","trade_state":"SUCCESS","trade_state_desc":"支付成功","trade_type":"JSAPI","transaction_id":"4200000001202611250000000042"}"#,
        )
    }

    /// The reply about an order that was paid with a coupon.
    pub(crate) fn paid_with_coupon() -> Self {
        Self::new(
            r#"{"amount":{"currency":"CNY","payer_currency":"CNY","payer_total":1899,"total":1999},"appid":"wx0123456789abcdef","attach":"花果山分店","bank_type":"CMC","mchid":"1900000001","out_trade_no":"7240b65810859cbf2a8d9f76a638c0a3","payer":{"openid":"oX99MDgNcgwnz3zFN3DNmo8uwa-w"},"promotion_detail":[{"coupon_id":"109519","name":"单品惠-6","scope":"SINGLE","type":"CASH","amount":100,"stock_id":"931386","wechatpay_contribute":0,"merchant_contribute":100,"other_contribute":0,"currency":"CNY","goods_detail":[{"goods_id":"M1006","quantity":1,"unit_price":1999,"discount_amount":100,"goods_remark":"商品备注信息"}]}],"scene_info":{"device_id":"013467007045764"},"success_time":"2026-11-25T10:34:56+08:00","trade_state":"SUCCESS","trade_state_desc":"支付成功","trade_type":"JSAPI","transaction_id":"4200000001202611250000000042"}"#,
        )
    }

    fn new(body: &str) -> Self {
        let (bare, signed) = BareVerification::sign(body);
        let length = body.len().to_string();
        let gateway: [(&str, &[u8]); 8] = [
            ("server", b"nginx"),
            ("date", b"Wed, 25 Nov 2026 02:34:57 GMT"),
            ("content-type", b"application/json; charset=utf-8"),
            ("content-length", length.as_bytes()),
            ("connection", b"keep-alive"),
            ("cache-control", b"no-cache, must-revalidate"),
            ("x-content-type-options", b"nosniff"),
            ("request-id", b"08B1E9A1B60610D50518B8C2B0F90520F4DA0228B4AB05-0"),
        ];
        let reply = Response::new(200, body.into());
        let reply = gateway.into_iter().fold(reply, |reply, (name, value)| reply.with_header(name, value));
        let reply = signed.iter().fold(reply, |reply, (name, value)| reply.with_header(name, value));
        Self { merchant: merchant(), reply, bare }
    }

    /// Returns the input of [`read`](Self::read): a call whose request was sent.
    pub(crate) fn input(&self) -> ReplyInput {
        let out_trade_no = "7240b65810859cbf2a8d9f76a638c0a3".parse().unwrap();
        let call = self.merchant.call(QueryOrder::out_trade_no(out_trade_no));
        let mut memory = Memory::default();
        match Step::begin(call, World::new(NOW, Entropy::new([7; 32]), &mut memory)) {
            Step::Send(_, awaiting) => (awaiting, self.reply.clone(), memory, Entropy::new([7; 32])),
            Step::Wait(..) | Step::Done(_) => panic!("the query must be sent first"),
        }
    }

    /// Verifies the reply and reads the transaction in it.
    #[allow(clippy::unused_self, reason = "called like the other subjects of the benchmark")]
    pub(crate) fn read(&self, (awaiting, reply, mut memory, entropy): ReplyInput) -> Transaction {
        match awaiting.resume(Ok(reply), World::new(NOW, entropy, &mut memory)) {
            Step::Done(Ok(Lookup::Found(transaction))) => transaction,
            Step::Done(_) | Step::Send(..) | Step::Wait(..) => panic!("the order must be found"),
        }
    }

    /// Verifies the same bytes with the bare library.
    pub(crate) fn bare(&self) {
        self.bare.verify();
    }
}

/// A notification to verify.
pub(crate) struct NotificationBench {
    merchant: Merchant,
    notification: RawNotification,
    bare: BareVerification,
}

impl NotificationBench {
    pub(crate) fn new() -> Self {
        let plaintext = r#"{"mchid":"1900000001","appid":"wx0123456789abcdef","out_trade_no":"7240b65810859cbf2a8d9f76a638c0a3","transaction_id":"4200000001202611250000000042","trade_type":"JSAPI","trade_state":"SUCCESS","trade_state_desc":"支付成功","bank_type":"CMC","attach":"花果山分店","success_time":"2026-11-25T10:34:56+08:00","payer":{"openid":"oX99MDgNcgwnz3zFN3DNmo8uwa-w"},"amount":{"total":1999,"payer_total":1999,"currency":"CNY","payer_currency":"CNY"}}"#;
        let key = AwsLc.symmetric_key(&Secret::new(API_V3_KEY.as_bytes().try_into().unwrap()));
        let sealed = base64::encode(&key.seal(b"fdasflkja484", b"transaction", plaintext.as_bytes()));
        let body = format!(
            r#"{{"id":"EV-2018022511223320873","create_time":"2026-11-25T10:34:56+08:00","resource_type":"encrypt-resource","event_type":"TRANSACTION.SUCCESS","summary":"支付成功","resource":{{"original_type":"transaction","algorithm":"AEAD_AES_256_GCM","ciphertext":"{sealed}","associated_data":"transaction","nonce":"fdasflkja484"}}}}"#
        );
        let (bare, headers) = BareVerification::sign(&body);
        let notification = headers
            .iter()
            .fold(RawNotification::new(body.into_bytes()), |raw, (name, value)| raw.header(name, value));
        Self { merchant: merchant(), notification, bare }
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
        self.bare.verify();
    }
}
