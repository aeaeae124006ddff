//! Validation of requests, and the headers of every reply.

use super::shop::{BASE, Shop, bare, parse_reply};
use serde_json::json;
use wxpay_proto::http::{Method, Request};

const CERTIFICATES: &str = "/v3/certificates";

#[test]
fn request_without_accept_or_user_agent_is_refused() {
    let mut shop = Shop::open();
    for missing in ["accept", "user-agent"] {
        let authorization = shop.authorization(Method::Get, CERTIFICATES, "");
        let mut request = Request::new(Method::Get, format!("{BASE}{CERTIFICATES}"), Vec::new())
            .with_header("authorization", authorization);
        for (name, value) in [("accept", "*/*"), ("user-agent", "shop")] {
            if name != missing {
                request = request.with_header(name, value);
            }
        }
        let reply = shop.send(&request);
        assert_eq!(reply.refusal(), (400, "INVALID_REQUEST", 268_435_461));
        assert_eq!(reply.body["message"], "Http头缺少Accept或User-Agent");
    }
}

/// Each request is invalid from one check onwards. Fixing that check reveals the next refusal.
#[test]
fn request_is_refused_by_the_first_failed_check() {
    let mut shop = Shop::open();
    let target = "/v3/nowhere?a=1";
    let message = |reply: super::shop::ParsedReply| reply.body["message"].as_str().unwrap().to_owned();
    let send = |shop: &mut Shop, header: &str| {
        shop.send(&bare(Method::Post, target, "{").with_header("authorization", header.to_owned()))
    };

    let malformed = send(&mut shop, "Basic eDp5");
    assert_eq!(malformed.refusal(), (401, "SIGN_ERROR", 268_443_699));
    assert_eq!(message(malformed), "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》");

    let valid = shop.authorization(Method::Post, target, "{");
    let old = valid.replace(&format!("timestamp=\"{}\"", shop.now.as_secs()), "timestamp=\"1000\"");
    let unknown_merchant = valid.replace(&format!("mchid=\"{}\"", shop.mchid()), "mchid=\"1\"");
    let unknown_serial = valid.replace(&shop.serial(), "00");
    assert!(message(send(&mut shop, &old)).contains("5分钟"));
    assert_eq!(send(&mut shop, &unknown_merchant).refusal().1, "MCH_NOT_EXISTS");
    assert!(message(send(&mut shop, &unknown_serial)).contains("序列号"));
    let other = shop.authorization(Method::Post, "/v3/nowhere?a=2", "{");
    assert_eq!(message(send(&mut shop, &other)), "错误的签名，验签失败");
    assert_eq!(send(&mut shop, &valid).refusal().0, 404);

    let reply = shop.call(Method::Delete, CERTIFICATES, "");
    assert_eq!(reply.refusal().0, 405);
    let reply = shop.post("/v3/pay/transactions/native?a=1", &json!({}));
    assert_eq!((reply.refusal(), reply.field()), ((400, "PARAM_ERROR", 270_924_358), "/query/a"));
    let reply = shop.call(Method::Post, "/v3/pay/transactions/native", "{");
    assert_eq!((reply.refusal().1, &reply.body["detail"]["location"]), ("PARAM_ERROR", &json!("body")));
}

#[test]
fn serial_no_is_case_insensitive() {
    let mut shop = Shop::open();
    let valid = shop.authorization(Method::Get, CERTIFICATES, "");
    let lowercase = valid.replace(&shop.serial(), &shop.serial().to_lowercase());
    assert_ne!(lowercase, valid);
    let reply = shop.send(&bare(Method::Get, CERTIFICATES, "").with_header("authorization", lowercase));
    assert_eq!(reply.status, 200);
}

#[test]
fn timestamp_may_be_off_by_at_most_five_minutes() {
    for (seconds, status) in [(300, 200), (301, 401)] {
        let mut shop = Shop::open();
        let request = shop.request(Method::Get, CERTIFICATES, "");
        shop.wait(seconds);
        assert_eq!(shop.send(&request).status, status);
    }
}

#[test]
fn signature_error_shows_the_expected_message() {
    let mut shop = Shop::open();
    let body = json!({ "text": "支付".repeat(60) }).to_string();
    let authorization = shop.authorization(Method::Post, "/v3/security/echo", "another body");
    let request = bare(Method::Post, "/v3/security/echo", &body).with_header("authorization", authorization);
    let detail = shop.send(&request).body["detail"].clone();
    assert_eq!(detail["field"], "signature");
    assert_eq!(detail["location"], "authorization");
    assert_eq!(detail["issue"], "sign not match");
    assert_eq!(detail["detail"]["issue"], "sign not match");
    let sign_information = &detail["sign_information"];
    assert_eq!(
        (&sign_information["method"], &sign_information["url"]),
        (&json!("POST"), &json!("/v3/security/echo"))
    );
    let prefix = format!("POST\n/v3/security/echo\n{}\nnonce1\n", shop.now.as_secs());
    assert_eq!(sign_information["sign_message_length"], prefix.len() + body.len() + 1);
    let message = sign_information["truncated_sign_message"].as_str().unwrap();
    assert!(message.starts_with(&prefix) && message.len() < prefix.len() + body.len(), "{message}");
}

#[test]
fn signature_covers_target_and_body_as_received() {
    let mut shop = Shop::open();
    shop.order("A-1_23*");
    let mchid = shop.mchid();
    for target in [
        format!("/v3/pay/transactions/out-trade-no/A%2D1%5F23*?mchid={mchid}"),
        format!("/v3/pay/transactions/out-trade-no/A-1_23%2a?mchid={mchid}"),
    ] {
        let reply = shop.get(&target);
        assert_eq!((reply.status, &reply.body["out_trade_no"]), (200, &json!("A-1_23*")));
    }
    let body = format!(
        "{{ \"mchid\" : \"{mchid}\", \"appid\":\"{}\", \"description\": \"\\u652f\\u4ed8\", \"out_trade_no\": \"B12345\",\n \
         \"notify_url\": \"https:\\/\\/shop.example\\/n\", \"amount\": {{\"total\": 1}}}}",
        shop.appid()
    );
    assert_eq!(shop.call(Method::Post, "/v3/pay/transactions/native", &body).status, 200);
    assert_eq!(shop.record("B12345").description, "支付");
}

#[test]
fn replies_have_the_headers_of_the_real_gateway() {
    let mut shop = Shop::open();
    let reply = shop.get(CERTIFICATES);
    for (name, value) in [
        ("server", "nginx"),
        ("keep-alive", "timeout=8"),
        ("cache-control", "no-cache, must-revalidate"),
        ("x-content-type-options", "nosniff"),
        ("content-language", "zh-CN"),
        ("content-type", "application/json; charset=utf-8"),
        ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048"),
    ] {
        assert_eq!(reply.headers[name], value);
    }
    assert_eq!(reply.result_code, 0);
    shop.order("A12345");
    let closed = shop.close("A12345");
    assert_eq!((closed.status, closed.result_code), (204, 0));
    assert!(!closed.headers.contains_key("content-type"));
}

#[test]
fn negative_test_header_makes_the_requested_reply_fault() {
    let mut shop = Shop::open();
    for (index, name) in [
        "bad-signature",
        "signtest-probe",
        "unknown-serial",
        "expired-timestamp",
        "missing-header",
        "tampered-body",
    ]
    .into_iter()
    .enumerate()
    {
        let number = format!("A1234{index}");
        let goods = shop.goods(&number);
        let request = shop.request(Method::Post, "/v3/pay/transactions/native", &goods.to_string());
        let reply = shop.reply(&request.with_header("wechatpay-negative-test", name));
        assert_eq!(reply.status(), 200);
        assert!(!shop.verifies_reply(&reply), "{name}");
        assert_eq!(shop.query(&number).body["trade_state"], "NOTPAY", "{name}: the order is still placed");
        let is_probe =
            reply.header("wechatpay-signature").is_some_and(|text| text.starts_with(b"WECHATPAY/SIGNTEST/"));
        assert_eq!(is_probe, name == "signtest-probe");
    }
    let request = shop.request(Method::Get, CERTIFICATES, "").with_header("wechatpay-negative-test", "x");
    assert_eq!(shop.send(&request).refusal().1, "PARAM_ERROR");
}

#[test]
fn tampered_204_has_an_unsigned_body() {
    let mut shop = Shop::open();
    shop.order("A12345");
    let body = json!({ "mchid": shop.mchid() }).to_string();
    let request = shop.request(Method::Post, "/v3/pay/transactions/out-trade-no/A12345/close", &body);
    let reply = shop.reply(&request.with_header("wechatpay-negative-test", "tampered-body"));
    assert!(!reply.body().is_empty() && !shop.verifies_reply(&reply));
}

#[test]
fn signature_probes_follow_their_setting() {
    let mut shop = Shop::with(|settings| settings.v3.probes_per_mille = 500);
    let (mut probe_count, mut genuine) = (0, 0);
    for _ in 0..100 {
        let request = shop.request(Method::Get, CERTIFICATES, "");
        let reply = shop.reply(&request);
        let signature = reply.header("wechatpay-signature").unwrap();
        if signature.starts_with(b"WECHATPAY/SIGNTEST/") {
            probe_count += 1;
            assert!(!shop.verifies_reply(&reply));
        } else {
            genuine += 1;
            assert!(shop.verifies_reply(&reply));
        }
    }
    assert!(probe_count > 25 && genuine > 25, "{probe_count} {genuine}");
}

#[test]
fn rate_limits_apply_when_enabled() {
    let mut shop = Shop::with(|settings| settings.v3.rate_limits = true);
    let goods = json!({ "bad": 1 });
    for _ in 0..33 {
        assert_eq!(shop.post("/v3/pay/transactions/codepay", &goods).status, 400);
    }
    assert_eq!(
        shop.post("/v3/pay/transactions/codepay", &goods).refusal(),
        (429, "RATELIMIT_EXCEEDED", 268_447_840)
    );
    shop.wait(1);
    assert_eq!(shop.post("/v3/pay/transactions/codepay", &goods).status, 400);
    let refund = json!({ "out_refund_no": "R1", "out_trade_no": "A12345",
        "amount": { "refund": 1, "total": 1, "currency": "CNY" } });
    let statuses: Vec<u16> =
        (0..7).map(|_| shop.post("/v3/refund/domestic/refunds", &refund).status).collect();
    assert_eq!(statuses, [404, 404, 404, 404, 404, 404, 429]);
}

#[test]
fn request_log_holds_no_headers_and_no_bodies() {
    let mut shop = Shop::open();
    shop.order("A12345");
    let reply = shop.query("B12345");
    let records: Vec<_> = shop.gateway.requests().cloned().collect();
    assert_eq!(records.len(), 2);
    assert_eq!(
        (records[0].operation, records[0].status, records[0].code.as_deref()),
        (Some("v3.pay.native"), 200, None)
    );
    assert_eq!((records[1].status, records[1].code.as_deref()), (404, Some("ORDER_NOT_EXIST")));
    assert_eq!((records[0].reason.as_deref(), records[1].reason.is_some()), (None, true));
    assert_eq!(records[1].request_id, reply.headers["request-id"]);
    assert_eq!(records[1].mchid, Some(shop.mchid()));
    assert!(!format!("{records:?}").contains("signature"));
}

#[test]
fn reply_to_an_unknown_merchant_is_signed_for_the_default_merchant() {
    let mut shop = Shop::open();
    let request = bare(Method::Get, CERTIFICATES, "");
    let reply = shop.reply(&request);
    assert!(shop.verifies_reply(&reply));
    assert_eq!(parse_reply(&reply).status, 401);
}
