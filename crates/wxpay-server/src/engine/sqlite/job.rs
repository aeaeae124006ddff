//! The work of the writer: operations.

use super::group::{Database, Failed, Work};
use crate::ledger::{Context, Decision, Operation, Rows};

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
