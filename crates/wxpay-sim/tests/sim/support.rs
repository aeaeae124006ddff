//! A small merchant's program with its own signing code: the gateway's counterpart in these tests.

use md5::Md5;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use std::collections::BTreeMap;
use wxpay_proto::{UnixTime, http::Request};
use wxpay_sim::{
    Credentials, Gateway, Outcome, Settings,
    gateway::{OrderRef, Payer},
    ledger::OrderRecord,
    notifications::{Delivery, DeliveryResult},
    warnings::Kind,
};

pub const START: UnixTime = UnixTime::from_secs(1_399_514_976);
pub const BASE: &str = "https://api.weixin.qq.com";

/// Fields of a package: names and raw bytes.
pub type Fields = BTreeMap<&'static str, Vec<u8>>;

pub fn md5_sign(fields: &Fields, key: &str) -> String {
    let mut text = Vec::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value);
        text.push(b'&');
    }
    text.extend_from_slice(format!("key={key}").as_bytes());
    hex::encode_upper(Md5::digest(text))
}

pub fn package_of(fields: &Fields, key: &str) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    format!("{}&sign={}", pairs.join("&"), md5_sign(fields, key))
}

/// Signs the members with SHA-1 and adds `app_signature` and `sign_method`.
pub fn app_signed(mut body: Value, key: &str) -> Value {
    let members = body.as_object_mut().unwrap();
    let mut signed: BTreeMap<String, String> = members
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), String::from)))
        .collect();
    signed.insert("appkey".into(), key.into());
    let text: Vec<String> = signed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    members.insert("app_signature".into(), hex::encode(Sha1::digest(text.join("&"))).into());
    members.insert("sign_method".into(), "sha1".into());
    body
}

pub fn token_url(grant_type: &str, appid: &str, secret: &str) -> String {
    format!("{BASE}/cgi-bin/token?grant_type={grant_type}&appid={appid}&secret={secret}")
}

pub struct Shop {
    pub gateway: Gateway,
    pub merchant: Credentials,
    pub token: String,
    pub now: UnixTime,
}

impl Shop {
    pub fn open(settings: Settings) -> Self {
        Self::seeded(settings, 1)
    }

    pub fn seeded(settings: Settings, seed: u64) -> Self {
        let gateway = Gateway::new(settings, seed);
        let merchant = gateway.credentials().clone();
        let mut shop = Self { gateway, merchant, token: String::new(), now: START };
        shop.token = shop.fetch_token();
        shop
    }

    pub fn wait(&mut self, seconds: u64) {
        self.now = UnixTime::from_millis(self.now.as_millis() + seconds * 1000);
    }

    pub fn token_reply(&mut self) -> Value {
        let (appid, secret) =
            (self.merchant.appid().to_string(), self.merchant.app_secret().expose().clone());
        let url = token_url("client_credential", &appid, &secret);
        self.json_reply(&Request::get(url))
    }

    pub fn fetch_token(&mut self) -> String {
        self.token_reply()["access_token"].as_str().unwrap().into()
    }

    pub fn json_reply(&mut self, request: &Request) -> Value {
        serde_json::from_slice(&self.reply(request)).unwrap()
    }

    pub fn reply(&mut self, request: &Request) -> Vec<u8> {
        let outcome = self.gateway.answer(request, self.now);
        let Outcome::Reply(reply) = outcome else {
            panic!("no fault is injected, but the outcome is {outcome:?}")
        };
        assert_eq!(reply.status(), 200);
        reply.body().to_vec()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{BASE}{path}?access_token={}", self.token)
    }

    pub fn request(&self, path: &str, body: &Value) -> Request {
        Request::post(self.url(path), "application/json; charset=utf-8", body.to_string().into_bytes())
    }

    pub fn call(&mut self, path: &str, body: &Value) -> Value {
        let request = self.request(path, body);
        self.json_reply(&request)
    }

    pub fn errcode(&mut self, path: &str, body: &Value) -> i64 {
        self.call(path, body)["errcode"].as_i64().unwrap()
    }

    pub fn goods(&self, number: &str) -> Fields {
        [
            ("bank_type", "WX"),
            ("body", "支付测试"),
            ("fee_type", "1"),
            ("input_charset", "UTF-8"),
            ("notify_url", "http://shop.example/notify"),
            ("out_trade_no", number),
            ("partner", self.merchant.partner().as_str()),
            ("spbill_create_ip", "203.0.113.7"),
            ("total_fee", "1999"),
        ]
        .into_iter()
        .map(|(name, value)| (name, value.as_bytes().to_vec()))
        .collect()
    }

    pub fn prepay_of(&self, package: &str) -> Value {
        let body = json!({
            "appid": self.merchant.appid().as_str(),
            "noncestr": "e7d161ac8d8a76529d39d9f5b4249ccb",
            "package": package,
            "timestamp": self.now.as_secs(),
            "traceid": "payer-1",
        });
        app_signed(body, self.merchant.pay_sign_key().expose())
    }

    pub fn prepay_body(&self, fields: &Fields) -> Value {
        self.prepay_of(&package_of(fields, self.merchant.partner_key().expose()))
    }

    pub fn order(&mut self, number: &str) -> String {
        let body = self.prepay_body(&self.goods(number));
        let reply = self.call("/pay/genprepay", &body);
        reply["prepayid"].as_str().unwrap_or_else(|| panic!("{reply}")).into()
    }

    /// Returns the errcode of genprepay for an order with some fields changed. An empty value removes the field.
    pub fn errcode_of(&mut self, changes: &[(&'static str, &str)]) -> i64 {
        let mut fields = self.goods("A1");
        for (name, value) in changes {
            if value.is_empty() {
                fields.remove(name);
            } else {
                fields.insert(name, value.as_bytes().to_vec());
            }
        }
        let body = self.prepay_body(&fields);
        self.errcode("/pay/genprepay", &body)
    }

    pub fn query_body(&self, number: &str) -> Value {
        let fields: Fields = [
            ("out_trade_no", number.as_bytes().to_vec()),
            ("partner", self.merchant.partner().as_str().as_bytes().to_vec()),
        ]
        .into();
        let package = package_of(&fields, self.merchant.partner_key().expose());
        let timestamp = self.now.as_secs().to_string();
        let body =
            json!({ "appid": self.merchant.appid().as_str(), "package": package, "timestamp": timestamp });
        app_signed(body, self.merchant.pay_sign_key().expose())
    }

    pub fn deliver_body(&self, number: &str, openid: &str, transid: &str) -> Value {
        let body = json!({
            "appid": self.merchant.appid().as_str(), "openid": openid, "transid": transid, "out_trade_no": number,
            "deliver_timestamp": self.now.as_secs().to_string(), "deliver_status": "1", "deliver_msg": "ok",
        });
        app_signed(body, self.merchant.pay_sign_key().expose())
    }

    /// Returns the seven signed parameters for the payer's client.
    pub fn app_params(&self, prepayid: &str, package: &str) -> Value {
        let body = json!({
            "appid": self.merchant.appid().as_str(), "noncestr": "n1", "package": package,
            "partnerid": self.merchant.partner().as_str(), "prepayid": prepayid,
            "timestamp": self.now.as_secs().to_string(),
        });
        let mut signed = app_signed(body, self.merchant.pay_sign_key().expose());
        let members = signed.as_object_mut().unwrap();
        members.remove("sign_method");
        let sign = members.remove("app_signature").unwrap();
        members.insert("sign".into(), sign);
        signed
    }

    pub fn pay(&mut self, number: &str) -> OrderRecord {
        let order_ref = OrderRef::OutTradeNo(number.parse().unwrap());
        self.gateway.pay(&order_ref, &Payer::default(), self.now).unwrap().order
    }

    pub fn record(&self, number: &str) -> OrderRecord {
        self.gateway.order(&OrderRef::OutTradeNo(number.parse().unwrap()), self.now).unwrap()
    }

    pub fn due(&mut self) -> Vec<Delivery> {
        self.gateway.due_deliveries(self.now)
    }

    pub fn respond(&mut self, delivery: &Delivery, status: u16, body: &str) {
        let result = DeliveryResult::Response { status, body: body.as_bytes().to_vec() };
        self.gateway.record_delivery(delivery.id(), &result, self.now);
    }

    pub fn warned(&self, kind: Kind) -> bool {
        self.gateway.warnings().any(|warning| warning.kind == kind)
    }

    /// Returns true if both signatures of a notification are valid, verified with this program's own code.
    pub fn verifies(&self, delivery: &Delivery) -> bool {
        let mut fields = Vec::new();
        let mut sign = String::new();
        for pair in delivery.query().split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            let value: Vec<u8> = percent_encoding::percent_decode_str(value).collect();
            if name == "sign" {
                sign = String::from_utf8(value).unwrap();
            } else {
                fields.push((name.to_owned(), value));
            }
        }
        let mut text: Vec<u8> = Vec::new();
        for (name, value) in &fields {
            text.extend_from_slice(name.as_bytes());
            text.push(b'=');
            text.extend_from_slice(value);
            text.push(b'&');
        }
        text.extend_from_slice(format!("key={}", self.merchant.partner_key().expose()).as_bytes());
        let xml = String::from_utf8(delivery.body().to_vec()).unwrap();
        let signed = format!(
            "appid={}&appkey={}&issubscribe={}&noncestr={}&openid={}&timestamp={}",
            element(&xml, "AppId"),
            self.merchant.pay_sign_key().expose(),
            element(&xml, "IsSubscribe"),
            element(&xml, "NonceStr"),
            element(&xml, "OpenId"),
            element(&xml, "TimeStamp"),
        );
        sign == hex::encode_upper(Md5::digest(text))
            && element(&xml, "AppSignature") == hex::encode(Sha1::digest(signed))
    }
}

/// Returns the text of an element, without CDATA.
pub fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    let (text, _) = rest.split_once(&format!("</{name}>")).unwrap();
    text.strip_prefix("<![CDATA[").and_then(|text| text.strip_suffix("]]>")).unwrap_or(text)
}

/// Returns a parameter of a notification's query, percent-decoded.
pub fn parameter(delivery: &Delivery, name: &str) -> Option<Vec<u8>> {
    let pairs = delivery.query().split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(given, _)| *given == name)?;
    Some(percent_encoding::percent_decode_str(value).collect())
}
