//! The work of the writer: operations, and the health check's.

use super::group::{Database, Failed, Work};
use crate::ledger::{Changes, Context, Corrupt, Decision, Load, Operation, Prefix, Rows, table::table};

/// An operation with its context.
#[derive(Debug)]
pub(super) struct Run<O> {
    operation: O,
    context: Context,
}

impl<O: Operation> Run<O> {
    pub(super) fn new(operation: O, context: Context) -> Self {
        Self { operation, context }
    }
}

impl<O: Operation> Work for Run<O> {
    type Output = O::Output;

    fn run(&mut self, database: &mut dyn Database) -> Result<O::Output, Failed> {
        let mut rows = Rows::default();
        for load in self.operation.loads() {
            database.load(&load, &mut rows).map_err(Failed::Broken)?;
        }
        let decided = self.operation.decide(&rows, &self.context);
        let Decision { changes, output } = decided.map_err(|corrupt| Failed::Unchanged(corrupt.into()))?;
        database.apply(&changes).map_err(Failed::Broken)?;
        Ok(output)
    }
}

table! {
    /// The row that the health check writes.
    ProbeRow = "probe" {
        key {
            /// Always 0.
            id: u64,
        }
        columns {
            /// The number of checks.
            count: u64,
        }
        indexes {}
    }
}

/// Writes a row, so that a full disk or a file that is gone is found before an order needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe;

impl Operation for Probe {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        vec![Prefix::<ProbeRow>::all().load()]
    }

    fn decide(&self, rows: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        let before = rows.one::<ProbeRow>()?.map_or(0, |row| row.count);
        let mut changes = Changes::default();
        changes.put(&ProbeRow { id: 0, count: before.wrapping_add(1) });
        Ok(Decision { changes, output: () })
    }
}
