//! Fault injection in APIv3, each kind.

use super::shop::{Shop, parse_reply};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    http::{Method, Request, Response},
};
use wxpay_sim::{
    Outcome,
    faults::{ApiVersion, Fault, FaultRule, MigrationStep, Operation},
    gateway::{OrderRef, PayError, Payer},
    ledger::TradeState,
    merchant::KeyMode,
    notifications::{Delivery, NotificationState},
    warnings::Kind,
};

const NATIVE: &str = "/v3/pay/transactions/native";

fn shop_with_fault(rule: FaultRule) -> Shop {
    let mut shop = Shop::open();
    shop.gateway.inject(rule);
    shop
}

fn shop_with_one_fault(fault: Fault) -> Shop {
    shop_with_fault(FaultRule::new(fault).at_most(1))
}

fn order_request(shop: &mut Shop, number: &str) -> Request {
    let goods = shop.goods(number).to_string();
    shop.request(Method::Post, NATIVE, &goods)
}

fn place(shop: &mut Shop, number: &str) -> Outcome {
    let request = order_request(shop, number);
    shop.gateway.answer(&request, shop.now)
}

fn reply(outcome: Outcome) -> Response {
    let Outcome::Reply(reply) = outcome else { panic!("{outcome:?}") };
    reply
}

fn is_placed(shop: &Shop) -> bool {
    shop.gateway.orders(shop.now).len() > 0
}

/// Returns the fault of the last request and the status of its reply.
fn last_record(shop: &Shop) -> (Option<&'static str>, u16) {
    let record = shop.gateway.requests().last().unwrap();
    (record.fault, record.status)
}

fn order_ref(number: &str) -> OrderRef {
    OrderRef::OutTradeNo(number.parse().unwrap())
}

#[test]
fn refused_connection_executes_nothing() {
    let mut shop = shop_with_one_fault(Fault::ConnectionRefused { millis: 700 });
    let outcome = place(&mut shop, "A12345");
    assert!(
        matches!(outcome, Outcome::ConnectionRefused(delay) if delay == Duration::from_millis(700)),
        "{outcome:?}"
    );
    assert!(!is_placed(&shop));
    assert_eq!(last_record(&shop), (Some("connection_refused"), 0));
    assert_eq!(reply(place(&mut shop, "A12345")).status(), 200);
}

#[test]
fn connection_is_closed_before_or_after_execution() {
    for (fault, commits) in [(Fault::DropBeforeCommit, false), (Fault::CommitThenDropResponse, true)] {
        let mut shop = shop_with_one_fault(fault);
        let outcome = place(&mut shop, "A12345");
        assert!(
            matches!(outcome, Outcome::ConnectionClosed { committed } if committed == commits),
            "{outcome:?}"
        );
        assert_eq!(is_placed(&shop), commits);
        assert_eq!(last_record(&shop), (Some(fault.kind()), if commits { 200 } else { 0 }));
    }
}

#[test]
fn connection_is_reset_before_or_after_execution() {
    for (fault, commits) in [(Fault::ResetBeforeCommit, false), (Fault::CommitThenReset, true)] {
        let mut shop = shop_with_one_fault(fault);
        let outcome = place(&mut shop, "A12345");
        assert!(
            matches!(outcome, Outcome::ConnectionReset { committed } if committed == commits),
            "{outcome:?}"
        );
        assert_eq!(is_placed(&shop), commits);
    }
}

#[test]
fn delayed_reply_is_genuine_and_its_effect_immediate() {
    for fault in [Fault::Delayed { millis: 60_000 }, Fault::AnswerAfterClientTimeout { millis: 60_000 }] {
        let mut shop = shop_with_one_fault(fault);
        let Outcome::Delayed(reply, delay) = place(&mut shop, "A12345") else { panic!() };
        assert_eq!(delay, Duration::from_secs(60));
        assert!(shop.verifies_reply(&reply) && is_placed(&shop));
    }
}

#[test]
fn truncated_reply_lacks_its_end_and_slow_reply_is_complete() {
    let mut shop = shop_with_one_fault(Fault::Cut { bytes: 1_000_000 });
    let Outcome::Truncated(reply, length) = place(&mut shop, "A12345") else { panic!() };
    assert_eq!(length, reply.body().len() - 1);
    let mut shop = shop_with_one_fault(Fault::Slow { bytes_per_second: 7 });
    let Outcome::Slow(reply, 7) = place(&mut shop, "A12345") else { panic!() };
    assert!(shop.verifies_reply(&reply));
}

#[test]
fn error_page_is_unsigned_and_the_request_is_executed_or_not() {
    for commits in [true, false] {
        for (fault, status) in [
            (Fault::ServerError { commits }, 500),
            (Fault::BadGateway { commits }, 502),
            (Fault::Unavailable { commits }, 503),
        ] {
            let mut shop = shop_with_one_fault(fault);
            let reply = reply(place(&mut shop, "A12345"));
            assert_eq!(reply.status(), status);
            assert!(reply.body().starts_with(b"<html>"));
            assert_eq!(reply.header("content-type"), Some(&b"text/html"[..]));
            assert!(reply.header("wechatpay-signature").is_none());
            assert_eq!(is_placed(&shop), commits);
            assert_eq!(last_record(&shop), (Some(fault.kind()), status));
        }
    }
}

#[test]
fn system_error_is_signed_and_the_request_is_executed_or_not() {
    for commits in [true, false] {
        let mut shop = shop_with_one_fault(Fault::SystemError { commits });
        let reply = reply(place(&mut shop, "A12345"));
        assert!(shop.verifies_reply(&reply));
        assert_eq!(parse_reply(&reply).refusal(), (500, "SYSTEM_ERROR", 268_435_457));
        assert_eq!(is_placed(&shop), commits);
    }
}

#[test]
fn accepted_fault_executes_the_request_or_not() {
    for commits in [true, false] {
        let mut shop = shop_with_one_fault(Fault::Accepted { commits });
        let reply = reply(place(&mut shop, "A12345"));
        assert!(shop.verifies_reply(&reply));
        assert_eq!((reply.status(), reply.body()), (202, &b""[..]));
        assert_eq!(is_placed(&shop), commits);
    }
}

#[test]
fn rate_limited_fault_refuses_without_execution() {
    let mut shop = shop_with_one_fault(Fault::RateLimited);
    let reply = reply(place(&mut shop, "A12345"));
    assert!(shop.verifies_reply(&reply) && !is_placed(&shop));
    assert_eq!(parse_reply(&reply).refusal(), (429, "RATELIMIT_EXCEEDED", 268_447_840));
}

#[test]
fn garbage_fault_is_signed_and_not_json() {
    for commits in [true, false] {
        let mut shop = shop_with_one_fault(Fault::Garbage { commits });
        let reply = reply(place(&mut shop, "A12345"));
        assert!(shop.verifies_reply(&reply));
        assert!(serde_json::from_slice::<Value>(reply.body()).is_err());
        assert_eq!(is_placed(&shop), commits);
    }
}

#[test]
fn reply_with_an_invalid_signature_does_not_verify_but_was_executed() {
    let header = |reply: &Response, name: &str| {
        reply.header(name).map(|value| String::from_utf8(value.to_vec()).unwrap()).unwrap_or_default()
    };
    for fault in [
        Fault::UnsignedReply,
        Fault::WrongSignature,
        Fault::SigntestProbe,
        Fault::UnknownSerial,
        Fault::StaleTimestamp,
        Fault::MissingHeader,
        Fault::TamperedBody,
    ] {
        let mut shop = shop_with_one_fault(fault);
        let reply = reply(place(&mut shop, "A12345"));
        assert!(!shop.verifies_reply(&reply), "{fault:?}");
        assert!(is_placed(&shop));
        let signature = header(&reply, "wechatpay-signature");
        let is_kind = |kind: &str| fault.kind() == kind;
        assert_eq!(header(&reply, "wechatpay-serial").is_empty(), is_kind("unsigned_reply"));
        assert_eq!(header(&reply, "wechatpay-serial").starts_with("5FFF"), is_kind("unknown_serial"));
        assert_eq!(signature.is_empty(), is_kind("unsigned_reply") || is_kind("missing_header"));
        assert_eq!(signature.starts_with("WECHATPAY/SIGNTEST/"), is_kind("signtest_probe"));
        // A stale reply is valid apart from its timestamp: it would have verified ten minutes ago.
        shop.now = shop.now.before(Duration::from_secs(600));
        assert_eq!(shop.verifies_reply(&reply), is_kind("stale_timestamp"));
        shop.wait(600);
        let again = self::reply(place(&mut shop, "A12345"));
        assert!(shop.verifies_reply(&again));
    }
}

#[test]
fn notification_arrives_before_the_reply() {
    for label in ["v3.pay.native", "v3.pay.jsapi"] {
        let mut shop =
            shop_with_fault(FaultRule::new(Fault::Early).for_operation(Operation::from_name(label).unwrap()));
        let payer = json!({ "payer": { "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-w" } });
        let more = if label == "v3.pay.jsapi" { payer } else { json!({}) };
        let goods = shop.goods_with("A12345", &more).to_string();
        let target = format!("/v3/pay/transactions/{}", label.rsplit('.').next().unwrap());
        let request = shop.request(Method::Post, &target, &goods);
        let Outcome::AfterNotifications(reply) = shop.gateway.answer(&request, shop.now) else { panic!() };
        assert!(shop.verifies_reply(&reply));
        let [delivery] = shop.due().try_into().unwrap();
        assert_eq!(shop.read_notification(&delivery).1["trade_state"], "SUCCESS");
        // The order is paid already: placing it again sends no second notification.
        let again = shop.request(Method::Post, &target, &goods);
        assert!(matches!(shop.gateway.answer(&again, shop.now), Outcome::Reply(_)));
    }
}

#[test]
fn notification_arrives_before_the_payer_returns() {
    let mut shop = Shop::with(|settings| settings.notify_delay = Duration::from_secs(3));
    shop.order("A12345");
    shop.gateway.inject(FaultRule::new(Fault::Early).for_operation(Operation::Pay));
    let paid = shop.gateway.pay(&order_ref("A12345"), &Payer::default(), shop.now).unwrap();
    assert!(paid.notifications_first);
    assert_eq!(shop.due().len(), 1);
}

#[test]
fn payment_during_close_makes_close_fail() {
    let mut shop = Shop::open();
    shop.order("A12345");
    shop.gateway.inject(FaultRule::new(Fault::PaidDuringClose).at_most(1));
    assert_eq!(shop.close("A12345").refusal(), (400, "INVALID_REQUEST", 268_449_538));
    assert_eq!(shop.record("A12345").trade_state, TradeState::Success);
    let [delivery] = shop.due().try_into().unwrap();
    assert_eq!(shop.read_notification(&delivery).1["out_trade_no"], "A12345");
}

#[test]
fn second_payment_has_its_own_number_and_notification() {
    let mut shop = Shop::open();
    shop.order("A12345");
    shop.pay("A12345");
    let result = shop.gateway.pay(&order_ref("A12345"), &Payer::default(), shop.now);
    assert_eq!(result.unwrap_err(), PayError::AlreadyPaid);
    shop.gateway.inject(FaultRule::new(Fault::SecondPayment));
    let payments = shop.pay("A12345").payments;
    assert_eq!(payments.len(), 2);
    assert_ne!(payments[0].transaction_id, payments[1].transaction_id);
    let deliveries = shop.due();
    assert_eq!(deliveries.len(), 2);
    let (first, second) = (shop.read_notification(&deliveries[0]), shop.read_notification(&deliveries[1]));
    assert_ne!(first.0["id"], second.0["id"]);
    assert_ne!(first.1["transaction_id"], second.1["transaction_id"]);
}

fn signer(reply: &Response) -> String {
    String::from_utf8(reply.header("wechatpay-serial").unwrap().to_vec()).unwrap()
}

fn set_mode(shop: &mut Shop, mode: KeyMode) {
    let mchid = shop.merchant.mchid().clone();
    shop.gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(mode);
}

#[test]
fn certificate_rotates_during_a_request() {
    let mut shop = shop_with_one_fault(Fault::CertificateRotated);
    set_mode(&mut shop, KeyMode::Certificates);
    let before = shop.platform_serial();
    let reply = reply(place(&mut shop, "A12345"));
    assert_ne!(signer(&reply), before);
    // Both the new and the old certificate are listed.
    assert!(shop.verifies_reply(&reply));
    let certificates = shop.get("/v3/certificates").body["data"].clone();
    let serials: Vec<&str> =
        certificates.as_array().unwrap().iter().map(|one| one["serial_no"].as_str().unwrap()).collect();
    assert_eq!(serials.len(), 2);
    assert!(serials.contains(&before.as_str()) && serials.contains(&signer(&reply).as_str()));
}

#[test]
fn certificate_rotates_between_payment_and_notification() {
    let mut shop = Shop::open();
    set_mode(&mut shop, KeyMode::Certificates);
    shop.order("A12345");
    let before = shop.platform_serial();
    shop.gateway.inject(FaultRule::new(Fault::CertificateRotated).for_operation(Operation::Pay).at_most(1));
    shop.pay("A12345");
    let [delivery] = shop.due().try_into().unwrap();
    assert_ne!(header(&delivery, "wechatpay-serial"), before);
    assert!(shop.verifies_notification(&delivery));
}

#[test]
fn migration_step_applies_during_a_request() {
    let mut shop = shop_with_one_fault(Fault::MigrationStep { step: MigrationStep::Switch });
    set_mode(&mut shop, KeyMode::Obtained);
    shop.wechatpay_serial = Some(shop.public_key_id());
    assert_eq!(signer(&reply(place(&mut shop, "A12345"))), shop.public_key_id());
    shop.gateway.inject(FaultRule::new(Fault::MigrationStep { step: MigrationStep::RollBack }).at_most(1));
    assert_eq!(signer(&reply(place(&mut shop, "A12345"))), shop.platform_serial());
    shop.gateway.inject(FaultRule::new(Fault::MigrationStep { step: MigrationStep::Void }).at_most(1));
    assert_eq!(signer(&reply(place(&mut shop, "A12345"))), shop.platform_serial());
    let warning = shop.gateway.warnings().find(|warning| warning.kind == Kind::Nonportable).unwrap();
    assert!(warning.detail.starts_with("migration_step has no effect"), "{}", warning.detail);
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> &'a str {
    delivery.headers().iter().find(|(given, _)| *given == name).map_or("", |(_, value)| value)
}

fn shop_after_payment(fault: Fault) -> (Shop, Vec<Delivery>) {
    let mut shop = shop_with_one_fault(fault);
    shop.order("A12345");
    shop.pay("A12345");
    let deliveries = shop.due();
    (shop, deliveries)
}

#[test]
fn lost_notification_is_retried_on_schedule() {
    let (mut shop, deliveries) = shop_after_payment(Fault::NotificationLost);
    assert!(deliveries.is_empty());
    shop.wait(15);
    assert_eq!(shop.due().len(), 1);
}

#[test]
fn delayed_notification_arrives_later_and_once() {
    let (mut shop, deliveries) = shop_after_payment(Fault::NotificationDelayed { millis: 90_000 });
    assert!(deliveries.is_empty());
    shop.wait(89);
    assert!(shop.due().is_empty());
    shop.wait(1);
    let [delivery] = shop.due().try_into().unwrap();
    shop.acknowledge(&delivery, 204);
    assert_eq!(shop.record("A12345").notifications[0].state, NotificationState::Accepted);
}

#[test]
fn doubled_notification_overlaps_itself() {
    let (shop, deliveries) = shop_after_payment(Fault::NotificationDuplicated);
    assert_eq!(deliveries.iter().map(Delivery::overlaps).collect::<Vec<_>>(), [false, true]);
    assert_eq!(shop.read_notification(&deliveries[0]), {
        let (mut envelope, content) = shop.read_notification(&deliveries[1]);
        // Each delivery is encrypted anew.
        envelope["resource"] = shop.read_notification(&deliveries[0]).0["resource"].clone();
        (envelope, content)
    });
}

#[test]
fn reordered_notification_follows_the_next_one() {
    let (mut shop, deliveries) = shop_after_payment(Fault::NotificationReordered);
    assert!(deliveries.is_empty());
    shop.order("B12345");
    shop.pay("B12345");
    let order: Vec<String> = shop.due().iter().map(|delivery| delivery.out_trade_no().to_owned()).collect();
    assert_eq!(order, ["B12345", "A12345"]);
}

#[test]
fn forged_copy_precedes_the_notification() {
    for fault in [
        Fault::NotificationForged,
        Fault::NotificationUnknownSerial,
        Fault::NotificationProbe,
        Fault::NotificationStale,
    ] {
        let (mut shop, deliveries) = shop_after_payment(fault);
        assert_eq!(
            deliveries.iter().map(Delivery::is_forged).collect::<Vec<_>>(),
            [true, false],
            "{fault:?}"
        );
        let copy = &deliveries[0];
        assert!(!shop.verifies_notification(copy) && shop.verifies_notification(&deliveries[1]), "{fault:?}");
        let is_kind = |kind: &str| fault.kind() == kind;
        if !is_kind("notification_forged") {
            let is_probe = header(copy, "wechatpay-signature").starts_with("WECHATPAY/SIGNTEST/");
            assert_eq!(is_probe, is_kind("notification_probe"));
            assert_eq!(
                header(copy, "wechatpay-serial").starts_with("5FFF"),
                is_kind("notification_unknown_serial")
            );
        }
        shop.now = shop.now.before(Duration::from_secs(600));
        assert_eq!(shop.verifies_notification(copy), is_kind("notification_stale"));
        shop.wait(600);
        shop.acknowledge(copy, 204);
        assert!(shop.gateway.warnings().any(|warning| warning.kind == Kind::ForgedNotificationAccepted));
    }
}

#[test]
fn rule_applies_only_to_matching_requests() {
    let other = "1900000109".parse().unwrap();
    let drop_before_commit = || FaultRule::new(Fault::DropBeforeCommit);
    let own_mchid = Shop::open().merchant.mchid().clone();
    for (rule, applies) in [
        (drop_before_commit().for_operation(Operation::from_name("v3.pay.native").unwrap()), true),
        (drop_before_commit().for_operation(Operation::from_name("v3.pay.jsapi").unwrap()), false),
        (drop_before_commit().for_operation(Operation::Genprepay), false),
        (drop_before_commit().for_api_version(ApiVersion::V3), true),
        (drop_before_commit().for_api_version(ApiVersion::V1), false),
        (drop_before_commit().for_path("/v3/pay/transactions/*"), true),
        (drop_before_commit().for_path("*/close"), false),
        (drop_before_commit().for_merchant(&own_mchid), true),
        (drop_before_commit().for_merchant(&other), false),
        (drop_before_commit().for_order("A12345".parse().unwrap()), true),
        (drop_before_commit().for_number("B12345"), false),
        (drop_before_commit().between(Some(UnixTime::from_secs(1_780_000_000)), None), true),
        (drop_before_commit().between(None, Some(UnixTime::from_secs(1_780_000_000))), false),
        (drop_before_commit().per_mille(0), false),
    ] {
        let mut shop = shop_with_fault(rule.clone());
        let is_hit = matches!(place(&mut shop, "A12345"), Outcome::ConnectionClosed { .. });
        assert_eq!(is_hit, applies, "{rule:?}");
    }
}

#[test]
fn rule_matches_the_number_in_path_and_body() {
    let mut shop = Shop::open();
    shop.order("A12345");
    shop.pay("A12345");
    shop.gateway.inject(FaultRule::new(Fault::SystemError { commits: false }).for_number("A12345"));
    assert_eq!(shop.query("A12345").status, 500);
    assert_eq!(shop.query("B12345").status, 404);
    shop.gateway.clear_faults();
    shop.gateway.inject(FaultRule::new(Fault::SystemError { commits: false }).for_number("R12345"));
    let refund = json!({
        "out_trade_no": "A12345", "out_refund_no": "R12345",
        "amount": { "total": 1999, "refund": 1, "currency": "CNY" },
    });
    assert_eq!(shop.post("/v3/refund/domestic/refunds", &refund).status, 500);
    assert_eq!(shop.get("/v3/refund/domestic/refunds/R12345").status, 500);
    shop.gateway.clear_faults();
    assert_eq!(shop.get("/v3/refund/domestic/refunds/R12345").status, 404);
}

#[test]
fn same_seed_injects_the_same_faults() {
    let run = |seed| -> Vec<u16> {
        let mut shop = shop_with_fault(FaultRule::new(Fault::RateLimited).per_mille(500).with_seed(seed));
        (0..40).map(|_| shop.query("A12345").status).collect()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
    assert!(run(3).contains(&429) && run(3).contains(&404));
}

#[test]
fn rule_is_removed_by_its_number() {
    let mut shop = Shop::open();
    let first = shop.gateway.inject(FaultRule::new(Fault::RateLimited));
    let second = shop.gateway.inject(FaultRule::new(Fault::SystemError { commits: false }));
    assert_eq!(shop.query("A12345").status, 429);
    assert!(shop.gateway.remove_fault(first));
    assert_eq!(shop.query("A12345").status, 500);
    assert!(shop.gateway.remove_fault(second) && !shop.gateway.remove_fault(second));
    assert_eq!(shop.query("A12345").status, 404);
}
