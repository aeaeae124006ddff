//! The server and its `OpenAPI` document agree: property-based requests by schemathesis.

use crate::shop::{Setup, Shop};
use serde_json::{Value, json};
use std::{path::PathBuf, process::Command};

/// Makes records of each kind. Returns the values of the parameters that name them.
async fn records(shop: &Shop) -> Value {
    let (receiver, endpoint, _) = shop.endpoint(json!({})).await;
    shop.place("ORDER1", 1999).await.expect(201);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    shop.refund("ORDER1", "R1", 1).await.expect(201);
    shop.inject("second_payment", "pay").await;
    shop.pay("ORDER1").await;
    let case = shop.wait_for_case().await;
    let (_, key_id) = shop.api_key(json!({ "scopes": ["orders:read"] })).await;
    receiver.wait_for(3).await;
    json!({
        "path.out_trade_no": "ORDER1",
        "path.out_refund_no": "R1",
        "path.endpoint": endpoint,
        "path.case_id": case["case_id"],
        "path.merchant": "default",
        "path.key_id": key_id,
        "query.merchant": "default",
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_conforms_to_its_document_by_schemathesis_of_pypi() {
    let Some(python) = std::env::var_os("WXPAY_CLIENTS_SCHEMATHESIS") else {
        println!(
            "NOT TESTED: schemathesis: WXPAY_CLIENTS_SCHEMATHESIS is not set; tests/run installs it and sets it"
        );
        return;
    };
    let shop = Setup::default().flag("rate_limit", "0").open().await;
    let records = records(&shop).await;
    let script: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../tests/clients/with_schemathesis.py"].iter().collect();
    let mut checker = Command::new(python);
    checker
        .arg("-B")
        .arg(script)
        .env("WXPAY_SERVER_URL", shop.server.url())
        .env("WXPAY_API_KEY", &shop.token)
        .env("WXPAY_RECORDS", records.to_string());
    let output = tokio::task::spawn_blocking(move || checker.output()).await.unwrap().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    for step in ["about existing records conforms", "with generated numbers conforms"] {
        assert!(text.contains(step), "no line contains {step}:\n{text}");
    }
    println!("{text}");
    // What was acknowledged before is still so.
    assert_eq!(shop.order("ORDER1").await["payments"].as_array().unwrap().len(), 2);
    let ready = crate::http::call(shop.address(), "GET", "/readyz", &[], b"").await;
    assert_eq!(ready.status, 200, "{}", ready.text());
}
