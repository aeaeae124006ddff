//! The server's logic in a deterministic world: virtual time, the simulated gateway, a network and a shop that fail, and
//! the model ledger. Everything runs in one thread, and a seed repeats it.
//!
//! Each order has a [`life`]: the shop places it, perhaps twice or for two prices, or charges the payer's code; the payer
//! pays or does not, the shop closes, reverses and [`refunds`] it, or reports its delivery. On average at least three faults happen to each ([`faults`]).
//! Meanwhile the [`network`] fails, notifications go astray ([`courier`]), the [`shop`]'s receiver fails, and the
//! [`weather`] kills the processes of the server between any two steps, fails their ledger, sets their clocks and changes
//! their keys. Some rules are checked at every step ([`watch`]). Then all faults end, time goes on until nothing is left
//! to do ([`heal`]), and the books must agree ([`audit`], [`events`]):
//! * every payment at the gateway is in the ledger with its amount, and the ledger has no other;
//! * a number has one price, ever, and nobody is charged twice because of us;
//! * refunds are equal on both sides, and bounded by the payment;
//! * `order.paid` is emitted once for each paid order; a status never goes back; positions have no gaps;
//! * each webhook arrives at least once, in the order of its subject, and none is invented;
//! * every order and refund of a reply to the shop is there, and so is every acknowledged notification;
//! * every anomaly has a case;
//! * a reversed order was never announced as paid, and its money was returned; no charge is left in doubt.
//!
//! `WXPAY_WORLD_ORDERS` sets the number of orders, `WXPAY_WORLD_SEED` the seed (`random` draws one), and
//! `WXPAY_WORLD_TRACE` an order whose history is printed, such as `shop1/A000012`. A failure prints the values that
//! repeat its world.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests fail by panicking, and print seeds and traces"
)]

mod accounts;
mod audit;
mod courier;
mod events;
mod faults;
mod heal;
mod life;
mod network;
mod panics;
mod process;
mod refunds;
mod replay;
mod rng;
mod runs;
mod shop;
mod watch;
mod weather;

use crate::{
    actions::PlacedOrder,
    app::App,
    engine::model::Model,
    ledger::{OrderKey, rows::order::OrderRow},
    merchants::MerchantName,
    webhooks::{
        endpoints::{Caller, NewEndpoint},
        filter::Merchants,
    },
};
use accounts::Account;
use process::Running;
use rng::Rng;
use sha2::{Digest as _, Sha256};
use shop::Receiver;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};
use wxpay_proto::{Fen, UnixTime, entropy::Entropy, id::OutRefundNo};
use wxpay_sim::{Gateway, Settings as SimSettings, keys::KeySource};

/// The time at which a world begins.
const START: UnixTime = UnixTime::from_secs(1_795_968_000);

/// The number of processes of the server that run at the same time. All serve requests and run tasks.
const PROCESSES: usize = 2;

/// A world.
struct World {
    began: Instant,
    gateway: Mutex<Gateway>,
    accounts: Vec<Account>,
    model: Model,
    rng: Mutex<Rng>,
    draws: AtomicU64,
    /// The processes of the server that run now, on one ledger.
    processes: Mutex<[Option<Arc<Running>>; PROCESSES]>,
    /// The number of requests on their way to the gateway that create an order.
    on_the_way: Mutex<BTreeMap<OrderKey, u64>>,
    /// The roots of the ledger, as last committed.
    roots: Mutex<BTreeMap<OrderKey, OrderRow>>,
    receiver: Mutex<Receiver>,
    events_by_id: Mutex<BTreeMap<String, usize>>,
    is_receiver_down: AtomicBool,
    /// The way in which most requests to the gateway fail now.
    outage: Mutex<Option<network::NetworkFailure>>,
    /// The merchant whose orders are slow to arrive at the gateway now.
    slow_placing: Mutex<Option<MerchantName>>,
    is_calm: AtomicBool,
    records: Mutex<Records>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    traced: Option<String>,
}

/// The replies that the shop received, and its knowledge of the payers.
#[derive(Debug, Default)]
struct Records {
    /// The orders, with the price if the payer could pay it.
    told: BTreeMap<OrderKey, Option<Fen>>,
    /// The code of each charge that exists at the gateway.
    charged: BTreeMap<OrderKey, String>,
    told_refunds: BTreeSet<(OrderKey, OutRefundNo)>,
    told_deliveries: BTreeSet<OrderKey>,
    /// The orders that WeChat Pay itself lets be paid twice.
    second_payments: BTreeSet<OrderKey>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

/// The result of a world.
#[derive(Debug)]
struct Outcome {
    counts: BTreeMap<&'static str, u64>,
    /// The digest of the ledger.
    digest: String,
    model: Model,
}

impl World {
    fn open(seed: u64, model: Model, traced: Option<String>) -> Arc<Self> {
        let mut settings = SimSettings::default();
        settings.v3.key_source = KeySource::Fake;
        settings.v3.rate_limits = false;
        settings.v3.probes_per_mille = 10;
        let mut gateway = Gateway::new(settings, seed);
        let accounts = (0..accounts::NAMES.len()).map(|index| Account::open(index, &mut gateway)).collect();
        Arc::new(Self {
            began: Instant::now(),
            gateway: Mutex::new(gateway),
            accounts,
            model,
            rng: Mutex::new(Rng::of(seed)),
            draws: AtomicU64::new(seed << 32),
            processes: Mutex::default(),
            on_the_way: Mutex::default(),
            roots: Mutex::default(),
            receiver: Mutex::default(),
            events_by_id: Mutex::default(),
            is_receiver_down: AtomicBool::new(false),
            outage: Mutex::new(None),
            slow_placing: Mutex::new(None),
            is_calm: AtomicBool::new(false),
            records: Mutex::default(),
            counts: Mutex::default(),
            traced,
        })
    }

    /// Runs a world in this thread.
    fn run(seed: u64, orders: usize, model: Model, traced: Option<String>) -> Outcome {
        panics::watch();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let world = Self::open(seed, model, traced);
            let mut rng = world.random(Rng::fork);
            world.start_all();
            world.create_endpoint().await;
            tokio::spawn(Arc::clone(&world).carry());
            world.begin_weather(&mut rng);
            let lives: Vec<_> = (0..orders)
                .map(|serial| {
                    let mut rng = rng.fork();
                    let begin = rng.within(weather::DURATION);
                    let life = life::Life::new(Arc::clone(&world), serial, rng);
                    tokio::spawn(async move {
                        sleep(begin).await;
                        Box::pin(life.live()).await;
                    })
                })
                .collect();
            for life in lives {
                life.await.unwrap();
            }
            world.heal().await;
            world.audit().await;
            assert_eq!(panics::count(), 0, "a task panicked: see above");
            world.kill_all();
            world.outcome()
        })
    }

    fn outcome(&self) -> Outcome {
        let snapshot = format!("{:?}", self.model.snapshot());
        Outcome {
            counts: self.counts.lock().unwrap().clone(),
            digest: hex::encode(Sha256::digest(snapshot)),
            model: self.model.clone(),
        }
    }

    /// Creates the shop's webhook endpoint.
    async fn create_endpoint(self: &Arc<Self>) {
        let endpoints = self.any_process().unwrap().endpoints(self);
        let caller = Caller { actor: "key_1".into(), merchants: Merchants::All };
        let new = NewEndpoint { url: "https://shop.example/hooks".into(), merchant: None, types: Vec::new() };
        let record = endpoints.create(&caller, new).await.unwrap();
        self.receiver().secret = record["secret"].as_str().unwrap().into();
    }

    /// Returns the true time.
    fn now(&self) -> UnixTime {
        START.after(self.began.elapsed())
    }

    /// Draws 32 bytes that repeat themselves.
    fn entropy(&self) -> Entropy {
        Entropy::new(Sha256::digest(self.draw().to_le_bytes()).into())
    }

    fn draw(&self) -> u64 {
        self.draws.fetch_add(1, Ordering::SeqCst)
    }

    fn random<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock().unwrap())
    }

    fn gateway<T>(&self, access: impl FnOnce(&mut Gateway) -> T) -> T {
        access(&mut self.gateway.lock().unwrap())
    }

    fn receiver(&self) -> MutexGuard<'_, Receiver> {
        self.receiver.lock().unwrap()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap()
    }

    /// Returns the running processes.
    fn running(&self) -> Vec<Arc<Running>> {
        self.processes.lock().unwrap().iter().flatten().cloned().collect()
    }

    /// Returns one of the running processes, as a load balancer does.
    fn any_process(&self) -> Option<Arc<Running>> {
        let running = self.running();
        let index = self.random(|rng| rng.below(u64::try_from(running.len()).unwrap()));
        running.get(usize::try_from(index).unwrap()).cloned()
    }

    fn take_process(&self, slot: usize) -> Option<Arc<Running>> {
        self.processes.lock().unwrap()[slot].take()
    }

    /// Starts a process. One that was started in its place is killed: the weather may start it just when it calms down.
    fn start_process(self: &Arc<Self>, slot: usize) {
        let running = Running::start(self);
        let before = self.processes.lock().unwrap()[slot].replace(running);
        if let Some(before) = before {
            before.kill();
        }
    }

    fn start_all(self: &Arc<Self>) {
        (0..PROCESSES).for_each(|slot| self.start_process(slot));
    }

    fn kill_all(&self) {
        let killed = (0..PROCESSES).filter_map(|slot| self.take_process(slot));
        killed.for_each(|running| running.kill());
    }

    fn roots(&self) -> MutexGuard<'_, BTreeMap<OrderKey, OrderRow>> {
        self.roots.lock().unwrap()
    }

    /// Sends a request to one of the processes. `None`: there is no answer, because it is away or was killed.
    async fn ask<T, F: Future<Output = T>>(&self, request: impl FnOnce(App) -> F) -> Option<T> {
        let running = self.any_process()?;
        let active = running.app.shutdown().begin();
        let answer = tokio::select! {
            biased;
            () = running.process.died() => None,
            answer = request(running.app.clone()) => Some(answer),
        };
        drop(active);
        answer
    }

    /// Draws whether an operation of the ledger takes long.
    fn ledger_delay(&self) -> Option<Duration> {
        if self.is_calm() {
            return None;
        }
        let delay = self.random(|rng| match rng.below(4000) {
            0 => Some(rng.within(Duration::from_mins(1))),
            1..=20 => Some(rng.within(Duration::from_secs(3))),
            _ => None,
        });
        if delay.is_some() {
            self.count("ledger: slow");
        }
        delay
    }

    fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::SeqCst)
    }

    fn calm_down(&self) {
        self.is_calm.store(true, Ordering::SeqCst);
        self.gateway(|gateway| gateway.settings_mut().v3.probes_per_mille = 0);
    }

    fn is_receiver_down(&self) -> bool {
        self.is_receiver_down.load(Ordering::SeqCst)
    }

    fn set_receiver_down(&self, is_down: bool) {
        self.is_receiver_down.store(is_down, Ordering::SeqCst);
    }

    fn known_event(&self, id: &str) -> Option<usize> {
        self.events_by_id.lock().unwrap().get(id).copied()
    }

    fn remember_event(&self, id: &str, index: usize) {
        self.events_by_id.lock().unwrap().insert(id.into(), index);
    }

    /// Records a reply to the shop about an order.
    fn told(&self, key: &OrderKey, placed: &PlacedOrder) {
        // A charge in doubt may turn out to be lost; then another price may be charged.
        let is_payable = placed.pay.as_ref().is_some_and(|pay| pay["status"] != "unknown");
        let total = placed.state.order.total.filter(|_| is_payable);
        let mut records = self.records();
        let known = records.told.entry(key.clone()).or_default();
        if let (Some(known), Some(total)) = (*known, total) {
            assert_eq!(known, total, "{}: the payer can pay two prices", audit::shown(key));
        }
        *known = known.or(total);
    }

    fn told_refund(&self, key: &OrderKey, number: &OutRefundNo) {
        self.records().told_refunds.insert((key.clone(), number.clone()));
    }

    fn told_delivery(&self, key: &OrderKey) {
        self.records().told_deliveries.insert(key.clone());
    }

    fn allow_second_payment(&self, key: &OrderKey) {
        self.records().second_payments.insert(key.clone());
    }

    /// Counts something. Returns its number so far.
    fn count(&self, what: &'static str) -> u64 {
        self.add(what, 1)
    }

    fn add(&self, what: &'static str, count: u64) -> u64 {
        let mut counts = self.counts.lock().unwrap();
        let known = counts.entry(what).or_default();
        *known += count;
        *known
    }

    fn counted(&self, what: &str) -> u64 {
        self.counts.lock().unwrap().get(what).copied().unwrap_or_default()
    }

    fn is_tracing(&self) -> bool {
        self.traced.is_some()
    }

    /// Prints a step if `about` names the traced order, or everything.
    fn trace(&self, about: &str, text: impl FnOnce() -> String) {
        let Some(traced) = &self.traced else { return };
        let number = traced.rsplit('/').next().unwrap();
        if about.is_empty() || about.contains(number) {
            let millis = self.began.elapsed().as_millis();
            eprintln!("{}.{:03} {}", millis / 1000, millis % 1000, text());
        }
    }
}
