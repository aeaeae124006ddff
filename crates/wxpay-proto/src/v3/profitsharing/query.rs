//! Querying a profit sharing.
//!
//! `GET /v3/profitsharing/orders/{out_order_no}`.

use super::profit_sharing::ProfitSharing;
use crate::{
    id::{MchId, OutOrderNo, TransactionId},
    v3::prelude::*,
};

/// Queries a profit sharing, or the unfreezing of a remainder.
#[derive(Clone, Debug)]
#[must_use]
pub struct QueryProfitSharing {
    party: Party,
    transaction_id: TransactionId,
    out_order_no: OutOrderNo,
}

impl QueryProfitSharing {
    /// Creates a query by the payment and the merchant's number of the profit sharing.
    pub fn new(transaction_id: TransactionId, out_order_no: OutOrderNo) -> Self {
        Self { party: Party::Direct, transaction_id, out_order_no }
    }

    /// Sets the party. The default is the direct merchant.
    pub fn party(self, party: Party) -> Self {
        Self { party, ..self }
    }
}

impl Resolver for QueryProfitSharing {
    type Object = ProfitSharing;

    const LABEL: &'static str = "v3.profit_sharing";

    fn pending(&self) -> Option<PendingOperation> {
        let pending = PendingOperation::new(Self::LABEL)
            .with("transaction_id", &self.transaction_id)
            .with("out_order_no", &self.out_order_no);
        Some(pending.with_opt("sub_mchid", self.party.sub_mchid()))
    }

    fn from_pending(pending: &PendingOperation) -> Option<Self> {
        let (transaction_id, out_order_no) =
            (pending.number("transaction_id")?, pending.number("out_order_no")?);
        Some(Self { party: Party::of_pending(pending), transaction_id, out_order_no })
    }
}

impl Endpoint for QueryProfitSharing {
    type Output = Lookup<ProfitSharing>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/profitsharing/orders")
            .segment(self.out_order_no.as_str())
            .query_opt("sub_mchid", self.party.sub_mchid().map(MchId::as_str))
            .query("transaction_id", self.transaction_id.as_str());
        Ok(Draft::get("v3.profitsharing.query", target))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Lookup<ProfitSharing>, Error> {
        ProfitSharing::read_of(reply, &self.transaction_id, &self.out_order_no).map(Lookup::Found)
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Lookup<ProfitSharing>> {
        Lookup::from_refusal(refusal, &[Code::RESOURCE_NOT_EXISTS])
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::{super::create::tests::reply_body, *};
    use crate::v3::fake;

    fn query(party: Party) -> QueryProfitSharing {
        let payment = "4208450740201411110007820472".parse().unwrap();
        QueryProfitSharing::new(payment, "P2015|0806".parse().unwrap()).party(party)
    }

    #[test]
    fn a_profit_sharing_query_names_payment_and_number() {
        let path = "/v3/profitsharing/orders/P2015%7C0806?";
        assert_eq!(
            fake::target(&query(Party::Direct)),
            format!("{path}transaction_id=4208450740201411110007820472")
        );
        let partner = query(Party::partner("1900000109".parse().unwrap()));
        assert_eq!(
            fake::target(&partner),
            format!("{path}sub_mchid=1900000109&transaction_id=4208450740201411110007820472")
        );
    }

    #[test]
    fn a_reply_for_another_profit_sharing_is_malformed_and_a_404_is_not_found() {
        let read =
            |number| fake::read(&query(Party::Direct), &reply_body("4208450740201411110007820472", number));
        assert!(matches!(read("P2015|0806"), Ok(Lookup::Found(_))));
        assert!(read("P20150806").is_err());
        let refused = |status, code| query(Party::Direct).read_refusal(&Refusal::new(status, code, ""));
        assert_eq!(refused(404, Code::RESOURCE_NOT_EXISTS), Some(Lookup::NotFound));
        assert_eq!(refused(400, Code::PARAM_ERROR), None);
    }
}
