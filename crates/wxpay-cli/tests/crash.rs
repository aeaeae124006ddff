//! The server is killed repeatedly under load. Everything it acknowledged before must hold afterwards.
//!
//! `WXPAY_KILLS` sets the number of kills; the default is 30.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use support::{Running, ShopListener, api, environment, exchange, http, native, wxpay};
use tempfile::TempDir;

const SHOPPERS: u64 = 4;

/// Time after the last start for the events to be numbered and delivered: leases of killed servers have to end first.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(90);

/// Random delays: `SplitMix64` with a fixed seed, so that a failure can be reproduced.
struct RandomDelays(u64);

impl RandomDelays {
    fn next(&mut self) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let millis = (bits ^ (bits >> 31)).checked_rem(400).unwrap_or_default();
        Duration::from_millis(millis.saturating_add(50))
    }
}

/// Orders and payments that were acknowledged.
#[derive(Default)]
struct Acknowledged {
    /// Every number that was ever sent.
    sent: Mutex<BTreeSet<String>>,
    accepted: Mutex<BTreeSet<String>>,
    paid: Mutex<BTreeSet<String>>,
    next: AtomicU64,
    is_over: AtomicBool,
}

impl Acknowledged {
    /// Places an order, retries under the same number until it is accepted, then pays it.
    fn shop(&self, server: &str, key: &str, sim: &str) {
        while !self.is_over.load(Ordering::Relaxed) {
            let number = format!("KILLED-{}", self.next.fetch_add(1, Ordering::Relaxed));
            self.sent.lock().unwrap().insert(number.clone());
            let order = native(&number);
            while !self.is_over.load(Ordering::Relaxed) {
                match api("POST", &format!("{server}/api/orders"), key, Some(&order)) {
                    Ok((200 | 201, _)) => break,
                    Ok((status, problem)) if status < 500 => panic!("{number}: {status} {problem}"),
                    Ok(_) | Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            self.accepted.lock().unwrap().insert(number.clone());
            let (status, record) =
                http("POST", &format!("{sim}/_sim/v1/orders/{number}/pay"), Some(&json!({}))).unwrap();
            assert_eq!(status, 200, "{record}");
            self.paid.lock().unwrap().insert(number);
        }
    }
}

/// A ledger, and a simulator whose merchant the server has.
struct Site {
    sim: Running,
    variables: Vec<(String, String)>,
    folder: TempDir,
    address: String,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env_file = folder.path().join("sim.env");
        let sim = Running::start(wxpay().args(["sim", "--env-file"]).arg(&env_file).stderr(Stdio::null()));
        std::fs::write(folder.path().join("sealing.key"), "ab".repeat(32)).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Self { sim, variables: environment(&env_file), folder, address }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = wxpay();
        command
            .env_clear()
            .envs(self.variables.iter().filter(|(name, _)| !name.contains("_V1_")).cloned())
            .env("WXPAY_LOG", "warn")
            .env("WXPAY_LISTEN", &self.address)
            .env("WXPAY_PUBLIC_BASE_URL", format!("http://{}", self.address))
            .env("WXPAY_DATABASE", self.path("ledger.db"))
            .env("WXPAY_SEALING_KEY_FILE", self.path("sealing.key"))
            .env("WXPAY_WEBHOOK_ALLOW", "127.0.0.0/8")
            .env("WXPAY_WEBHOOK_INSECURE", "true")
            // Only notifications may bring payments here: a query would repair, and hide, a lost notification.
            .env("WXPAY_POLL_INTERVALS", "1h")
            .args(arguments);
        command
    }

    fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn serve(&self) -> Running {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        // The load is that of many shops.
        Running::start(self.command(&["serve", "--json", "--set", "rate_limit=0"]).stderr(log))
    }
}

fn order(server: &str, key: &str, number: &str) -> Value {
    let (status, order) = api("GET", &format!("{server}/api/orders/{number}"), key, None).unwrap();
    assert_eq!(status, 200, "{number} was accepted and is lost: {order}");
    order
}

/// Returns the order numbers of the notifications that were acknowledged.
fn accepted_notifications(sim: &str) -> BTreeSet<String> {
    let mut accepted = BTreeSet::new();
    let mut target = "/_sim/v1/notifications?limit=1000".to_owned();
    loop {
        let (status, head, page) = exchange("GET", &format!("{sim}{target}"), "", None).unwrap();
        assert_eq!(status, 200, "{page}");
        let page: Vec<Value> = serde_json::from_str(&page).unwrap();
        let of_page = page.iter().filter(|notification| notification["state"] == "ACCEPTED");
        accepted
            .extend(of_page.map(|notification| notification["out_trade_no"].as_str().unwrap().to_owned()));
        let link = head.lines().find(|line| line.to_ascii_lowercase().starts_with("link:"));
        let Some(next) = link.and_then(|line| line.split(['<', '>']).nth(1)) else { return accepted };
        next.strip_prefix(sim).unwrap_or(next).clone_into(&mut target);
    }
}

/// Returns all events, in the order of the event log.
fn events(server: &str, key: &str) -> Vec<Value> {
    let mut events = Vec::new();
    let mut after = String::new();
    loop {
        let (status, page) = api("GET", &format!("{server}/api/events?limit=200{after}"), key, None).unwrap();
        assert_eq!(status, 200, "{page}");
        events.extend(page["data"].as_array().unwrap().iter().cloned());
        match (page["has_more"].as_bool(), page["next_cursor"].as_str()) {
            (Some(true), Some(cursor)) => after = format!("&cursor={cursor}"),
            _ => return events,
        }
    }
}

fn number_of(event: &Value) -> &str {
    event["data"]["object"]["out_trade_no"].as_str().unwrap()
}

/// Returns the numbers of the orders that have an event of this type, each with the count.
fn counts(events: &[Value], kind: &str) -> BTreeMap<String, u32> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] == kind) {
        let count = counts.entry(number_of(event).to_owned()).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

#[test]
fn a_killed_server_loses_no_order_and_no_payment_and_counts_none_twice() {
    let kills: u32 = std::env::var("WXPAY_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(30);
    let site = Site::new();
    let shop = ShopListener::start();
    let key = site.stdout(&["api-key", "create", "shop"]);
    site.stdout(&["webhook", "add", shop.url()]);
    let url = format!("http://{}", site.address);

    let acknowledged = Acknowledged::default();
    thread::scope(|scope| {
        for _ in 0..SHOPPERS {
            scope.spawn(|| acknowledged.shop(&url, &key, site.sim.url()));
        }
        let mut delays = RandomDelays(7);
        for _ in 0..kills {
            let mut server = site.serve();
            thread::sleep(delays.next());
            server.kill();
        }
        acknowledged.is_over.store(true, Ordering::Relaxed);
    });

    let mut server = site.serve();
    let sent = acknowledged.sent.into_inner().unwrap();
    let (accepted, paid) =
        (acknowledged.accepted.into_inner().unwrap(), acknowledged.paid.into_inner().unwrap());
    assert!(accepted.len() > 10, "too little load: {}", accepted.len());
    for number in &accepted {
        assert_eq!(order(server.url(), &key, number)["amount"]["total"], 100);
    }
    for number in accepted_notifications(site.sim.url()) {
        let order = order(server.url(), &key, &number);
        assert_eq!(order["status"], "paid", "{number} was acknowledged");
    }
    // The other notifications are sent again as the clock advances.
    for _ in 0..40 {
        if accepted_notifications(site.sim.url()).is_superset(&paid) {
            break;
        }
        let clock = format!("{}/_sim/v1/clock", site.sim.url());
        http("POST", &clock, Some(&json!({"advance_seconds": 60}))).unwrap();
        thread::sleep(Duration::from_millis(300));
    }
    for number in &paid {
        let order = order(server.url(), &key, number);
        let payments = order["payments"].as_array().unwrap();
        assert_eq!((&order["status"], payments.len()), (&json!("paid"), 1), "{number}");
        let (_, record) = http("GET", &format!("{}/_sim/v1/orders/{number}", site.sim.url()), None).unwrap();
        assert_eq!(record["payments"].as_array().unwrap().len(), 1, "{number}");
        assert_eq!(payments[0]["transaction_id"], record["payments"][0]["transaction_id"], "{number}");
    }
    check_events(&server, &key, &shop, &sent, &accepted, &paid);
    assert!(server.terminate());
    assert_eq!(site.stdout(&["audit"]), "ok: every order equals what its evidence gives");
}

/// Checks that each payment has exactly one event, and each event arrived at the shop, in order for each order.
fn check_events(
    server: &Running,
    key: &str,
    shop: &ShopListener,
    sent: &BTreeSet<String>,
    accepted: &BTreeSet<String>,
    paid: &BTreeSet<String>,
) {
    let until = Instant::now().checked_add(DELIVERY_TIMEOUT).unwrap();
    let log = loop {
        let log = events(server.url(), key);
        let delivered: BTreeSet<String> =
            shop.received().iter().map(|webhook| webhook.header("webhook-id").to_owned()).collect();
        let is_complete = counts(&log, "order.paid").len() >= paid.len()
            && log.iter().all(|event| delivered.contains(event["id"].as_str().unwrap()));
        if is_complete {
            break log;
        }
        assert!(
            Instant::now() < until,
            "{} events, {} paid of {}, {} delivered",
            log.len(),
            counts(&log, "order.paid").len(),
            paid.len(),
            delivered.len()
        );
        thread::sleep(Duration::from_millis(200));
    };
    let paid_events = counts(&log, "order.paid");
    assert_eq!(paid_events.keys().cloned().collect::<BTreeSet<_>>(), *paid);
    assert!(paid_events.values().all(|count| *count == 1), "each payment has exactly one event");
    let created = counts(&log, "order.created");
    assert!(created.values().all(|count| *count == 1), "each order has exactly one event");
    assert!(accepted.iter().all(|number| created.contains_key(number)));
    assert!(created.keys().all(|number| sent.contains(number)), "no order is invented");

    let by_id: BTreeMap<&str, &Value> =
        log.iter().map(|event| (event["id"].as_str().unwrap(), event)).collect();
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for webhook in shop.received() {
        let event = webhook.event();
        let known = by_id.get(event["id"].as_str().unwrap());
        assert_eq!(known, Some(&&event), "a webhook is an event of the log, unchanged");
        if seen.insert(event["id"].as_str().unwrap().to_owned()) {
            let seq = event["data"]["seq"].as_u64().unwrap();
            let before = last.insert(number_of(&event).to_owned(), seq);
            assert!(before < Some(seq), "{}: {seq} arrived after {before:?}", number_of(&event));
        }
    }
}
