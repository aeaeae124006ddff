//! Scans of every index of every table.

use super::{Ledgers, all, random::row};
use crate::{
    engine::scan::RawScan,
    ledger::{Change, Changes, Mode, TableInfo, Value, rows::TABLES},
};
use sha2::{Digest as _, Sha256};

/// Returns ledgers with 60 rows in each table, or as many as there are different keys.
async fn filled() -> Ledgers {
    let ledgers = Ledgers::new().await;
    for table in TABLES {
        let puts = (0..60_u8).map(|number| {
            let cells: Vec<u8> =
                Sha256::digest([number]).into_iter().chain(Sha256::digest([number, 1])).collect();
            Change::Write { table, values: row(table, &cells), mode: Mode::Put }
        });
        ledgers.write(Changes::from(puts.collect::<Vec<_>>())).await.unwrap();
    }
    ledgers
}

/// Returns the rows of a scan, which must be those of all engines.
async fn scan(ledgers: &Ledgers, scan: RawScan) -> Vec<Vec<Value>> {
    let expected = ledgers.all[0].scan_raw(scan.clone()).await.unwrap();
    for other in &ledgers.all[1..] {
        let found = other.scan_raw(scan.clone()).await.unwrap();
        assert!(found == expected, "{} {scan:?} {other:?}", scan.table.name);
    }
    expected
}

/// Returns the cells that order an index, of a row.
fn position(table: &'static TableInfo, index: &str, row: &[Value]) -> Vec<Value> {
    table.order(index).iter().map(|column| row[table.position(column).unwrap()].clone()).collect()
}

/// Returns every index of every table, and the primary keys.
fn indexes() -> impl Iterator<Item = (&'static TableInfo, &'static str)> {
    TABLES.iter().flat_map(|table| {
        let names = table.indexes.iter().map(|index| index.name);
        names.chain([""]).map(|name| (*table, name))
    })
}

fn plain(table: &'static TableInfo, index: &'static str, is_descending: bool) -> RawScan {
    let (equal, until, after) = (Vec::new(), None, None);
    RawScan { table, index, equal, until, after, is_descending, limit: 1000 }
}

#[tokio::test]
async fn a_scan_returns_all_rows_in_the_order_of_its_index() {
    let ledgers = filled().await;
    for (table, index) in indexes() {
        let mut rows = all(&ledgers.all[0], table).await;
        rows.sort_by_key(|row| position(table, index, row));
        assert!(scan(&ledgers, plain(table, index, false)).await == rows, "{index} {}", table.name);
        rows.reverse();
        assert!(scan(&ledgers, plain(table, index, true)).await == rows, "{index} {}", table.name);
    }
}

#[tokio::test]
async fn equal_cells_and_an_upper_limit_select_rows() {
    let ledgers = filled().await;
    for (table, index) in indexes() {
        let rows = all(&ledgers.all[0], table).await;
        for row in rows.iter().step_by(7) {
            let cells = position(table, index, row);
            for equal in 0..=cells.len() {
                for is_descending in [false, true] {
                    let base = plain(table, index, is_descending);
                    let base = RawScan { equal: cells[..equal].to_vec(), ..base };
                    let matches =
                        |each: &&Vec<Value>| position(table, index, each)[..equal] == cells[..equal];
                    let found = scan(&ledgers, base.clone()).await;
                    assert_eq!(found.len(), rows.iter().filter(matches).count(), "{index} {}", table.name);
                    let Some(until) = cells.get(equal) else { continue };
                    let within = |each: &&Vec<Value>| {
                        let cell = &position(table, index, each)[equal];
                        *until != Value::Null && *cell != Value::Null && cell <= until
                    };
                    let found = scan(&ledgers, RawScan { until: Some(until.clone()), ..base }).await;
                    let expected = rows.iter().filter(matches).filter(within).count();
                    assert_eq!(found.len(), expected, "{index} {}", table.name);
                }
            }
        }
    }
}

#[tokio::test]
async fn pages_continue_after_the_last_row() {
    let ledgers = filled().await;
    for (table, index) in indexes() {
        let some = all(&ledgers.all[0], table).await.swap_remove(0);
        // If all cells are equal, there is no position.
        for equal in 0..table.order(index).len().min(2) {
            for is_descending in [false, true] {
                let whole = plain(table, index, is_descending);
                let whole = RawScan { equal: position(table, index, &some)[..equal].to_vec(), ..whole };
                let (mut pages, mut after) = (Vec::new(), None);
                loop {
                    let page = scan(&ledgers, RawScan { after, limit: 7, ..whole.clone() }).await;
                    let Some(last) = page.last() else { break };
                    after = Some(position(table, index, last).split_off(equal));
                    pages.extend(page);
                    assert!(pages.len() <= 60, "{index} {}", table.name);
                }
                assert!(pages == scan(&ledgers, whole).await, "{index} {}", table.name);
            }
        }
    }
}
