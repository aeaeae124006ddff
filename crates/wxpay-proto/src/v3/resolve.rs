//! Resolution of an operation whose outcome is unknown, by queries until it is known.
//!
//! ```text
//!  begin ─▶ query ─▶ exists ─────────────────────▶ Done(Ok): the object
//!            ▲   ├─▶ not found, too early ─────┐
//!            │   ├─▶ no reply ─────────────────┤
//!            └──── wait, each time longer ◀────┘ ─▶ Done(Ok(NotFound)), or Done(Err) with the pending operation
//! ```
//!
//! "Not found" is final only after 20 seconds: the request that was lost may still be in flight.

use super::{
    call::Call,
    endpoint::{Draft, Endpoint, Idempotency},
    merchant::Merchant,
    party::Party,
    pay::{OrderLookup, QueryOrder, Transaction, combine},
    profitsharing::{self, ProfitSharing, ProfitSharingReturn, QueryProfitSharingReturn, returns},
    refund::{self, Refund},
    seal::RequestWriter,
    transfer::{self, Authorization, Transfer, authorization, qq_wallet},
    verify::Verified,
};
use crate::{
    error::{Error, ErrorKind, Fate, PendingOperation, Unresolved},
    exchange::{AwaitingReply, Flow, Reply, Step, Waiting, sealed},
    id::MchId,
    refusal::Refusal,
    world::World,
};
use alloc::boxed::Box;
use core::time::Duration;

/// The delay after each query that did not resolve the operation, in seconds: four minutes in all.
const POLL_INTERVALS: [u64; 7] = [1, 2, 5, 12, 30, 60, 130];
/// The number of queries (about 20 seconds) after which "not found" is final.
const MIN_QUERIES_UNTIL_NOT_FOUND: usize = 5;

/// Resolves an operation whose outcome is unknown by querying until it is known.
#[derive(Debug)]
pub struct Resolve {
    merchant: Merchant,
    pending_operation: PendingOperation,
    queries: usize,
}

/// The known outcome of a pending operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolved {
    /// The order exists; see its `trade_state`.
    Order(Box<Transaction>),
    /// The transfer exists, to a WeChat or QQ wallet; see its state.
    Transfer(Box<Transfer>),
    /// The payee's authorization was requested; see its state.
    Authorization(Box<Authorization>),
    /// The combined order exists; see the `trade_state` of each sub-order.
    Combine(Box<combine::Transaction>),
    /// The profit-sharing order exists; see its state.
    ProfitSharing(Box<ProfitSharing>),
    /// The profit-sharing return exists; see its result.
    ProfitSharingReturn(Box<ProfitSharingReturn>),
    /// The refund exists; see its status.
    Refund(Box<Refund>),
    /// WeChat Pay has no such number: nothing happened, and the same number can be used again.
    NotFound,
}

// The flow awaits the reply to a query.
#[doc(hidden)]
#[derive(Debug)]
pub struct InFlight(AwaitingReply<Call<ResolveQuery>>, Resolve);

// The flow waits: for the next query, or within the call of one.
#[doc(hidden)]
#[derive(Debug)]
pub struct Paused(Pause);

#[derive(Debug)]
enum Pause {
    BeforeQuery(Resolve),
    WithinCall(Box<Waiting<Call<ResolveQuery>>>, Resolve),
}

impl Merchant {
    /// Resolves an operation whose outcome is unknown by querying until it is known.
    #[must_use]
    pub fn resolve(&self, unresolved: Unresolved) -> Resolve {
        self.resolve_pending(unresolved.into_pending_operation())
    }

    /// Resolves an operation that may have been sent before a crash, like [`resolve`](Self::resolve). Errors do not
    /// survive a crash, but numbers that were stored before the call do.
    #[must_use]
    pub fn resolve_pending(&self, pending_operation: PendingOperation) -> Resolve {
        Resolve { merchant: self.clone(), pending_operation, queries: 0 }
    }
}

/// Returns the query that resolves a pending operation.
fn query_for(pending_operation: PendingOperation) -> ResolveQuery {
    match pending_operation {
        PendingOperation::Order { out_trade_no, sub_mchid } => {
            boxed(QueryOrder::out_trade_no(out_trade_no, party(sub_mchid)))
        }
        PendingOperation::Transfer { out_bill_no } => {
            boxed(transfer::QueryTransfer::out_bill_no(out_bill_no))
        }
        PendingOperation::QqWalletTransfer { out_bill_no } => {
            boxed(qq_wallet::QueryQqTransfer::new(out_bill_no))
        }
        PendingOperation::Authorization { out_authorization_no } => {
            boxed(authorization::QueryAuthorization::new(out_authorization_no))
        }
        PendingOperation::CombinedOrder { combine_out_trade_no } => {
            boxed(combine::QueryOrder::combine_out_trade_no(combine_out_trade_no))
        }
        PendingOperation::ProfitSharing { transaction_id, out_order_no, sub_mchid } => {
            boxed(profitsharing::QueryProfitSharing::new(party(sub_mchid), transaction_id, out_order_no))
        }
        PendingOperation::ProfitSharingReturn { out_order_no, out_return_no, sub_mchid } => {
            boxed(QueryProfitSharingReturn::new(party(sub_mchid), out_order_no, out_return_no))
        }
        PendingOperation::Refund { out_refund_no, sub_mchid } => {
            boxed(refund::QueryRefund::new(out_refund_no, party(sub_mchid)))
        }
    }
}

/// Returns whether a query was refused by a signed reply that will be the same the next time.
fn is_refused_for_good(error: &Error) -> bool {
    // An unverified refusal has the failed verification as its source.
    core::error::Error::source(error).is_none()
        && error.refusal().is_some_and(|refusal| matches!(refusal.status, 400..=499) && refusal.status != 429)
}

fn party(sub_mchid: Option<MchId>) -> Party {
    sub_mchid.map_or(Party::Direct, Party::partner)
}

/// A query whose result resolves a pending operation.
type ResolveQuery = Box<dyn Endpoint<Output = Resolved>>;

fn boxed<E: Endpoint<Output: Into<Resolved>> + 'static>(query: E) -> ResolveQuery {
    Box::new(IntoResolved(query))
}

#[derive(Debug)]
struct IntoResolved<E>(E);

impl<E: Endpoint<Output: Into<Resolved>>> Endpoint for IntoResolved<E> {
    type Output = Resolved;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        self.0.draft(writer)
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<Resolved, Error> {
        self.0.read(reply, merchant, world).map(Into::into)
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Resolved> {
        self.0.read_refusal(refusal).map(Into::into)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

impl From<OrderLookup> for Resolved {
    fn from(lookup: OrderLookup) -> Self {
        match lookup {
            OrderLookup::Found(transaction) => Self::Order(transaction),
            OrderLookup::NotFound => Self::NotFound,
        }
    }
}

impl From<transfer::TransferLookup> for Resolved {
    fn from(lookup: transfer::TransferLookup) -> Self {
        match lookup {
            transfer::TransferLookup::Found(transfer) => Self::Transfer(transfer),
            transfer::TransferLookup::NotFound => Self::NotFound,
        }
    }
}

impl From<combine::OrderLookup> for Resolved {
    fn from(lookup: combine::OrderLookup) -> Self {
        match lookup {
            combine::OrderLookup::Found(transaction) => Self::Combine(transaction),
            combine::OrderLookup::NotFound => Self::NotFound,
        }
    }
}

impl From<profitsharing::ProfitSharingLookup> for Resolved {
    fn from(lookup: profitsharing::ProfitSharingLookup) -> Self {
        match lookup {
            profitsharing::ProfitSharingLookup::Found(sharing) => Self::ProfitSharing(sharing),
            profitsharing::ProfitSharingLookup::NotFound => Self::NotFound,
        }
    }
}

impl From<returns::ReturnLookup> for Resolved {
    fn from(lookup: returns::ReturnLookup) -> Self {
        match lookup {
            returns::ReturnLookup::Found(profit_sharing_return) => {
                Self::ProfitSharingReturn(profit_sharing_return)
            }
            returns::ReturnLookup::NotFound => Self::NotFound,
        }
    }
}

impl From<refund::RefundLookup> for Resolved {
    fn from(lookup: refund::RefundLookup) -> Self {
        match lookup {
            refund::RefundLookup::Found(refund) => Self::Refund(refund),
            refund::RefundLookup::NotFound => Self::NotFound,
        }
    }
}

impl From<authorization::AuthorizationLookup> for Resolved {
    fn from(lookup: authorization::AuthorizationLookup) -> Self {
        match lookup {
            authorization::AuthorizationLookup::Found(authorization) => Self::Authorization(authorization),
            authorization::AuthorizationLookup::NotFound => Self::NotFound,
        }
    }
}

impl Resolve {
    fn query(mut self, world: &mut World<'_>) -> Step<Self> {
        self.queries = self.queries.saturating_add(1);
        let call = self.merchant.call(query_for(self.pending_operation.clone()));
        self.follow(call.begin(world), world)
    }

    fn follow(self, step: Step<Call<ResolveQuery>>, world: &mut World<'_>) -> Step<Self> {
        match step {
            Step::Send(transmit, call) => Step::send(transmit, InFlight(call, self)),
            Step::Wait(until, call) => Step::wait(until, Paused(Pause::WithinCall(Box::new(call), self))),
            Step::Done(result) => self.on_result(result, world),
        }
    }

    fn on_result(self, result: Result<Resolved, Error>, world: &mut World<'_>) -> Step<Self> {
        let certain = match &result {
            Ok(Resolved::NotFound) => self.queries >= MIN_QUERIES_UNTIL_NOT_FOUND,
            Ok(_) => true,
            Err(error) => is_refused_for_good(error) || error.kind() == ErrorKind::Misuse,
        };
        let pause =
            self.queries.checked_sub(1).and_then(|index| POLL_INTERVALS.get(index)).filter(|_| !certain);
        match pause {
            Some(secs) => {
                Step::wait(world.now.after(Duration::from_secs(*secs)), Paused(Pause::BeforeQuery(self)))
            }
            // The query failed, which proves nothing: the outcome of the operation is as unknown as before.
            None => Step::Done(result.map_err(|error| {
                Error::new(error.kind(), Fate::Unknown)
                    .with_pending_operation(|| self.pending_operation.clone())
                    .caused_by(error)
            })),
        }
    }
}

impl sealed::Sealed for Resolve {}

impl Flow for Resolve {
    type AwaitingReply = InFlight;
    type Waiting = Paused;
    type Output = Resolved;

    fn may_block(&self) -> bool {
        self.merchant.may_block()
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        self.query(world)
    }

    fn on_reply(InFlight(call, resolve): InFlight, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        resolve.follow(call.step(reply, world), world)
    }

    fn on_wake(Paused(pause): Paused, world: &mut World<'_>) -> Step<Self> {
        match pause {
            Pause::BeforeQuery(resolve) => resolve.query(world),
            Pause::WithinCall(call, resolve) => resolve.follow(call.step(world), world),
        }
    }
}

#[cfg(test)]
mod tests;
