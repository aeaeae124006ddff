//! Resolution of an operation whose outcome is unknown, by queries until it is known.
//!
//! ```text
//!  begin ─▶ query ─▶ exists ─────────────────────▶ Done(Ok): the object
//!            ▲   ├─▶ not found, too early ─────┐
//!            │   ├─▶ no reply ─────────────────┤
//!            └──── wait, each time longer ◀────┘ ─▶ Done(Ok(NotFound)), or Done(Err) with the pending operation
//! ```
//!
//! "Not found" is final only after 20 seconds: the request that was lost may still be in flight. If every attempt of the
//! call was answered, none is, and the first signed "not found" is final.
//!
//! An unsigned "not found" ends the flow after 20 seconds, too, if no other reply arrives. An order that was placed or
//! closed then counts as not found: the same request is sent again under the same number, and takes effect once. For
//! anything that moves money, it proves nothing, and the flow ends with an error and the pending operation.

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
    refusal::{Proof, Refusal},
    world::World,
};
use alloc::boxed::Box;
use core::{error, fmt, time::Duration};

/// The delay after each query that did not resolve the operation, in seconds: four minutes in all.
const POLL_INTERVALS: [u64; 7] = [1, 2, 5, 12, 30, 60, 130];
/// The number of queries (about 20 seconds) after which "not found" is final.
const MIN_QUERIES_UNTIL_NOT_FOUND: usize = 5;

/// Resolves an operation whose outcome is unknown by querying until it is known.
#[derive(Debug)]
pub struct Resolve {
    merchant: Merchant,
    unresolved: Unresolved,
    queries: usize,
    /// The number of queries in a row that ended with "not found", signed or not.
    not_found_in_a_row: usize,
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
        Resolve { merchant: self.clone(), unresolved, queries: 0, not_found_in_a_row: 0 }
    }

    /// Resolves an operation that may have been sent before a crash, like [`resolve`](Self::resolve). Errors do not
    /// survive a crash, but numbers that were stored before the call do.
    #[must_use]
    pub fn resolve_pending(&self, pending_operation: PendingOperation) -> Resolve {
        self.resolve(Unresolved::new(pending_operation))
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
    error.kind() == ErrorKind::Refused
        && !error.is_of_unsigned_reply()
        && error.refusal().is_some_and(|refusal| refusal.code.proof() == Proof::Refused)
}

/// An unsigned "not found" for an operation that moves money.
#[derive(Clone, Copy, Debug)]
struct UnprovenAbsence;

impl fmt::Display for UnprovenAbsence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an unsigned \"not found\" does not prove that no money moved; resolve the operation again later, or look \
             its number up in the merchant platform",
        )
    }
}

impl error::Error for UnprovenAbsence {}

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
        let call = self.merchant.call(query_for(self.unresolved.pending_operation().clone()));
        self.follow(call.begin(world), world)
    }

    fn follow(self, step: Step<Call<ResolveQuery>>, world: &mut World<'_>) -> Step<Self> {
        match step {
            Step::Send(transmit, call) => Step::send(transmit, InFlight(call, self)),
            Step::Wait(until, call) => Step::wait(until, Paused(Pause::WithinCall(Box::new(call), self))),
            Step::Done(result) => self.on_result(result, world),
        }
    }

    fn on_result(mut self, result: Result<Resolved, Error>, world: &mut World<'_>) -> Step<Self> {
        let not_found = self.is_not_found(&result);
        self.not_found_in_a_row = if not_found { self.not_found_in_a_row.saturating_add(1) } else { 0 };
        let has_waited = self.not_found_in_a_row >= MIN_QUERIES_UNTIL_NOT_FOUND;
        match result {
            Ok(Resolved::NotFound) if has_waited || self.unresolved.is_answered() => {
                Step::Done(Ok(Resolved::NotFound))
            }
            Ok(Resolved::NotFound) => self.wait(Error::new(ErrorKind::Exhausted, None), world),
            Ok(resolved) => Step::Done(Ok(resolved)),
            Err(_) if not_found && has_waited && !self.unresolved.moves_money() => {
                Step::Done(Ok(Resolved::NotFound))
            }
            Err(error) if not_found && has_waited => self.fail(error.caused_by(UnprovenAbsence)),
            Err(error) if is_refused_for_good(&error) || error.kind() == ErrorKind::Misuse => {
                self.fail(error)
            }
            Err(error) => self.wait(error, world),
        }
    }

    /// Returns whether a query ended with "not found", signed or not.
    fn is_not_found(&self, result: &Result<Resolved, Error>) -> bool {
        match result {
            Ok(resolved) => *resolved == Resolved::NotFound,
            Err(error) => error.refusal().filter(|_| error.is_of_unsigned_reply()).is_some_and(|refusal| {
                let query = query_for(self.unresolved.pending_operation().clone());
                query.read_refusal(refusal) == Some(Resolved::NotFound)
            }),
        }
    }

    /// Waits before the next query, or ends with the error if there is none left.
    fn wait(self, error: Error, world: &mut World<'_>) -> Step<Self> {
        match self.queries.checked_sub(1).and_then(|index| POLL_INTERVALS.get(index)) {
            Some(secs) => {
                Step::wait(world.now.after(Duration::from_secs(*secs)), Paused(Pause::BeforeQuery(self)))
            }
            None => self.fail(error),
        }
    }

    /// Ends the flow. The query failed, which proves nothing: the outcome of the operation is as unknown as before.
    fn fail(self, error: Error) -> Step<Self> {
        let unknown = Error::new(error.kind(), Fate::Unknown).with_unresolved(self.unresolved);
        Step::Done(Err(unknown.caused_by(error)))
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
