//! Notifications: filters, resend, cancel.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::{Value, json};
use wxpay_sim::notifications::DeliveryResult;

/// Two paid orders and their notifications.
fn with_paid_orders() -> (Shop, Control) {
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
fn notifications_are_filtered_by_number_merchant_and_state() {
    let (shop, mut interface) = with_paid_orders();
    let all = interface.get("notifications");
    let [first, second] = all.as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!(interface.get("notifications?out_trade_no=B12345"), json!([second]));
    assert_eq!(
        interface.get(&format!("notifications?mchid={}&out_trade_no=A12345", shop.mchid())),
        json!([first])
    );
    assert_eq!(interface.get("notifications?mchid=1"), json!([]));
    assert_eq!(interface.get("notifications?state=WAITING"), all);
    assert_eq!(interface.get("notifications?state=ACCEPTED"), json!([]));
    assert_eq!(interface.get(&format!("notifications/{}", id(first))), *first);
    assert_eq!(interface.rejected("GET", "notifications?state=asleep", &Value::Null), (400, "state".into()));
    assert_eq!(interface.rejected("GET", "notifications/nobody", &Value::Null).0, 404);
    let percent = interface.rejected("GET", "notifications/no%25body", &Value::Null);
    assert_eq!(percent, (400, "notify_id".into()));
}

#[test]
fn accepted_notification_can_be_resent() {
    let (_, mut interface) = with_paid_orders();
    deliver(&mut interface, 204);
    let notification = interface.get("notifications")[0].clone();
    assert_eq!((&notification["state"], &notification["next_at"]), (&json!("ACCEPTED"), &Value::Null));
    let resend = format!("notifications/{}/resend", id(&notification));
    let notification = interface.succeed("POST", &resend, &Value::Null);
    assert_eq!((&notification["state"], notification["next_at"].is_u64()), (&json!("WAITING"), true));
    assert_eq!(deliver(&mut interface, 500), ["A12345"]);
    let notification = interface.get(&format!("notifications/{}", id(&notification)));
    let results: Vec<_> = notification["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| delivery["result"].clone())
        .collect();
    assert_eq!(results, [json!("success"), json!({ "rejected": 500 })]);
    assert_eq!(interface.rejected("POST", "notifications/nobody/resend", &Value::Null).0, 404);
}

#[test]
fn cancelled_notification_is_sent_only_on_resend() {
    let (_, mut interface) = with_paid_orders();
    let notification = interface.get("notifications")[0].clone();
    let cancel = format!("notifications/{}/cancel", id(&notification));
    assert_eq!(interface.succeed("POST", &cancel, &Value::Null)["state"], "STOPPED");
    assert_eq!(deliver(&mut interface, 500), ["B12345"]);
    assert_eq!(interface.rejected("POST", &cancel, &Value::Null).0, 409);
    interface.succeed("POST", &format!("notifications/{}/resend", id(&notification)), &Value::Null);
    assert_eq!(deliver(&mut interface, 204), ["A12345"]);
}

#[test]
fn notification_in_progress_cannot_be_resent_or_cancelled() {
    let (shop, mut interface) = with_paid_orders();
    let deliveries = interface.simulation.gateway.due_deliveries(shop.now);
    assert_eq!(deliveries.len(), 2);
    let notification = interface.get("notifications?state=IN_PROGRESS")[0].clone();
    for action in ["resend", "cancel"] {
        let path = format!("notifications/{}/{action}", id(&notification));
        assert_eq!(interface.rejected("POST", &path, &Value::Null).0, 409);
    }
}
