//! Group commit: the writes that were queued during one commit share the next one, and are answered after it.
//!
//! A write is answered `Ok` only after its commit. If the commit fails, or a write of its group panics, every write in it
//! fails. When the queue closes, every write still in it fails: no caller waits for ever.

use super::{
    Failure,
    sync::{mpsc, oneshot},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
};

/// A database with transactions, on one connection.
pub(super) trait Database: Sized {
    /// Begins a transaction.
    fn begin(&self) -> Result<(), Failure>;
    /// Commits the transaction.
    fn commit(&self) -> Result<(), Failure>;
    /// Rolls the transaction back.
    fn roll_back(&self);
    /// Returns whether a transaction is active. A database may roll back by itself, for example on a full disk.
    fn is_active(&self) -> bool;
    /// Runs `job`. If it fails, its changes are undone, or the transaction is rolled back.
    fn in_savepoint<T>(&self, job: impl FnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure>;
}

/// A write. Runs inside the group's transaction, or with the reason why there is none, and returns the callback for the
/// commit's result.
type Job<D> = Box<dyn FnOnce(Result<&D, Failure>) -> Reply + Send>;
/// A callback that passes the commit's result to the caller.
type Reply = Box<dyn FnOnce(Result<(), Failure>) + Send>;

enum Message<D> {
    Write(Job<D>),
    Close(oneshot::Sender<()>),
}

/// The sending end of the queue. Clones are handles to the same queue.
#[derive(Debug)]
pub(super) struct Queue<D>(mpsc::Sender<Message<D>>);

/// The receiving end of the queue.
#[derive(Debug)]
pub(super) struct Messages<D>(mpsc::Receiver<Message<D>>);

/// The confirmation that the caller of [`Queue::close`] waits for.
#[derive(Debug)]
pub(super) struct Closing(oneshot::Sender<()>);

/// Creates a queue of at most `capacity` writes; further callers wait.
pub(super) fn queue<D>(capacity: usize) -> (Queue<D>, Messages<D>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Queue(sender), Messages(receiver))
}

impl<D> Clone for Queue<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D: Database + 'static> Queue<D> {
    /// Runs `job` in a transaction and returns after the commit. An `Err` of the job undoes its own changes, not those
    /// of other jobs in the group.
    ///
    /// The job runs even if the caller stops waiting.
    ///
    /// # Errors
    ///
    /// The job's error, the commit's error, or that the ledger is closed.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&D) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, receiver) = oneshot::channel();
        let job: Job<D> = Box::new(move |db| {
            let outcome = db.and_then(|db| {
                catch_unwind(AssertUnwindSafe(|| db.in_savepoint(job))).unwrap_or_else(|_| {
                    // The job stopped anywhere: nothing of its group may be committed.
                    db.roll_back();
                    Err(Failure::ROLLED_BACK)
                })
            });
            Box::new(move |committed| {
                // The caller may have stopped waiting; the write is committed all the same.
                drop(sender.send(committed.and(outcome)));
            })
        });
        self.0.send(Message::Write(job)).await.map_err(|_| Failure::CLOSED)?;
        receiver.await.unwrap_or(Err(Failure::CLOSED))
    }

    /// Waits until the writes queued before are committed and [`Closing::confirm`] is called. Later writes fail.
    pub(super) async fn close(&self) {
        let (sender, receiver) = oneshot::channel();
        if self.0.send(Message::Close(sender)).await.is_ok() {
            // An error means that the queue was closed by somebody else, or that a write panicked.
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

impl<D: Database> Messages<D> {
    /// Commits groups of at most `max_group` writes, until every [`Queue`] is dropped or one asks to close; returns the
    /// confirmation for the one that asked. Writes that are queued after it fail.
    pub(super) fn run(mut self, db: &D, max_group: usize, commits: &AtomicU64) -> Option<Closing> {
        loop {
            let (mut group, mut closing) = (Vec::new(), None);
            let mut next = Some(self.0.blocking_recv()?);
            while let Some(message) = next.take() {
                match message {
                    Message::Write(job) => group.push(job),
                    Message::Close(sender) => closing = Some(Closing(sender)),
                }
                if group.len() < max_group && closing.is_none() {
                    next = self.0.try_recv().ok();
                }
            }
            if !group.is_empty() {
                write_group(db, group, commits);
            }
            if closing.is_some() {
                self.drain();
                return closing;
            }
        }
    }

    /// Closes the queue and drops what is in it, so that the callers' channels close.
    ///
    /// Dropping the receiver is not enough: a caller that has already reserved its place puts its message into the queue
    /// afterwards, and would wait for ever. This waits until no place is reserved.
    fn drain(&mut self) {
        self.0.close();
        while self.0.blocking_recv().is_some() {}
    }
}

/// Runs a group of jobs in one transaction. If the transaction ends early, all jobs fail: none may report a commit that
/// did not happen.
fn write_group<D: Database>(db: &D, group: Vec<Job<D>>, commits: &AtomicU64) {
    let begun = db.begin();
    let replies: Vec<Reply> = group.into_iter().map(|job| job(active(db, &begun))).collect();
    let committed = active(db, &begun).and_then(D::commit);
    if committed.is_err() && db.is_active() {
        db.roll_back();
    }
    match &committed {
        Ok(()) => _ = commits.fetch_add(1, Ordering::Relaxed),
        Err(failure) => tracing::error!(%failure, "the ledger could not commit"),
    }
    for reply in replies {
        reply(committed.clone());
    }
}

/// Returns the database if the transaction that began is still active.
fn active<'a, D: Database>(db: &'a D, begun: &Result<(), Failure>) -> Result<&'a D, Failure> {
    begun.clone()?;
    if db.is_active() { Ok(db) } else { Err(Failure::ROLLED_BACK) }
}
