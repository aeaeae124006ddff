//! Closing: nobody shall pay the order any more.
//!
//! `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close`, and the partner's.

use crate::{
    error::{Debt, Error},
    id::OutTradeNo,
    v3::{
        endpoint::{Draft, Endpoint, Target},
        merchant::Merchant,
        party::{Belonging, Party},
        seal::Pen,
        verify::Verified,
    },
    world::World,
};

/// Closes an order. A paid one is not closed but refused; that an unknown one is closed proves nothing of it. Their
/// advice is to wait five minutes after ordering.
#[derive(Clone, Debug)]
pub struct Close {
    out_trade_no: OutTradeNo,
    party: Party,
}

impl Close {
    /// Closes this order.
    #[must_use]
    pub fn new(out_trade_no: OutTradeNo, party: Party) -> Self {
        Self { out_trade_no, party }
    }
}

impl Endpoint for Close {
    type Output = ();

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let path = self
            .party
            .choose("/v3/pay/transactions/out-trade-no", "/v3/pay/partner/transactions/out-trade-no");
        let target = Target::new(path).segment(self.out_trade_no.as_str()).then("/close");
        Ok(Draft::post("v3.pay.close", target, &Belonging::of(pen.me(), &self.party)))
    }

    /// 204, without a body.
    fn read(&self, _: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn debt(&self) -> Option<Debt> {
        let sub_mchid = self.party.sub_mchid().cloned();
        Some(Debt::Order { out_trade_no: self.out_trade_no.clone(), sub_mchid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::toy;

    #[test]
    fn an_order_is_closed_by_its_number_in_either_mode() {
        let number: OutTradeNo = "1217752501".parse().unwrap();
        let own = Close::new(number.clone(), Party::Own);
        let (target, body) = toy::written(&own);
        assert_eq!(target, "POST /v3/pay/transactions/out-trade-no/1217752501/close");
        assert_eq!(body, r#"{"mchid":"1900007291"}"#);
        let sub_mchid = "1900000109".parse().unwrap();
        let partner = Close::new(number.clone(), Party::partner("1900000109".parse().unwrap()));
        let (target, body) = toy::written(&partner);
        assert_eq!(target, "POST /v3/pay/partner/transactions/out-trade-no/1217752501/close");
        assert_eq!(body, r#"{"sp_mchid":"1900007291","sub_mchid":"1900000109"}"#);
        assert_eq!(partner.debt(), Some(Debt::Order { out_trade_no: number, sub_mchid: Some(sub_mchid) }));
    }
}
