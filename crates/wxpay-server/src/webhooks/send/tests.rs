use super::{
    super::{
        BoxFuture,
        retry::Outcome,
        signature::{SigningSecret, WebhookHeaders},
        target::{Policy, Restricted, TargetUrl, guard::Resolve},
    },
    http_client::{HttpTransport, SetupError, TransportSettings},
    *,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::{Instant, sleep},
};
use wxpay_proto::UnixTime;

const BODY: &[u8] = br#"{"id":"evt_1","type":"order.paid"}"#;
const NOW: UnixTime = UnixTime::from_secs(1_785_000_000);
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const NAME: &str = "hooks.example.test";

/// Returns the addresses in turn, the last one for ever, and counts the calls.
#[derive(Debug)]
struct Scripted {
    addresses: Vec<IpAddr>,
    calls: AtomicUsize,
}

impl Scripted {
    fn new(addresses: &[&str]) -> Arc<Self> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { addresses, calls: AtomicUsize::new(0) })
    }
}

impl Resolve for Scripted {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        assert_eq!(host, NAME);
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let address = *self.addresses.get(call).or_else(|| self.addresses.last()).unwrap();
        Box::pin(async move { Ok(vec![address]) })
    }
}

fn policy(allowed: &[&str]) -> Policy {
    Policy {
        allow_http: true,
        allowed_networks: allowed.iter().map(|network| network.parse().unwrap()).collect(),
    }
}

fn transport(allowed: &[&str], resolver: Arc<dyn Resolve>, extra_ca: Option<&str>) -> HttpTransport {
    let deadline = Duration::from_millis(1500);
    let settings = TransportSettings::new(policy(allowed), resolver);
    HttpTransport::new(TransportSettings { extra_ca, deadline, ..settings }).unwrap()
}

fn to_loopback() -> HttpTransport {
    transport(&["127.0.0.1"], Scripted::new(&["127.0.0.1"]), None)
}

fn headers() -> WebhookHeaders {
    let secret = SigningSecret::parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    WebhookHeaders::sign(&[secret], "evt_1", NOW, BODY)
}

async fn post(transport: &HttpTransport, url: &str) -> Result<WebhookResponse, WebhookFailure> {
    let url = TargetUrl::parse(url, &policy(&["127.0.0.0/8"])).unwrap();
    let response = transport.post(&url, &headers(), Bytes::from_static(BODY)).await;
    response.map(|response| WebhookResponse { excerpt: None, ..response })
}

fn url(address: SocketAddr) -> String {
    format!("http://{NAME}:{}/hook?token=PLANTED", address.port())
}

/// The requests that a peer received, and the number of its connections.
#[derive(Clone, Debug, Default)]
struct Log {
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Log {
    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one request with its body.
async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<String> {
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(len) if len > 0 => received.extend_from_slice(&buffer[..len]),
            _ => return None,
        }
        let text = String::from_utf8_lossy(&received);
        if text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() == BODY.len()) {
            return Some(text.into_owned());
        }
    }
}

/// Starts a peer that replies to each request with the parts, with a pause of 150 ms before each but the first.
async fn peer(parts: &'static [&'static str], keeps_open: bool) -> (SocketAddr, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, log) = (listener.local_addr().unwrap(), Log::default());
    let recorded = log.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let log = recorded.clone();
            log.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                while let Some(request) = read_request(&mut stream).await {
                    log.requests.lock().unwrap().push(request);
                    for (index, part) in parts.iter().enumerate() {
                        if index > 0 {
                            sleep(Duration::from_millis(150)).await;
                        }
                        drop(stream.write_all(part.as_bytes()).await);
                    }
                    if !keeps_open {
                        return;
                    }
                }
            });
        }
    });
    (address, log)
}

fn with_status(status: u16) -> WebhookResponse {
    WebhookResponse { status, retry_after: None, excerpt: None }
}

#[tokio::test]
async fn beginning_of_the_body_is_kept_as_text() {
    let long = format!("HTTP/1.1 500 Oops\r\ncontent-length: 900\r\n\r\n支\n\u{1b}[2J{}", "x".repeat(892));
    let long: &'static [&'static str] = Box::leak(Box::new([&*Box::leak(long.into_boxed_str())]));
    for (reply, expected) in
        [(&[OK][..], Some("ok".to_owned())), (long, Some(format!("支  [2J{}", "x".repeat(504))))]
    {
        let (address, _) = peer(reply, true).await;
        let url = TargetUrl::parse(&url(address), &policy(&["127.0.0.0/8"])).unwrap();
        let response = to_loopback().post(&url, &headers(), Bytes::from_static(BODY)).await.unwrap();
        assert_eq!(response.excerpt, expected);
    }
}

#[tokio::test]
async fn request_has_the_signed_headers_and_the_body() {
    let (address, log) = peer(&[OK], true).await;
    assert_eq!(post(&to_loopback(), &url(address)).await, Ok(with_status(200)));
    let request = log.requests.lock().unwrap()[0].to_lowercase();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.as_bytes(), BODY);
    let expected = headers();
    for line in [
        "post /hook?token=planted http/1.1".to_owned(),
        format!("host: {NAME}:{}", address.port()),
        "content-type: application/json".to_owned(),
        format!("user-agent: wxpay-server/{}", env!("CARGO_PKG_VERSION")),
        "webhook-id: evt_1".to_owned(),
        "webhook-timestamp: 1785000000".to_owned(),
        format!("webhook-signature: {}", expected.signature.to_lowercase()),
        format!("content-length: {}", BODY.len()),
    ] {
        assert!(head.split("\r\n").any(|found| found == line), "{line}\n{head}");
    }
}

#[tokio::test]
async fn redirect_is_returned_and_not_followed() {
    let (elsewhere, not_reached) = peer(&[OK], true).await;
    let reply = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.port()
    );
    let reply: &'static [&'static str] = Box::leak(Box::new([&*Box::leak(reply.into_boxed_str())]));
    let (address, _) = peer(reply, true).await;
    let result = post(&to_loopback(), &url(address)).await;
    assert_eq!(result, Ok(with_status(302)));
    assert_eq!(Outcome::of(&result, NOW), Outcome::Failed { not_before: None });
    assert_eq!(not_reached.connections(), 0);
}

#[tokio::test]
async fn status_410_is_gone_and_a_5xx_carries_retry_after() {
    let (address, _) = peer(&["HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"], true).await;
    assert_eq!(Outcome::of(&post(&to_loopback(), &url(address)).await, NOW), Outcome::Gone);
    let (address, _) =
        peer(&["HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n"], true).await;
    assert_eq!(
        post(&to_loopback(), &url(address)).await,
        Ok(WebhookResponse { status: 503, retry_after: Some("120".into()), excerpt: None })
    );
}

#[tokio::test]
async fn implausible_retry_after_is_ignored() {
    const LONG: &str = concat!(
        "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nretry-after: ",
        "00000000000000000000000000000000000000000000000000000000000000120\r\n\r\n"
    );
    for reply in [&[LONG][..], &["HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nretry-after: \u{e9}\r\n\r\n"]] {
        let (address, _) = peer(reply, true).await;
        assert_eq!(post(&to_loopback(), &url(address)).await, Ok(with_status(503)));
    }
}

#[tokio::test]
async fn slow_response_within_the_deadline_is_received() {
    let (address, _) = peer(&["", "HTTP/1.1 2", "04 No Content\r\n", "retry-after: 1\r\n\r\n"], true).await;
    assert_eq!(
        post(&to_loopback(), &url(address)).await,
        Ok(WebhookResponse { status: 204, retry_after: Some("1".into()), excerpt: None })
    );
}

#[tokio::test]
async fn peer_that_never_replies_is_a_timeout() {
    let (address, log) = peer(&[], true).await;
    let began = Instant::now();
    assert_eq!(post(&to_loopback(), &url(address)).await, Err(WebhookFailure::Timeout));
    assert!((1400..4000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(log.requests.lock().unwrap().len(), 1, "the request is not repeated");
}

#[tokio::test]
async fn head_that_never_ends_is_a_timeout() {
    let (address, _) = peer(&["HTTP/1.1 200 OK\r\nx: "], true).await;
    assert_eq!(post(&to_loopback(), &url(address)).await, Err(WebhookFailure::Timeout));
}

#[tokio::test]
async fn giant_body_is_not_read_and_the_delivery_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let written = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await.unwrap();
        let (chunk, mut written) = (vec![b'x'; 65536], 0);
        while stream.write_all(&chunk).await.is_ok() {
            written += 65536;
        }
        written
    });
    assert_eq!(post(&to_loopback(), &url(address)).await, Ok(with_status(200)));
    let written = written.await.unwrap();
    assert!(written < 20_000_000, "{written} bytes were written before the connection was closed");
}

#[tokio::test]
async fn body_that_never_ends_costs_a_second_and_the_connection() {
    let (address, log) = peer(&["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"], true).await;
    let settings = TransportSettings::new(policy(&["127.0.0.1"]), Scripted::new(&["127.0.0.1"]));
    let transport = HttpTransport::new(settings).unwrap();
    let began = Instant::now();
    assert_eq!(post(&transport, &url(address)).await, Ok(with_status(200)));
    assert!((900..8000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(post(&transport, &url(address)).await, Ok(with_status(200)));
    assert_eq!(log.connections(), 2);
}

#[tokio::test]
async fn endless_or_malformed_head_is_not_http() {
    let long: &'static str = Box::leak(format!("HTTP/1.1 200 OK\r\nx: {}", "a".repeat(100_000)).into());
    let long: &'static [&'static str] = Box::leak(Box::new([long]));
    for reply in [&["SSH-2.0-OpenSSH_9.2\r\n"][..], long] {
        let (address, _) = peer(reply, true).await;
        assert_eq!(post(&to_loopback(), &url(address)).await, Err(WebhookFailure::NotHttp));
    }
}

#[tokio::test]
async fn connection_closed_before_the_response_is_incomplete() {
    for reply in [&["HTTP/1.1 200"][..], &[""]] {
        let (address, _) = peer(reply, false).await;
        assert_eq!(post(&to_loopback(), &url(address)).await, Err(WebhookFailure::Incomplete));
    }
}

#[tokio::test]
async fn refused_connection_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(
        post(&to_loopback(), &url(address)).await,
        Err(WebhookFailure::Connect(io::ErrorKind::ConnectionRefused))
    );
}

#[tokio::test]
async fn connection_is_pooled_and_the_name_resolved_once_per_connection() {
    let (address, log) = peer(&[OK], true).await;
    let resolver = Scripted::new(&["127.0.0.1", "127.0.0.2"]);
    let transport = transport(&["127.0.0.1"], Arc::<Scripted>::clone(&resolver), None);
    for _ in 0..3 {
        assert_eq!(post(&transport, &url(address)).await, Ok(with_status(200)));
    }
    assert_eq!((log.connections(), resolver.calls.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn name_that_is_rebound_to_a_restricted_address_is_refused_at_the_next_connection() {
    // The listener would accept at the second address too.
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            read_request(&mut stream).await;
            drop(stream.write_all(OK.as_bytes()).await);
        }
    });
    let resolver = Scripted::new(&["127.0.0.1", "127.0.0.2"]);
    let transport = transport(&["127.0.0.1"], Arc::<Scripted>::clone(&resolver), None);
    let url = format!("http://{NAME}:{port}/");
    assert_eq!(post(&transport, &url).await, Ok(with_status(200)));
    sleep(Duration::from_millis(100)).await; // the peer closes the connection
    assert_eq!(post(&transport, &url).await, Err(WebhookFailure::Restricted(Restricted::Loopback)));
    assert_eq!((accepted.load(Ordering::SeqCst), resolver.calls.load(Ordering::SeqCst)), (1, 2));
}

#[tokio::test]
async fn http_is_refused_by_a_transport_that_permits_https_only() {
    let (address, log) = peer(&[OK], true).await;
    let policy = Policy { allow_http: false, ..policy(&["127.0.0.1"]) };
    let settings = TransportSettings::new(policy, Scripted::new(&["127.0.0.1"]));
    let strict = HttpTransport::new(settings).unwrap();
    assert_eq!(post(&strict, &url(address)).await, Err(WebhookFailure::Tls));
    assert_eq!(log.connections(), 0);
}

#[tokio::test]
async fn header_with_a_line_end_is_refused() {
    let (address, log) = peer(&[OK], true).await;
    let url = TargetUrl::parse(&url(address), &policy(&[])).unwrap();
    for (id, signature) in [("evt\r\nx: y", "v1,a"), ("evt_1", "v1,a\n")] {
        let headers = WebhookHeaders { id: id.into(), timestamp: NOW, signature: signature.into() };
        let result = to_loopback().post(&url, &headers, Bytes::from_static(BODY)).await;
        assert_eq!(result, Err(WebhookFailure::Header));
    }
    assert_eq!(log.connections(), 0);
}

/// Starts a peer behind TLS with a certificate for `name`. Returns the authority's certificate in PEM.
async fn tls_peer(name: &str) -> (SocketAddr, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                read_request(&mut stream).await;
                drop(stream.write_all(OK.as_bytes()).await);
                drop(stream.flush().await);
                sleep(Duration::from_secs(5)).await;
            });
        }
    });
    (address, authority.pem())
}

fn https(address: SocketAddr) -> String {
    format!("https://{NAME}:{}/hook", address.port())
}

#[tokio::test]
async fn tls_certificate_of_the_extra_authority_is_trusted() {
    let (address, authority) = tls_peer(NAME).await;
    let resolver = Scripted::new(&["127.0.0.1"]);
    let trusting = transport(&["127.0.0.1"], resolver, Some(&authority));
    assert_eq!(post(&trusting, &https(address)).await, Ok(with_status(200)));
    assert_eq!(post(&to_loopback(), &https(address)).await, Err(WebhookFailure::Certificate));
}

#[tokio::test]
async fn tls_certificate_of_another_host_is_refused() {
    let (address, authority) = tls_peer("other.example.test").await;
    let trusting = transport(&["127.0.0.1"], Scripted::new(&["127.0.0.1"]), Some(&authority));
    assert_eq!(post(&trusting, &https(address)).await, Err(WebhookFailure::Certificate));
}

#[tokio::test]
async fn peer_without_tls_fails_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
            drop(stream.read(&mut [0; 4096]).await);
        }
    });
    assert_eq!(post(&to_loopback(), &https(address)).await, Err(WebhookFailure::Tls));
}

#[test]
fn extra_authority_must_be_a_certificate() {
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let settings = TransportSettings::new(Policy::default(), Scripted::new(&["127.0.0.1"]));
        let settings = TransportSettings { extra_ca: Some(pem), ..settings };
        assert_eq!(HttpTransport::new(settings).err(), Some(SetupError::ExtraCa), "{pem}");
    }
}

#[tokio::test]
async fn failures_do_not_print_the_url() {
    let (address, _) = peer(&["nonsense\r\n\r\n"], true).await;
    let failure = post(&to_loopback(), &url(address)).await.unwrap_err();
    let printed = format!("{failure} {failure:?}");
    assert!(!printed.contains("PLANTED") && !printed.contains(NAME), "{printed}");
    let restricted = WebhookFailure::Restricted(Restricted::Private).to_string();
    assert_eq!(
        restricted,
        "the URL must not lead to a private address: use a public host, or allow the network in the settings"
    );
}
