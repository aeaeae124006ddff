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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::ErrorKind, error::Fate, v3::toy};
    use alloc::format;

    fn partner() -> Party {
        Party::partner("1900000109".parse().unwrap())
    }

    fn query(party: Party) -> Query {
        Query::out_trade_no("1217752501*1".parse().unwrap(), party)
    }

    fn told(number: &str, whose: &str) -> alloc::string::String {
        format!(
            r#"{{"amount":{{"payer_currency":"CNY","total":100}},"appid":"wxd678efh567hg6787",{whose},
            "out_trade_no":"{number}","promotion_detail":[],"scene_info":{{"device_id":""}},"trade_state":"NOTPAY",
            "trade_state_desc":"订单未支付"}}"#
        )
    }

    #[test]
    fn an_order_is_asked_after_by_either_number_in_either_mode() {
        let mine = "/v3/pay/transactions/out-trade-no/1217752501%2A1?mchid=1900007291";
        assert_eq!(toy::target(&query(Party::Own)), mine);
        let theirs = Query::transaction_id("4200000000".parse().unwrap(), Party::Own);
        assert_eq!(toy::target(&theirs), "/v3/pay/transactions/id/4200000000?mchid=1900007291");
        let for_another = "/v3/pay/partner/transactions/out-trade-no/1217752501%2A1?sp_mchid=1900007291&sub_mchid=1900000109";
        assert_eq!(toy::target(&query(partner())), for_another);
    }

    #[test]
    fn an_answer_about_another_order_or_of_another_merchant_is_not_taken() {
        let read = |party, number, whose| toy::read(&query(party), &told(number, whose));
        assert!(matches!(read(Party::Own, "1217752501*1", r#""mchid":"1900007291""#), Ok(Queried::Known(_))));
        let whose = r#""sp_mchid":"1900007291","sub_mchid":"1900000109""#;
        assert!(matches!(read(partner(), "1217752501*1", whose), Ok(Queried::Known(_))));
        for (party, number, whose) in [
            (Party::Own, "1217752501*2", r#""mchid":"1900007291""#),
            (Party::Own, "1217752501*1", r#""mchid":"1900000109""#),
            (Party::Own, "1217752501*1", whose),
            (partner(), "1217752501*1", r#""sp_mchid":"1900007291","sub_mchid":"1900000110""#),
        ] {
            let error = read(party, number, whose).unwrap_err();
            assert_eq!(
                (error.kind(), error.fate()),
                (ErrorKind::Malformed, Fate::Unknown),
                "{number} {whose}"
            );
        }
    }

    #[test]
    fn only_a_404_that_says_so_means_that_there_is_none() {
        let refused = |status, code| query(Party::Own).refused(&Refusal::new(status, code, ""));
        assert_eq!(refused(404, Code::ORDER_NOT_EXIST), Some(Queried::NoSuchOrder));
        assert_eq!(refused(400, Code::ORDER_NOT_EXIST), None);
        assert_eq!(refused(404, Code::NO_AUTH), None);
    }

    #[test]
    fn what_says_that_it_is_paid_but_not_how_is_not_taken() {
        let paid = told("1217752501*1", r#""mchid":"1900007291""#).replace("NOTPAY", "SUCCESS");
        assert_eq!(toy::read(&query(Party::Own), &paid).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
