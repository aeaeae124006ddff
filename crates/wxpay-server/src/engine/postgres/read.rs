//! Reads without a change.

use super::{
    failure::{Failure, Kind},
    plan::Lock,
    session::{Reply, Request},
    transaction::Transactions,
};
use crate::{
    engine::{
        LedgerError,
        scan::RawScan,
        texts::{self, Dialect},
    },
    ledger::{Load, Rows, Value},
};

/// Limit of the tries of a read whose connection is lost.
const MAX_READS: u32 = 3;

/// Begins the read of one moment.
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl Transactions {
    /// Returns the rows of several loads, as of one moment.
    pub(super) async fn read(&self, loads: &[Load]) -> Result<Rows, LedgerError> {
        let selects: Vec<Request<'_>> =
            loads.iter().map(|load| self.texts.select(load, Lock::None)).collect::<Result<_, _>>()?;
        let mut rows = Rows::default();
        for (load, reply) in loads.iter().zip(self.request(&selects).await?) {
            for row in reply.into_rows() {
                rows.push(load.table, row);
            }
        }
        Ok(rows)
    }

    /// Returns the cells of the rows of a scan.
    pub(super) async fn scan(&self, scan: &RawScan) -> Result<Vec<Vec<Value>>, LedgerError> {
        let (text, cells) = texts::scan(scan, Dialect::Postgres);
        let mut replies = self.request(&[Request::scan(&text, scan.table, cells)]).await?.into_iter();
        Ok(replies.next().map(Reply::into_rows).unwrap_or_default())
    }

    /// Returns the replies to selects, as of one moment.
    async fn request(&self, selects: &[Request<'_>]) -> Result<Vec<Reply>, LedgerError> {
        let mut tries = 1_u32;
        loop {
            match self.request_once(selects).await? {
                Err(failure) if failure.kind == Kind::Lost && tries < MAX_READS => {}
                replies => return replies.map_err(Failure::error),
            }
            tries = tries.saturating_add(1);
        }
    }

    async fn request_once(
        &self,
        selects: &[Request<'_>],
    ) -> Result<Result<Vec<Reply>, Failure>, LedgerError> {
        let lease = self.pool.get().await?;
        let replies = if selects.len() == 1 {
            lease.session().send(selects.to_vec()).await
        } else {
            let begin = [Request::Batch(BEGIN_SNAPSHOT)];
            // Sent at once. If a select fails, it ends the transaction all the same.
            let end = [Request::Batch("COMMIT")];
            let requests = begin.iter().chain(selects).chain(&end).cloned().collect();
            lease.session().send(requests).await.map(|mut replies| {
                replies.drain(..1);
                replies
            })
        };
        match &replies {
            Err(failure) if !failure.leaves_connection() => lease.discard(failure),
            Ok(_) | Err(_) => lease.release(),
        }
        Ok(replies)
    }
}
