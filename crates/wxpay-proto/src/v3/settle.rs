//! Settling a debt: asking after what is in doubt until the answer is certain.
//!
//! ```text
//!  begin ─▶ ask ─▶ it exists ────────────────────▶ Done(Ok): what it is
//!            ▲  ├─▶ not known, patience left ──┐
//!            │  ├─▶ no answer ─────────────────┤
//!            └──── pause, each longer ◀────────┘ ─▶ Done(Ok(NoSuchNumber)), or Done(Err) with the debt again
//! ```
//!
//! That WeChat Pay does not know a number is believed only after a while: the request that was lost may still be on
//! its way.

use super::{
    call::Call,
    endpoint::{Draft, Endpoint, Repeat},
    merchant::Merchant,
    party::Party,
    pay::{Queried, Query, Transaction, combine},
    profitsharing::{self, GivenBack, QueryGivenBack, Sharing, give_back},
    refund::{self, Refund},
    seal::Pen,
    transfer::{self, Authorization, Transfer, authorization, qq_wallet},
    verify::Verified,
};
use crate::{
    error::{Debt, Error, ErrorKind, Fate, Unsettled},
    exchange::{Asleep, Flow, Reply, Sent, Step, sealed},
    id::MchId,
    refusal::Refusal,
    world::World,
};
use alloc::boxed::Box;
use core::time::Duration;

/// How long to pause after each question that did not settle it, in seconds: four minutes in all.
const PAUSES: [u64; 7] = [1, 2, 5, 12, 30, 60, 130];
/// After so many questions (twenty seconds) a number that is still not known does not exist.
const PATIENCE: usize = 5;

/// Asks until the answer is certain.
#[derive(Debug)]
pub struct Settle {
    me: Merchant,
    debt: Debt,
    asked: usize,
}

/// How a debt was settled: what became of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// The order exists; see where it stands.
    Order(Box<Transaction>),
    /// The transfer exists, to a wallet of WeChat's or of QQ's; see where it stands.
    Transfer(Box<Transfer>),
    /// The payee was asked to allow it; see where it stands.
    Authorization(Box<Authorization>),
    /// The orders that are paid together exist; see where each stands.
    Combine(Box<combine::Transaction>),
    /// The sharing exists; see where it stands.
    ProfitSharing(Box<Sharing>),
    /// What was to be given back was asked for; see where it stands.
    ProfitSharingReturn(Box<GivenBack>),
    /// The refund exists; see where it stands.
    Refund(Box<Refund>),
    /// WeChat Pay knows no such number: nothing happened, and the same number can be used again.
    NoSuchNumber,
}

/// A settlement with a request out.
#[derive(Debug)]
pub struct Asking(Sent<Call<Question>>, Settle);

/// A settlement that waits.
#[derive(Debug)]
pub struct Pausing(Pause);

#[derive(Debug)]
enum Pause {
    Between(Settle),
    WithinCall(Box<Asleep<Call<Question>>>, Settle),
}

impl Merchant {
    /// Settles a debt: asks after what is in doubt until the answer is certain.
    #[must_use]
    pub fn settle(&self, debt: Unsettled) -> Settle {
        self.recover(debt.into_debt())
    }

    /// Takes up, after a crash, a request that may have been sent: asks after it as [`settle`](Self::settle) does.
    /// Errors do not survive a crash, but numbers that were written down before the call do.
    #[must_use]
    pub fn recover(&self, debt: Debt) -> Settle {
        Settle { me: self.clone(), debt, asked: 0 }
    }
}

/// The question that belongs to a debt.
fn question(debt: Debt) -> Question {
    match debt {
        Debt::Order { out_trade_no, sub_mchid } => ask(Query::out_trade_no(out_trade_no, party(sub_mchid))),
        Debt::Transfer { out_bill_no } => ask(transfer::Query::out_bill_no(out_bill_no)),
        Debt::QqTransfer { out_bill_no } => ask(qq_wallet::Query::new(out_bill_no)),
        Debt::Authorization { out_authorization_no } => ask(authorization::Query::new(out_authorization_no)),
        Debt::Combine { combine_out_trade_no } => {
            ask(combine::Query::combine_out_trade_no(combine_out_trade_no))
        }
        Debt::ProfitSharing { transaction_id, out_order_no, sub_mchid } => {
            ask(profitsharing::Query::new(party(sub_mchid), transaction_id, out_order_no))
        }
        Debt::ProfitSharingReturn { out_order_no, out_return_no, sub_mchid } => {
            ask(QueryGivenBack::new(party(sub_mchid), out_order_no, out_return_no))
        }
        Debt::Refund { out_refund_no, sub_mchid } => ask(refund::Query::new(out_refund_no, party(sub_mchid))),
    }
}

fn party(sub_mchid: Option<MchId>) -> Party {
    sub_mchid.map_or(Party::Own, Party::partner)
}

/// A query whose answer settles something.
type Question = Box<dyn Endpoint<Output = Settled>>;

fn ask<E: Endpoint<Output: Into<Settled>> + 'static>(query: E) -> Question {
    Box::new(Ask(query))
}

#[derive(Debug)]
struct Ask<E>(E);

impl<E: Endpoint<Output: Into<Settled>>> Endpoint for Ask<E> {
    type Output = Settled;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        self.0.draft(pen)
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, world: &mut World<'_>) -> Result<Settled, Error> {
        self.0.read(reply, me, world).map(Into::into)
    }

    fn refused(&self, refusal: &Refusal) -> Option<Settled> {
        self.0.refused(refusal).map(Into::into)
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}

impl From<Queried> for Settled {
    fn from(queried: Queried) -> Self {
        match queried {
            Queried::Known(transaction) => Self::Order(transaction),
            Queried::NoSuchOrder => Self::NoSuchNumber,
        }
    }
}

impl From<transfer::Queried> for Settled {
    fn from(queried: transfer::Queried) -> Self {
        match queried {
            transfer::Queried::Known(transfer) => Self::Transfer(transfer),
            transfer::Queried::NoSuchTransfer => Self::NoSuchNumber,
        }
    }
}

impl From<combine::Queried> for Settled {
    fn from(queried: combine::Queried) -> Self {
        match queried {
            combine::Queried::Known(transaction) => Self::Combine(transaction),
            combine::Queried::NoSuchOrder => Self::NoSuchNumber,
        }
    }
}

impl From<profitsharing::Queried> for Settled {
    fn from(queried: profitsharing::Queried) -> Self {
        match queried {
            profitsharing::Queried::Known(sharing) => Self::ProfitSharing(sharing),
            profitsharing::Queried::NoSuchSharing => Self::NoSuchNumber,
        }
    }
}

impl From<give_back::Queried> for Settled {
    fn from(queried: give_back::Queried) -> Self {
        match queried {
            give_back::Queried::Known(given) => Self::ProfitSharingReturn(given),
            give_back::Queried::NoSuchReturn => Self::NoSuchNumber,
        }
    }
}

impl From<refund::Queried> for Settled {
    fn from(queried: refund::Queried) -> Self {
        match queried {
            refund::Queried::Known(refund) => Self::Refund(refund),
            refund::Queried::NoSuchRefund => Self::NoSuchNumber,
        }
    }
}

impl From<authorization::Queried> for Settled {
    fn from(queried: authorization::Queried) -> Self {
        match queried {
            authorization::Queried::Known(authorization) => Self::Authorization(authorization),
            authorization::Queried::NoSuchAuthorization => Self::NoSuchNumber,
        }
    }
}

impl Settle {
    fn ask(mut self, world: &mut World<'_>) -> Step<Self> {
        self.asked = self.asked.saturating_add(1);
        let call = self.me.call(question(self.debt.clone()));
        self.follow(call.begin(world), world)
    }

    fn follow(self, step: Step<Call<Question>>, world: &mut World<'_>) -> Step<Self> {
        match step {
            Step::Send(hop, call) => Step::send(hop, Asking(call, self)),
            Step::Wait(until, call) => Step::wait(until, Pausing(Pause::WithinCall(Box::new(call), self))),
            Step::Done(result) => self.judge(result, world),
        }
    }

    fn judge(self, result: Result<Settled, Error>, world: &mut World<'_>) -> Step<Self> {
        let certain = match &result {
            Ok(Settled::NoSuchNumber) => self.asked >= PATIENCE,
            Ok(_) => true,
            Err(error) => error.fate() == Fate::Refused || error.kind() == ErrorKind::Misuse,
        };
        let pause = self.asked.checked_sub(1).and_then(|asked| PAUSES.get(asked)).filter(|_| !certain);
        match pause {
            Some(secs) => {
                Step::wait(world.now.after(Duration::from_secs(*secs)), Pausing(Pause::Between(self)))
            }
            // The question failed; what it was about is as much in doubt as before.
            None => Step::Done(result.map_err(|error| {
                Error::new(error.kind(), Fate::Unknown).owing(|| self.debt.clone()).caused_by(error)
            })),
        }
    }
}

impl sealed::Sealed for Settle {}

impl Flow for Settle {
    type Sent = Asking;
    type Asleep = Pausing;
    type Output = Settled;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        self.ask(world)
    }

    fn replied(Asking(call, settle): Asking, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        settle.follow(call.step(reply, world), world)
    }

    fn woke(Pausing(pause): Pausing, world: &mut World<'_>) -> Step<Self> {
        match pause {
            Pause::Between(settle) => settle.ask(world),
            Pause::WithinCall(call, settle) => settle.follow(call.step(world), world),
        }
    }
}

#[cfg(test)]
mod tests;
