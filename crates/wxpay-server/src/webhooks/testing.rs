//! Support of this module's tests: a ledger in memory, time that tokio controls, and a peer in memory.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests fail by panicking")]

use super::{
    BoxFuture, context,
    deliver::{self, Parts},
    endpoints::{Caller, Endpoints, NewEndpoint},
    events::{EventPosition, last_position, read_events},
    filter::Merchants,
    secrets::{SealingError, SecretBox},
    send::{WebhookFailure, WebhookResponse, WebhookTransport},
    signature::{SigningSecret, WebhookHeaders},
    target::{Policy, TargetUrl},
};
use crate::{
    ambient::Ambient,
    engine::{Ledger, model::Model},
    ledger::{
        Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Prefix, Rows,
        emit::event as outbox_event,
        events::NumberEvents,
        rows::{
            event::{EVENT_LOG, EventRow, EventType, OutboxRow},
            webhook::{AttemptRow, DeferredRow, EndpointRow, EndpointStatus},
        },
    },
    observe::metrics::Metrics,
    serve::Shutdown,
    tasks::Leases,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};
use wxpay_proto::{UnixTime, entropy::Entropy, secret::Secret};
use zeroize::Zeroizing;

/// The time at which every test begins.
pub(super) const NOW: UnixTime = UnixTime::from_secs(1_785_000_000);

/// Takes the time from tokio, so that paused time moves it, and counts in place of randomness.
#[derive(Debug)]
pub(super) struct TestAmbient {
    began: Instant,
    drawn: AtomicU64,
}

impl Ambient for TestAmbient {
    fn now(&self) -> UnixTime {
        NOW.after(self.began.elapsed())
    }

    fn entropy(&self) -> Entropy {
        let mut fresh = [0; 32];
        fresh[..8].copy_from_slice(&self.drawn.fetch_add(1, Ordering::SeqCst).to_le_bytes());
        Entropy::new(fresh)
    }
}

/// Encodes in place of sealing.
#[derive(Debug)]
pub(super) struct PlainBox;

impl SecretBox for PlainBox {
    fn seal(&self, endpoint: &str, plain: &[u8], _: [u8; 12]) -> Result<String, SealingError> {
        Ok(format!("{endpoint}|{}", STANDARD.encode(plain)))
    }

    fn open(&self, endpoint: &str, sealed: &str) -> Result<Secret<Vec<u8>>, SealingError> {
        let encoded = sealed.strip_prefix(endpoint).and_then(|rest| rest.strip_prefix('|'));
        let encoded = encoded.ok_or_else(|| SealingError("modified".into()))?;
        Ok(Secret::new(STANDARD.decode(encoded).unwrap()))
    }
}

/// A request that the peer received.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) url: String,
    pub(super) headers: WebhookHeaders,
    pub(super) body: String,
    /// The time since the test began.
    pub(super) after: Duration,
    /// The number of requests with this id before.
    pub(super) earlier: usize,
    pub(super) number: String,
    pub(super) seq: u64,
    /// The status of the reply, after it was sent.
    pub(super) status: Option<u16>,
}

pub(super) type Reply = Result<WebhookResponse, WebhookFailure>;
type Behaviour = dyn FnMut(&Received) -> (Duration, Reply) + Send;

/// The shop's server in memory.
pub(super) struct Peer {
    ambient: Arc<TestAmbient>,
    behaviour: Mutex<Box<Behaviour>>,
    log: Mutex<Vec<Received>>,
    in_progress: AtomicU64,
    most_in_progress: AtomicU64,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer")
    }
}

/// Counts a request as in progress until it is dropped.
struct InProgress<'a>(&'a Peer);

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Ordering::SeqCst);
    }
}

impl WebhookTransport for Peer {
    fn post<'a>(
        &'a self,
        target: &'a TargetUrl,
        headers: &'a WebhookHeaders,
        body: Bytes,
    ) -> BoxFuture<'a, Result<WebhookResponse, WebhookFailure>> {
        Box::pin(async move {
            let in_progress = self.in_progress.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_in_progress.fetch_max(in_progress, Ordering::SeqCst);
            let _guard = InProgress(self);
            let body = String::from_utf8(body.to_vec()).unwrap();
            let value: Value = serde_json::from_str(&body).unwrap();
            let (index, (delay, reply)) = {
                let mut log = self.log.lock().unwrap();
                let received = Received {
                    url: target.uri().to_string(),
                    headers: headers.clone(),
                    after: self.ambient.now().since(NOW),
                    earlier: log.iter().filter(|other| other.headers.id == headers.id).count(),
                    number: value["data"]["object"]["out_trade_no"].as_str().unwrap_or_default().into(),
                    seq: value["data"]["seq"].as_u64().unwrap(),
                    status: None,
                    body,
                };
                let reply = self.behaviour.lock().unwrap()(&received);
                log.push(received);
                (log.len() - 1, reply)
            };
            // The request and the reply take time, even if the clock does not move.
            tokio::task::yield_now().await;
            if delay > Duration::ZERO {
                sleep(delay).await;
            }
            self.log.lock().unwrap()[index].status = reply.as_ref().ok().map(|reply| reply.status);
            tokio::task::yield_now().await;
            reply
        })
    }
}

#[allow(clippy::unnecessary_wraps, reason = "it is one of the replies")]
pub(super) fn status(status: u16) -> Reply {
    Ok(WebhookResponse { status, retry_after: None, excerpt: Some(format!("status {status}")) })
}

impl Peer {
    pub(super) fn behave(&self, behaviour: impl FnMut(&Received) -> (Duration, Reply) + Send + 'static) {
        *self.behaviour.lock().unwrap() = Box::new(behaviour);
    }

    /// Replies at once.
    pub(super) fn reply(&self, mut reply: impl FnMut(&Received) -> Reply + Send + 'static) {
        self.behave(move |received| (Duration::ZERO, reply(received)));
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.log.lock().unwrap().clone()
    }

    pub(super) fn forget(&self) {
        self.log.lock().unwrap().clear();
    }

    pub(super) fn most_in_progress(&self) -> u64 {
        self.most_in_progress.load(Ordering::SeqCst)
    }

    /// Returns the accepted events: number and `seq`, in order, without repetitions.
    pub(super) fn accepted(&self) -> Vec<(String, u64)> {
        let mut accepted = Vec::new();
        for received in self.received() {
            let event = (received.number, received.seq);
            if received.status.is_some_and(|status| (200..300).contains(&status))
                && !accepted.contains(&event)
            {
                accepted.push(event);
            }
        }
        accepted
    }

    /// Checks that the events of each subject were accepted in order.
    pub(super) fn check_order(&self) {
        let mut last = BTreeMap::new();
        for (number, seq) in self.accepted() {
            let before = last.insert(number.clone(), seq).unwrap_or(0);
            assert_eq!(before + 1, seq, "{number}: {:?}", self.accepted());
        }
    }
}

/// Puts events into the outbox.
#[derive(Clone, Debug)]
struct PutOutbox(Vec<OutboxRow>);

impl Operation for PutOutbox {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        Vec::new()
    }

    fn decide(&self, _: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        let mut changes = Changes::default();
        self.0.iter().for_each(|row| changes.insert(row));
        Ok(Decision { changes, output: () })
    }
}

/// A ledger, a peer, and the parts that deliver to it.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) model: Model,
    pub(super) ambient: Arc<TestAmbient>,
    pub(super) peer: Arc<Peer>,
    pub(super) shutdown: Shutdown,
    pub(super) metrics: Metrics,
    numbered: watch::Sender<u64>,
    emitted: Mutex<Vec<OutboxRow>>,
}

impl Fixture {
    /// Creates a fixture whose peer accepts everything.
    pub(super) fn new() -> Self {
        let ambient = Arc::new(TestAmbient { began: Instant::now(), drawn: AtomicU64::new(0) });
        let peer = Peer {
            ambient: Arc::clone(&ambient),
            behaviour: Mutex::new(Box::new(|_| (Duration::ZERO, status(204)))),
            log: Mutex::default(),
            in_progress: AtomicU64::new(0),
            most_in_progress: AtomicU64::new(0),
        };
        Self {
            model: Model::new(),
            peer: Arc::new(peer),
            ambient,
            shutdown: Shutdown::new(),
            metrics: Metrics::new(),
            numbered: watch::Sender::new(0),
            emitted: Mutex::default(),
        }
    }

    pub(super) fn ledger(&self) -> Ledger {
        self.model.clone().into()
    }

    pub(super) fn numbered(&self) -> watch::Receiver<u64> {
        self.numbered.subscribe()
    }

    pub(super) fn endpoints(&self) -> Endpoints {
        Endpoints {
            ledger: self.ledger(),
            ambient: Arc::<TestAmbient>::clone(&self.ambient),
            transport: Arc::<Peer>::clone(&self.peer),
            secrets: Arc::new(PlainBox),
            policy: Policy::default(),
        }
    }

    /// Creates an endpoint of all events. Returns its id and secret.
    pub(super) async fn endpoint(&self) -> (String, String) {
        let new = NewEndpoint { url: "https://shop.example/hooks".into(), merchant: None, types: Vec::new() };
        let record = self.endpoints().create(&caller(), new).await.unwrap();
        (record["endpoint"].as_str().unwrap().into(), record["secret"].as_str().unwrap().into())
    }

    /// Emits an event of an order. It is numbered by [`number`](Self::number).
    pub(super) fn emit(&self, number: &str, seq: u64, event_type: EventType) {
        let key = OrderKey::new("shop1".parse().unwrap(), number.parse().unwrap());
        let object = json!({ "object": "order", "out_trade_no": number });
        let row = outbox_event(
            key.shard(),
            key.subject(),
            seq,
            key.merchant,
            event_type,
            &object,
            self.ambient.now(),
        );
        self.emitted.lock().unwrap().push(row);
    }

    /// Numbers the emitted events, in their order.
    pub(super) async fn number(&self) {
        let outbox = std::mem::take(&mut *self.emitted.lock().unwrap());
        let ledger = self.ledger();
        for outbox in outbox.chunks(500) {
            let outbox = outbox.to_vec();
            ledger.run(PutOutbox(outbox.clone()), context(&*self.ambient)).await.unwrap();
            let number = NumberEvents { outbox, lease: None };
            ledger.run(number, context(&*self.ambient)).await.unwrap();
        }
        self.numbered.send_replace(last_position(&ledger).await.unwrap().position);
    }

    /// Emits and numbers `count` paid events of each order, those of the first `seq` first.
    pub(super) async fn emit_all(&self, numbers: &[&str], seqs: std::ops::RangeInclusive<u64>) {
        for seq in seqs {
            for number in numbers {
                self.emit(number, seq, EventType::OrderPaid);
            }
            self.number().await;
        }
    }

    pub(super) fn parts(&self) -> Parts {
        Parts {
            ledger: self.ledger(),
            ambient: Arc::<TestAmbient>::clone(&self.ambient),
            transport: Arc::<Peer>::clone(&self.peer),
            secrets: Arc::new(PlainBox),
            policy: Policy::default(),
            metrics: self.metrics.clone(),
            shutdown: self.shutdown.clone(),
            numbered: self.numbered(),
            leases: Leases::of_event_log(),
        }
    }

    /// Starts the deliveries.
    pub(super) fn start(&self) -> JoinHandle<()> {
        tokio::spawn(deliver::run(self.parts()))
    }

    /// Lets time pass.
    pub(super) async fn advance(&self, duration: Duration) {
        sleep(duration).await;
    }

    pub(super) async fn row(&self, endpoint: &str) -> EndpointRow {
        self.ledger().load(EndpointRow::of(endpoint)).await.unwrap().pop().unwrap()
    }

    pub(super) async fn deferred(&self, endpoint: &str) -> Vec<DeferredRow> {
        self.ledger().load(DeferredRow::of(endpoint)).await.unwrap()
    }

    pub(super) async fn attempts(&self) -> Vec<AttemptRow> {
        self.ledger().load(Prefix::all()).await.unwrap()
    }

    pub(super) async fn events(&self) -> Vec<EventRow> {
        read_events(&self.ledger(), EventPosition::default(), 10_000).await.unwrap()
    }
}

/// Returns the caller of an API key for all merchants.
pub(super) fn caller() -> Caller {
    Caller { actor: "key_1".into(), merchants: Merchants::All }
}

pub(super) fn secret(byte: u8) -> SigningSecret {
    SigningSecret::from_random(&Zeroizing::new([byte; 32]))
}

/// Returns an event of an order.
pub(super) fn event(number: &str, position: u64, seq: u64) -> EventRow {
    let key = OrderKey::new("shop1".parse().unwrap(), number.parse().unwrap());
    let data = json!({ "object": "order", "out_trade_no": number });
    let subject = key.subject();
    let row = outbox_event(key.shard(), subject, seq, key.merchant, EventType::OrderPaid, &data, NOW);
    EventRow {
        month: 202_607,
        log: EVENT_LOG,
        position,
        id: row.id,
        merchant: row.merchant,
        subject: row.subject,
        seq,
        event_type: row.event_type,
        data: row.data,
        at: NOW,
    }
}

/// Returns an endpoint of all events.
pub(super) fn endpoint_row(id: &str) -> EndpointRow {
    EndpointRow {
        endpoint: id.into(),
        merchant: None,
        url: "https://shop.example/hooks".into(),
        types: String::new(),
        sealed_secrets: String::new(),
        status: EndpointStatus::Enabled,
        failing_since: None,
        version: 1,
        created_at: NOW,
    }
}
