//! Transfers to users and authorizations.

use super::Control;
use crate::v3::shop::{NOTIFY, Shop};
use serde_json::{Value, json};

const BILLS: &str = "/v3/fund-app/mch-transfer/transfer-bills";
const AUTHORIZATIONS: &str = "/v3/fund-app/mch-transfer/user-confirm-authorization";
const PAYEE: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";

fn open_shop() -> Shop {
    let mut shop = Shop::open();
    shop.wechatpay_serial = Some(shop.public_key_id());
    shop
}

/// A shop with a transfer that waits for the payee's confirmation.
fn with_transfer() -> (Shop, Control) {
    let mut shop = open_shop();
    let body = json!({
        "appid": shop.appid(), "out_bill_no": "T1", "openid": PAYEE, "transfer_amount": 1000, "transfer_remark": "报销",
        "transfer_scene_id": "1000", "notify_url": NOTIFY, "user_name": shop.encrypt("张三"),
        "transfer_scene_report_infos": [{ "info_type": "活动名称", "info_content": "新会员有礼" }],
    });
    assert_eq!(shop.post(BILLS, &body).body["state"], "WAIT_USER_CONFIRM");
    let interface = Control::of(shop.gateway.clone(), shop.now);
    (shop, interface)
}

/// A shop that requested an authorization from a payee.
fn with_authorization() -> (Shop, Control) {
    let mut shop = open_shop();
    let body = json!({
        "out_authorization_no": "Z1", "appid": shop.appid(), "openid": PAYEE, "transfer_scene_id": "1000",
        "user_display_name": "wx_123456", "authorization_notify_url": NOTIFY,
    });
    assert_eq!(shop.post(AUTHORIZATIONS, &body).status, 200);
    let interface = Control::of(shop.gateway.clone(), shop.now);
    (shop, interface)
}

#[test]
fn transfer_is_confirmed_once() {
    let (mut shop, mut interface) = with_transfer();
    let record = interface.get("transfers/T1");
    assert_eq!((&record["state"], &record["transfer_amount"]), (&json!("WAIT_USER_CONFIRM"), &json!(1000)));
    let query = format!("mchid={}", shop.mchid());
    assert_eq!(interface.get(&format!("transfers?{query}")), json!([record]));
    assert_eq!(interface.get("transfers?mchid=1"), json!([]));
    let confirmed = interface.succeed("POST", &format!("transfers/T1/confirm?{query}"), &Value::Null);
    assert_eq!(
        (&confirmed["state"], confirmed["notifications"].as_array().unwrap().len()),
        (&json!("SUCCESS"), 1)
    );
    assert_eq!(interface.get("transfers/T1"), confirmed);
    assert_eq!(interface.rejected("POST", "transfers/T1/confirm", &Value::Null).0, 409);
    assert_eq!(interface.rejected("POST", "transfers/T1/fail", &Value::Null).0, 409);
    assert_eq!(interface.rejected("POST", "transfers/T2/confirm", &Value::Null).0, 404);
    assert_eq!(interface.rejected("POST", "transfers/T1/confirm?mchid=1", &Value::Null).0, 404);
    assert_eq!(interface.rejected("GET", "transfers/T-1", &Value::Null), (400, "out_bill_no".into()));
    shop.gateway = interface.simulation.gateway;
    assert_eq!(shop.get(&format!("{BILLS}/out-bill-no/T1")).body["state"], "SUCCESS");
}

#[test]
fn transfer_fails_for_a_reason() {
    for (body, reason) in [
        (Value::Null, "PAYEE_ACCOUNT_ABNORMAL"),
        (json!({ "reason": "REAL_NAME_CHECK_FAIL" }), "REAL_NAME_CHECK_FAIL"),
    ] {
        let (_, mut interface) = with_transfer();
        let failed = interface.succeed("POST", "transfers/T1/fail", &body);
        assert_eq!((&failed["state"], &failed["fail_reason"]), (&json!("FAIL"), &json!(reason)));
    }
    let (_, mut interface) = with_transfer();
    let body = json!({ "reason": "no money" });
    assert_eq!(interface.rejected("POST", "transfers/T1/fail", &body), (400, "reason".into()));
}

#[test]
fn receipt_generation_can_fail() {
    let (mut shop, mut interface) = with_transfer();
    interface.succeed("POST", "transfers/T1/confirm", &Value::Null);
    let body = json!({ "reason": "SYSTEM_ERROR" });
    assert_eq!(interface.rejected("POST", "transfers/T1/receipt/fail", &body).0, 409);
    shop.gateway = interface.simulation.gateway;
    let request = json!({ "out_bill_no": "T1" });
    let reply = shop.post("/v3/fund-app/mch-transfer/elecsign/out-bill-no", &request);
    assert_eq!(reply.status, 200, "{reply:?}");
    let mut interface = Control::of(shop.gateway, shop.now);
    assert_eq!(interface.get("transfers/T1")["receipt"]["state"], "GENERATING");
    let failed = interface.succeed("POST", "transfers/T1/receipt/fail", &body);
    assert_eq!((&failed["receipt"]["state"], &failed["state"]), (&json!("FAILED"), &json!("SUCCESS")));
}

#[test]
fn authorization_is_confirmed_and_closed() {
    let (_, mut interface) = with_authorization();
    let record = interface.get("authorizations/Z1");
    assert_eq!(interface.get("authorizations"), json!([record]));
    assert_eq!(interface.get("authorizations?mchid=1"), json!([]));
    let reason = json!({ "reason": "USER_CLOSE" });
    assert_eq!(interface.rejected("POST", "authorizations/Z1/close", &reason).0, 409);
    assert_eq!(
        interface.succeed("POST", "authorizations/Z1/confirm", &Value::Null)["state"],
        "TAKING_EFFECT"
    );
    assert_eq!(interface.rejected("POST", "authorizations/Z1/refuse", &Value::Null).0, 409);
    let body = json!({ "reason": "BOREDOM" });
    assert_eq!(interface.rejected("POST", "authorizations/Z1/close", &body), (400, "reason".into()));
    let closed = interface.succeed("POST", "authorizations/Z1/close", &reason);
    assert_eq!((&closed["state"], &closed["close_reason"]), (&json!("CLOSED"), &json!("USER_CLOSE")));
    assert_eq!(interface.rejected("GET", "authorizations/Z2", &Value::Null).0, 404);
}

#[test]
fn authorization_is_refused() {
    let (shop, mut interface) = with_authorization();
    let path = format!("authorizations/Z1/refuse?mchid={}", shop.mchid());
    assert_eq!(interface.succeed("POST", &path, &Value::Null)["state"], "CLOSED");
}
