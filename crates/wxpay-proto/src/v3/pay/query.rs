//! Asking after an order.
//!
//! `GET /v3/pay/transactions/out-trade-no/{out_trade_no}`, `GET /v3/pay/transactions/id/{transaction_id}`, and the
//! partner's.

use super::transaction::Transaction;
use crate::{
    error::Error,
    id::{Invalid, OutTradeNo, TransactionId},
    payment::Evidence,
    refusal::{Code, Refusal},
    v3::{
        endpoint::{Draft, Endpoint, Repeat, Target},
        merchant::Merchant,
        party::Party,
        seal::Pen,
        verify::{Verified, malformed},
    },
    world::World,
};
use alloc::boxed::Box;

/// Asks after an order, by either number.
#[derive(Clone, Debug)]
pub struct Query {
    number: Number,
    party: Party,
}

#[derive(Clone, Debug)]
enum Number {
    Ours(OutTradeNo),
    Theirs(TransactionId),
}

/// What is known of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "it is known, or it is not")]
pub enum Queried {
    /// It exists.
    Known(Box<Transaction>),
    /// WeChat Pay knows no such order, and signed that. A request for it may still be on its way: see
    /// [`settle`](crate::v3::Merchant::settle).
    NoSuchOrder,
}

impl Queried {
    /// What it proves: that the order was paid, if it was.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        match self {
            Self::Known(transaction) => transaction.evidence(),
            Self::NoSuchOrder => None,
        }
    }
}

impl Query {
    /// By the merchant's number.
    #[must_use]
    pub fn out_trade_no(out_trade_no: OutTradeNo, party: Party) -> Self {
        Self { number: Number::Ours(out_trade_no), party }
    }

    /// By WeChat Pay's number.
    #[must_use]
    pub fn transaction_id(transaction_id: TransactionId, party: Party) -> Self {
        Self { number: Number::Theirs(transaction_id), party }
    }

    /// The answer must be about what was asked.
    fn is_asked(&self, me: &Merchant, transaction: &Transaction) -> bool {
        let number = match &self.number {
            Number::Ours(number) => transaction.out_trade_no == *number,
            Number::Theirs(number) => transaction.transaction_id.as_ref() == Some(number),
        };
        number && transaction.mchid == *me.mchid() && transaction.sub_mchid.as_ref() == self.party.sub_mchid()
    }
}

impl Endpoint for Query {
    type Output = Queried;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let base = self.party.choose("/v3/pay/transactions", "/v3/pay/partner/transactions");
        let target = match &self.number {
            Number::Ours(number) => Target::new(base).then("/out-trade-no").segment(number.as_str()),
            Number::Theirs(number) => Target::new(base).then("/id").segment(number.as_str()),
        };
        let mchid = pen.me().mchid().as_str();
        let target = match self.party.sub_mchid() {
            None => target.query("mchid", mchid),
            Some(sub_mchid) => target.query("sp_mchid", mchid).query("sub_mchid", sub_mchid.as_str()),
        };
        Ok(Draft::get("v3.pay.query", target))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, _: &mut World<'_>) -> Result<Queried, Error> {
        let transaction = Transaction::read(reply)?;
        if self.is_asked(me, &transaction) {
            Ok(Queried::Known(Box::new(transaction)))
        } else {
            Err(malformed()
                .caused_by(Invalid::new("out_trade_no", "must be of the order that was asked for")))
        }
    }

    fn refused(&self, refusal: &Refusal) -> Option<Queried> {
        let unknown = refusal.status == 404
            && [Code::ORDER_NOT_EXIST, Code::RESOURCE_NOT_EXISTS].contains(&refusal.code);
        unknown.then_some(Queried::NoSuchOrder)
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}
