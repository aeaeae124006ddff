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
    lookup::Lookup,
    merchant::Merchant,
    party::Party,
    pay::{QueryOrder, Transaction, combine},
    profitsharing::{ProfitSharing, ProfitSharingReturn, QueryProfitSharing, QueryProfitSharingReturn},
    refund::{QueryRefund, Refund},
    seal::RequestWriter,
    transfer::{
        Authorization, QueryTransfer, Transfer, authorization::QueryAuthorization, qq_wallet::QueryQqTransfer,
    },
    verify::Verified,
};
use crate::{
    error::{Error, ErrorKind, Fate, PendingOperation, Unresolved},
    exchange::{AwaitingReply, Flow, Reply, Step, Waiting, sealed},
    id::MchId,
    prelude::*,
    refusal::{Proof, Refusal},
    world::World,
};
use core::{error, fmt, time::Duration};

/// The delay after each query that did not resolve the operation, in seconds: four minutes in all.
const POLL_INTERVALS: [u64; 7] = [1, 2, 5, 12, 30, 60, 130];
/// The number of queries (about 20 seconds) after which "not found" is final.
const MIN_QUERIES_UNTIL_NOT_FOUND: usize = 5;

/// Resolves an operation whose outcome is unknown by querying until it is known.
#[derive(Debug)]
#[must_use = "a flow does nothing unless it is run"]
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
    pub fn resolve(&self, unresolved: Unresolved) -> Resolve {
        Resolve { merchant: self.clone(), unresolved, queries: 0, not_found_in_a_row: 0 }
    }

    /// Resolves an operation that may have been sent before a crash, like [`resolve`](Self::resolve). Errors do not
    /// survive a crash, but numbers that were stored before the call do.
    pub fn resolve_pending(&self, pending_operation: PendingOperation) -> Resolve {
        self.resolve(Unresolved::new(pending_operation))
    }
}

/// Returns the query that resolves a pending operation.
fn query_for(pending_operation: PendingOperation) -> ResolveQuery {
    match pending_operation {
        PendingOperation::Order { out_trade_no, sub_mchid } => {
            boxed(QueryOrder::out_trade_no(out_trade_no).party(party(sub_mchid)), Resolved::Order)
        }
        PendingOperation::Transfer { out_bill_no } => {
            boxed(QueryTransfer::out_bill_no(out_bill_no), Resolved::Transfer)
        }
        PendingOperation::QqWalletTransfer { out_bill_no } => {
            boxed(QueryQqTransfer::new(out_bill_no), Resolved::Transfer)
        }
        PendingOperation::Authorization { out_authorization_no } => {
            boxed(QueryAuthorization::new(out_authorization_no), Resolved::Authorization)
        }
        PendingOperation::CombinedOrder { combine_out_trade_no } => {
            boxed(combine::QueryOrder::combine_out_trade_no(combine_out_trade_no), Resolved::Combine)
        }
        PendingOperation::ProfitSharing { transaction_id, out_order_no, sub_mchid } => {
            let query = QueryProfitSharing::new(transaction_id, out_order_no).party(party(sub_mchid));
            boxed(query, Resolved::ProfitSharing)
        }
        PendingOperation::ProfitSharingReturn { out_order_no, out_return_no, sub_mchid } => {
            let query = QueryProfitSharingReturn::new(out_order_no, out_return_no).party(party(sub_mchid));
            boxed(query, Resolved::ProfitSharingReturn)
        }
        PendingOperation::Refund { out_refund_no, sub_mchid } => {
            boxed(QueryRefund::new(out_refund_no).party(party(sub_mchid)), Resolved::Refund)
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

fn boxed<T: fmt::Debug + 'static>(
    query: impl Endpoint<Output = Lookup<T>>,
    found: fn(Box<T>) -> Resolved,
) -> ResolveQuery {
    Box::new(QueryAs { query, found })
}

/// A query whose result is converted.
#[derive(Debug)]
struct QueryAs<T, E> {
    query: E,
    found: fn(Box<T>) -> Resolved,
}

impl<T, E> QueryAs<T, E> {
    fn resolved(&self, lookup: Lookup<T>) -> Resolved {
        match lookup {
            Lookup::Found(object) => (self.found)(Box::new(object)),
            Lookup::NotFound => Resolved::NotFound,
        }
    }
}

impl<T: fmt::Debug + 'static, E: Endpoint<Output = Lookup<T>>> Endpoint for QueryAs<T, E> {
    type Output = Resolved;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        self.query.draft(writer)
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<Resolved, Error> {
        self.query.read(reply, merchant, world).map(|lookup| self.resolved(lookup))
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Resolved> {
        self.query.read_refusal(refusal).map(|lookup| self.resolved(lookup))
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
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
