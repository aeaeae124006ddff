//! Where cryptography runs: never while the memory is locked, and for a private key that may block, never on the
//! runtime's threads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod common;

use common::v3::{
    API_V3_KEY, MCHID, Platform, certificates, merchant_private_key, merchant_with, paid, sealed_for_merchant,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    panic::resume_unwind,
    sync::{Arc, Barrier, Condvar, Mutex, OnceLock, mpsc},
    thread,
    time::Duration,
};
use tokio::{io::AsyncWriteExt as _, runtime};
use tower_service::Service as _;
use wxpay_aws_lc::AwsLc;
use wxpay_hyper::{Client, WxPay};
use wxpay_proto::{
    Fen,
    crypto::{CryptoProvider as _, InvalidSignature, PrivateKey, Unavailable},
    http::Method,
    secret::Secret,
    v3::{
        Merchant, Raw, Sensitive,
        bill::{AccountType, BillReply, SubMerchantFundFlowBill},
        pay::{IdentityKind, JsapiOrder, Order, Payer},
    },
};
use wxpay_testkit::watch::watched_by;

/// The key of the bill's only part.
const PART_KEY: [u8; 32] = [7; 32];
// `printf foo | sha1sum`
const PART_SHA1: &str = "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33";

/// Starts a gateway that replies to every request of [`run_every_kind`]. Returns its address and the request lines.
async fn gateway() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let (requests, own_address) = (Arc::new(Mutex::new(Vec::new())), Arc::new(OnceLock::<SocketAddr>::new()));
    let (recording, known_address) = (Arc::clone(&requests), Arc::clone(&own_address));
    let address = common::peer(move |mut stream| {
        let (requests, own_address) = (Arc::clone(&recording), Arc::clone(&known_address));
        async move {
            loop {
                let request = common::read_request(&mut stream).await;
                let Some(target) = request.split(' ').nth(1) else { return };
                requests.lock().unwrap().push(target.to_owned());
                if stream.write_all(&reply(target, *own_address.get().unwrap())).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    own_address.set(address).unwrap();
    (address, requests)
}

fn reply(target: &str, gateway: SocketAddr) -> Vec<u8> {
    let platform = Platform::with_certificate(2);
    let signed = |body: &str| platform.reply("200 OK", body).into_bytes();
    match target.split('?').next().unwrap() {
        "/v3/certificates" => certificates(API_V3_KEY, &[platform]).into_bytes(),
        "/v3/pay/transactions/jsapi" => signed(r#"{"prepay_id":"wx201410272009395522657a690389285100"}"#),
        "/v3/bill/sub-merchant-fundflowbill" => signed(&format!(
            r#"{{"download_bill_count":1,"download_bill_list":[{{"bill_sequence":1,"download_url":"http://{gateway}/v3/billdownload/file?token=x","encrypt_key":"{}","hash_type":"SHA1","hash_value":"{PART_SHA1}","nonce":"0123456789ab"}}]}}"#,
            sealed_for_merchant(&PART_KEY)
        )),
        "/v3/billdownload/file" => {
            let part = AwsLc.symmetric_key(&Secret::new(PART_KEY)).seal(b"0123456789ab", b"", b"foo");
            [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", part.len()).as_bytes(), &part].concat()
        }
        _ => signed("{}"),
    }
}

/// A JSAPI order with sealed fields.
fn jsapi_order() -> JsapiOrder {
    let order = Order::new("ORDER-0001".parse().unwrap(), Fen::new(1999), "千足金箍棒")
        .unwrap()
        .appid("wxd678efh567hg6787".parse().unwrap())
        .notify_url("https://shop.example/notify".parse().unwrap());
    let text = |text: &str| Sensitive::new(text.to_owned()).unwrap();
    let payer = Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap()).identity(
        IdentityKind::Idcard,
        text("110101199003070000"),
        text("张三"),
    );
    JsapiOrder::new(order, payer).unwrap()
}

/// Runs flows of every kind: key fetch, sealed fields, the second signature of a JSAPI order, an encrypted bill, a
/// notification through the service, and a refresh of keys.
async fn run_every_kind(client: &Client, merchant: &Merchant) {
    client.run(merchant.call(jsapi_order())).await.unwrap();

    let bill = SubMerchantFundFlowBill::new(
        "1900000110".parse().unwrap(),
        "2026-11-23".parse().unwrap(),
        AccountType::Basic,
    );
    let BillReply::Ready(parts) = client.run(merchant.call(bill)).await.unwrap() else { panic!() };
    let part = client.run(merchant.open_bill_part(&parts[0])).await.unwrap();
    assert_eq!(part.bytes, b"foo");

    let wxpay = WxPay::new(client.clone(), merchant.clone());
    let mut notifications = wxpay.notifications(|_| async { Ok::<(), &str>(()) });
    let Ok(response) = notifications.call(notification_request()).await;
    assert_eq!(response.status(), 204);

    client.run(merchant.refresh_platform_keys()).await.unwrap();
}

fn notification_request() -> http::Request<http_body_util::Full<bytes::Bytes>> {
    let body = paid(MCHID, API_V3_KEY, "ORDER-1");
    let headers = Platform::with_certificate(2).signature_headers(common::now().as_secs(), &body);
    let request = headers
        .into_iter()
        .fold(http::Request::post("/notify"), |request, (name, value)| request.header(name, value));
    request.body(body.into()).unwrap()
}

fn client() -> Client {
    Client::builder().build().unwrap()
}

/// Panics if the memory of the client is locked. A mutex can be tried only from another thread.
fn assert_unlocked(client: &Client, operation: &str) {
    let (client, (unlocked, waiting)) = (client.clone(), mpsc::channel());
    thread::spawn(move || {
        client.memory(|_| ());
        let _ = unlocked.send(());
    });
    assert!(
        waiting.recv_timeout(Duration::from_secs(5)).is_ok(),
        "the memory is locked during {operation:?}"
    );
}

#[tokio::test]
async fn no_cryptography_runs_while_the_memory_is_locked() {
    let (address, _) = gateway().await;
    let (client, counts) = (client(), Arc::new(Mutex::new(BTreeMap::<&str, u32>::new())));
    let (watched_client, counting) = (client.clone(), Arc::clone(&counts));
    let provider = watched_by(AwsLc, move |operation| {
        *counting.lock().unwrap().entry(operation).or_default() += 1;
        assert_unlocked(&watched_client, operation);
    });
    let private_key = merchant_private_key(&*provider);
    let merchant =
        merchant_with(provider, private_key, MCHID, API_V3_KEY, &format!("http://{address}")).build();
    run_every_kind(&client, &merchant).await;

    let counts = counts.lock().unwrap();
    for (operation, times) in [
        ("parse a public key", 1),
        // The APIv3 key, and that of the bill's part.
        ("create a symmetric key", 2),
        // The order, its parameters, the certificates, the bill and its part.
        ("sign", 5),
        ("open a sealed field", 1),
        // The replies with the certificates, the order and the bill, and the notification.
        ("verify", 4),
        ("seal a field", 2),
        // The certificate, the part of the bill, and the notification.
        ("decrypt", 3),
    ] {
        assert!(counts.get(operation) >= Some(&times), "{operation}: {counts:?}");
    }
}

/// A private key that may block. It calls `watch` before each operation.
struct BlockingKey<W> {
    watch: W,
    key: Arc<dyn PrivateKey>,
}

impl<W> fmt::Debug for BlockingKey<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingKey").finish_non_exhaustive()
    }
}

impl<W: Fn() + Send + Sync> PrivateKey for BlockingKey<W> {
    fn may_block(&self) -> bool {
        true
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        (self.watch)();
        self.key.sign(message)
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        (self.watch)();
        self.key.open(sealed)
    }
}

fn blocking_merchant(gateway: SocketAddr, watch: impl Fn() + Send + Sync + 'static) -> Merchant {
    let key = BlockingKey { watch, key: merchant_private_key(&AwsLc) };
    merchant_with(Arc::new(AwsLc), Arc::new(key), MCHID, API_V3_KEY, &format!("http://{gateway}")).build()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn blocking_key_runs_on_none_of_the_threads_that_run_tasks() {
    let workers = Arc::new(Barrier::new(4));
    let ids = (0..4).map(|_| {
        let workers = Arc::clone(&workers);
        tokio::spawn(async move {
            // All four wait at once, so that each is on a thread of its own.
            workers.wait();
            thread::current().id()
        })
    });
    let mut worker_ids = BTreeSet::new();
    for id in ids.collect::<Vec<_>>() {
        worker_ids.insert(format!("{:?}", id.await.unwrap()));
    }
    assert_eq!(worker_ids.len(), 4);

    let (address, _) = gateway().await;
    let used_ids = Arc::new(Mutex::new(BTreeSet::new()));
    let recording = Arc::clone(&used_ids);
    let merchant = blocking_merchant(address, move || {
        recording.lock().unwrap().insert(format!("{:?}", thread::current().id()));
    });
    let client = client();
    tokio::spawn(async move { run_every_kind(&client, &merchant).await }).await.unwrap();
    let used_ids = used_ids.lock().unwrap();
    assert!(!used_ids.is_empty());
    assert!(used_ids.is_disjoint(&worker_ids), "{used_ids:?} {worker_ids:?}");
}

/// A lock that operations of a key wait at until it is opened.
#[derive(Default)]
struct Gate {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    fn wait(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        self.changed.notify_all();
        // A runtime that a key blocks cannot open the gate: the test fails then, and does not hang.
        let timeout = Duration::from_secs(30);
        let (state, _) = self.changed.wait_timeout_while(state, timeout, |state| !state.1).unwrap();
        assert!(state.1, "the gate must be opened while a key waits");
    }

    fn waiting(&self) -> usize {
        self.state.lock().unwrap().0
    }

    fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

fn gated_merchant(gateway: SocketAddr) -> (Merchant, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let waiting = Arc::clone(&gate);
    (blocking_merchant(gateway, move || waiting.wait()), gate)
}

fn raw_call() -> Raw {
    Raw::new(Method::Get, "/v3/x").unwrap()
}

async fn until_waiting(gate: &Gate, operations: usize) {
    while gate.waiting() < operations {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// On a runtime of one thread: if a key blocked it, neither the other calls nor this task would get there.
#[tokio::test]
async fn blocking_keys_wait_side_by_side_and_tasks_run_meanwhile() {
    let (address, _) = gateway().await;
    let ((merchant, gate), client) = (gated_merchant(address), client());
    let calls = (0..16).map(|_| {
        let (client, merchant) = (client.clone(), merchant.clone());
        tokio::spawn(async move { client.run(merchant.call(raw_call())).await })
    });
    let calls: Vec<_> = calls.collect();
    tokio::time::timeout(Duration::from_secs(20), until_waiting(&gate, 16)).await.unwrap();
    assert!(calls.iter().all(|call| !call.is_finished()));
    gate.open();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn panic_in_a_blocking_key_reaches_the_caller_and_the_client_stays_usable() {
    let (address, _) = gateway().await;
    let (client, panics) = (client(), Arc::new(Mutex::new(true)));
    let panicking = Arc::clone(&panics);
    let merchant = blocking_merchant(address, move || {
        let panics = *panicking.lock().unwrap();
        assert!(!panics, "on purpose");
    });
    let (running, flow) = (client.clone(), merchant.call(raw_call()));
    let error = tokio::spawn(async move { running.run(flow).await }).await.unwrap_err();
    assert_eq!(error.into_panic().downcast_ref::<&str>(), Some(&"on purpose"));
    *panics.lock().unwrap() = false;
    client.run(merchant.call(raw_call())).await.unwrap();
}

#[tokio::test]
async fn dropped_call_sends_nothing_after_its_key_answers() {
    let (address, requests) = gateway().await;
    let ((merchant, gate), client) = (gated_merchant(address), client());
    let (running, flow) = (client.clone(), merchant.call(raw_call()));
    let call = tokio::spawn(async move { running.run(flow).await });
    until_waiting(&gate, 1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    gate.open();
    client.run(merchant.call(raw_call())).await.unwrap();
    assert_eq!(*requests.lock().unwrap(), ["/v3/x", "/v3/certificates"], "the dropped call must not be sent");
}

/// A notification is verified in tasks that outlive the request, so a dropped one must release what it claimed.
#[tokio::test]
async fn dropped_notification_does_not_block_the_next_one() {
    let (address, requests) = gateway().await;
    let ((merchant, gate), client) = (gated_merchant(address), client());
    let notifications = WxPay::new(client, merchant).notifications(|_| async { Ok::<(), &str>(()) });
    let mut service = notifications.clone();
    // The key signs the request for the certificates.
    let first = tokio::spawn(async move { service.call(notification_request()).await });
    until_waiting(&gate, 1).await;
    first.abort();
    drop(first.await);
    gate.open();
    let mut service = notifications.clone();
    let Ok(response) = service.call(notification_request()).await;
    assert_eq!(response.status(), 204);
    assert_eq!(*requests.lock().unwrap(), ["/v3/certificates"]);
}

#[test]
fn runtime_shuts_down_while_a_key_blocks() {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let gate = runtime.block_on(async {
        let (address, _) = gateway().await;
        let ((merchant, gate), client) = (gated_merchant(address), client());
        for _ in 0..3 {
            let (client, merchant) = (client.clone(), merchant.clone());
            drop(tokio::spawn(async move { client.run(merchant.call(raw_call())).await }));
        }
        until_waiting(&gate, 3).await;
        gate
    });
    let (stopped, waiting) = mpsc::channel();
    let stopping = thread::spawn(move || {
        runtime.shutdown_timeout(Duration::from_millis(50));
        let _ = stopped.send(());
    });
    let is_stopped = waiting.recv_timeout(Duration::from_secs(20)).is_ok();
    gate.open();
    stopping.join().unwrap_or_else(|panic| resume_unwind(panic));
    assert!(is_stopped, "the shutdown must not wait for the key beyond its timeout");
}
