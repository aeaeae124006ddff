//! The access token of APIv1, shared by servers.

use crate::{
    http::call,
    shop::{Setup, Shop, order, with},
};
use serde_json::json;
use std::path::PathBuf;
use wxpay_testkit::{postgres, redis};

async fn place_v1(shop: &Shop, number: &str) {
    let terms = with(&order("app", number, 1999), &[("/app", json!(shop.variable("WXPAY_V1_APPID")))]);
    shop.post("/api/orders", &terms).await.expect(201);
}

#[tokio::test]
async fn two_servers_share_one_access_token_with_redis_and_without() {
    let (Some(database), Some(redis)) = (postgres::server(), redis::start(&["--requirepass", "planted"]))
    else {
        return;
    };
    let setup = Setup::default().database(database.create()).flag("redis", &redis.url());
    let mut shop = setup.file("redis_password = 'planted'").open().await;
    let other = shop.start_another(PathBuf::new()).await.unwrap();
    for number in ["A00001", "A00002"] {
        place_v1(&shop, number).await;
    }
    assert!(redis.command("AUTH planted\r\nKEYS *").contains(":token"));
    let first = std::mem::replace(&mut shop.server, other);
    place_v1(&shop, "B00001").await;
    assert_eq!(shop.requests("v1.token").await, 1);
    redis.kill();
    shop.control("POST", "/tokens/replace", json!({})).await;
    place_v1(&shop, "B00002").await;
    let other = std::mem::replace(&mut shop.server, first);
    place_v1(&shop, "A00003").await;
    assert_eq!(shop.requests("v1.token").await, 2, "one for both, with Redis dead");
    assert_eq!(call(shop.address(), "GET", "/readyz", &[], b"").await.status, 200);
    let third = shop.start_another(PathBuf::new()).await.unwrap();
    let first = std::mem::replace(&mut shop.server, third);
    place_v1(&shop, "C00001").await;
    assert_eq!(shop.requests("v1.token").await, 2, "a server starts although Redis is away");
    shop.place("ORDER1", 5).await.expect(201);
    for server in [first, other] {
        server.shutdown().await;
    }
}
