//! Fault injection, kind by kind.

use crate::support::{Shop, parameter, token_url};
use std::time::Duration;
use wxpay_proto::http::Request;
use wxpay_sim::{
    Outcome, Settings,
    faults::{Fault, FaultRule, Operation},
    gateway::{OrderRef, PayError, Payer},
    notifications::{Delivery, DeliveryResult, NotificationState},
    warnings::Kind,
};

fn with_fault(fault: Fault) -> Shop {
    let mut shop = Shop::open(Settings::default());
    shop.gateway.inject(FaultRule::new(fault).at_most(1));
    shop
}

fn prepay(shop: &mut Shop, number: &str) -> Outcome {
    let body = shop.prepay_body(&shop.goods(number));
    let request = shop.request("/pay/genprepay", &body);
    shop.gateway.answer(&request, shop.now)
}

#[test]
fn lost_responsefollows_commit_or_not() {
    for (fault, commits) in [(Fault::CommitThenDropResponse, true), (Fault::DropBeforeCommit, false)] {
        let mut shop = with_fault(fault);
        let outcome = prepay(&mut shop, "A1");
        assert!(
            matches!(outcome, Outcome::ConnectionClosed { committed: actual } if actual == commits),
            "{outcome:?}"
        );
        assert_eq!(shop.gateway.orders(shop.now).len(), usize::from(commits));
        assert!(matches!(prepay(&mut shop, "A1"), Outcome::Reply(_)));
    }
}

#[test]
fn delayed_responseis_already_committed() {
    let mut shop = with_fault(Fault::Delayed { millis: 1500 });
    let Outcome::Delayed(reply, pause) = prepay(&mut shop, "A1") else { panic!() };
    assert_eq!(pause, Duration::from_millis(1500));
    assert!(reply.body().starts_with(b"{\"prepayid\""));
    assert_eq!(shop.gateway.orders(shop.now).len(), 1);
}

#[test]
fn truncated_responseis_never_complete() {
    for (bytes, expected) in [(0, 0), (10, 10), (1_000_000, 77)] {
        let mut shop = with_fault(Fault::Cut { bytes });
        let Outcome::Truncated(reply, length) = prepay(&mut shop, "A1") else { panic!() };
        assert_eq!(reply.body().len(), 78);
        assert_eq!(length, expected);
    }
}

#[test]
fn error_page_garbage_or_system_error_may_follow_a_commit() {
    for commits in [true, false] {
        for (fault, status, prefix) in [
            (Fault::ServerError { commits }, 500, &b"<html>"[..]),
            (Fault::Garbage { commits }, 200, b"<html>\xff"),
            (Fault::SystemError { commits }, 200, b"{\"errcode\":-1,\"errmsg\":\"system error\"}"),
        ] {
            let mut shop = with_fault(fault);
            let Outcome::Reply(reply) = prepay(&mut shop, "A1") else { panic!() };
            assert_eq!(reply.status(), status);
            assert!(reply.body().starts_with(prefix));
            assert_eq!(shop.gateway.orders(shop.now).len(), usize::from(commits));
        }
    }
}

#[test]
fn token_is_replaced_or_expires_during_a_call() {
    for (fault, expected) in [(Fault::TokenReplaced, 40001), (Fault::TokenExpired, 42001)] {
        let mut shop = with_fault(fault);
        let body = shop.prepay_body(&shop.goods("A1"));
        assert_eq!(shop.errcode("/pay/genprepay", &body), expected);
        shop.token = shop.fetch_token();
        assert_eq!(shop.errcode("/pay/genprepay", &body), 0);
    }
}

#[test]
fn token_quota_is_used_up_until_the_next_day() {
    let mut shop = with_fault(Fault::QuotaUsedUp);
    assert_eq!(shop.token_reply()["errcode"], 45009);
    assert_eq!(shop.token_reply()["errcode"], 45009);
    shop.wait(86_400);
    assert!(shop.token_reply().get("access_token").is_some());
}

#[test]
fn early_payment_precedes_the_genprepay_reply() {
    let mut shop = with_fault(Fault::Early);
    let Outcome::AfterNotifications(reply) = prepay(&mut shop, "A1") else { panic!() };
    assert!(reply.body().starts_with(b"{\"prepayid\""));
    let deliveries = shop.due();
    assert_eq!(deliveries.len(), 1);
    assert!(shop.verifies(&deliveries[0]));
}

#[test]
fn early_notification_precedes_the_payers_result() {
    let mut settings = Settings::default();
    settings.notify_delay = Duration::from_secs(3);
    let mut shop = Shop::open(settings);
    shop.gateway.inject(FaultRule::new(Fault::Early).for_operation(Operation::Pay));
    shop.order("A1");
    let order_ref = OrderRef::OutTradeNo("A1".parse().unwrap());
    let paid = shop.gateway.pay(&order_ref, &Payer::default(), shop.now).unwrap();
    assert!(paid.notifications_first);
    assert_eq!(shop.due().len(), 1);
}

#[test]
fn second_payment_has_its_own_number_and_notification() {
    let mut shop = Shop::open(Settings::default());
    shop.order("A1");
    let order_ref = OrderRef::OutTradeNo("A1".parse().unwrap());
    shop.pay("A1");
    let refused = shop.gateway.pay(&order_ref, &Payer::default(), shop.now);
    assert_eq!(refused.unwrap_err(), PayError::AlreadyPaid);
    shop.gateway.inject(FaultRule::new(Fault::SecondPayment));
    let payments = shop.pay("A1").payments;
    assert_eq!(payments.len(), 2);
    assert_ne!(payments[0].transaction_id, payments[1].transaction_id);
    let deliveries = shop.due();
    assert_eq!(deliveries.len(), 2);
    assert_ne!(parameter(&deliveries[0], "notify_id"), parameter(&deliveries[1], "notify_id"));
}

fn paid_with_fault(fault: Fault) -> (Shop, Vec<Delivery>) {
    let mut shop = with_fault(fault);
    shop.order("A1");
    shop.pay("A1");
    let deliveries = shop.due();
    (shop, deliveries)
}

#[test]
fn lost_notification_is_retried_on_schedule() {
    let (mut shop, deliveries) = paid_with_fault(Fault::NotificationLost);
    assert!(deliveries.is_empty());
    shop.wait(8);
    let delivery = shop.due().remove(0);
    shop.respond(&delivery, 200, "fail");
    assert_eq!(shop.gateway.next_due().unwrap().since(shop.now).as_secs(), 10);
}

#[test]
fn duplicated_notification_overlaps_and_counts_as_one_attempt() {
    let (mut shop, deliveries) = paid_with_fault(Fault::NotificationDuplicated);
    assert_eq!(deliveries.iter().map(Delivery::overlaps).collect::<Vec<_>>(), [false, true]);
    assert!(deliveries.iter().all(|delivery| shop.verifies(delivery)));
    assert_eq!(deliveries[0].query(), deliveries[1].query());
    shop.respond(&deliveries[0], 200, "fail");
    assert_eq!(shop.gateway.next_due(), None);
    shop.respond(&deliveries[1], 200, "fail");
    assert_eq!(shop.gateway.next_due().unwrap().since(shop.now).as_secs(), 8);
    let (mut shop, deliveries) = paid_with_fault(Fault::NotificationDuplicated);
    shop.respond(&deliveries[0], 200, "success");
    shop.gateway.record_delivery(
        deliveries[1].id(),
        &DeliveryResult::no_response("connection refused"),
        shop.now,
    );
    assert_eq!(shop.gateway.notifications().next().unwrap().state, NotificationState::Accepted);
}

#[test]
fn reordered_notification_follows_the_next_one() {
    let (mut shop, deliveries) = paid_with_fault(Fault::NotificationReordered);
    assert!(deliveries.is_empty());
    shop.wait(1);
    shop.order("A2");
    shop.pay("A2");
    let order: Vec<String> = shop.due().iter().map(|delivery| delivery.out_trade_no().to_string()).collect();
    assert_eq!(order, ["A2", "A1"]);
}

#[test]
fn reordered_notification_is_sent_alone_if_none_follows() {
    let (mut shop, deliveries) = paid_with_fault(Fault::NotificationReordered);
    assert!(deliveries.is_empty());
    shop.wait(8);
    assert_eq!(shop.due().len(), 1);
}

#[test]
fn forged_notification_does_not_verify_and_accepting_it_is_flagged() {
    let mut tampered = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let mut shop = Shop::seeded(Settings::default(), seed);
        shop.gateway.inject(FaultRule::new(Fault::NotificationForged).at_most(1));
        shop.order("A1");
        shop.pay("A1");
        let deliveries = shop.due();
        assert_eq!(deliveries.iter().map(Delivery::is_forged).collect::<Vec<_>>(), [true, false]);
        let (forged, genuine) = (&deliveries[0], &deliveries[1]);
        assert!(!shop.verifies(forged));
        assert!(shop.verifies(genuine));
        let differs = |name| parameter(forged, name) != parameter(genuine, name);
        tampered.insert(["total_fee", "transaction_id", "sign"].into_iter().find(|name| differs(name)));
        shop.respond(forged, 200, "success");
        assert!(shop.warned(Kind::ForgedNotificationAccepted));
        assert_eq!(shop.gateway.notifications().next().unwrap().state, NotificationState::InProgress);
        shop.respond(genuine, 200, "success");
        assert_eq!(shop.gateway.notifications().next().unwrap().state, NotificationState::Accepted);
    }
    assert_eq!(tampered.len(), 4);
}

#[test]
fn clearing_the_faults_restores_normal_replies() {
    let mut shop = Shop::open(Settings::default());
    shop.gateway.inject(FaultRule::new(Fault::DropBeforeCommit));
    let url = token_url("client_credential", "wx0", "s");
    assert!(matches!(
        shop.gateway.answer(&Request::get(url.clone()), shop.now),
        Outcome::ConnectionClosed { .. }
    ));
    shop.gateway.clear_faults();
    assert!(matches!(shop.gateway.answer(&Request::get(url), shop.now), Outcome::Reply(_)));
}
