//! APIv1 against the published values, recomputed stage by stage: the string to sign, then the signature, then the
//! message.
//!
//! Most values are read from `../shared/vectors/v1.json` next to the checkout. Without this file their tests are ignored.

use core::net::Ipv4Addr;
use serde_json::Value;
use wxpay_proto::{
    Fen, UnixTime,
    v1::{
        AppParams, AppSecret, DeliveryReport, Merchant, Order, Package, PartnerKey, PaySignKey,
        RawNotification, SignedDelivery, SignedPrepay, SignedQuery, notification, signature,
    },
    wire::{charset::Charset, form::Form},
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/v1.json");

fn file() -> Value {
    let text = std::fs::read(FILE).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    serde_json::from_slice(&text).unwrap()
}

struct Case<'a>(&'a Value);

impl<'a> Case<'a> {
    fn text(&self, name: &str) -> &'a str {
        self.0[name].as_str().unwrap_or_default()
    }

    fn fields(&self) -> Vec<(&'a str, &'a str)> {
        let params = self.0["inputs"]["params"].as_object().unwrap();
        params.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
    }

    fn charset(&self) -> Charset {
        Charset::from_name(self.0["inputs"]["charset"].as_str().unwrap_or("UTF-8").as_bytes()).unwrap()
    }

    fn partner_key(&self) -> PartnerKey {
        PartnerKey::new(self.0["inputs"]["key"].as_str().unwrap().to_owned()).unwrap()
    }

    fn pay_sign_key(&self) -> PaySignKey {
        PaySignKey::new(self.0["inputs"]["params"]["appkey"].as_str().unwrap().to_owned()).unwrap()
    }

    /// Computes the string to sign, decoded, and the signature or the package.
    fn compute(&self) -> (String, String) {
        let decode =
            |string: signature::StringToSign| self.charset().decode(string.expose()).unwrap().into_owned();
        match self.text("kind") {
            "md5" | "md5-negative" => {
                let (sign, string) =
                    signature::sign_md5(&self.fields(), self.charset(), &self.partner_key()).unwrap();
                (decode(string), sign.to_string())
            }
            "package_string" => {
                let package =
                    Package::from_fields(&self.fields(), self.charset(), &self.partner_key()).unwrap();
                let (_, string) =
                    signature::sign_md5(&self.fields(), self.charset(), &self.partner_key()).unwrap();
                (decode(string), package.as_str().to_owned())
            }
            "sha1" => {
                let (sign, string) = signature::sign_sha1(&self.fields(), &self.pay_sign_key());
                (decode(string), sign.to_string())
            }
            other => panic!("unknown kind: {other}"),
        }
    }
}

/// Converts percent-encoded bytes to upper case: both cases are valid and mean the same.
fn with_upper_escapes(package: &str) -> String {
    let mut pieces = package.split('%');
    let first = pieces.next().unwrap().to_owned();
    pieces.fold(first, |text, piece| {
        let (escape, rest) = piece.split_at(2);
        text + "%" + &escape.to_ascii_uppercase() + rest
    })
}

#[test]
#[cfg_attr(not(published_values), ignore = "needs ../shared/vectors")]
fn published_values_are_reproduced_exactly_if_they_are_valid() {
    let file = file();
    let (mut reproduced, mut rejected, mut withheld, mut out_of_scope, mut ambiguous) = (0, 0, 0, 0, 0);
    for case in file["vectors"].as_array().unwrap().iter().map(Case) {
        let name = case.text("name");
        if !case.0["inputs"].is_object() {
            // Data of real merchants: the key, or all of the input, was not published.
            withheld += 1;
            continue;
        }
        if case.text("kind") == "md5-fixed-order" {
            // A bill of the older gateway, which is out of scope.
            out_of_scope += 1;
            continue;
        }
        if case.text("kind") == "package_string" && case.fields().iter().any(|(_, value)| value.contains('&'))
        {
            // A `&` in a value: the string to sign has a second reading, so no such package is built.
            assert!(Package::from_fields(&case.fields(), case.charset(), &case.partner_key()).is_err());
            ambiguous += 1;
            continue;
        }
        let (string, result) = case.compute();
        if !case.text("string_to_sign").is_empty() {
            assert_eq!(string, case.text("string_to_sign"), "{name}: the string to sign");
        }
        assert_eq!(result, with_upper_escapes(case.text("computed")), "{name}: the result");
        match case.0["verified"].as_bool() {
            Some(true) => {
                assert_eq!(result, with_upper_escapes(case.text("expected")), "{name}");
                reproduced += 1;
            }
            Some(false) => {
                assert_ne!(result, case.text("expected"), "{name}");
                rejected += 1;
            }
            None => panic!("{name}: `verified` is required for a value with inputs"),
        }
    }
    assert_eq!((reproduced, rejected, withheld, out_of_scope, ambiguous), (44, 12, 11, 1, 1));
}

#[test]
#[cfg_attr(not(published_values), ignore = "needs ../shared/vectors")]
fn package_signature_depends_on_the_charset() {
    let file = file();
    let find =
        |name: &str| file["vectors"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
    let as_gbk = Case(find("package-md5-gbk-official-java-demo"));
    let as_utf8 = Case(find("package-md5-gbk-official-java-demo-WRONG-as-utf8"));
    assert_eq!(as_gbk.fields(), as_utf8.fields());
    assert_ne!(as_gbk.compute().1, as_utf8.compute().1);
}

/// Returns the demo merchant of the documents.
fn demo_merchant(pay_sign_key: &str, partner_key: &str) -> Merchant {
    let merchant = Merchant::builder(
        "wxd930ea5d5a258f4f".parse().unwrap(),
        AppSecret::new("0".repeat(32)).unwrap(),
        PaySignKey::new(pay_sign_key.to_owned()).unwrap(),
        "1900000109".parse().unwrap(),
        PartnerKey::new(partner_key.to_owned()).unwrap(),
    );
    merchant.build()
}

/// Returns the demo merchant with the keys in the file.
fn merchant_of(file: &Value) -> Merchant {
    let key = |name: &str| file["keys"][name].as_str().unwrap();
    demo_merchant(key("paysignkey_wxd930ea5d5a258f4f"), key("partner_key_demo"))
}

fn expected(file: &Value, name: &str) -> String {
    let cases = file["vectors"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"] == name).unwrap();
    case["expected"].as_str().unwrap().to_owned()
}

fn input<'a>(file: &'a Value, name: &str, input: &str) -> &'a str {
    let cases = file["vectors"].as_array().unwrap();
    cases.iter().find(|case| case["name"] == name).unwrap()["inputs"][input].as_str().unwrap()
}

const NUMBER: &str = "7240b65810859cbf2a8d9f76a638c0a3";
const NONCE: &str = "e7d161ac8d8a76529d39d9f5b4249ccb";

/// The order of the App payment document, with the demo's keys. The signature is that of the tests of two libraries of
/// 2014 (such as chanxuehong/wechat, `mp/pay/pay2/signature_test.go`); the one printed in the document is a mistake.
#[test]
fn order_of_the_app_document_has_its_package_and_signature() {
    let pay_sign_key = concat!(
        "L8LrMqqeGRxST5reouB0K66CaYAWpqhAVsq7ggKkxHCOastWksvuX1uvmvQclxaH",
        "oYd3ElNBrNO2DHnnzgfVG9Qs473M3DTOZug5er46FhuGofumV8H2FVR9qkjSlC5K",
    );
    let merchant = demo_merchant(pay_sign_key, "8934e7d15453e97507ef794cf7b0519d");
    let url = "http://weixin.qq.com".parse().unwrap();
    let order =
        Order::builder(NUMBER.parse().unwrap(), Fen::new(1), "支付测试", url, Ipv4Addr::new(196, 168, 1, 1))
            .traceid("test_1399514976")
            .build()
            .unwrap();
    let prepay = SignedPrepay::sign(&merchant, &order, UnixTime::from_secs(1_399_514_976), NONCE.into());
    assert_eq!(
        prepay.package(),
        "bank_type=WX&body=%E6%94%AF%E4%BB%98%E6%B5%8B%E8%AF%95&fee_type=1&input_charset=UTF-8\
         &notify_url=http%3A%2F%2Fweixin.qq.com&out_trade_no=7240b65810859cbf2a8d9f76a638c0a3&partner=1900000109\
         &spbill_create_ip=196.168.1.1&total_fee=1&sign=7F77B507B755B3262884291517E380F8"
    );
    assert_eq!(prepay.app_signature().as_str(), "8893870b9004ead28691b60db97a8d2c80dbfdc6");
}

#[test]
#[cfg_attr(not(published_values), ignore = "needs ../shared/vectors")]
fn typed_messages_have_the_published_signatures() {
    let file = file();
    let merchant = merchant_of(&file);
    let (number, at) = (NUMBER.parse().unwrap(), UnixTime::from_secs);

    let prepayid = "1101000000140429eb40476f8896f4c9".parse().unwrap();
    let params = AppParams::sign(&merchant, prepayid, at(1_399_514_976), NONCE.into());
    assert_eq!(params.sign.as_str(), expected(&file, "derived-app-second-sign-WXPay"));

    let query = SignedQuery::sign(&merchant, &number, at(1_399_514_999));
    assert_eq!(query.package(), expected(&file, "derived-orderquery-package"));
    assert_eq!(query.app_signature().as_str(), expected(&file, "derived-orderquery-app_signature"));

    let payer = "oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap();
    let delivery = DeliveryReport::succeeded(payer, "1900000109201405083141592653".parse().unwrap(), number);
    let succeeded = SignedDelivery::sign(&merchant, &delivery, at(1_399_518_576));
    assert_eq!(succeeded.app_signature().as_str(), expected(&file, "derived-delivernotify-app_signature"));
    let failed =
        SignedDelivery::sign(&merchant, &delivery.failed("该商品已退款").unwrap(), at(1_399_518_576));
    assert_eq!(
        failed.app_signature().as_str(),
        expected(&file, "derived-delivernotify-app_signature-utf8-msg")
    );
}

#[test]
#[cfg_attr(not(published_values), ignore = "needs ../shared/vectors")]
fn published_notifications_verify_unless_a_value_has_an_ampersand() {
    let file = file();
    let merchant = merchant_of(&file);
    let body = input(&file, "derived-notify-xml", "xml");
    assert_eq!(body.len(), 352);
    for (name, rejected) in [
        ("derived-notify-query", None),
        ("derived-notify-query-attach-GBK", Some("attach must have no &")),
        ("derived-notify-query-attach-UTF-8", Some("attach must have no &")),
    ] {
        let query = input(&file, name, "query_string");
        let form = Form::parse(query.as_bytes()).unwrap();
        assert_eq!(form.value("sign").unwrap(), expected(&file, name).as_bytes(), "{name}");
        let raw = RawNotification::new("POST", query.as_bytes(), body.as_bytes());
        let [query_string, _] = notification::strings_to_sign(&merchant, &raw).unwrap();
        assert!(query_string.to_string().ends_with("&key=[secret]"));
        match (merchant.verify_notification(&raw), rejected) {
            (Ok(notification), None) => assert_eq!(
                (notification.out_trade_no().as_str(), notification.total_fee(), notification.attach()),
                (NUMBER, Fen::new(1), None),
            ),
            (Err(error), Some(rule)) => assert!(error.to_string().starts_with(rule), "{name}: {error}"),
            (result, _) => panic!("{name}: {result:?}"),
        }
    }
}
