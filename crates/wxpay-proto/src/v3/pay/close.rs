//! Closing of an order, so that it can no longer be paid.
//!
//! `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close`,
//! `POST /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close`.

use super::query::QueryOrder;
use crate::{
    id::OutTradeNo,
    v3::{party::QueryParty, prelude::*},
};

/// Closes an order. A paid order is refused. An unknown order may be reported as closed, so success does not prove that
/// the order exists. WeChat Pay advises to wait five minutes after placing the order.
#[derive(Clone, Debug)]
#[must_use]
pub struct CloseOrder {
    out_trade_no: OutTradeNo,
    party: Party,
}

impl CloseOrder {
    /// Creates the operation that closes this order.
    pub fn new(out_trade_no: OutTradeNo) -> Self {
        Self { out_trade_no, party: Party::Direct }
    }

    /// Sets the party of the order: a sub-merchant. The default is the merchant itself.
    pub fn party(self, party: Party) -> Self {
        Self { party, ..self }
    }
}

impl Endpoint for CloseOrder {
    type Output = ();

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let (mchid, party) = (writer.merchant().mchid(), &self.party);
        let target = Target::new(party.choose("/v3/pay/transactions", "/v3/pay/partner/transactions"))
            .append("/out-trade-no")
            .segment(self.out_trade_no.as_str())
            .append("/close");
        writer.post("v3.pay.close", target, &QueryParty { mchid, party })
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        reply.expect_empty()
    }

    /// An order that is wrongly taken as refused is closed again.
    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        QueryOrder::out_trade_no(self.out_trade_no.clone()).party(self.party.clone()).pending()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{prelude::*, v3::fake};

    #[test]
    fn only_an_empty_body_closes_an_order() {
        let close = CloseOrder::new("1217752501".parse().unwrap());
        for empty in ["", " ", "{}", "{}\n"] {
            fake::read(&close, empty).unwrap();
        }
        // A signed reply to a query, sent in place of the reply to closing.
        let other = r#"{"mchid":"1900007291","out_trade_no":"1217752501","trade_state":"NOTPAY"}"#;
        for body in [other, "<html>", "null", "[]", r#"{"message":"x"}"#] {
            assert!(fake::read(&close, body).is_err(), "{body}");
        }
    }

    #[test]
    fn an_order_is_closed_by_its_number_in_either_mode() {
        let number: OutTradeNo = "1217752501".parse().unwrap();
        let direct = CloseOrder::new(number.clone());
        let (target, body) = fake::drafted(&direct);
        assert_eq!(target, "POST /v3/pay/transactions/out-trade-no/1217752501/close");
        assert_eq!(body, r#"{"mchid":"1900007291"}"#);
        let partner = CloseOrder::new(number).party(Party::partner("1900000109".parse().unwrap()));
        let (target, body) = fake::drafted(&partner);
        assert_eq!(target, "POST /v3/pay/partner/transactions/out-trade-no/1217752501/close");
        assert_eq!(body, r#"{"sp_mchid":"1900007291","sub_mchid":"1900000109"}"#);
        assert_eq!(
            partner.pending_operation().unwrap().to_string(),
            "v3.order?out_trade_no=1217752501&sub_mchid=1900000109"
        );
    }
}
