//! Resolution of an order of APIv1 whose outcome is unknown. The flow is that of [`crate::resolve`].

use super::{
    call::Call,
    merchant::Merchant,
    query::{self, QueryOrder, QueryOutcome},
};
use crate::{
    error::{Error, ErrorKind},
    id::OutTradeNo,
    pending::{PendingOperation, Unresolved},
    resolve::{self, Query},
};

/// Resolves an order whose outcome is unknown by querying until it is known.
///
/// Returns [`QueryOutcome::Paid`], [`QueryOutcome::Unpaid`] or [`QueryOutcome::NotFound`]. An unpaid order exists:
/// place it again under the same number to get new parameters for the app.
pub type Resolve = resolve::Resolve<Call<QueryOrder>>;

impl Merchant {
    /// Resolves an order whose outcome is unknown by querying until it is known.
    pub fn resolve(&self, unresolved: Unresolved) -> Resolve {
        Resolve::new(unresolved, query::ORDER_LABEL, |pending| {
            pending.number("out_trade_no").map(|number| self.query(number))
        })
    }

    /// Resolves an order that may have been sent before a crash, like [`resolve`](Self::resolve). The error of the call
    /// is lost in the crash, so store the order's number before the call.
    pub fn resolve_pending(&self, number: &OutTradeNo) -> Resolve {
        self.resolve(Unresolved::new(query::pending_order(number)))
    }
}

impl Query for Call<QueryOrder> {
    fn pending(&self) -> Option<PendingOperation> {
        Some(query::pending_order(self.endpoint().number()))
    }

    fn is_not_found(output: &QueryOutcome) -> bool {
        matches!(output, QueryOutcome::NotFound)
    }

    /// Replies are not signed, so TLS alone vouches for a refusal.
    fn is_refused_for_good(error: &Error) -> bool {
        error.kind() == ErrorKind::Refused
    }
}
