//! Notifications: encrypted, signed, retried, probed, forged.

use super::shop::{NOTIFY, Shop};
use serde_json::json;
use wxpay_proto::wire::time::format_rfc3339;
use wxpay_sim::{
    faults::{Fault, FaultRule},
    notifications::{Alteration, DeliveryResult, NotificationState},
    settings::V3,
    warnings::Kind,
};

fn place_and_pay(shop: &mut Shop) {
    shop.order("A12345");
    shop.pay("A12345");
}

#[test]
fn payment_notification_is_encrypted_and_signed() {
    let mut shop = Shop::open();
    place_and_pay(&mut shop);
    let [delivery] = shop.due().try_into().unwrap();
    assert_eq!(delivery.url(), NOTIFY);
    assert_eq!(delivery.out_trade_no(), "A12345");
    let (envelope, content) = shop.read_notification(&delivery);
    assert_eq!(envelope["event_type"], "TRANSACTION.SUCCESS");
    assert_eq!(envelope["resource_type"], "encrypt-resource");
    assert_eq!(envelope["summary"], "支付成功");
    assert_eq!(envelope["create_time"], format_rfc3339(shop.now));
    assert_eq!(envelope["resource"]["original_type"], "transaction");
    assert_eq!(envelope["resource"]["associated_data"], "transaction");
    assert_eq!(envelope["id"].as_str().unwrap().len(), 36);
    assert_eq!(content, shop.query("A12345").body);
    let header =
        |name: &str| delivery.headers().iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("user-agent"), Some("Mozilla/4.0"));
    assert!(header("request-id").is_some());
}

#[test]
fn copy_is_altered_as_asked_and_recorded_nowhere() {
    let mut shop = Shop::open();
    place_and_pay(&mut shop);
    let before = shop.record("A12345");
    let id = before.notifications[0].notify_id.clone();
    let amount = || Alteration::Content(vec![("/amount/total".into(), json!(1))]);
    for (alteration, is_signed) in [
        (Alteration::None, true),
        (amount(), true),
        (Alteration::OtherApiV3Key, true),
        (Alteration::WrongSignature, false),
        (Alteration::WrongSignatureOf(b"{}".to_vec()), false),
        (Alteration::Probe, false),
        (Alteration::Stale, false),
        (Alteration::UnknownSerial, false),
        (Alteration::Unsigned, false),
        (Alteration::TamperedBody, false),
    ] {
        let copy = shop.gateway.copy_notification(&id, &alteration, shop.now).unwrap();
        assert_eq!(copy.url(), NOTIFY);
        assert_eq!(shop.verifies_message(copy.headers(), copy.body()), is_signed, "{alteration:?}");
        if matches!(alteration, Alteration::None | Alteration::Content(_)) {
            let envelope: serde_json::Value = serde_json::from_slice(copy.body()).unwrap();
            let content: serde_json::Value =
                serde_json::from_slice(&shop.decrypt(&envelope["resource"])).unwrap();
            let total = if alteration == Alteration::None { json!(before.total) } else { json!(1) };
            assert_eq!((&envelope["id"], &content["amount"]["total"]), (&json!(id), &total));
        }
    }
    assert_eq!(shop.record("A12345"), before);
    assert_eq!(shop.due().len(), 1);
    let nowhere = Alteration::Content(vec![("/none".into(), json!(1))]);
    assert!(shop.gateway.copy_notification(&id, &nowhere, shop.now).is_none());
    let unknown = "00000000-0000-0000-0000-000000000000".parse().unwrap();
    assert!(shop.gateway.copy_notification(&unknown, &Alteration::None, shop.now).is_none());
}

#[test]
fn notification_is_retried_at_the_documented_intervals_then_abandoned() {
    let mut shop = Shop::open();
    place_and_pay(&mut shop);
    let mut ids = std::collections::BTreeSet::new();
    let mut signatures = std::collections::BTreeSet::new();
    for interval in V3::fifteen_intervals() {
        let [delivery] = shop.due().try_into().unwrap();
        let (envelope, _) = shop.read_notification(&delivery);
        ids.insert(envelope["id"].to_string());
        signatures.insert(delivery.body().to_vec());
        shop.acknowledge(&delivery, 500);
        assert!(shop.due().is_empty());
        assert_eq!(shop.gateway.next_due(), Some(shop.now.after(interval)));
        shop.wait(interval.as_secs());
    }
    let [delivery] = shop.due().try_into().unwrap();
    shop.gateway.record_delivery(delivery.id(), &DeliveryResult::no_response("connection refused"), shop.now);
    assert_eq!(shop.gateway.next_due(), None);
    assert_eq!(shop.record("A12345").notifications[0].state, NotificationState::Stopped);
    assert_eq!((ids.len(), signatures.len()), (1, 15), "one notification, encrypted anew each time");
}

#[test]
fn notification_is_acknowledged_by_status_not_by_body() {
    for (status, state) in [
        (200, NotificationState::Accepted),
        (204, NotificationState::Accepted),
        (201, NotificationState::Waiting),
        (302, NotificationState::Waiting),
        (404, NotificationState::Waiting),
        (500, NotificationState::Waiting),
    ] {
        let mut shop = Shop::open();
        place_and_pay(&mut shop);
        let [delivery] = shop.due().try_into().unwrap();
        shop.acknowledge(&delivery, status);
        assert_eq!(shop.record("A12345").notifications[0].state, state, "{status}");
    }
}

#[test]
fn forged_notifications_do_not_verify() {
    let mut shop = Shop::open();
    shop.gateway.inject(FaultRule::new(Fault::NotificationForged));
    for index in 0..20 {
        let number = format!("A1234{index}");
        shop.order(&number);
        shop.pay(&number);
        let [forged, genuine] = shop.due().try_into().unwrap();
        assert!(forged.is_forged() && !shop.verifies_notification(&forged));
        assert!(!genuine.is_forged() && shop.verifies_notification(&genuine));
        shop.acknowledge(&forged, 401);
        shop.acknowledge(&genuine, 204);
    }
    assert!(!shop.gateway.warnings().any(|warning| warning.kind == Kind::ForgedNotificationAccepted));
}

#[test]
fn signature_probe_precedes_a_notification() {
    let mut shop = Shop::with(|settings| settings.v3.probes_per_mille = 1000);
    let body = shop.goods("A12345").to_string();
    let request = shop.request(wxpay_proto::http::Method::Post, "/v3/pay/transactions/native", &body);
    shop.reply(&request);
    shop.pay("A12345");
    let [probe, genuine] = shop.due().try_into().unwrap();
    let signature = &probe.headers().iter().find(|(name, _)| *name == "wechatpay-signature").unwrap().1;
    assert!(signature.starts_with("WECHATPAY/SIGNTEST/"));
    assert!(probe.is_forged() && !shop.verifies_notification(&probe) && shop.verifies_notification(&genuine));
}

#[test]
fn notification_is_signed_with_the_key_current_at_delivery() {
    let mut shop = Shop::open();
    place_and_pay(&mut shop);
    let mchid = shop.merchant.mchid().clone();
    let [delivery] = shop.due().try_into().unwrap();
    let signer = |delivery: &wxpay_sim::notifications::Delivery| {
        delivery.headers().iter().find(|(name, _)| *name == "wechatpay-serial").unwrap().1.clone()
    };
    assert_eq!(signer(&delivery), shop.platform_serial());
    shop.acknowledge(&delivery, 500);
    let merchant = shop.gateway.merchant_mut(&mchid).unwrap();
    merchant.platform_mut().set_mode(wxpay_sim::merchant::KeyMode::PublicKey);
    shop.wait(15);
    let [delivery] = shop.due().try_into().unwrap();
    assert_eq!(signer(&delivery), shop.public_key_id());
    assert!(shop.verifies_notification(&delivery));
}

#[test]
fn merchant_without_an_apiv3_key_gets_no_notifications() {
    let mut shop = Shop::open();
    let mchid = shop.merchant.mchid().clone();
    shop.gateway.merchant_mut(&mchid).unwrap().set_api_v3_key(None);
    place_and_pay(&mut shop);
    assert!(shop.due().is_empty());
    assert_eq!(shop.gateway.next_due(), None);
    assert_eq!(shop.query("A12345").body["trade_state"], json!("SUCCESS"));
}
