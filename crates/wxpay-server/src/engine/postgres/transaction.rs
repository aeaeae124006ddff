//! Transactions: an operation is loaded, decided, applied and committed, and runs again if another was first.
//!
//! [`super::plan`] says which rows are locked. What an operation did not find cannot be locked. If it writes that row, it
//! inserts it, whatever the change says: if another transaction has inserted it meanwhile, the operation runs again. If
//! it writes nothing, because its root is absent, the decision is made again on a snapshot: the loads of a
//! transaction that has no root to lock may be of different moments.

use super::{
    apply::Applied,
    failure::{Failure, Kind},
    partitions::Partition,
    plan::Plan,
    pool::{Lease, Pool},
    session::{Request, Session},
    texts::AllTexts,
    url::Isolation,
};
use crate::{
    engine::{LedgerError, LedgerMetrics},
    ledger::{Changes, Context, Corrupt, Decision, Load, Operation, Rows},
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Limit of the runs of an operation that conflicts with others.
const MAX_RUNS: u32 = 8;
/// The longest pause before the second run. It doubles with each run, up to sixteen-fold.
const RETRY_DELAY: Duration = Duration::from_millis(10);

/// Begins a transaction. The limits keep a process that was frozen from holding its locks for ever; they end with the
/// transaction, as a pooler requires.
const BEGIN_READ_COMMITTED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 6000; \
     SET LOCAL idle_in_transaction_session_timeout = 10000";
const BEGIN_SERIALIZABLE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL statement_timeout = 6000; \
     SET LOCAL idle_in_transaction_session_timeout = 10000";

/// The transactions on one database.
#[derive(Debug)]
pub(super) struct Transactions {
    pub(super) pool: Pool,
    pub(super) texts: AllTexts,
    isolation: Isolation,
    operations: AtomicU64,
    commit_micros: AtomicU64,
}

/// The reason why a run of an operation was not committed.
pub(super) enum Stopped {
    /// A conflict with another transaction.
    Conflict(LedgerError),
    /// A statement failed.
    Failed(Failure),
    /// A statement failed because one of these partitions is missing.
    NoPartition(Vec<Partition>, Failure),
    /// The operation cannot be carried out.
    Refused(LedgerError),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Corrupt> for Stopped {
    fn from(corrupt: Corrupt) -> Self {
        Self::Refused(corrupt.into())
    }
}

/// A decision whose changes are applied, and not yet committed.
struct Decided<T> {
    decision: Decision<T>,
    /// Whether nothing locked the state that was decided on.
    had_no_lock: bool,
}

impl Transactions {
    pub(super) fn new(pool: Pool, isolation: Isolation) -> Self {
        Self {
            pool,
            isolation,
            texts: AllTexts::new(),
            operations: AtomicU64::new(0),
            commit_micros: AtomicU64::new(0),
        }
    }

    pub(super) fn metrics(&self) -> LedgerMetrics {
        let operations = self.operations.load(Ordering::Relaxed);
        LedgerMetrics {
            operations,
            commits: operations,
            commit_micros: self.commit_micros.load(Ordering::Relaxed),
            queued: self.pool.waiting(),
        }
    }

    /// Runs an operation until it is committed.
    pub(super) async fn run<O: Operation>(
        &self,
        operation: &O,
        context: &Context,
    ) -> Result<O::Output, LedgerError> {
        let loads = operation.loads();
        let plan = Plan::new(&loads, self.isolation);
        let mut runs = 1_u32;
        loop {
            let stopped = match self.run_once(operation, context, &loads, &plan).await {
                Ok(output) => {
                    self.operations.fetch_add(1, Ordering::Relaxed);
                    return Ok(output);
                }
                Err(stopped) => stopped,
            };
            let (error, may_run_again) = match stopped {
                Stopped::Conflict(error) => (error, true),
                // Not committed: a connection that idled while the database restarted, for example.
                Stopped::Failed(failure) => {
                    let may_run_again = matches!(failure.kind, Kind::Conflict | Kind::Lost);
                    (failure.error(), may_run_again)
                }
                // At the latest when the month changes, for a clock that is ahead.
                Stopped::NoPartition(partitions, failure) => {
                    let made = self.make_partitions(&partitions).await;
                    (made.err().unwrap_or_else(|| failure.error()), true)
                }
                Stopped::Refused(error) => (error, false),
            };
            if !may_run_again || runs >= MAX_RUNS {
                // That the database is away is logged when it is dialled.
                if !matches!(error, LedgerError::Unreachable(_) | LedgerError::Closed) {
                    tracing::error!(%error, cause = error.cause(), "an operation of the ledger failed");
                }
                return Err(error);
            }
            sleep(retry_delay(runs, context.random)).await;
            runs = runs.saturating_add(1);
        }
    }

    async fn run_once<O: Operation>(
        &self,
        operation: &O,
        context: &Context,
        loads: &[Load],
        plan: &Plan,
    ) -> Result<O::Output, Stopped> {
        let lease = self.pool.get().await.map_err(Stopped::Refused)?;
        let decided = self.decide(lease.session(), operation, context, loads, plan).await;
        let Decided { decision: Decision { changes, output }, had_no_lock } = match decided {
            Ok(decided) => decided,
            Err(stopped) => {
                self.roll_back(lease, &stopped).await;
                return Err(stopped);
            }
        };
        self.commit(lease, &changes).await?;
        if changes.is_empty() && had_no_lock {
            return self.decide_on_snapshot(operation, context, loads).await;
        }
        Ok(output)
    }

    /// Loads, decides and applies. The transaction stays open.
    async fn decide<O: Operation>(
        &self,
        session: &Session,
        operation: &O,
        context: &Context,
        loads: &[Load],
        plan: &Plan,
    ) -> Result<Decided<O::Output>, Stopped> {
        let begin = match plan.isolation {
            Isolation::ReadCommitted => BEGIN_READ_COMMITTED,
            Isolation::Serializable => BEGIN_SERIALIZABLE,
        };
        let mut requests = vec![Request::Batch(begin)];
        for (position, lock) in &plan.steps {
            if let Some(load) = loads.get(*position) {
                requests.push(self.texts.select(load, *lock).map_err(Stopped::Refused)?);
            }
        }
        let replies = session.send(requests).await?.into_iter().skip(1);
        let mut replies: Vec<_> = plan.steps.iter().map(|(position, _)| *position).zip(replies).collect();
        // An operation relies on the order of its loads.
        replies.sort_by_key(|(position, _)| *position);
        let mut rows = Rows::default();
        let mut had_no_lock = false;
        for (load, (_, reply)) in loads.iter().zip(replies) {
            let found = reply.into_rows();
            had_no_lock |= found.is_empty() && plan.needs(load);
            for row in found {
                rows.push(load.table, row);
            }
        }
        let decision = operation.decide(&rows, context)?;
        Applied { loads, rows: &rows, texts: &self.texts }.apply(session, &decision.changes).await?;
        Ok(Decided { decision, had_no_lock })
    }

    /// Commits. If nothing was changed, a lost connection does no harm.
    async fn commit(&self, lease: Lease<'_>, changes: &Changes) -> Result<(), Stopped> {
        let begun = Instant::now();
        let Err(failure) = lease.session().send(vec![Request::Batch("COMMIT")]).await else {
            let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.commit_micros.fetch_add(micros, Ordering::Relaxed);
            lease.release();
            return Ok(());
        };
        // A commit ends the transaction, also if the server refuses it.
        if failure.leaves_connection() {
            lease.release();
        } else {
            lease.discard(&failure);
        }
        if failure.kind == Kind::Conflict {
            Err(Stopped::Failed(failure))
        } else if changes.is_empty() {
            Ok(())
        } else {
            Err(Stopped::Refused(failure.error_of_commit()))
        }
    }

    async fn roll_back(&self, lease: Lease<'_>, stopped: &Stopped) {
        let failure = match stopped {
            Stopped::Failed(failure) if !failure.leaves_connection() => Some(failure.clone()),
            Stopped::Failed(_) | Stopped::NoPartition(..) | Stopped::Conflict(_) | Stopped::Refused(_) => {
                lease.session().send(vec![Request::Batch("ROLLBACK")]).await.err()
            }
        };
        match failure {
            Some(failure) => lease.discard(&failure),
            None => lease.release(),
        }
    }

    /// Decides again on the rows of one moment. The decision must be to change nothing, as before.
    async fn decide_on_snapshot<O: Operation>(
        &self,
        operation: &O,
        context: &Context,
        loads: &[Load],
    ) -> Result<O::Output, Stopped> {
        let rows = self.read(loads).await.map_err(Stopped::Refused)?;
        let Decision { changes, output } = operation.decide(&rows, context)?;
        match changes.iter().next() {
            None => Ok(output),
            Some(change) => Err(Stopped::Conflict(LedgerError::Conflict(change.table().name))),
        }
    }
}

/// Returns the pause after a run that conflicted: random, so that rivals do not meet again.
fn retry_delay(runs: u32, random: u64) -> Duration {
    let longest = RETRY_DELAY.saturating_mul(1_u32 << runs.saturating_sub(1).min(4));
    // Other random bits for each run.
    let share = u32::try_from(random.rotate_left(runs.saturating_mul(16)) & 0xffff).unwrap_or_default();
    longest.saturating_mul(share).checked_div(0xffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_runs_is_random_and_grows_up_to_sixteen_fold() {
        assert_eq!(retry_delay(1, u64::MAX), RETRY_DELAY);
        assert_eq!(retry_delay(3, u64::MAX), RETRY_DELAY * 4);
        assert_eq!(retry_delay(30, u64::MAX), RETRY_DELAY * 16);
        assert_eq!(retry_delay(3, 0), Duration::ZERO);
        assert_ne!(retry_delay(1, 0x1234_5678_9abc_def0), retry_delay(5, 0x1234_5678_9abc_def1));
    }
}
