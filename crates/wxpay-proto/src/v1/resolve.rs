//! Resolution of an order whose outcome is unknown, by querying until it is known.
//!
//! ```text
//!  begin ─▶ query ─▶ paid ───────────────────────▶ Done(Paid)
//!            ▲   ├─▶ unpaid ─────────────────────▶ Done(Unpaid): the order exists; query again later
//!            │   ├─▶ not found, too early ─────┐
//!            │   ├─▶ no reply ─────────────────┤
//!            └──── wait, each time longer ◀────┘ ─▶ Done(NotFound), or Done(Err) with the pending operation
//! ```
//!
//! "Not found" is final only after 20 seconds: the request that was lost may still be in flight.

use super::{
    call::Call,
    merchant::Merchant,
    query::{QueryOrder, QueryOutcome},
};
use crate::{
    error::{Error, ErrorKind, Fate, PendingOperation, Unresolved},
    exchange::{AwaitingReply, Flow, Reply, Step, Waiting, sealed::Sealed},
    id::OutTradeNo,
    world::World,
};
use core::time::Duration;

/// The delay after each query that did not resolve the order, in seconds: four minutes in total.
const POLL_INTERVALS: [u64; 7] = [1, 2, 5, 12, 30, 60, 130];
/// The number of queries (about 20 seconds) after which "not found" is final.
const MIN_QUERIES_UNTIL_NOT_FOUND: usize = 5;

/// Resolves an order whose outcome is unknown by querying until it is known.
///
/// Returns [`QueryOutcome::Paid`], [`QueryOutcome::Unpaid`] or [`QueryOutcome::NotFound`]. An unpaid order exists:
/// place it again under the same number to get new parameters for the app.
#[derive(Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct Resolve {
    merchant: Merchant,
    pending_operation: PendingOperation,
    queries: usize,
}

/// A resolution that awaits a reply.
#[doc(hidden)]
#[derive(Debug)]
pub struct InFlight(AwaitingReply<Call<QueryOrder>>, Resolve);

/// A resolution that waits.
#[doc(hidden)]
#[derive(Debug)]
pub struct Paused(WaitingFor);

#[derive(Debug)]
enum WaitingFor {
    BeforeQuery(Resolve),
    WithinCall(Waiting<Call<QueryOrder>>, Resolve),
}

impl Merchant {
    /// Resolves an order whose outcome is unknown by querying until it is known.
    pub fn resolve(&self, unresolved: Unresolved) -> Resolve {
        Resolve { merchant: self.clone(), pending_operation: unresolved.into_pending_operation(), queries: 0 }
    }

    /// Resolves an order that may have been sent before a crash, like [`resolve`](Self::resolve). The error of the call
    /// is lost in the crash, so store the order's number before the call.
    pub fn resolve_pending(&self, number: OutTradeNo) -> Resolve {
        Resolve { merchant: self.clone(), pending_operation: PendingOperation::order(number), queries: 0 }
    }
}

impl Resolve {
    fn query(mut self, world: &mut World<'_>) -> Step<Self> {
        self.queries = self.queries.saturating_add(1);
        let PendingOperation::Order { out_trade_no, sub_mchid: None } = &self.pending_operation else {
            // Types cannot exclude this: the pending operation is one of APIv3, and APIv1 has no query for it.
            return self.on_result(Err(Error::new(ErrorKind::Misuse, Fate::NotSent)), world);
        };
        let query = self.merchant.query(out_trade_no.clone());
        self.follow(query.begin(world), world)
    }

    fn follow(self, step: Step<Call<QueryOrder>>, world: &mut World<'_>) -> Step<Self> {
        match step {
            Step::Send(transmit, query) => Step::send(transmit, InFlight(query, self)),
            Step::Wait(until, query) => Step::wait(until, Paused(WaitingFor::WithinCall(query, self))),
            Step::Done(result) => self.on_result(result, world),
        }
    }

    fn on_result(self, result: Result<QueryOutcome, Error>, world: &mut World<'_>) -> Step<Self> {
        let is_final = match &result {
            Ok(QueryOutcome::Paid(_) | QueryOutcome::Unpaid) => true,
            Ok(QueryOutcome::NotFound) => self.queries >= MIN_QUERIES_UNTIL_NOT_FOUND,
            Err(error) => matches!(error.kind(), ErrorKind::Refused | ErrorKind::Misuse),
        };
        let interval =
            self.queries.checked_sub(1).and_then(|index| POLL_INTERVALS.get(index)).filter(|_| !is_final);
        match interval {
            Some(secs) => {
                Step::wait(world.now.after(Duration::from_secs(*secs)), Paused(WaitingFor::BeforeQuery(self)))
            }
            // Only the query failed: the fate of the order itself is as unknown as before.
            None => Step::Done(result.map_err(|error| {
                Error::new(error.kind(), Fate::Unknown)
                    .with_pending_operation(|| self.pending_operation.clone())
                    .caused_by(error)
            })),
        }
    }
}

impl Sealed for Resolve {}

impl Flow for Resolve {
    type AwaitingReply = InFlight;
    type Waiting = Paused;
    type Output = QueryOutcome;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        self.query(world)
    }

    fn on_reply(InFlight(query, resolve): InFlight, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        resolve.follow(query.step(reply, world), world)
    }

    fn on_wake(Paused(waiting): Paused, world: &mut World<'_>) -> Step<Self> {
        match waiting {
            WaitingFor::BeforeQuery(resolve) => resolve.query(world),
            WaitingFor::WithinCall(query, resolve) => resolve.follow(query.step(world), world),
        }
    }
}
