//! Tasks, leases and the processes that hold them.

use crate::ledger::{
    Prefix, Shard, Subject,
    table::{named, table},
};
use wxpay_proto::UnixTime;

named! {
    /// The kind of a task.
    TaskKind {
        /// Query an order; close it when it is due.
        Order = "order",
        /// Query a refund; send it again if WeChat Pay does not know it.
        Refund = "refund",
    }
}

table! {
    /// Background work on one subject.
    TaskRow = "tasks" {
        key {
            /// The shard of the number that the work is about.
            shard: Shard,
            /// The kind.
            kind: TaskKind,
            /// The subject.
            subject: Subject,
        }
        columns {
            /// The order number that a refund belongs to; the order's own number otherwise.
            out_trade_no: String,
            /// The time at which the work is due.
            due_at: UnixTime,
            /// The number of attempts so far.
            attempts: u64,
            /// The time until which it is repeated by the schedule; after it, at the last interval.
            until: UnixTime,
            /// The reason why the last attempt failed.
            last_error: Option<String>,
        }
        indexes {
            tasks_due(shard, due_at),
        }
    }
}

impl TaskRow {
    /// Returns the key of a task.
    pub(crate) fn of(shard: Shard, kind: TaskKind, subject: &Subject) -> Prefix<Self> {
        Prefix::all().and(&shard).and(&kind).and(subject)
    }
}

table! {
    /// The right of one process to do the background work of a shard, to number events, or to fetch an access token.
    LeaseRow = "leases" {
        key {
            /// The name: `shard:0` to `shard:63`, `event_log:0`, or `token:` and an appid.
            name: String,
        }
        columns {
            /// The process.
            owner: String,
            /// Grows with every change of the owner.
            version: u64,
            /// The end of the lease.
            until: UnixTime,
        }
        indexes {}
    }
}

impl LeaseRow {
    /// Returns the key of a lease.
    pub(crate) fn of(name: &str) -> Prefix<Self> {
        Prefix::all().and(&String::from(name))
    }
}

table! {
    /// A process that takes part in the background work.
    ProcessRow = "processes" {
        key {
            /// The name, which no other process has.
            process: String,
        }
        columns {
            /// The newest version of the schema that it knows.
            schema_version: i64,
            /// The end of its life, unless it renews it.
            until: UnixTime,
        }
        indexes {}
    }
}

impl ProcessRow {
    /// Returns the key of a process.
    pub(crate) fn of(process: &str) -> Prefix<Self> {
        Prefix::all().and(&String::from(process))
    }
}
