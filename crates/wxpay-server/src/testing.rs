//! The server's logic with the simulated gateway as its network, in virtual time.

#![allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]

use crate::{
    actions::{ActionError, PlaceRequest, PlacedOrder, RefundRequest, RequestedRefund},
    ambient::Ambient,
    app::{App, Parts, Settings},
    channels::{Channel, Terms},
    engine::{Ledger, model::Model},
    ledger::{OrderKey, Prefix, Table, order::OrderState, rows::event::OutboxRow},
    merchants::{
        AppSettings, Merchant, MerchantKeys, MerchantSettings, Origin, Registry,
        Upstream as MerchantUpstream, V1Settings, Vault, seal::SealingKeys,
    },
    notify::Incoming,
    observe::metrics::Metrics,
    serve::Shutdown,
    upstream::{
        Upstream,
        tokens::{SharedTokens, Store, TokenParts},
    },
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, sleep, timeout};
use wxpay_hyper::Transport;
use wxpay_proto::{
    Fen, UnixTime,
    entropy::Entropy,
    exchange::{Failure, Reply, Transmit},
    http::Response,
    id::OutTradeNo,
    secret::Secret,
};
use wxpay_sim::{
    Gateway, Outcome, Settings as SimSettings,
    environment::Environment,
    gateway::{OrderRef, Payer},
    keys::KeySource,
    ledger::OrderRecord,
    notifications::{Delivery, DeliveryResult},
};

/// The time at which a world begins.
pub(crate) const START: UnixTime = UnixTime::from_secs(1_795_968_000);
/// The time between a request and its reply.
pub(crate) const LATENCY: Duration = Duration::from_millis(80);

/// A clock that runs with tokio's, and can be set ahead of the gateway's; and randomness that repeats itself.
#[derive(Debug)]
pub(crate) struct TestAmbient {
    began: Instant,
    state: Mutex<AmbientState>,
}

#[derive(Debug, Default)]
struct AmbientState {
    /// The difference to the gateway's clock.
    ahead: Duration,
    draws: u64,
}

impl TestAmbient {
    /// Sets the server's clock ahead of the gateway's.
    pub(crate) fn set_ahead(&self, by: Duration) {
        self.state.lock().unwrap().ahead = by;
    }

    /// Returns the gateway's time.
    pub(crate) fn true_now(&self) -> UnixTime {
        START.after(self.began.elapsed())
    }
}

impl Ambient for TestAmbient {
    fn now(&self) -> UnixTime {
        self.true_now().after(self.state.lock().unwrap().ahead)
    }

    fn entropy(&self) -> Entropy {
        let mut state = self.state.lock().unwrap();
        state.draws += 1;
        Entropy::new(Sha256::digest(state.draws.to_le_bytes()).into())
    }
}

/// A fault of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetFault {
    /// No connection is made.
    NotSent,
    /// The request is lost on its way.
    RequestLost,
    /// The request is carried out, and its reply is lost.
    ReplyLost,
    /// The request is carried out, and a proxy answers with a refusal as the gateway's check of fields sends it.
    UnsignedRefusal,
    /// The request is not carried out, and the gateway's check of fields refuses it.
    RefusedByFieldCheck,
}

/// The simulated gateway as a network.
#[derive(Debug)]
pub(crate) struct SimNetwork {
    ambient: Arc<TestAmbient>,
    state: Mutex<NetworkState>,
}

#[derive(Debug)]
struct NetworkState {
    gateway: Gateway,
    /// Faults by the label of the request, each for one request, in order.
    faults: VecDeque<(String, NetFault)>,
    is_down: bool,
    sent: Vec<&'static str>,
    early: Vec<Delivery>,
}

impl SimNetwork {
    fn state(&self) -> MutexGuard<'_, NetworkState> {
        self.state.lock().unwrap()
    }

    fn fault(&self, label: &'static str) -> Option<NetFault> {
        let mut state = self.state();
        state.sent.push(label);
        if state.is_down {
            return Some(NetFault::NotSent);
        }
        let position = state.faults.iter().position(|(wanted, _)| wanted == label)?;
        state.faults.remove(position).map(|(_, fault)| fault)
    }

    fn answer(&self, transmit: &Transmit) -> Outcome {
        let now = self.ambient.true_now();
        let mut state = self.state();
        let outcome = state.gateway.answer(&transmit.request, now);
        if matches!(outcome, Outcome::AfterNotifications(_)) {
            let due = state.gateway.due_deliveries(now);
            state.early.extend(due);
        }
        outcome
    }

    async fn exchange(&self, transmit: Transmit) -> Reply {
        let lost = |reason: &'static str| Err(Failure::Lost(reason.into()));
        let fault = self.fault(transmit.label);
        if fault == Some(NetFault::NotSent) {
            return Err(Failure::NotSent("connection refused".into()));
        }
        sleep(LATENCY / 2).await;
        if fault == Some(NetFault::RequestLost) {
            return lost("the request was lost");
        }
        let refusal = || Response::new(400, br#"{"code":"PARAM_ERROR","message":"no"}"#.to_vec());
        if fault == Some(NetFault::RefusedByFieldCheck) {
            return Ok(refusal());
        }
        let outcome = self.answer(&transmit);
        sleep(LATENCY / 2).await;
        if fault == Some(NetFault::ReplyLost) {
            return lost("the reply was lost");
        }
        if fault == Some(NetFault::UnsignedRefusal) {
            return Ok(refusal());
        }
        match outcome {
            Outcome::Reply(reply) | Outcome::AfterNotifications(reply) | Outcome::Slow(reply, _) => Ok(reply),
            Outcome::Delayed(reply, delay) => {
                sleep(delay).await;
                Ok(reply)
            }
            Outcome::Truncated(..) => lost("the connection broke"),
            Outcome::ConnectionClosed { .. } | Outcome::ConnectionReset { .. } => {
                lost("the connection broke")
            }
            Outcome::ConnectionRefused(_) => Err(Failure::NotSent("connection refused".into())),
        }
    }
}

impl Transport for SimNetwork {
    fn send(&self, transmit: Transmit) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            let limit = transmit.timeout;
            let reply = timeout(limit, self.exchange(transmit)).await;
            let reply = reply.unwrap_or_else(|_| Err(Failure::Lost("timed out".into())))?;
            let date = SystemTime::UNIX_EPOCH + Duration::from_secs(self.ambient.true_now().as_secs());
            Ok(reply.with_header("date", httpdate::fmt_http_date(date).as_bytes()))
        })
    }
}

/// A server with a model ledger and the merchant `shop1`, and the gateway. Clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct TestWorld {
    pub(crate) app: App,
    pub(crate) model: Model,
    pub(crate) ambient: Arc<TestAmbient>,
    pub(crate) network: Arc<SimNetwork>,
}

impl TestWorld {
    /// Creates a world with an empty ledger.
    pub(crate) fn new() -> Self {
        let ambient = Arc::new(TestAmbient { began: Instant::now(), state: Mutex::default() });
        let mut settings = SimSettings::default();
        settings.v3.key_source = KeySource::Fake;
        settings.v3.rate_limits = false;
        let gateway = Gateway::new(settings, 7);
        let merchant = merchant(&gateway);
        let state = NetworkState {
            gateway,
            faults: VecDeque::new(),
            is_down: false,
            sent: Vec::new(),
            early: Vec::new(),
        };
        let network = Arc::new(SimNetwork { ambient: Arc::clone(&ambient), state: Mutex::new(state) });
        let model = Model::new();
        let app = app(model.clone().into(), &ambient, &network, merchant, Sharing::default());
        Self { app, model, ambient, network }
    }

    /// Returns another process in the same world, which shares access tokens in the stores.
    pub(crate) fn sharing(&self, process: &str, stores: Vec<Store>, sealing: SealingKeys) -> Self {
        let Self { model, ambient, network, .. } = self.clone();
        let merchant = merchant(&network.state().gateway);
        let app =
            app(model.clone().into(), &ambient, &network, merchant, Sharing { process, stores, sealing });
        Self { app, model, ambient, network }
    }

    /// Returns the world after a restart with the ledger `model`.
    pub(crate) fn restarted(self) -> Self {
        let Self { model, ambient, network, .. } = self;
        let merchant = merchant(&network.state().gateway);
        let app = app(model.clone().into(), &ambient, &network, merchant, Sharing::default());
        Self { app, model, ambient, network }
    }

    /// Returns another process on the same ledger.
    pub(crate) fn beside(&self, process: &str) -> App {
        self.on(self.model.clone().into(), process)
    }

    /// Returns another process, on this ledger.
    pub(crate) fn on(&self, ledger: Ledger, process: &str) -> App {
        let merchant = merchant(&self.network.state().gateway);
        app(ledger, &self.ambient, &self.network, merchant, Sharing { process, ..Sharing::default() })
    }

    /// Returns the key of an order.
    pub(crate) fn key(number: &str) -> OrderKey {
        OrderKey::new("shop1".parse().unwrap(), number.parse().unwrap())
    }

    /// Injects a fault into the next request with this label.
    pub(crate) fn inject(&self, label: &str, fault: NetFault) {
        self.network.state().faults.push_back((label.into(), fault));
    }

    /// Injects a fault into this many requests with this label.
    pub(crate) fn inject_many(&self, label: &str, fault: NetFault, count: usize) {
        (0..count).for_each(|_| self.inject(label, fault));
    }

    /// Takes the network down or up.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.network.state().is_down = is_down;
    }

    /// Returns the number of requests with this label that the server sent so far.
    pub(crate) fn sent(&self, label: &str) -> usize {
        self.network.state().sent.iter().filter(|sent| **sent == label).count()
    }

    /// Accesses the gateway.
    pub(crate) fn gateway<T>(&self, access: impl FnOnce(&mut Gateway) -> T) -> T {
        access(&mut self.network.state().gateway)
    }

    /// Returns the terms of a Native order.
    pub(crate) fn terms(number: &str, total: u64) -> Terms {
        Self::terms_of(json!({
            "channel": "native", "out_trade_no": number, "description": "Image", "amount": {"total": total},
        }))
    }

    /// Returns terms.
    pub(crate) fn terms_of(fields: Value) -> Terms {
        let Value::Object(fields) = fields else { panic!("the fields must be an object") };
        Terms::parse(fields).unwrap()
    }

    /// Charges the payer's code. Its last two digits are the payer's behaviour, as the simulator defines it.
    pub(crate) async fn charge(
        &self,
        number: &str,
        total: u64,
        behaviour: &str,
    ) -> Result<PlacedOrder, ActionError> {
        let terms = Self::terms_of(json!({
            "channel": "code", "out_trade_no": number, "description": "Image", "amount": {"total": total},
            "scene_info": {"store_info": {"id": "0001"}},
        }));
        let (merchant, app) = self.app.merchants().find(None, None, Channel::Code, |_| true).unwrap();
        let auth_code = Some(format!("1345678901234567{behaviour}").parse().unwrap());
        self.app.place(PlaceRequest { merchant, app, terms, metadata: None, auth_code }).await
    }

    /// Places an order with these terms.
    pub(crate) async fn place_terms(&self, terms: Terms) -> Result<PlacedOrder, ActionError> {
        let channel = terms.channel;
        let (merchant, app) = self.app.merchants().find(None, None, channel, |_| true).unwrap();
        self.app.place(PlaceRequest { merchant, app, terms, metadata: None, auth_code: None }).await
    }

    /// Places a Native order.
    pub(crate) async fn place(&self, number: &str, total: u64) -> Result<PlacedOrder, ActionError> {
        self.place_terms(Self::terms(number, total)).await
    }

    /// Places an order of APIv1.
    pub(crate) async fn place_v1(&self, number: &str, total: u64) -> Result<PlacedOrder, ActionError> {
        let fields = json!({
            "channel": "app", "out_trade_no": number, "description": "Image", "amount": {"total": total},
            "scene_info": {"payer_client_ip": "203.0.113.7"},
        });
        let (merchant, _) = self.app.merchants().find(None, None, Channel::Native, |_| true).unwrap();
        let v1 = merchant.v1().unwrap().appid().to_string();
        let app = merchant.app(Some(&v1), Channel::App).unwrap().clone();
        let terms = Self::terms_of(fields);
        self.app.place(PlaceRequest { merchant, app, terms, metadata: None, auth_code: None }).await
    }

    /// Lets the payer pay.
    pub(crate) fn pay(&self, number: &str) {
        let number: OutTradeNo = number.parse().unwrap();
        let now = self.ambient.true_now();
        self.gateway(|gateway| gateway.pay(&OrderRef::OutTradeNo(number), &Payer::default(), now)).unwrap();
    }

    /// Lets the payer pay, unless the order can no longer be paid.
    pub(crate) fn pay_if_possible(&self, number: &str) {
        let number: OutTradeNo = number.parse().unwrap();
        let now = self.ambient.true_now();
        drop(self.gateway(|gateway| gateway.pay(&OrderRef::OutTradeNo(number), &Payer::default(), now)));
    }

    /// Returns the gateway's record of an order.
    pub(crate) fn recorded(&self, number: &str) -> Option<OrderRecord> {
        let number: OutTradeNo = number.parse().unwrap();
        let now = self.ambient.true_now();
        self.gateway(|gateway| gateway.order(&OrderRef::OutTradeNo(number), now))
    }

    /// Refunds a part of an order.
    pub(crate) async fn refund(
        &self,
        number: &str,
        refund_number: &str,
        amount: u64,
    ) -> Result<RequestedRefund, ActionError> {
        self.app.refund(Self::refund_request(number, refund_number, amount)).await
    }

    /// Returns a refund to make.
    pub(crate) fn refund_request(number: &str, refund_number: &str, amount: u64) -> RefundRequest {
        RefundRequest {
            key: Self::key(number),
            out_refund_no: refund_number.parse().unwrap(),
            transaction_id: None,
            amount: Fen::new(amount),
            reason: None,
            detail: None,
            requested_by: Some("key_1".into()),
        }
    }

    /// Takes the notifications that are due, in the form that the server receives.
    pub(crate) fn due(&self) -> Vec<(Delivery, Incoming)> {
        let now = self.ambient.true_now();
        let mut state = self.network.state();
        let mut due = std::mem::take(&mut state.early);
        due.extend(state.gateway.due_deliveries(now));
        drop(state);
        due.into_iter()
            .map(|delivery| {
                let incoming = incoming(&delivery);
                (delivery, incoming)
            })
            .collect()
    }

    /// Delivers the notifications that are due. Returns the statuses of the responses.
    pub(crate) async fn deliver(&self) -> Vec<u16> {
        let mut statuses = Vec::new();
        for (delivery, incoming) in self.due() {
            let response = self.app.receive(incoming).await;
            let result =
                DeliveryResult::Response { status: response.status(), body: response.body().to_vec() };
            let now = self.ambient.true_now();
            self.gateway(|gateway| gateway.record_delivery(delivery.id(), &result, now));
            statuses.push(response.status());
        }
        statuses
    }

    /// Returns the state of an order.
    pub(crate) async fn state(&self, number: &str) -> OrderState {
        self.app.order(&Self::key(number)).await.unwrap().unwrap()
    }

    /// Returns all rows of a table.
    pub(crate) async fn rows<T: Table>(&self) -> Vec<T> {
        self.app.ledger().load(Prefix::all()).await.unwrap()
    }

    /// Returns the types of the events that are not numbered yet.
    pub(crate) async fn events(&self) -> Vec<&'static str> {
        let mut rows: Vec<OutboxRow> = self.rows().await;
        rows.sort_by_key(|row| (row.at, row.seq));
        rows.iter().map(|row| row.event_type.as_str()).collect()
    }
}

fn incoming(delivery: &Delivery) -> Incoming {
    let path = delivery.url().split_once("/notify/").unwrap().1;
    let (merchant, kind) = path.split_once('/').unwrap();
    let kind = kind.split('?').next().unwrap();
    let headers = delivery.headers().iter();
    Incoming {
        merchant: merchant.into(),
        kind: kind.into(),
        query: delivery.query().as_bytes().to_vec(),
        headers: headers.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect(),
        body: delivery.body().to_vec(),
    }
}

/// What a process shares with others.
#[derive(Default)]
struct Sharing<'a> {
    process: &'a str,
    /// The stores of access tokens. Without any, they are not shared.
    stores: Vec<Store>,
    sealing: SealingKeys,
}

fn app(
    ledger: Ledger,
    ambient: &Arc<TestAmbient>,
    network: &Arc<SimNetwork>,
    merchant: Merchant,
    Sharing { process, stores, sealing }: Sharing<'_>,
) -> App {
    let metrics = Metrics::new();
    let vault = Vault::new(sealing.clone(), merchant_upstream(&network.state().gateway));
    let (network, ambient): (Arc<dyn Transport>, Arc<dyn Ambient>) = (network.clone(), ambient.clone());
    let upstream = if stores.is_empty() {
        Upstream::new(network, Arc::clone(&ambient), metrics.clone(), 256).unwrap()
    } else {
        let (ambient, metrics) = (Arc::clone(&ambient), metrics.clone());
        let parts =
            TokenParts { network, stores, sealing, ambient: Arc::clone(&ambient), metrics: metrics.clone() };
        Upstream::with_shared_tokens(SharedTokens::new(parts), ambient, metrics, 256).unwrap()
    };
    App::new(Parts {
        ledger,
        merchants: Arc::new(Registry::new([merchant]).unwrap()),
        vault,
        upstream,
        ambient,
        metrics,
        shutdown: Shutdown::new(),
        settings: Settings {
            public_base_url: "https://pay.example.com".into(),
            schedule: crate::ledger::schedule::Schedule::default(),
            policy: wxpay_proto::retry::Policy::default(),
            retention: crate::ledger::retention::Retention::default(),
            process: if process.is_empty() { "test" } else { process }.into(),
            max_polls: 256,
        },
    })
}

/// Returns the gateway's merchant, of both API versions, with the cheap signatures of the gateway's fake keys.
fn merchant(gateway: &Gateway) -> Merchant {
    let environment = Environment::of(gateway, "http://gateway.invalid", START);
    let values: std::collections::BTreeMap<_, _> = environment.values().unwrap().into_iter().collect();
    let text = |name: &str| values.get(name).cloned();
    let secret = |name: &str| text(name).map(Secret::new);
    let settings = MerchantSettings {
        mchid: text("WXPAY_MCHID"),
        serial_no: text("WXPAY_SERIAL_NO"),
        public_key_id: text("WXPAY_PUBLIC_KEY_ID"),
        public_key: text("WXPAY_PUBLIC_KEY_FILE"),
        platform_certificates: true,
        apps: vec![AppSettings { appid: text("WXPAY_APPID").unwrap(), ..AppSettings::default() }],
        v1: Some(V1Settings {
            appid: text("WXPAY_V1_APPID").unwrap(),
            partner: text("WXPAY_V1_PARTNER").unwrap(),
            charset: None,
        }),
        ..MerchantSettings::default()
    };
    let keys = MerchantKeys {
        private_key: secret("WXPAY_PRIVATE_KEY_FILE"),
        api_v3_key: secret("WXPAY_API_V3_KEY"),
        app_secret: secret("WXPAY_V1_APP_SECRET"),
        pay_sign_key: secret("WXPAY_V1_PAY_SIGN_KEY"),
        partner_key: secret("WXPAY_V1_PARTNER_KEY"),
        ..MerchantKeys::default()
    };
    let upstream = merchant_upstream(gateway);
    Merchant::build("shop1".parse().unwrap(), Origin::Settings, settings, &keys, &upstream).unwrap()
}

fn merchant_upstream(gateway: &Gateway) -> MerchantUpstream {
    MerchantUpstream {
        provider: wxpay_testkit::network::v3::provider(gateway),
        gateway_base_url: None,
        policy: wxpay_proto::retry::Policy::default(),
    }
}
