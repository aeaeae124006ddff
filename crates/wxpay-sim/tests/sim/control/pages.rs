//! Pages of lists.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::Value;

fn shop_with_orders(count: u32) -> Shop {
    let mut shop = Shop::open();
    for number in 0..count {
        shop.order(&format!("A{number:05}"));
    }
    shop
}

/// Follows the links from a path. Returns the pages.
fn pages(interface: &mut Control, path: &str) -> Vec<Vec<Value>> {
    let mut target = format!("/_sim/v1/{path}");
    let mut pages = Vec::new();
    loop {
        let now = super::START;
        let response = interface.simulation.control("GET", &target, b"", now);
        assert_eq!(response.status, 200, "{target}: {response:?}");
        pages.push(response.body.as_array().unwrap().clone());
        let Some(link) = response.link else { return pages };
        target = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().into();
    }
}

#[test]
fn list_is_returned_page_by_page() {
    let shop = shop_with_orders(250);
    let mut interface = Control::of(shop.gateway.clone(), shop.now);
    let pages_of_orders = pages(&mut interface, "orders");
    assert_eq!(pages_of_orders.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
    let numbers: Vec<_> =
        pages_of_orders.iter().flatten().map(|order| order["out_trade_no"].as_str().unwrap()).collect();
    assert!(numbers.iter().copied().eq((0..250).map(|number| format!("A{number:05}"))), "{numbers:?}");
    let path = format!("orders?limit=125&mchid={}", shop.mchid());
    assert_eq!(pages(&mut interface, &path).iter().map(Vec::len).collect::<Vec<_>>(), [125, 125]);
}

#[test]
fn page_of_a_filter_that_matches_nothing_examines_a_bounded_number_of_records() {
    let shop = shop_with_orders(2100);
    let mut interface = Control::of(shop.gateway, shop.now);
    assert_eq!(pages(&mut interface, "orders?mchid=1").iter().map(Vec::len).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn each_kind_of_list_continues_after_its_cursor() {
    let mut shop = shop_with_orders(3);
    let notify = ["A00000", "A00001", "A00002"].map(|number| {
        shop.pay(number);
        number
    });
    for number in notify {
        let refund = serde_json::json!({
            "out_trade_no": number, "out_refund_no": format!("R/{number}").replace('/', "|"),
            "amount": { "refund": 1, "total": 1999, "currency": "CNY" },
        });
        assert_eq!(shop.post("/v3/refund/domestic/refunds", &refund).status, 200);
        shop.post("/v3/pay/transactions/native", &Value::Null);
    }
    let mut interface = Control::of(shop.gateway, shop.now);
    for _ in 0..3 {
        interface.succeed("POST", "merchants", &Value::Null);
        interface.succeed("POST", "faults", &serde_json::json!({ "kind": "early" }));
    }
    for path in ["orders", "refunds", "notifications", "merchants", "warnings", "faults"] {
        let all = pages(&mut interface, path).concat();
        assert!(all.len() >= 3, "{path}");
        let one_by_one = pages(&mut interface, &format!("{path}?limit=1"));
        assert!(one_by_one.iter().all(|page| page.len() == 1), "{path}");
        assert_eq!(one_by_one.concat(), all, "{path}");
    }
}

#[test]
fn invalid_page_is_rejected_by_field() {
    let mut interface = Control::of(shop_with_orders(1).gateway, super::START);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("after=", "after"),
        ("after=x", "after"),
        ("after=%FF", "after"),
        ("limit=%2B1", "limit"),
    ] {
        let path = format!("orders?{query}");
        assert_eq!(interface.rejected("GET", &path, &Value::Null), (400, field.into()), "{query}");
    }
}

#[test]
fn link_replaces_the_cursor_in_any_spelling() {
    let mut interface = Control::of(shop_with_orders(3).gateway, super::START);
    assert_eq!(pages(&mut interface, "orders?limit=1&%61fter=1").len(), 2);
}
