//! Reversal of a code payment.
//!
//! `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/reverse`,
//! `POST /v3/pay/partner/transactions/out-trade-no/{out_trade_no}/reverse`.

use crate::{
    error::{Error, PendingOperation},
    id::{AppId, InvalidField, OutTradeNo},
    v3::{
        endpoint::{Draft, Endpoint, Target},
        merchant::Merchant,
        party::{OrderParty, Party},
        seal::RequestWriter,
        verify::{Verified, malformed},
    },
    wire::json::object,
    world::World,
};

/// Reverses a code payment that is unpaid or whose outcome is unknown, within seven days. The order can no longer be
/// paid, and any payment is returned. If the order is known to be paid, [refund](crate::v3::refund) it instead.
#[derive(Clone, Debug)]
pub struct ReverseOrder {
    appid: Option<AppId>,
    out_trade_no: OutTradeNo,
    party: Party,
}

impl ReverseOrder {
    /// Creates the operation that reverses this order.
    pub fn new(out_trade_no: OutTradeNo, party: Party) -> Self {
        Self { appid: None, out_trade_no, party }
    }

    /// Sets the app of the code payment. The default is the [merchant's](crate::v3::Builder::appid).
    #[must_use]
    pub fn appid(self, appid: AppId) -> Self {
        Self { appid: Some(appid), ..self }
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
        let path = self
            .party
            .choose("/v3/pay/transactions/out-trade-no", "/v3/pay/partner/transactions/out-trade-no");
        let target = Target::new(path).segment(self.out_trade_no.as_str()).append("/reverse");
        let merchant = writer.merchant();
        let appid = merchant.appid_or_default(self.appid.as_ref())?;
        let body = OrderParty::of(merchant, appid, &self.party);
        Ok(Draft::post("v3.pay.reverse", target, &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        let Reply { out_trade_no } = reply.read()?;
        if out_trade_no == self.out_trade_no {
            Ok(())
        } else {
            Err(malformed()
                .caused_by(InvalidField::new("out_trade_no", "must be that of the reversed order")))
        }
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        let sub_mchid = self.party.sub_mchid().cloned();
        Some(PendingOperation::Order { out_trade_no: self.out_trade_no.clone(), sub_mchid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    fn reverse(party: Party) -> ReverseOrder {
        ReverseOrder::new("1217752*01".parse().unwrap(), party).appid("wxd678efh567hg6787".parse().unwrap())
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
