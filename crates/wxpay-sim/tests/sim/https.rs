//! Notifications over real sockets: TLS and its failures, and the reason that each failed delivery records.

use crate::{
    http::{exchange, json_of, prepay, until},
    support::Shop,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};
use wxpay_sim::{
    Clock, Settings,
    serve::{Options, Server},
};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "a merchant's own CA");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Returns a TLS acceptor with a certificate of this CA.
fn acceptor(authority: &Authority, name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    acceptor_of(&certificate.pem(), &key.serialize_pem())
}

fn acceptor_of(certificate: &str, key: &str) -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        );
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

/// Reads a notification and writes a response, which may be incomplete.
async fn respond(mut stream: impl AsyncRead + AsyncWrite + Unpin, response: &str) {
    let mut bytes = Vec::new();
    // The first byte of TLS: a server that expects plain HTTP responds to it with an error.
    while !bytes.ends_with(b"</xml>") && bytes.first() != Some(&0x16) {
        let mut part = [0; 2048];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "the notification is incomplete");
        bytes.extend_from_slice(&part[..length]);
    }
    // A client that has read enough closes the connection.
    stream.write_all(response.as_bytes()).await.ok();
    stream.shutdown().await.ok();
}

/// Starts a merchant's server. Returns its port.
async fn merchant(tls: Option<TlsAcceptor>, response: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            match &tls {
                None => respond(stream, &response).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        respond(stream, &response).await;
                    }
                }
            }
        }
    });
    port
}

fn success() -> String {
    String::from("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess")
}

/// Pays an order with this `notify_url`. Returns the record of the first delivery.
async fn deliver(notify_url: &str, options: Options, settings: Settings) -> Value {
    let shop = Shop::open(settings);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server =
        Server::start_with(listener, shop.gateway.clone(), Clock::frozen(shop.now), options).unwrap();
    let (target, body) = prepay(&shop, "A1", notify_url);
    assert_eq!(exchange(&server, "POST", &target, &body).await.unwrap().status, 200);
    json_of(&server, "POST", "/_sim/v1/orders/A1/pay", &Value::Null).await;
    let delivery = async || {
        let all = json_of(&server, "GET", "/_sim/v1/notifications", &Value::Null).await;
        all[0]["deliveries"][0].clone()
    };
    until(async || delivery().await["result"].as_str() != Some("in_progress")).await;
    delivery().await
}

/// Returns result, status and reason of a delivery with the default options.
async fn result(notify_url: &str, options: Options) -> (Value, Value, String) {
    let delivery = deliver(notify_url, options, Settings::default()).await;
    let reason = delivery["reason"].as_str().unwrap_or_default().to_owned();
    (delivery["result"].clone(), delivery["status"].clone(), reason)
}

#[tokio::test]
async fn https_merchant_with_an_added_ca_gets_its_notification() {
    let authority = authority();
    let port = merchant(Some(acceptor(&authority, "localhost")), success()).await;
    let options = Options::default().with_notify_ca(authority.pem().as_bytes()).unwrap();
    let delivered = result(&format!("https://localhost:{port}/notify"), options).await;
    assert_eq!(delivered, (json!("success"), json!(200), String::new()));
}

#[tokio::test]
async fn https_merchant_at_an_address_gets_its_notification() {
    let authority = authority();
    let port = merchant(Some(acceptor(&authority, "127.0.0.1")), success()).await;
    let options = Options::default().with_notify_ca(authority.pem().as_bytes()).unwrap();
    let (delivered, ..) = result(&format!("https://127.0.0.1:{port}/notify"), options).await;
    assert_eq!(delivered, json!("success"));
}

#[tokio::test]
async fn untrusted_certificate_gives_no_response_and_names_the_remedy() {
    let port = merchant(Some(acceptor(&authority(), "localhost")), success()).await;
    let url = format!("https://localhost:{port}/notify");
    for options in
        [Options::default(), Options::default().with_notify_ca(authority().pem().as_bytes()).unwrap()]
    {
        let (delivered, status, reason) = result(&url, options).await;
        assert_eq!((delivered, status), (json!("no_response"), Value::Null));
        assert!(reason.starts_with("TLS: ") && reason.contains("--notify-ca"), "{reason}");
    }
    let insecure = Options::default().without_certificate_verification();
    assert_eq!(result(&url, insecure).await.0, json!("success"));
}

#[tokio::test]
async fn certificate_for_another_name_is_rejected() {
    let authority = authority();
    let port = merchant(Some(acceptor(&authority, "shop.example")), success()).await;
    let options = Options::default().with_notify_ca(authority.pem().as_bytes()).unwrap();
    let (_, _, reason) = result(&format!("https://localhost:{port}/notify"), options).await;
    assert_eq!(reason, "TLS: the certificate is not valid for the host of the URL");
}

/// As `openssl req -x509` makes it: a CA certificate, which the server uses as its own.
#[tokio::test]
async fn self_signed_certificate_is_trusted_for_its_name_if_it_was_added_itself() {
    let self_signed = |name: &str, last_year: i32| {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let (certificate, key) = self_signed("localhost", 4000);
    let url =
        format!("https://localhost:{}/n", merchant(Some(acceptor_of(&certificate, &key)), success()).await);
    let trusting = |pem: &str| Options::default().with_notify_ca(pem.as_bytes()).unwrap();
    assert_eq!(result(&url, trusting(&certificate)).await, (json!("success"), json!(200), String::new()));
    for options in [Options::default(), trusting(&self_signed("localhost", 4000).0)] {
        let (_, _, reason) = result(&url, options).await;
        assert!(reason.contains("--notify-ca") && reason.contains("self-signed"), "{reason}");
    }
    for (name, last_year, rule) in [
        ("shop.example", 4000, "TLS: the certificate is not valid for the host of the URL"),
        ("localhost", 2020, "TLS: the certificate has expired"),
    ] {
        let (certificate, key) = self_signed(name, last_year);
        let port = merchant(Some(acceptor_of(&certificate, &key)), success()).await;
        assert_eq!(result(&format!("https://localhost:{port}/n"), trusting(&certificate)).await.2, rule);
    }
}

#[tokio::test]
async fn simulators_own_ca_is_trusted() {
    // A fixed key is the root's, so this test can issue a certificate of the simulator's CA.
    let root = wxpay_sim::keys::KeyPair::fixed(0).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "wxpay-sim root");
    params.distinguished_name.push(DnType::OrganizationName, "wxpay-sim, for tests only");
    let root_key = KeyPair::from_pem_and_sign_algo(&root.private_pem(), &rcgen::PKCS_RSA_SHA256).unwrap();
    let authority: Authority = CertifiedIssuer::self_signed(params, root_key).unwrap();
    let port = merchant(Some(acceptor(&authority, "localhost")), success()).await;
    let (delivered, _, reason) =
        result(&format!("https://localhost:{port}/notify"), Options::default()).await;
    assert_eq!(delivered, json!("success"), "{reason}");
}

#[tokio::test]
async fn each_failure_has_its_reason() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let plain = merchant(None, success()).await;
    let tls = merchant(Some(acceptor(&authority(), "localhost")), success()).await;
    let cut_head = merchant(None, String::from("HTTP/1.1 200 OK\r\nContent-")).await;
    let cut_body = merchant(None, String::from("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsucc")).await;
    let nonsense = merchant(None, String::from("+OK ready\r\n\r\n")).await;
    let long = "x".repeat((64 << 10) + 1);
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}", long.len());
    let long = merchant(None, long).await;
    let refused = merchant(None, String::from("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")).await;
    let no = json!("no_response");
    let rejected = |status: u16| json!({ "rejected": status });
    for (url, delivered, status, reason) in [
        (format!("http://127.0.0.1:{closed}/n"), &no, Value::Null, "connection refused"),
        (format!("https://127.0.0.1:{closed}/n"), &no, Value::Null, "connection refused"),
        (
            format!("https://127.0.0.1:{plain}/n"),
            &no,
            Value::Null,
            "TLS: the server does not speak TLS on this port",
        ),
        (format!("http://127.0.0.1:{tls}/n"), &no, Value::Null, "the response is not HTTP/1.1"),
        (format!("http://127.0.0.1:{nonsense}/n"), &no, Value::Null, "the response is not HTTP/1.1"),
        (
            format!("http://127.0.0.1:{cut_head}/n"),
            &no,
            Value::Null,
            "response incomplete: the connection was closed before the end of the head",
        ),
        (
            format!("http://127.0.0.1:{cut_body}/n"),
            &no,
            json!(200),
            "response incomplete: the connection was closed before the end of the body",
        ),
        (format!("http://127.0.0.1:{long}/n"), &no, json!(200), "response body over 65536 bytes"),
        (
            format!("http://127.0.0.1:{refused}/n"),
            &rejected(500),
            json!(500),
            "not accepted, HTTP 500: the status must be 200 and the body success",
        ),
    ] {
        let expected = (delivered.clone(), status, reason.to_owned());
        assert_eq!(result(&url, Options::default()).await, expected, "{url}");
    }
}

#[tokio::test]
async fn merchant_that_does_not_respond_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = Settings::default();
    settings.notify_timeout = Duration::from_millis(200);
    // The backlog accepts the connection; nobody reads from it.
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{}/n", listener.local_addr().unwrap());
        let delivery = deliver(&url, Options::default(), settings.clone()).await;
        assert_eq!(delivery["reason"], "no response within 200 ms");
    }
}

#[test]
fn text_without_a_usable_certificate_is_no_ca() {
    let key = KeyPair::generate().unwrap().serialize_pem();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, rule) in [
        ("", "holds no certificate"),
        (key.as_str(), "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\n", "is not valid PEM"),
        (broken, "holds a certificate that cannot be parsed"),
    ] {
        let error = Options::default().with_notify_ca(pem.as_bytes()).err().unwrap();
        assert!(error.rule().starts_with(rule), "{pem}: {error}");
    }
}
