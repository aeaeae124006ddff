//! Programs that are no shop, or answer with any bytes: a clear error, and no panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use wxpay_certify::{Certifier, CertifyError, Check, Shop};

const SHOP: &str = r#"
[create]
request = "POST /orders"
client = ""
out_trade_no = "/number"
[state]
request = "GET /orders/{out_trade_no}"
paid = ["paid"]
"#;

/// Starts a program that answers each connection with these bytes, and closes it.
async fn program(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            drop(stream.read(&mut request).await);
            drop(stream.write_all(&bytes).await);
        }
    });
    url
}

async fn refusal(target: &str) -> String {
    refusal_of(target, SHOP).await
}

async fn refusal_of(target: &str, shop: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let certifier = Certifier::start(listener, Certifier::gateway(7)).unwrap();
    let shop = Shop::parse(shop.as_bytes(), |name| {
        (name == "TOKEN").then(|| "a token of the shop".replace(' ', "-"))
    });
    let shop = shop.unwrap();
    match certifier.run(target, &shop, Check::ALL, |_| panic!("nothing is graded")).await {
        Err(CertifyError::CannotOrder(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn with_body(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn program_that_is_no_shop_is_named_with_its_answer() {
    for (answer, rule) in [
        (b"\x00\xff\xfe garbage \x1b[31m".to_vec(), "POST /orders → "),
        (Vec::new(), "POST /orders → "),
        (with_body(b"\xff\x1b[3"), "the answer has no order number"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_vec(), "the answer is incomplete"),
        (with_body(br#"{"number":"/"}"#), "is not an out_trade_no"),
        (with_body(br#"{"number":"ORDER1"}"#), "the gateway has no order ORDER1"),
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".to_vec(), "→ HTTP 500"),
    ] {
        let reason = refusal(&program(answer.clone()).await).await;
        assert!(reason.contains(rule), "{answer:?}: {reason}");
        assert!(!reason.chars().any(char::is_control), "{reason:?}");
    }
}

#[tokio::test]
async fn shop_that_cannot_be_reached_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let reason = refusal(&url).await;
    assert!(reason.contains("POST /orders → ") && reason.contains("onnect"), "{reason}");
}

#[tokio::test]
async fn values_of_the_environment_are_masked() {
    let shop = SHOP.replace("POST /orders", "POST /orders?token={env:TOKEN}");
    let target = program(with_body(b"no: a-token-of-the-shop")).await;
    let reason = refusal_of(&target, &shop).await;
    assert!(!reason.contains("a-token-of-the-shop"), "{reason}");
    assert!(reason.starts_with("POST /orders?token=[secret] → HTTP 200"), "{reason}");
}

#[tokio::test]
async fn invalid_target_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let certifier = Certifier::start(listener, Certifier::gateway(7)).unwrap();
    let shop = Shop::parse(SHOP.as_bytes(), |_| None).unwrap();
    let refused = certifier.run("shop", &shop, Check::ALL, |_| ()).await;
    assert_eq!(refused.unwrap_err(), CertifyError::InvalidTarget);
}
