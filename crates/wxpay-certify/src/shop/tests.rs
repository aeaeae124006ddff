//! Tests of the shop file.

use super::*;
use serde_json::json;

const MINIMAL: &str = r#"
[create]
request = "POST /orders"
[state]
request = "GET /orders/{out_trade_no}"
paid = ["paid"]
"#;

fn parse(text: &str) -> Result<Shop, String> {
    Shop::parse(text.as_bytes(), |_| None).map_err(|error| error.to_string())
}

fn refusal(text: &str) -> String {
    parse(text).err().unwrap()
}

#[test]
fn profiles_are_valid() {
    for name in Shop::PROFILES {
        let shop = Shop::profile(name, |_| Some("secret".into())).unwrap().unwrap();
        assert!(shop.refund.is_some() && shop.effects.is_some() && shop.close.is_some(), "{name}");
        assert!(!format!("{shop:?}").contains("secret"), "{name}");
    }
    assert!(Shop::profile("other", |_| None).is_none());
}

#[test]
fn only_the_order_is_required() {
    let shop = parse(MINIMAL).unwrap();
    assert_eq!(shop.notify_url("http://shop/"), "http://shop/notify");
    assert!(shop.refund.is_none() && shop.timeout.is_none() && shop.effects.is_none());
}

#[test]
fn invalid_file_is_refused_with_field_and_rule() {
    let message = Shop::parse(b"a = \"\xff\"", |_| None).err().unwrap().to_string();
    assert_eq!(message, "the shop file is not UTF-8 from byte 5 on: save it as UTF-8");
    assert!(refusal("[create").starts_with("the shop file is invalid: TOML parse error at line 1"));
    assert!(refusal("").contains("missing field `create`"));
    assert!(refusal(&MINIMAL.replace("paid =", "payed =")).contains("unknown field `payed`"));
    for (from, to, rule) in [
        ("POST /orders", "/orders", "create.request must be a method and a path"),
        ("POST /orders", "POST orders", "create.request must be a method and a path"),
        (
            "GET /orders/{out_trade_no}",
            "GET /orders/{number}",
            "state.request has the unknown placeholder {number}",
        ),
        ("[\"paid\"]", "[]", "state.paid must have at least one word"),
        ("paid =", "value = \"status\"\npaid =", "state.value must be a JSON pointer"),
        ("[create]", "notify_path = \"notify?x\"\n[create]", "notify_path must begin with /"),
        ("[create]", "[timeout]\nseconds = 0\n[create]", "timeout.seconds must be 1 to 600 seconds"),
        ("[create]", "[headers]\n\"a b\" = \"x\"\n[create]", "headers.a b must be the name and the value"),
        ("[create]", "[headers]\na = \"{env:X}\"\n[create]", "headers.a needs the environment variable X"),
    ] {
        let message = refusal(&MINIMAL.replacen(from, to, 1));
        assert!(message.contains(rule), "{to}: {message}");
    }
    assert!(refusal(&"#".repeat(MAX_BYTES + 1)).contains("is over 65536 bytes"));
}

#[test]
fn any_bytes_are_an_error_and_no_panic() {
    for seed in 0..2000_u32 {
        let byte =
            |index: u32| seed.wrapping_mul(2_654_435_761).rotate_left(index.wrapping_mul(7)).to_le_bytes()[0];
        let bytes: Vec<u8> = (0..seed % 97).map(byte).collect();
        assert!(Shop::parse(&bytes, |_| None).is_err());
    }
}

#[test]
fn effects_are_a_number_or_the_entries_of_the_order() {
    let of = |list: &str, order: Option<&str>| {
        let order = order.map(|order| format!("order = \"{order}\"\n")).unwrap_or_default();
        let text = format!("{MINIMAL}[effects]\nrequest = \"GET /e\"\nlist = \"{list}\"\n{order}");
        parse(&text).unwrap().effects.unwrap()
    };
    let answer = json!({ "count": 2, "data": [{ "n": "A" }, { "n": "B" }, { "n": "A" }], "text": "x" });
    assert_eq!(of("/count", None).count(&answer, "A"), Some(2));
    assert_eq!(of("/data", None).count(&answer, "A"), Some(3));
    assert_eq!(of("/data", Some("/n")).count(&answer, "A"), Some(2));
    assert_eq!(of("/text", None).count(&answer, "A"), None);
    assert_eq!(of("/none", None).count(&answer, "A"), None);
}
