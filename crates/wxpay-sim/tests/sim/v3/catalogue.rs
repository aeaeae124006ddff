//! Operations of a catalogue: a description written for these tests and, if there is a copy, the community's.
#![allow(clippy::print_stdout, clippy::needless_pass_by_value, reason = "it says what was not tested")]

use super::shop::{BASE, ParsedReply, Shop, bare, parse_reply};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wxpay_catalogue::{Body, Catalogue};
use wxpay_proto::http::{Method, Request};
use wxpay_sim::{settings::CatalogueCheck, warnings::Kind};

/// A product of lamps: a write by the merchant's number, its query, and a query of money.
fn lamps() -> Catalogue {
    let text = |example: &str| json!({"type": "string", "example": example});
    let time = json!({"type": "string", "format": "rfc3339", "example": "2015-05-20T13:29:35+08:00"});
    let lamp = json!({"type": "object", "required": ["out_lamp_no", "state"], "properties": {
        "out_lamp_no": text("LAMP1"), "mchid": text("1230000109"), "lamp_id": text("wx1217752501201407"),
        "state": {"type": "string", "enum": ["LIT", "PROCESSING", "SUCCESS", "FAIL"], "example": "PROCESSING"},
        "fail_reason": text("broken"), "success_time": time, "begin_time": time, "end_time": time,
        "place": {"type": "object", "properties": {"room": text("kitchen"), "floor": {"type": "integer", "example": 3}}},
        "owner_name": {"type": "string", "format": "base64"}, "shelf_id": text("S9"),
        "collection": {"type": "object", "required": ["state"], "properties": {
            "state": {"type": "string", "enum": ["USER_PAID", "USER_PAYING"]}, "paid_amount": {"type": "integer", "example": 9},
        }},
        "download_url": text("https://api.mch.weixin.qq.com/v3/lamps/file?token=1"),
    }});
    let mut queried = lamp.clone();
    queried["properties"]["rent_amount"] = json!({"type": "integer", "example": 9});
    let request = json!({"type": "object", "required": ["out_lamp_no"], "properties": {
        "out_lamp_no": text("LAMP1"), "shelf_id": text("S1"), "owner_name": {"type": "string", "format": "base64"},
        "place": {"type": "object", "properties": {"room": text("hall")}}, "floor": {"type": "integer", "maximum": 99},
    }});
    let path = |name: &str| json!({"name": name, "in": "path", "type": "string", "required": true});
    let ok = |schema: &Value| json!({"200": {"schema": schema}});
    let balance = json!({"type": "object", "properties": {"available_amount": {"type": "integer"}}});
    let description = json!({"swagger": "2.0", "paths": {
        "/v3/lamps/lamps": {"post": {"parameters": [{"name": "_", "in": "body", "schema": request}], "responses": ok(&lamp)}},
        "/v3/lamps/lamps/out-lamp-no/{out_lamp_no}": {"get": {"parameters": [path("out_lamp_no")], "responses": ok(&queried)}},
        "/v3/lamps/lamps/{lamp_id}": {
            "get": {"parameters": [path("lamp_id")], "responses": ok(&lamp)},
            "delete": {"parameters": [path("lamp_id")], "responses": {"204": {}}},
        },
        "/v3/lamps/balance/{sub_mchid}": {"get": {"parameters": [path("sub_mchid")], "responses": ok(&balance)}},
        "/hk/v3/lamps": {"get": {"responses": ok(&lamp)}},
        "/v3/pay/transactions/native": {"post": {"responses": {"204": {}}}},
    }});
    let (catalogue, defects) = Catalogue::read(description.to_string().as_bytes()).unwrap();
    assert!(defects.is_empty(), "{defects:?}");
    catalogue
}

fn shop() -> Shop {
    let mut shop = Shop::open();
    shop.gateway.set_catalogue(Some(lamps()));
    shop
}

fn is_marked(reply: &ParsedReply) -> bool {
    reply.headers.get("wxpay-sim").is_some_and(|mark| mark == "catalogue")
}

fn opened(shop: &Shop, value: &Value) -> String {
    let ciphertext = STANDARD.decode(value.as_str().unwrap()).unwrap();
    String::from_utf8(shop.merchant.api_keys()[0].key_pair.open(&ciphertext).unwrap()).unwrap()
}

#[test]
fn catalogue_write_is_echoed_signed_marked_and_returned_by_its_query() {
    let mut shop = shop();
    shop.wechatpay_serial = Some(shop.public_key_id());
    let body = json!({"out_lamp_no": "L1", "place": {"room": "attic"}, "floor": 7, "owner_name": shop.encrypt("李四")});
    let reply = shop.post("/v3/lamps/lamps", &body);
    assert_eq!((reply.status, is_marked(&reply)), (200, true), "{reply:?}");
    assert_eq!(reply.body["out_lamp_no"], "L1");
    assert_eq!(reply.body["mchid"], shop.mchid());
    assert_eq!(reply.body["place"], json!({"room": "attic", "floor": 7}), "by place, then by name");
    assert_eq!(opened(&shop, &reply.body["owner_name"]), "李四");
    assert_eq!(reply.body["state"], "PROCESSING");
    for absent in ["fail_reason", "success_time"] {
        assert_eq!(reply.body.get(absent), None, "{absent} while pending");
    }
    let id = reply.body["lamp_id"].as_str().unwrap();
    assert!(id.starts_with("wx") && id.len() == 18 && id != "wx1217752501201407", "{id}");
    let time = |name: &str| reply.body[name].as_str().unwrap().to_owned();
    assert!(time("begin_time") < time("end_time"));
    assert_eq!(reply.body["download_url"], format!("{BASE}/v3/lamps/file?token=1"));
    let entry = shop.gateway.requests().next_back().unwrap();
    assert_eq!(entry.operation, Some("v3.catalogue"));

    for target in ["/v3/lamps/lamps/out-lamp-no/L1".to_owned(), format!("/v3/lamps/lamps/{id}")] {
        let query = shop.get(&target);
        assert_eq!((query.status, &query.body["place"]), (200, &reply.body["place"]), "{target}");
        assert_eq!(
            (&query.body["lamp_id"], &query.body["out_lamp_no"]),
            (&reply.body["lamp_id"], &json!("L1"))
        );
    }
    assert_eq!(shop.call(Method::Delete, &format!("/v3/lamps/lamps/{id}"), "").status, 204);
    drop(shop.gateway.reset());
    assert_ne!(
        shop.get("/v3/lamps/lamps/out-lamp-no/L1").body["place"]["room"],
        "attic",
        "the reset forgets it"
    );
}

#[test]
fn catalogue_query_adds_nothing_to_what_was_written() {
    let mut shop = shop();
    shop.post("/v3/lamps/lamps", &json!({"out_lamp_no": "L1", "shelf_id": "S1"}));
    let written = shop.get("/v3/lamps/lamps/out-lamp-no/L1").body;
    assert_eq!((&written["shelf_id"], &written["state"]), (&json!("S1"), &json!("PROCESSING")));
    assert_eq!(written["collection"]["state"], "USER_PAYING", "as pending as the whole");
    assert_eq!(written.get("rent_amount"), None, "nobody wrote it");
    assert_eq!(shop.get("/v3/lamps/lamps/out-lamp-no/L2").body["rent_amount"], 9, "a sample");
    let cancelled = shop.call(Method::Delete, "/v3/lamps/lamps/L1", "");
    assert_eq!(cancelled.status, 204);
    assert_eq!(shop.get("/v3/lamps/lamps/out-lamp-no/L1").body.get("fail_reason"), None);
}

#[test]
fn catalogue_write_without_its_number_is_not_that_of_another() {
    let mut shop = shop();
    let first = shop.post("/v3/lamps/lamps", &json!({"out_lamp_no": "L1", "shelf_id": "S1"})).body;
    let other = shop.post("/v3/lamps/lamps", &json!({"shelf_id": "S1"})).body;
    assert_ne!(other["lamp_id"], first["lamp_id"]);
    assert_ne!(other["out_lamp_no"], "L1");
}

#[test]
fn catalogue_replies_follow_from_the_seed() {
    let (mut one, mut other) = (shop(), shop());
    let id = |shop: &mut Shop, number: &str| {
        shop.wechatpay_serial = Some(shop.public_key_id());
        shop.post("/v3/lamps/lamps", &json!({"out_lamp_no": number})).body["lamp_id"].clone()
    };
    assert_eq!(id(&mut one, "L1"), id(&mut other, "L1"));
    assert_ne!(id(&mut one, "L2"), id(&mut other, "L1"));
}

#[test]
fn catalogue_requests_are_verified_and_checked_like_others() {
    let mut shop = shop();
    let unsigned = bare(Method::Post, "/v3/lamps/lamps", "{}");
    assert_eq!(parse_reply(&shop.reply(&unsigned)).status, 401);
    for (body, field) in [
        (json!({}), "/body/out_lamp_no"),
        (json!({"out_lamp_no": 1}), "/body/out_lamp_no"),
        (json!({"out_lamp_no": "L1", "rooms": 1}), "/body/rooms"),
        (json!({"out_lamp_no": "L1", "place": {"room": true}}), "/body/place/room"),
        (json!({"out_lamp_no": "L1", "floor": 100}), "/body/floor"),
    ] {
        shop.gateway.settings_mut().v3.catalogue_check = CatalogueCheck::Refuse;
        let reply = shop.post("/v3/lamps/lamps", &body);
        assert_eq!((reply.status, reply.field(), is_marked(&reply)), (400, field, true), "{reply:?}");
        shop.gateway.settings_mut().v3.catalogue_check = CatalogueCheck::Warn;
        let reply = shop.post("/v3/lamps/lamps", &body);
        assert_eq!((reply.status, is_marked(&reply)), (200, true), "{reply:?}");
        let warning = shop.gateway.warnings().last().unwrap();
        assert_eq!(warning.kind, Kind::BrokenDescription);
        assert!(warning.detail.starts_with(&format!("POST /v3/lamps/lamps {field}: ")), "{warning:?}");
    }
    let malformed = shop.request(Method::Post, "/v3/lamps/lamps", "{");
    assert_eq!(parse_reply(&shop.reply(&malformed)).status, 400);
    assert_eq!(shop.get("/v3/lamps/lamps/L1?a=1&a=2").status, 400, "no list");
    let plain = json!({"out_lamp_no": "L1", "owner_name": "李四"});
    assert!(shop.post("/v3/lamps/lamps", &plain).message().contains("Wechatpay-Serial"));
    shop.wechatpay_serial = Some(shop.public_key_id());
    assert_eq!(shop.post("/v3/lamps/lamps", &plain).status, 400, "not encrypted");
    assert_eq!(shop.get("/v3/lamps/lamps/out-lamp-no/L1").status, 200);
}

#[test]
fn catalogue_invents_no_money_and_leaves_implemented_operations_alone() {
    let mut shop = shop();
    let balance = shop.get("/v3/lamps/balance/1900000109");
    assert_eq!((balance.status, balance.code(), is_marked(&balance)), (404, "RESOURCE_NOT_EXISTS", true));
    let native = shop.post("/v3/pay/transactions/native", &json!({}));
    assert!(native.status == 400 && !is_marked(&native), "{native:?}");
    assert_eq!(shop.get("/hk/v3/lamps").status, 200);
    let unknown = shop.get("/v3/lamps");
    assert!(unknown.status == 404 && !is_marked(&unknown), "{unknown:?}");
    shop.gateway.set_catalogue(None);
    assert_eq!(shop.get("/hk/v3/lamps").status, 404);
}

/// Builds the example request of an operation, with ciphertexts in its sealed fields.
fn example(shop: &mut Shop, operation: &wxpay_catalogue::Operation, ciphertext: &str) -> Request {
    let example = operation.example();
    let method = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete]
        .into_iter()
        .find(|method| method.as_str() == operation.method)
        .unwrap();
    let mut body = example.body.unwrap_or(Value::Null);
    if let Some(schema) = operation.body_schema() {
        for pointer in schema.check(&body).sealed {
            *body.pointer_mut(&pointer).unwrap() = ciphertext.into();
        }
    }
    let text = if body.is_null() { String::new() } else { body.to_string() };
    if !matches!(operation.body, Body::Upload { .. }) {
        return shop.request(method, &example.target, &text);
    }
    let parts = format!(
        "--x1\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n{text}\r\n--x1\r\nContent-Disposition: form-data; \
         name=\"file\"; filename=\"a.png\"\r\n\r\nfile\r\n--x1--\r\n"
    );
    let authorization = shop.authorization(method, &example.target, &text);
    let serial = shop.wechatpay_serial.clone().unwrap();
    Request::new(method, bare(method, &example.target, "").url().into(), parts.into_bytes())
        .with_header("accept", "application/json")
        .with_header("user-agent", "a shop")
        .with_header("content-type", "multipart/form-data; boundary=x1")
        .with_header("wechatpay-serial", serial)
        .with_header("authorization", authorization)
}

#[test]
fn every_operation_of_the_communitys_description_is_answered_by_its_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/protocol/wechatpay-swagger.json");
    let Ok(description) = std::fs::read(path) else {
        println!(
            "NOT TESTED: {path}, the community's description, which is not part of this repository, is missing"
        );
        return;
    };
    let (catalogue, _) = Catalogue::read(&description).unwrap();
    let operations = catalogue.operations().to_vec();
    let mut shop = Shop::open();
    shop.gateway.set_catalogue(Some(catalogue));
    // Their examples keep to the descriptions.
    shop.gateway.settings_mut().v3.catalogue_check = CatalogueCheck::Refuse;
    shop.wechatpay_serial = Some(shop.public_key_id());
    let ciphertext = shop.encrypt("李四");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    // Writes first: queries return what they wrote.
    let (queries, writes): (Vec<_>, Vec<_>) =
        operations.iter().partition(|operation| operation.method == "GET");
    for operation in writes.into_iter().chain(queries) {
        let request = example(&mut shop, operation, &ciphertext);
        let response = shop.reply(&request);
        let is_file = operation.reply.file_type.is_some() && response.status() == 200;
        if is_file && response.header("wxpay-sim").is_some() {
            *counts.entry("answered").or_default() += 1;
            continue;
        }
        let reply = parse_reply(&response);
        if !is_marked(&reply) {
            *counts.entry("implemented").or_default() += 1;
            continue;
        }
        let name = format!("{} {}", operation.method, operation.path);
        if reply.code() == "RESOURCE_NOT_EXISTS" && operation.method == "GET" {
            *counts.entry("money that nobody wrote").or_default() += 1;
            continue;
        }
        if reply.status != operation.reply.status {
            wrong.push(format!("{name}: {} {}", reply.status, reply.body));
            continue;
        }
        assert!(shop.verifies_reply(&response), "{name}");
        *counts.entry("answered").or_default() += 1;
        let Some(schema) = operation.reply.schema.as_ref().filter(|_| ![202, 204].contains(&reply.status))
        else {
            continue;
        };
        let complaints = schema.check(&reply.body).complaints;
        if !complaints.is_empty() {
            wrong.push(format!("{name}: {complaints:?}"));
        }
        if let Some(state) = ["state", "status"].iter().find_map(|name| reply.body[*name].as_str())
            && ["SUCCESS", "PROCESSING", "ACCEPTED"].contains(&state)
            && reply.body["fail_reason"].as_str().is_some_and(|reason| !reason.is_empty())
        {
            wrong.push(format!("{name}: {state} with a failure"));
        }
    }
    println!("{counts:?}");
    assert_eq!(wrong, [""; 0], "{} of {}", wrong.len(), operations.len());
    assert_eq!(counts.values().sum::<usize>(), 1017);
    assert!(counts["answered"] > 850, "{counts:?}");
}
