//! Unfreezing the remainder of a payment, so that no more of it is shared.
//!
//! `POST /v3/profitsharing/orders/unfreeze`.

use super::{create::check_description, profit_sharing::ProfitSharing};
use crate::{
    error::{Error, PendingOperation},
    id::{InvalidField, MchId, OutOrderNo, TransactionId},
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        party::Party,
        seal::RequestWriter,
        verify::Verified,
    },
    world::World,
};

/// Unfreezes the remainder of a payment for the merchant. For WeChat Pay this is a profit sharing with its own number:
/// the reply contains it, and [`QueryProfitSharing`](super::QueryProfitSharing) finds it.
#[derive(Clone, Debug)]
pub struct UnfreezeRemainder {
    party: Party,
    transaction_id: TransactionId,
    out_order_no: OutOrderNo,
    description: String,
}

impl UnfreezeRemainder {
    /// Creates the operation that unfreezes the remainder of this payment under this number. `description` is the
    /// reason, in 1 to 80 characters.
    ///
    /// # Errors
    ///
    /// When the description is invalid.
    pub fn new(
        party: Party,
        transaction_id: TransactionId,
        out_order_no: OutOrderNo,
        description: impl Into<String>,
    ) -> Result<Self, InvalidField> {
        let description = description.into();
        check_description(&description)?;
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

impl Endpoint for UnfreezeRemainder {
    type Output = ProfitSharing;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let body = Body {
            sub_mchid: self.party.sub_mchid(),
            transaction_id: &self.transaction_id,
            out_order_no: &self.out_order_no,
            description: &self.description,
        };
        Ok(Draft::post("v3.profitsharing.unfreeze", "/v3/profitsharing/orders/unfreeze", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<ProfitSharing, Error> {
        ProfitSharing::read_of(reply, &self.transaction_id, &self.out_order_no)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(PendingOperation::ProfitSharing {
            transaction_id: self.transaction_id.clone(),
            out_order_no: self.out_order_no.clone(),
            sub_mchid: self.party.sub_mchid().cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::create::tests::reply_body, *};
    use crate::v3::fake;

    fn unfreeze(party: Party, description: &str) -> Result<UnfreezeRemainder, InvalidField> {
        let (transaction_id, number) = ("4208450740201411110007820472", "P20150806125346");
        UnfreezeRemainder::new(party, transaction_id.parse().unwrap(), number.parse().unwrap(), description)
    }

    #[test]
    fn the_remainder_is_unfrozen_in_both_modes() {
        let (line, body) = fake::drafted(&unfreeze(Party::Direct, "解冻全部剩余资金").unwrap());
        assert_eq!(line, "POST /v3/profitsharing/orders/unfreeze");
        assert_eq!(
            body,
            r#"{"transaction_id":"4208450740201411110007820472","out_order_no":"P20150806125346","description":"解冻全部剩余资金"}"#
        );
        let partner = unfreeze(Party::partner("1900000109".parse().unwrap()), "x").unwrap();
        assert!(fake::drafted(&partner).1.starts_with(r#"{"sub_mchid":"1900000109","transaction_id""#));
        assert!(fake::read(&partner, &reply_body("4208450740201411110007820472", "P20150806125346")).is_ok());
        assert!(fake::read(&partner, &reply_body("4208450740201411110007820472", "P1")).is_err());
        assert_eq!(unfreeze(Party::Direct, "").unwrap_err().field(), "description");
    }
}
