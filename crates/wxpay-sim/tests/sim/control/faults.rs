//! Fault rules.

use super::fixture;
use serde_json::{Value, json};

#[test]
fn fault_rules_are_addedshown_and_cleared() {
    let mut interface = fixture().interface;
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
        "notification_lost",
        "notification_duplicated",
        "notification_reordered",
        "notification_forged",
    ];
    for kind in kinds {
        let response = interface.call("POST", "faults", &json!({ "kind": kind }));
        assert_eq!(response.status, 201, "{kind}: {}", response.body);
        assert_eq!(response.body["kind"], kind);
    }
    let all_conditions = json!({
        "kind": "delayed", "millis": 10, "operation": "v1.genprepay", "out_trade_no": "A1", "per_mille": 500,
        "count": 3, "from": 1, "until": 2,
    });
    let added = interface.succeed("POST", "faults", &all_conditions);
    assert_eq!(added["remaining"], 3);
    assert_eq!(added["operation"], "v1.genprepay");
    assert_eq!(interface.call("DELETE", "faults", &Value::Null).body, json!([]));
}

#[test]
fn fault_rule_is_shown_and_removed() {
    let mut interface = fixture().interface;
    for kind in ["cut", "early"] {
        interface.succeed("POST", "faults", &json!({ "kind": kind }));
    }
    assert_eq!(interface.get("faults/1")["kind"], "cut");
    assert_eq!(interface.succeed("DELETE", "faults/1", &Value::Null)["kind"], "cut");
    let remaining = interface.get("faults");
    assert_eq!((remaining.as_array().unwrap().len(), &remaining[0]["id"]), (1, &json!(2)));
    assert_eq!(interface.rejected("GET", "faults/1", &Value::Null).0, 404);
    assert_eq!(interface.rejected("DELETE", "faults/1", &Value::Null).0, 404);
    assert_eq!(interface.rejected("DELETE", "faults/one", &Value::Null), (400, "id".into()));
}

#[test]
fn every_fault_kind_is_listed_with_its_parameter_and_operations() {
    let mut interface = fixture().interface;
    let kinds = interface.get("faults/kinds");
    assert!(kinds.as_array().unwrap().len() > 35);
    for kind in kinds.as_array().unwrap() {
        let mut rule = json!({ "kind": kind["kind"], "operation": kind["applies_to"][0] });
        if let Some(parameter) = kind["parameter"].as_str() {
            let value = match parameter {
                "commits" => json!(true),
                "step" => json!("switch"),
                _ => json!(7),
            };
            let required = interface.clone().call("POST", "faults", &rule).status == 400;
            assert_eq!(required, kind["required"].as_bool().unwrap(), "{kind}");
            rule[parameter] = value;
        }
        let added = interface.succeed("POST", "faults", &rule);
        for (name, value) in rule.as_object().unwrap() {
            assert_eq!(&added[name], value, "{kind}");
        }
        if let Some(millis) = kind["default_millis"].as_u64() {
            let added = interface.succeed("POST", "faults", &json!({ "kind": kind["kind"] }));
            assert_eq!(added["millis"], millis, "{kind}");
        }
    }
}

#[test]
fn invalid_fault_rule_is_rejected_by_field() {
    let mut interface = fixture().interface;
    for (body, field) in [
        (json!({}), "kind"),
        (json!({ "kind": "flood" }), "kind"),
        (json!({ "kind": "delayed" }), "millis"),
        (json!({ "kind": "cut", "millis": 1 }), "millis"),
        (json!({ "kind": "early", "operation": "v1.token" }), "operation"),
        (json!({ "kind": "early", "operation": "refund" }), "operation"),
        (json!({ "kind": "early", "per_mille": 1001 }), "per_mille"),
        (json!({ "kind": "early", "path": "v3" }), "path"),
        (json!({ "kind": "early", "out_trade_no": "A1", "number": "A1" }), "number"),
        (json!({ "kind": "garbage", "commits": 1 }), "commits"),
        (json!({ "kind": "token_expired", "api_version": "v3" }), "api_version"),
        (json!({ "kind": "notification_probe", "api_version": "v1" }), "api_version"),
    ] {
        assert_eq!(interface.rejected("POST", "faults", &body), (400, field.into()), "{body}");
    }
}

#[test]
fn fault_rule_that_can_never_fire_is_rejected() {
    let mut interface = fixture().interface;
    for (body, field) in [
        (json!({ "kind": "early", "api_version": "v1", "operation": "v3.pay.jsapi" }), "api_version"),
        (json!({ "kind": "early", "api_version": "v3", "operation": "v1.genprepay" }), "api_version"),
        (json!({ "kind": "early", "from": 5, "until": 5 }), "until"),
    ] {
        assert_eq!(interface.rejected("POST", "faults", &body), (422, field.into()), "{body}");
    }
    let both = json!({ "kind": "early", "api_version": "v1", "operation": "pay", "from": 4, "until": 5.0 });
    assert_eq!(interface.succeed("POST", "faults", &both)["until"], 5);
}
