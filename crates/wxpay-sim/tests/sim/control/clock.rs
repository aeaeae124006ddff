//! The business clock.

use super::{START, fixture};
use serde_json::{Value, json};
use wxpay_proto::UnixTime;

#[test]
fn clock_advances() {
    let mut interface = fixture().interface;
    let response = interface.call("POST", "clock", &json!({ "advance_seconds": 60 }));
    assert_eq!(response.body, json!({ "now": START.as_secs() + 60, "runs": false }));
    for body in [
        json!({}),
        json!({ "advance_seconds": -1 }),
        json!({ "advance_seconds": 1.5 }),
        json!({ "advance_seconds": "60" }),
        json!({ "advance_seconds": 1, "by": 2 }),
        json!([]),
        Value::Null,
    ] {
        assert_eq!(interface.call("POST", "clock", &body).status, 400, "{body}");
    }
    assert_eq!(interface.call("GET", "clock", &Value::Null).body, response.body);
}

#[test]
fn clock_is_set_forward_and_back() {
    let mut interface = fixture().interface;
    let later = START.as_secs() + 3600;
    assert_eq!(interface.succeed("PUT", "clock", &json!({ "now": later }))["now"], later);
    assert_eq!(interface.succeed("PUT", "clock", &json!({ "now": later }))["now"], later);
    assert_eq!(interface.succeed("PUT", "clock", &json!({ "now": later - 7200 }))["now"], later - 7200);
    for body in [json!({}), json!({ "now": "1" }), json!({ "now": -1 }), json!({ "now": null })] {
        assert_eq!(interface.rejected("PUT", "clock", &body), (400, "now".into()), "{body}");
    }
}

#[test]
fn clock_does_not_pass_the_end_of_the_year_9999() {
    let mut interface = fixture().interface;
    let last = 253_402_300_799_u64;
    assert_eq!(interface.rejected("PUT", "clock", &json!({ "now": last + 1 })), (400, "now".into()));
    interface.succeed("PUT", "clock", &json!({ "now": last - 1 }));
    assert_eq!(interface.rejected("POST", "clock", &json!({ "advance_seconds": 2 })).0, 409);
    assert_eq!(interface.succeed("POST", "clock", &json!({ "advance_seconds": 1.0 }))["now"], last);
}

#[test]
fn clock_freezes_and_runs_from_its_current_time() {
    let mut interface = fixture().interface;
    let call_at = |interface: &mut super::Control, method, path: &str, real| {
        let target = format!("/_sim/v1/{path}");
        let response = interface.simulation.control(method, &target, b"", UnixTime::from_secs(real));
        interface.document.assert_conforms(method, path, &response);
        (response.body["now"].as_u64().unwrap(), response.body["runs"].as_bool().unwrap())
    };
    let start = START.as_secs();
    assert_eq!(call_at(&mut interface, "GET", "clock", 5_000_000_000), (start, false));
    assert_eq!(call_at(&mut interface, "POST", "clock/run", 5_000_000_000), (start, true));
    assert_eq!(call_at(&mut interface, "GET", "clock", 5_000_000_060), (start + 60, true));
    assert_eq!(call_at(&mut interface, "POST", "clock/freeze", 5_000_000_090), (start + 90, false));
    assert_eq!(call_at(&mut interface, "GET", "clock", 5_000_000_900), (start + 90, false));
}
