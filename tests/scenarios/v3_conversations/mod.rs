//! Complete APIv3 conversations with the simulated gateway, in virtual time, with real RSA.
//!
//! This module covers keys, signatures and time; each product has a module of its own.

mod bills;
mod codes;
mod combined;
mod files;
mod operations;
mod orders;
mod partner;
mod profit_sharing;
mod refunds;
mod shop;
mod transfers;

use crate::v1_conversations::merge;
use std::time::Duration;
use wxpay_proto::{
    ErrorKind, Fate, Fen, UnixTime,
    id::{OutTradeNo, SerialNo},
    payment::{PaymentState, PaymentStatus, Transition},
    refusal::Code,
    v3::{
        Ack, Event, Lookup, Merchant, Notification, Raw, VerifyError,
        pay::{CloseOrder, NativeOrder, Order, QueryOrder, TradeState, Transaction},
        refund::{CreateRefund, RefundAmount, RefundOf},
    },
};
use wxpay_sim::{
    Settings,
    gateway::{OrderRef, Payer},
    merchant::KeyMode,
};
use wxpay_testkit::{
    drive::Driver,
    network::{SimNetwork, v3},
};

const DAY: Duration = Duration::from_hours(24);

fn number(serial: u32) -> OutTradeNo {
    format!("20261124{serial:08}").parse().unwrap()
}

fn refund_of(payment: impl Into<RefundOf>, out_refund_no: &str, refund: u64, total: u64) -> CreateRefund {
    let amount = RefundAmount::new(Fen::new(refund), Fen::new(total)).unwrap();
    CreateRefund::new(payment, out_refund_no.parse().unwrap(), amount)
}

fn setup() -> (Driver, SimNetwork) {
    let mut driver = Driver::default();
    driver.now = UnixTime::from_secs(1_795_500_000);
    (driver, SimNetwork::new(Settings::default(), 7))
}

fn set_mode(network: &mut SimNetwork, mode: KeyMode) {
    let mchid = network.gateway.merchant().mchid().clone();
    network.gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(mode);
}

/// Returns a merchant that trusts platform certificates only.
fn certificate_merchant(network: &SimNetwork) -> Merchant {
    v3::builder(&network.gateway, network.gateway.merchant()).build()
}

/// Returns a merchant that trusts the public key only.
fn public_key_merchant(network: &SimNetwork) -> Merchant {
    v3::public_key_builder(&network.gateway, network.gateway.merchant()).build()
}

/// Returns a merchant that trusts both, as during the migration.
fn migrating_merchant(network: &SimNetwork) -> Merchant {
    v3::public_key_builder(&network.gateway, network.gateway.merchant()).platform_certificates().build()
}

fn order(network: &SimNetwork, number: OutTradeNo, fen: u64) -> NativeOrder {
    let appid = network.gateway.merchant().appids()[0].clone();
    let notify_url = "https://shop.example/notify/v3".parse().unwrap();
    NativeOrder::new(
        Order::new(number, Fen::new(fen), "千足金箍棒").unwrap().appid(appid).notify_url(notify_url),
    )
}

fn pay(driver: &Driver, network: &mut SimNetwork, number: &OutTradeNo) {
    network.gateway.pay(&OrderRef::OutTradeNo(number.clone()), &Payer::default(), driver.now).unwrap();
}

fn query(
    driver: &mut Driver,
    network: &mut SimNetwork,
    merchant: &Merchant,
    number: OutTradeNo,
) -> Lookup<Transaction> {
    driver.run(merchant.call(QueryOrder::out_trade_no(number)), network).unwrap()
}

/// Delivers all notifications that are due within a minute, and returns the verified ones.
fn receive_notifications(
    driver: &mut Driver,
    network: &mut SimNetwork,
    merchant: &Merchant,
) -> Vec<Notification> {
    let mut received = Vec::new();
    while let Some(due) =
        network.gateway.next_due().filter(|due| due.since(driver.now) < Duration::from_mins(1))
    {
        driver.now = driver.now.max(due);
        network.deliver_due_v3(driver, merchant, |notification| {
            received.push(notification);
            Ack::Success
        });
    }
    received
}

#[test]
fn order_is_placed_paid_notified_queried_and_refunded() {
    let (mut driver, mut network) = setup();
    let merchant = certificate_merchant(&network);
    let code_url = driver.run(merchant.call(order(&network, number(1), 1999)), &mut network).unwrap();
    assert!(code_url.starts_with("weixin://wxpay/bizpayurl?"), "{code_url}");
    assert!(
        matches!(query(&mut driver, &mut network, &merchant, number(1)), Lookup::Found(unpaid) if unpaid.trade_state == TradeState::NotPay)
    );

    let payer = Payer::default().with_discount(Fen::new(99));
    network.gateway.pay(&OrderRef::OutTradeNo(number(1)), &payer, driver.now).unwrap();
    let notifications = receive_notifications(&mut driver, &mut network, &merchant);
    let [notification] = &notifications[..] else { panic!("expected one notification") };
    let Event::Transaction(transaction) = notification.event().unwrap() else {
        panic!("expected a payment event")
    };
    let mut state = PaymentState::new(number(1), Fen::new(1999));
    let before = state.clone();
    merge(&mut state, &transaction.evidence().unwrap());
    let [Transition::Paid(paid)] = &state.transitions_since(&before)[..] else {
        panic!("expected one transition to paid")
    };
    assert_eq!((paid.total_fee(), paid.discount()), (Fen::new(1900), Fen::new(99)));

    let before_query = state.clone();
    merge(&mut state, &query(&mut driver, &mut network, &merchant, number(1)).evidence().unwrap());
    assert_eq!(state, before_query, "a query must not add to the evidence of the notification");

    let create = refund_of(number(1), "REFUND1", 500, 1999)
        .notify_url("https://shop.example/notify/v3".parse().unwrap());
    driver.run(merchant.call(create), &mut network).unwrap();
    driver.wait(Duration::from_secs(10));
    let notifications = receive_notifications(&mut driver, &mut network, &merchant);
    assert!(notifications.iter().any(
        |notification| matches!(notification.event(), Ok(Event::Refund(refund)) if refund.amount.refund == Fen::new(500))
    ));
    let after = query(&mut driver, &mut network, &merchant, number(1));
    assert!(matches!(&after, Lookup::Found(order) if order.trade_state == TradeState::Refund));
    merge(&mut state, &after.evidence().unwrap());
    assert!(matches!(state.status(), PaymentStatus::Paid(_)), "a refunded order must stay paid");
    assert_eq!(driver.count("v3.certificates"), 1, "the keys must be fetched once");
}

#[test]
fn public_key_merchant_never_fetches_certificates() {
    let (mut driver, mut network) = setup();
    set_mode(&mut network, KeyMode::PublicKey);
    let merchant = public_key_merchant(&network);
    driver.run(merchant.call(order(&network, number(1), 100)), &mut network).unwrap();
    pay(&driver, &mut network, &number(1));
    assert_eq!(receive_notifications(&mut driver, &mut network, &merchant).len(), 1);
    assert_eq!(driver.count("v3.certificates"), 0);

    let merchant = certificate_merchant(&network);
    let error = driver.run(merchant.call(order(&network, number(2), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Signature, Some(Fate::Unknown)));
    assert_eq!(driver.count("v3.certificates"), 0, "PUB_KEY_ID_ must not cause a fetch of certificates");
    driver.run(merchant.refresh_platform_keys(), &mut network).unwrap();
    assert_eq!(driver.count("v3.certificates"), 1, "404 is a valid reply: there are no certificates");
}

fn platform<'a>(
    network: &'a mut SimNetwork,
    mchid: &wxpay_proto::id::MchId,
) -> &'a mut wxpay_sim::merchant::PlatformKeys {
    network.gateway.merchant_mut(mchid).unwrap().platform_mut()
}

#[test]
fn replies_and_notifications_verify_throughout_the_key_migration() {
    let (mut driver, mut network) = setup();
    set_mode(&mut network, KeyMode::Certificates);
    let mchid = network.gateway.merchant().mchid().clone();
    let mut serial = 0;
    let mut shop = |driver: &mut Driver, network: &mut SimNetwork, merchant: &Merchant| {
        for _ in 0..3 {
            serial += 1;
            driver.run(merchant.call(order(network, number(serial), 100)), network).unwrap();
            pay(driver, network, &number(serial));
            assert_eq!(receive_notifications(driver, network, merchant).len(), 1);
        }
    };
    let merchant = certificate_merchant(&network);
    shop(&mut driver, &mut network, &merchant);
    platform(&mut network, &mchid).obtain_public_key().unwrap();
    let merchant = migrating_merchant(&network);
    shop(&mut driver, &mut network, &merchant);
    let now = driver.now;
    platform(&mut network, &mchid).start_switch(now).unwrap();
    for _ in 0..3 {
        shop(&mut driver, &mut network, &merchant);
        driver.wait(DAY);
    }
    platform(&mut network, &mchid).roll_back().unwrap();
    shop(&mut driver, &mut network, &merchant);
    let now = driver.now;
    platform(&mut network, &mchid).start_switch(now).unwrap();
    for _ in 0..8 {
        shop(&mut driver, &mut network, &merchant);
        driver.wait(DAY);
    }
    let now = driver.now;
    platform(&mut network, &mchid).void_certificates(now).unwrap();
    shop(&mut driver, &mut network, &merchant);
    let merchant = public_key_merchant(&network);
    shop(&mut driver, &mut network, &merchant);
}

#[test]
fn messages_signed_with_the_old_certificate_verify_after_rotation() {
    let (mut driver, mut network) = setup();
    set_mode(&mut network, KeyMode::Certificates);
    let (merchant, mchid) = (certificate_merchant(&network), network.gateway.merchant().mchid().clone());
    driver.run(merchant.call(order(&network, number(1), 100)), &mut network).unwrap();
    network.gateway.rotate_certificate(&mchid, driver.now).unwrap();
    // Signed with the old certificate, and still in flight when the new one comes into use.
    driver.wait(DAY.checked_sub(Duration::from_secs(10)).unwrap());
    driver.run(merchant.call(order(&network, number(2), 100)), &mut network).unwrap();
    pay(&driver, &mut network, &number(2));
    let old: Vec<_> = network.gateway.due_deliveries(driver.now);
    driver.wait(Duration::from_secs(20));
    driver.run(merchant.call(order(&network, number(3), 100)), &mut network).unwrap();
    assert_eq!(driver.count("v3.certificates"), 2, "the new certificate must be fetched on its first use");
    for delivery in old {
        let notification =
            driver.run(merchant.verify_notification(v3::raw_notification(&delivery)), &mut network).unwrap();
        assert_eq!(notification.event_type(), "TRANSACTION.SUCCESS");
    }
    assert_eq!(driver.count("v3.certificates"), 2);
}

#[test]
fn hundred_concurrent_orders_fetch_the_keys_once() {
    let (mut driver, mut network) = setup();
    let merchant = certificate_merchant(&network);
    let flows: Vec<_> = (0..100).map(|serial| merchant.call(order(&network, number(serial), 100))).collect();
    let results = driver.run_all(flows, &mut network);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!((driver.count("v3.certificates"), driver.count("v3.pay.native")), (1, 100));
}

#[test]
fn unknown_serial_numbers_cause_at_most_one_fetch_a_minute() {
    let (mut driver, mut network) = setup();
    let merchant = certificate_merchant(&network);
    for second in 0..300_u32 {
        let serial: SerialNo = format!("{second:040X}").parse().unwrap();
        let invented = wxpay_proto::v3::RawNotification::new(b"{}".to_vec())
            .header("Wechatpay-Timestamp", driver.now.as_secs().to_string().as_bytes())
            .header("Wechatpay-Nonce", b"n")
            .header("Wechatpay-Signature", b"c2ln")
            .header("Wechatpay-Serial", serial.as_str().as_bytes());
        let error = driver.run(merchant.verify_notification(invented), &mut network).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signature);
        driver.wait(Duration::from_secs(1));
    }
    assert!((5..=6).contains(&driver.count("v3.certificates")), "{}", driver.count("v3.certificates"));
}

#[test]
fn merchants_in_one_process_do_not_trust_each_others_keys() {
    let (mut driver, mut network) = setup();
    let other = network.gateway.new_merchant();
    let merchant = certificate_merchant(&network);
    let other_merchant = v3::builder(&network.gateway, &other).build();
    driver.run(merchant.call(order(&network, number(1), 100)), &mut network).unwrap();
    pay(&driver, &mut network, &number(1));
    let due = network.gateway.due_deliveries(driver.now);
    let error = driver
        .run(other_merchant.verify_notification(v3::raw_notification(&due[0])), &mut network)
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Signature | ErrorKind::Malformed), "{error:?}");
    assert!(driver.run(merchant.verify_notification(v3::raw_notification(&due[0])), &mut network).is_ok());
    let queried = driver.run(other_merchant.call(QueryOrder::out_trade_no(number(1))), &mut network).unwrap();
    assert_eq!(queried, Lookup::NotFound, "an order must be visible to its own merchant only");
}

#[test]
fn paid_order_cannot_be_closed_and_closed_order_cannot_be_paid() {
    let (mut driver, mut network) = setup();
    let merchant = public_key_merchant(&network);
    for serial in [1, 2] {
        driver.run(merchant.call(order(&network, number(serial), 100)), &mut network).unwrap();
    }
    pay(&driver, &mut network, &number(1));
    let error = driver.run(merchant.call(CloseOrder::new(number(1))), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Refused)));
    assert_eq!(error.refusal().unwrap().internal_number(), Some(268_449_538), "the order is paid");
    driver.run(merchant.call(CloseOrder::new(number(2))), &mut network).unwrap();
    let order_ref = OrderRef::OutTradeNo(number(2));
    assert!(network.gateway.pay(&order_ref, &Payer::default(), driver.now).is_err());
}

#[test]
fn refusal_of_a_wrong_signature_shows_the_string_the_gateway_verified() {
    let (mut driver, mut network) = setup();
    let other = network.gateway.new_merchant();
    // The merchant's number and certificate, but another private key.
    let merchant = network.gateway.merchant().clone();
    let wrong_key = wxpay_sim::merchant::Merchant::new(
        merchant.mchid().clone(),
        merchant.appids()[0].clone(),
        wxpay_sim::merchant::ApiKey::new(
            merchant.api_keys()[0].certificate.clone(),
            other.api_keys()[0].key_pair.clone(),
        ),
        merchant.api_v3_key().unwrap().expose().clone(),
        merchant.platform().clone(),
    );
    let me = v3::public_key_builder(&network.gateway, &wrong_key).build();
    let raw = Raw::new(wxpay_proto::http::Method::Get, "/v3/certificates").unwrap();
    let error = driver.run(me.call(raw), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, None), "{error:?}");
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status, &refusal.code), (401, &Code::SIGN_ERROR));
    let signed_string = refusal.detail.as_ref().unwrap().truncated_sign_message.clone().unwrap();
    assert!(signed_string.starts_with("GET\\n/v3/certificates\\n"), "{signed_string}");
    assert_eq!(refusal.internal_number(), Some(268_443_699));
}

#[test]
fn notification_older_than_300_seconds_is_rejected() {
    let (mut driver, mut network) = setup();
    let merchant = public_key_merchant(&network);
    driver.run(merchant.call(order(&network, number(1), 100)), &mut network).unwrap();
    pay(&driver, &mut network, &number(1));
    let due = network.gateway.due_deliveries(driver.now);
    driver.wait(Duration::from_mins(5));
    assert!(
        driver.run(merchant.verify_notification(v3::raw_notification(&due[0])), &mut network).is_ok(),
        "300 seconds are within the window"
    );
    driver.wait(Duration::from_secs(1));
    let error =
        driver.run(merchant.verify_notification(v3::raw_notification(&due[0])), &mut network).unwrap_err();
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<VerifyError>());
    assert_eq!(cause, Some(&VerifyError::TimestampOutOfRange));
    assert_eq!(Ack::for_error(&error), Ack::Reject(401));
}
