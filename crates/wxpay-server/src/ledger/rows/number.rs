//! Owners of numbers that must be unique per merchant.

use crate::{
    ledger::{
        Prefix, Shard, Subject,
        table::{named, table},
    },
    merchants::MerchantName,
};
use wxpay_proto::UnixTime;

named! {
    /// The kind of a number.
    NumberKind {
        /// A refund number; owned by an order.
        Refund = "refund",
        /// A transaction; owned by an order.
        Transaction = "transaction",
    }
}

table! {
    /// The owner of a number. It is claimed in its own transaction, and never given back.
    NumberRow = "numbers" {
        key {
            /// The shard of the number.
            shard: Shard,
            /// The merchant.
            merchant: MerchantName,
            /// The kind.
            kind: NumberKind,
            /// The number.
            number: String,
        }
        columns {
            /// The owner.
            owner: Subject,
            /// The time of the claim.
            claimed_at: UnixTime,
        }
        indexes {}
    }
}

impl NumberRow {
    /// Returns the key of a number.
    pub(crate) fn of(merchant: &MerchantName, kind: NumberKind, number: &str) -> Prefix<Self> {
        Prefix::all().and(&Shard::of(merchant, number)).and(merchant).and(&kind).and(&String::from(number))
    }
}
