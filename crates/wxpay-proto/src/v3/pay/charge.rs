//! Code payment until its outcome is final: charges the payer's code, polls, and reverses after 45 seconds.
//!
//! ```text
//!  begin ─▶ charge ─▶ paid, or failed for good ───────────────────────▶ Done(Ok)
//!             │  ├──▶ refused for good, or never sent ────────────────▶ Done(Err): nothing happened
//!             │  └──▶ refused without proof ─▶ query ─▶ no such order ─▶ Done(Err): nothing happened
//!             ▼ payer enters a password, or outcome unknown
//!       ┌─▶ five seconds ─▶ query ─▶ final ───────────────────────────▶ Done(Ok)
//!       └──── not final, before 45 seconds ◀─┤
//!                                            ▼ not final, 45 seconds over
//!                                         reverse ─▶ reversed ────────▶ Done(Ok)
//!                                            └─▶ query ─▶ final ──────▶ Done(Ok)
//!                                                  └─▶ not final ─────▶ Done(Err) with the pending operation
//! ```
//!
//! The money: until the reply to the charge, it may or may not have been taken. While the payer enters a password, it
//! was not taken yet. After the reply to the reversal, it was not taken, or is returned.

use super::{
    code::{CodePayment, CodePaymentReply},
    query::QueryOrder,
    reverse::ReverseOrder,
    transaction::{TradeState, Transaction},
};
use crate::{
    error::{ErrorKind, Fate},
    exchange::{AwaitingReply, Flow, Reply, Step, Waiting, sealed},
    pending::Unresolved,
    v3::{call::Call, prelude::*},
};
use core::time::Duration;

/// The interval between queries.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// The time from the charge to its reversal.
const CHARGE_TIMEOUT: Duration = Duration::from_secs(45);
/// The number of intervals (20 seconds) after which "not found" is final, as in [`Resolve`](crate::v3::Resolve). They
/// are counted, because a clock that is set ahead makes a time come early while the charge is still in flight.
const MIN_INTERVALS_UNTIL_NOT_FOUND: usize = 4;

/// Charges a payer's code, polls until the outcome is final, and reverses the charge if it does not become final.
#[derive(Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct ChargeByCode {
    merchant: Merchant,
    payment: CodePayment,
}

/// The final outcome of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChargeOutcome {
    /// The order was paid.
    Paid(Box<Transaction>),
    /// The order failed, was closed or was reversed: it was not paid, and cannot be paid any more. Another charge needs
    /// a new order number and a new code.
    NotPaid(Box<Transaction>),
    /// The outcome did not become final in time, and the charge was reversed: any payment is returned. Another charge
    /// needs a new order number and a new code.
    Reversed,
    /// WeChat Pay has no such order: the charge was lost in transit. Nothing was paid.
    NotFound,
}

impl Merchant {
    /// Charges a payer's code, polls every five seconds until the outcome is final, and reverses the charge if it is
    /// not final within about 45 seconds.
    ///
    /// Fails with [`Fate::Refused`] or [`Fate::NotSent`] if nothing was charged, and with [`Fate::Unknown`] and a
    /// pending operation if even the outcome of the reversal is unknown. After a crash,
    /// [resolve](Self::resolve_pending) the order; its status shows whether to [reverse](ReverseOrder) it.
    pub fn charge_by_code(&self, payment: CodePayment) -> ChargeByCode {
        ChargeByCode { merchant: self.clone(), payment }
    }
}

// The flow awaits the reply to one of its operations.
#[doc(hidden)]
#[derive(Debug)]
pub struct InFlight(AwaitingReply<Call<ChargeOperation>>, Progress);

// The flow waits: for the next query, or within the call of an operation.
#[doc(hidden)]
#[derive(Debug)]
pub struct Paused(Pause);

#[derive(Debug)]
enum Pause {
    BeforeQuery(Progress),
    WithinCall(Box<Waiting<Call<ChargeOperation>>>, Progress),
}

/// A charge in progress.
#[derive(Debug)]
struct Progress {
    merchant: Merchant,
    payment: CodePayment,
    /// The time from which the charge is reversed instead of queried.
    reverse_at: UnixTime,
    /// The number of intervals that the flow has waited.
    intervals: usize,
    /// A refusal that does not prove that nothing was charged: it is unsigned, or the request may have arrived twice.
    /// As the charge was answered, it is not in flight: the first signed "not found" is final.
    refused: Option<Error>,
    stage: Stage,
}

/// The stage of a charge.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Charge,
    Query,
    Reverse,
    /// The final query, after a reversal that failed.
    FinalQuery,
}

/// One of the operations of a charge.
#[derive(Debug)]
enum ChargeOperation {
    Charge(Box<CodePayment>),
    Query(QueryOrder),
    Reverse(ReverseOrder),
}

/// The result of an operation of a charge.
#[derive(Debug)]
enum OperationReply {
    Transaction(Box<Transaction>),
    Undecided,
    Reversed,
    NotFound,
}

impl From<CodePaymentReply> for OperationReply {
    fn from(reply: CodePaymentReply) -> Self {
        match reply {
            CodePaymentReply::Transaction(transaction) => Self::Transaction(transaction),
            CodePaymentReply::UserPaying => Self::Undecided,
        }
    }
}

impl From<Lookup<Transaction>> for OperationReply {
    fn from(lookup: Lookup<Transaction>) -> Self {
        match lookup {
            Lookup::Found(transaction) => Self::Transaction(Box::new(transaction)),
            Lookup::NotFound => Self::NotFound,
        }
    }
}

impl Endpoint for ChargeOperation {
    type Output = OperationReply;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        match self {
            Self::Charge(payment) => payment.draft(writer),
            Self::Query(query) => query.draft(writer),
            Self::Reverse(reverse) => reverse.draft(writer),
        }
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<OperationReply, Error> {
        match self {
            Self::Charge(payment) => payment.read(reply, merchant, world).map(OperationReply::from),
            Self::Query(query) => query.read(reply, merchant, world).map(OperationReply::from),
            Self::Reverse(reverse) => reverse.read(reply, merchant, world).map(|()| OperationReply::Reversed),
        }
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<OperationReply> {
        match self {
            // The order is already paid under this number; that reply was lost. The next query returns the transaction.
            Self::Charge(_) if refusal.code == Code::ORDERPAID => Some(OperationReply::Undecided),
            Self::Charge(payment) => payment.read_refusal(refusal).map(OperationReply::from),
            Self::Query(query) => query.read_refusal(refusal).map(OperationReply::from),
            Self::Reverse(_) => {
                let not_found = refusal.code == Code::ORDER_NOT_EXIST;
                not_found.then_some(OperationReply::NotFound)
            }
        }
    }

    fn is_final(&self, code: &Code) -> bool {
        match self {
            Self::Charge(payment) => payment.is_final(code),
            Self::Query(query) => query.is_final(code),
            Self::Reverse(reverse) => reverse.is_final(code),
        }
    }

    fn idempotency(&self) -> Idempotency {
        match self {
            Self::Charge(payment) => payment.idempotency(),
            Self::Query(query) => query.idempotency(),
            Self::Reverse(reverse) => reverse.idempotency(),
        }
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        match self {
            Self::Charge(payment) => payment.pending_operation(),
            Self::Query(query) => query.pending_operation(),
            Self::Reverse(reverse) => reverse.pending_operation(),
        }
    }
}

impl Progress {
    fn start(self, stage: Stage, world: &mut World<'_>) -> Step<ChargeByCode> {
        let order = &self.payment.order;
        let (number, party) = (order.out_trade_no.clone(), order.party.clone());
        let operation = match stage {
            Stage::Charge => ChargeOperation::Charge(Box::new(self.payment.clone())),
            Stage::Query | Stage::FinalQuery => {
                ChargeOperation::Query(QueryOrder::out_trade_no(number).party(party))
            }
            Stage::Reverse => {
                let mut reverse = ReverseOrder::new(number).party(party);
                reverse.appid.clone_from(&order.appid);
                ChargeOperation::Reverse(reverse)
            }
        };
        let call = self.merchant.call(operation);
        Self { stage, ..self }.follow(call.begin(world), world)
    }

    fn follow(self, step: Step<Call<ChargeOperation>>, world: &mut World<'_>) -> Step<ChargeByCode> {
        match step {
            Step::Send(transmit, call) => Step::send(transmit, InFlight(call, self)),
            Step::Wait(until, call) => Step::wait(until, Paused(Pause::WithinCall(Box::new(call), self))),
            Step::Done(result) => self.on_result(result, world),
        }
    }

    fn on_result(self, result: Result<OperationReply, Error>, world: &mut World<'_>) -> Step<ChargeByCode> {
        match result {
            Ok(OperationReply::Transaction(transaction)) => match outcome(transaction) {
                Some(charged) => Step::Done(Ok(charged)),
                None => self.undecided(None, world),
            },
            Ok(OperationReply::Reversed) => Step::Done(Ok(ChargeOutcome::Reversed)),
            Ok(OperationReply::NotFound) => self.not_found(world),
            Ok(OperationReply::Undecided) => self.undecided(None, world),
            Err(error) if matches!(self.stage, Stage::Charge) && error.fate() != Some(Fate::Unknown) => {
                Step::Done(Err(error))
            }
            Err(mut error) if matches!(self.stage, Stage::Charge) => {
                if error.take_unresolved().is_some_and(|unresolved| unresolved.is_answered()) {
                    Self { refused: Some(error), ..self }.start(Stage::Query, world)
                } else {
                    self.undecided(Some(error), world)
                }
            }
            // A failed query or reversal proves nothing about the charge.
            Err(error) => self.undecided(Some(error), world),
        }
    }

    /// Ends the flow if no charge can be in flight any more.
    fn not_found(mut self, world: &mut World<'_>) -> Step<ChargeByCode> {
        let is_late = matches!(self.stage, Stage::Reverse | Stage::FinalQuery);
        match self.refused.take() {
            Some(error) => Step::Done(Err(error.with_fate(Fate::Refused))),
            None if !is_late => self.undecided(None, world),
            None if self.intervals >= MIN_INTERVALS_UNTIL_NOT_FOUND => {
                Step::Done(Ok(ChargeOutcome::NotFound))
            }
            None => self.wait(world),
        }
    }

    /// Waits for an interval, then queries.
    fn wait(self, world: &mut World<'_>) -> Step<ChargeByCode> {
        let progress = Self { intervals: self.intervals.saturating_add(1), ..self };
        Step::wait(world.now.after(POLL_INTERVAL), Paused(Pause::BeforeQuery(progress)))
    }

    /// Goes to the next stage after a result that is not final.
    fn undecided(self, error: Option<Error>, world: &mut World<'_>) -> Step<ChargeByCode> {
        match self.stage {
            Stage::Charge | Stage::Query if world.now.after(POLL_INTERVAL) <= self.reverse_at => {
                self.wait(world)
            }
            Stage::Charge | Stage::Query => self.start(Stage::Reverse, world),
            Stage::Reverse => self.start(Stage::FinalQuery, world),
            Stage::FinalQuery => {
                let unresolved = self.payment.pending_operation().map(Unresolved::new);
                let error = error.unwrap_or_else(|| Error::new(ErrorKind::Exhausted, None));
                Step::Done(Err(Error::not_resolved(unresolved, error)))
            }
        }
    }
}

/// Returns the outcome of the charge if the transaction's state is final.
fn outcome(transaction: Box<Transaction>) -> Option<ChargeOutcome> {
    match transaction.trade_state {
        TradeState::Success | TradeState::Refund => Some(ChargeOutcome::Paid(transaction)),
        TradeState::Closed | TradeState::Revoked | TradeState::PayError => {
            Some(ChargeOutcome::NotPaid(transaction))
        }
        TradeState::NotPay | TradeState::UserPaying | TradeState::Accept | TradeState::Other(_) => None,
    }
}

impl sealed::Sealed for ChargeByCode {}

impl Flow for ChargeByCode {
    type AwaitingReply = InFlight;
    type Waiting = Paused;
    type Output = ChargeOutcome;

    fn may_block(&self) -> bool {
        self.merchant.may_block()
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self { merchant, payment } = self;
        let reverse_at = world.now.after(CHARGE_TIMEOUT);
        let stage = Stage::Charge;
        Progress { merchant, payment, reverse_at, intervals: 0, refused: None, stage }.start(stage, world)
    }

    fn on_reply(InFlight(call, progress): InFlight, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        progress.follow(call.step(reply, world), world)
    }

    fn on_wake(Paused(pause): Paused, world: &mut World<'_>) -> Step<Self> {
        match pause {
            Pause::BeforeQuery(progress) => progress.start(Stage::Query, world),
            Pause::WithinCall(call, progress) => progress.follow(call.step(world), world),
        }
    }
}

#[cfg(test)]
mod tests;
