//! Authorizations of payees: requested alone or with a transfer, used, closed.

use super::{BILLS, bill, cancel, open, query};
use crate::v3::shop::{NOTIFY, ParsedReply, Shop};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_proto::{
    http::Method,
    id::{OutAuthorizationNo, OutBillNo},
    wire::time::format_rfc3339,
};
use wxpay_sim::ledger::{AuthorizationState, CloseReason, TransferMethod, TransferState};

const AUTHORIZATIONS: &str = "/v3/fund-app/mch-transfer/user-confirm-authorization";
const PAYEE: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";
const AUTHORIZATION_NOTIFY_URL: &str = "https://shop.example/allowed";

pub(super) fn apply(shop: &mut Shop, number: &str, more: &Value) -> ParsedReply {
    let mut body = json!({
        "out_authorization_no": number, "appid": shop.appid(), "openid": PAYEE, "transfer_scene_id": "1000",
        "user_display_name": "wx_123456", "authorization_notify_url": AUTHORIZATION_NOTIFY_URL,
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.post(AUTHORIZATIONS, &body)
}

pub(super) fn query_authorization(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.get(&format!("{AUTHORIZATIONS}/out-authorization-no/{number}"))
}

pub(super) fn close(shop: &mut Shop, number: &str) -> ParsedReply {
    shop.call(Method::Post, &format!("{AUTHORIZATIONS}/out-authorization-no/{number}/close"), "")
}

/// Sends a transfer that the payee confirms, together with a request for an authorization.
fn pre_transfer(shop: &mut Shop, number: &str, out_authorization_no: &str) -> ParsedReply {
    let info = json!({ "user_display_name": "wx_123456", "out_authorization_no": out_authorization_no,
        "authorization_notify_url": AUTHORIZATION_NOTIFY_URL });
    let body = bill(shop, number, &json!({ "authorization_info": info }));
    shop.post(&format!("{BILLS}/pre-transfer-with-authorization"), &body)
}

/// Sends a transfer that uses an authorization.
pub(super) fn pay(shop: &mut Shop, number: &str, parameters: &Value) -> ParsedReply {
    let mut body = bill(shop, number, parameters);
    body.as_object_mut().unwrap().remove("openid");
    shop.post(&format!("{BILLS}/transfer"), &body)
}

pub(super) fn confirm_authorization(shop: &mut Shop, number: &str) -> bool {
    let (mchid, number) = (shop.merchant.mchid().clone(), number.parse().unwrap());
    shop.gateway.confirm_authorization(&mchid, &number, shop.now)
}

fn refuse_authorization(shop: &mut Shop, number: &str) -> bool {
    let (mchid, number) = (shop.merchant.mchid().clone(), number.parse().unwrap());
    shop.gateway.refuse_authorization(&mchid, &number, shop.now)
}

fn end_authorization(shop: &mut Shop, number: &str, reason: CloseReason) -> bool {
    let (mchid, number): (_, OutAuthorizationNo) = (shop.merchant.mchid().clone(), number.parse().unwrap());
    shop.gateway.close_authorization(&mchid, &number, reason, shop.now)
}

fn confirm_transfer(shop: &mut Shop, number: &str) -> bool {
    let (mchid, number): (_, OutBillNo) = (shop.merchant.mchid().clone(), number.parse().unwrap());
    shop.gateway.confirm_transfer(&mchid, &number, shop.now)
}

/// Returns the event type and content of each due notification.
fn due_notifications(shop: &mut Shop) -> Vec<(String, Value)> {
    let due = shop.due();
    due.iter()
        .map(|delivery| {
            let (envelope, content) = shop.read_notification(delivery);
            assert_eq!(envelope["resource"]["original_type"], "mch_payment");
            let is_of_transfer = envelope["event_type"] == "MCHTRANSFER.BILL.FINISHED";
            assert_eq!(delivery.url(), if is_of_transfer { NOTIFY } else { AUTHORIZATION_NOTIFY_URL });
            (envelope["event_type"].as_str().unwrap().to_owned(), content)
        })
        .collect()
}

#[test]
fn authorization_is_confirmed_used_and_closed_by_the_payee() {
    let mut shop = open();
    let more = json!({ "user_recv_perception": "现金奖励", "scene_info": { "client_ip": "14.23.150.211",
        "device_id": "013467007045764", "device_type": "HARMONY" } });
    let applied = apply(&mut shop, "A1", &more).body;
    let created = format_rfc3339(shop.now);
    let package_info = applied["package_info"].as_str().unwrap().to_owned();
    assert_eq!(
        applied,
        json!({ "out_authorization_no": "A1", "state": "WAIT_USER_CONFIRM", "create_time": created,
            "package_info": package_info })
    );
    assert_eq!(apply(&mut shop, "A1", &more).body, applied);
    let mut expected = json!({ "out_authorization_no": "A1", "appid": shop.appid(), "openid": PAYEE,
        "user_display_name": "wx_123456", "state": "WAIT_USER_CONFIRM", "transfer_scene_id": "1000",
        "user_recv_perception": "现金奖励", "create_time": created });
    assert_eq!(query_authorization(&mut shop, "A1").body, expected);
    let displayed = query_authorization(&mut shop, "A1?is_display_authorization=true").body;
    assert_eq!(displayed["package_info"], package_info);
    assert_eq!(query_authorization(&mut shop, "A1?is_display_authorization=false").body, expected);

    shop.wait(60);
    let authorized = format_rfc3339(shop.now);
    assert!(confirm_authorization(&mut shop, "A1") && !confirm_authorization(&mut shop, "A1"));
    let in_force = query_authorization(&mut shop, "A1").body;
    let id = in_force["authorization_id"].as_str().unwrap().to_owned();
    (expected["state"], expected["authorize_time"]) = ("TAKING_EFFECT".into(), authorized.clone().into());
    expected["authorization_id"] = id.clone().into();
    assert_eq!(in_force, expected);
    let mut content = json!({ "out_authorization_no": "A1", "appid": shop.appid(), "openid": PAYEE,
        "user_display_name": "wx_123456", "authorization_id": id, "state": "TAKING_EFFECT",
        "authorize_time": authorized });
    assert_eq!(
        due_notifications(&mut shop),
        [("MCHTRANSFER.AUTHORIZATION.CONFIRMED".into(), content.clone())]
    );

    let with_name = json!({ "out_authorization_no": "A1", "user_name": shop.encrypt("张三") });
    let paid = pay(&mut shop, "T1", &with_name).body;
    assert_eq!((&paid["state"], &paid["openid"]), (&json!("SUCCESS"), &json!(PAYEE)));
    assert_eq!((&paid["mch_id"], &paid["transfer_remark"]), (&json!(shop.mchid()), &json!("报销")));
    let again = json!({ "out_authorization_no": "A1", "user_name": shop.encrypt("张三") });
    assert_eq!(pay(&mut shop, "T1", &again).body["transfer_bill_no"], paid["transfer_bill_no"]);
    let by_both = json!({ "authorization_id": id, "out_authorization_no": "A1" });
    assert_eq!(pay(&mut shop, "T2", &by_both).body["state"], "SUCCESS");
    assert_eq!(query(&mut shop, "T2").body["state"], "SUCCESS");
    let events = due_notifications(&mut shop);
    assert!(
        events.iter().all(|(event, content)| event.ends_with("BILL.FINISHED") && content["openid"] == PAYEE)
    );
    assert_eq!(events.len(), 2);

    assert!(end_authorization(&mut shop, "A1", CloseReason::UserClose));
    assert!(!end_authorization(&mut shop, "A1", CloseReason::UserClose));
    let info = json!({ "close_time": format_rfc3339(shop.now), "close_reason": "USER_CLOSE" });
    (content["state"], content["close_info"]) = ("CLOSED".into(), info.clone());
    assert_eq!(due_notifications(&mut shop), [("MCHTRANSFER.AUTHORIZATION.CLOSED".into(), content)]);
    assert_eq!(query_authorization(&mut shop, "A1").body["close_info"], info);
    let late = pay(&mut shop, "T3", &json!({ "out_authorization_no": "A1" }));
    assert_eq!(
        (late.refusal().1, &late.body["message"]),
        ("INVALID_REQUEST", &json!("免确认收款授权未生效"))
    );
    assert_eq!(close(&mut shop, "A1").refusal(), (400, "INVALID_REQUEST", 268_435_461));
}

#[test]
fn authorization_requested_with_a_transfer_takes_effect_on_confirmation() {
    let mut shop = open();
    let created = pre_transfer(&mut shop, "T1", "A1").body;
    assert_eq!(
        (&created["state"], &created["user_display_name"], &created["out_authorization_no"]),
        (&json!("WAIT_USER_CONFIRM"), &json!("wx_123456"), &json!("A1"))
    );
    assert!(created["package_info"].is_string());
    assert_eq!(pre_transfer(&mut shop, "T1", "A1").body, created);
    assert_eq!(pre_transfer(&mut shop, "T1", "A2").refusal(), (400, "INVALID_REQUEST", 268_498_688));
    let reused = pre_transfer(&mut shop, "T2", "A1");
    assert_eq!(reused.refusal(), (400, "INVALID_REQUEST", 268_498_688));
    assert_eq!(query(&mut shop, "T2").status, 404, "a refused request creates no transfer");
    assert!(
        !confirm_authorization(&mut shop, "A1"),
        "an authorization requested with a transfer cannot be confirmed alone"
    );
    assert!(confirm_transfer(&mut shop, "T1"));
    let events: Vec<String> = due_notifications(&mut shop).into_iter().map(|(event, _)| event).collect();
    assert_eq!(events, ["MCHTRANSFER.BILL.FINISHED", "MCHTRANSFER.AUTHORIZATION.CONFIRMED"]);
    assert_eq!(pay(&mut shop, "T3", &json!({ "out_authorization_no": "A1" })).body["state"], "SUCCESS");
    let [record] = shop.gateway.authorizations(shop.now).try_into().unwrap();
    assert_eq!((record.state, record.close_reason), (AuthorizationState::TakingEffect, None));
    assert_eq!(record.out_bill_no, Some("T1".parse().unwrap()));
    assert_eq!(record.notifications[0].event_type, Some("MCHTRANSFER.AUTHORIZATION.CONFIRMED"));
    let records = shop.gateway.transfers(shop.now);
    let methods: Vec<_> =
        records.iter().map(|record| (record.method, record.out_authorization_no.is_some())).collect();
    assert_eq!(
        methods,
        [(TransferMethod::UserConfirmAndAuthorize, true), (TransferMethod::Authorized, true)]
    );
}

#[test]
fn transfer_continues_without_a_refused_authorization() {
    let mut shop = open();
    pre_transfer(&mut shop, "T1", "A1");
    assert!(refuse_authorization(&mut shop, "A1") && !refuse_authorization(&mut shop, "A1"));
    assert!(confirm_transfer(&mut shop, "T1"));
    assert_eq!(query_authorization(&mut shop, "A1").body["close_info"]["close_reason"], "USER_CLOSE");

    pre_transfer(&mut shop, "T2", "A2");
    cancel(&mut shop, "T2");
    shop.wait(3);
    assert_eq!(query_authorization(&mut shop, "A2").status, 200);
    pre_transfer(&mut shop, "T3", "A3");
    shop.wait(86_400);
    let events: Vec<String> = due_notifications(&mut shop).into_iter().map(|(event, _)| event).collect();
    assert_eq!(
        events, ["MCHTRANSFER.BILL.FINISHED"; 3],
        "an authorization that never took effect sends no notification"
    );
    for number in ["A2", "A3"] {
        assert_eq!(
            query_authorization(&mut shop, number).body["close_info"]["close_reason"],
            "USER_OVERDUE_UNCONFIRMED"
        );
    }

    // Another authorization is in force: the transfer succeeds and the requested one is closed.
    apply(&mut shop, "A4", &json!({}));
    assert!(confirm_authorization(&mut shop, "A4"));
    pre_transfer(&mut shop, "T5", "A5");
    assert!(confirm_transfer(&mut shop, "T5"));
    assert_eq!(query(&mut shop, "T5").body["state"], "SUCCESS");
    assert_eq!(query_authorization(&mut shop, "A5").body["state"], "CLOSED");
}

#[test]
fn pre_transfer_without_authorization_info_is_a_plain_transfer() {
    let mut shop = open();
    let body = bill(&shop, "T1", &json!({}));
    let created = shop.post(&format!("{BILLS}/pre-transfer-with-authorization"), &body).body;
    assert_eq!(
        (created["state"].as_str(), created.get("out_authorization_no")),
        (Some("WAIT_USER_CONFIRM"), None)
    );
    assert_eq!(shop.post(BILLS, &body).refusal(), (400, "INVALID_REQUEST", 268_498_688));
    assert!(confirm_transfer(&mut shop, "T1"));
    assert_eq!(due_notifications(&mut shop).len(), 1);
    assert_eq!(shop.gateway.authorizations(shop.now), []);
}

#[test]
fn one_authorization_per_payee_and_scene_and_its_number_is_used_once() {
    let mut shop = open();
    apply(&mut shop, "A1", &json!({}));
    let second = apply(&mut shop, "A2", &json!({}));
    assert_eq!(second.refusal(), (400, "INVALID_REQUEST", 268_435_461));
    assert_eq!(second.body["message"], "用户在当前场景下的授权数量达到限制，不支持发起授权");
    assert_eq!(apply(&mut shop, "A2", &json!({ "transfer_scene_id": "1005" })).status, 200);
    let other = json!({ "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-x" });
    assert_eq!(apply(&mut shop, "A3", &other).status, 200);
    let different = apply(&mut shop, "A1", &json!({ "user_display_name": "another" }));
    assert_eq!(different.refusal(), (400, "INVALID_REQUEST", 268_498_688));
    confirm_authorization(&mut shop, "A1");
    assert_eq!(apply(&mut shop, "A1", &json!({})).body["message"], "该授权单号已完成授权");
    assert_eq!(apply(&mut shop, "A4", &json!({})).status, 400);

    let closed = close(&mut shop, "A1");
    assert_eq!((closed.status, &closed.body["state"]), (200, &json!("CLOSED")));
    assert_eq!(closed.body["close_info"]["close_reason"], "CLOSE_VIA_MCH_API");
    shop.wait(60);
    assert_eq!(close(&mut shop, "A1").body, closed.body);
    let events: Vec<String> = due_notifications(&mut shop).into_iter().map(|(event, _)| event).collect();
    let expected = ["CONFIRMED", "CLOSED"].map(|name| format!("MCHTRANSFER.AUTHORIZATION.{name}"));
    assert_eq!(events, expected);
    assert_eq!(apply(&mut shop, "A1", &json!({})).body["message"], "该授权单号已关闭，请更换单号");
    assert_eq!(apply(&mut shop, "A5", &json!({})).status, 200, "the scene is free again");
    assert_eq!(close(&mut shop, "A5").body["close_info"]["close_reason"], "CLOSE_VIA_MCH_API");
    assert_eq!(due_notifications(&mut shop), [], "the authorization was never in force");
}

#[test]
fn unconfirmed_authorization_closes_after_a_day_and_disappears_after_thirty() {
    let mut shop = open();
    apply(&mut shop, "A1", &json!({}));
    shop.wait(86_399);
    assert_eq!(query_authorization(&mut shop, "A1").body["state"], "WAIT_USER_CONFIRM");
    shop.wait(1);
    assert_eq!(
        query_authorization(&mut shop, "A1").body["close_info"]["close_reason"],
        "USER_OVERDUE_UNCONFIRMED"
    );
    assert!(!confirm_authorization(&mut shop, "A1"));
    assert_eq!((due_notifications(&mut shop).len(), close(&mut shop, "A1").status), (0, 400));
    shop.wait(30 * 86_400);
    assert_eq!(query_authorization(&mut shop, "A1").status, 200);
    shop.wait(1);
    assert_eq!(query_authorization(&mut shop, "A1").refusal(), (404, "NOT_FOUND", 268_512_771));
    assert_eq!(shop.gateway.authorizations(shop.now).len(), 1, "the record is kept");
}

#[test]
fn transfer_without_a_valid_authorization_is_refused() {
    let mut shop = open();
    apply(&mut shop, "A1", &json!({}));
    let messages = |shop: &mut Shop, parameters: &Value| {
        let reply = pay(shop, "T1", parameters);
        assert_eq!((reply.status, reply.code()), (400, "INVALID_REQUEST"), "{parameters}");
        reply.body["message"].as_str().unwrap().to_owned()
    };
    let parameters = json!({ "out_authorization_no": "A1" });
    assert_eq!(messages(&mut shop, &parameters), "免确认收款授权未生效");
    confirm_authorization(&mut shop, "A1");
    apply(&mut shop, "A2", &json!({ "transfer_scene_id": "1005" }));
    confirm_authorization(&mut shop, "A2");
    let second = query_authorization(&mut shop, "A2").body["authorization_id"].clone();
    for (parameters, message) in [
        (json!({ "out_authorization_no": "A9" }), "免确认收款授权不存在"),
        (json!({ "authorization_id": "160000000000" }), "免确认收款授权不存在"),
        (
            json!({ "authorization_id": second, "out_authorization_no": "A1" }),
            "authorization_id与out_authorization_no不一致",
        ),
        (json!({ "authorization_id": second }), "转账场景与免确认收款授权不一致"),
    ] {
        assert_eq!(messages(&mut shop, &parameters), message);
    }
    let unnamed = pay(&mut shop, "T1", &json!({}));
    assert_eq!(unnamed.message(), "authorization_id与out_authorization_no至少填一个");
    let sponsored = json!({ "out_authorization_no": "A1", "sponsor_mchid": "1999999999" });
    assert_eq!(pay(&mut shop, "T1", &sponsored).refusal(), (403, "NO_AUTH", 268_435_461));
    let sponsor = shop.gateway.new_merchant();
    let merchant = shop.merchant.clone().with_appid("wx1111111111111111".parse().unwrap());
    shop.gateway.add_merchant(merchant);
    let app = json!({ "out_authorization_no": "A1", "appid": "wx1111111111111111" });
    assert_eq!(messages(&mut shop, &app), "appid与免确认收款授权不一致");
    assert_eq!(shop.gateway.transfers(shop.now), [], "no transfer is created");
    let sponsored = json!({ "out_authorization_no": "A1", "sponsor_mchid": sponsor.mchid() });
    assert_eq!(pay(&mut shop, "T1", &sponsored).body["state"], "SUCCESS");
    let different = pay(&mut shop, "T1", &parameters);
    assert_eq!(different.refusal(), (400, "INVALID_REQUEST", 268_498_688));
}

#[test]
fn authorized_transfer_can_be_slow_failed_or_cancelled() {
    let mut shop = Shop::with(|settings| settings.v3.transfer_duration = Duration::from_secs(2));
    shop.wechatpay_serial = Some(shop.public_key_id());
    apply(&mut shop, "A1", &json!({}));
    confirm_authorization(&mut shop, "A1");
    let parameters = json!({ "out_authorization_no": "A1" });
    for number in ["T1", "T2", "T3"] {
        assert_eq!(pay(&mut shop, number, &parameters).body["state"], "ACCEPTED");
    }
    assert!(!confirm_transfer(&mut shop, "T1"), "a transfer by authorization needs no confirmation");
    let mchid = shop.merchant.mchid().clone();
    let reason = "PAYEE_ACCOUNT_ABNORMAL";
    assert!(shop.gateway.fail_transfer(&mchid, &"T2".parse().unwrap(), reason, shop.now));
    assert_eq!(cancel(&mut shop, "T3").body["state"], "CANCELING");
    shop.wait(5);
    let states: Vec<_> = shop.gateway.transfers(shop.now).iter().map(|record| record.state).collect();
    assert_eq!(states, [TransferState::Success, TransferState::Fail, TransferState::Cancelled]);
    assert_eq!(pay(&mut shop, "T2", &parameters).body["fail_reason"], reason);
}

#[test]
fn platform_can_close_an_authorization() {
    let mut shop = open();
    let scenes = ["1000", "1002", "1004", "1005"].map(|scene| json!({ "transfer_scene_id": scene }));
    let reasons = ["USER_CLOSE", "TRANSFER_RISK", "USER_ACCOUNT_ABNORMAL", "CLOSE_VIA_MCH_API"]
        .map(CloseReason::from_name);
    for (serial, (scene, reason)) in scenes.iter().zip(reasons).enumerate() {
        let (number, reason) = (format!("A{serial}"), reason.unwrap());
        apply(&mut shop, &number, scene);
        assert!(!end_authorization(&mut shop, &number, reason), "the authorization is not in force");
        confirm_authorization(&mut shop, &number);
        assert!(end_authorization(&mut shop, &number, reason));
        assert_eq!(
            query_authorization(&mut shop, &number).body["close_info"]["close_reason"],
            reason.as_str()
        );
    }
    assert_eq!(CloseReason::from_name("user_close"), None);
}

#[test]
fn authorization_errors_name_the_field_and_unknown_ones_are_not_found() {
    let mut shop = open();
    for (change, field) in [
        (json!({ "out_authorization_no": "A-1" }), "/body/out_authorization_no"),
        (json!({ "user_display_name": "名".repeat(33) }), "/body/user_display_name"),
        (json!({ "transfer_scene_id": "1401" }), "/body/transfer_scene_id"),
        (
            json!({ "authorization_notify_url": "https://shop.example/?a=1" }),
            "/body/authorization_notify_url",
        ),
        (json!({ "scene_info": { "device_type": "PC" } }), "/body/scene_info/device_type"),
        (json!({ "notify_url": NOTIFY }), "/body/notify_url"),
    ] {
        assert_eq!(apply(&mut shop, "A1", &change).field(), field);
    }
    assert_eq!(apply(&mut shop, "A1", &json!({ "openid": "a b" })).message(), "无效的openid");
    let app = apply(&mut shop, "A1", &json!({ "appid": "wx0000000000000000" }));
    assert_eq!(app.refusal(), (400, "APPID_MCHID_NOT_MATCH", 268_445_527));
    for reply in [query_authorization(&mut shop, "A1"), close(&mut shop, "A1")] {
        assert_eq!(reply.refusal(), (404, "NOT_FOUND", 268_512_771));
    }
    let reply = query_authorization(&mut shop, "A1?is_display_authorization=1");
    assert_eq!(reply.field(), "/query/is_display_authorization");
    shop.wechatpay_serial = None;
    for reply in
        [pre_transfer(&mut shop, "T1", "A1"), pay(&mut shop, "T1", &json!({ "out_authorization_no": "A1" }))]
    {
        assert_eq!(reply.message(), "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)");
    }
    assert_eq!(
        apply(&mut shop, "A1", &json!({})).status,
        200,
        "the request has no encrypted field and needs no Wechatpay-Serial"
    );
}

#[test]
fn authorization_operations_have_their_own_rate_limits() {
    let mut shop = Shop::with(|settings| settings.v3.rate_limits = true);
    for _ in 0..50 {
        assert_eq!(apply(&mut shop, "A1", &json!({})).status, 200);
        assert_eq!(close(&mut shop, "A9").status, 404);
    }
    for _ in 0..100 {
        assert_eq!(query_authorization(&mut shop, "A1").status, 200);
    }
    for reply in
        [apply(&mut shop, "A1", &json!({})), close(&mut shop, "A9"), query_authorization(&mut shop, "A1")]
    {
        assert_eq!(reply.refusal(), (429, "RATELIMIT_EXCEEDED", 268_447_840));
    }
}
