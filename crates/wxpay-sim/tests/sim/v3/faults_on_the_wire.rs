//! Faults over real sockets.

use super::shop::Shop;
use std::{io::ErrorKind, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use wxpay_proto::http::{Method, Request};
use wxpay_sim::{
    Clock,
    faults::{Fault, FaultRule},
    serve::Server,
};

const SOON: Duration = Duration::from_secs(20);

async fn start_server(shop: &Shop, fault: Fault) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server =
        Server::start(listener, shop.gateway.clone(), Clock::frozen(shop.now).with_virtual_signatures())
            .unwrap();
    server.with(|simulation, _| simulation.gateway.inject(FaultRule::new(fault).at_most(1)));
    server
}

fn query(shop: &mut Shop) -> Request {
    let target = format!("/v3/pay/transactions/out-trade-no/A12345?mchid={}", shop.mchid());
    shop.request(Method::Get, &target, "")
}

/// Sends a request. Returns the bytes received and how the connection ended.
async fn exchange(server: &Server, request: &Request) -> (Vec<u8>, Result<(), ErrorKind>) {
    let target = request.url().strip_prefix("https://api.mch.weixin.qq.com").unwrap();
    let mut text =
        format!("{} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", request.method());
    for (name, value) in request.headers() {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text += "\r\n";
    let mut stream = match TcpStream::connect(server.address()).await {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Err(error.kind())),
    };
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let ended = timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap();
    (bytes, ended.map(|_| ()).map_err(|error| error.kind()))
}

#[tokio::test]
async fn dropped_connection_ends_and_reset_connection_breaks() {
    for (fault, ended) in [
        (Fault::DropBeforeCommit, Ok(())),
        (Fault::CommitThenDropResponse, Ok(())),
        (Fault::ResetBeforeCommit, Err(ErrorKind::ConnectionReset)),
        (Fault::CommitThenReset, Err(ErrorKind::ConnectionReset)),
    ] {
        let mut shop = Shop::open();
        shop.order("A12345");
        let server = start_server(&shop, fault).await;
        let request = query(&mut shop);
        assert_eq!(exchange(&server, &request).await, (Vec::new(), ended), "{fault:?}");
        let (bytes, ended) = exchange(&server, &request).await;
        assert!(bytes.starts_with(b"HTTP/1.1 200 OK") && ended.is_ok());
    }
}

#[tokio::test]
async fn connection_refused_fault_is_followed_by_an_outage_that_ends() {
    let mut shop = Shop::open();
    shop.order("A12345");
    let server = start_server(&shop, Fault::ConnectionRefused { millis: 400 }).await;
    let request = query(&mut shop);
    assert_eq!(exchange(&server, &request).await, (Vec::new(), Err(ErrorKind::ConnectionReset)));
    let refused = async {
        loop {
            match exchange(&server, &request).await.1 {
                Err(ErrorKind::ConnectionRefused) => break,
                // The listener closes at once, but not before the first connection breaks.
                Err(ErrorKind::ConnectionReset) | Ok(()) => sleep(Duration::from_millis(5)).await,
                Err(other) => panic!("{other}"),
            }
        }
    };
    timeout(Duration::from_millis(390), refused).await.unwrap();
    let recovered = async {
        while exchange(&server, &request).await.1 == Err(ErrorKind::ConnectionRefused) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, recovered).await.unwrap();
    assert!(exchange(&server, &request).await.0.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn slow_reply_arrives_completely() {
    let mut shop = Shop::open();
    let server = start_server(&shop, Fault::Slow { bytes_per_second: 100 }).await;
    let request = query(&mut shop);
    let started = Instant::now();
    let (bytes, ended) = exchange(&server, &request).await;
    let body = bytes.len() - bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() - 4;
    assert!(ended.is_ok() && bytes.ends_with(b"}"));
    // The server sends ten bytes every tenth of a second, the first ten at its end.
    let at_least = Duration::from_millis(u64::try_from(body).unwrap() / 10 * 100);
    assert!(started.elapsed() >= at_least, "{body} bytes in {:?}", started.elapsed());
}
