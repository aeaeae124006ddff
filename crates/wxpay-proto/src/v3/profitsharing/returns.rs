//! What a receiver gives back, so that a payment that was shared can be refunded.
//!
//! `POST /v3/profitsharing/return-orders`, `GET /v3/profitsharing/return-orders/{out_return_no}`.

use super::create::description;
use crate::{
    clock::UnixTime,
    error::{Error, PendingOperation},
    id::{InvalidField, MchId, OutOrderNo, OutReturnNo},
    money::Fen,
    refusal::{Code, Refusal},
    v3::{
        endpoint::{Draft, Endpoint, Idempotency, Target},
        field::{self, open_enum},
        merchant::Merchant,
        party::Party,
        seal::RequestWriter,
        verify::{Verified, malformed},
    },
    wire::time,
    world::World,
};
use alloc::{boxed::Box, string::String};

open_enum! {
    /// What became of what was to be given back.
    ReturnResult {
        /// It is under way.
        Processing = "PROCESSING",
        /// It is back.
        Success = "SUCCESS",
        /// It is not.
        Failed = "FAILED",
    }
}

open_enum! {
    /// Why nothing was given back.
    FailReason {
        /// The receiver's account has trouble.
        AccountAbnormal = "ACCOUNT_ABNORMAL",
        /// The receiver has not enough.
        BalanceNotEnough = "BALANCE_NOT_ENOUGH",
        /// It took too long.
        TimeOutClosed = "TIME_OUT_CLOSED",
        /// The payer's account has trouble.
        PayerAccountAbnormal = "PAYER_ACCOUNT_ABNORMAL",
        /// The request was wrong.
        InvalidRequest = "INVALID_REQUEST",
    }
}

/// Takes back what a merchant got of a sharing; people cannot give back. Comes to where that stands.
#[derive(Clone, Debug)]
pub struct ReturnProfitSharing {
    party: Party,
    out_order_no: OutOrderNo,
    order_id: Option<String>,
    out_return_no: OutReturnNo,
    return_mchid: MchId,
    amount: Fen,
    description: String,
}

impl ReturnProfitSharing {
    /// Takes so much back from a merchant, under this number: of the sharing that had that number. `description` is why, in
    /// at most 80 characters.
    ///
    /// # Errors
    ///
    /// When amount or description break their rule.
    pub fn new(
        party: Party,
        out_order_no: OutOrderNo,
        out_return_no: OutReturnNo,
        return_mchid: MchId,
        amount: Fen,
        description: impl Into<String>,
    ) -> Result<Self, InvalidField> {
        let description = description.into();
        field::amount(amount, "amount")?;
        self::description(&description)?;
        Ok(Self { party, out_order_no, order_id: None, out_return_no, return_mchid, amount, description })
    }

    /// Names the sharing by WeChat Pay's number instead. The merchant's own is what is asked by.
    ///
    /// # Errors
    ///
    /// When it is not 1 to 64 visible ASCII characters.
    pub fn by_order_id(self, order_id: impl Into<String>) -> Result<Self, InvalidField> {
        let order_id = order_id.into();
        if (1..=64).contains(&order_id.len()) && order_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self { order_id: Some(order_id), ..self })
        } else {
            Err(InvalidField::new("order_id", "must be 1 to 64 visible ASCII characters"))
        }
    }
}

/// Asks after what was to be given back.
#[derive(Clone, Debug)]
pub struct QueryProfitSharingReturn {
    party: Party,
    out_order_no: OutOrderNo,
    out_return_no: OutReturnNo,
}

impl QueryProfitSharingReturn {
    /// By the merchant's numbers of the sharing and of what was to be given back.
    #[must_use]
    pub fn new(party: Party, out_order_no: OutOrderNo, out_return_no: OutReturnNo) -> Self {
        Self { party, out_order_no, out_return_no }
    }
}

/// What became of what was to be given back. Only a [verified](Verified) reply makes one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct ProfitSharingReturn {
    /// The sub-merchant, in partner mode.
    pub sub_mchid: Option<MchId>,
    /// WeChat Pay's number of the sharing.
    pub order_id: String,
    /// The merchant's number of the sharing.
    pub out_order_no: OutOrderNo,
    /// The merchant's number of what was to be given back.
    pub out_return_no: OutReturnNo,
    /// WeChat Pay's number of it.
    pub return_id: String,
    /// Who was to give it back.
    pub return_mchid: MchId,
    /// How much.
    pub amount: Fen,
    /// Why.
    #[serde(default)]
    pub description: String,
    /// What became of it.
    pub result: ReturnResult,
    /// Why nothing was given back.
    pub fail_reason: Option<FailReason>,
    /// When it was taken up.
    #[serde(default, deserialize_with = "time::deserialize_option")]
    pub create_time: Option<UnixTime>,
    /// When it was over.
    #[serde(default, deserialize_with = "time::deserialize_option")]
    pub finish_time: Option<UnixTime>,
}

/// What is known of what was to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "it is known, or it is not")]
pub enum ReturnLookup {
    /// It exists.
    Found(Box<ProfitSharingReturn>),
    /// WeChat Pay knows of no such thing, and signed that. A request for it may still be on its way: see
    /// [`resolve`](crate::v3::Merchant::resolve).
    NotFound,
}

impl ProfitSharingReturn {
    /// Reads the one that was asked for.
    fn read_of(
        reply: Verified<'_>,
        out_order_no: &OutOrderNo,
        out_return_no: &OutReturnNo,
    ) -> Result<Self, Error> {
        let given: Self = reply.parse()?;
        if given.out_return_no == *out_return_no && given.out_order_no == *out_order_no {
            Ok(given)
        } else {
            Err(malformed().caused_by(InvalidField::new("out_return_no", "must be of what was asked for")))
        }
    }
}

#[derive(serde::Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a MchId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_order_no: Option<&'a OutOrderNo>,
    out_return_no: &'a OutReturnNo,
    return_mchid: &'a MchId,
    amount: Fen,
    description: &'a str,
}

impl Endpoint for ReturnProfitSharing {
    type Output = ProfitSharingReturn;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let body = Body {
            sub_mchid: self.party.sub_mchid(),
            order_id: self.order_id.as_deref(),
            out_order_no: Some(&self.out_order_no).filter(|_| self.order_id.is_none()),
            out_return_no: &self.out_return_no,
            return_mchid: &self.return_mchid,
            amount: self.amount,
            description: &self.description,
        };
        Ok(Draft::post("v3.profitsharing.give_back", "/v3/profitsharing/return-orders", &body))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<ProfitSharingReturn, Error> {
        ProfitSharingReturn::read_of(reply, &self.out_order_no, &self.out_return_no)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(PendingOperation::ProfitSharingReturn {
            out_order_no: self.out_order_no.clone(),
            out_return_no: self.out_return_no.clone(),
            sub_mchid: self.party.sub_mchid().cloned(),
        })
    }
}

impl Endpoint for QueryProfitSharingReturn {
    type Output = ReturnLookup;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/profitsharing/return-orders")
            .segment(self.out_return_no.as_str())
            .query_opt("sub_mchid", self.party.sub_mchid().map(MchId::as_str))
            .query("out_order_no", self.out_order_no.as_str());
        Ok(Draft::get("v3.profitsharing.query_given_back", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<ReturnLookup, Error> {
        let given = ProfitSharingReturn::read_of(reply, &self.out_order_no, &self.out_return_no)?;
        Ok(ReturnLookup::Found(Box::new(given)))
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<ReturnLookup> {
        let unknown = refusal.status == 404 && refusal.code == Code::RESOURCE_NOT_EXISTS;
        unknown.then_some(ReturnLookup::NotFound)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;
    use alloc::format;

    fn returns(party: Party, amount: u64, description: &str) -> Result<ReturnProfitSharing, InvalidField> {
        let (order, number) = ("P20150806125346".parse().unwrap(), "R20190516001".parse().unwrap());
        ReturnProfitSharing::new(
            party,
            order,
            number,
            "86693852".parse().unwrap(),
            Fen::new(amount),
            description,
        )
    }

    fn told(out_order_no: &str, out_return_no: &str) -> String {
        format!(
            r#"{{"order_id":"3008450740201411110007820472","out_order_no":"{out_order_no}","out_return_no":"{out_return_no}",
            "return_id":"3008450740201411110007820472","return_mchid":"86693852","amount":888,"description":"用户退款",
            "result":"FAILED","fail_reason":"TIME_OUT_CLOSED","create_time":"2015-05-20T13:29:35+08:00",
            "finish_time":"2015-05-20T13:29:36+08:00"}}"#
        )
    }

    #[test]
    fn a_part_is_taken_back_by_either_number_of_its_sharing() {
        let own = returns(Party::Direct, 888, "用户退款").unwrap();
        let (line, body) = fake::drafted(&own);
        assert_eq!(line, "POST /v3/profitsharing/return-orders");
        assert_eq!(
            body,
            r#"{"out_order_no":"P20150806125346","out_return_no":"R20190516001","return_mchid":"86693852","amount":888,"description":"用户退款"}"#
        );
        let partner = returns(Party::partner("1900000109".parse().unwrap()), 1, "x").unwrap();
        let partner = partner.by_order_id("3008450740201411110007820472").unwrap();
        assert_eq!(
            fake::drafted(&partner).1,
            r#"{"sub_mchid":"1900000109","order_id":"3008450740201411110007820472","out_return_no":"R20190516001","return_mchid":"86693852","amount":1,"description":"x"}"#
        );
        assert_eq!(
            partner.pending_operation(),
            Some(PendingOperation::ProfitSharingReturn {
                out_order_no: "P20150806125346".parse().unwrap(),
                out_return_no: "R20190516001".parse().unwrap(),
                sub_mchid: Some("1900000109".parse().unwrap()),
            })
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        assert_eq!(returns(Party::Direct, 0, "x").unwrap_err().field(), "amount");
        assert_eq!(returns(Party::Direct, 1, "").unwrap_err().field(), "description");
        let returns = returns(Party::Direct, 1, "x").unwrap();
        assert_eq!(returns.by_order_id("1 2").unwrap_err().field(), "order_id");
    }

    #[test]
    fn it_is_asked_after_by_both_numbers() {
        let query = |party| {
            QueryProfitSharingReturn::new(
                party,
                "P20150806125346".parse().unwrap(),
                "R2019@0516".parse().unwrap(),
            )
        };
        let path = "/v3/profitsharing/return-orders/R2019%400516?";
        assert_eq!(fake::target(&query(Party::Direct)), format!("{path}out_order_no=P20150806125346"));
        let partner = query(Party::partner("1900000109".parse().unwrap()));
        assert_eq!(
            fake::target(&partner),
            format!("{path}sub_mchid=1900000109&out_order_no=P20150806125346")
        );
        let ReturnLookup::Found(given) =
            fake::read(&partner, &told("P20150806125346", "R2019@0516")).unwrap()
        else {
            panic!("it is known");
        };
        assert_eq!((&given.result, given.amount), (&ReturnResult::Failed, Fen::new(888)));
        assert_eq!(given.fail_reason, Some(FailReason::TimeOutClosed));
        for (order, number) in [("P20150806125347", "R2019@0516"), ("P20150806125346", "R20190517")] {
            assert!(fake::read(&partner, &told(order, number)).is_err());
        }
        let refused = |status, code| partner.read_refusal(&Refusal::new(status, code, ""));
        assert_eq!(refused(404, Code::RESOURCE_NOT_EXISTS), Some(ReturnLookup::NotFound));
        assert_eq!(refused(403, Code::NO_AUTH), None);
    }
}
