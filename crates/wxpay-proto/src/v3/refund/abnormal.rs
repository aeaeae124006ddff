//! Handling of an abnormal refund, which cannot go back to the account that paid.
//!
//! `POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund`.

use super::{query::QueryRefund, refund::Refund};
use crate::{
    id::{OutRefundNo, RefundId},
    v3::{field::BankType, prelude::*},
};

body! {
    /// Sets another destination for a refund that is [`Abnormal`](super::RefundStatus::Abnormal), for example because
    /// the payer's card was cancelled.
    #[derive(Clone)]
    pub struct ApplyAbnormalRefund {
        /// Sets the party. The default is the direct merchant.
        default party: Party = flattened,
        required refund_id: RefundId = omitted,
        required out_refund_no: OutRefundNo,
        required destination: Destination = flattened,
    }
    Debug { refund_id, out_refund_no }
}

#[derive(Clone)]
enum Destination {
    User(BankCard),
    Merchant,
}

body! {
    /// A bank card of the payer.
    #[derive(Clone)]
    pub struct BankCard {
        required bank_type: BankType,
        required bank_account: Sensitive,
        required real_name: Sensitive,
    }
    Debug { bank_type }
}

impl BankCard {
    /// Creates a bank card: the bank's code in WeChat Pay's documentation, such as `CMB_DEBIT`, the card's number, and
    /// the payer's name. Number and name are sent encrypted.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if `bank_type` is not 1 to 16 capital letters, digits and `_`.
    pub fn new(
        bank_type: impl AsRef<str>,
        bank_account: Sensitive,
        real_name: Sensitive,
    ) -> Result<Self, InvalidField> {
        Ok(Self::required(BankType::new("bank_type", bank_type)?, bank_account, real_name))
    }
}

impl ApplyAbnormalRefund {
    /// Sends the refund to a bank card of the payer.
    pub fn to_user(refund_id: RefundId, out_refund_no: OutRefundNo, card: BankCard) -> Self {
        Self::required(refund_id, out_refund_no, Destination::User(card))
    }

    /// Sends the refund to the merchant's own bank card. The merchant then pays the payer by other means.
    pub fn to_merchant(refund_id: RefundId, out_refund_no: OutRefundNo) -> Self {
        Self::required(refund_id, out_refund_no, Destination::Merchant)
    }
}

impl Members for Destination {
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error> {
        match self {
            Self::User(card) => {
                object.member("type", "USER_BANK_CARD")?;
                card.write_members(object)
            }
            Self::Merchant => object.member("type", "MERCHANT_BANK_CARD"),
        }
    }
}

impl Endpoint for ApplyAbnormalRefund {
    type Output = Refund;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/refund/domestic/refunds")
            .segment(self.refund_id.as_str())
            .append("/apply-abnormal-refund");
        writer.post("v3.refund.apply_abnormal", target, self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Refund, Error> {
        Refund::read_of(reply, &self.out_refund_no)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        QueryRefund::new(self.out_refund_no.clone()).party(self.party.clone()).pending()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    fn to_user(bank_type: &str) -> Result<ApplyAbnormalRefund, InvalidField> {
        let sensitive = |text: &str| Sensitive::new(text.into()).unwrap();
        let (refund_id, number) = ("50000000382019052709732678859", "1217752501");
        let card = BankCard::new(bank_type, sensitive("6222-planted"), sensitive("张三"))?;
        let apply = ApplyAbnormalRefund::to_user(refund_id.parse().unwrap(), number.parse().unwrap(), card);
        Ok(apply.party(Party::partner("1900000109".parse().unwrap())))
    }

    #[test]
    fn the_payers_card_and_name_are_sealed_and_not_printed() {
        let apply = to_user("CMB_DEBIT").unwrap();
        let (line, body) = fake::drafted(&apply);
        assert_eq!(
            line,
            "POST /v3/refund/domestic/refunds/50000000382019052709732678859/apply-abnormal-refund"
        );
        let (bank_account, real_name) = (fake::sealed("6222-planted"), fake::sealed("张三"));
        assert_eq!(
            body,
            format!(
                r#"{{"sub_mchid":"1900000109","out_refund_no":"1217752501","type":"USER_BANK_CARD","bank_type":"CMB_DEBIT","bank_account":"{bank_account}","real_name":"{real_name}"}}"#
            )
        );
        let printed = format!("{apply:?}");
        assert!(!printed.contains("planted") && !printed.contains("张三"));
    }

    #[test]
    fn a_refund_to_the_merchants_card_has_no_bank_fields() {
        let (refund_id, number) = ("50000000382019052709732678859", "1217752501");
        let apply = ApplyAbnormalRefund::to_merchant(refund_id.parse().unwrap(), number.parse().unwrap());
        assert_eq!(fake::drafted(&apply).1, r#"{"out_refund_no":"1217752501","type":"MERCHANT_BANK_CARD"}"#);
        for bank_type in ["", "招商", "cmb_debit", "CMB_DEBIT_AND_MORE"] {
            assert_eq!(to_user(bank_type).unwrap_err().field(), "bank_type");
        }
    }
}
