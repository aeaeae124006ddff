//! Notifications: filters, resend, cancel.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::{Value, json};
use wxpay_sim::notifications::DeliveryResult;

/// Two paid orders and their notifications.
fn paid() -> (Shop, Control) {
    let mut shop = Shop::open();
    for number in ["A12345", "B12345"] {
        shop.order(number);
        shop.pay(number);
    }
    let interface = Control::of(shop.gateway.clone(), shop.now);
    (shop, interface)
}

/// Delivers the notifications that are due and reports a response with a status. Returns their order numbers.
fn deliver(interface: &mut Control, status: u16) -> Vec<String> {
    let now = interface.simulation.clock.now(super::START);
    let gateway = &mut interface.simulation.gateway;
    let deliveries = gateway.due_deliveries(now);
    for delivery in &deliveries {
        gateway.record_delivery(delivery.id(), &DeliveryResult::Response { status, body: Vec::new() }, now);
    }
    deliveries.iter().map(|delivery| delivery.out_trade_no().into()).collect()
}

fn id(notification: &Value) -> String {
    notification["notify_id"].as_str().unwrap().into()
}

#[test]
fn notifications_are_found_by_number_merchant_and_state() {
    let (shop, mut interface) = paid();
    let all = interface.show("notifications");
    let [first, second] = all.as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!(interface.show("notifications?out_trade_no=B12345"), json!([second]));
    assert_eq!(
        interface.show(&format!("notifications?mchid={}&out_trade_no=A12345", shop.mchid())),
        json!([first])
    );
    assert_eq!(interface.show("notifications?mchid=1"), json!([]));
    assert_eq!(interface.show("notifications?state=WAITING"), all);
    assert_eq!(interface.show("notifications?state=ACCEPTED"), json!([]));
    assert_eq!(interface.show(&format!("notifications/{}", id(first))), *first);
    assert_eq!(interface.refused("GET", "notifications?state=asleep", &Value::Null), (400, "state".into()));
    assert_eq!(interface.refused("GET", "notifications/nobody", &Value::Null).0, 404);
}

#[test]
fn a_notification_that_was_accepted_is_sent_again() {
    let (_, mut interface) = paid();
    deliver(&mut interface, 204);
    let notification = interface.show("notifications")[0].clone();
    assert_eq!((&notification["state"], &notification["next_at"]), (&json!("ACCEPTED"), &Value::Null));
    let again = format!("notifications/{}/resend", id(&notification));
    let notification = interface.done("POST", &again, &Value::Null);
    assert_eq!((&notification["state"], notification["next_at"].is_u64()), (&json!("WAITING"), true));
    assert_eq!(deliver(&mut interface, 500), ["A12345"]);
    let notification = interface.show(&format!("notifications/{}", id(&notification)));
    let results: Vec<_> = notification["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| delivery["result"].clone())
        .collect();
    assert_eq!(results, [json!("success"), json!({ "rejected": 500 })]);
    assert_eq!(interface.refused("POST", "notifications/nobody/resend", &Value::Null).0, 404);
}

#[test]
fn a_notification_is_given_up_and_not_sent_until_it_is_asked_for() {
    let (_, mut interface) = paid();
    let notification = interface.show("notifications")[0].clone();
    let end = format!("notifications/{}/cancel", id(&notification));
    assert_eq!(interface.done("POST", &end, &Value::Null)["state"], "STOPPED");
    assert_eq!(deliver(&mut interface, 500), ["B12345"]);
    assert_eq!(interface.refused("POST", &end, &Value::Null).0, 409);
    interface.done("POST", &format!("notifications/{}/resend", id(&notification)), &Value::Null);
    assert_eq!(deliver(&mut interface, 204), ["A12345"]);
}

#[test]
fn a_notification_on_its_way_is_left_alone() {
    let (shop, mut interface) = paid();
    let deliveries = interface.simulation.gateway.due_deliveries(shop.now);
    assert_eq!(deliveries.len(), 2);
    let notification = interface.show("notifications?state=IN_PROGRESS")[0].clone();
    for wish in ["resend", "cancel"] {
        let path = format!("notifications/{}/{wish}", id(&notification));
        assert_eq!(interface.refused("POST", &path, &Value::Null).0, 409);
    }
}
