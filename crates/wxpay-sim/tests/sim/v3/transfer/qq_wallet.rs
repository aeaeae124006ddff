//! Transfers to QQ wallets.

use super::{bill, open};
use crate::v3::shop::{NOTIFY, ParsedReply, Shop};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use wxpay_proto::{http::Method, wire::time::format_rfc3339};
use wxpay_sim::ledger::{TransferMethod, TransferState};

const BILLS: &str = "/v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills";

fn create(shop: &mut Shop, number: &str, more: &Value) -> ParsedReply {
    let mut bill = bill(shop, number, &json!({ "transfer_scene_id": "1401", "user_qq": "490379403" }));
    bill.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.post(BILLS, &bill)
}

fn query(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.get(&format!("{BILLS}/{number}"))
}

fn cancel(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.call(Method::Post, &format!("{BILLS}/{number}/cancel"), "")
}

#[test]
fn qq_wallet_transfer_succeeds_on_confirmation() {
    let mut shop = open();
    let with_name = json!({ "user_name": shop.encrypt("张三") });
    let mut body = create(&mut shop, "Q1", &with_name).body;
    let id = body["transfer_bill_no"].clone();
    let name = STANDARD.decode(body["user_name"].as_str().unwrap()).unwrap();
    assert_eq!(shop.merchant.api_keys()[0].key_pair.open(&name).unwrap(), "张三".as_bytes());
    body.as_object_mut().unwrap().remove("user_name");
    let mut expected = json!({ "mchid": shop.mchid(), "out_bill_no": "Q1", "transfer_bill_no": id,
        "appid": shop.appid(), "state": "WAIT_USER_CONFIRM", "transfer_amount": 1000, "transfer_remark": "报销",
        "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-w", "user_qq": "490379403",
        "create_time": format_rfc3339(shop.now), "update_time": format_rfc3339(shop.now) });
    assert_eq!(body, expected);
    let again = json!({ "user_name": shop.encrypt("张三") });
    assert_eq!(create(&mut shop, "Q1", &again).body["transfer_bill_no"], id);
    let other = create(&mut shop, "Q1", &json!({ "user_qq": "1" }));
    assert_eq!(other.refusal(), (400, "INVALID_REQUEST", 268_498_688));

    let created = shop.now;
    shop.wait(5);
    let mchid = shop.merchant.mchid().clone();
    assert!(shop.gateway.confirm_transfer(&mchid, &"Q1".parse().unwrap(), shop.now));
    let [delivery] = shop.due().try_into().unwrap();
    let (envelope, content) = shop.read_notification(&delivery);
    assert_eq!(envelope["event_type"], "MCHTRANSFER.QQWALLETBILL.FINISHED");
    assert_eq!((&envelope["resource"]["original_type"], delivery.url()), (&json!("mch_payment"), NOTIFY));
    expected["state"] = "SUCCESS".into();
    (expected["create_time"], expected["update_time"]) =
        (format_rfc3339(created).into(), format_rfc3339(shop.now).into());
    assert_eq!(content, expected);
    assert_eq!(query(&mut shop, "Q1").body["state"], "SUCCESS");
    assert_eq!(cancel(&mut shop, "Q1").refusal(), (400, "INVALID_REQUEST", 268_435_461));
}

#[test]
fn failed_qq_wallet_transfer_is_notified() {
    let mut shop = open();
    let mchid = shop.merchant.mchid().clone();
    for number in ["Q1", "Q2", "Q3"] {
        create(&mut shop, number, &json!({}));
    }
    let reason = "PAYEE_ACCOUNT_ABNORMAL";
    assert!(shop.gateway.fail_transfer(&mchid, &"Q1".parse().unwrap(), reason, shop.now));
    assert_eq!(query(&mut shop, "Q1").body["fail_reason"], reason);
    for _ in 0..2 {
        let body = cancel(&mut shop, "Q2").body;
        assert_eq!((&body["state"], &body["transfer_amount"]), (&json!("CANCELING"), &json!(1000)));
    }
    shop.wait(86_400);
    let states: Vec<Value> =
        shop.due().iter().map(|delivery| shop.read_notification(delivery).1["state"].clone()).collect();
    assert_eq!(states, ["FAIL", "CANCELLED", "FAIL"]);
    assert_eq!(query(&mut shop, "Q3").body["fail_reason"], "OVERDUE_CLOSE");
    assert_eq!(cancel(&mut shop, "Q2").body["state"], "CANCELLED");
    let records = shop.gateway.transfers(shop.now);
    assert!(
        records
            .iter()
            .all(|record| record.method == TransferMethod::QqWallet && record.notifications.len() == 1)
    );
    assert_eq!(records[1].state, TransferState::Cancelled);
    assert_eq!(records[0].package_info, None);
}

#[test]
fn invalid_qq_wallet_transfer_is_refused_and_other_transfers_are_not_found() {
    let mut shop = open();
    for (change, field) in [
        (json!({ "transfer_scene_id": "1000" }), "/body/transfer_scene_id"),
        (json!({ "user_qq": "" }), "/body/user_qq"),
        (json!({ "user_recv_perception": "现金奖励" }), "/body/user_recv_perception"),
        (json!({ "transfer_scene_report_infos": [] }), "/body/transfer_scene_report_infos"),
    ] {
        assert_eq!(create(&mut shop, "Q1", &change).field(), field);
    }
    for (change, message) in [
        (json!({ "transfer_amount": 200_000 }), "转账金额达到2000元时，user_name必填"),
        (json!({ "openid": "a b" }), "无效的openid"),
    ] {
        assert_eq!(create(&mut shop, "Q1", &change).message(), message);
    }
    let app = create(&mut shop, "Q1", &json!({ "appid": "wx0000000000000000" }));
    assert_eq!(app.refusal(), (400, "APPID_MCHID_NOT_MATCH", 268_445_527));
    assert_eq!(create(&mut shop, "Q0", &json!({ "appid": "102022609" })).body["appid"], "102022609");
    let serial = shop.wechatpay_serial.take();
    let without_serial = create(&mut shop, "Q1", &json!({}));
    assert_eq!(without_serial.message(), "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)");
    shop.wechatpay_serial = serial;
    for reply in [query(&mut shop, "Q1"), cancel(&mut shop, "Q1")] {
        assert_eq!(reply.refusal(), (404, "NOT_FOUND", 268_512_771));
    }
    super::create(&mut shop, "T1", &json!({}));
    assert_eq!(query(&mut shop, "T1").status, 404);
    assert_eq!(super::query(&mut shop, "Q0").status, 404);
    assert_eq!(super::cancel(&mut shop, "Q0").status, 404);
    let reused = super::create(&mut shop, "Q0", &json!({}));
    assert_eq!(reused.refusal(), (400, "INVALID_REQUEST", 268_498_688));
}
