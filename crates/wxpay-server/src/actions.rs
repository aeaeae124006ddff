//! Actions: decide with the ledger, call WeChat Pay, record the result.
//!
//! Each call runs in a task of its own, after the decision to make it is committed, and ends with the operation that
//! records its result, even if the client that requested it has gone.

mod cases;
mod close;
mod delivered;
mod error;
pub(crate) mod learn;
mod place;
mod prepay;
mod query;
pub(crate) mod refund;
mod refund_query;
mod refund_terms;
mod reverse;

pub(crate) use cases::CaseDecision;
pub(crate) use delivered::Delivery;
pub(crate) use error::ActionError;
pub(crate) use place::{PlaceRequest, PlacedOrder};
pub(crate) use prepay::PrepayEnd;
pub(crate) use refund::RefundRequest;
#[cfg(test)]
pub(crate) use refund::RequestedRefund;

use crate::app::App;
use tokio::task::JoinHandle;

impl App {
    /// Runs a call in a task of its own, which survives its caller, and which delays the shutdown.
    pub(crate) fn spawn_call<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let active = self.shutdown().begin();
        tokio::spawn(async move {
            let result = call.await;
            drop(active);
            result
        })
    }
}

#[cfg(test)]
mod tests;
