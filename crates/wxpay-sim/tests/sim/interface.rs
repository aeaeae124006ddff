//! The test's own interface: what it does, and that bad input changes nothing.

use crate::support::{START, Shop};
use serde_json::{Value, json};
use wxpay_sim::{
    Clock, Settings,
    control::{Answer, Simulation},
};

fn simulation(shop: &Shop) -> Simulation {
    Simulation { gateway: shop.gateway.clone(), clock: Clock::frozen(START) }
}

fn call(simulation: &mut Simulation, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    simulation.control(method, &format!("/_sim/v1/{path}"), body.as_bytes(), START)
}

fn ordered() -> (Shop, String, Simulation) {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let simulation = simulation(&shop);
    (shop, prepayid, simulation)
}

#[test]
fn the_payer_pays_and_the_record_tells() {
    let (_, _, mut simulation) = ordered();
    assert_eq!(call(&mut simulation, "GET", "orders/A1", &Value::Null).body["state"], "ORDERED");
    let payer = json!({ "openid": "oPayer", "discount": 50, "bank_type": "0" });
    let paid = call(&mut simulation, "POST", "orders/A1/pay", &payer);
    assert_eq!(paid.status, 200);
    assert_eq!(paid.body["state"], "PAID");
    assert_eq!(paid.body["payments"][0]["openid"], "oPayer");
    assert_eq!(paid.body["payments"][0]["total_fee"], 1949);
    assert_eq!(call(&mut simulation, "GET", "orders", &Value::Null).body[0], paid.body);
    assert_eq!(call(&mut simulation, "GET", "notices", &Value::Null).body[0]["state"], "WAITING");
    let again = call(&mut simulation, "POST", "orders/A1/pay", &Value::Null);
    assert_eq!((again.status, again.content_type()), (409, "application/problem+json"));
}

#[test]
fn the_payer_cancels_and_fails() {
    let (_, _, mut simulation) = ordered();
    call(&mut simulation, "POST", "orders/A1/cancel", &Value::Null);
    let record = call(&mut simulation, "POST", "orders/A1/fail", &Value::Null).body;
    assert_eq!(record["refusals"][0]["outcome"], "cancelled");
    assert_eq!(record["refusals"][1]["outcome"], "failed");
    assert_eq!(record["state"], "ORDERED");
}

#[test]
fn the_phone_pays_by_its_seven_parameters() {
    let (shop, prepayid, mut simulation) = ordered();
    let mut parameters = shop.phone(&prepayid, "Sign=WXPay");
    let cancelled = call(&mut simulation, "POST", "phone/cancel", &parameters);
    assert_eq!(cancelled.body["resp"]["errCode"], -2);
    let answer = call(&mut simulation, "POST", "phone/pay", &parameters);
    assert_eq!(answer.body["bill"]["total_fee"], 1999);
    assert_eq!(answer.body["resp"]["errCode"], 0);
    assert_eq!(answer.body["order"]["state"], "PAID");
    parameters["noncestr"] = "other".into();
    let refused = call(&mut simulation, "POST", "phone/pay", &parameters);
    assert_eq!((refused.status, &refused.body["field"]), (400, &json!("sign")));
    assert_eq!(refused.body["resp"]["errCode"], -1);
}

#[test]
fn the_clock_goes_forward_alone() {
    let (_, _, mut simulation) = ordered();
    let answer = call(&mut simulation, "POST", "clock", &json!({ "advance_seconds": 60 }));
    assert_eq!(answer.body, json!({ "now": START.as_secs() + 60 }));
    for body in [
        json!({}),
        json!({ "advance_seconds": -1 }),
        json!({ "advance_seconds": 1.5 }),
        json!({ "advance_seconds": "60" }),
        json!({ "advance_seconds": 1, "by": 2 }),
        json!([]),
        Value::Null,
    ] {
        assert_eq!(call(&mut simulation, "POST", "clock", &body).status, 400, "{body}");
    }
    assert_eq!(call(&mut simulation, "GET", "clock", &Value::Null).body, answer.body);
}

#[test]
fn rules_of_trouble_are_added_shown_and_ended() {
    let (_, _, mut simulation) = ordered();
    let kinds = [
        "commit_then_drop_response",
        "drop_before_commit",
        "cut",
        "server_error",
        "garbage",
        "system_error",
        "token_replaced",
        "token_expired",
        "quota_used_up",
        "early",
        "second_payment",
        "notice_lost",
        "notice_doubled",
        "notice_reordered",
        "notice_forged",
    ];
    for kind in kinds {
        let answer = call(&mut simulation, "POST", "faults", &json!({ "kind": kind }));
        assert_eq!(answer.status, 201, "{kind}: {}", answer.body);
        let shown = answer.body.as_array().unwrap().last().unwrap().clone();
        assert_eq!(shown["kind"], kind);
    }
    let full = json!({
        "kind": "delayed", "millis": 10, "operation": "genprepay", "out_trade_no": "A1", "per_mille": 500,
        "count": 3, "from": 1, "until": 2,
    });
    let answer = call(&mut simulation, "POST", "faults", &full);
    let shown = answer.body.as_array().unwrap().last().unwrap();
    assert_eq!(shown["left"], 3);
    assert_eq!(shown["operation"], "genprepay");
    assert_eq!(call(&mut simulation, "DELETE", "faults", &Value::Null).body, json!([]));
}

#[test]
fn bad_input_names_field_and_rule_and_changes_nothing() {
    let (_, _, mut simulation) = ordered();
    let before = format!("{simulation:?}");
    for (method, path, body, status, field) in [
        ("POST", "orders/A1/pay", json!({ "openid": "" }), 400, "openid"),
        ("POST", "orders/A1/pay", json!({ "discount": -1 }), 400, "discount"),
        ("POST", "orders/A1/pay", json!({ "discount": 1999 }), 400, "discount"),
        ("POST", "orders/A1/pay", json!({ "bank_type": "&" }), 400, "bank_type"),
        ("POST", "orders/A1/pay", json!({ "bank_type": 7 }), 400, "bank_type"),
        ("POST", "orders/A1/pay", json!({ "amount": 7 }), 400, "amount"),
        ("POST", "orders/A1/pay", json!("pay"), 400, "body"),
        ("POST", "orders/A%201/pay", Value::Null, 400, "out_trade_no"),
        ("POST", "faults", json!({}), 400, "kind"),
        ("POST", "faults", json!({ "kind": "flood" }), 400, "kind"),
        ("POST", "faults", json!({ "kind": "delayed" }), 400, "millis"),
        ("POST", "faults", json!({ "kind": "early", "operation": "token" }), 400, "operation"),
        ("POST", "faults", json!({ "kind": "early", "operation": "refund" }), 400, "operation"),
        ("POST", "faults", json!({ "kind": "early", "per_mille": 1001 }), 400, "per_mille"),
        ("POST", "faults", json!({ "kind": "garbage", "effect": 1 }), 400, "effect"),
    ] {
        let answer = call(&mut simulation, method, path, &body);
        assert_eq!((answer.status, &answer.body["field"]), (status, &json!(field)), "{path} {body}");
        assert!(answer.body["detail"].as_str().unwrap().starts_with(field));
        assert!(!answer.body["rule"].as_str().unwrap().is_empty());
    }
    for (method, path) in
        [("POST", "orders/A2/pay"), ("GET", "orders/A2"), ("GET", "nothing"), ("PUT", "clock")]
    {
        assert_eq!(call(&mut simulation, method, path, &Value::Null).status, 404, "{method} {path}");
    }
    assert_eq!(format!("{simulation:?}"), before);
}

#[test]
fn tokens_are_ended_and_replaced() {
    for (path, expected) in [("tokens/expire", 42001), ("tokens/replace", 40001)] {
        let (mut shop, _, mut simulation) = ordered();
        assert_eq!(call(&mut simulation, "POST", path, &Value::Null).status, 200);
        shop.gateway = simulation.gateway;
        let body = shop.query_body("A1");
        assert_eq!(shop.errcode("/pay/orderquery", &body), expected);
    }
}

#[test]
fn warnings_are_shown() {
    let (mut shop, _, _) = ordered();
    shop.errcode_of(&[("total_fee", "0")]);
    let warnings = call(&mut simulation(&shop), "GET", "warnings", &Value::Null).body;
    assert_eq!(warnings[0]["kind"], "refused");
    assert_eq!(warnings[0]["detail"], "genprepay 40035: total_fee must be at least 1");
}

#[test]
fn nothing_secret_is_printed() {
    let (mut shop, _, _) = ordered();
    shop.pay("A1");
    let delivery = shop.due().remove(0);
    let printed = format!("{:?} {delivery:?}", simulation(&shop));
    for secret in [shop.me.app_secret(), shop.me.pay_sign_key(), shop.me.partner_key()] {
        assert!(!printed.contains(secret.expose().as_str()));
    }
    assert!(!printed.contains(&shop.token));
    assert!(!printed.contains(shop.gateway.payer().as_str()));
}
