//! Querying a combined order.
//!
//! `GET /v3/combine-transactions/out-trade-no/{combine_out_trade_no}`, `GET …/id/{combine_transaction_id}`.

use super::transaction::Transaction;
use crate::{
    id::{OutTradeNo, TransactionId},
    v3::prelude::*,
};

/// Queries a combined order, by the merchant's or by WeChat Pay's number of it.
#[derive(Clone, Debug)]
pub struct QueryOrder(OrderNumber);

#[derive(Clone, Debug)]
enum OrderNumber {
    CombineOutTradeNo(OutTradeNo),
    CombineTransactionId(TransactionId),
}

impl QueryOrder {
    /// Creates a query by the merchant's number of the combined order.
    pub fn combine_out_trade_no(combine_out_trade_no: OutTradeNo) -> Self {
        Self(OrderNumber::CombineOutTradeNo(combine_out_trade_no))
    }

    /// Creates a query by WeChat Pay's number of the combined order.
    pub fn combine_transaction_id(combine_transaction_id: TransactionId) -> Self {
        Self(OrderNumber::CombineTransactionId(combine_transaction_id))
    }

    /// Returns whether the transaction in the reply is the queried one.
    fn matches(&self, merchant: &Merchant, transaction: &Transaction) -> bool {
        let number_matches = match &self.0 {
            OrderNumber::CombineOutTradeNo(number) => transaction.combine_out_trade_no == *number,
            OrderNumber::CombineTransactionId(number) => {
                transaction.combine_transaction_id.as_ref() == Some(number)
            }
        };
        number_matches && transaction.combine_mchid == *merchant.mchid()
    }
}

impl Resolver for QueryOrder {
    type Object = Transaction;

    const LABEL: &'static str = "v3.combined_order";

    fn pending(&self) -> Option<PendingOperation> {
        let OrderNumber::CombineOutTradeNo(number) = &self.0 else { return None };
        Some(PendingOperation::new(Self::LABEL).with("combine_out_trade_no", number))
    }

    fn from_pending(pending: &PendingOperation) -> Option<Self> {
        pending.number("combine_out_trade_no").map(Self::combine_out_trade_no)
    }
}

impl Endpoint for QueryOrder {
    type Output = Lookup<Transaction>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/combine-transactions");
        let target = match &self.0 {
            OrderNumber::CombineOutTradeNo(number) => target.append("/out-trade-no").segment(number.as_str()),
            OrderNumber::CombineTransactionId(number) => target.append("/id").segment(number.as_str()),
        };
        Ok(Draft::get("v3.combine.query", target))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Lookup<Transaction>, Error> {
        let transaction = Transaction::read(reply)?;
        let is_queried = self.matches(merchant, &transaction);
        require(is_queried, "combine_out_trade_no", "must be that of the queried order")?;
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
    use super::{super::transaction::tests::combined, *};
    use crate::v3::fake;

    fn by_out_trade_no(number: &str) -> QueryOrder {
        QueryOrder::combine_out_trade_no(number.parse().unwrap())
    }

    #[test]
    fn a_combined_order_is_queried_by_either_number() {
        let target = "/v3/combine-transactions/out-trade-no/P20150806%2A";
        assert_eq!(fake::target(&by_out_trade_no("P20150806*")), target);
        let query = QueryOrder::combine_transaction_id("1009660380201506130728806387".parse().unwrap());
        assert_eq!(fake::target(&query), "/v3/combine-transactions/id/1009660380201506130728806387");
        assert!(matches!(fake::read(&query, &combined("1900007291", "NOTPAY", "")), Ok(Lookup::Found(_))));
    }

    #[test]
    fn a_combine_query_reply_about_another_order_is_malformed() {
        let read = |number, mchid| fake::read(&by_out_trade_no(number), &combined(mchid, "NOTPAY", ""));
        assert!(matches!(read("P20150806", "1900007291"), Ok(Lookup::Found(_))));
        assert!(read("P20150807", "1900007291").is_err());
        assert!(read("P20150806", "1900000109").is_err());
        let refused =
            |status, code| by_out_trade_no("P20150806").read_refusal(&Refusal::new(status, code, ""));
        assert_eq!(refused(404, Code::ORDER_NOT_EXIST), Some(Lookup::NotFound));
        assert_eq!(refused(403, Code::NO_AUTH), None);
    }
}
