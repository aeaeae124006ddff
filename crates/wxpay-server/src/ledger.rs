//! The ledger's rules, without I/O: rows, and the operations that read and change them.
//!
//! Everything known about one number hangs on one versioned root row. An [`Operation`] names the rows that it needs,
//! decides from them, and returns the changes. An [engine](crate::engine) loads, applies and commits; it decides
//! nothing. One log of operations, replayed on any engine, gives equal ledgers.

pub(crate) mod access;
pub(crate) mod call;
pub(crate) mod case;
pub(crate) mod change;
pub(crate) mod emit;
pub(crate) mod events;
pub(crate) mod idempotency;
pub(crate) mod inbox;
pub(crate) mod key;
pub(crate) mod lease;
pub(crate) mod load;
pub(crate) mod merchants;
pub(crate) mod month;
pub(crate) mod number;
pub(crate) mod operation;
pub(crate) mod order;
pub(crate) mod refund;
pub(crate) mod retention;
pub(crate) mod rows;
pub(crate) mod schedule;
pub(crate) mod table;
pub(crate) mod token;
pub(crate) mod webhook;

pub(crate) use change::{Change, Changes, Mode};
pub(crate) use key::{OrderKey, Shard, Subject, SubjectKind};
pub(crate) use load::{Load, Prefix, Rows, Scan};
pub(crate) use operation::{Context, Decision, Operation};
pub(crate) use table::{Corrupt, Table, TableInfo, Value};
