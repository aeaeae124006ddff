//! Querying an order.
//!
//! `GET /v3/pay/transactions/out-trade-no/{out_trade_no}`, `GET /v3/pay/transactions/id/{transaction_id}`, and the same
//! under `/v3/pay/partner/transactions`.

use super::transaction::Transaction;
use crate::{
    id::{OutTradeNo, TransactionId},
    payment::Evidence,
    v3::prelude::*,
};

/// Queries an order, by the merchant's or by WeChat Pay's number.
#[derive(Clone, Debug)]
pub struct QueryOrder {
    number: OrderNumber,
    party: Party,
}

#[derive(Clone, Debug)]
enum OrderNumber {
    OutTradeNo(OutTradeNo),
    TransactionId(TransactionId),
}

impl Lookup<Transaction> {
    /// Returns the evidence of payment, if the order was paid.
    pub fn evidence(&self) -> Option<Evidence> {
        match self {
            Self::Found(transaction) => transaction.evidence(),
            Self::NotFound => None,
        }
    }
}

impl QueryOrder {
    /// Creates a query by the merchant's number.
    pub fn out_trade_no(out_trade_no: OutTradeNo) -> Self {
        Self { number: OrderNumber::OutTradeNo(out_trade_no), party: Party::Direct }
    }

    /// Creates a query by WeChat Pay's number.
    pub fn transaction_id(transaction_id: TransactionId) -> Self {
        Self { number: OrderNumber::TransactionId(transaction_id), party: Party::Direct }
    }

    /// Sets the party of the order: a sub-merchant. The default is the merchant itself.
    #[must_use]
    pub fn party(self, party: Party) -> Self {
        Self { party, ..self }
    }

    /// Returns whether the transaction in the reply is the queried one.
    fn matches(&self, merchant: &Merchant, transaction: &Transaction) -> bool {
        let number_matches = match &self.number {
            OrderNumber::OutTradeNo(number) => transaction.out_trade_no == *number,
            OrderNumber::TransactionId(number) => transaction.transaction_id.as_ref() == Some(number),
        };
        number_matches
            && transaction.mchid == *merchant.mchid()
            && transaction.sub_mchid.as_ref() == self.party.sub_mchid()
    }
}

impl Resolver for QueryOrder {
    type Object = Transaction;

    const LABEL: &'static str = "v3.order";

    fn pending(&self) -> Option<PendingOperation> {
        let OrderNumber::OutTradeNo(number) = &self.number else { return None };
        let pending = PendingOperation::new(Self::LABEL).with("out_trade_no", number);
        Some(pending.with_opt("sub_mchid", self.party.sub_mchid()))
    }

    fn from_pending(pending: &PendingOperation) -> Option<Self> {
        let number = OrderNumber::OutTradeNo(pending.number("out_trade_no")?);
        Some(Self { number, party: Party::of_pending(pending) })
    }
}

impl Endpoint for QueryOrder {
    type Output = Lookup<Transaction>;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let base = self.party.choose("/v3/pay/transactions", "/v3/pay/partner/transactions");
        let target = match &self.number {
            OrderNumber::OutTradeNo(number) => {
                Target::new(base).append("/out-trade-no").segment(number.as_str())
            }
            OrderNumber::TransactionId(number) => Target::new(base).append("/id").segment(number.as_str()),
        };
        let mchid = writer.merchant().mchid().as_str();
        let target = match self.party.sub_mchid() {
            None => target.query("mchid", mchid),
            Some(sub_mchid) => target.query("sp_mchid", mchid).query("sub_mchid", sub_mchid.as_str()),
        };
        Ok(Draft::get("v3.pay.query", target))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Lookup<Transaction>, Error> {
        let transaction = Transaction::read(reply)?;
        require(self.matches(merchant, &transaction), "out_trade_no", "must be that of the queried order")?;
        Ok(Lookup::Found(transaction))
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Lookup<Transaction>> {
        Lookup::from_refusal(refusal, &[Code::ORDER_NOT_EXIST, Code::RESOURCE_NOT_EXISTS])
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::ErrorKind, prelude::*, v3::fake};

    fn partner() -> Party {
        Party::partner("1900000109".parse().unwrap())
    }

    fn query(party: Party) -> QueryOrder {
        QueryOrder::out_trade_no("1217752501*1".parse().unwrap()).party(party)
    }

    fn transaction(number: &str, merchant: &str) -> String {
        format!(
            r#"{{"amount":{{"payer_currency":"CNY","total":100}},"appid":"wxd678efh567hg6787",{merchant},
            "out_trade_no":"{number}","promotion_detail":[],"scene_info":{{"device_id":""}},"trade_state":"NOTPAY",
            "trade_state_desc":"订单未支付"}}"#
        )
    }

    #[test]
    fn an_order_is_queried_by_either_number_in_either_mode() {
        let by_out_trade_no = "/v3/pay/transactions/out-trade-no/1217752501%2A1?mchid=1900007291";
        assert_eq!(fake::target(&query(Party::Direct)), by_out_trade_no);
        let by_transaction_id = QueryOrder::transaction_id("4200000000".parse().unwrap());
        assert_eq!(fake::target(&by_transaction_id), "/v3/pay/transactions/id/4200000000?mchid=1900007291");
        let for_sub_merchant = "/v3/pay/partner/transactions/out-trade-no/1217752501%2A1?sp_mchid=1900007291&sub_mchid=1900000109";
        assert_eq!(fake::target(&query(partner())), for_sub_merchant);
    }

    #[test]
    fn a_query_reply_about_another_order_or_merchant_is_malformed() {
        let read = |party, number, merchant| fake::read(&query(party), &transaction(number, merchant));
        assert!(matches!(
            read(Party::Direct, "1217752501*1", r#""mchid":"1900007291""#),
            Ok(Lookup::Found(_))
        ));
        let merchant = r#""sp_mchid":"1900007291","sub_mchid":"1900000109""#;
        assert!(matches!(read(partner(), "1217752501*1", merchant), Ok(Lookup::Found(_))));
        for (party, number, merchant) in [
            (Party::Direct, "1217752501*2", r#""mchid":"1900007291""#),
            (Party::Direct, "1217752501*1", r#""mchid":"1900000109""#),
            (Party::Direct, "1217752501*1", merchant),
            (partner(), "1217752501*1", r#""sp_mchid":"1900007291","sub_mchid":"1900000110""#),
        ] {
            let error = read(party, number, merchant).unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, None), "{number} {merchant}");
        }
    }

    #[test]
    fn only_the_right_code_means_not_found_whatever_the_status() {
        let refused = |status, code| query(Party::Direct).read_refusal(&Refusal::new(status, code, ""));
        assert_eq!(refused(404, Code::ORDER_NOT_EXIST), Some(Lookup::NotFound));
        assert_eq!(refused(400, Code::ORDER_NOT_EXIST), Some(Lookup::NotFound));
        assert_eq!(refused(404, Code::NO_AUTH), None);
    }

    #[test]
    fn a_paid_transaction_without_payment_fields_is_malformed() {
        let paid = transaction("1217752501*1", r#""mchid":"1900007291""#).replace("NOTPAY", "SUCCESS");
        assert_eq!(fake::read(&query(Party::Direct), &paid).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
