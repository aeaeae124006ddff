//! Material of both benchmarks: an order to sign, notifications to verify, and the bytes under their signatures.

use core::net::Ipv4Addr;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use std::hint::black_box;
use wxpay_proto::{
    Fen, UnixTime,
    id::PrepayId,
    v1::{
        AppParams, AppSecret, Merchant, Order, Package, PartnerKey, PaySignKey, RawNotification,
        SignedPrepay,
        notification::strings_to_sign,
        signature::{sign_md5, sign_sha1},
    },
    wire::{charset::Charset, form},
};

const NONCE: &str = "e7d161ac8d8a76529d39d9f5b4249ccb";
const PARTNER_KEY: &str = "fedcba9876543210fedcba9876543210";

/// An order to sign three times.
pub(crate) struct SignBench {
    merchant: Merchant,
    order: Order,
    now: UnixTime,
    prepayid: PrepayId,
    /// The strings under the MD5 and both SHA-1 hashes.
    preimages: [Vec<u8>; 3],
}

impl SignBench {
    /// Creates a typical order: Chinese text, an attachment, an account.
    pub(crate) fn new(charset: Charset) -> Self {
        let me = merchant();
        let number = "7240b65810859cbf2a8d9f76a638c0a3".parse().unwrap();
        let url = "https://shop.example/wxpay/v1/notify".parse().unwrap();
        let order = Order::builder(number, Fen::new(1999), "千足金箍棒", url, Ipv4Addr::new(203, 0, 113, 7))
            .charset(charset)
            .attach("花果山分店")
            .traceid("account-7240")
            .build()
            .unwrap();
        let now = UnixTime::from_secs(1_399_514_976);
        let prepayid: PrepayId = "1101000000140429eb40476f8896f4c9".parse().unwrap();
        let prepay = SignedPrepay::sign(&me, &order, now, NONCE.into());
        let app_params = AppParams::sign(&me, prepayid.clone(), now, NONCE.into());
        let preimages = [
            Package::string_to_sign(&order, &me),
            prepay.string_to_sign(&me),
            app_params.string_to_sign(&me),
        ]
        .map(|string| string.expose().to_vec());
        Self { merchant: me, order, now, prepayid, preimages }
    }

    /// Returns the inputs of signing: two random texts and the prepayid.
    pub(crate) fn input(&self) -> ([String; 2], PrepayId) {
        ([NONCE.into(), NONCE.into()], self.prepayid.clone())
    }

    /// Signs the package by MD5, the call by SHA-1, and the app's parameters by SHA-1.
    pub(crate) fn sign(
        &self,
        ([one, other], prepayid): ([String; 2], PrepayId),
    ) -> (SignedPrepay, AppParams) {
        let prepay = SignedPrepay::sign(&self.merchant, black_box(&self.order), self.now, one);
        (prepay, AppParams::sign(&self.merchant, prepayid, self.now, other))
    }

    /// Computes only the hashes of the same bytes.
    pub(crate) fn hash(&self) -> ([u8; 16], [u8; 20], [u8; 20]) {
        let [package, call, app_params] = black_box(&self.preimages);
        (Md5::digest(package).into(), Sha1::digest(call).into(), Sha1::digest(app_params).into())
    }
}

/// A notification to verify.
pub(crate) struct VerifyBench {
    merchant: Merchant,
    query: Vec<u8>,
    body: Vec<u8>,
    /// The strings under the MD5 and the SHA-1 hash.
    preimages: [Vec<u8>; 2],
}

impl VerifyBench {
    /// Creates a notification of the gateway's layout: seventeen parameters, and 352 bytes of XML.
    pub(crate) fn plain() -> Self {
        Self::new(&[("input_charset", "UTF-8"), ("product_fee", "1")], Charset::Utf8)
    }

    /// Creates the same notification with an attached text in GBK.
    pub(crate) fn gbk() -> Self {
        Self::new(
            &[("input_charset", "GBK"), ("product_fee", "1"), ("attach", "花果山水帘洞分店")],
            Charset::Gbk,
        )
    }

    fn new(extra: &[(&str, &str)], charset: Charset) -> Self {
        let me = merchant();
        let query = query(extra, charset);
        let body = body();
        let preimages = strings_to_sign(&me, &RawNotification::new("POST", &query, &body))
            .unwrap()
            .map(|string| string.expose().to_vec());
        let bench = Self { merchant: me, query, body, preimages };
        assert!(bench.verify_notification());
        bench
    }

    /// Verifies both signatures and parses all fields.
    pub(crate) fn verify_notification(&self) -> bool {
        let received = RawNotification::new("POST", black_box(&self.query), black_box(&self.body));
        black_box(self.merchant.verify_notification(&received)).is_ok()
    }

    /// Computes only the hashes of the same bytes.
    pub(crate) fn hash(&self) -> ([u8; 16], [u8; 20]) {
        let [query, body] = black_box(&self.preimages);
        (Md5::digest(query).into(), Sha1::digest(body).into())
    }
}

fn merchant() -> Merchant {
    Merchant::builder(
        "wxd930ea5d5a258f4f".parse().unwrap(),
        AppSecret::new("0123456789abcdef".repeat(2)).unwrap(),
        pay_sign_key(),
        "1900000109".parse().unwrap(),
        PartnerKey::new(PARTNER_KEY.into()).unwrap(),
    )
    .build()
}

fn pay_sign_key() -> PaySignKey {
    PaySignKey::new("0123456789abcdef".repeat(8)).unwrap()
}

fn query(extra: &[(&str, &str)], charset: Charset) -> Vec<u8> {
    let notify_id = "Zx81pQ-_".repeat(12);
    let mut fields = vec![
        ("bank_billno", "201405089314159"),
        ("bank_type", "2032"),
        ("discount", "0"),
        ("fee_type", "1"),
        ("notify_id", notify_id.as_str()),
        ("out_trade_no", "7240b65810859cbf2a8d9f76a638c0a3"),
        ("partner", "1900000109"),
        ("sign_type", "MD5"),
        ("time_end", "20140508101000"),
        ("total_fee", "1999"),
        ("trade_mode", "1"),
        ("trade_state", "0"),
        ("transaction_id", "1900000109201405083141592653"),
        ("transport_fee", "0"),
    ];
    fields.extend_from_slice(extra);
    let (sign, _) = sign_md5(&fields, charset, &PartnerKey::new(PARTNER_KEY.into()).unwrap()).unwrap();
    fields.push(("sign", sign.as_str()));
    fields.sort_unstable();
    let mut query = String::new();
    for (name, value) in fields {
        query.push_str(name);
        query.push('=');
        form::escape(&charset.encode(value).unwrap(), &mut query);
        query.push('&');
    }
    query.pop();
    query.into_bytes()
}

fn body() -> Vec<u8> {
    const OPENID: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";
    let (sign, _) = sign_sha1(
        &[
            ("openid", OPENID),
            ("appid", "wxd930ea5d5a258f4f"),
            ("issubscribe", "0"),
            ("timestamp", "1399515004"),
            ("noncestr", "y1PWO9ceLfVBvmsG"),
        ],
        &pay_sign_key(),
    );
    let body = format!(
        "<xml><OpenId><![CDATA[{OPENID}]]></OpenId>\n\
         <AppId><![CDATA[wxd930ea5d5a258f4f]]></AppId>\n\
         <IsSubscribe>0</IsSubscribe>\n\
         <TimeStamp>1399515004</TimeStamp>\n\
         <NonceStr><![CDATA[y1PWO9ceLfVBvmsG]]></NonceStr>\n\
         <AppSignature><![CDATA[{sign}]]></AppSignature>\n\
         <SignMethod><![CDATA[sha1]]></SignMethod>\n\
         </xml>"
    );
    assert_eq!(body.len(), 352);
    body.into_bytes()
}
