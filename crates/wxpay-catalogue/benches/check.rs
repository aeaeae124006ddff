//! Time of a check: microseconds for a request of the usual size, whatever the number of operations.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use divan::Bencher;
use serde_json::{Value, json};
use wxpay_catalogue::Catalogue;

fn main() {
    divan::main();
}

/// A description of a thousand operations with twenty fields each.
fn catalogue() -> Catalogue {
    let fields: serde_json::Map<String, Value> =
        (0..20).map(|field| (format!("field_{field}"), json!({"type": "string", "maxLength": 64}))).collect();
    let operation = json!({"post": {
        "parameters": [{"name": "_", "in": "body", "schema": {"type": "object", "required": ["field_0"], "properties": fields}}],
        "responses": {"204": {}},
    }});
    let paths: serde_json::Map<String, Value> =
        (0..1000).map(|number| (format!("/v3/product-{number}/{{id}}/things"), operation.clone())).collect();
    let description = json!({"swagger": "2.0", "paths": paths});
    Catalogue::read(description.to_string().as_bytes()).unwrap().0
}

fn body(is_right: bool) -> String {
    let mut body: serde_json::Map<String, Value> =
        (0..20).map(|field| (format!("field_{field}"), json!("a value of a field"))).collect();
    if !is_right {
        body.insert("feild_1".into(), 1.into());
        body.remove("field_0");
    }
    Value::Object(body).to_string()
}

#[divan::bench(args = [true, false])]
fn check(bencher: Bencher<'_, '_>, is_right: bool) {
    let (catalogue, body) = (catalogue(), body(is_right));
    bencher.bench(|| catalogue.check("POST", "/v3/product-500/1/things", Some(body.as_bytes())));
}
