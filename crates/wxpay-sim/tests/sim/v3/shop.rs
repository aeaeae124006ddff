//! A minimal merchant's program that signs, verifies and decrypts with its own code on aws-lc-rs.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use wxpay_proto::{
    UnixTime,
    http::{Method, Request, Response},
};
use wxpay_sim::{
    Gateway, Outcome, Settings,
    gateway::{OrderRef, Payer},
    ledger::OrderRecord,
    merchant::Merchant,
    notifications::{Delivery, DeliveryResult},
};

pub const START: UnixTime = UnixTime::from_secs(1_780_000_000);
pub const BASE: &str = "https://api.mch.weixin.qq.com";
pub const NOTIFY: &str = "https://shop.example/notify";

/// A parsed reply.
#[derive(Debug)]
pub struct ParsedReply {
    pub status: u16,
    pub body: Value,
    /// The result code at the end of `Request-ID`.
    pub result_code: u64,
    pub headers: BTreeMap<String, String>,
}

impl ParsedReply {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Returns `true` for a refusal of the field check: its `detail` is a location and a value alone.
    pub fn is_field_refusal(&self) -> bool {
        let detail = self.body["detail"].as_object();
        self.code() == "PARAM_ERROR" && detail.is_some_and(|detail| detail.keys().eq(["location", "value"]))
    }

    /// Returns the field that a refusal of the field check names, by its pointer such as `/body/amount/total`; the first
    /// one of several undefined members.
    pub fn field(&self) -> &str {
        assert!(self.is_field_refusal(), "the refusal is not of the field check: {self:?}");
        let undefined = self.body["detail"]["value"][0].as_str();
        let quoted = || self.message().split(['“', '”']).nth(1);
        undefined.or_else(quoted).unwrap_or_else(|| panic!("the refusal names no field: {self:?}"))
    }

    /// Returns the message of a refusal.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// Returns the status, the code and the result code at the end of `Request-ID`.
    pub fn refusal(&self) -> (u16, &str, u64) {
        (self.status, self.code(), self.result_code)
    }
}

pub struct Shop {
    pub gateway: Gateway,
    pub merchant: Merchant,
    pub now: UnixTime,
    /// The value of `Wechatpay-Serial` in requests, if it is sent.
    pub wechatpay_serial: Option<String>,
    key: KeyPair,
    nonces: u64,
}

impl Shop {
    pub fn open() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let gateway = Gateway::new(settings, 1);
        let merchant = gateway.merchant().clone();
        Self::of(gateway, merchant)
    }

    /// Creates the shop of a merchant that the gateway knows.
    pub fn of(gateway: Gateway, merchant: Merchant) -> Self {
        let key = KeyPair::from_pkcs8(&merchant.api_keys()[0].key_pair.private_der()).unwrap();
        Self { gateway, merchant, now: START, wechatpay_serial: None, key, nonces: 0 }
    }

    pub fn wait(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    pub fn mchid(&self) -> String {
        self.merchant.mchid().to_string()
    }

    pub fn appid(&self) -> String {
        self.merchant.appids()[0].to_string()
    }

    pub fn serial(&self) -> String {
        self.merchant.api_keys()[0].certificate.serial().to_string()
    }

    /// Returns the serial number of the platform certificate.
    pub fn platform_serial(&self) -> String {
        let first = self.merchant.platform().certificates(self.now).next().unwrap();
        first.certificate.serial().to_string()
    }

    pub fn public_key_id(&self) -> String {
        self.merchant.platform().public_key().unwrap().id.to_string()
    }

    pub fn sign(&self, message: &str) -> String {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        STANDARD.encode(signature)
    }

    /// Returns the value of `Authorization` for the given request.
    pub fn authorization(&mut self, method: Method, target: &str, body: &str) -> String {
        self.nonces += 1;
        let (timestamp, nonce) = (self.now.as_secs(), format!("nonce{}", self.nonces));
        let signature = self.sign(&format!("{method}\n{target}\n{timestamp}\n{nonce}\n{body}\n"));
        format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",signature=\"{signature}\",timestamp=\"{timestamp}\",serial_no=\"{}\"",
            self.mchid(),
            self.serial(),
        )
    }

    pub fn request(&mut self, method: Method, target: &str, body: &str) -> Request {
        let authorization = self.authorization(method, target, body);
        let request = bare(method, target, body).with_header("authorization", authorization);
        match &self.wechatpay_serial {
            Some(serial) => request.with_header("wechatpay-serial", serial.clone()),
            None => request,
        }
    }

    /// Sends a signed request, checks the reply's signature and returns the reply.
    pub fn call(&mut self, method: Method, target: &str, body: &str) -> ParsedReply {
        let request = self.request(method, target, body);
        self.send(&request)
    }

    pub fn get(&mut self, target: &str) -> ParsedReply {
        self.call(Method::Get, target, "")
    }

    pub fn post(&mut self, target: &str, body: &Value) -> ParsedReply {
        self.call(Method::Post, target, &body.to_string())
    }

    /// Sends a request and returns the reply, whose signature must be valid. Only refusals of the field check must not
    /// have any of its headers.
    pub fn send(&mut self, request: &Request) -> ParsedReply {
        let reply = self.reply(request);
        let parsed = parse_reply(&reply);
        if parsed.is_field_refusal() {
            let signature = reply.headers().find(|(name, _)| name.starts_with("wechatpay-"));
            assert_eq!(signature, None, "a refusal of the field check is signed: {parsed:?}");
        } else {
            assert!(self.verifies_reply(&reply), "the signature is invalid: {parsed:?}");
        }
        parsed
    }

    pub fn reply(&mut self, request: &Request) -> Response {
        let outcome = self.gateway.answer(request, self.now);
        let Outcome::Reply(reply) = outcome else {
            panic!("no fault was injected, but the outcome is {outcome:?}")
        };
        reply
    }

    /// Returns `true` if the reply verifies: the five headers, the timestamp, the key and the signature.
    pub fn verifies_reply(&self, reply: &Response) -> bool {
        let header = |name: &str| reply.header(name).map(|value| String::from_utf8(value.to_vec()).unwrap());
        self.verifies(&header, reply.body())
    }

    pub fn verifies_notification(&self, delivery: &Delivery) -> bool {
        self.verifies_message(delivery.headers(), delivery.body())
    }

    /// Returns whether headers and body are signed by WeChat Pay.
    pub fn verifies_message(&self, headers: &[(&str, String)], body: &[u8]) -> bool {
        let header =
            |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        self.verifies(&header, body)
    }

    fn verifies(&self, header: &dyn Fn(&str) -> Option<String>, body: &[u8]) -> bool {
        let Some(values) = ["timestamp", "nonce", "signature", "serial", "signature-type"]
            .into_iter()
            .map(|name| header(&format!("wechatpay-{name}")))
            .collect::<Option<Vec<String>>>()
        else {
            return false;
        };
        let [timestamp, nonce, signature, serial, kind] = values.as_slice() else { return false };
        let is_fresh = timestamp.parse::<u64>().is_ok_and(|at| at.abs_diff(self.now.as_secs()) < 300);
        let Some(key) = self.platform_key(serial).filter(|_| is_fresh) else { return false };
        let message = [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat();
        let signature = STANDARD.decode(signature).unwrap_or_default();
        let verified = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(&message, &signature);
        kind == "WECHATPAY2-SHA256-RSA2048" && verified.is_ok()
    }

    /// Returns the DER of the platform key with this serial number or id, if the merchant knows it.
    fn platform_key(&self, serial: &str) -> Option<Vec<u8>> {
        let merchant = self.gateway.merchant_by_mchid(self.merchant.mchid()).unwrap();
        let platform = merchant.platform();
        let by_id = platform.public_key().filter(|key| key.id.as_str() == serial);
        let mut certificates = platform.certificates(self.now);
        let by_serial = certificates.find(|listed| listed.certificate.serial().as_str() == serial);
        by_id
            .map(|key| key.key_pair.public().der())
            .or_else(|| by_serial.map(|listed| listed.certificate.public_key().der()))
    }

    /// Decrypts an object with AES-256-GCM under the APIv3 key.
    pub fn decrypt(&self, resource: &Value) -> Vec<u8> {
        let key = self.merchant.api_v3_key().unwrap().expose();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).unwrap());
        let part = |name: &str| resource[name].as_str().unwrap().to_owned();
        assert_eq!(part("nonce").len(), 12);
        assert_eq!(part("algorithm"), "AEAD_AES_256_GCM");
        let nonce = Nonce::try_assume_unique_for_key(part("nonce").as_bytes()).unwrap();
        let mut text = STANDARD.decode(part("ciphertext")).unwrap();
        key.open_in_place(nonce, Aad::from(part("associated_data")), &mut text).unwrap().to_vec()
    }

    /// Encrypts a text with the WeChat Pay public key.
    pub fn encrypt(&self, text: &str) -> String {
        let pair = &self.merchant.platform().public_key().unwrap().key_pair;
        STANDARD.encode(pair.public().seal(text.as_bytes()).unwrap())
    }

    /// Verifies and decrypts a notification. Returns the envelope and the content.
    pub fn read_notification(&self, delivery: &Delivery) -> (Value, Value) {
        assert!(self.verifies_notification(delivery));
        let envelope: Value = serde_json::from_slice(delivery.body()).unwrap();
        let content = serde_json::from_slice(&self.decrypt(&envelope["resource"])).unwrap();
        (envelope, content)
    }

    pub fn goods(&self, number: &str) -> Value {
        json!({
            "appid": self.appid(),
            "mchid": self.mchid(),
            "description": "支付测试",
            "out_trade_no": number,
            "notify_url": NOTIFY,
            "amount": { "total": 1999, "currency": "CNY" },
        })
    }

    /// Returns goods with additional or replaced members.
    pub fn goods_with(&self, number: &str, more: &Value) -> Value {
        let mut goods = self.goods(number);
        goods.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        goods
    }

    /// Places a Native order and returns its `code_url`.
    pub fn order(&mut self, number: &str) -> String {
        let goods = self.goods(number);
        let reply = self.post("/v3/pay/transactions/native", &goods);
        reply.body["code_url"].as_str().unwrap_or_else(|| panic!("{reply:?}")).into()
    }

    pub fn query(&mut self, number: &str) -> ParsedReply {
        let mchid = self.mchid();
        self.get(&format!("/v3/pay/transactions/out-trade-no/{number}?mchid={mchid}"))
    }

    pub fn close(&mut self, number: &str) -> ParsedReply {
        let body = json!({ "mchid": self.mchid() });
        self.post(&format!("/v3/pay/transactions/out-trade-no/{number}/close"), &body)
    }

    pub fn pay(&mut self, number: &str) -> OrderRecord {
        self.pay_as(number, &Payer::default())
    }

    pub fn pay_as(&mut self, number: &str, payer: &Payer) -> OrderRecord {
        let order_ref = OrderRef::OutTradeNo(number.parse().unwrap());
        self.gateway.pay(&order_ref, payer, self.now).unwrap().order
    }

    pub fn record(&self, number: &str) -> OrderRecord {
        self.gateway.order(&OrderRef::OutTradeNo(number.parse().unwrap()), self.now).unwrap()
    }

    pub fn due(&mut self) -> Vec<Delivery> {
        self.gateway.due_deliveries(self.now)
    }

    pub fn acknowledge(&mut self, delivery: &Delivery, status: u16) {
        let result = DeliveryResult::Response { status, body: br#"{"code":"FAIL"}"#.to_vec() };
        self.gateway.record_delivery(delivery.id(), &result, self.now);
    }
}

/// Builds a request without `Authorization`.
pub fn bare(method: Method, target: &str, body: &str) -> Request {
    Request::new(method, format!("{BASE}{target}"), body.as_bytes().to_vec())
        .with_header("accept", "application/json")
        .with_header("user-agent", "a shop")
        .with_header("content-type", "application/json")
}

pub fn parse_reply(reply: &Response) -> ParsedReply {
    let headers: BTreeMap<String, String> = reply
        .headers()
        .map(|(name, value)| (name.to_owned(), str::from_utf8(value).unwrap().to_owned()))
        .collect();
    let result_code = headers["request-id"].rsplit_once('-').unwrap().1.parse().unwrap();
    let body =
        if reply.body().is_empty() { Value::Null } else { serde_json::from_slice(reply.body()).unwrap() };
    ParsedReply { status: reply.status(), body, result_code, headers }
}
