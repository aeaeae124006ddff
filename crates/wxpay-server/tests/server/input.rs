//! Bad input: each response names field and rule, nothing changes, and no response is a 500.

use crate::{
    http::raw,
    shop::{Shop, code, jsapi, native, order, with},
};
use serde_json::{Value, json};

/// Sends a body, and asserts a problem that names the field.
async fn refused(shop: &Shop, body: &[u8], status: u16, field: &str) {
    let reply = shop.send(&shop.token, "POST", "/api/orders", &[], body).await;
    let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    assert_eq!(reply.status, status, "{shown}: {}", reply.text());
    let problem = reply.json();
    assert_eq!(problem["field"], field, "{shown}: {problem}");
    assert!(problem["rule"].as_str().is_some_and(|rule| !rule.is_empty()), "{shown}: {problem}");
    assert!(problem["detail"].as_str().unwrap().contains(problem["rule"].as_str().unwrap()), "{problem}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
}

async fn nothing_was_placed(shop: &Shop) {
    assert_eq!(shop.get("/api/orders").await.expect(200)["data"], json!([]));
    assert_eq!(shop.get("/api/events").await.expect(200)["data"], json!([]));
    assert_eq!(shop.requests("v3.pay.native").await, 0);
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_refused() {
    let shop = Shop::open().await;
    let deep = format!("{}{}", "{\"a\":".repeat(200), "}".repeat(200));
    let lists = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "x",
        "{",
        "{}x",
        "[]",
        "null",
        "1",
        "\"text\"",
        "{\"a\":}",
        "{\"a\" 1}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":'x'}",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":1,\"a\":2}",
        "{\"amount\":{\"total\":1,\"total\":2}}",
        "\u{feff}{}",
        deep.as_str(),
        lists.as_str(),
    ] {
        refused(&shop, body.as_bytes(), 400, "body").await;
    }
    refused(&shop, b"{\"a\":\"\xff\"}", 400, "body").await;
    refused(&shop, b"\xff\xfe{\x00}\x00", 400, "body").await;
    let large = with(&native("ORDER1", 5), &[("/attach", json!("x".repeat(65 << 10)))]);
    refused(&shop, large.to_string().as_bytes(), 413, "body").await;
    nothing_was_placed(&shop).await;
}

#[tokio::test]
async fn other_media_types_are_refused() {
    let shop = Shop::open().await;
    let body = native("ORDER1", 5).to_string();
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/json; charset=gbk",
        "",
        "multipart/form-data; boundary=x",
    ] {
        let headers = [("content-type", media_type)];
        let reply = shop.send(&shop.token, "POST", "/api/orders", &headers, body.as_bytes()).await;
        let problem = reply.problem(415, "unsupported_media_type");
        assert_eq!(problem["field"], "Content-Type", "{media_type}");
    }
    nothing_was_placed(&shop).await;
    for media_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let headers = [("content-type", media_type)];
        let reply = shop.send(&shop.token, "POST", "/api/orders", &headers, body.as_bytes()).await;
        assert!([200, 201].contains(&reply.status), "{media_type}: {}", reply.text());
    }
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "a table")]
async fn fields_that_break_their_rules_are_named() {
    let shop = Shop::open().await;
    let h5 = order("h5", "ORDER1", 5);
    let long = "长".repeat(129);
    for (terms, pointer, value, field) in [
        (native("ORDER1", 5), "/amount/total", json!(0), "amount.total"),
        (native("ORDER1", 5), "/amount/total", json!(-1), "amount.total"),
        (native("ORDER1", 5), "/amount/total", json!(19.5), "amount.total"),
        (native("ORDER1", 5), "/amount/total", json!(1e300), "amount.total"),
        (native("ORDER1", 5), "/amount/total", json!(u64::MAX), "amount.total"),
        (native("ORDER1", 5), "/amount/total", json!(2_147_483_648_u64), "amount.total"),
        (native("ORDER1", 5), "/amount/total", json!("1999"), "amount.total"),
        (native("ORDER1", 5), "/amount/total", json!(true), "amount.total"),
        (native("ORDER1", 5), "/amount/total", json!(null), "amount.total"),
        (native("ORDER1", 5), "/amount/total", json!([5]), "amount.total"),
        (native("ORDER1", 5), "/amount/currency", json!("USD"), "amount.currency"),
        (native("ORDER1", 5), "/amount/colour", json!(1), "amount.colour"),
        (native("ORDER1", 5), "/amount", json!(5), "amount"),
        (native("ORDER1", 5), "/amount", json!(null), "amount"),
        (native("ORDER1", 5), "/amount", json!({}), "amount.total"),
        (native("ORDER1", 5), "/out_trade_no", json!(""), "out_trade_no"),
        (native("ORDER1", 5), "/out_trade_no", json!("A".repeat(33)), "out_trade_no"),
        (native("ORDER1", 5), "/out_trade_no", json!("A 1"), "out_trade_no"),
        (native("ORDER1", 5), "/out_trade_no", json!("订单"), "out_trade_no"),
        (native("ORDER1", 5), "/out_trade_no", json!("A/1"), "out_trade_no"),
        (native("ORDER1", 5), "/out_trade_no", json!(1), "out_trade_no"),
        (native("ORDER1", 5), "/out_trade_no", json!(null), "out_trade_no"),
        (native("ORDER1", 5), "/description", json!(""), "description"),
        (native("ORDER1", 5), "/description", json!(long), "description"),
        (native("ORDER1", 5), "/description", json!("a\u{0}b"), "description"),
        (native("ORDER1", 5), "/description", json!(null), "description"),
        (native("ORDER1", 5), "/channel", json!("cash"), "channel"),
        (native("ORDER1", 5), "/channel", json!(null), "channel"),
        (native("ORDER1", 5), "/channel", json!("code"), "auth_code"),
        (native("ORDER1", 5), "/attach", json!(long), "attach"),
        (native("ORDER1", 5), "/time_expire", json!("tomorrow"), "time_expire"),
        (native("ORDER1", 5), "/time_expire", json!("2020-01-01T00:00:00+08:00"), "time_expire"),
        (native("ORDER1", 5), "/time_expire", json!("2040-02-30T00:00:00+08:00"), "time_expire"),
        (native("ORDER1", 5), "/time_expire", json!("2040-01-01T00:00:00"), "time_expire"),
        (native("ORDER1", 5), "/profit_sharing", json!("true"), "profit_sharing"),
        (native("ORDER1", 5), "/metadata", json!({ "a": 1 }), "metadata"),
        (native("ORDER1", 5), "/metadata", json!({ "a b": "1" }), "metadata"),
        (native("ORDER1", 5), "/metadata", json!({ "a": "x".repeat(129) }), "metadata"),
        (native("ORDER1", 5), "/merchant", json!("Default"), "merchant"),
        (native("ORDER1", 5), "/merchant", json!("nobody"), ""),
        (native("ORDER1", 5), "/app", json!("wx0000000000000000"), "app"),
        (native("ORDER1", 5), "/sub_mchid", json!("1900000109"), "sub_mchid"),
        (native("ORDER1", 5), "/colour", json!("red"), "colour"),
        (native("ORDER1", 5), "/auth_code", json!("134650000000000000"), "auth_code"),
        (jsapi("ORDER1", 5), "/payer", json!(null), "payer"),
        (jsapi("ORDER1", 5), "/payer", json!({}), "payer"),
        (jsapi("ORDER1", 5), "/payer/openid", json!(""), "payer.openid"),
        (jsapi("ORDER1", 5), "/payer/openid", json!("x".repeat(129)), "payer.openid"),
        (jsapi("ORDER1", 5), "/payer/sub_openid", json!("o1"), "payer.sub_openid"),
        (order("mini_program", "ORDER1", 5), "/attach", json!("x"), "payer"),
        (code("ORDER1", 5, "99"), "/auth_code", json!(null), "auth_code"),
        (code("ORDER1", 5, "99"), "/auth_code", json!(""), "auth_code"),
        (code("ORDER1", 5, "99"), "/auth_code", json!("1345 6789"), "auth_code"),
        (code("ORDER1", 5, "99"), "/auth_code", json!(134_567_890), "auth_code"),
        (code("ORDER1", 5, "99"), "/scene_info", json!(null), "scene_info.store_info"),
        (code("ORDER1", 5, "99"), "/scene_info/store_info", json!({}), "scene_info.store_info.id"),
        (
            code("ORDER1", 5, "99"),
            "/scene_info/store_info/out_id",
            json!("3"),
            "scene_info.store_info.out_id",
        ),
        (code("ORDER1", 5, "99"), "/scene_info/store_info/name", json!("x"), "scene_info.store_info.name"),
        (code("ORDER1", 5, "99"), "/payer", json!({ "openid": "o1" }), "payer"),
        (h5.clone(), "/attach", json!("x"), "scene_info.h5_info"),
        (h5.clone(), "/scene_info", json!(null), "scene_info"),
        (h5.clone(), "/scene_info/h5_info", json!({ "type": "Windows" }), "scene_info.h5_info.type"),
        (h5.clone(), "/scene_info/payer_client_ip", json!("localhost"), "scene_info.payer_client_ip"),
        (native("ORDER1", 5), "/detail", json!({ "goods_detail": [{}] }), "detail.goods_detail[0]"),
        (
            native("ORDER1", 5),
            "/detail",
            json!({ "goods_detail": vec![json!({}); 21] }),
            "detail.goods_detail",
        ),
    ] {
        let body = with(&terms, &[(pointer, value.clone())]);
        let reply = shop.post("/api/orders", &body).await;
        let status = if field.is_empty() { 404 } else { 422 };
        assert_eq!(reply.status, status, "{pointer} {value}: {}", reply.text());
        let problem = reply.json();
        if !field.is_empty() {
            let named = problem["field"].as_str().unwrap_or_else(|| panic!("{pointer} {value}: {problem}"));
            assert!(named.starts_with(field), "{pointer} {value}: {problem}");
            assert!(problem["rule"].as_str().is_some_and(|rule| !rule.is_empty()), "{problem}");
        }
    }
    nothing_was_placed(&shop).await;
}

#[tokio::test]
async fn amounts_with_a_fraction_of_zero_are_whole_and_others_are_not() {
    let shop = Shop::open().await;
    let body = |total: &str| {
        format!(
            r#"{{"channel":"native","out_trade_no":"ORDER1","description":"x","amount":{{"total":{total}}}}}"#
        )
    };
    for total in ["19.01", "1999.5", "1e-1", "0.0", "-0", "19e400", "99999999999999999999999999"] {
        let reply = shop.send(&shop.token, "POST", "/api/orders", &[], body(total).as_bytes()).await;
        assert!([400, 422].contains(&reply.status), "{total}: {}", reply.text());
        assert!(reply.json()["field"].is_string(), "{total}: {}", reply.text());
    }
    nothing_was_placed(&shop).await;
    // JSON knows one kind of number: 1999.0 is 1999, and the same order.
    for (total, statuses) in [("1999.0", [201, 422]), ("1999", [200, 201])] {
        let reply = shop.send(&shop.token, "POST", "/api/orders", &[], body(total).as_bytes()).await;
        assert!(statuses.contains(&reply.status), "{total}: {} {}", reply.status, reply.text());
    }
    assert_eq!(shop.order("ORDER1").await["amount"]["total"], 1999);
}

#[tokio::test]
async fn paths_queries_and_methods_that_do_not_fit_are_refused() {
    let shop = Shop::open().await;
    for (method, path, statuses) in [
        ("GET", "/api/orders/%ff", [404, 422]),
        ("GET", "/api/orders/%00", [404, 422]),
        ("GET", "/api/orders/%", [404, 422]),
        ("GET", "/api/orders/%zz", [404, 422]),
        ("GET", "/api/orders/A%2F1", [404, 422]),
        ("GET", "/api/orders/..%2f..%2fetc", [404, 422]),
        ("GET", "/api/orders//", [404, 422]),
        ("GET", "/api/orders/ORDER1/", [404, 422]),
        ("GET", "/api//orders", [404, 422]),
        ("GET", "/API/orders", [404, 404]),
        ("GET", "/", [404, 404]),
        ("GET", "/api", [404, 404]),
        ("GET", "/api/orders?status=eaten", [422, 422]),
        ("GET", "/api/orders?status=%ff", [400, 422]),
        ("GET", "/api/orders?created_from=yesterday", [422, 422]),
        ("GET", "/api/events?types=order.eaten", [422, 422]),
        ("GET", "/api/orders?merchant=", [422, 422]),
        ("GET", "/api/cases?status=eaten", [422, 422]),
        ("GET", "/api/orders?&&&=", [422, 200]),
        ("GET", "/api/orders/ORDER1?colour=red", [422, 422]),
        ("PUT", "/api/orders", [405, 405]),
        ("DELETE", "/api/orders/ORDER1", [405, 405]),
        ("BREW", "/api/orders/ORDER1", [405, 405]),
        ("POST", "/livez", [405, 405]),
    ] {
        let reply = shop.send(&shop.token, method, path, &[], b"").await;
        assert!(statuses.contains(&reply.status), "{method} {path}: {} {}", reply.status, reply.text());
        if reply.status == 405 {
            assert!(reply.header("allow").is_some(), "{path}");
        }
        if reply.status == 422 {
            assert!(
                reply.json()["field"].is_string() && reply.json()["rule"].is_string(),
                "{path}: {}",
                reply.text()
            );
        }
    }
    let long = format!("/api/orders/{}", "A".repeat(100_000));
    let reply = shop.send(&shop.token, "GET", &long, &[], b"").await;
    assert!([404, 414, 422, 431].contains(&reply.status), "{}", reply.status);
}

#[tokio::test]
async fn requests_that_are_no_http_do_not_stop_the_server() {
    let shop = Shop::open().await;
    for bytes in [
        &b"x\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        b"POST /api/orders HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\n",
        b"POST /api/orders HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    ] {
        let reply = raw(shop.address(), bytes).await;
        assert!((400..500).contains(&reply.status), "{}: {}", String::from_utf8_lossy(bytes), reply.status);
    }
    let many = (0..2000).map(|number| format!("x-{number}: y\r\n")).collect::<Vec<_>>().concat();
    let reply = raw(shop.address(), format!("GET /livez HTTP/1.1\r\nhost: a\r\n{many}\r\n").as_bytes()).await;
    assert!([400, 431].contains(&reply.status), "{}", reply.status);
    shop.place("ORDER1", 5).await.expect(201);
}

#[tokio::test]
async fn other_bodies_are_checked_as_strictly_as_orders() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 1999).await.expect(201);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    let (_, endpoint, _) = shop.endpoint(json!({})).await;
    let replay_path = format!("/api/webhook-endpoints/{endpoint}/replay");
    let endpoint = format!("/api/webhook-endpoints/{endpoint}");
    let refunds = "/api/orders/ORDER1/refunds";
    for (method, path, body, field) in [
        ("POST", refunds, json!({}), "out_refund_no"),
        ("POST", refunds, json!({ "out_refund_no": "R1" }), "amount"),
        ("POST", refunds, json!({ "out_refund_no": "R1", "amount": { "refund": 0 } }), "amount.refund"),
        ("POST", refunds, json!({ "out_refund_no": "R1", "amount": { "refund": 2000 } }), "amount"),
        (
            "POST",
            refunds,
            json!({ "out_refund_no": "R1", "amount": { "refund": 1, "total": 1 } }),
            "amount.total",
        ),
        ("POST", refunds, json!({ "out_refund_no": "R 1", "amount": { "refund": 1 } }), "out_refund_no"),
        (
            "POST",
            refunds,
            json!({ "out_refund_no": "R1", "amount": { "refund": 1 }, "reason": "x".repeat(81) }),
            "reason",
        ),
        ("POST", "/api/orders/ORDER1/delivered", json!({ "status": "maybe" }), "status"),
        ("POST", "/api/orders/ORDER1/query", json!({ "a": 1 }), "a"),
        ("POST", "/api/webhook-endpoints", json!({}), "url"),
        ("POST", "/api/webhook-endpoints", json!({ "url": "ftp://shop.example/" }), "url"),
        ("POST", "/api/webhook-endpoints", json!({ "url": "http://10.0.0.1/" }), "url"),
        ("POST", "/api/webhook-endpoints", json!({ "url": "https://user:pw@shop.example/" }), "url"),
        ("POST", "/api/webhook-endpoints", json!({ "url": "http://169.254.169.254/latest" }), "url"),
        (
            "POST",
            "/api/webhook-endpoints",
            json!({ "url": "https://a.example/", "types": ["order.eaten"] }),
            "types",
        ),
        ("PATCH", endpoint.as_str(), json!({ "status": "asleep" }), "status"),
        ("PATCH", endpoint.as_str(), json!({ "url": "nope" }), "url"),
        ("POST", replay_path.as_str(), json!({}), "event_id"),
        ("POST", replay_path.as_str(), json!({ "from": "yesterday" }), "from"),
        ("POST", "/api/api-keys", json!({ "name": "x" }), "scopes"),
        ("POST", "/api/api-keys", json!({ "name": "x", "scopes": [] }), "scopes"),
        ("POST", "/api/api-keys", json!({ "name": "x", "scopes": ["all"] }), "scopes"),
        ("POST", "/api/api-keys", json!({ "name": "", "scopes": ["orders:read"] }), "name"),
        (
            "POST",
            "/api/api-keys",
            json!({ "name": "x", "scopes": ["orders:read"], "merchants": [] }),
            "merchants",
        ),
        ("POST", "/api/merchants", json!({}), "merchant"),
        ("PUT", "/api/merchants/default/keys", json!({ "api_v3_key": "x" }), "api_v3_key"),
        ("POST", "/api/cases/case_1/resolve", json!({ "remedy": "pray" }), "remedy"),
        ("POST", "/api/cases/case_1/resolve", json!({}), "remedy"),
    ] {
        let reply = shop.request(method, path, &body).await;
        let problem = reply.problem(422, "invalid_field");
        let named = problem["field"].as_str().unwrap();
        assert!(named.starts_with(field), "{method} {path} {body}: {problem}");
        assert!(problem["rule"].is_string(), "{problem}");
    }
    for (method, path) in [
        ("GET", "/api/cases/case_1"),
        ("GET", "/api/api-keys/key_1"),
        ("DELETE", "/api/api-keys/key_1"),
        ("GET", "/api/webhook-endpoints/we_1"),
        ("DELETE", "/api/webhook-endpoints/we_1"),
        ("POST", "/api/webhook-endpoints/we_1/test"),
        ("POST", "/api/webhook-endpoints/we_1/rotate"),
        ("GET", "/api/webhook-endpoints/we_1/attempts"),
        ("GET", "/api/orders/ORDER1/refunds/R1"),
        ("POST", "/api/orders/ORDER1/refunds/R1/query"),
        ("GET", "/api/merchants/nobody"),
    ] {
        shop.request(method, path, &Value::Null).await.problem(404, "not_found");
    }
    assert_eq!(shop.requests("v3.refund.create").await, 0);
    assert_eq!(shop.order("ORDER1").await["refunds"], json!({ "reserved": 0, "succeeded": 0 }));
}
