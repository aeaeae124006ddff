//! The log of requests and deliveries.

use crate::{
    http::{exchange, json_of, prepay},
    support::Shop as V1Shop,
    v3::shop::Shop,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{net::TcpListener, time::timeout};
use wxpay_proto::http::{Method, Request};
use wxpay_sim::{
    Clock, Gateway, Settings,
    faults::{ApiVersion, Fault, FaultRule},
    notifications::{AttemptResult, NotificationState},
    serve::{
        Options, Server,
        log::{Entries, Entry, Log},
    },
};

const SOON: Duration = Duration::from_secs(20);

async fn start(gateway: &Gateway, clock: Clock) -> (Server, Entries) {
    let (log, entries) = Log::bounded(100);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options::default().with_log(log);
    (Server::start_with(listener, gateway.clone(), clock, options).unwrap(), entries)
}

async fn next(entries: &mut Entries) -> Entry {
    timeout(SOON, entries.next()).await.unwrap().unwrap()
}

async fn send(server: &Server, request: &Request) {
    let address = server.address();
    let target = request.url().strip_prefix("https://api.mch.weixin.qq.com").unwrap();
    let mut headers = vec![String::from("Host: localhost")];
    headers.extend(request.headers().iter().map(|(name, value)| format!("{name}: {value}")));
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    crate::http::raw(address, request.method().as_str(), target, &headers, &body).await;
}

#[tokio::test]
async fn request_entry_says_why_a_request_was_refused() {
    let mut shop = Shop::open();
    let (server, mut entries) = start(&shop.gateway, Clock::frozen(shop.now).with_virtual_signatures()).await;
    let request = shop.request(Method::Get, "/v3/certificates?secret=1", "");
    send(&server, &request).await;
    let Entry::Request(entry) = next(&mut entries).await else { panic!() };
    assert_eq!((entry.record.method, entry.record.target.as_str()), ("GET", "/v3/certificates"));
    assert_eq!((entry.record.status, entry.record.code.as_deref()), (400, Some("PARAM_ERROR")));
    assert_eq!(entry.record.operation, Some("v3.certificates"));
    assert_eq!(entry.record.mchid, Some(shop.mchid()));

    let mut unsigned = shop.request(Method::Get, "/v3/certificates", "");
    let authorization = unsigned.header("authorization").unwrap().replace("nonce_str=\"", "nonce_str=\"x");
    unsigned = Request::get(unsigned.url().into())
        .with_header("accept", "application/json")
        .with_header("user-agent", "x")
        .with_header("authorization", authorization);
    send(&server, &unsigned).await;
    let Entry::Request(entry) = next(&mut entries).await else { panic!() };
    assert_eq!((entry.record.status, entry.record.code.as_deref()), (401, Some("SIGN_ERROR")));
    assert_eq!(entry.record.operation, Some("v3.certificates"));
    let reason = entry.record.reason.unwrap();
    let (verdict, cause) = reason.split_once(": ").unwrap();
    assert_eq!(verdict, "the signature does not match the message and the certificate");
    assert_eq!(cause, "likely nonce_differs or timestamp_differs");
}

#[tokio::test]
async fn fault_is_named_even_if_the_client_leaves() {
    let mut shop = Shop::open();
    let (server, mut entries) = start(&shop.gateway, Clock::frozen(shop.now).with_virtual_signatures()).await;
    server.with(|simulation, _| {
        simulation.gateway.inject(FaultRule::new(Fault::Delayed { millis: 600_000 }).at_most(1))
    });
    let request = shop.request(Method::Get, "/v3/certificates", "");
    assert!(timeout(Duration::from_millis(200), send(&server, &request)).await.is_err());
    let Entry::Request(entry) = next(&mut entries).await else { panic!() };
    assert_eq!((entry.record.fault, entry.record.status), (Some("delayed"), 200));
}

#[tokio::test]
async fn delivery_entry_has_the_attempt_and_the_next_one() {
    let shop = V1Shop::open(Settings::default());
    let (server, mut entries) = start(&shop.gateway, Clock::frozen(shop.now).with_virtual_signatures()).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (target, body) = prepay(&shop, "A1", &format!("http://user:pw@{closed}/notify"));
    exchange(&server, "POST", &target, &body).await.unwrap();
    let Entry::Request(entry) = next(&mut entries).await else { panic!() };
    assert_eq!((entry.record.api_version, entry.record.operation), (ApiVersion::V1, Some("v1.genprepay")));
    assert_eq!(entry.record.target, "/pay/genprepay");
    assert_eq!(entry.record.mchid, Some(shop.merchant.partner().to_string()));

    json_of(&server, "POST", "/_sim/v1/orders/A1/pay", &Value::Null).await;
    let (mut control, mut delivery) = (None, None);
    while control.is_none() || delivery.is_none() {
        match next(&mut entries).await {
            Entry::Control(entry) => control = Some(entry),
            Entry::Delivery(entry) => delivery = Some(entry),
            Entry::Request(_) | _ => panic!("a request was logged"),
        }
    }
    let control = control.unwrap();
    assert_eq!((control.method.as_str(), control.status), ("POST", 200));
    assert_eq!(control.path, "/_sim/v1/orders/A1/pay");
    let entry = delivery.unwrap();
    assert_eq!(entry.url, format!("http://{closed}/notify"));
    assert_eq!((entry.number, entry.attempt.result), (1, AttemptResult::NoResponse));
    assert_eq!(entry.attempt.reason.as_deref(), Some("connection refused"));
    assert_eq!((entry.state, entry.next_in), (NotificationState::Waiting, Some(Duration::from_secs(8))));

    json_of(&server, "POST", "/_sim/v1/clock", &json!({ "advance_seconds": 8 })).await;
    loop {
        if let Entry::Delivery(entry) = next(&mut entries).await {
            assert_eq!((entry.number, entry.next_in), (2, Some(Duration::from_secs(10))));
            break;
        }
    }
}

#[tokio::test]
async fn refused_control_request_and_unknown_path_have_a_reason() {
    let shop = V1Shop::open(Settings::default());
    let (server, mut entries) = start(&shop.gateway, Clock::frozen(shop.now).with_virtual_signatures()).await;
    exchange(&server, "POST", "/_sim/v1/clock?x=1", "{}").await.unwrap();
    let Entry::Control(entry) = next(&mut entries).await else { panic!() };
    assert_eq!((entry.status, entry.path.as_str()), (400, "/_sim/v1/clock"));
    assert!(entry.reason.is_some());
    exchange(&server, "GET", "/pay/unifiedorder?key=1", "").await.unwrap();
    let Entry::Request(entry) = next(&mut entries).await else { panic!() };
    assert_eq!((entry.record.status, entry.record.operation), (404, None));
    assert_eq!(entry.record.reason.as_deref(), Some("no operation has this path"));
}

#[tokio::test]
async fn no_entry_contains_a_secret() {
    let shop = V1Shop::open(Settings::default());
    let (server, mut entries) = start(&shop.gateway, Clock::frozen(shop.now).with_virtual_signatures()).await;
    let secrets = [
        shop.merchant.app_secret().expose().clone(),
        shop.merchant.pay_sign_key().expose().clone(),
        shop.merchant.partner_key().expose().clone(),
        shop.token.clone(),
    ];
    for secret in &secrets {
        for target in [
            format!("/cgi-bin/token?grant_type=client_credential&appid=wx0&secret={secret}"),
            format!("/pay/genprepay?access_token={secret}"),
            format!("/pay/unknown?{secret}"),
            format!("/v3/certificates?key={secret}"),
            format!("/_sim/v1/clock?key={secret}"),
        ] {
            exchange(&server, "POST", &target, &json!({ "appkey": secret }).to_string()).await.unwrap();
        }
    }
    let (target, body) = prepay(&shop, "A1", "http://127.0.0.1:9/n");
    exchange(&server, "POST", &target, &body).await.unwrap();
    json_of(&server, "POST", "/_sim/v1/orders/A1/pay", &Value::Null).await;
    let mut count = 0;
    loop {
        let entry = next(&mut entries).await;
        let shown = format!("{entry:?}");
        assert!(secrets.iter().all(|secret| !shown.contains(secret.as_str())), "{shown}");
        count += 1;
        if matches!(entry, Entry::Delivery(_)) {
            break;
        }
    }
    assert!(count >= 22, "{count}");
    // Nor does a record of an APIv1 request.
    let records =
        server.with(|simulation, _| format!("{:?}", simulation.gateway.requests().collect::<Vec<_>>()));
    for secret in secrets.iter().take(3) {
        // The target of an APIv3 request is recorded as received.
        assert_eq!(records.matches(secret.as_str()).count(), 1, "{secret}");
    }
}
