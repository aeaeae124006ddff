//! Transfers and authorizations beyond the limit.

use super::{
    BILLS,
    authorization::{apply, close, confirm_authorization, pay, query_authorization},
    cancel, create, open_with, query,
};
use crate::v3::shop::Shop;
use serde_json::{Value, json};
use wxpay_proto::id::{OutAuthorizationNo, OutBillNo};
use wxpay_sim::notifications::NotificationRecord;

fn confirm(shop: &mut Shop, number: &str) -> bool {
    let (mchid, number) = (shop.merchant.mchid().clone(), number.parse::<OutBillNo>().unwrap());
    shop.gateway.confirm_transfer(&mchid, &number, shop.now)
}

/// Returns the event types of all notifications.
fn events(shop: &Shop) -> Vec<&'static str> {
    shop.gateway.notifications().filter_map(|record: NotificationRecord| record.event_type).collect()
}

#[test]
fn forgotten_transfer_is_found_by_no_number_and_its_receipt_with_it() {
    let mut shop = open_with(|settings| settings.max_orders = 2);
    // An order with the same number keeps its notification.
    shop.order("T12345");
    shop.pay("T12345");
    let with_name = json!({ "user_name": shop.encrypt("张三") });
    let id = create(&mut shop, "T12345", &with_name).body["transfer_bill_no"].clone();
    let by_id = format!("{BILLS}/transfer-bill-no/{}", id.as_str().unwrap());
    create(&mut shop, "T2", &json!({}));
    assert!(confirm(&mut shop, "T12345"));
    let receipts = "/v3/fund-app/mch-transfer/elecsign/out-bill-no";
    assert_eq!(shop.post(receipts, &json!({ "out_bill_no": "T12345" })).body["state"], "GENERATING");
    assert_eq!(events(&shop), ["TRANSACTION.SUCCESS", "MCHTRANSFER.BILL.FINISHED"]);

    create(&mut shop, "T3", &json!({}));
    assert_eq!(query(&mut shop, "T12345").status, 404);
    assert_eq!(shop.get(&by_id).status, 404);
    assert_eq!(cancel(&mut shop, "T12345").status, 404);
    assert_eq!(shop.get(&format!("{receipts}/T12345")).status, 404);
    assert!(!confirm(&mut shop, "T12345"));
    assert_eq!(events(&shop), ["TRANSACTION.SUCCESS"]);
    let kept: Vec<String> =
        shop.gateway.transfers(shop.now).iter().map(|transfer| transfer.out_bill_no.to_string()).collect();
    assert_eq!(kept, ["T2", "T3"]);

    // The number is free again, and the tasks of its first transfer do not end the second.
    shop.wait(3600);
    assert_eq!(create(&mut shop, "T12345", &with_name).body["state"], "WAIT_USER_CONFIRM");
    assert_eq!(query(&mut shop, "T2").status, 404, "the oldest one, as none is finished");
    shop.wait(86_400 - 3600);
    assert_eq!(query(&mut shop, "T12345").body["state"], "WAIT_USER_CONFIRM");
    shop.wait(3600);
    assert_eq!(query(&mut shop, "T12345").body["fail_reason"], "OVERDUE_CLOSE");
}

#[test]
fn forgotten_authorization_is_found_by_no_number_and_cannot_be_used() {
    let mut shop = open_with(|settings| settings.max_orders = 2);
    let scene = |scene: &str| json!({ "transfer_scene_id": scene });
    assert_eq!(apply(&mut shop, "N1", &scene("1000")).status, 200);
    assert_eq!(apply(&mut shop, "N2", &scene("1002")).status, 200);
    assert!(confirm_authorization(&mut shop, "N1") && confirm_authorization(&mut shop, "N2"));
    let id: Value = query_authorization(&mut shop, "N2").body["authorization_id"].clone();
    assert_eq!(
        pay(&mut shop, "T1", &json!({ "authorization_id": id, "transfer_scene_id": "1002" })).status,
        200
    );
    assert_eq!(close(&mut shop, "N2").status, 200);
    let about_authorizations =
        |shop: &Shop| events(shop).iter().filter(|event| event.contains("AUTHORIZATION")).count();
    assert_eq!(about_authorizations(&shop), 3);

    assert_eq!(apply(&mut shop, "N3", &scene("1005")).status, 200);
    assert_eq!(query_authorization(&mut shop, "N2").status, 404, "the closed one is forgotten first");
    assert_eq!(about_authorizations(&shop), 1);
    let unknown = pay(&mut shop, "T2", &json!({ "authorization_id": id, "transfer_scene_id": "1002" }));
    assert_eq!(unknown.message(), "免确认收款授权不存在");
    assert_eq!(query(&mut shop, "T1").body["state"], "SUCCESS", "its transfer is kept");
    let kept: Vec<OutAuthorizationNo> = shop
        .gateway
        .authorizations(shop.now)
        .into_iter()
        .map(|authorization| authorization.out_authorization_no)
        .collect();
    assert_eq!(kept.iter().map(ToString::to_string).collect::<Vec<_>>(), ["N1", "N3"]);
    shop.wait(86_400);
    assert_eq!(query_authorization(&mut shop, "N3").body["state"], "CLOSED");
}
