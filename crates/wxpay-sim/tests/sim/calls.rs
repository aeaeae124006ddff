//! The four APIv1 operations: replies, order of the checks, and the settings that affect them.
use crate::support::{Shop, app_signed, package_of, token_url};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_proto::http::Request;
use wxpay_sim::{
    App, Settings,
    credentials::Permission,
    gateway::{PayError, Payer, PrepayRef},
    ledger::OrderState,
    settings::{BadSignatureCode, Era, ExpiredTokenCode, LeakedKey, PlusSign, ReusedOrderNumber, WrongSecretCode},
    warnings::Kind,
};

fn with(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings);
    settings
}

fn code(answer: &Value) -> i64 {
    answer["errcode"].as_i64().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn a_token_has_64_characters_and_no_errcode() {
    let mut shop = Shop::open(Settings::default());
    let answer = shop.token_reply();
    assert_eq!(answer["expires_in"], 7200);
    assert!(answer.get("errcode").is_none());
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(token.len(), 64);
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
}

#[test]
fn a_token_request_is_refused_by_the_first_thing_that_is_wrong() {
    let mut shop = Shop::open(with(|settings| settings.token_daily_quota = Some(1)));
    let (appid, secret) = (shop.me.appid().to_string(), shop.me.app_secret().expose().clone());
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
fn a_wrong_secret_has_the_code_of_its_era() {
    for (setting, expected) in [(WrongSecretCode::Invalid40001, 40001), (WrongSecretCode::Secret40125, 40125)]
    {
        let mut shop = Shop::open(with(|settings| settings.wrong_secret_code = setting));
        let url = token_url("client_credential", shop.me.appid().as_str(), "s");
        assert_eq!(code(&shop.json_reply(&Request::get(url))), expected);
    }
}

#[test]
fn the_two_hundred_and_first_token_of_a_day_is_refused() {
    let mut shop = Shop::open(Settings::default());
    for _ in 1..200 {
        shop.fetch_token();
    }
    let answer = shop.token_reply();
    assert_eq!(answer, json!({ "errcode": 45009, "errmsg": "reach max api daily quota limit" }));
    let mut later = Shop::open(Settings::of(Era::Y2016));
    for _ in 1..2000 {
        later.fetch_token();
    }
    assert_eq!(code(&later.token_reply()), 45009);
    let mut never = Shop::open(with(|settings| settings.token_daily_quota = None));
    for _ in 0..2100 {
        never.fetch_token();
    }
}

#[test]
fn a_replaced_token_dies_at_once_or_after_its_overlap() {
    for (settings, seconds) in [(Settings::default(), 0), (Settings::of(Era::Y2016), 300)] {
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
fn an_expired_token_has_the_code_of_the_switch() {
    for (setting, expected) in
        [(ExpiredTokenCode::Expired42001, 42001), (ExpiredTokenCode::Invalid40001, 40001)]
    {
        let mut shop = Shop::open(with(|settings| {
            settings.expired_token_code = setting;
            settings.token_ttl = Duration::from_secs(60);
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
fn a_call_is_refused_by_the_first_thing_that_is_wrong() {
    for (path, bad_signature) in
        [("/pay/genprepay", 268_500_741), ("/pay/orderquery", 49004), ("/pay/delivernotify", 49004)]
    {
        let mut shop = Shop::open(with(|settings| settings.require_https = true));
        let token = shop.token.clone();
        let bare = |scheme: &str| format!("{scheme}://api.weixin.qq.com{path}");
        let with_token = |token: &str| format!("https://api.weixin.qq.com{path}?access_token={token}");
        let post = |url: String, body: &str| Request::post(url, "", body.as_bytes().to_vec());
        let mine =
            json!({ "appid": shop.me.appid().as_str(), "package": "p", "app_signature": "x" }).to_string();
        let strangers = json!({ "appid": "wx0000000000000000" }).to_string();

        let ask = |shop: &mut Shop, request: &Request| code(&shop.json_reply(request));
        assert_eq!(ask(&mut shop, &Request::get(bare("http"))), 43002);
        assert_eq!(ask(&mut shop, &post(bare("http"), "")), 43003);
        assert_eq!(ask(&mut shop, &post(bare("https"), "")), 41001);
        assert_eq!(ask(&mut shop, &post(with_token("garbage"), "")), 40014);
        shop.now = shop.now.after(Duration::from_secs(7200));
        assert_eq!(ask(&mut shop, &post(with_token(&token), "")), 42001);
        let token = shop.fetch_token();
        assert_eq!(ask(&mut shop, &post(with_token(&token), "")), 44002);
        for (permission, expected) in [(Permission::NotApproved, 48001), (Permission::NoPayment, 43008)] {
            shop.gateway.register(App::new(shop.me.clone()).with_permission(permission));
            let token = shop.fetch_token();
            assert_eq!(ask(&mut shop, &post(with_token(&token), "{")), 47001);
            assert_eq!(ask(&mut shop, &post(with_token(&token), &strangers)), expected);
        }
        shop.gateway.register(App::new(shop.me.clone()));
        let token = shop.fetch_token();
        assert_eq!(ask(&mut shop, &post(with_token(&token), &strangers)), 49001);
        assert_eq!(ask(&mut shop, &post(with_token(&token), &mine)), bad_signature);
    }
}

#[test]
fn genprepay_answers_prepayid_first() {
    let mut shop = Shop::open(Settings::default());
    let body = shop.prepay_body(&shop.goods("A1"));
    let reply = String::from_utf8(shop.reply(&shop.request("/pay/genprepay", &body))).unwrap();
    let answer: Value = serde_json::from_str(&reply).unwrap();
    let prepayid = answer["prepayid"].as_str().unwrap();
    assert_eq!(reply, format!(r#"{{"prepayid":"{prepayid}","errcode":0,"errmsg":"Success"}}"#));
    assert_eq!(prepayid.len(), 32);
    // Ten digits, then the day in GMT+8.
    let unique = prepayid.strip_prefix("1101000000140508").unwrap();
    assert!(unique.bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
}

#[test]
fn a_bad_signature_of_genprepay_has_the_code_of_the_switch() {
    for (setting, expected) in
        [(BadSignatureCode::Long268500741, 268_500_741), (BadSignatureCode::Short49004, 49004)]
    {
        let mut shop = Shop::open(with(|settings| settings.bad_signature_code = setting));
        let good = shop.prepay_body(&shop.goods("A1"));
        for (member, value) in [
            ("noncestr", json!("other")),
            ("timestamp", json!(1)),
            ("traceid", json!("other")),
            ("traceid", json!("")),
            ("package", json!("other")),
            ("app_signature", json!("0000000000000000000000000000000000000000")),
        ] {
            let mut body = good.clone();
            body[member] = value;
            assert_eq!(shop.errcode("/pay/genprepay", &body), expected, "{member}");
        }
        let mut upper = good.clone();
        upper["app_signature"] = good["app_signature"].as_str().unwrap().to_uppercase().into();
        assert_eq!(shop.errcode("/pay/genprepay", &upper), expected);
        let package = package_of(&shop.goods("A1"), "another-key");
        assert_eq!(shop.errcode("/pay/genprepay", &shop.prepay_of(&package).clone()), expected);
        assert_eq!(shop.errcode("/pay/genprepay", &good), 0);
    }
}

#[test]
fn timestamp_may_be_a_number_or_a_string_and_traceid_may_be_absent() {
    let mut shop = Shop::open(Settings::default());
    let package = package_of(&shop.goods("A1"), shop.me.partner_key().expose());
    for timestamp in [json!(1_399_514_976), json!("1399514976")] {
        let body = json!({
            "appid": shop.me.appid().as_str(), "noncestr": "n", "package": package, "timestamp": timestamp,
        });
        let body = app_signed(body, shop.me.pay_sign_key().expose());
        assert_eq!(shop.errcode("/pay/genprepay", &body), 0);
    }
}

#[test]
fn a_float_for_a_timestamp_is_not_seconds() {
    let mut shop = Shop::open(Settings::default());
    let mut body = shop.prepay_body(&shop.goods("A1"));
    body["timestamp"] = json!(1_399_514_976.5);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 268_500_741);
}

#[test]
fn a_distant_timestamp_is_refused_only_if_the_switch_says_so() {
    for (tolerance, expected) in [(None, 0), (Some(Duration::from_secs(300)), 40035)] {
        let mut shop = Shop::open(with(|settings| settings.timestamp_tolerance = tolerance));
        let body = shop.prepay_body(&shop.goods("A1"));
        shop.wait(301);
        assert_eq!(shop.errcode("/pay/genprepay", &body), expected);
    }
}

#[test]
fn the_packages_fields_keep_to_their_rules() {
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
    assert!(shop.gateway.orders(shop.now).is_empty());
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
fn a_name_given_twice_is_refused_even_if_signed() {
    let mut shop = Shop::open(Settings::default());
    let key = shop.me.partner_key().expose().clone();
    let unsigned = "a=1&a=2";
    let text = format!("{unsigned}&key={key}");
    let sign = hex::encode_upper(<md5::Md5 as sha1::Digest>::digest(text));
    let package = format!("{unsigned}&sign={sign}");
    // The partner is checked first, and it is missing.
    let body = shop.prepay_of(&package);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 49010);
    let partner = shop.me.partner().as_str().to_owned();
    let text = format!("a=1&a=2&partner={partner}&key={key}");
    let sign = hex::encode_upper(<md5::Md5 as sha1::Digest>::digest(text));
    let body = shop.prepay_of(&format!("a=1&a=2&partner={partner}&sign={sign}"));
    assert_eq!(shop.errcode("/pay/genprepay", &body), 40035);
}

#[test]
fn gbk_and_utf_8_are_taken_by_their_bytes() {
    let mut shop = Shop::open(Settings::default());
    // 测试 in GBK.
    let mut fields = shop.goods("G1");
    fields.insert("input_charset", b"GBK".to_vec());
    fields.insert("body", b"\xb2\xe2\xca\xd4".to_vec());
    let body = shop.prepay_body(&fields);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 0);
    assert_eq!(shop.record("G1").body, "测试");
    // Without input_charset, the charset is GBK.
    let mut silent = fields.clone();
    silent.remove("input_charset");
    silent.insert("out_trade_no", b"G2".to_vec());
    let body = shop.prepay_body(&silent);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 0);
    assert_eq!(shop.record("G2").body, "测试");
    // The same bytes are invalid UTF-8.
    fields.insert("input_charset", b"UTF-8".to_vec());
    let body = shop.prepay_body(&fields);
    assert_eq!(shop.errcode("/pay/genprepay", &body), 40033);
    // Lower case is accepted, and signed as it is.
    assert_eq!(shop.errcode_of(&[("input_charset", "utf-8")]), 0);
}

#[test]
fn a_bare_plus_is_a_plus_or_a_space_and_flagged() {
    for (plus, text, expected) in
        [(PlusSign::Literal, "a+b", 0), (PlusSign::Space, "a b", 0), (PlusSign::Literal, "a b", 268_500_741)]
    {
        let mut shop = Shop::open(with(|settings| settings.plus = plus));
        let mut fields = shop.goods("A1");
        fields.insert("body", text.as_bytes().to_vec());
        let package = package_of(&fields, shop.me.partner_key().expose());
        let package = package.replace("body=a%2Bb", "body=a+b").replace("body=a%20b", "body=a+b");
        let body = shop.prepay_of(&package);
        assert_eq!(shop.errcode("/pay/genprepay", &body), expected);
        assert!(shop.warned(Kind::PlusInPackage));
    }
}

#[test]
fn an_appkey_in_the_body_is_flagged_or_refused() {
    for (leaked_key, expected) in [(LeakedKey::Flagged, 0), (LeakedKey::Refused, 40035)] {
        let mut shop = Shop::open(with(|settings| settings.leaked_key = leaked_key));
        let mut body = shop.prepay_body(&shop.goods("A1"));
        body["appkey"] = shop.me.pay_sign_key().expose().as_str().into();
        assert_eq!(shop.errcode("/pay/genprepay", &body), expected);
        assert!(shop.warned(Kind::LeakedSecret));
        let printed = format!("{:?}", shop.gateway.warnings().collect::<Vec<_>>());
        assert!(!printed.contains(shop.me.pay_sign_key().expose().as_str()));
    }
}

#[test]
fn a_secret_anywhere_it_must_not_be_is_flagged() {
    let mut shop = Shop::open(Settings::default());
    assert!(!shop.warned(Kind::LeakedSecret));
    let mut fields = shop.goods("A1");
    fields.insert("attach", shop.me.partner_key().expose().clone().into_bytes());
    let body = shop.prepay_body(&fields);
    shop.call("/pay/genprepay", &body);
    assert!(shop.warned(Kind::LeakedSecret));
}

#[test]
fn a_number_used_again_gets_a_new_prepayid_unless_paid() {
    let mut shop = Shop::open(Settings::default());
    let (first, second) = (shop.order("A1"), shop.order("A1"));
    assert_ne!(first, second);
    assert!(!shop.warned(Kind::Nonportable));
    assert_eq!(shop.errcode_of(&[("total_fee", "5")]), 0);
    assert!(shop.warned(Kind::Nonportable));
    let by_first = PrepayRef::Prepayid(first.parse().unwrap());
    let paid = shop.gateway.pay(&by_first, &Payer::default(), shop.now).unwrap().order;
    assert_eq!(paid.payments[0].total_fee.get(), 1999);
    assert_eq!(shop.errcode_of(&[]), 40035);
    let by_second = PrepayRef::Prepayid(second.parse().unwrap());
    let again = shop.gateway.pay(&by_second, &Payer::default(), shop.now);
    assert_eq!(again.unwrap_err(), PayError::AlreadyPaid);
}

#[test]
fn a_number_used_again_is_refused_if_the_switch_says_so() {
    let mut shop = Shop::open(with(|settings| settings.reused_order_number = ReusedOrderNumber::Refused));
    shop.order("A1");
    assert_eq!(shop.errcode_of(&[]), 40035);
}

#[test]
fn an_order_expires_by_its_time_or_the_prepayids() {
    for (expire, seconds) in [("", 7200), ("20140508101036", 60), ("20140509101036", 7200)] {
        let mut shop = Shop::open(Settings::default());
        assert_eq!(shop.errcode_of(&[("time_expire", expire)]), 0);
        let tapped = PrepayRef::OutTradeNo("A1".parse().unwrap());
        shop.wait(seconds - 1);
        assert_eq!(shop.record("A1").state, OrderState::Ordered);
        shop.wait(1);
        assert_eq!(shop.record("A1").state, OrderState::Expired);
        let late = shop.gateway.pay(&tapped, &Payer::default(), shop.now);
        assert_eq!(late.unwrap_err(), PayError::Expired);
    }
    let mut short = Shop::open(with(|settings| settings.prepay_ttl = Duration::from_secs(10)));
    short.order("A1");
    short.wait(10);
    assert_eq!(short.record("A1").state, OrderState::Expired);
}

#[test]
fn orderquery_tells_an_order_in_strings_and_ret_code_as_a_number() {
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

    let tapped = PrepayRef::OutTradeNo("A1".parse().unwrap());
    let payer = Payer::default().with_discount(wxpay_proto::Fen::new(50)).with_bank_type("0");
    let paid = shop.gateway.pay(&tapped, &payer, shop.now).unwrap().order;
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
            partner = shop.me.partner(),
            transaction_id = paid.payments[0].transaction_id,
        )
    );
}

#[test]
fn orderquery_checks_both_signatures() {
    let mut shop = Shop::open(Settings::default());
    let good = shop.query_body("A1");
    let mut outer = good.clone();
    outer["timestamp"] = "1".into();
    assert_eq!(shop.errcode("/pay/orderquery", &outer), 49004);
    let package = good["package"].as_str().unwrap().replace("A1", "A2");
    let inner = json!({ "appid": shop.me.appid().as_str(), "package": package, "timestamp": "1" });
    let inner = app_signed(inner, shop.me.pay_sign_key().expose());
    assert_eq!(shop.errcode("/pay/orderquery", &inner), 49004);
    let mut loud = good;
    loud["sign_method"] = "SHA1".into();
    assert_eq!(shop.errcode("/pay/orderquery", &loud), 0);
    loud["sign_method"] = "md5".into();
    assert_eq!(shop.errcode("/pay/orderquery", &loud), 40035);
}

#[test]
fn delivernotify_is_kept_with_the_order() {
    let mut shop = Shop::open(Settings::default());
    shop.order("A1");
    let payment = shop.pay("A1").payments[0].clone();
    let (openid, transid) = (payment.openid.as_str().to_owned(), payment.transaction_id.to_string());
    let ask = |shop: &mut Shop, number: &str, openid: &str, transid: &str| {
        let body = shop.deliver_body(number, openid, transid);
        shop.errcode("/pay/delivernotify", &body)
    };
    assert_eq!(ask(&mut shop, "A1", "", &transid), 49002);
    assert_eq!(ask(&mut shop, "A1", &openid, ""), 49002);
    assert_eq!(ask(&mut shop, "A1", "oSomebodyElse", &transid), 49003);
    assert_eq!(ask(&mut shop, "A1", &openid, "1"), 49005);
    assert_eq!(ask(&mut shop, "A2", &openid, &transid), 49005);
    assert!(shop.record("A1").deliveries.is_empty());
    let body = shop.deliver_body("A1", &openid, &transid);
    assert_eq!(shop.call("/pay/delivernotify", &body), json!({ "errcode": 0, "errmsg": "ok" }));
    let deliveries = shop.record("A1").deliveries;
    assert_eq!((deliveries.len(), deliveries[0].delivered), (1, true));
}

#[test]
fn an_unknown_path_is_not_found() {
    let mut shop = Shop::open(Settings::default());
    let outcome = shop.gateway.answer(&Request::get("https://api.weixin.qq.com/pay/refund".into()), shop.now);
    let wxpay_sim::Outcome::Reply(reply) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reply.status(), 404);
}
