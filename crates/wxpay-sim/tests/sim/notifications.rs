//! APIv1 notifications: bytes, retry schedule, and acknowledgement.

use crate::support::{START, Shop, element, parameter};
use std::time::Duration;
use wxpay_proto::{Fen, UnixTime};
use wxpay_sim::{
    Settings,
    gateway::{OrderRef, PayError, Payer},
    notifications::{DeliveryResult, NotificationState},
    settings::{SuccessMatch, V1},
    warnings::Kind,
};

fn paid_shop(settings: Settings) -> Shop {
    let mut shop = Shop::open(settings);
    shop.order("A1");
    shop.pay("A1");
    shop
}

#[test]
fn notification_query_is_sorted_and_contains_sign() {
    let mut shop = paid_shop(Settings::default());
    let delivery = shop.due().remove(0);
    let names: Vec<&str> = delivery.query().split('&').map(|pair| pair.split_once('=').unwrap().0).collect();
    assert_eq!(
        names,
        [
            "bank_billno",
            "bank_type",
            "discount",
            "fee_type",
            "input_charset",
            "notify_id",
            "out_trade_no",
            "partner",
            "product_fee",
            "sign",
            "sign_type",
            "time_end",
            "total_fee",
            "trade_mode",
            "trade_state",
            "transaction_id",
            "transport_fee",
        ]
    );
    assert!(delivery.url().starts_with("http://shop.example/notify?bank_billno="));
    let text = |name| String::from_utf8(parameter(&delivery, name).unwrap()).unwrap();
    assert_eq!(text("time_end"), "20140508100936");
    assert_eq!(text("notify_id").len(), 96);
    let transaction_id = text("transaction_id");
    assert_eq!(transaction_id.len(), 28);
    assert!(transaction_id.starts_with(&format!("{}20140508", shop.merchant.partner())));
    assert!(shop.verifies(&delivery));
}

#[test]
fn notification_xml_has_352_bytes() {
    let mut shop = paid_shop(Settings::default());
    let delivery = shop.due().remove(0);
    let xml = String::from_utf8(delivery.body().to_vec()).unwrap();
    assert_eq!(shop.gateway.payer().as_str().len(), 28);
    assert_eq!(xml.len(), 352);
    let expected = format!(
        "<xml><OpenId><![CDATA[{}]]></OpenId>\n<AppId><![CDATA[{}]]></AppId>\n<IsSubscribe>0</IsSubscribe>\n\
         <TimeStamp>1399514976</TimeStamp>\n<NonceStr><![CDATA[{}]]></NonceStr>\n\
         <AppSignature><![CDATA[{}]]></AppSignature>\n<SignMethod><![CDATA[sha1]]></SignMethod>\n</xml>",
        shop.gateway.payer().as_str(),
        shop.merchant.appid(),
        element(&xml, "NonceStr"),
        element(&xml, "AppSignature"),
    );
    assert_eq!(xml, expected);
    assert_eq!(element(&xml, "NonceStr").len(), 16);
    let headers = [
        ("User-Agent", "Mozilla/4.0"),
        ("Accept", "*/*"),
        ("Content-Type", "text/xml"),
        ("Pragma", "no-cache"),
    ]
    .map(|(name, value)| (name, String::from(value)));
    assert_eq!(delivery.headers(), headers);
}

#[test]
fn notification_attach_is_in_the_orders_charset() {
    for (charset, bytes, escaped) in [
        ("GBK", &b"\xb2\xe2\xca\xd4 a+b&c=d"[..], "attach=%B2%E2%CA%D4%20a%2Bb%26c%3Dd&"),
        ("UTF-8", "测试 a+b&c=d".as_bytes(), "attach=%E6%B5%8B%E8%AF%95%20a%2Bb%26c%3Dd&"),
    ] {
        let mut shop = Shop::open(Settings::default());
        let mut goods = shop.goods("A1");
        goods.insert("input_charset", charset.as_bytes().to_vec());
        goods.insert("body", b"x".to_vec());
        goods.insert("attach", bytes.to_vec());
        let body = shop.prepay_body(&goods);
        assert_eq!(shop.errcode("/pay/genprepay", &body), 0);
        shop.pay("A1");
        let delivery = shop.due().remove(0);
        assert!(delivery.query().starts_with(escaped), "{}", delivery.query());
        assert!(shop.verifies(&delivery));
        assert_eq!(shop.record("A1").attach.as_deref(), Some("测试 a+b&c=d"));
    }
}

#[test]
fn discount_is_deducted_and_balance_has_no_bank_billno() {
    let mut shop = Shop::open(Settings::default());
    shop.order("A1");
    let order_ref = OrderRef::OutTradeNo("A1".parse().unwrap());
    let payer = Payer::default()
        .with_discount(Fen::new(50))
        .with_bank_type("0")
        .with_openid("oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap());
    shop.gateway.pay(&order_ref, &payer, shop.now).unwrap();
    let delivery = shop.due().remove(0);
    assert_eq!(parameter(&delivery, "total_fee").unwrap(), b"1949");
    assert_eq!(parameter(&delivery, "discount").unwrap(), b"50");
    assert_eq!(parameter(&delivery, "product_fee").unwrap(), b"1949");
    assert_eq!(parameter(&delivery, "bank_billno"), None);
    let xml = String::from_utf8(delivery.body().to_vec()).unwrap();
    assert_eq!(element(&xml, "OpenId"), "oX99MDgNcgwnz3zFN3DNmo8uwa-w");
    assert!(shop.verifies(&delivery));
}

#[test]
fn rejected_payment_changes_nothing() {
    let mut shop = Shop::open(Settings::default());
    shop.order("A1");
    let before = shop.record("A1");
    let order_ref = OrderRef::OutTradeNo("A1".parse().unwrap());
    for (payer, expected) in [
        (Payer::default().with_discount(Fen::new(1999)), PayError::DiscountTooLarge),
        (Payer::default().with_discount(Fen::new(2000)), PayError::DiscountTooLarge),
        (Payer::default().with_bank_type(""), PayError::BankType),
        (Payer::default().with_bank_type("A&b=1"), PayError::BankType),
    ] {
        assert_eq!(shop.gateway.pay(&order_ref, &payer, shop.now).unwrap_err(), expected);
    }
    let unknown = OrderRef::OutTradeNo("A2".parse().unwrap());
    let result = shop.gateway.pay(&unknown, &Payer::default(), shop.now);
    assert_eq!(result.unwrap_err(), PayError::NoSuchOrder);
    assert_eq!(shop.record("A1"), before);
    assert_eq!(shop.gateway.next_due(), None);
}

#[test]
fn notify_url_with_a_query_is_joined_by_an_ampersand() {
    let mut shop = Shop::open(Settings::default());
    assert_eq!(shop.errcode_of(&[("notify_url", "http://shop.example/n?shop=1")]), 0);
    assert!(shop.warned(Kind::Nonportable));
    shop.pay("A1");
    assert!(shop.due().remove(0).url().starts_with("http://shop.example/n?shop=1&bank_billno="));
}

/// Plays a merchant that never responds `success`. Returns the offsets of all deliveries, in seconds.
fn offsets(mut shop: Shop) -> (Vec<u64>, Shop) {
    let mut offsets = Vec::new();
    while let Some(due) = shop.gateway.next_due() {
        assert!(shop.gateway.due_deliveries(UnixTime::from_millis(due.as_millis() - 1)).is_empty());
        shop.now = due;
        let deliveries = shop.due();
        assert_eq!(deliveries.len(), 1);
        assert_eq!(shop.gateway.next_due(), None);
        offsets.push(due.since(START).as_secs());
        shop.respond(&deliveries[0], 200, "fail");
    }
    (offsets, shop)
}

#[test]
fn unaccepted_notification_is_retried_nine_times() {
    let (offsets, shop) = offsets(paid_shop(Settings::default()));
    assert_eq!(offsets, [0, 8, 18, 28, 58, 88, 148, 268, 628, 1628]);
    assert_eq!(shop.gateway.notifications().next().unwrap().state, NotificationState::Stopped);
    assert!(shop.warned(Kind::RetriesExhausted));
}

#[test]
fn eight_retries_are_a_setting() {
    let mut settings = Settings::default();
    settings.v1.notify_schedule = V1::eight_intervals();
    assert_eq!(offsets(paid_shop(settings)).0, [0, 8, 18, 28, 58, 88, 148, 268, 628]);
}

#[test]
fn first_delivery_waits_for_notify_delay_and_carries_the_timeout() {
    let mut settings = Settings::default();
    settings.notify_delay = Duration::from_secs(3);
    settings.notify_timeout = Duration::from_secs(2);
    let mut shop = paid_shop(settings);
    assert!(shop.due().is_empty());
    shop.wait(3);
    assert_eq!(shop.due()[0].timeout(), Duration::from_secs(2));
}

#[test]
fn retry_signs_its_xml_again_and_keeps_its_query() {
    let mut shop = paid_shop(Settings::default());
    let first = shop.due().remove(0);
    shop.gateway.record_delivery(first.id(), &DeliveryResult::no_response("connection refused"), shop.now);
    shop.wait(8);
    let second = shop.due().remove(0);
    assert_eq!(first.query(), second.query());
    let (one, two) = (String::from_utf8_lossy(first.body()), String::from_utf8_lossy(second.body()));
    for name in ["TimeStamp", "NonceStr", "AppSignature"] {
        assert_ne!(element(&one, name), element(&two, name));
    }
    assert_eq!(element(&two, "TimeStamp"), (START.as_secs() + 8).to_string());
    assert!(shop.verifies(&second));
}

#[test]
fn success_stops_the_retries_and_other_forms_follow_the_setting() {
    for (status, body, trimmed, prefix) in [
        (200, "success", true, true),
        (200, " success\r\n", true, true),
        (200, "SUCCESS", false, true),
        (200, "success!", false, true),
        (200, "fail", false, false),
        (200, "", false, false),
        (200, "\"success\"", false, false),
        (500, "success", false, false),
    ] {
        for (success_match, accepted) in
            [(SuccessMatch::TrimmedExact, trimmed), (SuccessMatch::StartsWith, prefix)]
        {
            let mut settings = Settings::default();
            settings.v1.success_match = success_match;
            let mut shop = paid_shop(settings);
            let delivery = shop.due().remove(0);
            shop.respond(&delivery, status, body);
            let state = shop.gateway.notifications().next().unwrap().state;
            let expected = if accepted { NotificationState::Accepted } else { NotificationState::Waiting };
            assert_eq!(state, expected, "{status} {body:?}");
            assert_eq!(shop.gateway.next_due().is_none(), accepted);
            if prefix && !trimmed {
                assert!(shop.warned(Kind::InexactSuccess));
            }
        }
    }
}

#[test]
fn second_result_of_a_delivery_changes_nothing() {
    let mut shop = paid_shop(Settings::default());
    let delivery = shop.due().remove(0);
    shop.respond(&delivery, 200, "success");
    let before: Vec<_> = shop.gateway.notifications().collect();
    shop.respond(&delivery, 200, "fail");
    assert!(shop.gateway.notifications().eq(before));
}

#[test]
fn generated_bytes_depend_on_the_seed() {
    let run = |seed| {
        let mut shop = Shop::seeded(Settings::default(), seed);
        let prepayid = shop.order("A1");
        shop.pay("A1");
        let delivery = shop.due().remove(0);
        (shop.token.clone(), prepayid, delivery.url().to_owned(), delivery.body().to_vec())
    };
    assert_eq!(run(1), run(1));
    let (one, two) = (run(1), run(2));
    assert!(one.0 != two.0 && one.1 != two.1 && one.2 != two.2 && one.3 != two.3);
}
