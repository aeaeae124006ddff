use super::*;
use crate::api::{
    cursor::{Cursor, List},
    operation::{OrderRef, RefundedGoods, ReplayedEvents},
};
use hyper::Request;
use proptest::prelude::*;
use serde_json::{Value, json};
use wxpay_openapi::Field;
use wxpay_proto::Fen;

fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn send(method: &str, target: &str, body: &Value) -> Result<Operation, Problem> {
    parse(&parts(method, target, &[JSON]), body.to_string().as_bytes()).map(|(operation, _)| operation)
}

fn problem(method: &str, target: &str, body: &Value) -> (u16, Option<String>) {
    let problem = send(method, target, body).unwrap_err();
    (problem.status().as_u16(), problem.field().map(String::from))
}

fn order() -> Value {
    json!({
        "channel": "jsapi",
        "out_trade_no": "A1",
        "description": "一双袜子",
        "amount": { "total": 1999, "currency": "CNY" },
        "payer": { "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" },
        "detail": { "goods_detail": [{ "merchant_goods_id": "S1", "quantity": 1, "unit_price": 1999 }] },
        "attach": null,
        "metadata": { "cart": "17" },
    })
}

/// Returns the order with another value at a path.
fn order_with(pointer: &str, value: Value) -> Value {
    let mut order = order();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = order.pointer_mut(parent).unwrap();
    match name.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[name] = value,
    }
    order
}

#[test]
fn order_is_split_into_terms_and_metadata() {
    let Operation::CreateOrder(order) = send("POST", "/api/orders", &order()).unwrap() else { panic!() };
    assert_eq!(order.out_trade_no.to_string(), "A1");
    assert_eq!(Value::Object(order.metadata.clone()), json!({ "cart": "17" }));
    let names: Vec<&String> = order.terms.keys().collect();
    assert_eq!(names, ["amount", "channel", "description", "detail", "out_trade_no", "payer"]);
    assert!(!format!("{order:?}").contains("oUpF8uMuAJO"));
}

#[test]
fn invalid_field_is_named_by_its_path() {
    for (pointer, value, field) in [
        ("/amount/total", json!(0), "amount.total"),
        ("/amount/total", json!(19.99), "amount.total"),
        ("/amount/total", json!(1999.0), "amount.total"),
        ("/amount/total", json!("1999"), "amount.total"),
        ("/amount/total", json!(-1), "amount.total"),
        ("/amount/total", json!(2_147_483_648_u64), "amount.total"),
        ("/amount/total", Value::Null, "amount.total"),
        ("/amount/currency", json!("USD"), "amount.currency"),
        ("/amount/tip", json!(1), "amount.tip"),
        ("/amount", json!([]), "amount"),
        ("/out_trade_no", json!("A 1"), "out_trade_no"),
        ("/out_trade_no", json!(1), "out_trade_no"),
        ("/channel", json!("fax"), "channel"),
        ("/description", json!("a\nb"), "description"),
        ("/description", json!("\u{1f600}"), "description"),
        ("/description", json!("袜".repeat(128)), "description"),
        ("/payer/openid", json!("a b"), "payer.openid"),
        (
            "/detail/goods_detail/0",
            json!({ "merchant_goods_id": "S1", "quantity": 1 }),
            "detail.goods_detail[0].unit_price",
        ),
        ("/detail/goods_detail/0", json!(1), "detail.goods_detail[0]"),
        ("/detail/goods_detail", json!(vec![json!({}); 21]), "detail.goods_detail"),
        ("/metadata", json!({ "a": 1 }), "metadata"),
        ("/metadata", json!({ "a b": "" }), "metadata"),
        ("/time_expire", json!("tomorrow"), "time_expire"),
        ("/scene_info", json!({ "payer_client_ip": "localhost" }), "scene_info.payer_client_ip"),
        ("/scene_info", json!({ "h5_info": { "type": "wap" } }), "scene_info.h5_info.type"),
        ("/price", json!(1), "price"),
        ("/merchant", json!("Shop"), "merchant"),
    ] {
        let body = order_with(pointer, value);
        assert_eq!(problem("POST", "/api/orders", &body), (422, Some(field.into())), "{body}");
    }
}

#[test]
fn body_that_is_no_acceptable_json_is_refused_before_its_fields() {
    let body = order().to_string();
    let post = |headers: &[(&str, &str)], body: &[u8]| {
        let result = parse(&parts("POST", "/api/orders", headers), body);
        result.map(|(_, info)| info.id).map_err(|problem| problem.status().as_u16())
    };
    for accepted in ["application/json", "Application/JSON; charset=UTF-8", "application/json;"] {
        assert_eq!(post(&[("content-type", accepted)], body.as_bytes()), Ok("create_order"), "{accepted}");
    }
    for refused in ["", "text/plain", "application/json; charset=gbk", "application/jsonp", "text/json"] {
        assert_eq!(post(&[("content-type", refused)], body.as_bytes()), Err(415), "{refused}");
    }
    assert_eq!(post(&[], body.as_bytes()), Err(415));
    for unreadable in [
        String::new(),
        "[]".into(),
        format!("{body}{body}"),
        body.replacen("\"channel\"", "\"channel\":\"native\",\"channel\"", 1),
        body.replacen("\"total\"", "\"total\":1,\"total\"", 1),
        format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40)),
    ] {
        assert_eq!(post(&[JSON], unreadable.as_bytes()), Err(400), "{unreadable}");
    }
    assert_eq!(post(&[JSON], &vec![b' '; MAX_BODY_BYTES + 1]), Err(413));
    let padded = format!("{body}{}", " ".repeat(MAX_BODY_BYTES - body.len()));
    assert_eq!(post(&[JSON], padded.as_bytes()), Ok("create_order"));
}

#[test]
fn request_without_a_body_needs_no_content_type_and_has_no_fields() {
    let close = |headers: &[(&str, &str)], body: &str| {
        let result = parse(&parts("POST", "/api/orders/A1/close?merchant=shop", headers), body.as_bytes());
        result.map(|(operation, _)| operation).map_err(|problem| problem.status().as_u16())
    };
    for (headers, body) in [(vec![], ""), (vec![JSON], "{}"), (vec![JSON], "{\"a\":null}")] {
        let result = close(&headers, body);
        if body.contains('a') {
            assert_eq!(result.unwrap_err(), 422);
            continue;
        }
        let Operation::CloseOrder(order) = result.unwrap() else { panic!() };
        assert_eq!(order, OrderRef { merchant: Some("shop".into()), out_trade_no: "A1".parse().unwrap() });
    }
    assert_eq!(close(&[], "{}").unwrap_err(), 415);
}

#[test]
fn path_method_and_query_are_checked() {
    let empty = json!({});
    for (method, target, status, field) in [
        ("GET", "/api/nothing", 404, None),
        ("GET", "/API/orders", 404, None),
        ("GET", "/api/orders/", 422, Some("out_trade_no")),
        ("PUT", "/api/orders", 405, None),
        ("GET", "/api/orders/A%201", 422, Some("out_trade_no")),
        ("GET", "/api/orders?limit=0", 422, Some("limit")),
        ("GET", "/api/orders?limit=201", 422, Some("limit")),
        ("GET", "/api/orders?limit=1&limit=1", 422, Some("limit")),
        ("GET", "/api/orders?offset=1", 422, Some("offset")),
        ("GET", "/api/orders?cursor=abcdefgh", 422, Some("cursor")),
        ("GET", "/api/orders?created_from=2026", 422, Some("created_from")),
        ("GET", "/api/events?types=order.paid,order.eaten", 422, Some("types")),
        ("GET", "/api/orders/A1?mchid=1", 422, Some("mchid")),
        ("POST", "/notify/shop/coupon", 422, Some("kind")),
    ] {
        assert_eq!(problem(method, target, &empty), (status, field.map(String::from)), "{method} {target}");
    }
}

#[test]
fn unknown_field_is_named_only_if_its_name_can_be_shown() {
    for (name, field) in [("price", "price"), ("", "body"), ("a\nb", "body"), (&"a".repeat(129), "body")] {
        assert_eq!(problem("POST", "/api/orders", &json!({ name: 1 })), (422, Some(field.into())), "{name}");
    }
}

#[test]
fn every_route_accepts_a_request_of_its_declared_fields() {
    for route in TABLE.routes() {
        let segment = |part: &str| match TABLE.parameter(part) {
            Some(field) => field.kind.sample().as_str().unwrap().to_owned(),
            None => part.to_owned(),
        };
        let path: Vec<String> = route.path.split('/').map(segment).collect();
        let query: Vec<String> = route
            .query_fields()
            .filter(|field| field.name != "cursor")
            .map(|field| {
                let value = field.kind.sample();
                let text = value.as_str().map_or_else(|| value.to_string(), |text| text.replace('+', "%2B"));
                format!("{}={text}", field.name)
            })
            .collect();
        let target = format!("/{}?{}", path.join("/"), query.join("&"));
        let body = if let Body::Required(fields) = &route.body {
            // The first two exclude event_id, and the last is only for another remedy than the sample.
            let is_possible = |field: &&Field| !["from", "until", "destination"].contains(&field.name);
            let fields = fields.iter().filter(is_possible);
            let members: Map<String, Value> =
                fields.map(|field| (field.name.into(), field.kind.sample())).collect();
            Value::Object(members).to_string()
        } else {
            String::new()
        };
        let parsed = parse(&parts(route.method, &target, &[JSON]), body.as_bytes());
        let (_, info) =
            parsed.unwrap_or_else(|problem| panic!("{} {target} {body}: {problem:?}", route.method));
        assert_eq!((info.id, info.scope), (route.id, route.handler.scope));
    }
}

#[test]
fn list_continues_at_its_cursor() {
    let cursor = Cursor::encode(List::Orders, &(7_u64, "A1"));
    let target =
        format!("/api/orders?limit=200&cursor={cursor}&created_from=2026-11-29T17%3A00%3A00%2B08%3A00");
    let Operation::ListOrders(list) = send("GET", &target, &json!({})).unwrap() else { panic!() };
    assert_eq!(list.page.limit, 200);
    assert_eq!(list.page.cursor.unwrap().position::<(u64, String)>().unwrap(), (7, "A1".into()));
    assert_eq!(list.created_from.unwrap().as_secs(), 1_795_942_800);
    let cursor = Cursor::encode(List::Events, &7_u64);
    let stream = parts("GET", "/api/events/stream?types=order.paid", &[("last-event-id", &cursor)]);
    let (Operation::StreamEvents(stream), _) = parse(&stream, b"").unwrap() else { panic!() };
    assert_eq!(stream.types, ["order.paid"]);
    assert_eq!(stream.after.unwrap().position::<u64>().unwrap(), 7);
}

#[test]
fn fields_of_refunds_deliveries_and_replays_go_together() {
    let refund = json!({
        "out_refund_no": "R1", "amount": { "refund": 100 }, "transaction_id": "4200001",
        "detail": { "goods_detail": [{ "merchant_goods_id": "S1", "unit_price": 100, "refund_amount": 100, "refund_quantity": 1 }] },
    });
    let Operation::CreateRefund(refund) = send("POST", "/api/orders/A1/refunds", &refund).unwrap() else {
        panic!()
    };
    assert_eq!((refund.amount, refund.order.merchant), (Fen::new(100), None));
    let goods = RefundedGoods {
        merchant_goods_id: "S1".into(),
        wechatpay_goods_id: None,
        goods_name: None,
        unit_price: Fen::new(100),
        refund_amount: Fen::new(100),
        refund_quantity: 1,
    };
    assert_eq!(refund.goods, [goods]);

    let delivered = "/api/orders/A1/delivered";
    assert!(send("POST", delivered, &json!({ "status": "ok" })).is_ok());
    assert_eq!(problem("POST", delivered, &json!({ "status": "failed" })), (422, Some("message".into())));

    let replay = "/api/webhook-endpoints/we_1/replay";
    let (from, until) = ("2026-11-29T17:00:00+08:00", "2026-11-29T18:00:00+08:00");
    let Operation::ReplayEvents(events) =
        send("POST", replay, &json!({ "from": from, "until": until })).unwrap()
    else {
        panic!()
    };
    assert!(matches!(events.events, ReplayedEvents::Between { until: Some(_), .. }));
    for (body, field) in [
        (json!({}), "event_id"),
        (json!({ "event_id": "evt_1", "from": from }), "from"),
        (json!({ "event_id": "evt_1", "until": until }), "until"),
        (json!({ "from": until, "until": from }), "until"),
    ] {
        assert_eq!(problem("POST", replay, &body), (422, Some(field.into())), "{body}");
    }
    let keys = "/api/api-keys";
    assert_eq!(problem("POST", keys, &json!({ "name": "a", "scopes": [] })), (422, Some("scopes".into())));
    let body = json!({ "name": "a", "scopes": ["orders:read"], "merchants": [] });
    assert_eq!(problem("POST", keys, &body), (422, Some("merchants".into())));
}

#[test]
fn idempotency_key_covers_route_and_body() {
    let request = |target: &str, key: &str, body: &Value| {
        let parts = parts("POST", target, &[JSON, ("idempotency-key", key)]);
        parse(&parts, body.to_string().as_bytes()).map(|(_, info)| info.idempotency.unwrap())
    };
    let first = request("/api/orders", "k1", &order()).unwrap();
    assert_eq!(first.key, "k1");
    assert_eq!(request("/api/orders", "k2", &order()).unwrap().request_digest, first.request_digest);
    let other = order_with("/amount/total", json!(2000));
    assert_ne!(request("/api/orders", "k1", &other).unwrap().request_digest, first.request_digest);
    for invalid in ["", "a b", &"k".repeat(256)] {
        let problem = request("/api/orders", invalid, &order()).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.field()), (422, Some("Idempotency-Key")), "{invalid}");
    }
    let twice = parts("POST", "/api/orders", &[JSON, ("idempotency-key", "a"), ("idempotency-key", "b")]);
    assert_eq!(parse(&twice, order().to_string().as_bytes()).unwrap_err().field(), Some("Idempotency-Key"));
}

#[test]
fn invalid_request_id_does_not_refuse_the_request() {
    for id in ["req_1", "", "a b c"] {
        assert!(parse(&parts("GET", "/api/orders/A1", &[("request-id", id)]), b"").is_ok(), "{id}");
    }
}

#[test]
fn notification_is_passed_on_unread() {
    let parts = parts("POST", "/notify/shop/v1?sign_type=MD5&sign_type=MD5", &[]);
    let (operation, info) = parse(&parts, b"<xml/>").unwrap();
    assert!(matches!(operation, Operation::Notification(_)), "{operation:?}");
    assert_eq!(info.scope, None);
}

#[test]
fn secrets_are_in_no_debug_output_and_no_problem() {
    let pem = "-----BEGIN PRIVATE KEY-----\nplantedplanted\n-----END PRIVATE KEY-----\n";
    let keys = json!({ "private_key": pem, "api_v3_key": "plantedplantedplantedplanted1234" });
    for (method, target, body) in [
        ("POST", "/api/merchants", json!({ "merchant": "shop", "mchid": "1900000001", "keys": keys })),
        ("PUT", "/api/merchants/shop/keys", keys),
    ] {
        let operation = send(method, target, &body).unwrap();
        assert!(!format!("{operation:?}").contains("planted"), "{operation:?}");
    }
    for body in [
        json!({ "api_v3_key": "planted" }),
        json!({ "private_key": "planted" }),
        json!({ "app_secret": ["planted"] }),
    ] {
        let problem = send("PUT", "/api/merchants/shop/keys", &body).unwrap_err();
        assert!(!String::from_utf8(problem.to_json()).unwrap().contains("planted"));
    }
}

proptest! {
    #[test]
    fn any_body_is_accepted_or_refused_by_a_declared_status(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0_usize..400) {
        let body = order().to_string();
        let mut mutated = body.as_bytes()[..cut.min(body.len())].to_vec();
        mutated.extend(bytes);
        mutated.extend(&body.as_bytes()[cut.min(body.len())..]);
        if let Err(problem) = parse(&parts("POST", "/api/orders", &[JSON]), &mutated) {
            prop_assert!([400, 422].contains(&problem.status().as_u16()));
        }
    }

    #[test]
    fn any_target_is_accepted_or_refused_by_a_declared_status(target in "/(api|notify|docs)(/[a-z%0-9{}-]{0,9}){0,4}([?][a-z=&%+0-9]{0,20})?") {
        let Ok(uri) = target.parse::<hyper::Uri>() else { return Ok(()) };
        if let Err(problem) = parse(&parts("GET", &uri.to_string(), &[]), b"") {
            prop_assert!([404, 405, 422].contains(&problem.status().as_u16()));
        }
    }
}
