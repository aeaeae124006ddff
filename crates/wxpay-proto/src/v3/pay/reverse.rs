//! Reversal of a code payment.
//!
//! `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/reverse`,
//! `POST /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/reverse`.

use super::query::QueryOrder;
use crate::{
    id::{AppId, OutTradeNo},
    v3::{party::OrderParty, prelude::*},
};

/// Reverses a code payment that is unpaid or whose outcome is unknown, within seven days. The order can no longer be
/// paid, and any payment is returned. If the order is known to be paid, [refund](crate::v3::refund) it instead.
#[derive(Clone, Debug)]
#[must_use]
pub struct ReverseOrder {
    pub(super) appid: Option<AppId>,
    out_trade_no: OutTradeNo,
    party: Party,
}

impl ReverseOrder {
    /// Creates the operation that reverses this order.
    pub fn new(out_trade_no: OutTradeNo) -> Self {
        Self { appid: None, out_trade_no, party: Party::Direct }
    }

    /// Sets the app of the code payment. The default is the [merchant's](crate::v3::Builder::appid).
    pub fn appid(self, appid: AppId) -> Self {
        Self { appid: Some(appid), ..self }
    }

    /// Sets the party of the order: a sub-merchant. The default is the merchant itself.
    pub fn party(self, party: Party) -> Self {
        Self { party, ..self }
    }
}

object! {
    struct Reply {
        out_trade_no: OutTradeNo,
    }
}

impl Endpoint for ReverseOrder {
    type Output = ();

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let (merchant, party) = (writer.merchant(), &self.party);
        let target = Target::new(party.choose("/v3/pay/transactions", "/v3/pay/partner/transactions"))
            .append("/out-trade-no")
            .segment(self.out_trade_no.as_str())
            .append("/reverse");
        let (appid, mchid) = (merchant.appid_or_default(self.appid.as_ref())?, merchant.mchid());
        writer.post("v3.pay.reverse", target, &OrderParty { appid, mchid, party })
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        let Reply { out_trade_no } = reply.read()?;
        require(out_trade_no == self.out_trade_no, "out_trade_no", "must be that of the reversed order")
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        QueryOrder::out_trade_no(self.out_trade_no.clone()).party(self.party.clone()).pending()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    fn reverse(party: Party) -> ReverseOrder {
        let appid = "wxd678efh567hg6787".parse().unwrap();
        ReverseOrder::new("1217752*01".parse().unwrap()).appid(appid).party(party)
    }

    #[test]
    fn a_charge_is_reversed_in_either_mode() {
        let (line, body) = fake::drafted(&reverse(Party::Direct));
        assert_eq!(line, "POST /v3/pay/transactions/out-trade-no/1217752%2A01/reverse");
        assert_eq!(body, r#"{"appid":"wxd678efh567hg6787","mchid":"1900007291"}"#);
        let (line, body) = fake::drafted(&reverse(Party::partner("1900000109".parse().unwrap())));
        assert_eq!(line, "POST /v3/pay/partner/transactions/out-trade-no/1217752%2A01/reverse");
        assert_eq!(
            body,
            r#"{"sp_appid":"wxd678efh567hg6787","sp_mchid":"1900007291","sub_mchid":"1900000109"}"#
        );
    }

    #[test]
    fn a_reverse_reply_about_another_order_is_malformed() {
        let read = |body| fake::read(&reverse(Party::Direct), body);
        assert!(read(r#"{"mchid":"1900007291","out_trade_no":"1217752*01"}"#).is_ok());
        assert!(read(r#"{"mchid":"1900007291","out_trade_no":"1217752*02"}"#).is_err());
        assert!(read("{}").is_err());
    }
}
