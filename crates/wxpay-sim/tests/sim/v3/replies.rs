//! Replies as the real gateway sends them: compression, files, and the members of public replies.

use super::shop::{Shop, parse_reply};
use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::json;
use std::io::Read as _;
use wxpay_proto::http::{Method, Response};
use wxpay_sim::{merchant::KeyMode, settings::NoCertificateMessage};

const CERTIFICATES: &str = "/v3/certificates";

fn decoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let length = match encoding {
        "gzip" => GzDecoder::new(body).read_to_end(&mut decoded),
        "deflate" => ZlibDecoder::new(body).read_to_end(&mut decoded),
        _ => panic!("unknown encoding {encoding}"),
    };
    assert!(length.unwrap() > 0);
    decoded
}

/// Returns the reply with its body decoded, as an HTTP client does.
pub(super) fn decode(reply: &Response) -> (Option<String>, Response) {
    let encoding = reply.header("content-encoding").map(|name| String::from_utf8(name.to_vec()).unwrap());
    let body = encoding.as_deref().map_or_else(|| reply.body().to_vec(), |name| decoded(name, reply.body()));
    let headers = reply.headers();
    let plain = headers
        .fold(Response::new(reply.status(), body), |plain, (name, value)| plain.with_header(name, value));
    (encoding, plain)
}

/// v3.md 17.5: `Content-Encoding: deflate` was seen; the signature is over the decoded body.
#[test]
fn reply_is_compressed_as_offered_and_signed_over_the_decoded_body() {
    let mut shop = Shop::open();
    for (offer, expected) in [
        ("gzip, deflate", Some("deflate")),
        ("gzip, deflate, br", Some("deflate")),
        ("deflate", Some("deflate")),
        ("gzip", Some("gzip")),
        ("gzip;q=1.0, deflate;q=0", Some("gzip")),
        ("identity", None),
        ("br", None),
    ] {
        let request = shop.request(Method::Get, CERTIFICATES, "").with_header("accept-encoding", offer);
        let reply = shop.reply(&request);
        let (encoding, plain) = decode(&reply);
        assert_eq!(encoding.as_deref(), expected, "{offer}");
        assert!(shop.verifies_reply(&plain), "{offer}");
        assert_eq!(shop.verifies_reply(&reply), expected.is_none(), "{offer}");
    }
    let request = shop.request(Method::Get, CERTIFICATES, "");
    assert_eq!(decode(&shop.reply(&request)).0, None, "nothing is offered");
    shop.gateway.settings_mut().v3.compression = false;
    let request = shop.request(Method::Get, CERTIFICATES, "").with_header("accept-encoding", "gzip, deflate");
    assert_eq!(decode(&shop.reply(&request)).0, None);
}

#[test]
fn refusals_are_compressed_and_replies_without_a_body_are_not() {
    let mut shop = Shop::open();
    let request =
        shop.request(Method::Post, "/v3/pay/transactions/native", "{").with_header("accept-encoding", "gzip");
    let (encoding, plain) = decode(&shop.reply(&request));
    assert_eq!((encoding.as_deref(), parse_reply(&plain).code()), (Some("gzip"), "PARAM_ERROR"));
    shop.order("A12345");
    let body = json!({ "mchid": shop.mchid() }).to_string();
    let target = "/v3/pay/transactions/out-trade-no/A12345/close";
    let request = shop.request(Method::Post, target, &body).with_header("accept-encoding", "gzip");
    let reply = shop.reply(&request);
    assert_eq!((reply.status(), decode(&reply).0), (204, None));
    assert!(shop.verifies_reply(&reply));
}

/// v3.md 17.7: wechatpay-java#306 (证书不存在), jeequan/jeepay#73 (无可用的平台证书); 403 after the certificates were voided.
#[test]
fn certificates_of_a_merchant_without_any_are_refused_in_three_ways() {
    let mut shop = Shop::open();
    let mchid = shop.merchant.mchid().clone();
    shop.gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(KeyMode::PublicKey);
    let guide = r#"{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。可查看指引https://pay.weixin.qq.com/docs/merchant/products/platform-certificate/wxp-pub-key-guide.html"}"#;
    for (message, expected) in [
        (NoCertificateMessage::UsePublicKey, guide),
        (NoCertificateMessage::NotFound, r#"{"code":"RESOURCE_NOT_EXISTS","message":"证书不存在"}"#),
    ] {
        shop.gateway.settings_mut().v3.no_certificate_message = message;
        let request = shop.request(Method::Get, CERTIFICATES, "");
        let reply = shop.reply(&request);
        assert_eq!((reply.status(), str::from_utf8(reply.body()).unwrap()), (404, expected));
    }
    let platform = shop.gateway.merchant_mut(&mchid).unwrap().platform_mut();
    platform.set_mode(KeyMode::Obtained);
    platform.start_switch(shop.now).unwrap();
    shop.wait(7 * 86_400);
    let now = shop.now;
    shop.gateway.merchant_mut(&mchid).unwrap().platform_mut().void_certificates(now).unwrap();
    let reply = shop.get(CERTIFICATES);
    assert_eq!((reply.refusal(), reply.body.get("data")), ((403, "NO_AUTH", 268_435_461), None));
}

/// go-pay/gopay#398: 200 fen refunded return a fee of 1 fen, `from` is an empty list.
#[test]
fn refund_reply_has_the_members_of_the_public_one() {
    let mut shop = Shop::open();
    let goods = shop.goods_with("36769388899602433", &json!({ "amount": { "total": 200 } }));
    shop.post("/v3/pay/transactions/native", &goods);
    shop.pay("36769388899602433");
    let refund = json!({ "out_trade_no": "36769388899602433", "out_refund_no": "36769388899602434",
        "funds_account": "AVAILABLE", "amount": { "refund": 200, "total": 200, "currency": "CNY" } });
    let mut body = shop.post("/v3/refund/domestic/refunds", &refund).body;
    // Numbers, time and bank of that payer.
    for (name, value) in [
        ("create_time", "2024-06-11T10:16:44+08:00"),
        ("refund_id", "50310010152024061103641176773"),
        ("transaction_id", "4200002311202406113875557670"),
        ("user_received_account", "建设银行借记卡5275"),
    ] {
        assert!(body[name].is_string());
        body[name] = value.into();
    }
    let public = r#"{"amount":{"currency":"CNY","discount_refund":0,"from":[],"payer_refund":200,"payer_total":200,"refund":200,"refund_fee":1,"settlement_refund":200,"settlement_total":200,"total":200},"channel":"ORIGINAL","create_time":"2024-06-11T10:16:44+08:00","funds_account":"AVAILABLE","out_refund_no":"36769388899602434","out_trade_no":"36769388899602433","promotion_detail":[],"refund_id":"50310010152024061103641176773","status":"PROCESSING","transaction_id":"4200002311202406113875557670","user_received_account":"建设银行借记卡5275"}"#;
    assert_eq!(body.to_string(), public);
}

#[test]
fn fees_of_partial_refunds_add_up_to_the_fee_of_the_payment() {
    let mut shop = Shop::open();
    shop.order("A12345");
    shop.pay("A12345");
    let mut fees = Vec::new();
    for (number, fen) in [("R1", 333), ("R2", 333), ("R3", 333), ("R4", 1000)] {
        let refund = json!({ "out_trade_no": "A12345", "out_refund_no": number,
            "amount": { "refund": fen, "total": 1999, "currency": "CNY" } });
        fees.push(
            shop.post("/v3/refund/domestic/refunds", &refund).body["amount"]["refund_fee"].as_u64().unwrap(),
        );
    }
    // 0.6 % of 19.99 yuan.
    assert_eq!(fees.iter().sum::<u64>(), 12);
    let again = shop.get("/v3/refund/domestic/refunds/R2").body;
    assert_eq!(again["amount"]["refund_fee"], fees[1]);
}

/// v3.md 17.12 and 17.14: no null anywhere; `attach` comes back only once paid; empty texts stand for what is absent.
#[test]
fn unpaid_and_paid_queries_have_the_members_of_public_replies() {
    let mut shop = Shop::open();
    let goods = shop.goods_with("A12345", &json!({ "attach": "a" }));
    shop.post("/v3/pay/transactions/native", &goods);
    let unpaid = shop.query("A12345").body;
    for absent in ["attach", "payer", "bank_type", "success_time", "transaction_id", "trade_type"] {
        assert_eq!(unpaid.get(absent), None, "{absent}");
    }
    assert_eq!(unpaid["amount"], json!({ "payer_currency": "CNY", "total": 1999 }));
    assert_eq!(unpaid["scene_info"], json!({ "device_id": "" }));
    shop.pay("A12345");
    let paid = shop.query("A12345").body;
    assert_eq!((&paid["attach"], &paid["amount"]["currency"]), (&json!("a"), &json!("CNY")));
    shop.order("B12345");
    shop.pay("B12345");
    assert_eq!(shop.query("B12345").body["attach"], "");
    for body in [unpaid, paid] {
        assert!(!body.to_string().contains("null"), "{body}");
    }
}

/// v3.md 17.8
#[test]
fn public_key_named_before_the_switch_gets_a_reply_signed_by_the_certificate() {
    let mut shop = Shop::open();
    let (key, certificate) = (shop.public_key_id(), shop.platform_serial());
    shop.wechatpay_serial = Some(key.clone());
    let mchid = shop.merchant.mchid().clone();
    for (is_switching, expected) in [(false, &certificate), (true, &key)] {
        let now = shop.now;
        let platform = shop.gateway.merchant_mut(&mchid).unwrap().platform_mut();
        platform.set_mode(KeyMode::Obtained);
        if is_switching {
            platform.start_switch(now).unwrap();
        }
        assert_eq!(shop.get(CERTIFICATES).headers["wechatpay-serial"], *expected);
    }
}

/// v3.md 17.10: both forms of the message are accepted for receipts, one elsewhere.
#[test]
fn receipt_download_accepts_a_message_without_its_last_line_feed() {
    let mut shop = Shop::open();
    for (target, status) in [("/v3/transferdownload/signfile?token=t", 400), (CERTIFICATES, 401)] {
        let (timestamp, serial, mchid) = (shop.now.as_secs(), shop.serial(), shop.mchid());
        let signature = shop.sign(&format!("GET\n{target}\n{timestamp}\nn\n"));
        let authorization = format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{mchid}\",nonce_str=\"n\",signature=\"{signature}\",timestamp=\"{timestamp}\",serial_no=\"{serial}\""
        );
        let request = super::shop::bare(Method::Get, target, "").with_header("authorization", authorization);
        assert_eq!(shop.reply(&request).status(), status, "{target}");
    }
}

/// `WxJava` PR#4054: a signed 202 whose body is the transaction is the default.
#[test]
fn user_paying_is_a_signed_202_with_the_transaction() {
    let mut shop = Shop::open();
    let mut payment = shop.goods_with(
        "A12345",
        &json!({ "payer": { "auth_code": "130000000000000002" },
        "scene_info": { "store_info": { "id": "1" } } }),
    );
    payment.as_object_mut().unwrap().remove("notify_url");
    let reply = shop.post("/v3/pay/transactions/codepay", &payment);
    assert_eq!((reply.status, reply.result_code), (202, 0));
    let expected = json!({
        "amount": { "payer_currency": "CNY", "total": 1999 }, "appid": shop.appid(), "mchid": shop.mchid(),
        "out_trade_no": "A12345", "promotion_detail": [], "scene_info": { "device_id": "" },
        "trade_state": "USERPAYING", "trade_state_desc": reply.body["trade_state_desc"], "trade_type": "MICROPAY",
    });
    assert_eq!(reply.body, expected);
}
