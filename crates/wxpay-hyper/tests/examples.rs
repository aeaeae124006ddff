//! The examples with a private key elsewhere, without tokio, and of APIv1. `tests/examples.rs` of the workspace runs the
//! others, and `tests/certify` grades `shop`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test")]

#[path = "../examples/blocking_driver.rs"]
#[allow(dead_code, reason = "its main is not called here")]
mod blocking_driver;
#[path = "../examples/kms_signer.rs"]
#[allow(dead_code, reason = "its main is not called here")]
mod kms_signer;
#[path = "../examples/shop_v1.rs"]
#[allow(dead_code, reason = "its main is not called here")]
mod shop_v1;

use axum::{
    http::{HeaderMap, HeaderName, StatusCode},
    response::IntoResponse,
    routing::post,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};
use tokio::net::TcpListener;
use wxpay_proto::{Error, ErrorKind, Fate, crypto::PrivateKey as _, v3::Authorization, wire::base64};
use wxpay_sim::{Clock, Gateway, Settings, serve::Server};
use wxpay_testkit::keys::v3;

/// Starts a simulator and returns it with the settings to reach it.
async fn simulator() -> (Server, BTreeMap<String, String>) {
    let gateway = Gateway::new(Settings::default(), 7);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let credentials = gateway.credentials().clone();
    let server = Server::start(listener, gateway, Clock::running()).unwrap();
    let settings = [
        ("WXPAY_BASE_URL", server.url()),
        ("WXPAY_SIM", "1".to_owned()),
        ("WXPAY_V1_APPID", credentials.appid().to_string()),
        ("WXPAY_V1_APP_SECRET", credentials.app_secret().expose().clone()),
        ("WXPAY_V1_PAY_SIGN_KEY", credentials.pay_sign_key().expose().clone()),
        ("WXPAY_V1_PARTNER", credentials.partner().to_string()),
        ("WXPAY_V1_PARTNER_KEY", credentials.partner_key().expose().clone()),
    ];
    (server, settings.map(|(name, value)| (name.to_owned(), value)).into())
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_driver_completes_a_payment() {
    let (server, settings) = simulator().await;
    let paid = thread::spawn(move || {
        blocking_driver::pay_once(|name| settings.get(name).cloned()).map_err(|error| error.to_string())
    });
    let paid = tokio::task::spawn_blocking(|| paid.join().unwrap()).await.unwrap();
    assert_eq!(paid.unwrap(), "paid");
    server.with(|simulation, now| assert_eq!(simulation.gateway.orders(now.business).len(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_driver_reports_an_unpaid_order() {
    let (_server, mut settings) = simulator().await;
    settings.remove("WXPAY_SIM");
    let outcome = tokio::task::spawn_blocking(move || {
        blocking_driver::pay_once(|name| settings.get(name).cloned()).map_err(|error| error.to_string())
    });
    assert_eq!(outcome.await.unwrap().unwrap_err(), "not paid: Unpaid");
}

#[tokio::test]
async fn shop_v1_sells_and_receives_the_notification() {
    let (_server, settings) = simulator().await;
    let setting = |name: &str| settings.get(name).cloned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = shop_v1::open_shop(setting, &url).unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    assert_eq!(shop_v1::sell_once(setting, &url).await.unwrap(), "paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_signer_places_an_order() {
    let (gateway, requests) = native_gateway().await;
    let signer = signer();
    assert_eq!(
        kms_signer::place_order(kms_settings(gateway, signer)).await.unwrap(),
        "weixin://wxpay/bizpayurl?pr=kms"
    );
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_signer_leaves_the_order_unsent() {
    let (gateway, requests) = native_gateway().await;
    // This signer accepts the connection and never responds.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for signer in [silent.local_addr().unwrap(), closed_port] {
        let began = Instant::now();
        let error = kms_signer::place_order(kms_settings(gateway, signer)).await.unwrap_err();
        let error: &Error = error.downcast_ref().unwrap();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Unavailable, Some(Fate::NotSent)));
        assert!(began.elapsed() < Duration::from_secs(5), "waited for {:?}", began.elapsed());
    }
    assert_eq!(requests.load(Ordering::Relaxed), 0, "nothing must be sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_signer_opens_only_ciphertexts_for_its_key() {
    let key = kms_signer::Kms::new(signer(), Duration::from_secs(5));
    let sealed = v3::public_key_of(v3::CERTIFICATE).seal("张三".as_bytes()).unwrap();
    assert_eq!(key.open(&sealed).unwrap().expose(), "张三".as_bytes());
    assert!(key.open(&sealed[1..]).is_err());
}

/// Starts a signer with the merchant's key, in a thread of its own.
fn signer() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || kms_signer::serve(&listener, &v3::private_key(v3::KEY)));
    address
}

fn kms_settings(gateway: SocketAddr, signer: SocketAddr) -> impl Fn(&str) -> Option<String> {
    move |name| {
        Some(match name {
            "KMS_ADDRESS" => signer.to_string(),
            "WXPAY_BASE_URL" => format!("http://{gateway}"),
            "WXPAY_MCHID" => v3::MCHID.into(),
            "WXPAY_APPID" => "wx0123456789abcdef".into(),
            "WXPAY_SERIAL_NO" => v3::SERIAL_NO.into(),
            "WXPAY_API_V3_KEY" => v3::API_V3_KEY.into(),
            "WXPAY_PUBLIC_KEY_ID" => v3::PUBLIC_KEY_ID.into(),
            "WXPAY_PUBLIC_KEY_FILE" => {
                concat!(env!("CARGO_MANIFEST_DIR"), "/../wxpay-testkit/keys/public_key_mode_public.pem")
                    .into()
            }
            _ => return None,
        })
    }
}

/// A gateway for Native orders alone, and the number of its requests. It verifies with the merchant's certificate, and
/// signs with the private key of the public key mode.
async fn native_gateway() -> (SocketAddr, Arc<AtomicU32>) {
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    let place = move |headers: HeaderMap, body: String| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { placed(&headers, &body) }
    };
    let app = axum::Router::new().route("/v3/pay/transactions/native", post(place));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, requests)
}

fn placed(headers: &HeaderMap, body: &str) -> impl IntoResponse + use<> {
    let signed: Authorization = headers["authorization"].to_str().unwrap().parse().unwrap();
    let Authorization { timestamp, nonce_str, signature, .. } = signed;
    let message = format!("POST\n/v3/pay/transactions/native\n{timestamp}\n{nonce_str}\n{body}\n");
    if v3::public_key_of(v3::CERTIFICATE).verify(message.as_bytes(), &signature).is_err() {
        return (StatusCode::UNAUTHORIZED, HeaderMap::new(), "");
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let body_of_reply = r#"{"code_url":"weixin://wxpay/bizpayurl?pr=kms"}"#;
    let signature =
        v3::private_key(v3::PUBLIC_KEY_PRIVATE).sign(format!("{now}\nnonce\n{body_of_reply}\n").as_bytes());
    let headers = [
        ("wechatpay-timestamp", now.to_string()),
        ("wechatpay-nonce", "nonce".into()),
        ("wechatpay-signature", base64::encode(&signature.unwrap())),
        ("wechatpay-serial", v3::PUBLIC_KEY_ID.into()),
    ];
    let headers = headers.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    (StatusCode::OK, HeaderMap::from_iter(headers), body_of_reply)
}
