//! Unfreezing the remainder of a payment, so that no more of it is shared.
//!
//! `POST /v3/profitsharing/orders/unfreeze`.

use super::{profit_sharing::ProfitSharing, query::QueryProfitSharing};
use crate::{
    id::{OutOrderNo, TransactionId},
    v3::prelude::*,
};

body! {
    /// Unfreezes the remainder of a payment for the merchant. For WeChat Pay this is a profit sharing with its own
    /// number: the reply contains it, and [`QueryProfitSharing`] finds it.
    #[derive(Clone)]
    pub struct UnfreezeRemainder {
        /// Sets the party. The default is the direct merchant.
        default party: Party = flattened,
        required transaction_id: TransactionId,
        required out_order_no: OutOrderNo,
        required description: Chars<80>,
    }
    Debug { party, transaction_id, out_order_no }
}

impl UnfreezeRemainder {
    /// Creates the operation that unfreezes the remainder of this payment under this number. `description` is the
    /// reason, in 1 to 80 characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the description is invalid.
    pub fn new(
        transaction_id: TransactionId,
        out_order_no: OutOrderNo,
        description: impl AsRef<str>,
    ) -> Result<Self, InvalidField> {
        Ok(Self::required(transaction_id, out_order_no, Chars::new("description", description)?))
    }
}

impl Endpoint for UnfreezeRemainder {
    type Output = ProfitSharing;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        writer.post("v3.profitsharing.unfreeze", "/v3/profitsharing/orders/unfreeze", self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<ProfitSharing, Error> {
        ProfitSharing::read_of(reply, &self.transaction_id, &self.out_order_no)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        let (transaction_id, number) = (self.transaction_id.clone(), self.out_order_no.clone());
        QueryProfitSharing::new(transaction_id, number).party(self.party.clone()).pending()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::create::tests::reply_body, *};
    use crate::v3::fake;

    fn unfreeze(description: &str) -> Result<UnfreezeRemainder, InvalidField> {
        let (transaction_id, number) = ("4208450740201411110007820472", "P20150806125346");
        UnfreezeRemainder::new(transaction_id.parse()?, number.parse()?, description)
    }

    #[test]
    fn the_remainder_is_unfrozen_in_both_modes() {
        let (line, body) = fake::drafted(&unfreeze("解冻全部剩余资金").unwrap());
        assert_eq!(line, "POST /v3/profitsharing/orders/unfreeze");
        assert_eq!(
            body,
            r#"{"transaction_id":"4208450740201411110007820472","out_order_no":"P20150806125346","description":"解冻全部剩余资金"}"#
        );
        let partner = unfreeze("x").unwrap().party(Party::partner("1900000109".parse().unwrap()));
        assert!(fake::drafted(&partner).1.starts_with(r#"{"sub_mchid":"1900000109","transaction_id""#));
        assert!(fake::read(&partner, &reply_body("4208450740201411110007820472", "P20150806125346")).is_ok());
        assert!(fake::read(&partner, &reply_body("4208450740201411110007820472", "P1")).is_err());
        assert_eq!(unfreeze("").unwrap_err().field(), "description");
    }
}
