//! Settling a debt: asking after an order of unknown fate until the answer is certain.
//!
//! ```text
//!  begin ─▶ query ─▶ paid ───────────────────────▶ Done(Paid)
//!             ▲  ├─▶ unpaid ─────────────────────▶ Done(Unpaid)       the order exists; ask again later
//!             │  ├─▶ not known, and patience left ─┐
//!             │  ├─▶ no answer ────────────────────┤
//!             └──── pause, each longer ◀───────────┘ ─▶ Done(NoSuchOrder), or Done(Err) with the debt again
//! ```
//!
//! That WeChat Pay does not know an order is believed only after a while: the request that was lost may still be
//! on its way.

use super::{
    call::Call,
    merchant::Merchant,
    query::{Queried, Query},
};
use crate::{
    error::{Debt, Error, ErrorKind, Fate, Unsettled},
    exchange::{Asleep, Flow, Reply, Sent, Step, sealed::Sealed},
    id::OutTradeNo,
    world::World,
};
use core::time::Duration;

/// How long to pause after each question that did not settle it, in seconds: four minutes in all.
const PAUSES: [u64; 7] = [1, 2, 5, 12, 30, 60, 130];
/// After so many questions (twenty seconds) an order that is still not known does not exist.
const PATIENCE: usize = 5;

/// Asks until the answer is certain. Comes to [`Queried::Paid`], to [`Queried::Unpaid`] (the order exists: the
/// same number may be ordered again to get new parameters for the phone), or to [`Queried::NoSuchOrder`].
#[derive(Debug)]
pub struct Settle {
    me: Merchant,
    debt: Debt,
    asked: usize,
}

/// A settlement with a request out.
#[derive(Debug)]
pub struct Asking(Sent<Call<Query>>, Settle);

/// A settlement that waits.
#[derive(Debug)]
pub struct Pausing(Pause);

#[derive(Debug)]
enum Pause {
    Between(Settle),
    WithinCall(Asleep<Call<Query>>, Settle),
}

impl Merchant {
    /// Settles a debt: asks after an order of unknown fate until the answer is certain.
    #[must_use]
    pub fn settle(&self, debt: Unsettled) -> Settle {
        Settle { me: self.clone(), debt: debt.into_debt(), asked: 0 }
    }

    /// Takes up, after a crash, an order that may have been sent: asks after it as [`settle`](Self::settle) does.
    /// Errors do not survive a crash, but numbers that were written down before the call do.
    #[must_use]
    pub fn recover(&self, number: OutTradeNo) -> Settle {
        Settle { me: self.clone(), debt: Debt::order(number), asked: 0 }
    }
}

impl Settle {
    fn ask(mut self, world: &mut World<'_>) -> Step<Self> {
        self.asked = self.asked.saturating_add(1);
        let Debt::Order { out_trade_no, sub_mchid: None } = &self.debt else {
            // Types cannot exclude it: the debt is a later generation's, and this one knows no such number.
            return self.judge(Err(Error::new(ErrorKind::Misuse, Fate::NotSent)), world);
        };
        let query = self.me.query(out_trade_no.clone());
        self.follow(query.begin(world), world)
    }

    fn follow(self, step: Step<Call<Query>>, world: &mut World<'_>) -> Step<Self> {
        match step {
            Step::Send(hop, query) => Step::send(hop, Asking(query, self)),
            Step::Wait(until, query) => Step::wait(until, Pausing(Pause::WithinCall(query, self))),
            Step::Done(result) => self.judge(result, world),
        }
    }

    fn judge(self, result: Result<Queried, Error>, world: &mut World<'_>) -> Step<Self> {
        let certain = match &result {
            Ok(Queried::Paid(_) | Queried::Unpaid) => true,
            Ok(Queried::NoSuchOrder) => self.asked >= PATIENCE,
            Err(error) => matches!(error.kind(), ErrorKind::Refused | ErrorKind::Misuse),
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

impl Sealed for Settle {}

impl Flow for Settle {
    type Sent = Asking;
    type Asleep = Pausing;
    type Output = Queried;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        self.ask(world)
    }

    fn replied(Asking(query, settle): Asking, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        settle.follow(query.step(reply, world), world)
    }

    fn woke(Pausing(pause): Pausing, world: &mut World<'_>) -> Step<Self> {
        match pause {
            Pause::Between(settle) => settle.ask(world),
            Pause::WithinCall(query, settle) => settle.follow(query.step(world), world),
        }
    }
}
