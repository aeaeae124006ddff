use super::*;
use serde_json::json;
use std::time::Duration;

/// Returns the fields of an order with everything that any channel has.
pub(in crate::channels) fn full() -> Value {
    json!({
        "merchant": "shop1",
        "app": "wxd678efh567hg6787",
        "channel": "h5",
        "out_trade_no": "A20261129-1",
        "description": "千足金箍棒",
        "amount": {"total": 1999, "currency": "CNY"},
        "scene_info": {
            "payer_client_ip": "203.0.113.7",
            "store_info": {"id": "0001", "name": "腾讯大厦分店", "area_code": "440305", "address": "深南大道"},
            "h5_info": {
                "type": "Wap",
                "app_name": "a",
                "app_url": "https://shop.example",
                "bundle_id": "b",
                "package_name": "p"
            },
        },
        "detail": {
            "cost_price": 2999,
            "invoice_id": "wx123",
            "goods_detail": [{
                "merchant_goods_id": "G1",
                "wechatpay_goods_id": "1001",
                "goods_name": "棒",
                "quantity": 1,
                "unit_price": 1999
            }],
        },
        "time_expire": "2026-11-29T17:00:00+08:00",
        "attach": "cart 7",
        "profit_sharing": true,
        "goods_tag": "TAG",
        "support_fapiao": true,
    })
}

/// Returns the required fields of a native order.
pub(in crate::channels) fn minimal() -> Value {
    json!({
        "channel": "native",
        "out_trade_no": "A20261129-1",
        "description": "千足金箍棒",
        "amount": {"total": 1999},
    })
}

pub(in crate::channels) fn parse(fields: Value) -> Result<Terms, Invalid> {
    let Value::Object(fields) = fields else { panic!("an object") };
    Terms::parse(fields)
}

/// Returns the fields with one of them set, by its path in JSON Pointer.
pub(in crate::channels) fn with(mut fields: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    fields.pointer_mut(parent).unwrap()[name] = value;
    fields
}

#[test]
fn canonical_json_of_terms_has_every_field_and_parses_to_equal_terms() {
    let terms = parse(full()).unwrap();
    let json = terms.to_json().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), full());
    assert_eq!(Terms::from_json(&json).unwrap(), terms);
    let jsapi = with(minimal(), "/payer", json!({"sub_openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}));
    let terms = parse(jsapi).unwrap();
    assert_eq!(Terms::from_json(&terms.to_json().unwrap()).unwrap(), terms);
    assert_eq!(Terms::from_json("[").unwrap_err().field(), "terms");
}

#[test]
fn terms_of_one_meaning_have_one_digest() {
    let minimal_terms = parse(minimal()).unwrap();
    let verbose = json!({
        "amount": {"currency": "CNY", "total": 1999},
        "description": "千足金箍棒",
        "out_trade_no": "A20261129-1",
        "channel": "native",
        "attach": "",
        "goods_tag": null,
        "payer": null,
        "scene_info": {},
        "detail": {"goods_detail": []},
        "profit_sharing": false,
        "support_fapiao": null,
    });
    let verbose = parse(verbose).unwrap();
    assert_eq!(verbose, minimal_terms);
    assert_eq!(verbose.digest().unwrap(), minimal_terms.digest().unwrap());
    assert_eq!(verbose.digest().unwrap().len(), 64);
    assert_ne!(parse(full()).unwrap().digest().unwrap(), minimal_terms.digest().unwrap());
    let other_zone = with(full(), "/time_expire", json!("2026-11-29T09:00:00.5Z"));
    assert_eq!(parse(other_zone).unwrap(), parse(full()).unwrap());
}

#[test]
fn the_first_difference_is_named_by_its_path() {
    let terms = parse(full()).unwrap();
    assert_eq!(terms.difference(&terms), None);
    for (pointer, value, path) in [
        ("/merchant", json!("shop2"), "merchant"),
        ("/app", json!("wx0000000000000002"), "app"),
        ("/sub_mchid", json!("1900000109"), "sub_mchid"),
        ("/channel", json!("app"), "channel"),
        ("/out_trade_no", json!("A20261129-2"), "out_trade_no"),
        ("/description", json!("x"), "description"),
        ("/amount/total", json!(2000), "amount.total"),
        ("/payer", json!({"openid": "o1"}), "payer"),
        ("/scene_info/payer_client_ip", json!("203.0.113.8"), "scene_info.payer_client_ip"),
        ("/scene_info/store_info/name", json!("x"), "scene_info.store_info"),
        ("/scene_info/h5_info/type", json!("iOS"), "scene_info.h5_info"),
        ("/detail", json!(null), "detail"),
        ("/detail/cost_price", json!(1), "detail.cost_price"),
        ("/detail/invoice_id", json!("x"), "detail.invoice_id"),
        ("/detail/goods_detail", json!([]), "detail.goods_detail"),
        ("/time_expire", json!("2026-11-29T17:00:01+08:00"), "time_expire"),
        ("/attach", json!("cart 8"), "attach"),
        ("/profit_sharing", json!(false), "profit_sharing"),
        ("/goods_tag", json!("GAT"), "goods_tag"),
        ("/support_fapiao", json!(false), "support_fapiao"),
    ] {
        let other = parse(with(full(), pointer, value)).unwrap();
        assert_eq!(terms.difference(&other), Some(path), "{pointer}");
        assert_ne!(terms.digest().unwrap(), other.digest().unwrap(), "{pointer}");
    }
    let payer = |id: &str| parse(with(full(), "/payer", json!({"openid": id}))).unwrap();
    assert_eq!(payer("o1").difference(&payer("o2")), Some("payer.openid"));
}

#[test]
fn an_invalid_field_is_named_by_its_path() {
    for (pointer, value, path) in [
        ("/merchant", json!("Shop"), "merchant"),
        ("/sub_mchid", json!("x"), "sub_mchid"),
        ("/channel", json!("facepay"), "channel"),
        ("/channel", json!(null), "channel"),
        ("/out_trade_no", json!("a b"), "out_trade_no"),
        ("/out_trade_no", json!(1), "out_trade_no"),
        ("/description", json!(null), "description"),
        ("/amount", json!(null), "amount"),
        ("/amount", json!(1999), "amount"),
        ("/amount/total", json!("1999"), "amount.total"),
        ("/amount/total", json!(null), "amount.total"),
        ("/amount/currency", json!("USD"), "amount.currency"),
        ("/amount/colour", json!(1), "amount.colour"),
        ("/payer", json!({}), "payer.openid"),
        ("/payer", json!({"openid": "a&b"}), "payer.openid"),
        ("/payer", json!({"openid": "a", "sub_openid": "b"}), "payer.sub_openid"),
        ("/scene_info/payer_client_ip", json!("shop.example"), "scene_info.payer_client_ip"),
        ("/scene_info/store_info", json!({"id": 1}), "scene_info.store_info.id"),
        ("/scene_info/h5_info", json!({}), "scene_info.h5_info.type"),
        ("/scene_info/h5_info/type", json!("wap"), "scene_info.h5_info.type"),
        ("/detail/goods_detail", json!([{}]), "detail.goods_detail[0].merchant_goods_id"),
        ("/detail/goods_detail", json!({}), "detail.goods_detail"),
        ("/time_expire", json!("2026-11-29"), "time_expire"),
        ("/profit_sharing", json!("true"), "profit_sharing"),
        ("/metadata", json!({}), "metadata"),
    ] {
        assert_eq!(parse(with(full(), pointer, value)).unwrap_err().field(), path, "{pointer}");
    }
    let many: Vec<_> = (0..101)
        .map(|id| json!({"merchant_goods_id": id.to_string(), "quantity": 1, "unit_price": 1}))
        .collect();
    let error = parse(with(full(), "/detail/goods_detail", json!(many))).unwrap_err();
    assert_eq!(error.field(), "detail.goods_detail");
}

#[test]
fn debug_output_of_terms_omits_personal_data() {
    let payer = json!({"openid": "oPlanted"});
    let terms = parse(with(full(), "/payer", payer)).unwrap();
    assert_eq!(terms.payer_id().unwrap().as_str(), "oPlanted");
    let printed = format!("{terms:?} {:?} {:?} {:?}", terms.payer, terms.scene_info, terms.detail);
    for text in ["oPlanted", "203.0.113.7", "腾讯", "cart 7", "棒"] {
        assert!(!printed.contains(text), "{printed}");
    }
    assert!(printed.contains("A20261129-1"), "{printed}");
}

#[test]
fn an_order_expires_at_its_own_time_or_after_the_lifetime() {
    let lifetime = Duration::from_hours(2);
    let now = UnixTime::from_millis(1_795_942_800_999);
    let own = parse(full()).unwrap();
    assert_eq!(
        own.expires_at(UnixTime::from_secs(1_795_942_799), lifetime).unwrap().as_secs(),
        1_795_942_800
    );
    assert_eq!(own.expires_at(now, lifetime).unwrap_err().field(), "time_expire");
    let default = parse(minimal()).unwrap().expires_at(now, lifetime).unwrap();
    assert_eq!(default, UnixTime::from_secs(1_795_950_000));
}
