//! Handling of an abnormal refund, which cannot go back to the account that paid.
//!
//! `POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund`.

use super::refund::Refund;
use crate::{
    error::{Error, PendingOperation},
    id::{InvalidField, MchId, OutRefundNo, RefundId},
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint, Target},
        merchant::Merchant,
        party::Party,
        seal::{RequestWriter, Sealed, Sensitive},
        verify::Verified,
    },
    world::World,
};

/// Sets another destination for a refund that is [`Abnormal`](super::RefundStatus::Abnormal), for example because the
/// payer's card was cancelled.
#[derive(Clone, Debug)]
pub struct ApplyAbnormalRefund {
    refund_id: RefundId,
    out_refund_no: OutRefundNo,
    party: Party,
    to: Destination,
}

#[derive(Clone, Debug)]
enum Destination {
    User { bank_type: String, bank_account: Sensitive, real_name: Sensitive },
    Merchant,
}

impl ApplyAbnormalRefund {
    /// Sends the refund to a bank card of the payer.
    ///
    /// `bank_type` is the bank's code in WeChat Pay's documentation, such as `CMB_DEBIT`. `bank_account` is the card's
    /// number, and `real_name` is the payer's name; both are sent encrypted.
    ///
    /// # Errors
    ///
    /// When `bank_type` is not 1 to 16 capital letters, digits and `_`.
    pub fn to_user(
        refund_id: RefundId,
        out_refund_no: OutRefundNo,
        party: Party,
        bank_type: &str,
        bank_account: Sensitive,
        real_name: Sensitive,
    ) -> Result<Self, InvalidField> {
        let is_allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=16).contains(&bank_type.len()) || !bank_type.bytes().all(is_allowed) {
            return Err(InvalidField::new("bank_type", "must be 1 to 16 capital letters, digits and _"));
        }
        let to = Destination::User { bank_type: bank_type.into(), bank_account, real_name };
        Ok(Self { refund_id, out_refund_no, party, to })
    }

    /// Sends the refund to the merchant's own bank card. The merchant then pays the payer by other means.
    pub fn to_merchant(refund_id: RefundId, out_refund_no: OutRefundNo, party: Party) -> Self {
        Self { refund_id, out_refund_no, party, to: Destination::Merchant }
    }
}

#[derive(serde::Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a MchId>,
    out_refund_no: &'a OutRefundNo,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_account: Option<Sealed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    real_name: Option<Sealed>,
}

impl Endpoint for ApplyAbnormalRefund {
    type Output = Refund;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let (kind, bank_type, bank_account, real_name) = match &self.to {
            Destination::User { bank_type, bank_account, real_name } => {
                ("USER_BANK_CARD", Some(bank_type.as_str()), Some(bank_account), Some(real_name))
            }
            Destination::Merchant => ("MERCHANT_BANK_CARD", None, None, None),
        };
        let body = Body {
            sub_mchid: self.party.sub_mchid(),
            out_refund_no: &self.out_refund_no,
            kind,
            bank_type,
            bank_account: writer.seal_opt(bank_account)?,
            real_name: writer.seal_opt(real_name)?,
        };
        let target = Target::new("/v3/refund/domestic/refunds")
            .segment(self.refund_id.as_str())
            .append("/apply-abnormal-refund");
        Ok(Draft::post("v3.refund.apply_abnormal", target, &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Refund, Error> {
        Refund::read_of(reply, &self.out_refund_no)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        let sub_mchid = self.party.sub_mchid().cloned();
        Some(PendingOperation::Refund { out_refund_no: self.out_refund_no.clone(), sub_mchid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    fn to_user(bank_type: &str) -> Result<ApplyAbnormalRefund, InvalidField> {
        let sensitive = |text: &str| Sensitive::new(text.into()).unwrap();
        let (refund_id, number) = ("50000000382019052709732678859", "1217752501");
        ApplyAbnormalRefund::to_user(
            refund_id.parse().unwrap(),
            number.parse().unwrap(),
            Party::partner("1900000109".parse().unwrap()),
            bank_type,
            sensitive("6222-planted"),
            sensitive("张三"),
        )
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
        let apply = ApplyAbnormalRefund::to_merchant(
            refund_id.parse().unwrap(),
            number.parse().unwrap(),
            Party::Direct,
        );
        assert_eq!(fake::drafted(&apply).1, r#"{"out_refund_no":"1217752501","type":"MERCHANT_BANK_CARD"}"#);
        for bank_type in ["", "招商", "cmb_debit", "CMB_DEBIT_AND_MORE"] {
            assert_eq!(to_user(bank_type).unwrap_err().field(), "bank_type");
        }
    }
}
