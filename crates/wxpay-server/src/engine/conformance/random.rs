//! Random rows and random transactions on every table.

use super::{Ledgers, all, assert_equal};
use crate::ledger::{
    Change, Changes, Load, Mode, TableInfo, Value,
    rows::TABLES,
    table::{Column, ColumnKind},
};
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestRunner};
use tokio::runtime::Runtime;

/// One change, before it is made for a table.
#[derive(Clone, Debug)]
struct Step {
    table: Index,
    /// A random number for each cell.
    cells: Vec<u8>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Put,
    Insert,
    Replace,
    Delete { cells: Index },
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        4 => Just(Kind::Put),
        2 => Just(Kind::Insert),
        2 => Just(Kind::Replace),
        1 => any::<Index>().prop_map(|cells| Kind::Delete { cells }),
    ];
    (any::<Index>(), vec(any::<u8>(), 32), kind).prop_map(|(table, cells, kind)| Step { table, cells, kind })
}

impl Step {
    fn change(&self) -> Change {
        let table = TABLES[self.table.index(TABLES.len())];
        let values = row(table, &self.cells);
        let mode = match &self.kind {
            Kind::Insert => Mode::Insert,
            Kind::Replace if table.position("version").is_some() => Mode::Replace(1),
            Kind::Put | Kind::Replace => Mode::Put,
            Kind::Delete { cells } => {
                // At least one cell: otherwise the tables stay empty.
                let prefix = values[..=cells.index(table.key)].to_vec();
                return Change::Delete { table, prefix };
            }
        };
        Change::Write { table, values, mode }
    }
}

/// Returns a row of any table. Few values, so that keys meet again.
pub(super) fn row(table: &'static TableInfo, cells: &[u8]) -> Vec<Value> {
    let numbered = table.columns.iter().enumerate();
    numbered.map(|(number, column)| cell(table, column, number < table.key, cells[number])).collect()
}

fn cell(table: &'static TableInfo, column: &Column, is_key: bool, random: u8) -> Value {
    const TEXTS: [&str; 6] = ["a", "b", "", "ab", "é", "a\0"];
    const NUMBERS: [i64; 4] = [1, 2, 10, i64::MAX];
    let among = |count: usize| usize::from(random) % count;
    let text = |texts: &[&str]| Value::Text(texts[among(texts.len())].into());
    match (table.name, column.name) {
        ("orders", "status") => text(&["open", "closed", "paid", "reversing", "reversed"]),
        ("refunds", "status") => text(&["pending", "success"]),
        ("cases", "status") => text(&["open", "resolved"]),
        ("endpoints", "status") => text(&["enabled", "disabled"]),
        // SMALLINT in PostgreSQL.
        (_, "may_exist_upstream" | "in_doubt" | "delivered" | "gave_up") => Value::Int([0, 1][among(2)]),
        (_, "version") => Value::Int([1, 1, 2][among(3)]),
        _ if column.is_nullable && random % 4 == 3 => Value::Null,
        _ if is_key && column.kind == ColumnKind::Text => text(&TEXTS[..2]),
        _ if is_key => Value::Int(NUMBERS[among(2)]),
        _ if column.kind == ColumnKind::Text => text(&TEXTS),
        _ => Value::Int(NUMBERS[among(4)]),
    }
}

#[test]
fn random_transactions_give_equal_ledgers_on_every_engine() {
    let runtime = Runtime::new().unwrap();
    let transactions = vec(vec(step(), 1..6), 1..80);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(64));
    let ledgers = runtime.block_on(Ledgers::new());
    let run = |transactions: Vec<Vec<Step>>| {
        runtime.block_on(async {
            let all = TABLES.iter().map(|table| Change::Delete { table, prefix: Vec::new() });
            ledgers.write(Changes::from(all.collect::<Vec<_>>())).await.unwrap();
            for steps in &transactions {
                let changes: Vec<Change> = steps.iter().map(Step::change).collect();
                let _ = ledgers.write(Changes::from(changes)).await;
            }
            for other in &ledgers.all[1..] {
                assert_equal(&ledgers.all[0], other).await;
            }
            assert_loads_are_equal(&ledgers).await;
        });
        Ok(())
    };
    runner.run(&transactions, run).unwrap();
}

/// Asserts that the loads by every prefix of every key that exists are equal.
async fn assert_loads_are_equal(ledgers: &Ledgers) {
    for table in TABLES {
        for row in all(&ledgers.all[0], table).await {
            let loads: Vec<Load> = (0..=table.key)
                .flat_map(|cells| [(cells, false), (cells, true)])
                .map(|(cells, is_first_only)| Load {
                    table,
                    prefix: row[..cells].to_vec(),
                    is_first_only,
                    is_parent: false,
                })
                .collect();
            let expected = ledgers.all[0].read(loads.clone()).await.unwrap();
            for other in &ledgers.all[1..] {
                assert!(other.read(loads.clone()).await.unwrap() == expected, "{} {other:?}", table.name);
            }
        }
    }
}
