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
mod refunds;
mod sharing;
mod shop;
mod transfers;

use std::time::Duration;
use wxpay_proto::{
    ErrorKind, Fate, Fen, UnixTime,
    id::{OutTradeNo, SerialNo},
    payment::{PaymentState, PaymentStatus, Transition},
    refusal::Code,
    v3::{
        Ack, Event, Merchant, Notification, Party, Raw, VerifyError,
        pay::{CloseOrder, NativeOrder, Order, OrderLookup, QueryOrder, TradeState},
        refund,
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

fn setting() -> (Driver, SimNetwork) {
    let mut lab = Driver::default();
    lab.now = UnixTime::from_secs(1_795_500_000);
    (lab, SimNetwork::new(Settings::default(), 7))
}

fn set_mode(wire: &mut SimNetwork, mode: KeyMode) {
    let mchid = wire.gateway.merchant().mchid().clone();
    wire.gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(mode);
}

/// Returns a merchant that trusts platform certificates only.
fn certificate_merchant(wire: &SimNetwork) -> Merchant {
    v3::builder(&wire.gateway, wire.gateway.merchant()).build()
}

/// Returns a merchant that trusts the public key only.
fn public_key_merchant(wire: &SimNetwork) -> Merchant {
    v3::public_key_builder(&wire.gateway, wire.gateway.merchant()).build()
}

/// Returns a merchant that trusts both, as during the migration.
fn migrating_merchant(wire: &SimNetwork) -> Merchant {
    v3::public_key_builder(&wire.gateway, wire.gateway.merchant()).platform_certificates().build()
}

fn order(wire: &SimNetwork, number: OutTradeNo, fen: u64) -> NativeOrder {
    let appid = wire.gateway.merchant().appids()[0].clone();
    let notify_url = "https://shop.example/notify/v3".parse().unwrap();
    NativeOrder::new(Order::builder(appid, number, Fen::new(fen), "千足金箍棒", notify_url).build().unwrap())
}

fn pay(lab: &Driver, wire: &mut SimNetwork, number: &OutTradeNo) {
    wire.gateway.pay_transaction(&OrderRef::OutTradeNo(number.clone()), &Payer::default(), lab.now).unwrap();
}

fn query(lab: &mut Driver, wire: &mut SimNetwork, me: &Merchant, number: OutTradeNo) -> OrderLookup {
    lab.run(me.call(QueryOrder::out_trade_no(number, Party::Direct)), wire).unwrap()
}

/// Delivers all notifications that are due within a minute, and returns the verified ones.
fn receive_notifications(lab: &mut Driver, wire: &mut SimNetwork, me: &Merchant) -> Vec<Notification> {
    let mut heard = Vec::new();
    while let Some(due) = wire.gateway.next_due().filter(|due| due.since(lab.now) < Duration::from_mins(1)) {
        lab.now = lab.now.max(due);
        wire.deliver_due_v3(lab, me, |notification| {
            heard.push(notification);
            Ack::Success
        });
    }
    heard
}

#[test]
fn order_is_placed_paid_notified_queried_and_refunded() {
    let (mut lab, mut wire) = setting();
    let me = certificate_merchant(&wire);
    let code_url = lab.run(me.call(order(&wire, number(1), 1999)), &mut wire).unwrap();
    assert!(code_url.starts_with("weixin://wxpay/bizpayurl?"), "{code_url}");
    assert!(
        matches!(query(&mut lab, &mut wire, &me, number(1)), OrderLookup::Found(unpaid) if unpaid.trade_state == TradeState::NotPay)
    );

    let payer = Payer::default().with_discount(Fen::new(99));
    wire.gateway.pay_transaction(&OrderRef::OutTradeNo(number(1)), &payer, lab.now).unwrap();
    let notifications = receive_notifications(&mut lab, &mut wire, &me);
    let [notification] = &notifications[..] else { panic!("expected one notification") };
    let Event::Transaction(told) = notification.event().unwrap() else { panic!("expected a payment event") };
    let mut state = PaymentState::new(number(1), Fen::new(1999));
    let before = state.clone();
    state.merge(&told.evidence().unwrap()).unwrap();
    let [Transition::Paid(paid)] = &state.transitions_since(&before)[..] else {
        panic!("expected one transition to paid")
    };
    assert_eq!((paid.total_fee(), paid.discount()), (Fen::new(1900), Fen::new(99)));

    let known = state.clone();
    state.merge(&query(&mut lab, &mut wire, &me, number(1)).evidence().unwrap()).unwrap();
    assert_eq!(state, known, "a query must not add to the evidence of the notification");

    let create =
        refund::CreateRefund::builder(number(1), "BACK1".parse().unwrap(), Fen::new(500), Fen::new(1999))
            .notify_url("https://shop.example/notify/v3".parse().unwrap());
    lab.run(me.call(create.build().unwrap()), &mut wire).unwrap();
    lab.wait(Duration::from_secs(10));
    let notifications = receive_notifications(&mut lab, &mut wire, &me);
    assert!(notifications.iter().any(
        |notification| matches!(notification.event(), Ok(Event::Refund(told)) if told.amount.refund == Fen::new(500))
    ));
    let after = query(&mut lab, &mut wire, &me, number(1));
    assert!(matches!(&after, OrderLookup::Found(order) if order.trade_state == TradeState::Refund));
    state.merge(&after.evidence().unwrap()).unwrap();
    assert!(matches!(state.status(), PaymentStatus::Paid(_)), "a refunded order must stay paid");
    assert_eq!(lab.count("v3.certificates"), 1, "the keys must be fetched once");
}

#[test]
fn public_key_merchant_never_fetches_certificates() {
    let (mut lab, mut wire) = setting();
    set_mode(&mut wire, KeyMode::PublicKey);
    let me = public_key_merchant(&wire);
    lab.run(me.call(order(&wire, number(1), 100)), &mut wire).unwrap();
    pay(&lab, &mut wire, &number(1));
    assert_eq!(receive_notifications(&mut lab, &mut wire, &me).len(), 1);
    assert_eq!(lab.count("v3.certificates"), 0);

    let me = certificate_merchant(&wire);
    let error = lab.run(me.call(order(&wire, number(2), 100)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Signature, Fate::Unknown));
    assert_eq!(lab.count("v3.certificates"), 0, "PUB_KEY_ID_ must not cause a fetch of certificates");
    lab.run(me.refresh_platform_keys(), &mut wire).unwrap();
    assert_eq!(lab.count("v3.certificates"), 1, "404 is a valid reply: there are no certificates");
}

fn platform<'a>(
    wire: &'a mut SimNetwork,
    mchid: &wxpay_proto::id::MchId,
) -> &'a mut wxpay_sim::merchant::PlatformKeys {
    wire.gateway.merchant_mut(mchid).unwrap().platform_mut()
}

#[test]
fn replies_and_notifications_verify_throughout_the_key_migration() {
    let (mut lab, mut wire) = setting();
    set_mode(&mut wire, KeyMode::Certificates);
    let mchid = wire.gateway.merchant().mchid().clone();
    let mut serial = 0;
    let mut shop = |lab: &mut Driver, wire: &mut SimNetwork, me: &Merchant| {
        for _ in 0..3 {
            serial += 1;
            lab.run(me.call(order(wire, number(serial), 100)), wire).unwrap();
            pay(lab, wire, &number(serial));
            assert_eq!(receive_notifications(lab, wire, me).len(), 1);
        }
    };
    let me = certificate_merchant(&wire);
    shop(&mut lab, &mut wire, &me);
    platform(&mut wire, &mchid).obtain_public_key().unwrap();
    let me = migrating_merchant(&wire);
    shop(&mut lab, &mut wire, &me);
    let now = lab.now;
    platform(&mut wire, &mchid).start_switch(now).unwrap();
    for _ in 0..3 {
        shop(&mut lab, &mut wire, &me);
        lab.wait(DAY);
    }
    platform(&mut wire, &mchid).roll_back().unwrap();
    shop(&mut lab, &mut wire, &me);
    let now = lab.now;
    platform(&mut wire, &mchid).start_switch(now).unwrap();
    for _ in 0..8 {
        shop(&mut lab, &mut wire, &me);
        lab.wait(DAY);
    }
    let now = lab.now;
    platform(&mut wire, &mchid).void_certificates(now).unwrap();
    shop(&mut lab, &mut wire, &me);
    let me = public_key_merchant(&wire);
    shop(&mut lab, &mut wire, &me);
}

#[test]
fn messages_signed_with_the_old_certificate_verify_after_rotation() {
    let (mut lab, mut wire) = setting();
    set_mode(&mut wire, KeyMode::Certificates);
    let (me, mchid) = (certificate_merchant(&wire), wire.gateway.merchant().mchid().clone());
    lab.run(me.call(order(&wire, number(1), 100)), &mut wire).unwrap();
    wire.gateway.rotate_certificate(&mchid, lab.now).unwrap();
    // Signed with the old certificate, and still in flight when the new one comes into use.
    lab.wait(DAY.checked_sub(Duration::from_secs(10)).unwrap());
    lab.run(me.call(order(&wire, number(2), 100)), &mut wire).unwrap();
    pay(&lab, &mut wire, &number(2));
    let old: Vec<_> = wire.gateway.due_deliveries(lab.now);
    lab.wait(Duration::from_secs(20));
    lab.run(me.call(order(&wire, number(3), 100)), &mut wire).unwrap();
    assert_eq!(lab.count("v3.certificates"), 2, "the new certificate must be fetched on its first use");
    for delivery in old {
        let notification = lab.run(me.verify_notification(v3::received(&delivery)), &mut wire).unwrap();
        assert_eq!(notification.event_type(), "TRANSACTION.SUCCESS");
    }
    assert_eq!(lab.count("v3.certificates"), 2);
}

#[test]
fn hundred_concurrent_orders_fetch_the_keys_once() {
    let (mut lab, mut wire) = setting();
    let me = certificate_merchant(&wire);
    let flows: Vec<_> = (0..100).map(|serial| me.call(order(&wire, number(serial), 100))).collect();
    let results = lab.run_all(flows, &mut wire);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!((lab.count("v3.certificates"), lab.count("v3.pay.native")), (1, 100));
}

#[test]
fn unknown_serial_numbers_cause_at_most_one_fetch_a_minute() {
    let (mut lab, mut wire) = setting();
    let me = certificate_merchant(&wire);
    for second in 0..300_u32 {
        let serial: SerialNo = format!("{second:040X}").parse().unwrap();
        let invented = wxpay_proto::v3::RawNotification::new(b"{}".to_vec())
            .header("Wechatpay-Timestamp", lab.now.as_secs().to_string().as_bytes())
            .header("Wechatpay-Nonce", b"n")
            .header("Wechatpay-Signature", b"c2ln")
            .header("Wechatpay-Serial", serial.as_str().as_bytes());
        let error = lab.run(me.verify_notification(invented), &mut wire).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signature);
        lab.wait(Duration::from_secs(1));
    }
    assert!((5..=6).contains(&lab.count("v3.certificates")), "{}", lab.count("v3.certificates"));
}

#[test]
fn merchants_in_one_process_do_not_trust_each_others_keys() {
    let (mut lab, mut wire) = setting();
    let other = wire.gateway.new_merchant();
    let mine = certificate_merchant(&wire);
    let theirs = v3::builder(&wire.gateway, &other).build();
    lab.run(mine.call(order(&wire, number(1), 100)), &mut wire).unwrap();
    pay(&lab, &mut wire, &number(1));
    let due = wire.gateway.due_deliveries(lab.now);
    let error = lab.run(theirs.verify_notification(v3::received(&due[0])), &mut wire).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Signature | ErrorKind::Malformed), "{error:?}");
    assert!(lab.run(mine.verify_notification(v3::received(&due[0])), &mut wire).is_ok());
    let asked = lab.run(theirs.call(QueryOrder::out_trade_no(number(1), Party::Direct)), &mut wire).unwrap();
    assert_eq!(asked, OrderLookup::NotFound, "an order must be visible to its own merchant only");
}

#[test]
fn paid_order_cannot_be_closed_and_closed_order_cannot_be_paid() {
    let (mut lab, mut wire) = setting();
    let me = public_key_merchant(&wire);
    for serial in [1, 2] {
        lab.run(me.call(order(&wire, number(serial), 100)), &mut wire).unwrap();
    }
    pay(&lab, &mut wire, &number(1));
    let error = lab.run(me.call(CloseOrder::new(number(1), Party::Direct)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::Refused));
    assert_eq!(error.refusal().unwrap().internal_number(), Some(268_449_538), "the order is paid");
    lab.run(me.call(CloseOrder::new(number(2), Party::Direct)), &mut wire).unwrap();
    let named = OrderRef::OutTradeNo(number(2));
    assert!(wire.gateway.pay_transaction(&named, &Payer::default(), lab.now).is_err());
}

#[test]
fn refusal_of_a_wrong_signature_shows_the_string_the_gateway_verified() {
    let (mut lab, mut wire) = setting();
    let other = wire.gateway.new_merchant();
    // The merchant's number and certificate, but another private key.
    let known = wire.gateway.merchant().clone();
    let forger = wxpay_sim::merchant::Merchant::new(
        known.mchid().clone(),
        known.appids()[0].clone(),
        wxpay_sim::merchant::ApiKey::new(
            known.api_keys()[0].certificate.clone(),
            other.api_keys()[0].key_pair.clone(),
        ),
        known.api_v3_key().unwrap().expose().clone(),
        known.platform().clone(),
    );
    let me = v3::public_key_builder(&wire.gateway, &forger).build();
    let raw = Raw::new(wxpay_proto::http::Method::Get, "/v3/certificates").unwrap();
    let error = lab.run(me.call(raw), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::Refused), "{error:?}");
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status, &refusal.code), (401, &Code::SIGN_ERROR));
    let shown = refusal.detail.as_ref().unwrap().truncated_sign_message.clone().unwrap();
    assert!(shown.starts_with("GET\\n/v3/certificates\\n"), "{shown}");
    assert_eq!(refusal.internal_number(), Some(268_443_699));
}

#[test]
fn notification_older_than_300_seconds_is_rejected() {
    let (mut lab, mut wire) = setting();
    let me = public_key_merchant(&wire);
    lab.run(me.call(order(&wire, number(1), 100)), &mut wire).unwrap();
    pay(&lab, &mut wire, &number(1));
    let due = wire.gateway.due_deliveries(lab.now);
    lab.wait(Duration::from_mins(5));
    assert!(
        lab.run(me.verify_notification(v3::received(&due[0])), &mut wire).is_ok(),
        "300 seconds are within the window"
    );
    lab.wait(Duration::from_secs(1));
    let error = lab.run(me.verify_notification(v3::received(&due[0])), &mut wire).unwrap_err();
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<VerifyError>());
    assert_eq!(cause, Some(&VerifyError::TimestampOutOfRange));
    assert_eq!(Ack::for_error(&error), Ack::Reject(401));
}
