//! Unfreezing what is left: nothing more of the payment is shared.
//!
//! `POST /v3/profitsharing/orders/unfreeze`.

use super::{share::description, sharing::Sharing};
use crate::{
    error::{Debt, Error},
    id::{Invalid, MchId, OutOrderNo, TransactionId},
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        party::Party,
        seal::Pen,
        verify::Verified,
    },
    world::World,
};
use alloc::string::String;

/// Gives the merchant all that is left of a payment; comes to where that stands. It is a sharing of its own, with a number of
/// its own.
#[derive(Clone, Debug)]
pub struct Unfreeze {
    party: Party,
    transaction_id: TransactionId,
    out_order_no: OutOrderNo,
    description: String,
}

impl Unfreeze {
    /// Unfreezes what is left of this payment, under this number; `description` is why, in at most 80 characters.
    ///
    /// # Errors
    ///
    /// When the description breaks its rule.
    pub fn new(
        party: Party,
        transaction_id: TransactionId,
        out_order_no: OutOrderNo,
        description: impl Into<String>,
    ) -> Result<Self, Invalid> {
        let description = description.into();
        self::description(&description)?;
        Ok(Self { party, transaction_id, out_order_no, description })
    }
}

#[derive(serde::Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a MchId>,
    transaction_id: &'a TransactionId,
    out_order_no: &'a OutOrderNo,
    description: &'a str,
}

impl Endpoint for Unfreeze {
    type Output = Sharing;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let body = Body {
            sub_mchid: self.party.sub_mchid(),
            transaction_id: &self.transaction_id,
            out_order_no: &self.out_order_no,
            description: &self.description,
        };
        Ok(Draft::post("v3.profitsharing.unfreeze", "/v3/profitsharing/orders/unfreeze", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Sharing, Error> {
        Sharing::read_of(reply, &self.transaction_id, &self.out_order_no)
    }

    fn debt(&self) -> Option<Debt> {
        Some(Debt::ProfitSharing {
            transaction_id: self.transaction_id.clone(),
            out_order_no: self.out_order_no.clone(),
            sub_mchid: self.party.sub_mchid().cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::share::tests::told, *};
    use crate::v3::toy;

    fn unfreeze(party: Party, description: &str) -> Result<Unfreeze, Invalid> {
        let (paid, number) = ("4208450740201411110007820472", "P20150806125346");
        Unfreeze::new(party, paid.parse().unwrap(), number.parse().unwrap(), description)
    }

    #[test]
    fn what_is_left_is_unfrozen_in_either_mode() {
        let (line, body) = toy::written(&unfreeze(Party::Own, "解冻全部剩余资金").unwrap());
        assert_eq!(line, "POST /v3/profitsharing/orders/unfreeze");
        assert_eq!(
            body,
            r#"{"transaction_id":"4208450740201411110007820472","out_order_no":"P20150806125346","description":"解冻全部剩余资金"}"#
        );
        let partner = unfreeze(Party::partner("1900000109".parse().unwrap()), "x").unwrap();
        assert!(toy::written(&partner).1.starts_with(r#"{"sub_mchid":"1900000109","transaction_id""#));
        assert!(toy::read(&partner, &told("4208450740201411110007820472", "P20150806125346")).is_ok());
        assert!(toy::read(&partner, &told("4208450740201411110007820472", "P1")).is_err());
        assert_eq!(unfreeze(Party::Own, "").unwrap_err().field(), "description");
    }
}
