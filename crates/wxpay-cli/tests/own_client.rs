//! A merchant that uses this workspace's own client, in every key mode of the simulator.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use std::time::Duration;
use support::Simulator;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    time::timeout,
};
use wxpay_hyper::WxPay;
use wxpay_proto::{
    Fen,
    v3::{
        Event, Lookup,
        pay::{NativeOrder, Order, QueryOrder, TradeState},
        refund::{CreateRefund, QueryRefund, RefundAmount, RefundStatus},
    },
};

#[tokio::test]
async fn own_client_pays_in_the_mode_either() {
    pay_before_and_after_an_advance("either").await;
}

#[tokio::test]
async fn own_client_pays_in_the_mode_certificates() {
    pay_before_and_after_an_advance("certificates").await;
}

#[tokio::test]
async fn own_client_pays_in_the_mode_public_key() {
    pay_before_and_after_an_advance("public-key").await;
}

/// Runs payments before and after business time was advanced: with keys fetched before the advance, and with new ones.
async fn pay_before_and_after_an_advance(mode: &str) {
    let sim = Simulator::start(&["--platform-keys", mode]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let notify_url = format!("http://{}/notify", listener.local_addr().unwrap());
    let client = || {
        let variables = sim.environment();
        // Without this variable, the client fetches platform certificates.
        let is_read = |name: &str| name != "WXPAY_PLATFORM_CERTIFICATE_FILE";
        let value = |name: &str| variables.iter().find(|(other, _)| other == name && is_read(name));
        let builder = WxPay::builder().variables(|name| value(name).map(|(_, value)| value.clone()));
        builder.notify_url(notify_url.clone()).build().unwrap()
    };
    let wxpay = client();
    pay_and_refund(&sim, &wxpay, &listener, "ORDER-1").await;
    sim.advance_25_hours();
    pay_and_refund(&sim, &wxpay, &listener, "ORDER-2").await;
    pay_and_refund(&sim, &client(), &listener, "ORDER-3").await;
}

async fn pay_and_refund(sim: &Simulator, wxpay: &WxPay, listener: &TcpListener, number: &str) {
    let total = Fen::new(1999);
    let order = Order::new(number.parse().unwrap(), total, "筷子").unwrap();
    let query = QueryOrder::out_trade_no(order.out_trade_no().clone());
    let code_url = wxpay.call(NativeOrder::new(order.clone())).await.unwrap();
    assert!(code_url.starts_with("weixin://"), "{code_url}");

    sim.control("POST", &format!("orders/{number}/pay"), &json!({}));
    let Event::Transaction(notified) = receive(wxpay, listener).await else { panic!("not of a payment") };
    assert_eq!((notified.out_trade_no.as_str(), &notified.trade_state), (number, &TradeState::Success));
    let Lookup::Found(paid) = wxpay.call(query).await.unwrap() else { panic!("{number} is not found") };
    assert_eq!((paid.trade_state, paid.transaction_id), (TradeState::Success, notified.transaction_id));

    let refund_no = format!("{number}-R").parse().unwrap();
    let amount = RefundAmount::full(total).unwrap();
    let refund = CreateRefund::new(order.out_trade_no().clone(), refund_no, amount)
        .notify_url(wxpay.merchant().notify_url().unwrap().clone());
    let query = QueryRefund::new(refund.out_refund_no().clone());
    assert_eq!(wxpay.call(refund).await.unwrap().status, RefundStatus::Processing);
    let Event::Refund(notified) = receive(wxpay, listener).await else { panic!("not of a refund") };
    assert_eq!(notified.refund_status, RefundStatus::Success);
    let Lookup::Found(refunded) = wxpay.call(query).await.unwrap() else { panic!("no refund of {number}") };
    assert_eq!((refunded.status, refunded.refund_id), (RefundStatus::Success, notified.refund_id));
}

/// Receives a notification, which the client must accept, and acknowledges it.
async fn receive(wxpay: &WxPay, listener: &TcpListener) -> Event {
    let accepted = timeout(Duration::from_secs(20), listener.accept()).await;
    let (stream, _) = accepted.unwrap_or_else(|_| panic!("no notification within 20 seconds")).unwrap();
    let mut stream = BufReader::new(stream);
    let mut headers = HeaderMap::new();
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap() > 2 {
        // The request line has no colon followed by a space.
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        line.clear();
    }
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let notification = wxpay.verify_notification(&headers, body).await.unwrap();
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
    notification.event().unwrap()
}
