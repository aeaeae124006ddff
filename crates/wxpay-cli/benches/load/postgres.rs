//! Cycles of several servers on one PostgreSQL, with and without a pooler, and on a large database.

use crate::{
    cycle::{self, Cycles, measure},
    measure::{self as costs, RsaCost},
    site::{Shop, Site},
    size::{self, Copier},
};
use std::{
    env, fs,
    sync::Arc,
    time::{Duration, Instant},
};
use wxpay_testkit::postgres::{Pooler, Server};

/// The connections of the pooler to the database: as many as one server has by default.
const POOLED: usize = 16;
/// The time for which statements are counted, which makes them dearer.
const COUNTING: Duration = Duration::from_secs(3);
/// How many of the dearest statements are printed.
const STATEMENTS: usize = 10;

pub(crate) async fn run(rsa: &RsaCost, duration: Duration) {
    let Some(database) = start() else { return };
    println!("  {}", database.execute("postgres", "SELECT version()"));
    for processes in [1, 2, 4] {
        run_processes(&database, None, processes, rsa, duration).await;
        if let Some(pooler) = Pooler::start(&database, POOLED) {
            run_processes(&database, Some(&pooler), processes, rsa, duration).await;
        }
    }
}

/// Starts a database that waits for its disk, as one of a shop does.
fn start() -> Option<Server> {
    let settings = ["shared_preload_libraries=pg_stat_statements", "shared_buffers=1GB", "max_wal_size=8GB"];
    match Server::start(&settings) {
        Ok(server) => {
            count_statements(&server, false);
            Some(server)
        }
        Err(reason) => {
            println!("  not measured: {reason}");
            None
        }
    }
}

/// Counts statements from now on, or no longer.
fn count_statements(database: &Server, counts: bool) {
    let which = if counts { "top" } else { "none" };
    database.execute("postgres", &format!("ALTER SYSTEM SET pg_stat_statements.track = '{which}'"));
    database.execute("postgres", "SELECT pg_reload_conf()");
}

async fn run_processes(
    database: &Server,
    pooler: Option<&Pooler>,
    processes: usize,
    rsa: &RsaCost,
    duration: Duration,
) {
    let url = database.create();
    let name = url.rsplit('/').next().unwrap();
    let url = pooler.map_or_else(|| url.clone(), |pooler| pooler.url(name));
    let site = Arc::new(Site::with_database(1_000_000, Some(url)).await);
    let shops: Arc<Vec<Shop>> = Arc::new((0..processes).map(|_| site.serve(&[])).collect());
    measure(&site, &shops, "WARM", None, Duration::from_secs(1)).await;

    let before = Usage::of(database, pooler, name);
    let cycles = measure(&site, &shops, "LOAD", None, duration).await;
    let used = Usage::of(database, pooler, name).since(&before);
    let through = if pooler.is_some() { ", PgBouncer" } else { "" };
    println!("  {processes} processes{through}:");
    cycle::report(&cycles, rsa);
    used.report(&cycles);

    database.execute(name, "CREATE EXTENSION pg_stat_statements");
    count_statements(database, true);
    let counted = measure(&site, &shops, "COUNT", None, COUNTING).await;
    count_statements(database, false);
    let count =
        "SELECT sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE datname = ";
    let calls: f64 = database.execute(name, &format!("{count}'{name}'")).parse().unwrap();
    println!("    {:.1} statements per cycle", calls / counted.count);
    cycle::terminate(shops);
}

/// Prints the statements that took the most time. One that does not scale is among them when the database is large.
async fn report_statements(database: &Server, name: &str, site: &Arc<Site>, shops: &Arc<Vec<Shop>>) {
    database.execute(name, "CREATE EXTENSION pg_stat_statements");
    count_statements(database, true);
    let counted = measure(site, shops, "COUNT", None, COUNTING).await;
    count_statements(database, false);
    let query = format!(
        "SELECT round((1000 * total_exec_time)::numeric / {0})::text || ' µs of execution, ' || round(calls / {0}, 2) || ' calls, '
            || round(shared_blks_hit / {0}) || ' blocks: ' || left(regexp_replace(query, '\\s+', ' ', 'g'), 300)
        FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE datname = '{name}'
        ORDER BY total_exec_time DESC LIMIT {STATEMENTS}",
        format!("{}::numeric", counted.count)
    );
    println!("    per cycle, the dearest statements:");
    for line in database.execute(name, &query).lines() {
        println!("      {line}");
    }
}

/// What a database has used since its start.
struct Usage {
    /// Processor time in seconds: of the database, and of the pooler.
    cpu: f64,
    pooler: f64,
    transactions: f64,
    /// Bytes of the write-ahead log, and flushes of it.
    log: f64,
    flushes: f64,
}

impl Usage {
    fn of(database: &Server, pooler: Option<&Pooler>, name: &str) -> Self {
        let transactions = format!("SELECT xact_commit FROM pg_stat_database WHERE datname = '{name}'");
        let number = |statement: &str| database.execute(name, statement).parse::<f64>().unwrap();
        Self {
            cpu: costs::cpu_of_family(database.pid()),
            pooler: pooler.map_or(0.0, |pooler| costs::cpu_of_family(pooler.pid())),
            transactions: number(&transactions),
            log: number("SELECT wal_bytes FROM pg_stat_wal"),
            flushes: number("SELECT wal_sync FROM pg_stat_wal"),
        }
    }

    fn since(self, before: &Self) -> Self {
        Self {
            cpu: self.cpu - before.cpu,
            pooler: self.pooler - before.pooler,
            transactions: self.transactions - before.transactions,
            log: self.log - before.log,
            flushes: self.flushes - before.flushes,
        }
    }

    fn report(&self, cycles: &Cycles) {
        println!(
            "    the database's processor time: {:.0} µs per cycle, the pooler's {:.0}; {:.2} transactions, {:.0} bytes \
             of the log, {:.2} flushes of it",
            self.cpu * 1e6 / cycles.count,
            self.pooler * 1e6 / cycles.count,
            self.transactions / cycles.count,
            self.log / cycles.count,
            self.flushes / cycles.count,
        );
    }
}

/// Cycles on a large database against cycles on a small one. The large one is copied from a file that was loaded in bulk.
pub(crate) async fn run_size(rsa: &RsaCost, duration: Duration) {
    let Some(database) = start() else { return };
    let orders: usize = env::var("WXPAY_ORDERS").map_or(1_000_000, |orders| orders.parse().unwrap());
    let file = Arc::new(Site::new(10_000).await);
    let shops = Arc::new(vec![file.serve(&[])]);
    measure(&file, &shops, "TEMPLATE", None, size::TEMPLATE).await;
    cycle::terminate(shops);
    let mut costs = Vec::new();
    for orders in [1_000, orders] {
        let path = file.path("ledger.db");
        Copier::new(&path).multiply(orders);
        let bytes = fs::metadata(&path).unwrap().len();
        let url = database.create();
        let start = Instant::now();
        let copied =
            file.command().arg("copy-ledger").arg(format!("sqlite:{}", path.display())).arg(&url).output();
        let copied = copied.unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let seconds = start.elapsed().as_secs_f64();
        let name = url.rsplit('/').next().unwrap();
        database.execute(name, "VACUUM ANALYZE");
        let count: u64 = database.execute(name, "SELECT count(*) FROM orders").parse().unwrap();
        let query = "SELECT pg_database_size(current_database())";
        let stored: u64 = database.execute(name, query).parse().unwrap();
        println!(
            "  {count} orders, copied and audited in {seconds:.0} s: {} bytes per order, {} in the file",
            stored / count,
            bytes / count
        );
        let site = Arc::new(Site::with_database(1_000_000, Some(url.clone())).await);
        let shops = Arc::new(vec![site.serve(&[])]);
        measure(&site, &shops, "WARM", None, Duration::from_secs(2)).await;
        let before = Usage::of(&database, None, name);
        let cycles = measure(&site, &shops, "MORE", None, duration).await;
        let used = Usage::of(&database, None, name).since(&before);
        cycle::report(&cycles, rsa);
        used.report(&cycles);
        report_statements(&database, name, &site, &shops).await;
        costs.push((cycles.cpu, used.cpu * 1e6 / cycles.count));
        cycle::terminate(shops);
    }
    let ((server, store), (large_server, large_store)) = (costs[0], costs[1]);
    println!(
        "  {:.2} x the servers' processor time, {:.2} x the database's",
        large_server / server,
        large_store / store
    );
}
