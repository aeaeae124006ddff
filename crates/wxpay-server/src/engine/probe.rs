//! The operation of the health check.

use crate::ledger::{Changes, Context, Corrupt, Decision, Load, Operation, Prefix, Rows, table::table};
use wxpay_proto::UnixTime;

table! {
    /// The row that the health check writes.
    ProbeRow = "probe" {
        key {
            /// Always [`ID`].
            id: u64,
        }
        columns {
            /// The number of checks.
            count: u64,
        }
        indexes {}
    }
}

/// The key of the only row.
const ID: u64 = 0;
/// The context of a [`Probe`], which depends on nothing.
pub(super) const PROBE_CONTEXT: Context = Context { now: UnixTime::EPOCH, random: 0 };

/// Writes a row, so that a full disk or a file that is gone is found before an order needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe;

impl Operation for Probe {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        vec![Prefix::<ProbeRow>::all().and(&ID).load()]
    }

    fn decide(&self, rows: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        let before = rows.one::<ProbeRow>()?.map_or(0, |row| row.count);
        let mut changes = Changes::default();
        changes.put(&ProbeRow { id: ID, count: before.wrapping_add(1) });
        Ok(Decision { changes, output: () })
    }
}
