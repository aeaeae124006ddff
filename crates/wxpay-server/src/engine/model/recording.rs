//! A log of operations, to be replayed on another engine.

use crate::{
    engine::{Ledger, LedgerError},
    ledger::{Context, Operation},
};
use std::{fmt, pin::Pin, sync::Arc};

type Replaying<'a> = Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>>;

/// An operation that was committed, with its context.
#[derive(Clone, Debug)]
pub(crate) struct Recorded(Arc<dyn Replay>);

trait Replay: fmt::Debug + Send + Sync {
    fn replay<'a>(&self, ledger: &'a Ledger) -> Replaying<'a>;
}

#[derive(Debug)]
struct Entry<O> {
    operation: O,
    context: Context,
}

impl<O: Operation> Replay for Entry<O> {
    fn replay<'a>(&self, ledger: &'a Ledger) -> Replaying<'a> {
        let (operation, context) = (self.operation.clone(), self.context);
        Box::pin(async move { ledger.run(operation, context).await.map(drop) })
    }
}

impl Recorded {
    pub(super) fn new<O: Operation>(operation: O, context: Context) -> Self {
        Self(Arc::new(Entry { operation, context }))
    }

    /// Runs the operation again, on another ledger.
    pub(crate) async fn replay(&self, ledger: &Ledger) -> Result<(), LedgerError> {
        self.0.replay(ledger).await
    }
}
