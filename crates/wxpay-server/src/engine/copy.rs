//! Copying a ledger from one engine to another.

use super::{Ledger, LedgerError, scan::RawScan};
use crate::ledger::{
    Change, Changes, Context, Corrupt, Decision, Load, Mode, Operation, Rows, TableInfo, Value, rows::TABLES,
};
use wxpay_proto::UnixTime;

/// The largest number of rows of one transaction.
const PAGE: usize = 500;

/// The context of [`InsertRows`], which depends on nothing.
const CONTEXT: Context = Context { now: UnixTime::EPOCH, random: 0 };

/// Inserts rows as they are.
#[derive(Clone, Debug)]
struct InsertRows(Changes);

impl Operation for InsertRows {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        Vec::new()
    }

    fn decide(&self, _: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        Ok(Decision { changes: self.0.clone(), output: () })
    }
}

/// Returns whether a ledger has no rows.
///
/// # Errors
///
/// If it cannot be read.
pub(crate) async fn is_empty(ledger: &Ledger) -> Result<bool, LedgerError> {
    for table in TABLES {
        if !page(ledger, table, None, 1).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Copies all rows to an empty ledger. Returns their number.
///
/// # Errors
///
/// If a ledger fails. Some rows may be copied.
pub(crate) async fn copy(from: &Ledger, to: &Ledger) -> Result<u64, LedgerError> {
    let mut count = 0_u64;
    for table in TABLES {
        let mut after = None;
        loop {
            let rows = page(from, table, after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = Some(key(table, last));
            count = count.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
            let insert = |values| Change::Write { table, values, mode: Mode::Insert };
            let changes = rows.into_iter().map(insert).collect::<Vec<_>>();
            to.run(InsertRows(changes.into()), CONTEXT).await?;
        }
    }
    Ok(count)
}

/// Compares two ledgers, row by row. Returns the first table that differs.
///
/// # Errors
///
/// If one cannot be read.
pub(crate) async fn difference(one: &Ledger, other: &Ledger) -> Result<Option<&'static str>, LedgerError> {
    for table in TABLES {
        let mut after: Option<Vec<Value>> = None;
        loop {
            let rows = page(one, table, after.clone(), PAGE).await?;
            if rows != page(other, table, after, PAGE).await? {
                return Ok(Some(table.name));
            }
            let Some(last) = rows.last() else { break };
            after = Some(key(table, last));
        }
    }
    Ok(None)
}

/// Returns rows of a table in the order of their keys, after a key.
async fn page(
    ledger: &Ledger,
    table: &'static TableInfo,
    after: Option<Vec<Value>>,
    limit: usize,
) -> Result<Vec<Vec<Value>>, LedgerError> {
    let (equal, until) = (Vec::new(), None);
    ledger.scan_raw(RawScan { table, index: "", equal, until, after, is_descending: false, limit }).await
}

fn key(table: &TableInfo, row: &[Value]) -> Vec<Value> {
    row.get(..table.key).unwrap_or(row).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{
            conformance::{Write, assert_equal, changes, lease},
            model::Model,
        },
        ledger::{Prefix, rows::task::LeaseRow},
    };

    #[tokio::test]
    async fn a_copy_has_all_rows_and_a_row_that_differs_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Ledger::from(Model::new()), Ledger::open(&dir.path().join("ledger.db")).unwrap());
        assert!(is_empty(&one).await.unwrap());
        let rows: Vec<LeaseRow> = (0..1001).map(|number| lease(&format!("{number:04}"), 1)).collect();
        one.run(Write(changes(|changes| rows.iter().for_each(|row| changes.put(row)))), CONTEXT)
            .await
            .unwrap();
        assert!(!is_empty(&one).await.unwrap());
        assert_eq!(difference(&one, &other).await.unwrap(), Some("leases"));
        assert_eq!(copy(&one, &other).await.unwrap(), 1001);
        assert_equal(&one, &other).await;
        assert_eq!(difference(&one, &other).await.unwrap(), None);
        for write in [
            changes(|changes| changes.put(&lease("1000", 2))),
            changes(|changes| changes.delete(LeaseRow::of("1000"))),
        ] {
            other.run(Write(write), CONTEXT).await.unwrap();
            assert_eq!(difference(&one, &other).await.unwrap(), Some("leases"));
            assert_eq!(difference(&other, &one).await.unwrap(), Some("leases"));
        }
        assert_eq!(other.load(Prefix::<LeaseRow>::all()).await.unwrap().len(), 1000);
    }
}
