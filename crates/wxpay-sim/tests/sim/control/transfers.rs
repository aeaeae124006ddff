//! Transfers to users and authorizations.

use super::Control;
use crate::v3::shop::{NOTIFY, Shop};
use serde_json::{Value, json};

const BILLS: &str = "/v3/fund-app/mch-transfer/transfer-bills";
const AUTHORIZATIONS: &str = "/v3/fund-app/mch-transfer/user-confirm-authorization";
const PAYEE: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";

fn open() -> Shop {
    let mut shop = Shop::open();
    shop.wechatpay_serial = Some(shop.public_key_id());
    shop
}

/// A shop with a transfer that waits for the payee's confirmation.
fn transferred() -> (Shop, Control) {
    let mut shop = open();
    let body = json!({
        "appid": shop.appid(), "out_bill_no": "T1", "openid": PAYEE, "transfer_amount": 1000, "transfer_remark": "报销",
        "transfer_scene_id": "1000", "notify_url": NOTIFY, "user_name": shop.sealed("张三"),
        "transfer_scene_report_infos": [{ "info_type": "活动名称", "info_content": "新会员有礼" }],
    });
    assert_eq!(shop.post(BILLS, &body).body["state"], "WAIT_USER_CONFIRM");
    let interface = Control::of(shop.gateway.clone(), shop.now);
    (shop, interface)
}

/// A shop that requested an authorization from a payee.
fn asked() -> (Shop, Control) {
    let mut shop = open();
    let body = json!({
        "out_authorization_no": "Z1", "appid": shop.appid(), "openid": PAYEE, "transfer_scene_id": "1000",
        "user_display_name": "wx_123456", "authorization_notify_url": NOTIFY,
    });
    assert_eq!(shop.post(AUTHORIZATIONS, &body).status, 200);
    let interface = Control::of(shop.gateway.clone(), shop.now);
    (shop, interface)
}

#[test]
fn a_transfer_is_confirmed_once() {
    let (mut shop, mut interface) = transferred();
    let shown = interface.show("transfers/T1");
    assert_eq!((&shown["state"], &shown["transfer_amount"]), (&json!("WAIT_USER_CONFIRM"), &json!(1000)));
    let mine = format!("mchid={}", shop.mchid());
    assert_eq!(interface.show(&format!("transfers?{mine}")), json!([shown]));
    assert_eq!(interface.show("transfers?mchid=1"), json!([]));
    let done = interface.done("POST", &format!("transfers/T1/confirm?{mine}"), &Value::Null);
    assert_eq!((&done["state"], done["notifications"].as_array().unwrap().len()), (&json!("SUCCESS"), 1));
    assert_eq!(interface.show("transfers/T1"), done);
    assert_eq!(interface.refused("POST", "transfers/T1/confirm", &Value::Null).0, 409);
    assert_eq!(interface.refused("POST", "transfers/T1/fail", &Value::Null).0, 409);
    assert_eq!(interface.refused("POST", "transfers/T2/confirm", &Value::Null).0, 404);
    assert_eq!(interface.refused("POST", "transfers/T1/confirm?mchid=1", &Value::Null).0, 404);
    assert_eq!(interface.refused("GET", "transfers/T-1", &Value::Null), (400, "out_bill_no".into()));
    shop.gateway = interface.simulation.gateway;
    assert_eq!(shop.get(&format!("{BILLS}/out-bill-no/T1")).body["state"], "SUCCESS");
}

#[test]
fn a_transfer_fails_for_a_reason() {
    for (body, reason) in [
        (Value::Null, "PAYEE_ACCOUNT_ABNORMAL"),
        (json!({ "reason": "REAL_NAME_CHECK_FAIL" }), "REAL_NAME_CHECK_FAIL"),
    ] {
        let (_, mut interface) = transferred();
        let failed = interface.done("POST", "transfers/T1/fail", &body);
        assert_eq!((&failed["state"], &failed["fail_reason"]), (&json!("FAIL"), &json!(reason)));
    }
    let (_, mut interface) = transferred();
    let wish = json!({ "reason": "no money" });
    assert_eq!(interface.refused("POST", "transfers/T1/fail", &wish), (400, "reason".into()));
}

#[test]
fn a_receipt_cannot_be_made() {
    let (mut shop, mut interface) = transferred();
    interface.done("POST", "transfers/T1/confirm", &Value::Null);
    let wish = json!({ "reason": "SYSTEM_ERROR" });
    assert_eq!(interface.refused("POST", "transfers/T1/receipt/fail", &wish).0, 409);
    shop.gateway = interface.simulation.gateway;
    let asked = json!({ "out_bill_no": "T1" });
    let said = shop.post("/v3/fund-app/mch-transfer/elecsign/out-bill-no", &asked);
    assert_eq!(said.status, 200, "{said:?}");
    let mut interface = Control::of(shop.gateway, shop.now);
    assert_eq!(interface.show("transfers/T1")["receipt"]["state"], "GENERATING");
    let failed = interface.done("POST", "transfers/T1/receipt/fail", &wish);
    assert_eq!((&failed["receipt"]["state"], &failed["state"]), (&json!("FAILED"), &json!("SUCCESS")));
}

#[test]
fn a_payee_allows_transfers_and_ends_that() {
    let (_, mut interface) = asked();
    let shown = interface.show("authorizations/Z1");
    assert_eq!(interface.show("authorizations"), json!([shown]));
    assert_eq!(interface.show("authorizations?mchid=1"), json!([]));
    let reason = json!({ "reason": "USER_CLOSE" });
    assert_eq!(interface.refused("POST", "authorizations/Z1/close", &reason).0, 409);
    assert_eq!(interface.done("POST", "authorizations/Z1/confirm", &Value::Null)["state"], "TAKING_EFFECT");
    assert_eq!(interface.refused("POST", "authorizations/Z1/refuse", &Value::Null).0, 409);
    let wish = json!({ "reason": "BOREDOM" });
    assert_eq!(interface.refused("POST", "authorizations/Z1/close", &wish), (400, "reason".into()));
    let closed = interface.done("POST", "authorizations/Z1/close", &reason);
    assert_eq!((&closed["state"], &closed["close_reason"]), (&json!("CLOSED"), &json!("USER_CLOSE")));
    assert_eq!(interface.refused("GET", "authorizations/Z2", &Value::Null).0, 404);
}

#[test]
fn a_payee_turns_it_down() {
    let (shop, mut interface) = asked();
    let path = format!("authorizations/Z1/refuse?mchid={}", shop.mchid());
    assert_eq!(interface.done("POST", &path, &Value::Null)["state"], "CLOSED");
}
