//! The four APIv1 operations: replies, order of the checks, and the settings that affect them.
use crate::support::{Shop, app_signed, package_of, token_url};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_proto::http::Request;
use wxpay_sim::{
    App, Settings,
    credentials::Permission,
    gateway::{OrderRef, PayError, Payer},
    ledger::TradeState,
    settings::{
        BadSignatureCode, Era, ExpiredTokenCode, LeakedKey, PlusSign, ReusedOrderNumber, V1, WrongSecretCode,
    },
    warnings::Kind,
};

fn with(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings);
    settings
}

fn code(reply: &Value) -> i64 {
    reply["errcode"].as_i64().unwrap_or_else(|| panic!("{reply}"))
}

#[test]
fn token_has_64_characters_and_no_errcode() {
    let mut shop = Shop::open(Settings::default());
    let reply = shop.token_reply();
    assert_eq!(reply["expires_in"], 7200);
    assert!(reply.get("errcode").is_none());
    let token = reply["access_token"].as_str().unwrap();
    assert_eq!(token.len(), 64);
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
}

#[test]
fn token_request_is_refused_by_its_first_failing_check() {
    let mut shop = Shop::open(with(|settings| settings.v1.token_daily_quota = Some(1)));
    let (appid, secret) = (shop.merchant.appid().to_string(), shop.merchant.app_secret().expose().clone());
    let cases = [
        (Request::post(token_url("x", "", ""), "", Vec::new()), 43001),
        (Request::get(token_url("x", "", "")), 41002),
        (Request::get(token_url("x", "wx0", "")), 41004),
        (Request::get(token_url("client_credentials", "wx0", "s")), 40002),
        (Request::get(token_url("client_credential", "wx0", "s")), 40013),
        (Request::get(token_url("client_credential", &appid, "s")), 40001),
        (Request::get(token_url("client_credential", &appid, &secret)), 45009),
    ];
    for (request, expected) in cases {
        assert_eq!(code(&shop.json_reply(&request)), expected);
    }
    shop.wait(86_400);
    assert!(shop.token_reply().get("access_token").is_some());
}

#[test]
fn wrong_secret_errcode_follows_the_setting() {
    for (setting, expected) in [(WrongSecretCode::Invalid40001, 40001), (WrongSecretCode::Secret40125, 40125)]
    {
        let mut shop = Shop::open(with(|settings| settings.v1.wrong_secret_code = setting));
        let url = token_url("client_credential", shop.merchant.appid().as_str(), "s");
        assert_eq!(code(&shop.json_reply(&Request::get(url))), expected);
    }
}

#[test]
fn token_quota_follows_the_setting() {
    let mut shop = Shop::open(Settings::default());
    for _ in 1..200 {
        shop.fetch_token();
    }
    let reply = shop.token_reply();
    assert_eq!(reply, json!({ "errcode": 45009, "errmsg": "reach max api daily quota limit" }));
    let mut later = Shop::open(with(|settings| settings.v1 = V1::of(Era::Y2016)));
    for _ in 1..2000 {
        later.fetch_token();
    }
    assert_eq!(code(&later.token_reply()), 45009);
    let mut unlimited = Shop::open(with(|settings| settings.v1.token_daily_quota = None));
    for _ in 0..2100 {
        unlimited.fetch_token();
    }
}

#[test]
fn replaced_token_is_invalid_at_once_or_after_the_overlap() {
    for (settings, seconds) in
        [(Settings::default(), 0), (with(|settings| settings.v1 = V1::of(Era::Y2016)), 300)]
    {
        let mut shop = Shop::open(settings);
        let old = shop.token.clone();
        let new = shop.fetch_token();
        shop.token = old.clone();
        let body = shop.query_body("A1");
        if seconds > 0 {
            shop.wait(seconds - 1);
            assert_eq!(shop.errcode("/pay/orderquery", &body), 0);
            shop.wait(1);
        }
        assert_eq!(shop.errcode("/pay/orderquery", &body), 40001);
        shop.token = new;
        assert_eq!(shop.errcode("/pay/orderquery", &body), 0);
    }
}

#[test]
fn expired_token_errcode_follows_the_setting() {
    for (setting, expected) in
        [(ExpiredTokenCode::Expired42001, 42001), (ExpiredTokenCode::Invalid40001, 40001)]
    {
        let mut shop = Shop::open(with(|settings| {
            settings.v1.expired_token_code = setting;
            settings.v1.token_ttl = Duration::from_secs(60);
        }));
        let body = shop.query_body("A1");
        shop.wait(59);
        assert_eq!(shop.errcode("/pay/orderquery", &body), 0);
        shop.wait(1);
        assert_eq!(shop.errcode("/pay/orderquery", &body), expected);
    }
}

/// Each request fails every check from one point on. Correcting the first failure reveals the code of the next check.
#[test]
fn call_is_refused_by_its_first_failing_check() {
    for (path, bad_signature) in
        [("/pay/genprepay", 268_500_741), ("/pay/orderquery", 49004), ("/pay/delivernotify", 49004)]
    {
        let mut shop = Shop::open(with(|settings| settings.v1.require_https = true));
        let token = shop.token.clone();
        let bare = |scheme: &str| format!("{scheme}://api.weixin.qq.com{path}");
        let with_token = |token: &str| format!("https://api.weixin.qq.com{path}?access_token={token}");
        let post = |url: String, body: &str| Request::post(url, "", body.as_bytes().to_vec());
        let own_body =
            json!({ "appid": shop.merchant.appid().as_str(), "package": "p", "app_signature": "x" })
                .to_string();
        let other_app = json!({ "appid": "wx0000000000000000" }).to_string();

        let errcode = |shop: &mut Shop, request: &Request| code(&shop.json_reply(request));
        assert_eq!(errcode(&mut shop, &Request::get(bare("http"))), 43002);
        assert_eq!(errcode(&mut shop, &post(bare("http"), "")), 43003);
        assert_eq!(errcode(&mut shop, &post(bare("https"), "")), 41001);
        assert_eq!(errcode(&mut shop, &post(with_token("garbage"), "")), 40014);
        shop.now = shop.now.after(Duration::from_secs(7200));
        assert_eq!(errcode(&mut shop, &post(with_token(&token), "")), 42001);
        let token = shop.fetch_token();
        assert_eq!(errcode(&mut shop, &post(with_token(&token), "")), 44002);
        for (permission, expected) in [(Permission::NotApproved, 48001), (Permission::NoPayment, 43008)] {
            shop.gateway.register(App::new(shop.merchant.clone()).with_permission(permission));
            let token = shop.fetch_token();
            assert_eq!(errcode(&mut shop, &post(with_token(&token), "{")), 47001);
            assert_eq!(errcode(&mut shop, &post(with_token(&token), &other_app)), expected);
        }
        shop.gateway.register(App::new(shop.merchant.clone()));
        let token = shop.fetch_token();
        assert_eq!(errcode(&mut shop, &post(with_token(&token), &other_app)), 49001);
        assert_eq!(errcode(&mut shop, &post(with_token(&token), &own_body)), bad_signature);
    }
}

#[test]
fn genprepay_reply_begins_with_prepayid() {
    let mut shop = Shop::open(Settings::default());
    let body = shop.prepay_body(&shop.goods("A1"));
    let reply = String::from_utf8(shop.reply(&shop.request("/pay/genprepay", &body))).unwrap();
    let members: Value = serde_json::from_str(&reply).unwrap();
    let prepayid = members["prepayid"].as_str().unwrap();
    assert_eq!(reply, format!(r#"{{"prepayid":"{prepayid}","errcode":0,"errmsg":"Success"}}"#));
    assert_eq!(prepayid.len(), 32);
    // Ten digits, then the day in GMT+8.
    let unique = prepayid.strip_prefix("1101000000140508").unwrap();
    assert!(unique.bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
}

#[test]
fn genprepay_signature_errcode_follows_the_setting() {
    for (setting, expected) in
        [(BadSignatureCode::Long268500741, 268_500_741), (BadSignatureCode::Short49004, 49004)]
    {
        let mut shop = Shop::open(with(|settings| settings.v1.bad_signature_code = setting));
        let valid = shop.prepay_body(&shop.goods("A1"));
        for (member, value) in [
            ("noncestr", json!("other")),
            ("timestamp", json!(1)),
            ("traceid", json!("other")),
            ("traceid", json!("")),
            ("package", json!("other")),
            ("app_signature", json!("0000000000000000000000000000000000000000")),
        ] {
            let mut body = valid.clone();
            body[member] = value;
            assert_eq!(shop.errcode("/pay/genprepay", &body), expected, "{member}");
        }
        let mut upper = valid.clone();
        upper["app_signature"] = valid["app_signature"].as_str().unwrap().to_uppercase().into();
        assert_eq!(shop.errcode("/pay/genprepay", &upper), expected);
        let package = package_of(&shop.goods("A1"), "another-key");
        assert_eq!(shop.errcode("/pay/genprepay", &shop.prepay_of(&package).clone()), expected);
        assert_eq!(shop.errcode("/pay/genprepay", &valid), 0);
    }
}

#[test]
fn genprepay_accepts_a_numeric_or_string_timestamp_without_traceid() {
    let mut shop = Shop::open(Settings::default());
    let package = package_of(&shop.goods("A1"), shop.merchant.partner_key().expose());
    for timestamp in [json!(1_399_514_976), json!("1399514976")] {
        let body = json!({
            "appid": shop.merchant.appid().as_str(), "noncestr": "n", "package": package, "timestamp": timestamp,
        });
        let body = app_signed(body, shop.merchant.pay_sign_key().expose());
        assert_eq!(shop.errcode("/pay/genprepay", &body), 0);
    }
}

#[test]
fn genprepay_rejects_a_fractional_timestamp() {
    let mut shop = Shop::open(Settings::default());
    let mut body = shop.prepay_body(&shop.goods("A1"));
    body["timestamp"] = json!(1_399_514_976.5);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 268_500_741);
}

#[test]
fn distant_timestamp_is_refused_only_with_a_tolerance() {
    for (tolerance, expected) in [(None, 0), (Some(Duration::from_secs(300)), 40035)] {
        let mut shop = Shop::open(with(|settings| settings.v1.timestamp_tolerance = tolerance));
        let body = shop.prepay_body(&shop.goods("A1"));
        shop.wait(301);
        assert_eq!(shop.errcode("/pay/genprepay", &body), expected);
    }
}

#[test]
fn package_fields_are_validated() {
    let mut shop = Shop::open(Settings::default());
    let long = |length: usize| "a".repeat(length);
    let url = |length: usize| format!("http://h/{}", "a".repeat(length - 9));
    let refused: Vec<(&'static str, String)> = vec![
        ("bank_type", "CMB".into()),
        ("fee_type", "2".into()),
        ("input_charset", "UTF-16".into()),
        ("body", String::new()),
        ("body", long(129)),
        ("attach", long(129)),
        ("goods_tag", long(33)),
        ("out_trade_no", String::new()),
        ("out_trade_no", long(33)),
        ("out_trade_no", "A 1".into()),
        ("total_fee", String::new()),
        ("total_fee", "0".into()),
        ("total_fee", "19.99".into()),
        ("total_fee", "+1".into()),
        ("total_fee", "1e3".into()),
        ("notify_url", String::new()),
        ("notify_url", "shop.example/notify".into()),
        ("notify_url", url(256)),
        ("spbill_create_ip", String::new()),
        ("spbill_create_ip", "2001:db8::1".into()),
        ("time_start", "1399514976".into()),
        ("time_expire", "1399518576".into()),
        ("time_expire", "20140230101010".into()),
        ("product_fee", "1998".into()),
    ];
    for (name, value) in refused {
        assert_eq!(shop.errcode_of(&[(name, &value)]), 40035, "{name}={value}");
    }
    assert!(shop.gateway.orders(shop.now).len() == 0);
    assert_eq!(shop.errcode_of(&[("partner", "1900000000")]), 49010);
    assert_eq!(
        shop.errcode_of(&[("time_start", "20140508101010"), ("time_expire", "20140508101010")]),
        40035
    );
    for (name, value) in [
        ("body", long(128)),
        ("attach", long(128)),
        ("goods_tag", long(32)),
        ("out_trade_no", long(32)),
        ("notify_url", url(255)),
        ("time_expire", "20140508120000".into()),
        ("product_fee", "1999".into()),
        ("desc", "an unknown field is signed like the others".into()),
    ] {
        assert_eq!(shop.errcode_of(&[(name, &value)]), 0, "{name}={value}");
    }
    assert_eq!(shop.errcode_of(&[("product_fee", "1000"), ("transport_fee", "999")]), 0);
    assert!(shop.warned(Kind::Refused));
}

#[test]
fn duplicate_package_field_is_refused_even_if_signed() {
    let mut shop = Shop::open(Settings::default());
    let key = shop.merchant.partner_key().expose().clone();
    let unsigned = "a=1&a=2";
    let text = format!("{unsigned}&key={key}");
    let sign = hex::encode_upper(<md5::Md5 as sha1::Digest>::digest(text));
    let package = format!("{unsigned}&sign={sign}");
    // The partner is checked first, and it is missing.
    let body = shop.prepay_of(&package);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 49010);
    let partner = shop.merchant.partner().as_str().to_owned();
    let text = format!("a=1&a=2&partner={partner}&key={key}");
    let sign = hex::encode_upper(<md5::Md5 as sha1::Digest>::digest(text));
    let body = shop.prepay_of(&format!("a=1&a=2&partner={partner}&sign={sign}"));
    assert_eq!(shop.errcode("/pay/genprepay", &body), 40035);
}

#[test]
fn package_is_decoded_by_its_input_charset() {
    let mut shop = Shop::open(Settings::default());
    // 测试 in GBK.
    let mut fields = shop.goods("G1");
    fields.insert("input_charset", b"GBK".to_vec());
    fields.insert("body", b"\xb2\xe2\xca\xd4".to_vec());
    let body = shop.prepay_body(&fields);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 0);
    assert_eq!(shop.record("G1").description, "测试");
    // Without input_charset, the charset is GBK.
    let mut without_charset = fields.clone();
    without_charset.remove("input_charset");
    without_charset.insert("out_trade_no", b"G2".to_vec());
    let body = shop.prepay_body(&without_charset);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 0);
    assert_eq!(shop.record("G2").description, "测试");
    // The same bytes are invalid UTF-8.
    fields.insert("input_charset", b"UTF-8".to_vec());
    let body = shop.prepay_body(&fields);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 40033);
    // Lower case is accepted, and signed as it is.
    assert_eq!(shop.errcode_of(&[("input_charset", "utf-8")]), 0);
}

#[test]
fn bare_plus_follows_the_setting_and_is_flagged() {
    for (plus, text, expected) in
        [(PlusSign::Literal, "a+b", 0), (PlusSign::Space, "a b", 0), (PlusSign::Literal, "a b", 268_500_741)]
    {
        let mut shop = Shop::open(with(|settings| settings.v1.plus = plus));
        let mut fields = shop.goods("A1");
        fields.insert("body", text.as_bytes().to_vec());
        let package = package_of(&fields, shop.merchant.partner_key().expose());
        let package = package.replace("body=a%2Bb", "body=a+b").replace("body=a%20b", "body=a+b");
        let body = shop.prepay_of(&package);
        assert_eq!(shop.errcode("/pay/genprepay", &body), expected);
        assert!(shop.warned(Kind::PlusInPackage));
    }
}

#[test]
fn appkey_in_the_body_is_flagged_or_refused() {
    for (leaked_key, expected) in [(LeakedKey::Flagged, 0), (LeakedKey::Refused, 40035)] {
        let mut shop = Shop::open(with(|settings| settings.v1.leaked_key = leaked_key));
        let mut body = shop.prepay_body(&shop.goods("A1"));
        body["appkey"] = shop.merchant.pay_sign_key().expose().as_str().into();
        assert_eq!(shop.errcode("/pay/genprepay", &body), expected);
        assert!(shop.warned(Kind::LeakedSecret));
        let printed = format!("{:?}", shop.gateway.warnings().collect::<Vec<_>>());
        assert!(!printed.contains(shop.merchant.pay_sign_key().expose().as_str()));
    }
}

#[test]
fn secret_in_a_package_field_is_flagged() {
    let mut shop = Shop::open(Settings::default());
    assert!(!shop.warned(Kind::LeakedSecret));
    let mut fields = shop.goods("A1");
    fields.insert("attach", shop.merchant.partner_key().expose().clone().into_bytes());
    let body = shop.prepay_body(&fields);
    shop.call("/pay/genprepay", &body);
    assert!(shop.warned(Kind::LeakedSecret));
}

#[test]
fn reused_order_number_gets_a_new_prepayid_until_paid() {
    let mut shop = Shop::open(Settings::default());
    let (first, second) = (shop.order("A1"), shop.order("A1"));
    assert_ne!(first, second);
    assert!(!shop.warned(Kind::Nonportable));
    assert_eq!(shop.errcode_of(&[("total_fee", "5")]), 0);
    assert!(shop.warned(Kind::Nonportable));
    let by_first = OrderRef::Handle(first);
    let paid = shop.gateway.pay(&by_first, &Payer::default(), shop.now).unwrap().order;
    assert_eq!(paid.payments[0].payer_total.get(), 1999);
    assert_eq!(shop.errcode_of(&[]), 40035);
    let by_second = OrderRef::Handle(second);
    let result = shop.gateway.pay(&by_second, &Payer::default(), shop.now);
    assert_eq!(result.unwrap_err(), PayError::AlreadyPaid);
}

#[test]
fn reused_order_number_is_refused_by_the_setting() {
    let mut shop = Shop::open(with(|settings| settings.v1.reused_order_number = ReusedOrderNumber::Refused));
    shop.order("A1");
    assert_eq!(shop.errcode_of(&[]), 40035);
}

#[test]
fn order_expires_by_time_expire_or_the_prepayid_lifetime() {
    for (expire, seconds) in [("", 7200), ("20140508101036", 60), ("20140509101036", 7200)] {
        let mut shop = Shop::open(Settings::default());
        assert_eq!(shop.errcode_of(&[("time_expire", expire)]), 0);
        let order_ref = OrderRef::OutTradeNo("A1".parse().unwrap());
        shop.wait(seconds - 1);
        assert_eq!(shop.record("A1").trade_state, TradeState::NotPay);
        shop.wait(1);
        assert_eq!(shop.record("A1").expires_at, shop.now.as_secs());
        let result = shop.gateway.pay(&order_ref, &Payer::default(), shop.now);
        assert_eq!(result.unwrap_err(), PayError::Expired);
    }
    let mut short = Shop::open(with(|settings| settings.v1.prepay_ttl = Duration::from_secs(10)));
    short.order("A1");
    short.wait(10);
    assert_eq!(short.record("A1").expires_at, short.now.as_secs());
}

#[test]
fn orderquery_returns_strings_and_a_numeric_ret_code() {
    let mut shop = Shop::open(Settings::default());
    let body = shop.query_body("A1");
    let unknown = shop.call("/pay/orderquery", &body);
    assert_eq!(unknown["errcode"], 0);
    assert_eq!(unknown["order_info"]["ret_code"], 88_221_009);

    shop.order("A1");
    let unpaid = shop.call("/pay/orderquery", &body);
    assert_eq!(unpaid["order_info"]["ret_code"], 0);
    assert_eq!(unpaid["order_info"]["trade_state"], "1");
    assert_eq!(unpaid["order_info"]["transaction_id"], "");

    let order_ref = OrderRef::OutTradeNo("A1".parse().unwrap());
    let payer = Payer::default().with_discount(wxpay_proto::Fen::new(50)).with_bank_type("0");
    let paid = shop.gateway.pay(&order_ref, &payer, shop.now).unwrap().order;
    let reply = String::from_utf8(shop.reply(&shop.request("/pay/orderquery", &body))).unwrap();
    assert_eq!(
        reply,
        format!(
            concat!(
                r#"{{"errcode":0,"errmsg":"ok","order_info":{{"ret_code":0,"ret_msg":"","#,
                r#""input_charset":"UTF-8","trade_state":"0","trade_mode":"1","partner":"{partner}","#,
                r#""bank_type":"0","bank_billno":"","total_fee":"1949","fee_type":"1","#,
                r#""transaction_id":"{transaction_id}","out_trade_no":"A1","is_split":"false","#,
                r#""is_refund":"false","attach":"","time_end":"20140508100936","transport_fee":"0","#,
                r#""product_fee":"1949","discount":"50","rmb_total_fee":""}}}}"#,
            ),
            partner = shop.merchant.partner(),
            transaction_id = paid.payments[0].transaction_id,
        )
    );
}

#[test]
fn orderquery_verifies_both_signatures() {
    let mut shop = Shop::open(Settings::default());
    let valid = shop.query_body("A1");
    let mut outer = valid.clone();
    outer["timestamp"] = "1".into();
    assert_eq!(shop.errcode("/pay/orderquery", &outer), 49004);
    let package = valid["package"].as_str().unwrap().replace("A1", "A2");
    let inner = json!({ "appid": shop.merchant.appid().as_str(), "package": package, "timestamp": "1" });
    let inner = app_signed(inner, shop.merchant.pay_sign_key().expose());
    assert_eq!(shop.errcode("/pay/orderquery", &inner), 49004);
    let mut upper = valid;
    upper["sign_method"] = "SHA1".into();
    assert_eq!(shop.errcode("/pay/orderquery", &upper), 0);
    upper["sign_method"] = "md5".into();
    assert_eq!(shop.errcode("/pay/orderquery", &upper), 40035);
}

#[test]
fn delivernotify_is_recorded_with_the_order() {
    let mut shop = Shop::open(Settings::default());
    shop.order("A1");
    let payment = shop.pay("A1").payments[0].clone();
    let (openid, transid) = (payment.openid.as_str().to_owned(), payment.transaction_id.to_string());
    let errcode = |shop: &mut Shop, number: &str, openid: &str, transid: &str| {
        let body = shop.deliver_body(number, openid, transid);
        shop.errcode("/pay/delivernotify", &body)
    };
    assert_eq!(errcode(&mut shop, "A1", "", &transid), 49002);
    assert_eq!(errcode(&mut shop, "A1", &openid, ""), 49002);
    assert_eq!(errcode(&mut shop, "A1", "oSomebodyElse", &transid), 49003);
    assert_eq!(errcode(&mut shop, "A1", &openid, "1"), 49005);
    assert_eq!(errcode(&mut shop, "A2", &openid, &transid), 49005);
    assert!(shop.record("A1").deliveries.is_empty());
    let body = shop.deliver_body("A1", &openid, &transid);
    assert_eq!(shop.call("/pay/delivernotify", &body), json!({ "errcode": 0, "errmsg": "ok" }));
    let deliveries = shop.record("A1").deliveries;
    assert_eq!((deliveries.len(), deliveries[0].delivered), (1, true));
}

#[test]
fn unknown_path_is_not_found() {
    let mut shop = Shop::open(Settings::default());
    let outcome = shop.gateway.answer(&Request::get("https://api.weixin.qq.com/pay/refund".into()), shop.now);
    let wxpay_sim::Outcome::Reply(reply) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reply.status(), 404);
}
