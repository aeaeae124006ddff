//! Charging a payer's code, and staying with it until the outcome is certain.
//!
//! ```text
//!  begin ─▶ charge ─▶ paid, or failed for good ───────────────────────▶ Done(Ok)
//!             │  └──▶ refused, or never sent ─────────────────────────▶ Done(Err): nothing happened
//!             ▼ typing a password, or not known what became of it
//!       ┌─▶ five seconds ─▶ query ─▶ certain ─────────────────────────▶ Done(Ok)
//!       └──── no, and it is not 45 seconds yet ◀─┤
//!                                                ▼ no, and it is
//!                                             reverse ─▶ reversed ────▶ Done(Ok)
//!                                                └─▶ query ─▶ certain ▶ Done(Ok)
//!                                                        └──▶ no ─────▶ Done(Err) with the debt
//! ```
//!
//! What is known about the money: until the charge is answered, nothing; while the payer types, that it was not taken
//! yet; once the reversal is answered, that it was not taken or goes back.

use super::{
    code::{CodePay, Scanned},
    query::{Queried, Query},
    reverse::Reverse,
    transaction::{TradeState, Transaction},
};
use crate::{
    clock::UnixTime,
    error::{Debt, Error, ErrorKind, Fate},
    exchange::{Asleep, Flow, Reply, Sent, Step, sealed},
    refusal::{Code, Refusal},
    v3::{
        call::Call,
        endpoint::{Draft, Endpoint, Repeat},
        merchant::Merchant,
        seal::Pen,
        verify::Verified,
    },
    world::World,
};
use alloc::boxed::Box;
use core::time::Duration;

/// How long to pause before each question.
const PAUSE: Duration = Duration::from_secs(5);
/// For how long to ask, before it is reversed.
const PATIENCE: Duration = Duration::from_secs(45);

/// Charges a code, waits for the payer, and reverses the charge if it does not become certain.
#[derive(Debug)]
pub struct ChargeCode {
    me: Merchant,
    pay: CodePay,
}

/// What became of a charge, for certain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Charged {
    /// It was paid.
    Paid(Box<Transaction>),
    /// It failed, was closed or was reversed: it was not paid, and cannot be any more. A further try needs a new number and
    /// a new code.
    NotPaid(Box<Transaction>),
    /// It did not become certain in time, and was reversed: what was paid goes back. A further try needs a new number and a
    /// new code.
    Reversed,
    /// WeChat Pay knows of no such charge: it was lost on its way. Nothing was paid.
    NoSuchOrder,
}

impl Merchant {
    /// Charges a code, waits for the payer, and reverses the charge if it does not become certain within about 45 seconds.
    ///
    /// Fails with [`Fate::Refused`] or [`Fate::NotSent`] where nothing was charged, and with [`Fate::Unknown`] and a debt
    /// where even the reversal did not become certain. After a crash, [recover](Self::recover) the order: it tells whether to
    /// [reverse](Reverse) it.
    #[must_use]
    pub fn charge_code(&self, pay: CodePay) -> ChargeCode {
        ChargeCode { me: self.clone(), pay }
    }
}

/// A charge with a request out.
#[derive(Debug)]
pub struct Asking(Sent<Call<Leg>>, Charging);

/// A charge that waits.
#[derive(Debug)]
pub struct Pausing(Pause);

#[derive(Debug)]
enum Pause {
    BeforeQuery(Charging),
    WithinCall(Box<Asleep<Call<Leg>>>, Charging),
}

/// A charge that has begun.
#[derive(Debug)]
struct Charging {
    me: Merchant,
    pay: CodePay,
    /// When it is reversed.
    until: UnixTime,
    at: At,
}

/// How far a charge is.
#[derive(Clone, Copy, Debug)]
enum At {
    Charge,
    Query,
    Reverse,
    /// The question after a reversal that failed.
    Last,
}

/// What a charge asks.
#[derive(Debug)]
enum Leg {
    Charge(Box<CodePay>),
    Query(Query),
    Reverse(Reverse),
}

/// What it is told.
#[derive(Debug)]
enum Told {
    Transaction(Box<Transaction>),
    NotYet,
    Reversed,
    NoSuchOrder,
}

impl From<Scanned> for Told {
    fn from(scanned: Scanned) -> Self {
        match scanned {
            Scanned::Known(transaction) => Self::Transaction(transaction),
            Scanned::UserPaying => Self::NotYet,
        }
    }
}

impl From<Queried> for Told {
    fn from(queried: Queried) -> Self {
        match queried {
            Queried::Known(transaction) => Self::Transaction(transaction),
            Queried::NoSuchOrder => Self::NoSuchOrder,
        }
    }
}

impl Endpoint for Leg {
    type Output = Told;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        match self {
            Self::Charge(pay) => pay.draft(pen),
            Self::Query(query) => query.draft(pen),
            Self::Reverse(reverse) => reverse.draft(pen),
        }
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, world: &mut World<'_>) -> Result<Told, Error> {
        match self {
            Self::Charge(pay) => pay.read(reply, me, world).map(Told::from),
            Self::Query(query) => query.read(reply, me, world).map(Told::from),
            Self::Reverse(reverse) => reverse.read(reply, me, world).map(|()| Told::Reversed),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Option<Told> {
        match self {
            // Paid already, under this number: the answer to an earlier try was lost. What was paid, a question tells.
            Self::Charge(_) if refusal.code == Code::ORDERPAID => Some(Told::NotYet),
            Self::Charge(pay) => pay.refused(refusal).map(Told::from),
            Self::Query(query) => query.refused(refusal).map(Told::from),
            Self::Reverse(_) => {
                let unknown = refusal.status == 404 && refusal.code == Code::ORDER_NOT_EXIST;
                unknown.then_some(Told::NoSuchOrder)
            }
        }
    }

    fn repeat(&self) -> Repeat {
        match self {
            Self::Charge(pay) => pay.repeat(),
            Self::Query(query) => query.repeat(),
            Self::Reverse(reverse) => reverse.repeat(),
        }
    }

    fn debt(&self) -> Option<Debt> {
        match self {
            Self::Charge(pay) => pay.debt(),
            Self::Query(query) => query.debt(),
            Self::Reverse(reverse) => reverse.debt(),
        }
    }
}

impl Charging {
    fn start(self, at: At, world: &mut World<'_>) -> Step<ChargeCode> {
        let pay = &self.pay;
        let (number, party) = (pay.out_trade_no().clone(), pay.party().clone());
        let leg = match at {
            At::Charge => Leg::Charge(Box::new(pay.clone())),
            At::Query | At::Last => Leg::Query(Query::out_trade_no(number, party)),
            At::Reverse => Leg::Reverse(Reverse::new(pay.appid().clone(), number, party)),
        };
        let call = self.me.call(leg);
        Self { at, ..self }.follow(call.begin(world), world)
    }

    fn follow(self, step: Step<Call<Leg>>, world: &mut World<'_>) -> Step<ChargeCode> {
        match step {
            Step::Send(hop, call) => Step::send(hop, Asking(call, self)),
            Step::Wait(until, call) => Step::wait(until, Pausing(Pause::WithinCall(Box::new(call), self))),
            Step::Done(result) => self.judge(result, world),
        }
    }

    fn judge(self, result: Result<Told, Error>, world: &mut World<'_>) -> Step<ChargeCode> {
        match result {
            Ok(Told::Transaction(transaction)) => match certain(transaction) {
                Some(charged) => Step::Done(Ok(charged)),
                None => self.go_on(None, world),
            },
            Ok(Told::Reversed) => Step::Done(Ok(Charged::Reversed)),
            // A charge that was lost may still be on its way; by now it is not.
            Ok(Told::NoSuchOrder) if matches!(self.at, At::Reverse | At::Last) => {
                Step::Done(Ok(Charged::NoSuchOrder))
            }
            Ok(Told::NotYet | Told::NoSuchOrder) => self.go_on(None, world),
            Err(error) if matches!(self.at, At::Charge) && error.fate() != Fate::Unknown => {
                Step::Done(Err(error))
            }
            // A question that was refused, or a reversal, tells nothing of the charge.
            Err(error) => self.go_on(Some(error), world),
        }
    }

    /// It is not certain yet.
    fn go_on(self, error: Option<Error>, world: &mut World<'_>) -> Step<ChargeCode> {
        let next = world.now.after(PAUSE);
        match self.at {
            At::Charge | At::Query if next <= self.until => {
                Step::wait(next, Pausing(Pause::BeforeQuery(self)))
            }
            At::Charge | At::Query => self.start(At::Reverse, world),
            At::Reverse => self.start(At::Last, world),
            At::Last => {
                let kind = error.as_ref().map_or(ErrorKind::Exhausted, Error::kind);
                let unknown = Error::new(kind, Fate::Unknown).owing(|| self.pay.order());
                Step::Done(Err(match error {
                    Some(error) => unknown.caused_by(error),
                    None => unknown,
                }))
            }
        }
    }
}

/// What a transaction says of the charge, if it cannot change any more.
fn certain(transaction: Box<Transaction>) -> Option<Charged> {
    match transaction.trade_state {
        TradeState::Success | TradeState::Refund => Some(Charged::Paid(transaction)),
        TradeState::Closed | TradeState::Revoked | TradeState::PayError => {
            Some(Charged::NotPaid(transaction))
        }
        TradeState::NotPay | TradeState::UserPaying | TradeState::Accept | TradeState::Other(_) => None,
    }
}

impl sealed::Sealed for ChargeCode {}

impl Flow for ChargeCode {
    type Sent = Asking;
    type Asleep = Pausing;
    type Output = Charged;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let Self { me, pay } = self;
        let until = world.now.after(PATIENCE);
        Charging { me, pay, until, at: At::Charge }.start(At::Charge, world)
    }

    fn replied(Asking(call, charging): Asking, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        charging.follow(call.step(reply, world), world)
    }

    fn woke(Pausing(pause): Pausing, world: &mut World<'_>) -> Step<Self> {
        match pause {
            Pause::BeforeQuery(charging) => charging.start(At::Query, world),
            Pause::WithinCall(call, charging) => charging.follow(call.step(world), world),
        }
    }
}

#[cfg(test)]
mod tests;
