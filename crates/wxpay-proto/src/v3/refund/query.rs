//! Querying a refund.
//!
//! `GET /v3/refund/domestic/refunds/{out_refund_no}`.

use super::refund::Refund;
use crate::{
    id::{MchId, OutRefundNo},
    payment::RefundEvidence,
    v3::prelude::*,
};

/// Queries a refund, by the merchant's number.
#[derive(Clone, Debug)]
#[must_use]
pub struct QueryRefund {
    out_refund_no: OutRefundNo,
    party: Party,
}

impl Lookup<Refund> {
    /// Returns the evidence of the refund, if it succeeded.
    pub fn evidence(&self) -> Option<RefundEvidence> {
        match self {
            Self::Found(refund) => refund.evidence(),
            Self::NotFound => None,
        }
    }
}

impl QueryRefund {
    /// Creates a query by the merchant's number.
    pub fn new(out_refund_no: OutRefundNo) -> Self {
        Self { out_refund_no, party: Party::Direct }
    }

    /// Sets the party. The default is the direct merchant.
    pub fn party(self, party: Party) -> Self {
        Self { party, ..self }
    }
}

impl Resolver for QueryRefund {
    type Object = Refund;

    const LABEL: &'static str = "v3.refund";

    fn pending(&self) -> Option<PendingOperation> {
        let pending = PendingOperation::new(Self::LABEL).with("out_refund_no", &self.out_refund_no);
        Some(pending.with_opt("sub_mchid", self.party.sub_mchid()))
    }

    fn from_pending(pending: &PendingOperation) -> Option<Self> {
        Some(Self { out_refund_no: pending.number("out_refund_no")?, party: Party::of_pending(pending) })
    }
}

impl Endpoint for QueryRefund {
    type Output = Lookup<Refund>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/refund/domestic/refunds")
            .segment(self.out_refund_no.as_str())
            .query_opt("sub_mchid", self.party.sub_mchid().map(MchId::as_str));
        Ok(Draft::get("v3.refund.query", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Lookup<Refund>, Error> {
        Refund::read_of(reply, &self.out_refund_no).map(Lookup::Found)
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Lookup<Refund>> {
        Lookup::from_refusal(refusal, &[Code::RESOURCE_NOT_EXISTS])
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    fn query(party: Party) -> QueryRefund {
        QueryRefund::new("12*17|75@2501".parse().unwrap()).party(party)
    }

    #[test]
    fn a_refund_query_names_its_number_in_both_modes() {
        let target = "/v3/refund/domestic/refunds/12%2A17%7C75%402501";
        assert_eq!(fake::target(&query(Party::Direct)), target);
        let partner = Party::partner("1900000109".parse().unwrap());
        assert_eq!(fake::target(&query(partner)), format!("{target}?sub_mchid=1900000109"));
    }

    #[test]
    fn only_resource_not_exists_is_not_found_whatever_the_status() {
        let refused = |status, code| query(Party::Direct).read_refusal(&Refusal::new(status, code, ""));
        assert_eq!(refused(404, Code::RESOURCE_NOT_EXISTS), Some(Lookup::NotFound));
        assert_eq!(refused(400, Code::RESOURCE_NOT_EXISTS), Some(Lookup::NotFound));
        assert_eq!(refused(404, Code::NO_AUTH), None);
    }
}
