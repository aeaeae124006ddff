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
mod tests {
    use super::*;
    use crate::{
        exchange::Failure,
        http::Method,
        v3::{
            pay::code::tests::minimal,
            toy::{self, Signer, Stage},
        },
    };
    use alloc::{format, string::String, vec::Vec};

    /// What comes of a request.
    #[derive(Clone, Copy, Debug)]
    enum Comes {
        /// A transaction in that state.
        State(&'static str),
        /// A signed reply of another kind.
        Says(u16, &'static str),
        Lost,
        Unreachable,
    }
    use Comes::{Lost, Says, State, Unreachable};

    const USERPAYING: Comes = Says(202, r#"{"code":"USERPAYING","message":"需要用户输入支付密码"}"#);
    const NO_SUCH_ORDER: Comes = Says(404, r#"{"code":"ORDER_NOT_EXIST","message":"订单不存在"}"#);
    const REVERSED: Comes = Says(200, r#"{"mchid":"1900007291","out_trade_no":"1217752501"}"#);
    const OVER: Comes = Says(400, r#"{"code":"REVERSE_EXPIRE","message":"订单无法撤销"}"#);
    const TROUBLE: Comes = Says(500, r#"{"code":"SYSTEM_ERROR","message":"系统异常"}"#);

    fn transaction(state: &str) -> String {
        format!(
            r#"{{"appid":"wxd678efh567hg6787","mchid":"1900007291","out_trade_no":"1217752501","trade_state":"{state}",
            "trade_state_desc":"","transaction_id":"4200000000000000000000000001","success_time":"2027-01-15T16:00:03+08:00",
            "amount":{{"total":100,"payer_total":100}}}}"#
        )
    }

    /// Charges, with these answers to the charge, to each question, and to each reversal. Comes to the result, to the
    /// requests by their first letters, and to how many seconds it took.
    fn charge(
        charge: Comes,
        mut query: impl FnMut(usize) -> Comes,
        reverse: Comes,
    ) -> (Result<Charged, Error>, String, u64) {
        let (mut stage, signer) = (Stage::new(), Signer::public_key());
        let mut asked = 0_usize;
        let mut letters = String::new();
        let flow = toy::merchant().charge_code(minimal().build().unwrap());
        let result = stage.run(flow, |hop, now| {
            let (letter, comes) = if hop.request.method() == Method::Get {
                asked = asked.saturating_add(1);
                ('q', query(asked))
            } else if hop.request.url().ends_with("/reverse") {
                ('r', reverse)
            } else {
                ('c', charge)
            };
            letters.push(letter);
            match comes {
                State(word) => Ok(signer.reply(200, &transaction(word), *now)),
                Says(status, body) => Ok(signer.reply(status, body, *now)),
                Lost => Err(Failure::Lost("cut".into())),
                Unreachable => Err(Failure::NotSent("no route".into())),
            }
        });
        (result, letters, stage.now.since(toy::NOW).as_secs())
    }

    fn is_paid(result: &Result<Charged, Error>) -> bool {
        matches!(result, Ok(Charged::Paid(transaction)) if transaction.evidence().is_some())
    }

    #[test]
    fn a_code_that_needs_no_password_is_paid_by_one_request() {
        let (result, letters, secs) = charge(State("SUCCESS"), |_| Lost, Lost);
        assert!(is_paid(&result));
        assert_eq!((letters.as_str(), secs), ("c", 0));
    }

    #[test]
    fn a_password_is_waited_for_in_steps_of_five_seconds() {
        for first in [USERPAYING, State("USERPAYING")] {
            let then = |asked| if asked < 3 { State("USERPAYING") } else { State("SUCCESS") };
            let (result, letters, secs) = charge(first, then, Lost);
            assert!(is_paid(&result));
            assert_eq!((letters.as_str(), secs), ("cqqq", 15));
        }
    }

    #[test]
    fn a_charge_that_was_lost_is_asked_after_and_never_repeated() {
        for first in [Lost, TROUBLE, Says(502, "<html>"), Says(200, "{}")] {
            let then = |asked| if asked == 1 { NO_SUCH_ORDER } else { State("SUCCESS") };
            let (result, letters, secs) = charge(first, then, Lost);
            assert!(is_paid(&result), "{first:?}");
            assert_eq!((letters.as_str(), secs), ("cqq", 10), "{first:?}");
        }
    }

    #[test]
    fn a_charge_that_was_paid_before_is_asked_after() {
        let paid = Says(400, r#"{"code":"ORDERPAID","message":"该订单已支付"}"#);
        let (result, letters, _) = charge(paid, |_| State("SUCCESS"), Lost);
        assert!(is_paid(&result));
        assert_eq!(letters, "cq");
    }

    #[test]
    fn a_payer_who_does_nothing_is_reversed_after_45_seconds() {
        let (result, letters, secs) = charge(USERPAYING, |_| State("USERPAYING"), REVERSED);
        assert_eq!(result.unwrap(), Charged::Reversed);
        assert_eq!((letters.as_str(), secs), ("cqqqqqqqqqr", 45));
    }

    #[test]
    fn a_charge_that_never_arrived_is_found_not_to_exist() {
        let (result, letters, _) = charge(Lost, |_| NO_SUCH_ORDER, NO_SUCH_ORDER);
        assert_eq!(result.unwrap(), Charged::NoSuchOrder);
        assert_eq!(letters, "cqqqqqqqqqr");
    }

    #[test]
    fn a_charge_that_failed_is_over() {
        for state in ["PAYERROR", "CLOSED", "REVOKED"] {
            let (result, letters, _) = charge(USERPAYING, |_| State(state), Lost);
            assert!(matches!(result, Ok(Charged::NotPaid(_))), "{state}");
            assert_eq!(letters, "cq");
        }
    }

    #[test]
    fn a_charge_that_was_refused_or_never_sent_charged_nothing() {
        let refused = Says(403, r#"{"code":"NOT_ENOUGH","message":"余额不足"}"#);
        let (result, letters, _) = charge(refused, |_| Lost, Lost);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.fate(), letters.as_str()), (ErrorKind::Refused, Fate::Refused, "c"));
        let (result, letters, _) = charge(Unreachable, |_| Lost, Lost);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Fate::NotSent));
        assert!(letters.chars().all(|letter| letter == 'c'));
    }

    #[test]
    fn a_payment_that_came_before_its_reversal_could_be_is_found() {
        let then = |asked| if asked < 10 { State("USERPAYING") } else { State("SUCCESS") };
        let (result, letters, _) = charge(USERPAYING, then, OVER);
        assert!(is_paid(&result));
        assert_eq!(letters, "cqqqqqqqqqrq");
    }

    #[test]
    fn what_never_becomes_certain_is_owed() {
        for (query, reverse, kind) in [
            (Lost, Lost, ErrorKind::Transport),
            (TROUBLE, TROUBLE, ErrorKind::Refused),
            (State("USERPAYING"), OVER, ErrorKind::Exhausted),
        ] {
            let (result, letters, secs) = charge(Lost, |_| query, reverse);
            let mut error = result.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (kind, Fate::Unknown));
            let number = "1217752501".parse().unwrap();
            assert_eq!(
                error.unsettled().unwrap().debt(),
                &Debt::Order { out_trade_no: number, sub_mchid: None }
            );
            assert!(letters.contains('r') && secs < 180, "{letters} in {secs} s");
        }
    }

    #[test]
    fn no_step_prints_the_payers_code() {
        let mut memory = crate::memory::Memory::default();
        let step =
            Step::begin(toy::merchant().charge_code(minimal().build().unwrap()), toy::world(&mut memory));
        let mut printed = Vec::from([format!("{step:?}")]);
        if let Step::Send(_, sent) = step {
            let lost = Err(Failure::Lost("cut".into()));
            printed.push(format!("{:?}", sent.resume(lost, toy::world(&mut memory))));
        }
        assert_eq!(printed.len(), 2);
        assert!(printed.iter().all(|text| !text.contains("130061098828009406") && !text.contains("大米")));
    }
}
