//! Servers on PostgreSQL.

use crate::{
    http::call,
    merchants,
    shop::{Setup, Shop, jsapi, with},
};
use serde_json::json;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use wxpay_testkit::postgres::{Server, server};

/// Returns a shop whose server is on a new database, and the name of the database.
async fn open(server: &Server) -> (Shop, String) {
    let url = server.create();
    let name = url.rsplit('/').next().unwrap().to_owned();
    (Setup::default().database(url).open().await, name)
}

#[tokio::test]
async fn two_servers_on_one_database_are_one() {
    let Some(server) = server() else { return };
    let (mut shop, _) = open(server).await;
    let other = shop.start_another(PathBuf::new()).await.unwrap();
    shop.place("ORDER1", 1999).await.expect(201);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    // The other server goes on alone, with the keys and the orders of the first.
    let first = std::mem::replace(&mut shop.server, other);
    assert!(first.shutdown().await);
    assert_eq!(shop.order("ORDER1").await["status"], "paid");
    shop.refund("ORDER1", "REFUND1", 500).await.expect(201);
    shop.wait("ORDER1", |order| order["refunds"]["succeeded"] == 500 || order["refunds"]["reserved"] == 500)
        .await;
    shop.place("ORDER2", 5).await.expect(201);
    shop.wait_for_events("ORDER2", &["order.created"]).await;
    assert!(
        shop.event_types("ORDER1").await.starts_with(&["order.created".to_owned(), "order.paid".to_owned()])
    );
}

#[tokio::test]
async fn a_merchant_that_is_changed_in_one_process_is_seen_by_the_others_within_two_seconds() {
    let Some(server) = server() else { return };
    let url = server.create();
    let shop = Setup::default().without_merchant().database(url).open().await;
    let others = [
        shop.start_another(PathBuf::new()).await.unwrap(),
        shop.start_another(PathBuf::new()).await.unwrap(),
    ];
    let environment = shop.new_merchant("1900000108").await;
    let token = format!("Bearer {}", shop.token);
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let order = |number: &str| jsapi(number, 5).to_string().into_bytes();
    let created = Instant::now();
    shop.post("/api/merchants", &merchants::body("shop1", &environment)).await.expect(201);
    for (number, other) in others.iter().enumerate() {
        let number = format!("ORDER{number}");
        loop {
            let sent = Instant::now();
            let reply = call(other.local_addr(), "POST", "/api/orders", &headers, &order(&number)).await;
            if reply.status == 201 {
                break;
            }
            assert!(sent - created < Duration::from_secs(2), "{}: {}", number, reply.text());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    // It has orders, and cannot be deleted; but its apps are replaced.
    let changed = Instant::now();
    let apps = json!({ "apps": [{ "appid": "wx0000000000000009", "name": "other" }] });
    shop.request("PATCH", "/api/merchants/shop1", &apps).await.expect(200);
    for other in &others {
        let named = |app: &str| with(&jsapi("ORDER9", 5), &[("/app", json!(app))]).to_string().into_bytes();
        loop {
            let sent = Instant::now();
            let reply = call(other.local_addr(), "POST", "/api/orders", &headers, &named("shop")).await;
            if reply.status == 422 {
                break;
            }
            assert!(sent - changed < Duration::from_secs(2), "{}", reply.text());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    for other in others {
        assert!(other.shutdown().await);
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_reported_and_the_server_goes_on_when_it_is_back() {
    let Some(server) = server() else { return };
    let (shop, name) = open(server).await;
    shop.place("ORDER1", 5).await.expect(201);
    let allow = |is_allowed: bool| {
        server.execute("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {is_allowed}"));
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname";
        server.execute("postgres", &format!("{end} = '{name}'"));
    };
    allow(false);
    let problem = shop.place("ORDER2", 5).await.expect(503);
    assert_eq!(
        (&*problem["code"].to_string(), &problem["retryable"]),
        ("\"ledger_unavailable\"", &true.into())
    );
    let ready = call(shop.address(), "GET", "/readyz", &[], b"").await;
    assert_eq!(ready.status, 503, "{}", ready.text());
    allow(true);
    for _ in 0..200 {
        if call(shop.address(), "GET", "/readyz", &[], b"").await.status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    shop.place("ORDER2", 5).await.expect(201);
    shop.wait_for_events("ORDER2", &["order.created"]).await;
}
