//! Whole flows through the client, against gateways on loopback.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::disallowed_methods, reason = "a test")]

mod common;

use common::{merchant, merchant_with_policy, order, peer, put_planted_token, read_request};
use std::{
    error::Error as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{io::AsyncWriteExt as _, time::sleep};
use wxpay_hyper::Client;
use wxpay_proto::{Fate, memory::AccessToken, retry};

#[derive(Default)]
struct Counts {
    tokens: AtomicU32,
    orders: AtomicU32,
}

/// A gateway that issues numbered tokens, after a delay, and accepts every order.
async fn gateway() -> (SocketAddr, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let counting = Arc::clone(&counts);
    let address = peer(move |mut stream| {
        let counts = Arc::clone(&counting);
        async move {
            loop {
                let request = read_request(&mut stream).await;
                let body = if request.starts_with("GET /cgi-bin/token?") {
                    sleep(Duration::from_millis(50)).await;
                    let number = counts.tokens.fetch_add(1, Ordering::SeqCst) + 1;
                    format!(r#"{{"access_token":"token{number}","expires_in":7200}}"#)
                } else if request.starts_with("POST /pay/genprepay?access_token=token") {
                    counts.orders.fetch_add(1, Ordering::SeqCst);
                    r#"{"prepayid":"1101000000140429eb40476f8896f4c9","errcode":0,"errmsg":"Success"}"#
                        .to_owned()
                } else {
                    return;
                };
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    (address, counts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_payments_fetch_one_token() {
    let (address, counts) = gateway().await;
    let (client, merchant) = (Client::builder().build().unwrap(), merchant(&format!("http://{address}")));
    let all = (0..100).map(|number| {
        let (client, flow) = (client.clone(), merchant.prepay(order(&number.to_string())));
        tokio::spawn(async move { client.run(flow).await.unwrap().prepayid })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap().as_str(), "1101000000140429eb40476f8896f4c9");
    }
    assert_eq!(counts.tokens.load(Ordering::SeqCst), 1);
    assert_eq!(counts.orders.load(Ordering::SeqCst), 100);
}

#[tokio::test]
async fn lost_reply_is_unresolved_and_unsent_order_is_not() {
    let closing = peer(|mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    let closed_port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (address, fate) in [(closing, Fate::Unknown), (closed_port, Fate::NotSent)] {
        let (client, merchant) = (common::client(), merchant(&format!("http://{address}")));
        client.memory(|memory| put_planted_token(memory, &merchant));
        let mut error = client.run(merchant.prepay(order("1"))).await.unwrap_err();
        common::assert_no_secret(&error);
        assert!(error.source().is_some(), "the error must have a source");
        assert_eq!(error.fate(), Some(fate));
        assert_eq!(error.take_unresolved().is_some(), fate == Fate::Unknown);
    }
}

/// A peer that reads each request and closes the connection without a reply, and the number of requests.
async fn closing_peer() -> (SocketAddr, Arc<AtomicU32>) {
    let requests = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&requests);
    let address = peer(move |mut stream| {
        let counting = Arc::clone(&counting);
        async move {
            read_request(&mut stream).await;
            counting.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    (address, requests)
}

#[tokio::test]
async fn failed_attempt_is_retried_after_a_backoff() {
    let (address, attempts) = closing_peer().await;
    let mut policy = retry::Policy::default();
    policy.max_attempts = 3;
    policy.initial_backoff = Duration::from_millis(50);
    let (client, merchant) = (common::client(), merchant_with_policy(&format!("http://{address}"), policy));
    client.memory(|memory| put_planted_token(memory, &merchant));
    let began = std::time::Instant::now();
    assert_eq!(client.run(merchant.prepay(order("1"))).await.unwrap_err().fate(), Some(Fate::Unknown));
    assert_eq!(attempts.load(Ordering::SeqCst), 3);
    assert!(began.elapsed() >= Duration::from_millis(75), "{:?}", began.elapsed());
}

#[tokio::test]
async fn refresh_replaces_a_stale_token_and_never_fetches_the_first() {
    let (address, counts) = gateway().await;
    let (client, merchant) = (Client::builder().build().unwrap(), merchant(&format!("http://{address}")));

    let idle = tokio::spawn(client.refresh_tokens(merchant.clone()));
    sleep(Duration::from_millis(200)).await;
    assert_eq!(counts.tokens.load(Ordering::SeqCst), 0, "refresh must not fetch the first token");
    idle.abort();

    // A token past three quarters of its lifetime: inserted 6000 seconds ago, valid for 1200 more.
    client.memory(|memory| {
        let then = common::now().before(Duration::from_secs(6000));
        let token = AccessToken::new("old".to_owned()).unwrap();
        memory.put_token(merchant.appid(), token, then, then.after(Duration::from_secs(7200)));
    });
    let refresh = tokio::spawn(client.refresh_tokens(merchant.clone()));
    sleep(Duration::from_millis(500)).await;
    refresh.abort();
    assert_eq!(counts.tokens.load(Ordering::SeqCst), 1);
    let cached = client.memory(|memory| {
        memory.token(merchant.appid(), common::now()).map(|(token, _)| token.expose().to_owned())
    });
    assert_eq!(cached.as_deref(), Some("token1"));
}

#[tokio::test]
async fn failed_refresh_waits_and_keeps_the_old_token() {
    let (address, requests) = closing_peer().await;
    let (client, merchant) = (Client::builder().build().unwrap(), merchant(&format!("http://{address}")));
    client.memory(|memory| {
        let then = common::now().before(Duration::from_secs(6000));
        let token = AccessToken::new("old".to_owned()).unwrap();
        memory.put_token(merchant.appid(), token, then, then.after(Duration::from_secs(7200)));
    });
    let refresh = tokio::spawn(client.refresh_tokens(merchant.clone()));
    sleep(Duration::from_millis(2500)).await;
    assert!(!refresh.is_finished());
    refresh.abort();
    assert_eq!(requests.load(Ordering::SeqCst), 1, "a failed refresh must not be retried at once");
    assert!(client.memory(|memory| memory.token(merchant.appid(), common::now()).is_some()));
}
