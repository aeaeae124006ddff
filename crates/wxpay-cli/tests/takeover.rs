//! Three servers on one PostgreSQL database, under load: one after another is killed, and so is the database. Everything
//! that was acknowledged must hold, and the work of a killed server is taken over within twelve seconds.
//!
//! `WXPAY_TAKEOVERS` sets the number of kills (2), and `WXPAY_DATABASE_RESTARTS` that of the database (1).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    reason = "tests fail by panicking, and print figures"
)]

mod support;

use std::{
    collections::BTreeSet,
    env, io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};
use support::{
    Running, ShopListener, http,
    load::{Acknowledged, Ending, RandomDelays, Site, accepted_notifications, check_all},
};
use wxpay_testkit::postgres::{Server, server};

const SERVERS: usize = 3;
const SHOPPERS: u64 = 4;
/// The pause of a shopper between two orders.
const PAUSE: Duration = Duration::from_millis(100);
/// A lost notification is repaired by a query, of whichever server holds the order's shard.
const POLL_INTERVALS: &str = "5s";
/// The leases: 64 shards and the event log.
const LEASES: &str = "65";
/// The duration of a lease, in milliseconds.
const LEASE: u128 = 10_000;
/// The time in which the leases of a killed server are taken.
const TAKEOVER: Duration = Duration::from_secs(12);
/// The time in which the leases of a server that stops are taken: a look of the others, and the time that the look takes on
/// a busy machine.
const HANDOVER: Duration = Duration::from_secs(3);

/// A load balancer: passes each connection on to a server that accepts it.
struct Balancer {
    address: String,
}

impl Balancer {
    fn start(backends: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let next = Arc::new(AtomicUsize::new(0));
        // It ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming() {
                let (backends, next) = (backends.clone(), Arc::clone(&next));
                thread::spawn(move || {
                    let first = next.fetch_add(1, Ordering::Relaxed);
                    let mut tried =
                        (0..backends.len()).map(|number| &backends[(first + number) % backends.len()]);
                    if let Some(server) = tried.find_map(|address| TcpStream::connect(address).ok()) {
                        relay(client.unwrap(), server);
                    }
                });
            }
        });
        Self { address }
    }
}

fn relay(client: TcpStream, server: TcpStream) {
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || copy(from_client, to_server));
    copy(server, client);
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    drop(io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
}

fn setting(name: &str, default: u32) -> u32 {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn now_millis() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
}

/// Waits until each lease was renewed or taken after this time. Returns the time since then.
fn until_all_are_held(
    postgres: &Server,
    database: &str,
    since: Instant,
    millis: u128,
    limit: Duration,
) -> Duration {
    // A lease whose end is later was written later.
    let query = format!("SELECT count(*) FROM leases WHERE owner <> '' AND until > {}", millis + LEASE);
    loop {
        let asked = since.elapsed();
        if postgres.execute(database, &query) == LEASES {
            return asked;
        }
        assert!(
            asked < limit,
            "not within {limit:?}: {}",
            postgres.execute(
                database,
                &format!("SELECT owner, count(*), min(until) - {millis} FROM leases GROUP BY 1; SELECT * FROM processes")
            )
        );
        thread::sleep(Duration::from_millis(100));
    }
}

/// Checks the event log and the inbox in the database itself.
fn check_database(postgres: &Server, database: &str, site: &Site, events: usize) {
    let positions = "SELECT count(*), count(DISTINCT id), min(position), max(position) FROM events";
    assert_eq!(postgres.execute(database, positions), format!("{events}|{events}|1|{events}"));
    assert_eq!(postgres.execute(database, "SELECT count(*) FROM outbox"), "0");
    let received = postgres.execute(database, "SELECT DISTINCT subject FROM inbox WHERE result = 'accepted'");
    let received: BTreeSet<&str> =
        received.lines().filter_map(|subject| subject.rsplit(':').next()).collect();
    for number in accepted_notifications(site.sim.url()) {
        assert!(
            received.contains(number.as_str()),
            "the notification of {number} was acknowledged and is lost"
        );
    }
    let open = "SELECT count(*) FROM orders WHERE status <> 'paid' AND out_trade_no IN (SELECT out_trade_no FROM payments)";
    assert_eq!(postgres.execute(database, open), "0");
}

#[test]
fn servers_that_are_killed_are_taken_over_and_nothing_is_lost() {
    let Some(postgres) = server() else { return };
    let kills = setting("WXPAY_TAKEOVERS", 2);
    let restarts = setting("WXPAY_DATABASE_RESTARTS", 1);
    let url = postgres.create();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let addresses: Vec<String> = (0..SERVERS).map(|_| free_address()).collect();
    let site = Site::new(Balancer::start(addresses.clone()).address, Some(url));
    let shop = ShopListener::start();
    let key = site.stdout(&["api-key", "create", "shop"]);
    site.stdout(&["webhook", "add", shop.url()]);
    let start = |number: usize| site.serve(&addresses[number], POLL_INTERVALS);
    let mut servers: Vec<Running> = (0..SERVERS).map(start).collect();
    let acknowledged = Acknowledged::default();
    let (mut delays, mut takeovers) = (RandomDelays(11), Vec::new());
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..SHOPPERS {
            scope.spawn(|| acknowledged.shop(&site.url(), &key, site.sim.url(), PAUSE));
        }
        let _ending = Ending(&acknowledged);
        let mut restarted = 0;
        for kill in 0..kills {
            let killed = usize::try_from(kill).unwrap() % SERVERS;
            thread::sleep(delays.next() * 10);
            let (at, millis) = (Instant::now(), now_millis());
            servers[killed].kill();
            takeovers.push(until_all_are_held(postgres, &database, at, millis, TAKEOVER));
            servers[killed] = start(killed);
            while restarted * kills < (kill + 1) * restarts {
                restarted += 1;
                thread::sleep(delays.next());
                postgres.crash();
            }
        }
        // The leases that a server gives back are taken at the next look of the others.
        thread::sleep(Duration::from_secs(6));
        let (at, millis) = (Instant::now(), now_millis());
        assert!(servers[0].terminate());
        let stopped = Instant::now();
        let free = "SELECT count(*) FROM leases WHERE owner = ''";
        while postgres.execute(&database, free) != "0" {
            assert!(stopped.elapsed() < HANDOVER, "leases are not taken");
            thread::sleep(Duration::from_millis(50));
        }
        eprintln!("a server that stops is replaced {:.1?} after its end", stopped.elapsed());
        until_all_are_held(postgres, &database, at, millis, TAKEOVER);
        servers[0] = start(0);
    });
    let numbers = acknowledged.into_numbers();
    let (status, _) = http("GET", &format!("{}/livez", servers[1].url()), None).unwrap();
    assert_eq!(status, 200);
    let events = check_all(&site, servers[1].url(), &key, &shop, &numbers);
    for server in &mut servers {
        assert!(server.terminate());
    }
    check_database(postgres, &database, &site, events);
    assert_eq!(site.stdout(&["audit"]), "ok: every order equals what its evidence gives");
    eprintln!(
        "{kills} kills and {restarts} restarts of the database in {:.0?}: {} orders, {events} events, {} replies of an unknown \
         outcome; takeover after {:.1?} at most",
        began.elapsed(),
        numbers.accepted.len(),
        numbers.unknown,
        takeovers.iter().max().unwrap_or(&Duration::ZERO)
    );
}
