//! Resolution of an operation of APIv3 whose outcome is unknown. The flow is that of [`crate::resolve`].

use super::{call::Call, endpoint::Endpoint, lookup::Lookup, merchant::Merchant};
use crate::{
    error::{Error, ErrorKind},
    pending::{PendingOperation, Unresolved},
    refusal::Proof,
    resolve::{self, Query},
};
use core::fmt;

/// Resolves an operation of APIv3 by the query `Q`.
pub type Resolve<Q> = resolve::Resolve<Call<Q>>;

/// A query that resolves the pending operations of one label.
///
/// Each operation names its key by its query: [`CreateRefund`](super::refund::CreateRefund) by that of
/// [`QueryRefund`](super::refund::QueryRefund). You may implement this trait for queries of operations that have no
/// type here yet:
///
/// ```
/// # use wxpay_proto::{Error, v3::{Draft, Endpoint, Idempotency, Merchant, RequestWriter, Target, Verified}, world::World};
/// use wxpay_proto::{pending::PendingOperation, v3::{Lookup, Resolver}};
///
/// #[derive(Clone, Debug)]
/// struct QueryCoupon {
///     out_request_no: String,
/// }
/// # impl Endpoint for QueryCoupon {
/// #     type Output = Lookup<serde_json::Value>;
/// #     fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
/// #         Ok(Draft::get("v3.coupon.query", Target::new("/v3/coupons").segment(&self.out_request_no)))
/// #     }
/// #     fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Self::Output, Error> {
/// #         reply.parse().map(Lookup::Found)
/// #     }
/// #     fn idempotency(&self) -> Idempotency {
/// #         Idempotency::Safe
/// #     }
/// # }
///
/// impl Resolver for QueryCoupon {
///     type Object = serde_json::Value;
///
///     const LABEL: &'static str = "v3.coupon";
///
///     fn pending(&self) -> Option<PendingOperation> {
///         Some(PendingOperation::new(Self::LABEL).with("out_request_no", &self.out_request_no))
///     }
///
///     fn from_pending(pending: &PendingOperation) -> Option<Self> {
///         Some(Self { out_request_no: pending.number("out_request_no")? })
///     }
/// }
/// ```
pub trait Resolver: Endpoint<Output = Lookup<<Self as Resolver>::Object>> + Clone {
    /// The object that the query returns.
    type Object: fmt::Debug + Send + 'static;

    /// The label of the keys, such as `v3.refund`.
    const LABEL: &'static str;

    /// Returns the key of the operation that this query resolves. Returns `None` if the query is not by the numbers of
    /// a key.
    fn pending(&self) -> Option<PendingOperation>;

    /// Creates the query from a key. [`Merchant::resolve`] rejects a key that [`pending`](Self::pending) of the query
    /// does not return, so this need not validate the label, nor look for other numbers.
    fn from_pending(pending: &PendingOperation) -> Option<Self>;
}

impl Merchant {
    /// Resolves an operation whose outcome is unknown by querying until it is known.
    ///
    /// Returns [`Lookup::NotFound`] if nothing happened: the same number can be used again.
    pub fn resolve<Q: Resolver>(&self, unresolved: Unresolved) -> Resolve<Q> {
        Resolve::new(unresolved, Q::LABEL, |pending| Q::from_pending(pending).map(|query| self.call(query)))
    }

    /// Resolves an operation that may have been sent before a crash, like [`resolve`](Self::resolve). Errors do not
    /// survive a crash, but keys that were stored before the call do.
    ///
    /// The label of a stored key chooses the query:
    ///
    /// ```
    /// use wxpay_proto::{pending::PendingOperation, v3::{Merchant, Resolver, pay::QueryOrder, refund::QueryRefund}};
    /// # use wxpay_proto::{Error, exchange::Flow};
    /// # fn run<F: Flow>(flow: F) -> Result<F::Output, Error> { unimplemented!() }
    ///
    /// fn recover(merchant: &Merchant, stored: PendingOperation) -> Result<(), wxpay_proto::Error> {
    ///     match stored.label() {
    ///         QueryOrder::LABEL => println!("{:?}", run(merchant.resolve_pending::<QueryOrder>(stored))?),
    ///         QueryRefund::LABEL => println!("{:?}", run(merchant.resolve_pending::<QueryRefund>(stored))?),
    ///         other => println!("needs manual review: {other}"),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn resolve_pending<Q: Resolver>(&self, pending_operation: PendingOperation) -> Resolve<Q> {
        self.resolve(Unresolved::new(pending_operation))
    }
}

impl<Q: Resolver> Query for Call<Q> {
    fn pending(&self) -> Option<PendingOperation> {
        self.endpoint().pending()
    }

    fn is_not_found(output: &Lookup<Q::Object>) -> bool {
        matches!(output, Lookup::NotFound)
    }

    fn unsigned_not_found(&self, error: &Error) -> Option<Lookup<Q::Object>> {
        let refusal = error.refusal().filter(|_| error.is_of_unsigned_reply())?;
        self.endpoint().read_refusal(refusal).filter(Self::is_not_found)
    }

    fn is_refused_for_good(error: &Error) -> bool {
        error.kind() == ErrorKind::Refused
            && !error.is_of_unsigned_reply()
            && error.refusal().is_some_and(|refusal| refusal.code.proof() == Proof::Refused)
    }
}

#[cfg(test)]
mod tests;
