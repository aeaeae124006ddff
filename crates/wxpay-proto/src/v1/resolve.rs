//! Settling a debt: asking after an order of unknown fate until the answer is certain.
//!
//! ```text
//!  begin ─▶ query ─▶ paid ───────────────────────▶ Done(Paid)
//!             ▲  ├─▶ unpaid ─────────────────────▶ Done(Unpaid)       the order exists; ask again later
//!             │  ├─▶ not known, and patience left ─┐
//!             │  ├─▶ no answer ────────────────────┤
//!             └──── pause, each longer ◀───────────┘ ─▶ Done(NoSuchOrder), or Done(Err) with the pending_operation again
//! ```
//!
//! That WeChat Pay does not know an order is believed only after a while: the request that was lost may still be
//! on its way.

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

/// How long to pause after each question that did not settle it, in seconds: four minutes in all.
const POLL_INTERVALS: [u64; 7] = [1, 2, 5, 12, 30, 60, 130];
/// After so many questions (twenty seconds) an order that is still not known does not exist.
const MIN_QUERIES_UNTIL_NOT_FOUND: usize = 5;

/// Asks until the answer is certain. Comes to [`QueryOutcome::Paid`], to [`QueryOutcome::Unpaid`] (the order exists: the
/// same number may be ordered again to get new parameters for the phone), or to [`QueryOutcome::NotFound`].
#[derive(Debug)]
pub struct Resolve {
    me: Merchant,
    pending_operation: PendingOperation,
    queries: usize,
}

/// A settlement with a request out.
#[derive(Debug)]
pub struct InFlight(AwaitingReply<Call<QueryOrder>>, Resolve);

/// A settlement that waits.
#[derive(Debug)]
pub struct Paused(Pause);

#[derive(Debug)]
enum Pause {
    BeforeQuery(Resolve),
    WithinCall(Waiting<Call<QueryOrder>>, Resolve),
}

impl Merchant {
    /// Settles a debt: asks after an order of unknown fate until the answer is certain.
    #[must_use]
    pub fn resolve(&self, pending_operation: Unresolved) -> Resolve {
        Resolve {
            me: self.clone(),
            pending_operation: pending_operation.into_pending_operation(),
            queries: 0,
        }
    }

    /// Takes up, after a crash, an order that may have been sent: asks after it as [`resolve`](Self::resolve) does.
    /// Errors do not survive a crash, but numbers that were written down before the call do.
    #[must_use]
    pub fn resolve_pending(&self, number: OutTradeNo) -> Resolve {
        Resolve { me: self.clone(), pending_operation: PendingOperation::order(number), queries: 0 }
    }
}

impl Resolve {
    fn ask(mut self, world: &mut World<'_>) -> Step<Self> {
        self.queries = self.queries.saturating_add(1);
        let PendingOperation::Order { out_trade_no, sub_mchid: None } = &self.pending_operation else {
            // Types cannot exclude it: the debt is a later generation's, and this one knows no such number.
            return self.judge(Err(Error::new(ErrorKind::Misuse, Fate::NotSent)), world);
        };
        let query = self.me.query(out_trade_no.clone());
        self.follow(query.begin(world), world)
    }

    fn follow(self, step: Step<Call<QueryOrder>>, world: &mut World<'_>) -> Step<Self> {
        match step {
            Step::Send(transmit, query) => Step::send(transmit, InFlight(query, self)),
            Step::Wait(until, query) => Step::wait(until, Paused(Pause::WithinCall(query, self))),
            Step::Done(result) => self.judge(result, world),
        }
    }

    fn judge(self, result: Result<QueryOutcome, Error>, world: &mut World<'_>) -> Step<Self> {
        let certain = match &result {
            Ok(QueryOutcome::Paid(_) | QueryOutcome::Unpaid) => true,
            Ok(QueryOutcome::NotFound) => self.queries >= MIN_QUERIES_UNTIL_NOT_FOUND,
            Err(error) => matches!(error.kind(), ErrorKind::Refused | ErrorKind::Misuse),
        };
        let pause =
            self.queries.checked_sub(1).and_then(|asked| POLL_INTERVALS.get(asked)).filter(|_| !certain);
        match pause {
            Some(secs) => {
                Step::wait(world.now.after(Duration::from_secs(*secs)), Paused(Pause::BeforeQuery(self)))
            }
            // The question failed; what it was about is as much in doubt as before.
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
        self.ask(world)
    }

    fn on_reply(InFlight(query, resolve): InFlight, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        resolve.follow(query.step(reply, world), world)
    }

    fn on_wake(Paused(pause): Paused, world: &mut World<'_>) -> Step<Self> {
        match pause {
            Pause::BeforeQuery(resolve) => resolve.ask(world),
            Pause::WithinCall(query, resolve) => resolve.follow(query.step(world), world),
        }
    }
}
