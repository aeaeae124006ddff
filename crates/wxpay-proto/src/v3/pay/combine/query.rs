//! Asking after combined orders.
//!
//! `GET /v3/combine-transactions/out-trade-no/{combine_out_trade_no}`, `GET …/id/{combine_transaction_id}`.

use super::transaction::Transaction;
use crate::{
    error::Error,
    id::{Invalid, OutTradeNo, TransactionId},
    refusal::{Code, Refusal},
    v3::{
        endpoint::{Draft, Endpoint, Repeat, Target},
        merchant::Merchant,
        seal::Pen,
        verify::{Verified, malformed},
    },
    world::World,
};
use alloc::boxed::Box;

/// Asks after combined orders, by either number of the whole.
#[derive(Clone, Debug)]
pub struct Query(Number);

#[derive(Clone, Debug)]
enum Number {
    Ours(OutTradeNo),
    Theirs(TransactionId),
}

/// What is known of combined orders.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "they are known, or they are not")]
pub enum Queried {
    /// They exist.
    Known(Box<Transaction>),
    /// WeChat Pay knows no such orders, and signed that. A request for them may still be on its way: see
    /// [`settle`](crate::v3::Merchant::settle).
    NoSuchOrder,
}

impl Query {
    /// By the merchant's number.
    #[must_use]
    pub fn combine_out_trade_no(combine_out_trade_no: OutTradeNo) -> Self {
        Self(Number::Ours(combine_out_trade_no))
    }

    /// By WeChat Pay's number.
    #[must_use]
    pub fn combine_transaction_id(combine_transaction_id: TransactionId) -> Self {
        Self(Number::Theirs(combine_transaction_id))
    }

    /// The answer must be about what was asked.
    fn is_asked(&self, me: &Merchant, transaction: &Transaction) -> bool {
        let number = match &self.0 {
            Number::Ours(number) => transaction.combine_out_trade_no == *number,
            Number::Theirs(number) => transaction.combine_transaction_id.as_ref() == Some(number),
        };
        number && transaction.combine_mchid == *me.mchid()
    }
}

impl Endpoint for Query {
    type Output = Queried;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/combine-transactions");
        let target = match &self.0 {
            Number::Ours(number) => target.then("/out-trade-no").segment(number.as_str()),
            Number::Theirs(number) => target.then("/id").segment(number.as_str()),
        };
        Ok(Draft::get("v3.combine.query", target))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, _: &mut World<'_>) -> Result<Queried, Error> {
        let transaction = Transaction::read(reply)?;
        if self.is_asked(me, &transaction) {
            Ok(Queried::Known(Box::new(transaction)))
        } else {
            let rule = Invalid::new("combine_out_trade_no", "must be of the orders that were asked for");
            Err(malformed().caused_by(rule))
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

#[cfg(test)]
mod tests {
    use super::{super::transaction::tests::told, *};
    use crate::v3::toy;

    fn by_our_number(number: &str) -> Query {
        Query::combine_out_trade_no(number.parse().unwrap())
    }

    #[test]
    fn orders_are_asked_after_by_either_number_of_the_whole() {
        let target = "/v3/combine-transactions/out-trade-no/P20150806%2A";
        assert_eq!(toy::target(&by_our_number("P20150806*")), target);
        let query = Query::combine_transaction_id("1009660380201506130728806387".parse().unwrap());
        assert_eq!(toy::target(&query), "/v3/combine-transactions/id/1009660380201506130728806387");
        assert!(matches!(toy::read(&query, &told("1900007291", "NOTPAY", "")), Ok(Queried::Known(_))));
    }

    #[test]
    fn an_answer_about_others_orders_is_no_answer() {
        let read = |number, mchid| toy::read(&by_our_number(number), &told(mchid, "NOTPAY", ""));
        assert!(matches!(read("P20150806", "1900007291"), Ok(Queried::Known(_))));
        assert!(read("P20150807", "1900007291").is_err());
        assert!(read("P20150806", "1900000109").is_err());
        let refused = |status, code| by_our_number("P20150806").refused(&Refusal::new(status, code, ""));
        assert_eq!(refused(404, Code::ORDER_NOT_EXIST), Some(Queried::NoSuchOrder));
        assert_eq!(refused(403, Code::NO_AUTH), None);
    }
}
