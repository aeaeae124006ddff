//! Background refresh fetches platform certificates before they are needed, and startup does not wait for it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test")]

mod common;

use common::v3::{API_V3_KEY, MCHID, Platform, certificates_at, merchant, merchant_with_public_key};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::sleep;
use wxpay_hyper::Client;

#[tokio::test]
async fn refresh_platform_keys_fetches_once_per_merchant() {
    let (gateway, fetches) =
        certificates_at(vec![Platform::with_certificate(1)], Duration::from_millis(50)).await;
    let client = Client::builder().build().unwrap();
    let base_url = format!("http://{gateway}");
    let mut refresh = tokio::task::JoinSet::new();
    let merchants = [MCHID, "1900000110"].map(|mchid| merchant(mchid, API_V3_KEY, &base_url).build());
    for merchant in merchants.clone() {
        refresh.spawn(client.refresh_platform_keys(merchant));
    }
    assert_eq!(fetches.load(Ordering::SeqCst), 0, "startup must not wait for the fetch");
    for merchant in &merchants {
        while client.memory(|memory| memory.next_platform_key_refresh(merchant.mchid()).is_none()) {
            sleep(Duration::from_millis(10)).await;
        }
        let due = client.memory(|memory| memory.next_platform_key_refresh(merchant.mchid())).unwrap();
        assert!(due.since(common::now()) > Duration::from_secs(3600), "the next fetch must be hours away");
    }
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn refresh_platform_keys_fetches_nothing_in_public_key_mode() {
    let client = Client::builder().build().unwrap();
    let refresh = tokio::spawn(client.refresh_platform_keys(merchant_with_public_key(MCHID, API_V3_KEY)));
    sleep(Duration::from_millis(200)).await;
    assert!(!refresh.is_finished());
    assert_eq!(client.memory(|memory| memory.next_platform_key_refresh(&MCHID.parse().unwrap())), None);
    refresh.abort();
}
