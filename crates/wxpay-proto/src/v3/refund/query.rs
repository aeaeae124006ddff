//! Asking after a refund.
//!
//! `GET /v3/refund/domestic/refunds/{out_refund_no}`.

use super::refund::Refund;
use crate::{
    error::Error,
    id::{MchId, OutRefundNo},
    refusal::{Code, Refusal},
    v3::{
        endpoint::{Draft, Endpoint, Repeat, Target},
        merchant::Merchant,
        party::Party,
        seal::Pen,
        verify::Verified,
    },
    world::World,
};
use alloc::boxed::Box;

/// Asks after a refund.
#[derive(Clone, Debug)]
pub struct Query {
    out_refund_no: OutRefundNo,
    party: Party,
}

/// What is known of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "it is known, or it is not")]
pub enum Queried {
    /// It exists.
    Known(Box<Refund>),
    /// WeChat Pay knows no such refund, and signed that. A request for it may still be on its way: see
    /// [`settle`](crate::v3::Merchant::settle).
    NoSuchRefund,
}

impl Query {
    /// By the merchant's number.
    #[must_use]
    pub fn new(out_refund_no: OutRefundNo, party: Party) -> Self {
        Self { out_refund_no, party }
    }
}

impl Endpoint for Query {
    type Output = Queried;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/refund/domestic/refunds")
            .segment(self.out_refund_no.as_str())
            .query_if("sub_mchid", self.party.sub_mchid().map(MchId::as_str));
        Ok(Draft::get("v3.refund.query", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Queried, Error> {
        Refund::read_of(reply, &self.out_refund_no).map(|refund| Queried::Known(Box::new(refund)))
    }

    fn refused(&self, refusal: &Refusal) -> Option<Queried> {
        let unknown = refusal.status == 404 && refusal.code == Code::RESOURCE_NOT_EXISTS;
        unknown.then_some(Queried::NoSuchRefund)
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::toy;

    fn query(party: Party) -> Query {
        Query::new("12*17|75@2501".parse().unwrap(), party)
    }

    #[test]
    fn a_refund_is_asked_after_by_its_number_in_either_mode() {
        let target = "/v3/refund/domestic/refunds/12%2A17%7C75%402501";
        assert_eq!(toy::target(&query(Party::Own)), target);
        let partner = Party::partner("1900000109".parse().unwrap());
        assert_eq!(toy::target(&query(partner)), alloc::format!("{target}?sub_mchid=1900000109"));
    }

    #[test]
    fn only_a_404_that_says_so_means_that_there_is_none() {
        let refused = |status, code| query(Party::Own).refused(&Refusal::new(status, code, ""));
        assert_eq!(refused(404, Code::RESOURCE_NOT_EXISTS), Some(Queried::NoSuchRefund));
        assert_eq!(refused(400, Code::RESOURCE_NOT_EXISTS), None);
        assert_eq!(refused(404, Code::NO_AUTH), None);
    }
}
