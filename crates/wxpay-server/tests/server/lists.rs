//! Lists: every one in pages, with cursors.

use crate::shop::{Setup, Shop, jsapi, with};
use serde_json::{Value, json};

/// Reads a list to its end, page by page, and returns its records.
async fn read_all(shop: &Shop, path: &str, limit: usize) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut records = Vec::new();
    let mut cursor = String::new();
    for _ in 0..100 {
        let page = shop.get(&format!("{path}{separator}limit={limit}{cursor}")).await.expect(200);
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= limit, "{page}");
        records.extend(data.iter().cloned());
        let next = page["next_cursor"].as_str();
        if page["has_more"] == false {
            return records;
        }
        cursor = format!("&cursor={}", next.unwrap_or_else(|| panic!("no cursor: {page}")));
    }
    panic!("{path} does not end");
}

/// Asserts that pages of every size have the same records, each once, and that there are this many.
async fn is_paged(shop: &Shop, path: &str, id: &str, count: usize) {
    let whole = read_all(shop, path, 200).await;
    let types: Vec<_> = whole.iter().map(|record| &record["type"]).collect();
    assert_eq!(whole.len(), count, "{path}: {types:?}");
    let mut ids: Vec<_> = whole.iter().map(|record| record[id].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "{path}");
    for limit in [1, 2, 3, count] {
        assert_eq!(read_all(shop, path, limit).await, whole, "{path} by {limit}");
    }
}

#[tokio::test]
async fn every_list_is_paged_without_gaps_or_repetitions() {
    let shop = Shop::open().await;
    let (receiver, endpoint, _) = shop.endpoint(json!({})).await;
    for number in 0..5 {
        shop.place(&format!("ORDER{number}"), 1000).await.expect(201);
    }
    shop.inject("second_payment", "pay").await;
    for number in ["ORDER0", "ORDER1", "ORDER1", "ORDER2"] {
        if number == "ORDER1" {
            shop.inject("second_payment", "pay").await;
        }
        shop.pay(number).await;
    }
    for number in ["ORDER0", "ORDER1", "ORDER2"] {
        shop.wait(number, |order| order["status"] == "paid" || order["status"] == "anomalous").await;
    }
    for number in 0..4 {
        shop.refund("ORDER0", &format!("R{number}"), 1).await.expect(201);
    }
    for mchid in ["1900000108", "1900000110", "1900000112"] {
        crate::merchants::create(&shop, &format!("m{mchid}"), mchid).await;
    }
    for _ in 0..3 {
        shop.post("/api/webhook-endpoints", &json!({ "url": "http://127.0.0.1:9/webhooks" }))
            .await
            .expect(201);
        shop.api_key(json!({ "scopes": ["orders:read"] })).await;
    }
    is_paged(&shop, "/api/orders?merchant=default", "out_trade_no", 5).await;
    is_paged(&shop, "/api/orders/ORDER0/refunds?merchant=default", "out_refund_no", 4).await;
    is_paged(&shop, "/api/merchants", "merchant", 4).await;
    is_paged(&shop, "/api/webhook-endpoints", "endpoint", 4).await;
    is_paged(&shop, "/api/api-keys", "key_id", 4).await;
    is_paged(&shop, "/api/cases?merchant=default", "case_id", 1).await;
    // Five created, three paid, one of them again, and its case.
    receiver.wait_for(10).await;
    is_paged(&shop, "/api/events", "id", 10).await;
    is_paged(&shop, "/api/events?types=order.paid", "id", 3).await;
    shop.wait_get(&format!("/api/webhook-endpoints/{endpoint}/attempts"), |list| {
        list["data"].as_array().unwrap().len() == 10
    })
    .await;
    is_paged(&shop, &format!("/api/webhook-endpoints/{endpoint}/attempts"), "event_id", 10).await;
    let entries = read_all(&shop, "/api/audit", 200).await;
    is_paged(&shop, "/api/audit", "id", entries.len()).await;
    is_paged(&shop, "/api/audit?subject=m1900000108", "id", 1).await;
}

#[tokio::test]
async fn orders_are_listed_by_status_time_payer_and_transaction() {
    let shop = Shop::open().await;
    shop.post("/api/orders", &jsapi("ORDER1", 5)).await.expect(201);
    let other = with(&jsapi("ORDER2", 5), &[("/payer/openid", json!("o-another-payer"))]);
    shop.post("/api/orders", &other).await.expect(201);
    shop.place("ORDER3", 5).await.expect(201);
    shop.pay("ORDER3").await;
    let paid = shop.wait_for_status("ORDER3", "paid").await;
    let transaction_id = paid["payments"][0]["transaction_id"].as_str().unwrap();
    for (query, expected) in [
        ("", &["ORDER3", "ORDER2", "ORDER1"][..]),
        ("status=open", &["ORDER2", "ORDER1"]),
        ("status=paid", &["ORDER3"]),
        ("status=closed", &[]),
        ("payer=o-another-payer", &["ORDER2"]),
        (&format!("payer={}", crate::shop::OPENID), &["ORDER1"]),
        (&format!("transaction_id={transaction_id}"), &["ORDER3"]),
        (&format!("transaction_id={transaction_id}&status=open"), &[]),
        ("transaction_id=4200000000", &[]),
        ("created_from=2020-01-01T00:00:00%2B08:00", &["ORDER3", "ORDER2", "ORDER1"]),
        ("created_until=2020-01-01T00:00:00%2B08:00", &[]),
        ("created_from=2100-01-01T00:00:00%2B08:00", &[]),
    ] {
        let list = shop.get(&format!("/api/orders?{query}")).await.expect(200);
        let numbers: Vec<_> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| order["out_trade_no"].as_str().unwrap())
            .collect();
        assert_eq!(numbers, expected, "{query}");
        assert_eq!((&list["has_more"], &list["next_cursor"]), (&json!(false), &Value::Null), "{query}");
    }
}

#[tokio::test]
async fn cursor_of_another_list_and_limits_out_of_range_are_refused() {
    let shop = Shop::open().await;
    for number in ["ORDER1", "ORDER2"] {
        shop.place(number, 5).await.expect(201);
    }
    let page = shop.get("/api/orders?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    shop.get(&format!("/api/orders?cursor={cursor}")).await.expect(200);
    for path in ["/api/events", "/api/merchants", "/api/audit", "/api/cases", "/api/api-keys"] {
        let problem = shop.get(&format!("{path}?cursor={cursor}")).await.problem(422, "invalid_field");
        assert_eq!(problem["field"], "cursor", "{problem}");
    }
    for bad in ["x", "%00", "AAAA", &cursor[..cursor.len() - 1], &format!("{cursor}A"), ""] {
        let problem = shop.get(&format!("/api/orders?cursor={bad}")).await.problem(422, "invalid_field");
        assert_eq!(problem["field"], "cursor", "{bad}: {problem}");
    }
    for limit in ["0", "201", "-1", "1.5", "x", "", "99999999999999999999"] {
        let problem = shop.get(&format!("/api/orders?limit={limit}")).await.problem(422, "invalid_field");
        assert_eq!(problem["field"], "limit", "{limit}: {problem}");
    }
    let problem = shop.get("/api/orders?limit=1&limit=2").await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "limit", "{problem}");
    let problem = shop.get("/api/orders?colour=red").await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "colour", "{problem}");
}

#[tokio::test]
async fn list_of_a_key_with_several_merchants_names_one() {
    let shop = Setup::default().open().await;
    crate::merchants::create(&shop, "other", "1900000108").await;
    for path in ["/api/orders", "/api/cases"] {
        let problem = shop.get(path).await.problem(422, "invalid_field");
        assert_eq!(problem["field"], "merchant", "{path}: {problem}");
        shop.get(&format!("{path}?merchant=other")).await.expect(200);
        shop.get(&format!("{path}?merchant=nobody")).await.problem(404, "not_found");
    }
    for path in ["/api/events", "/api/webhook-endpoints"] {
        shop.get(path).await.expect(200);
        shop.get(&format!("{path}?merchant=other")).await.expect(200);
        shop.get(&format!("{path}?merchant=nobody")).await.problem(404, "not_found");
    }
}
