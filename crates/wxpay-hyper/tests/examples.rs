//! The examples, run against the simulated gateway.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test")]

#[path = "../examples/blocking_driver.rs"]
#[allow(dead_code, reason = "its main is not called here")]
mod blocking_driver;
#[path = "../examples/shop_axum.rs"]
#[allow(dead_code, reason = "its main is not called here")]
mod shop_axum;

use std::collections::BTreeMap;
use tokio::net::TcpListener;
use wxpay_sim::{Clock, Gateway, Settings, serve::Server};

/// A simulator, and the settings that lead to it.
async fn simulator() -> (Server, BTreeMap<String, String>) {
    let gateway = Gateway::new(Settings::default(), 7);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let me = gateway.credentials().clone();
    let server = Server::start(listener, gateway, Clock::running()).unwrap();
    let settings = [
        ("WXPAY_BASE_URL", server.url()),
        ("WXPAY_SIM", "1".to_owned()),
        ("V1_APPID", me.appid().to_string()),
        ("V1_APP_SECRET", me.app_secret().expose().clone()),
        ("V1_PAY_SIGN_KEY", me.pay_sign_key().expose().clone()),
        ("V1_PARTNER", me.partner().to_string()),
        ("V1_PARTNER_KEY", me.partner_key().expose().clone()),
    ];
    (server, settings.map(|(name, value)| (name.to_owned(), value)).into())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blocking_driver_completes_a_payment() {
    let (server, settings) = simulator().await;
    let paid = std::thread::spawn(move || {
        blocking_driver::pay_once(|name| settings.get(name).cloned()).map_err(|error| error.to_string())
    });
    let paid = tokio::task::spawn_blocking(|| paid.join().unwrap()).await.unwrap();
    assert_eq!(paid.unwrap(), "paid");
    server.with(|simulation, now| assert_eq!(simulation.gateway.orders(now).len(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blocking_driver_does_not_call_an_unpaid_order_paid() {
    let (_server, mut settings) = simulator().await;
    settings.remove("WXPAY_SIM");
    let outcome = tokio::task::spawn_blocking(move || {
        blocking_driver::pay_once(|name| settings.get(name).cloned()).map_err(|error| error.to_string())
    });
    assert_eq!(outcome.await.unwrap().unwrap_err(), "not paid: Unpaid");
}

#[tokio::test]
async fn the_shop_sells_and_hears_that_it_was_paid() {
    let (_server, settings) = simulator().await;
    let setting = |name: &str| settings.get(name).cloned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shop = shop_axum::open_shop(setting, &url).unwrap();
    tokio::spawn(async move { axum::serve(listener, shop).await });
    assert_eq!(shop_axum::sell_one(setting, &url).await.unwrap(), "paid");
}
