//! Cycles on a large ledger against cycles on a small one. The large one is loaded in bulk: the rows of a thousand real
//! orders are copied under other numbers.

use crate::{
    cycle::{self, measure},
    measure::RsaCost,
    site::Site,
};
use rusqlite::{
    Connection,
    types::{ToSqlOutput, Value},
};
use sha2::{Digest as _, Sha256};
use std::{
    env,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// The orders of the small ledger, and the template of the large one.
const SMALL: usize = 1_000;
/// The time for which the template's cycles run: enough for a thousand of them.
pub(crate) const TEMPLATE: Duration = Duration::from_secs(3);

pub(crate) async fn run(rsa: &RsaCost, duration: Duration) {
    let orders: usize = env::var("WXPAY_ORDERS").map_or(1_000_000, |orders| orders.parse().unwrap());
    let site = Arc::new(Site::new(1_000_000).await);
    let shops = Arc::new(vec![site.serve(&[])]);
    measure(&site, &shops, "TEMPLATE", None, TEMPLATE).await;
    let small = measure(&site, &shops, "SMALL", None, duration).await;
    cycle::terminate(shops);
    println!("  {SMALL} orders and what is added meanwhile:");
    cycle::report(&small, rsa);

    let start = Instant::now();
    let path = site.path("ledger.db");
    Copier::new(&path).multiply(orders);
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!(
        "  {orders} orders, loaded in {:.0} s: {} bytes per order",
        start.elapsed().as_secs_f64(),
        bytes / orders as u64
    );
    let shops = Arc::new(vec![site.serve(&[])]);
    measure(&site, &shops, "WARM", None, Duration::from_secs(2)).await;
    let large = measure(&site, &shops, "LARGE", None, duration).await;
    cycle::report(&large, rsa);
    println!(
        "  {:.2} x the processor time, at most {:.1} MiB",
        large.cpu / small.cpu,
        shops[0].memory("VmHWM")
    );
    cycle::terminate(shops);
}

/// Copies the rows of the template's orders.
pub(crate) struct Copier {
    connection: Connection,
}

/// A table, and the position of its columns.
struct Table {
    name: String,
    columns: Vec<String>,
}

impl Table {
    fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

impl Copier {
    pub(crate) fn new(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        // The ledger is not needed after a crash of the benchmark.
        for (name, value) in [("journal_mode", "OFF"), ("synchronous", "OFF"), ("cache_size", "-2000000")] {
            connection.pragma_update(None, name, value).unwrap();
        }
        Self { connection }
    }

    fn tables(&self) -> Vec<Table> {
        let text = "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' \
                    AND m.name IN ('orders', 'numbers', 'payments', 'payment_evidence', 'tasks', 'events', 'inbox', 'calls') \
                    ORDER BY m.name, c.cid";
        let mut statement = self.connection.prepare(text).unwrap();
        let names = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let mut tables: Vec<Table> = Vec::new();
        for (name, column) in names.map(|each: rusqlite::Result<(String, String)>| each.unwrap()) {
            match tables.last_mut().filter(|table| table.name == name) {
                Some(table) => table.columns.push(column),
                None => tables.push(Table { name, columns: vec![column] }),
            }
        }
        tables
    }

    /// Adds copies until there are so many orders.
    pub(crate) fn multiply(&self, orders: usize) {
        self.connection.execute_batch("BEGIN").unwrap();
        let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let present = self.connection.query_row("SELECT count(*) FROM orders", [], count).unwrap();
        let present = usize::try_from(present).unwrap();
        let template: Vec<(String, String)> = {
            let text = "SELECT p.out_trade_no, p.transaction_id FROM payments p WHERE p.out_trade_no LIKE 'TEMPLATE%'";
            let mut statement = self.connection.prepare(text).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.map(Result::unwrap).take(SMALL).collect()
        };
        assert_eq!(template.len(), SMALL, "too few orders for a template");
        let tables = self.tables();
        let copies = orders.saturating_sub(present) / SMALL;
        for table in &tables {
            let marks =
                (1..=table.columns.len()).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ");
            let mut insert =
                self.connection.prepare(&format!("INSERT INTO {} VALUES ({marks})", table.name)).unwrap();
            let last: i64 = self
                .connection
                .query_row("SELECT coalesce(max(last), 0) FROM event_logs", [], |row| row.get(0))
                .unwrap();
            let mut position = last;
            let rows: Vec<(usize, Vec<Value>)> = (0..SMALL)
                .flat_map(|each| self.rows(table, &template[each]).into_iter().map(move |row| (each, row)))
                .collect();
            for copy in 0..copies {
                for (each, row) in &rows {
                    let mut row = renumbered(row, &template[*each], copy);
                    if let Some(column) = table.position("position") {
                        position += 1;
                        row[column] = Value::Integer(position);
                    }
                    if let Some(shard) = table.position("shard") {
                        row[shard] = Value::Integer(i64::from(shard_of(table, &row)));
                    }
                    insert
                        .execute(rusqlite::params_from_iter(
                            row.iter().map(|cell| ToSqlOutput::Owned(cell.clone())),
                        ))
                        .unwrap();
                }
            }
            if position > last {
                self.connection
                    .execute("UPDATE event_logs SET last = ?1, version = version + 1", [position])
                    .unwrap();
            }
        }
        self.connection.execute_batch("COMMIT; PRAGMA journal_mode = WAL; PRAGMA optimize").unwrap();
    }

    /// Returns the rows of one order.
    fn rows(&self, table: &Table, (number, transaction): &(String, String)) -> Vec<Vec<Value>> {
        let subject = format!("order:default:{number}");
        let (condition, values) = match (&*table.name, table.position("out_trade_no")) {
            ("numbers", _) => ("number IN (?1, ?2)", vec![number.clone(), transaction.clone()]),
            (_, Some(_)) => ("out_trade_no = ?1", vec![number.clone()]),
            (_, None) => ("subject = ?1", vec![subject]),
        };
        let text = format!("SELECT * FROM {} WHERE {condition}", table.name);
        let mut statement = self.connection.prepare_cached(&text).unwrap();
        let columns = table.columns.len();
        let rows = statement
            .query_map(rusqlite::params_from_iter(values), |row| {
                (0..columns).map(|column| row.get(column)).collect()
            })
            .unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// Returns the row for a copy of the order: with another number and transaction, and other identifiers.
fn renumbered(row: &[Value], (number, transaction): &(String, String), copy: usize) -> Vec<Value> {
    let other_number = number.replace("TEMPLATE", &format!("B{copy:07}"));
    let other_transaction = format!("{:010}{}", 9_000_000_000 + copy, &transaction[10..]);
    row.iter()
        .map(|cell| match cell {
            Value::Text(text) if is_identifier(text) => {
                let (kind, rest) = text.split_once('_').map_or(("", &**text), |(_, rest)| ("evt_", rest));
                Value::Text(format!("{kind}{copy:08x}{}", &rest[8..]))
            }
            Value::Text(text) => Value::Text(
                text.replace(&**number, &other_number).replace(&**transaction, &other_transaction),
            ),
            other => other.clone(),
        })
        .collect()
}

/// Returns whether a cell is the id of an event or a digest, which no other row has.
fn is_identifier(text: &str) -> bool {
    let digits = text.strip_prefix("evt_").unwrap_or(text);
    digits.len() >= 26 && digits.len() <= 64 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) && {
        text.starts_with("evt_") || digits.len() == 64
    }
}

/// Returns the shard of a row: by the number of the order, or that of the claim.
fn shard_of(table: &Table, row: &[Value]) -> u8 {
    let text = |name: &str| match table.position(name).map(|position| &row[position]) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let number = if table.name == "numbers" { text("number") } else { text("out_trade_no") };
    Sha256::digest(format!("default\0{number}"))[0] % 64
}
