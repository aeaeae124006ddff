//! Resolution of an operation whose outcome is unknown, by queries until it is known.
//!
//! ```text
//!  begin ─▶ query ─▶ exists ─────────────────────▶ Done(Ok): the object
//!            ▲   ├─▶ not found, too early ─────┐
//!            │   ├─▶ no reply ─────────────────┤
//!            └──── wait, each time longer ◀────┘ ─▶ Done(Ok): not found, or Done(Err) with the pending operation
//! ```
//!
//! "Not found" is final only after 20 seconds: the request that was lost may still be in flight. Another reply among
//! them starts the count again. If every attempt of the call was answered, none is in flight, and the first verified
//! "not found" is final.
//!
//! An unsigned "not found" of APIv3 ends the flow after 20 seconds, too, if no other reply arrives. An order that was
//! placed or closed then counts as not found: the same request is sent again under the same number, and takes effect
//! once. For anything that moves money, and for a stored key, it proves nothing: the flow ends with an error and the
//! pending operation.
//!
//! One flow serves all API versions. What they differ in is the [`Query`]: [`v3::Resolver`](crate::v3::Resolver) makes
//! one of a query of APIv3.

use crate::{
    error::{Error, ErrorKind, Fate},
    exchange::{AwaitingReply, Flow, Reply, Step, Waiting, sealed},
    pending::{PendingOperation, Unresolved},
    prelude::*,
    world::World,
};
use core::{error, fmt, time::Duration};

/// The delay after each query that did not resolve the operation, in seconds: four minutes in all.
const POLL_INTERVALS: [u64; 7] = [1, 2, 5, 12, 30, 60, 130];
/// The number of queries (about 20 seconds) after which "not found" is final.
const MIN_QUERIES_UNTIL_NOT_FOUND: usize = 5;

/// A call of a query that resolves. Only the calls of this crate are queries, as a [`Flow`] is sealed.
pub trait Query: Flow + Clone + fmt::Debug {
    /// Returns the key of the operation that the query resolves, if it is by the numbers of a key.
    fn pending(&self) -> Option<PendingOperation>;

    /// Returns whether a verified reply reports that WeChat Pay does not have the number.
    fn is_not_found(output: &Self::Output) -> bool;

    /// Returns the result "not found" if a failed call ended with an unsigned reply that reports it.
    fn unsigned_not_found(&self, error: &Error) -> Option<Self::Output> {
        let _ = error;
        None
    }

    /// Returns whether a query was refused by a reply that will be the same the next time.
    fn is_refused_for_good(error: &Error) -> bool;
}

/// Resolves an operation whose outcome is unknown by querying until it is known.
///
/// Fails with the fate [`Unknown`](crate::Fate::Unknown) and the same pending operation if the outcome stays unknown. A
/// key of another operation fails with the kind [`Misuse`](ErrorKind::Misuse), and nothing is sent.
#[derive(Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct Resolve<Q> {
    query: Result<Q, OtherOperation>,
    unresolved: Unresolved,
}

/// A resolution that has begun.
#[derive(Debug)]
struct Resolving<Q> {
    query: Q,
    unresolved: Unresolved,
    queries: usize,
    /// The number of queries in a row that ended with "not found", signed or not.
    not_found_in_a_row: usize,
}

// The flow awaits the reply to a query.
#[doc(hidden)]
#[derive(Debug)]
pub struct InFlight<Q: Flow>(AwaitingReply<Q>, Resolving<Q>);

// The flow waits: for the next query, or within the call of one.
#[doc(hidden)]
#[derive(Debug)]
pub struct Paused<Q: Flow>(Pause<Q>);

#[derive(Debug)]
enum Pause<Q: Flow> {
    BeforeQuery(Resolving<Q>),
    WithinCall(Box<Waiting<Q>>, Resolving<Q>),
}

/// The error for a pending operation that this query does not resolve.
#[derive(Clone, Debug)]
struct OtherOperation {
    label: &'static str,
    operation: PendingOperation,
}

impl fmt::Display for OtherOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, operation } = self;
        if operation.label() == *label {
            write!(f, "the pending operation {operation} does not have the numbers of a {label}")
        } else {
            write!(f, "the pending operation is a {}, and the query resolves a {label}", operation.label())
        }
    }
}

impl error::Error for OtherOperation {}

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

impl<Q: Query> Resolve<Q> {
    /// Creates the flow. `query` creates the query from a key with this label.
    pub(crate) fn new(
        unresolved: Unresolved,
        label: &'static str,
        query: impl FnOnce(&PendingOperation) -> Option<Q>,
    ) -> Self {
        let operation = unresolved.pending_operation();
        // WeChat Pay would not find what is queried by another label, or by fewer numbers.
        let query = query(operation).filter(|query| query.pending().as_ref() == Some(operation));
        let query = query.ok_or_else(|| OtherOperation { label, operation: operation.clone() });
        Self { query, unresolved }
    }
}

impl<Q: Query> Resolving<Q> {
    fn query(mut self, world: &mut World<'_>) -> Step<Resolve<Q>> {
        self.queries = self.queries.saturating_add(1);
        let call = self.query.clone();
        self.follow(call.begin(world), world)
    }

    fn follow(self, step: Step<Q>, world: &mut World<'_>) -> Step<Resolve<Q>> {
        match step {
            Step::Send(transmit, call) => Step::send(transmit, InFlight(call, self)),
            Step::Wait(until, call) => Step::wait(until, Paused(Pause::WithinCall(Box::new(call), self))),
            Step::Done(result) => self.on_result(result, world),
        }
    }

    fn on_result(mut self, result: Result<Q::Output, Error>, world: &mut World<'_>) -> Step<Resolve<Q>> {
        let unsigned = result.as_ref().err().and_then(|error| self.query.unsigned_not_found(error));
        let not_found = unsigned.is_some() || result.as_ref().is_ok_and(Q::is_not_found);
        self.not_found_in_a_row = if not_found { self.not_found_in_a_row.saturating_add(1) } else { 0 };
        let has_waited = self.not_found_in_a_row >= MIN_QUERIES_UNTIL_NOT_FOUND;
        match (result, unsigned) {
            (Ok(output), _) if !not_found || has_waited || self.unresolved.is_answered() => {
                Step::Done(Ok(output))
            }
            (Ok(_), _) => self.wait(Error::new(ErrorKind::Exhausted, None), world),
            (Err(_), Some(not_found)) if has_waited && !self.unresolved.moves_money() => {
                Step::Done(Ok(not_found))
            }
            (Err(error), Some(_)) if has_waited => self.fail(error.caused_by(UnprovenAbsence)),
            (Err(error), _) if error.kind() == ErrorKind::Misuse || Q::is_refused_for_good(&error) => {
                self.fail(error)
            }
            (Err(error), _) => self.wait(error, world),
        }
    }

    /// Waits before the next query, or ends with the error if there is none left.
    fn wait(self, error: Error, world: &mut World<'_>) -> Step<Resolve<Q>> {
        match self.queries.checked_sub(1).and_then(|index| POLL_INTERVALS.get(index)) {
            Some(secs) => {
                Step::wait(world.now.after(Duration::from_secs(*secs)), Paused(Pause::BeforeQuery(self)))
            }
            None => self.fail(error),
        }
    }

    /// Ends the flow. The query failed, which proves nothing.
    fn fail(self, error: Error) -> Step<Resolve<Q>> {
        Step::Done(Err(Error::not_resolved(self.unresolved, error)))
    }
}

impl<Q: Query> sealed::Sealed for Resolve<Q> {}

impl<Q: Query> Flow for Resolve<Q> {
    type AwaitingReply = InFlight<Q>;
    type Waiting = Paused<Q>;
    type Output = Q::Output;

    fn may_block(&self) -> bool {
        self.query.as_ref().is_ok_and(Q::may_block)
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self { query, unresolved } = self;
        match query {
            Ok(query) => Resolving { query, unresolved, queries: 0, not_found_in_a_row: 0 }.query(world),
            Err(other) => {
                let misuse = Error::new(ErrorKind::Misuse, Fate::Unknown);
                Step::Done(Err(misuse.with_unresolved(unresolved).caused_by(other)))
            }
        }
    }

    fn on_reply(InFlight(call, resolving): InFlight<Q>, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        resolving.follow(call.step(reply, world), world)
    }

    fn on_wake(Paused(pause): Paused<Q>, world: &mut World<'_>) -> Step<Self> {
        match pause {
            Pause::BeforeQuery(resolving) => resolving.query(world),
            Pause::WithinCall(call, resolving) => resolving.follow(call.step(world), world),
        }
    }
}
