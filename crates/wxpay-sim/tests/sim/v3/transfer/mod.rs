//! Transfers: create, confirm, fail, expire, cancel.

mod authorization;
mod qq_wallet;
mod receipt;
mod retention;

use super::shop::{NOTIFY, ParsedReply, Shop};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_proto::{Fen, http::Method, wire::time::format_rfc3339};
use wxpay_sim::{
    Settings,
    ledger::{TransferMethod, TransferState},
    notifications::NotificationState,
};

const BILLS: &str = "/v3/fund-app/mch-transfer/transfer-bills";

/// Opens a shop that names the public key in its requests, as every transfer must.
fn open() -> Shop {
    open_with(|_| {})
}

fn open_with(change: impl FnOnce(&mut Settings)) -> Shop {
    let mut shop = Shop::with(change);
    shop.wechatpay_serial = Some(shop.public_key_id());
    shop
}

fn bill(shop: &Shop, number: &str, more: &Value) -> Value {
    let mut bill = json!({
        "appid": shop.appid(), "out_bill_no": number, "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-w",
        "transfer_amount": 1000, "transfer_remark": "报销", "transfer_scene_id": "1000", "notify_url": NOTIFY,
        "transfer_scene_report_infos": [{ "info_type": "活动名称", "info_content": "新会员有礼" }],
    });
    bill.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bill
}

fn create(shop: &mut Shop, number: &str, more: &Value) -> ParsedReply {
    let bill = bill(shop, number, more);
    shop.post(BILLS, &bill)
}

fn query(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.get(&format!("{BILLS}/out-bill-no/{number}"))
}

fn cancel(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.call(Method::Post, &format!("{BILLS}/out-bill-no/{number}/cancel"), "")
}

#[test]
fn transfer_is_confirmed_and_notified() {
    let mut shop = open();
    let body = create(&mut shop, "T1", &json!({})).body;
    assert_eq!(
        (&body["state"], &body["create_time"]),
        (&json!("WAIT_USER_CONFIRM"), &json!(format_rfc3339(shop.now)))
    );
    assert!(body["package_info"].is_string());
    assert_eq!(create(&mut shop, "T1", &json!({})).body, body);
    let other = create(&mut shop, "T1", &json!({ "transfer_amount": 1001 }));
    assert_eq!(other.refusal(), (400, "INVALID_REQUEST", 268_498_688));
    shop.wait(60);
    let mchid = shop.merchant.mchid().clone();
    assert!(shop.gateway.confirm_transfer(&mchid, &"T1".parse().unwrap(), shop.now));
    assert!(!shop.gateway.confirm_transfer(&mchid, &"T1".parse().unwrap(), shop.now));
    let [delivery] = shop.due().try_into().unwrap();
    let (envelope, content) = shop.read_notification(&delivery);
    assert_eq!(envelope["event_type"], "MCHTRANSFER.BILL.FINISHED");
    assert_eq!(envelope["resource"]["original_type"], "mch_payment");
    let id = body["transfer_bill_no"].as_str().unwrap();
    let expected = json!({ "out_bill_no": "T1", "transfer_bill_no": id, "state": "SUCCESS", "mch_id": mchid,
        "transfer_amount": 1000, "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-w",
        "create_time": body["create_time"], "update_time": format_rfc3339(shop.now) });
    assert_eq!(content, expected);
    let queried = query(&mut shop, "T1").body;
    assert_eq!((&queried["state"], queried.get("package_info")), (&json!("SUCCESS"), None));
    assert_eq!(queried["fail_reason"], "", "v3.md 17.14: an empty text stands for what is absent");
    assert_eq!(shop.get(&format!("{BILLS}/transfer-bill-no/{id}")).body, queried);
    assert_eq!(cancel(&mut shop, "T1").refusal(), (400, "INVALID_REQUEST", 268_435_461));
}

#[test]
fn user_name_is_encrypted_both_ways_and_compared_by_plaintext() {
    let mut shop = open();
    shop.wechatpay_serial = Some(shop.public_key_id());
    let [one, again] = ["张三", "张三"].map(|name| json!({ "user_name": shop.encrypt(name) }));
    assert_eq!(create(&mut shop, "T1", &one).status, 200);
    assert_eq!(create(&mut shop, "T1", &again).status, 200);
    let ciphertext = query(&mut shop, "T1").body["user_name"].as_str().unwrap().to_owned();
    let plaintext = shop.merchant.api_keys()[0].key_pair.open(&STANDARD.decode(ciphertext).unwrap()).unwrap();
    assert_eq!(plaintext, "张三".as_bytes());
    shop.wechatpay_serial = Some(shop.platform_serial());
    let refused = create(&mut shop, "T2", &one);
    assert_eq!(refused.message(), "请确认待处理的消息是否为加密后的密文");
    let unnamed = create(&mut shop, "T2", &json!({ "transfer_amount": 200_000 }));
    assert_eq!(unnamed.message(), "转账金额达到2000元时，user_name必填");
}

#[test]
fn unconfirmed_transfer_fails_after_a_day() {
    let mut shop = open_with(|settings| settings.v3.transfer_duration = Duration::from_secs(2));
    assert_eq!(create(&mut shop, "T1", &json!({})).body["state"], "ACCEPTED");
    create(&mut shop, "T2", &json!({}));
    shop.wait(2);
    assert!(create(&mut shop, "T1", &json!({})).body["package_info"].is_string());
    let mchid = shop.merchant.mchid().clone();
    let number = "T2".parse().unwrap();
    assert!(shop.gateway.fail_transfer(&mchid, &number, "PAYEE_ACCOUNT_ABNORMAL", shop.now));
    assert_eq!(query(&mut shop, "T2").body["fail_reason"], "PAYEE_ACCOUNT_ABNORMAL");
    shop.wait(86_399);
    assert_eq!(query(&mut shop, "T1").body["state"], "WAIT_USER_CONFIRM");
    shop.wait(1);
    let body = query(&mut shop, "T1").body;
    assert_eq!((&body["state"], &body["fail_reason"]), (&json!("FAIL"), &json!("OVERDUE_CLOSE")));
}

#[test]
fn transfer_can_be_cancelled_until_confirmed() {
    let mut shop = open();
    create(&mut shop, "T1", &json!({}));
    for _ in 0..2 {
        let reply = cancel(&mut shop, "T1");
        assert_eq!((reply.status, &reply.body["state"]), (200, &json!("CANCELING")));
    }
    let mchid = shop.merchant.mchid().clone();
    assert!(!shop.gateway.confirm_transfer(&mchid, &"T1".parse().unwrap(), shop.now));
    shop.wait(3);
    assert_eq!(query(&mut shop, "T1").body["state"], "CANCELLED");
    let [delivery] = shop.due().try_into().unwrap();
    assert_eq!(shop.read_notification(&delivery).1["state"], "CANCELLED");
}

#[test]
fn invalid_transfer_is_refused_and_unknown_transfer_is_not_found() {
    let mut shop = open();
    for (change, field) in [
        (json!({ "out_bill_no": "T-1" }), "/body/out_bill_no"),
        (json!({ "transfer_amount": 0 }), "/body/transfer_amount"),
        (json!({ "transfer_scene_id": "1" }), "/body/transfer_scene_id"),
        (json!({ "transfer_scene_report_infos": [] }), "/body/transfer_scene_report_infos"),
    ] {
        assert_eq!(create(&mut shop, "T1", &change).field(), field);
    }
    assert_eq!(create(&mut shop, "T1", &json!({ "openid": "a b" })).message(), "无效的openid");
    let app = create(&mut shop, "T1", &json!({ "appid": "wx0000000000000000" }));
    assert_eq!(app.refusal(), (400, "APPID_MCHID_NOT_MATCH", 268_445_527));
    assert_eq!(query(&mut shop, "T1").refusal(), (404, "NOT_FOUND", 268_512_771));
    assert_eq!(cancel(&mut shop, "T1").refusal(), (404, "NOT_FOUND", 268_512_771));
    assert_eq!(shop.get(&format!("{BILLS}/transfer-bill-no/1")).refusal().1, "NOT_FOUND");
}

#[test]
fn transfer_record_holds_status_and_notifications() {
    let mut shop = open();
    let body = create(&mut shop, "T1", &json!({})).body;
    // An order may have the same number as a transfer.
    let goods = shop.goods("T10001");
    shop.post("/v3/pay/transactions/native", &goods);
    create(&mut shop, "T10001", &json!({}));
    shop.pay("T10001");
    let mchid = shop.merchant.mchid().clone();
    let number = "T1".parse().unwrap();
    let waiting = shop.gateway.transfer(&mchid, &number, shop.now).unwrap();
    assert_eq!(
        (waiting.state, waiting.method),
        (TransferState::WaitUserConfirm, TransferMethod::UserConfirm)
    );
    assert_eq!(waiting.package_info.as_deref(), body["package_info"].as_str());
    assert_eq!((waiting.transfer_amount, waiting.notifications.len()), (Fen::new(1000), 0));
    assert_eq!(waiting.appid, shop.appid());
    shop.gateway.confirm_transfer(&mchid, &number, shop.now);
    for delivery in shop.due() {
        shop.acknowledge(&delivery, 204);
    }
    let [paid, other] = shop.gateway.transfers(shop.now).try_into().unwrap();
    assert_eq!((paid.state, paid.package_info), (TransferState::Success, None));
    assert_eq!(paid.notifications[0].event_type, Some("MCHTRANSFER.BILL.FINISHED"));
    assert_eq!(paid.notifications[0].state, NotificationState::Accepted);
    assert_eq!(other.notifications, [], "only the payment of the order is notified");
    let value = serde_json::to_value(&other).unwrap();
    assert_eq!(
        (&value["out_bill_no"], &value["state"], &value["method"]),
        (&json!("T10001"), &json!("WAIT_USER_CONFIRM"), &json!("USER_CONFIRM"))
    );
    // A day later the transfer has failed. Reading the record runs the due task; no request is needed.
    shop.wait(86_400);
    let [_, overdue] = shop.gateway.transfers(shop.now).try_into().unwrap();
    assert_eq!((overdue.state, overdue.fail_reason.as_deref()), (TransferState::Fail, Some("OVERDUE_CLOSE")));
}

#[test]
fn transfers_are_limited_to_a_hundred_per_second() {
    let mut shop = open_with(|settings| settings.v3.rate_limits = true);
    for serial in 0..100 {
        assert_eq!(create(&mut shop, &format!("T{serial}"), &json!({})).status, 200);
    }
    assert_eq!(create(&mut shop, "T100", &json!({})).refusal(), (429, "RATELIMIT_EXCEEDED", 268_447_840));
    shop.wait(1);
    assert_eq!(create(&mut shop, "T100", &json!({})).status, 200);
}
