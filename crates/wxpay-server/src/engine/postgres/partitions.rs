//! Partitions: a table that begins with `month` has one for each month, named after both, such as `events_202611`.
//!
//! They are made ahead. A row whose partition is missing all the same, because a clock is wrong or a ledger is copied,
//! makes it and is inserted again.

use super::{
    failure::{Failure, Kind},
    session::{Request, Session},
    transaction::Transactions,
};
use crate::{engine::LedgerError, ledger::TableInfo};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;

/// Making a partition: another process waits that does the same, and nothing else. A partition that is made beside its
/// table and attached afterwards needs no lock that a payment would wait for.
const LOCK_TIMEOUT_OF_MAKING: &str = "2s";
/// Dropping a partition locks the whole table. Whoever needs it meanwhile waits no longer than this.
const LOCK_TIMEOUT_OF_DROPPING: &str = "200ms";
/// Limit of the tries to drop a partition of a table in use.
const MAX_DROPS: u32 = 5;
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A partition: a table and its month.
pub(super) type Partition = (&'static str, u64);

impl Transactions {
    /// Makes those of the partitions that are missing.
    pub(super) async fn make_partitions(&self, partitions: &[Partition]) -> Result<(), LedgerError> {
        let lease = self.pool.get().await?;
        let made = make(lease.session(), partitions).await;
        match made {
            Ok(()) => lease.release(),
            // The session may be in a transaction, which its end rolls back.
            Err(ref failure) => lease.discard(failure),
        }
        made.map_err(Failure::error)
    }

    /// Drops the partitions of a table that are of earlier months. Returns their number.
    pub(super) async fn drop_partitions(&self, table: &TableInfo, before: u64) -> Result<usize, LedgerError> {
        let mut dropped = 0_usize;
        let mut tries = 1_u32;
        loop {
            let lease = self.pool.get().await?;
            let failure = match drop_first(lease.session(), table, before).await {
                Ok(is_dropped) => {
                    lease.release();
                    if !is_dropped {
                        return Ok(dropped);
                    }
                    dropped = dropped.saturating_add(1);
                    continue;
                }
                Err(failure) => failure,
            };
            lease.discard(&failure);
            if failure.kind != Kind::Conflict || tries >= MAX_DROPS {
                return Err(failure.error());
            }
            tries = tries.saturating_add(1);
            sleep(RETRY_DELAY).await;
        }
    }
}

async fn make(session: &Session, partitions: &[Partition]) -> Result<(), Failure> {
    let tables: BTreeSet<&str> = partitions.iter().map(|(table, _)| *table).collect();
    for table in tables {
        let known = months(session, table).await?;
        for (_, month) in partitions.iter().filter(|(each, month)| *each == table && !known.contains(month)) {
            make_one(session, table, *month).await?;
        }
    }
    Ok(())
}

async fn make_one(session: &Session, table: &str, month: u64) -> Result<(), Failure> {
    let begin = format!(
        "BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_OF_MAKING}'; \
         LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE"
    );
    session.send(vec![Request::Batch(&begin)]).await?;
    // Another process may have made it while this one waited.
    if !months(session, table).await?.contains(&month) {
        let next = month.saturating_add(1);
        let make = format!(
            "CREATE TABLE {table}_{month} (LIKE {table} INCLUDING CONSTRAINTS); \
             ALTER TABLE {table} ATTACH PARTITION {table}_{month} FOR VALUES FROM ({month}) TO ({next})"
        );
        session.send(vec![Request::Batch(&make)]).await?;
    }
    session.send(vec![Request::Batch("COMMIT")]).await?;
    Ok(())
}

/// Drops the first partition that is of an earlier month. Returns `false` if there is none.
async fn drop_first(session: &Session, table: &TableInfo, before: u64) -> Result<bool, Failure> {
    let Some(month) = first_before(&months(session, table.name).await?, before) else { return Ok(false) };
    let text = format!(
        "BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_OF_DROPPING}'; DROP TABLE IF EXISTS {}_{month}; COMMIT",
        table.name
    );
    session.send(vec![Request::Batch(&text)]).await?;
    Ok(true)
}

/// Returns the first month before a month.
fn first_before(months: &BTreeSet<u64>, before: u64) -> Option<u64> {
    months.iter().copied().find(|month| *month < before)
}

/// Returns the months of the partitions of a table.
async fn months(session: &Session, table: &str) -> Result<BTreeSet<u64>, Failure> {
    let query = format!(
        "SELECT string_agg(child.relname, ' ') FROM pg_catalog.pg_inherits \
         JOIN pg_catalog.pg_class AS child ON child.oid = inhrelid WHERE inhparent = to_regclass('{table}')"
    );
    let names = session.ask(&query).await?.into_iter().next().flatten().unwrap_or_default();
    let month = |name: &str| name.rsplit('_').next().and_then(|month| month.parse().ok());
    Ok(names.split(' ').filter_map(month).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_before_the_first_that_is_kept_are_dropped_and_no_other() {
        let months = BTreeSet::from([202_612, 202_610, 202_611]);
        assert_eq!(first_before(&months, 202_612), Some(202_610));
        assert_eq!(first_before(&months, 202_610), None);
        assert_eq!(first_before(&BTreeSet::new(), 202_610), None);
    }
}
