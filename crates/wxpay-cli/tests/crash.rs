//! The server is killed repeatedly under load. Everything it acknowledged before must hold afterwards.
//!
//! `WXPAY_KILLS` sets the number of kills; the default is 15.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    path::Path,
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use support::{Running, environment, http, wxpay};

const SHOPPERS: u64 = 4;

/// Random delays: `SplitMix64` with a fixed seed, so that a failure can be reproduced.
struct RandomDelays(u64);

impl RandomDelays {
    fn next(&mut self) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Duration::from_millis((bits ^ (bits >> 31)).checked_rem(250).unwrap_or_default())
    }
}

/// Orders and payments that were acknowledged.
#[derive(Default)]
struct Acknowledged {
    accepted: Mutex<BTreeSet<String>>,
    paid: Mutex<BTreeSet<String>>,
    next: AtomicU64,
    is_over: AtomicBool,
}

impl Acknowledged {
    /// Places an order, retries under the same number until it is accepted, then pays it.
    fn shop(&self, server: &str, sim: &str) {
        while !self.is_over.load(Ordering::Relaxed) {
            let number = format!("K{}", self.next.fetch_add(1, Ordering::Relaxed));
            let order = json!({
                "out_trade_no": number, "total_fee": 100, "body": "a staff", "spbill_create_ip": "203.0.113.7",
            });
            while !self.is_over.load(Ordering::Relaxed) {
                match http("POST", &format!("{server}/api/orders"), Some(&order)) {
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

fn serve(environment: &[(String, String)], address: &str, database: &Path) -> Running {
    Running::start(
        wxpay()
            .args([
                "serve",
                "--listen",
                address,
                "--public-base-url",
                &format!("http://{address}"),
                "--database",
            ])
            .arg(database)
            // Only notifications may bring payments here: a query would repair, and hide, a lost notification.
            .args(["--set", "poll_intervals=1h"])
            .env_clear()
            .envs(environment.iter().cloned())
            .env("WXPAY_LOG", "off")
            .stderr(Stdio::null()),
    )
}

fn order(server: &str, number: &str) -> Value {
    let (status, order) = http("GET", &format!("{server}/api/orders/{number}"), None).unwrap();
    assert_eq!(status, 200, "{number} was accepted and is lost: {order}");
    order
}

/// Returns the order numbers of the notifications that were answered `success`.
fn accepted_notifications(sim: &str) -> BTreeSet<String> {
    let (_, notifications) = http("GET", &format!("{sim}/_sim/v1/notifications"), None).unwrap();
    let accepted =
        notifications.as_array().unwrap().iter().filter(|notification| notification["state"] == "ACCEPTED");
    accepted.map(|notification| notification["out_trade_no"].as_str().unwrap().to_owned()).collect()
}

/// Counts the `order.paid` events of each order.
fn paid_events(server: &str) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    let mut after = 0;
    loop {
        let (status, page) = http("GET", &format!("{server}/api/events?after={after}"), None).unwrap();
        assert_eq!(status, 200, "{page}");
        let events = page["events"].as_array().unwrap();
        for event in events {
            after = event["number"].as_u64().unwrap();
            if event["kind"] == "order.paid" {
                let count: &mut u32 =
                    counts.entry(event["out_trade_no"].as_str().unwrap().to_owned()).or_default();
                *count = count.saturating_add(1);
            }
        }
        if events.is_empty() {
            return counts;
        }
    }
}

#[test]
fn a_killed_server_loses_no_order_and_no_payment_and_counts_none_twice() {
    let kills: u32 = std::env::var("WXPAY_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(15);
    let directory = tempfile::tempdir().unwrap();
    let (env_file, database) = (directory.path().join("sim.env"), directory.path().join("ledger.db"));
    // Each restart fetches an access token, and the rules of 2014 allow only 200 a day.
    let sim = Running::start(wxpay().args(["sim", "--v1-era", "2016", "--env-file"]).arg(&env_file));
    let environment = environment(&env_file);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = format!("http://{address}");

    let acknowledged = Acknowledged::default();
    thread::scope(|scope| {
        for _ in 0..SHOPPERS {
            scope.spawn(|| acknowledged.shop(&url, sim.url()));
        }
        let mut delays = RandomDelays(7);
        for _ in 0..kills {
            let mut server = serve(&environment, &address, &database);
            thread::sleep(delays.next());
            server.kill();
        }
        acknowledged.is_over.store(true, Ordering::Relaxed);
    });

    let server = serve(&environment, &address, &database);
    let (accepted, paid) =
        (acknowledged.accepted.into_inner().unwrap(), acknowledged.paid.into_inner().unwrap());
    assert!(accepted.len() > 10, "too little load: {}", accepted.len());
    for number in &accepted {
        assert_eq!(order(server.url(), number)["total_fee"], 100);
    }
    for number in accepted_notifications(sim.url()) {
        assert_eq!(order(server.url(), &number)["status"], "paid", "{number} was answered success");
    }
    // The other notifications are sent again as the clock advances.
    for _ in 0..40 {
        if accepted_notifications(sim.url()).is_superset(&paid) {
            break;
        }
        http("POST", &format!("{}/_sim/v1/clock", sim.url()), Some(&json!({"advance_seconds": 60}))).unwrap();
        thread::sleep(Duration::from_millis(300));
    }
    for number in &paid {
        let order = order(server.url(), number);
        assert_eq!((&order["status"], &order["anomalies"]), (&json!("paid"), &json!([])), "{number}");
        let (_, record) = http("GET", &format!("{}/_sim/v1/orders/{number}", sim.url()), None).unwrap();
        assert_eq!(record["payments"].as_array().unwrap().len(), 1, "{number}");
        assert_eq!(order["transaction_id"], record["payments"][0]["transaction_id"], "{number}");
    }
    let counts = paid_events(server.url());
    assert_eq!(counts.keys().cloned().collect::<BTreeSet<_>>(), paid);
    assert!(counts.values().all(|count| *count == 1), "each payment has exactly one event");
}
