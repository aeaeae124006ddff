//! The group commit under every kind of interleaving: the module itself, compiled with channels whose steps shuttle
//! schedules.

#![allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]

#[expect(clippy::duplicate_mod, reason = "the same code on other channels")]
#[path = "../group.rs"]
mod group;
mod sync;

use super::super::Failure;
use group::{Database, Queue};
use shuttle::{
    future::block_on,
    sync::{Arc, Mutex},
    thread,
};
use std::{panic::resume_unwind, sync::atomic::AtomicU64};

/// Number of schedules that each test explores.
const SCHEDULES: usize = 3000;
/// Smaller than the number of writers, so that both limits are reached.
const QUEUE_CAPACITY: usize = 2;
const MAX_GROUP: usize = 2;

/// A database in memory. `durable` is what survives.
#[derive(Debug, Default)]
struct Model(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    active: bool,
    pending: Vec<u32>,
    durable: Vec<u32>,
    commits: u32,
    /// The number of the commit that fails.
    failing_commit: Option<u32>,
    /// The write that makes the database roll back by itself.
    fatal_write: Option<u32>,
}

impl Model {
    fn insert(&self, row: u32) -> Result<u32, Failure> {
        let mut tables = self.0.lock().unwrap();
        assert!(tables.active, "a write outside of a transaction");
        if tables.fatal_write == Some(row) {
            tables.active = false;
            tables.pending.clear();
            return Err(Failure::corrupt("planned"));
        }
        tables.pending.push(row);
        Ok(row)
    }

    fn durable(&self) -> Vec<u32> {
        self.0.lock().unwrap().durable.clone()
    }
}

impl Database for Arc<Model> {
    fn begin(&self) -> Result<(), Failure> {
        let mut tables = self.0.lock().unwrap();
        assert!(!tables.active, "a transaction within a transaction");
        tables.active = true;
        Ok(())
    }

    fn commit(&self) -> Result<(), Failure> {
        let mut tables = self.0.lock().unwrap();
        assert!(tables.active, "a commit without a transaction");
        tables.commits += 1;
        if tables.failing_commit == Some(tables.commits) {
            // As SQLite may do: the commit fails, and the transaction stays active.
            return Err(Failure::corrupt("planned"));
        }
        tables.active = false;
        let mut pending = std::mem::take(&mut tables.pending);
        tables.durable.append(&mut pending);
        Ok(())
    }

    fn roll_back(&self) {
        let mut tables = self.0.lock().unwrap();
        tables.active = false;
        tables.pending.clear();
    }

    fn is_active(&self) -> bool {
        self.0.lock().unwrap().active
    }

    fn in_savepoint<T>(&self, job: impl FnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let before = self.0.lock().unwrap().pending.len();
        let outcome = job(self);
        if outcome.is_err() {
            self.0.lock().unwrap().pending.truncate(before);
        }
        outcome
    }
}

/// Starts the thread that writes.
fn start(model: &Arc<Model>) -> (Queue<Arc<Model>>, thread::JoinHandle<()>) {
    let (queue, messages) = group::queue(QUEUE_CAPACITY);
    let db = Arc::clone(model);
    let writer = thread::spawn(move || {
        let commits = AtomicU64::new(0);
        if let Some(closing) = messages.run(&db, MAX_GROUP, &commits) {
            closing.confirm();
        }
    });
    (queue, writer)
}

/// Starts a caller, which fails if a write was answered `Ok` before it was durable. Returns whether it was answered `Ok`.
fn caller(queue: &Queue<Arc<Model>>, model: &Arc<Model>, row: u32) -> thread::JoinHandle<bool> {
    let (queue, model) = (queue.clone(), Arc::clone(model));
    thread::spawn(move || {
        let answer = block_on(queue.write(move |db: &Arc<Model>| db.insert(row)));
        if answer.is_ok() {
            assert!(model.durable().contains(&row), "{row} was answered before it was durable");
        }
        answer.is_ok()
    })
}

/// Asserts that exactly the writes answered `Ok` are durable, each once. A caller that is never answered is a deadlock,
/// which shuttle reports.
fn check(model: &Model, callers: Vec<thread::JoinHandle<bool>>) -> Vec<u32> {
    let answers = (0..).zip(callers).map(|(row, caller)| (row, caller.join().unwrap())).collect::<Vec<_>>();
    let acknowledged: Vec<u32> = answers.into_iter().filter_map(|(row, ok)| ok.then_some(row)).collect();
    let mut durable = model.durable();
    durable.sort_unstable();
    assert_eq!(durable, acknowledged);
    acknowledged
}

#[test]
fn every_write_is_answered_after_its_commit() {
    shuttle::check_random(
        || {
            let model = Arc::new(Model::default());
            let (queue, writer) = start(&model);
            let callers = (0..4).map(|row| caller(&queue, &model, row)).collect();
            drop(queue);
            assert_eq!(check(&model, callers), [0, 1, 2, 3]);
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn a_failed_commit_fails_every_write_in_it_and_the_next_commit_succeeds() {
    shuttle::check_random(
        || {
            let model = Arc::new(Model::default());
            model.0.lock().unwrap().failing_commit = Some(1);
            let (queue, writer) = start(&model);
            let callers = (0..4).map(|row| caller(&queue, &model, row)).collect();
            // A group holds two writes, so two writes at least are in a later commit.
            assert!(check(&model, callers).len() >= 2);
            drop(queue);
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn a_transaction_that_ends_early_fails_every_write_in_it() {
    shuttle::check_random(
        || {
            let model = Arc::new(Model::default());
            model.0.lock().unwrap().fatal_write = Some(1);
            let (queue, writer) = start(&model);
            let callers = (0..4).map(|row| caller(&queue, &model, row)).collect();
            let acknowledged = check(&model, callers);
            assert!(!acknowledged.contains(&1) && acknowledged.len() >= 2, "{acknowledged:?}");
            drop(queue);
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn closing_answers_every_caller_and_later_writes_fail() {
    shuttle::check_random(
        || {
            let model = Arc::new(Model::default());
            let (queue, writer) = start(&model);
            let callers = (0..3).map(|row| caller(&queue, &model, row)).collect();
            let other = queue.clone();
            let other = thread::spawn(move || block_on(other.close()));
            block_on(queue.close());
            let answer = block_on(queue.write(|db: &Arc<Model>| db.insert(9)));
            assert_eq!(answer.unwrap_err().to_string(), "the ledger is closed");
            check(&model, callers);
            other.join().unwrap();
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn a_write_queued_before_the_close_is_committed() {
    shuttle::check_random(
        || {
            let model = Arc::new(Model::default());
            let (queue, writer) = start(&model);
            let own = thread::spawn({
                let (queue, model) = (queue.clone(), Arc::clone(&model));
                move || {
                    // Polled in this order: the write is in the queue before the close.
                    let write = queue.write(|db: &Arc<Model>| db.insert(0));
                    let (answer, ()) = block_on(async { tokio::join!(biased; write, queue.close()) });
                    assert_eq!(answer.unwrap(), 0);
                    assert_eq!(model.durable(), [0]);
                }
            });
            drop(queue);
            own.join().unwrap();
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn a_panic_of_one_write_fails_its_group_and_the_next_commit_succeeds() {
    shuttle::check_random(
        || {
            let model = Arc::new(Model::default());
            let (queue, writer) = start(&model);
            let callers = (0..3).map(|row| caller(&queue, &model, row)).collect();
            // `resume_unwind` and not `panic!`: shuttle would take the latter for a failure of the test.
            let panics = |db: &Arc<Model>| -> Result<(), Failure> {
                db.insert(9)?;
                resume_unwind(Box::new("planned"))
            };
            assert!(block_on(queue.write(panics)).is_err());
            // A group holds two writes, so at most one shares the panic.
            assert!(check(&model, callers).len() >= 2);
            drop(queue);
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}
