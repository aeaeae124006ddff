//! The load of many shops on a server that is killed, and the checks afterwards.

use super::{Running, ShopListener, api, environment, exchange, http, native, wxpay};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Time after the last start for the events to be numbered and delivered: leases of killed servers have to end first.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(90);

/// Random delays: `SplitMix64` with a fixed seed, so that a failure can be reproduced.
pub(crate) struct RandomDelays(pub(crate) u64);

impl RandomDelays {
    pub(crate) fn next(&mut self) -> Duration {
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
pub(crate) struct Acknowledged {
    /// Every number that was ever sent.
    sent: Mutex<BTreeSet<String>>,
    accepted: Mutex<BTreeSet<String>>,
    paid: Mutex<BTreeSet<String>>,
    next: AtomicU64,
    /// The replies that the outcome is unknown.
    unknown: AtomicU64,
    is_over: AtomicBool,
}

/// Ends the load when it is dropped, also by a failed assertion: otherwise the test would wait for its shoppers for ever.
pub(crate) struct Ending<'a>(pub(crate) &'a Acknowledged);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// The numbers of orders, after the load.
pub(crate) struct Numbers {
    pub(crate) sent: BTreeSet<String>,
    pub(crate) accepted: BTreeSet<String>,
    pub(crate) paid: BTreeSet<String>,
    pub(crate) unknown: u64,
}

impl Acknowledged {
    /// Places orders, one after another with a pause. Retries each under the same number until it is accepted, then pays
    /// it.
    pub(crate) fn shop(&self, server: &str, key: &str, sim: &str, pause: Duration) {
        while !self.is_over.load(Ordering::Relaxed) {
            let number = format!("KILLED-{}", self.next.fetch_add(1, Ordering::Relaxed));
            self.sent.lock().unwrap().insert(number.clone());
            let order = native(&number);
            while !self.is_over.load(Ordering::Relaxed) {
                match api("POST", &format!("{server}/api/orders"), key, Some(&order)) {
                    Ok((200 | 201, _)) => break,
                    Ok((status, problem)) if status < 500 => panic!("{number}: {status} {problem}"),
                    Ok((504, _)) => drop(self.unknown.fetch_add(1, Ordering::Relaxed)),
                    Ok(_) | Err(_) => {}
                }
                thread::sleep(Duration::from_millis(5));
            }
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            self.accepted.lock().unwrap().insert(number.clone());
            let (status, record) =
                http("POST", &format!("{sim}/_sim/v1/orders/{number}/pay"), Some(&json!({}))).unwrap();
            assert_eq!(status, 200, "{record}");
            self.paid.lock().unwrap().insert(number);
            thread::sleep(pause);
        }
    }

    /// Returns the numbers, after the load.
    pub(crate) fn into_numbers(self) -> Numbers {
        Numbers {
            sent: self.sent.into_inner().unwrap(),
            accepted: self.accepted.into_inner().unwrap(),
            paid: self.paid.into_inner().unwrap(),
            unknown: self.unknown.into_inner(),
        }
    }
}

/// A ledger, and a simulator whose merchant the server has.
pub(crate) struct Site {
    pub(crate) sim: Running,
    variables: Vec<(String, String)>,
    folder: TempDir,
    database: String,
    /// The address at which shops and WeChat Pay reach the server.
    pub(crate) address: String,
}

impl Site {
    /// Creates a site with a ledger file, or this database.
    pub(crate) fn new(address: String, database: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env_file = folder.path().join("sim.env");
        let sim = Running::start(wxpay().args(["sim", "--env-file"]).arg(&env_file).stderr(Stdio::null()));
        std::fs::write(folder.path().join("sealing.key"), "ab".repeat(32)).unwrap();
        let file = || folder.path().join("ledger.db").display().to_string();
        let database = database.unwrap_or_else(file);
        Self { sim, variables: environment(&env_file), folder, database, address }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the URL at which shops reach the server.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = wxpay();
        command
            .env_clear()
            .envs(self.variables.iter().filter(|(name, _)| !name.contains("_V1_")).cloned())
            .env("WXPAY_LOG", "warn")
            .env("WXPAY_PUBLIC_BASE_URL", self.url())
            .env("WXPAY_DATABASE", &self.database)
            .env("WXPAY_SEALING_KEY_FILE", self.path("sealing.key"))
            .env("WXPAY_WEBHOOK_ALLOW", "127.0.0.0/8")
            .env("WXPAY_WEBHOOK_INSECURE", "true")
            .args(arguments);
        command
    }

    /// Runs a command. Returns its standard output.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts a server that listens on this address, and polls at these intervals.
    pub(crate) fn serve(&self, listen: &str, poll_intervals: &str) -> Running {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = self.command(&["serve", "--json", "--set", "rate_limit=0", "--listen", listen]);
        // The load is that of many shops.
        Running::start(command.env("WXPAY_POLL_INTERVALS", poll_intervals).stderr(log))
    }
}

pub(crate) fn order(server: &str, key: &str, number: &str) -> Value {
    let (status, order) = api("GET", &format!("{server}/api/orders/{number}"), key, None).unwrap();
    assert_eq!(status, 200, "{number} was accepted and is lost: {order}");
    order
}

/// Returns the order numbers of the notifications that were acknowledged.
pub(crate) fn accepted_notifications(sim: &str) -> BTreeSet<String> {
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
pub(crate) fn events(server: &str, key: &str) -> Vec<Value> {
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
pub(crate) fn counts(events: &[Value], kind: &str) -> BTreeMap<String, u32> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] == kind) {
        let count = counts.entry(number_of(event).to_owned()).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

/// Checks that everything that was acknowledged is there, that each payment is applied once, and that each event arrived at
/// the shop. Returns the number of events.
pub(crate) fn check_all(
    site: &Site,
    server: &str,
    key: &str,
    shop: &ShopListener,
    numbers: &Numbers,
) -> usize {
    let Numbers { accepted, paid, .. } = numbers;
    assert!(accepted.len() > 10, "too little load: {}", accepted.len());
    for number in accepted {
        assert_eq!(order(server, key, number)["amount"]["total"], 100);
    }
    for number in accepted_notifications(site.sim.url()) {
        let order = order(server, key, &number);
        assert_eq!(order["status"], "paid", "{number} was acknowledged");
    }
    // The other notifications are sent again as the clock advances.
    for _ in 0..40 {
        if accepted_notifications(site.sim.url()).is_superset(paid) {
            break;
        }
        let clock = format!("{}/_sim/v1/clock", site.sim.url());
        http("POST", &clock, Some(&json!({"advance_seconds": 60}))).unwrap();
        thread::sleep(Duration::from_millis(300));
    }
    for number in paid {
        let order = order(server, key, number);
        let payments = order["payments"].as_array().unwrap();
        assert_eq!((&order["status"], payments.len()), (&json!("paid"), 1), "{number}");
        let (_, record) = http("GET", &format!("{}/_sim/v1/orders/{number}", site.sim.url()), None).unwrap();
        assert_eq!(record["payments"].as_array().unwrap().len(), 1, "{number}");
        assert_eq!(payments[0]["transaction_id"], record["payments"][0]["transaction_id"], "{number}");
    }
    check_events(server, key, shop, numbers)
}

/// Checks that each payment has exactly one event, and each event arrived at the shop, in order for each order. Returns
/// the number of events.
fn check_events(server: &str, key: &str, shop: &ShopListener, numbers: &Numbers) -> usize {
    let Numbers { sent, accepted, paid, .. } = numbers;
    let until = Instant::now().checked_add(DELIVERY_TIMEOUT).unwrap();
    let log = loop {
        let log = events(server, key);
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
    log.len()
}
