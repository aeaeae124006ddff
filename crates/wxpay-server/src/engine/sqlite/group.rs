//! Group commit: the operations that were queued during one commit share the next one, and are answered after it.
//!
//! An operation is answered `Ok` only after its commit. If the commit fails, every operation in it fails. An operation
//! that fails while it runs does not fail the others: the group is rolled back, and each runs again in a transaction of
//! its own. This is rare, so that the usual path needs no savepoint. When the queue closes, every operation still in it
//! fails: no caller waits for ever.

use super::sync::{mpsc, oneshot};
use crate::{
    engine::LedgerError,
    ledger::{Changes, Load, Rows},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    slice,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The time for which a commit waits for more operations while many arrive. A group costs one fsync, whatever its size.
const COMMIT_DELAY: Duration = Duration::from_micros(500);
/// The number of operations in the commit before from which many are said to arrive. With fewer, nobody waits.
const COMMIT_SIBLINGS: usize = 4;
/// Limit of the runs of an operation whose changes conflict.
const MAX_RUNS: u32 = 8;

/// A database with transactions, on one connection.
pub(super) trait Database {
    /// Begins a transaction.
    fn begin(&mut self) -> Result<(), LedgerError>;
    /// Commits the transaction.
    fn commit(&mut self) -> Result<(), LedgerError>;
    /// Rolls the transaction back.
    fn roll_back(&mut self);
    /// Returns whether a transaction is active. A database may roll back by itself, for example on a full disk.
    fn is_active(&self) -> bool;
    /// Reads rows.
    fn load(&mut self, load: &Load, rows: &mut Rows) -> Result<(), LedgerError>;
    /// Applies changes. If it fails, some of them may be applied.
    fn apply(&mut self, changes: &Changes) -> Result<(), LedgerError>;
}

/// The failure of one [`Work`].
#[derive(Debug)]
pub(super) enum Failed {
    /// The transaction is as it was before, and may be committed.
    Unchanged(LedgerError),
    /// The transaction must be rolled back.
    Broken(LedgerError),
}

/// Something to do in a transaction. It may be run several times, until it is committed.
pub(super) trait Work: Send + 'static {
    /// The result, which the caller gets after the commit.
    type Output: Send + 'static;
    /// Runs in the active transaction.
    fn run(&mut self, database: &mut dyn Database) -> Result<Self::Output, Failed>;
}

/// A [`Work`] with its caller.
trait Job: Send {
    /// Runs the work. An error means that the transaction must be rolled back.
    fn run(&mut self, database: &mut dyn Database) -> Result<(), LedgerError>;
    /// Answers the caller with the commit's result.
    fn reply(self: Box<Self>, committed: Result<(), LedgerError>);
}

struct Queued<W: Work> {
    work: W,
    outcome: Option<Result<W::Output, LedgerError>>,
    caller: oneshot::Sender<Result<W::Output, LedgerError>>,
}

impl<W: Work> Job for Queued<W> {
    fn run(&mut self, database: &mut dyn Database) -> Result<(), LedgerError> {
        let work = &mut self.work;
        let (outcome, broken) = match catch_unwind(AssertUnwindSafe(|| work.run(database))) {
            Ok(Ok(output)) => (Some(Ok(output)), Ok(())),
            Ok(Err(Failed::Unchanged(error))) => (Some(Err(error)), Ok(())),
            Ok(Err(Failed::Broken(error))) => (None, Err(error)),
            Err(_) => (None, Err(LedgerError::Panicked)),
        };
        self.outcome = outcome;
        broken
    }

    fn reply(self: Box<Self>, committed: Result<(), LedgerError>) {
        let Self { outcome, caller, .. } = *self;
        let answer = committed.and_then(|()| outcome.unwrap_or(Err(LedgerError::Closed)));
        // The caller may have stopped waiting; the operation is committed all the same.
        drop(caller.send(answer));
    }
}

enum Message {
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// The sending end of the queue. Clones are handles to the same queue.
#[derive(Clone)]
pub(super) struct Queue(mpsc::Sender<Message>);

/// The receiving end of the queue.
pub(super) struct Messages(mpsc::Receiver<Message>);

/// The confirmation that the caller of [`Queue::close`] waits for.
pub(super) struct Closing(oneshot::Sender<()>);

/// Counters for metrics.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) operations: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) commit_micros: AtomicU64,
}

/// Creates a queue of at most `capacity` operations; further callers wait.
pub(super) fn queue(capacity: usize) -> (Queue, Messages) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Queue(sender), Messages(receiver))
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    /// Runs `work` in a transaction and returns after the commit. It runs even if the caller stops waiting.
    ///
    /// # Errors
    ///
    /// The error of the work or of the commit, or that the ledger is closed.
    pub(super) async fn write<W: Work>(&self, work: W) -> Result<W::Output, LedgerError> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Queued { work, outcome: None, caller });
        self.0.send(Message::Write(job)).await.map_err(|_| LedgerError::Closed)?;
        answer.await.unwrap_or(Err(LedgerError::Closed))
    }

    /// Returns the number of operations that wait.
    pub(super) fn len(&self) -> usize {
        self.0.max_capacity().saturating_sub(self.0.capacity())
    }

    /// Waits until the operations queued before are committed and [`Closing::confirm`] is called. Later ones fail.
    pub(super) async fn close(&self) {
        let (sender, receiver) = oneshot::channel();
        if self.0.send(Message::Close(sender)).await.is_ok() {
            // An error means that the queue was closed by somebody else.
            let _ = receiver.await;
        }
    }
}

impl Closing {
    pub(super) fn confirm(self) {
        // The caller may have stopped waiting.
        let _ = self.0.send(());
    }
}

impl Messages {
    /// Commits groups of at most `max_group` operations, until every [`Queue`] is dropped or one asks to close; returns
    /// the confirmation for the one that asked. Operations that are queued after it fail.
    pub(super) fn run(
        mut self,
        database: &mut impl Database,
        max_group: usize,
        counters: &Counters,
    ) -> Option<Closing> {
        let mut last_size = 0;
        loop {
            let (mut group, mut closing) = (Vec::new(), None);
            let mut next = Some(self.0.blocking_recv()?);
            if last_size >= COMMIT_SIBLINGS {
                thread::sleep(COMMIT_DELAY);
            }
            while let Some(message) = next.take() {
                match message {
                    Message::Write(job) => group.push(job),
                    Message::Close(sender) => closing = Some(Closing(sender)),
                }
                if group.len() < max_group && closing.is_none() {
                    next = self.0.try_recv().ok();
                }
            }
            last_size = group.len();
            if !group.is_empty() {
                write_group(database, group, counters);
            }
            if closing.is_some() {
                self.drain();
                return closing;
            }
        }
    }

    /// Closes the queue and drops its contents, so that the callers' channels close.
    ///
    /// Dropping the receiver is not enough: a caller that has already reserved its place puts its message into the queue
    /// afterwards, and would wait for ever. This waits until no place is reserved.
    fn drain(&mut self) {
        self.0.close();
        while self.0.blocking_recv().is_some() {}
    }
}

/// The failure of one transaction.
enum Unwritten {
    /// One operation failed; the others may be committed without it.
    Operation(LedgerError),
    /// The transaction could not begin, or not be committed.
    Transaction(LedgerError),
}

/// Commits a group and answers its callers.
fn write_group(database: &mut impl Database, mut group: Vec<Box<dyn Job>>, counters: &Counters) {
    match transact(database, &mut group, counters) {
        Err(Unwritten::Operation(_)) => {
            for job in group {
                write_alone(database, job, counters);
            }
        }
        Err(Unwritten::Transaction(error)) => reply(group, &Err(error)),
        Ok(()) => reply(group, &Ok(())),
    }
}

/// Commits one job in a transaction of its own and answers its caller.
fn write_alone(database: &mut impl Database, mut job: Box<dyn Job>, counters: &Counters) {
    let mut runs = 1_u32;
    let written = loop {
        match transact(database, slice::from_mut(&mut job), counters) {
            Err(Unwritten::Operation(LedgerError::Conflict(_))) if runs < MAX_RUNS => {
                runs = runs.saturating_add(1);
            }
            Err(Unwritten::Operation(error) | Unwritten::Transaction(error)) => break Err(error),
            Ok(()) => break Ok(()),
        }
    };
    if let Err(error) = &written {
        tracing::error!(%error, "an operation of the ledger failed");
    }
    job.reply(written);
}

fn reply(group: Vec<Box<dyn Job>>, committed: &Result<(), LedgerError>) {
    for job in group {
        job.reply(committed.clone());
    }
}

/// Runs jobs in one transaction: all of them are committed, or none.
fn transact(
    database: &mut impl Database,
    jobs: &mut [Box<dyn Job>],
    counters: &Counters,
) -> Result<(), Unwritten> {
    let begun = Instant::now();
    database.begin().map_err(Unwritten::Transaction)?;
    let mut written = Ok(());
    for job in jobs.iter_mut() {
        // Without a transaction, what a job writes would be committed at once.
        written = job.run(database).and_then(|()| {
            if database.is_active() {
                Ok(())
            } else {
                Err(LedgerError::Conflict("the transaction ended early"))
            }
        });
        if written.is_err() {
            break;
        }
    }
    let written = written
        .map_err(Unwritten::Operation)
        .and_then(|()| database.commit().map_err(Unwritten::Transaction));
    if written.is_err() && database.is_active() {
        database.roll_back();
    }
    match &written {
        Ok(()) => {
            let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            counters.operations.fetch_add(u64::try_from(jobs.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
            counters.commits.fetch_add(1, Ordering::Relaxed);
            counters.commit_micros.fetch_add(micros, Ordering::Relaxed);
        }
        Err(Unwritten::Transaction(error)) => tracing::error!(%error, "the ledger could not commit"),
        Err(Unwritten::Operation(_)) => {}
    }
    written
}
