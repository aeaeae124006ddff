//! The group commit under every kind of interleaving: the module itself, compiled with channels whose steps shuttle
//! schedules.

#[expect(clippy::duplicate_mod, reason = "the same code on other channels")]
#[path = "../group.rs"]
#[allow(dead_code, reason = "the interleavings need no loads and no changes")]
mod group;
mod sync;

use crate::{
    engine::LedgerError,
    ledger::{Changes, Load, Rows},
};
use group::{Counters, Database, Failed, Queue, Work};
use shuttle::{
    future::block_on,
    sync::{Arc, Mutex},
    thread,
};
use std::panic::resume_unwind;

/// Number of schedules that each test explores.
const SCHEDULES: usize = 1000;
/// Smaller than the number of writers, so that both limits are reached.
const QUEUE_CAPACITY: usize = 2;
const MAX_GROUP: usize = 2;

/// A database in memory. `durable` is what survives.
#[derive(Debug, Default)]
struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    active: bool,
    pending: Vec<u32>,
    durable: Vec<u32>,
    commits: u32,
    /// The number of the commit that fails.
    failing_commit: Option<u32>,
    /// The write that makes the database roll back by itself.
    fatal_write: Option<u32>,
}

impl Memory {
    fn durable(&self) -> Vec<u32> {
        self.0.lock().unwrap().durable.clone()
    }
}

impl Database for Arc<Memory> {
    fn begin(&mut self) -> Result<(), LedgerError> {
        let mut state = self.0.lock().unwrap();
        assert!(!state.active, "a transaction within a transaction");
        state.active = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LedgerError> {
        let mut state = self.0.lock().unwrap();
        assert!(state.active, "a commit without a transaction");
        state.commits += 1;
        if state.failing_commit == Some(state.commits) {
            // As SQLite may do: the commit fails, and the transaction stays active.
            return Err(LedgerError::Full);
        }
        state.active = false;
        let mut pending = std::mem::take(&mut state.pending);
        state.durable.append(&mut pending);
        Ok(())
    }

    fn roll_back(&mut self) {
        let mut state = self.0.lock().unwrap();
        state.active = false;
        state.pending.clear();
    }

    fn is_active(&self) -> bool {
        self.0.lock().unwrap().active
    }

    fn load(&mut self, _: &Load, _: &mut Rows) -> Result<(), LedgerError> {
        Ok(())
    }

    fn apply(&mut self, _: &Changes) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// The end of a write.
#[derive(Clone, Copy, Debug)]
enum End {
    Success,
    /// Fails with nothing written.
    Unchanged,
    /// Writes, and conflicts in this many runs.
    Conflicts(u32),
    Panic,
}

#[derive(Debug)]
struct Insert {
    memory: Arc<Memory>,
    row: u32,
    end: End,
}

impl Work for Insert {
    type Output = u32;

    fn run(&mut self, _: &mut dyn Database) -> Result<u32, Failed> {
        if matches!(self.end, End::Unchanged) {
            return Err(Failed::Unchanged(LedgerError::Panicked));
        }
        let mut state = self.memory.0.lock().unwrap();
        assert!(state.active, "a write outside of a transaction");
        if state.fatal_write == Some(self.row) {
            state.active = false;
            state.pending.clear();
            return Err(Failed::Broken(LedgerError::Full));
        }
        state.pending.push(self.row);
        drop(state);
        match &mut self.end {
            End::Conflicts(0) | End::Success | End::Unchanged => Ok(self.row),
            End::Conflicts(runs) => {
                *runs -= 1;
                Err(Failed::Broken(LedgerError::Conflict("rows")))
            }
            // `resume_unwind` and not `panic!`: shuttle would take the latter for a failure of the test.
            End::Panic => resume_unwind(Box::new("planned")),
        }
    }
}

/// Starts the thread that writes.
fn start(memory: &Arc<Memory>) -> (Queue, thread::JoinHandle<()>) {
    let (queue, messages) = group::queue(QUEUE_CAPACITY);
    let mut database = Arc::clone(memory);
    let writer = thread::spawn(move || {
        if let Some(closing) = messages.run(&mut database, MAX_GROUP, &Counters::default()) {
            closing.confirm();
        }
    });
    (queue, writer)
}

fn insert(memory: &Arc<Memory>, row: u32, end: End) -> Insert {
    Insert { memory: Arc::clone(memory), row, end }
}

/// Starts a caller, which fails if a write was answered `Ok` before it was durable. Returns whether it was answered `Ok`.
fn caller(queue: &Queue, memory: &Arc<Memory>, row: u32) -> thread::JoinHandle<bool> {
    let (queue, memory) = (queue.clone(), Arc::clone(memory));
    thread::spawn(move || {
        let answer = block_on(queue.write(insert(&memory, row, End::Success)));
        if answer.is_ok() {
            assert!(memory.durable().contains(&row), "{row} was answered before it was durable");
        }
        answer.is_ok()
    })
}

/// Asserts that exactly the writes answered `Ok` are durable, each once. A caller that is never answered is a deadlock,
/// which shuttle reports.
fn check(memory: &Memory, callers: Vec<thread::JoinHandle<bool>>) -> Vec<u32> {
    let answers = (0..).zip(callers).map(|(row, caller)| (row, caller.join().unwrap())).collect::<Vec<_>>();
    let acknowledged: Vec<u32> = answers.into_iter().filter_map(|(row, ok)| ok.then_some(row)).collect();
    let mut durable = memory.durable();
    durable.sort_unstable();
    assert_eq!(durable, acknowledged);
    acknowledged
}

#[test]
fn every_write_is_answered_after_its_commit() {
    shuttle::check_random(
        || {
            let memory = Arc::new(Memory::default());
            let (queue, writer) = start(&memory);
            let callers = (0..4).map(|row| caller(&queue, &memory, row)).collect();
            drop(queue);
            assert_eq!(check(&memory, callers), [0, 1, 2, 3]);
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn a_failed_commit_fails_every_write_in_it_and_the_next_commit_succeeds() {
    shuttle::check_random(
        || {
            let memory = Arc::new(Memory::default());
            memory.0.lock().unwrap().failing_commit = Some(1);
            let (queue, writer) = start(&memory);
            let callers = (0..4).map(|row| caller(&queue, &memory, row)).collect();
            // A group holds two writes, so two writes at least are in a later commit.
            let acknowledged = check(&memory, callers).len();
            assert!((2..4).contains(&acknowledged), "{acknowledged}");
            drop(queue);
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn a_write_that_ends_the_transaction_fails_alone() {
    shuttle::check_random(
        || {
            let memory = Arc::new(Memory::default());
            memory.0.lock().unwrap().fatal_write = Some(1);
            let (queue, writer) = start(&memory);
            let callers = (0..4).map(|row| caller(&queue, &memory, row)).collect();
            assert_eq!(check(&memory, callers), [0, 2, 3]);
            drop(queue);
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn a_write_that_fails_in_any_way_does_not_fail_its_group() {
    for end in [End::Unchanged, End::Panic, End::Conflicts(u32::MAX)] {
        shuttle::check_random(
            move || {
                let memory = Arc::new(Memory::default());
                let (queue, writer) = start(&memory);
                let callers = (0..3).map(|row| caller(&queue, &memory, row)).collect();
                let error = block_on(queue.write(insert(&memory, 9, end))).unwrap_err();
                let is_conflict = matches!(error, LedgerError::Conflict("rows"));
                assert_eq!(is_conflict, matches!(end, End::Conflicts(_)));
                assert_eq!(check(&memory, callers), [0, 1, 2]);
                drop(queue);
                writer.join().unwrap();
            },
            SCHEDULES / 3,
        );
    }
}

#[test]
fn a_write_that_conflicts_seven_times_alone_is_committed_once() {
    shuttle::check_random(
        || {
            let memory = Arc::new(Memory::default());
            let (queue, writer) = start(&memory);
            // The first run is in a group, the next seven are alone.
            assert_eq!(block_on(queue.write(insert(&memory, 0, End::Conflicts(8)))).unwrap(), 0);
            assert!(block_on(queue.write(insert(&memory, 1, End::Conflicts(9)))).is_err());
            assert_eq!(memory.durable(), [0]);
            drop(queue);
            writer.join().unwrap();
        },
        100,
    );
}

#[test]
fn closing_answers_every_caller_and_later_writes_fail() {
    shuttle::check_random(
        || {
            let memory = Arc::new(Memory::default());
            let (queue, writer) = start(&memory);
            let callers = (0..3).map(|row| caller(&queue, &memory, row)).collect();
            let other = queue.clone();
            let other = thread::spawn(move || block_on(other.close()));
            block_on(queue.close());
            let answer = block_on(queue.write(insert(&memory, 9, End::Success)));
            assert_eq!(answer.unwrap_err().to_string(), "the ledger is closed");
            check(&memory, callers);
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
            let memory = Arc::new(Memory::default());
            let (queue, writer) = start(&memory);
            let own = thread::spawn({
                let (queue, memory) = (queue.clone(), Arc::clone(&memory));
                move || {
                    // Polled in this order: the write is in the queue before the close.
                    let write = queue.write(insert(&memory, 0, End::Success));
                    let (answer, ()) = block_on(async { tokio::join!(biased; write, queue.close()) });
                    assert_eq!(answer.unwrap(), 0);
                    assert_eq!(memory.durable(), [0]);
                }
            });
            assert!(queue.len() <= QUEUE_CAPACITY);
            drop(queue);
            own.join().unwrap();
            writer.join().unwrap();
        },
        SCHEDULES,
    );
}
