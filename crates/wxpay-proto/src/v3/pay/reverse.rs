//! Reversing a charge of a code: it shall not have been.
//!
//! `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/reverse`, and the partner's.

use crate::{
    error::{Debt, Error},
    id::{AppId, Invalid, OutTradeNo},
    v3::{
        endpoint::{Draft, Endpoint, Target},
        merchant::Merchant,
        party::{Ordering, Party},
        seal::Pen,
        verify::{Verified, malformed},
    },
    world::World,
};

/// Reverses a charge of which it is not certain whether it was paid, or that was not: it cannot be paid any more, and
/// what was paid goes back. One that is certain to be paid is [refunded](crate::v3::refund) instead. Within seven days.
#[derive(Clone, Debug)]
pub struct Reverse {
    appid: AppId,
    out_trade_no: OutTradeNo,
    party: Party,
}

impl Reverse {
    /// Reverses the charge of this order. `appid` is the one that it was charged under.
    #[must_use]
    pub fn new(appid: AppId, out_trade_no: OutTradeNo, party: Party) -> Self {
        Self { appid, out_trade_no, party }
    }
}

#[derive(serde::Deserialize)]
struct Reply {
    out_trade_no: OutTradeNo,
}

impl Endpoint for Reverse {
    type Output = ();

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let path = self
            .party
            .choose("/v3/pay/transactions/out-trade-no", "/v3/pay/partner/transactions/out-trade-no");
        let target = Target::new(path).segment(self.out_trade_no.as_str()).then("/reverse");
        let body = Ordering::of(pen.me(), &self.appid, &self.party);
        Ok(Draft::post("v3.pay.reverse", target, &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        let Reply { out_trade_no } = reply.parse()?;
        if out_trade_no == self.out_trade_no {
            Ok(())
        } else {
            Err(malformed().caused_by(Invalid::new("out_trade_no", "must be of the order that is reversed")))
        }
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

    fn reverse(party: Party) -> Reverse {
        Reverse::new("wxd678efh567hg6787".parse().unwrap(), "1217752*01".parse().unwrap(), party)
    }

    #[test]
    fn a_charge_is_reversed_in_either_mode() {
        let (line, body) = toy::written(&reverse(Party::Own));
        assert_eq!(line, "POST /v3/pay/transactions/out-trade-no/1217752%2A01/reverse");
        assert_eq!(body, r#"{"appid":"wxd678efh567hg6787","mchid":"1900007291"}"#);
        let (line, body) = toy::written(&reverse(Party::partner("1900000109".parse().unwrap())));
        assert_eq!(line, "POST /v3/pay/partner/transactions/out-trade-no/1217752%2A01/reverse");
        assert_eq!(
            body,
            r#"{"sp_appid":"wxd678efh567hg6787","sp_mchid":"1900007291","sub_mchid":"1900000109"}"#
        );
    }

    #[test]
    fn only_the_order_that_was_asked_for_is_reversed() {
        let read = |body| toy::read(&reverse(Party::Own), body);
        assert!(read(r#"{"mchid":"1900007291","out_trade_no":"1217752*01"}"#).is_ok());
        assert!(read(r#"{"mchid":"1900007291","out_trade_no":"1217752*02"}"#).is_err());
        assert!(read("{}").is_err());
    }
}
