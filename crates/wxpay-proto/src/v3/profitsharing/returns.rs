//! Returns of shared amounts from a receiver, so that the payment can be refunded.
//!
//! `POST /v3/profitsharing/return-orders`, `GET /v3/profitsharing/return-orders/{out_return_no}`.

use crate::{
    id::{MchId, OutOrderNo, OutReturnNo},
    v3::{field::OrderId, prelude::*},
};

open_enum! {
    /// The result of a return.
    ReturnResult {
        /// The return is in progress.
        Processing = "PROCESSING",
        /// The amount is returned.
        Success = "SUCCESS",
        /// The return failed.
        Failed = "FAILED",
    }
}

open_enum! {
    /// The reason why a return failed.
    ReturnFailReason {
        /// The receiver's account is abnormal.
        AccountAbnormal = "ACCOUNT_ABNORMAL",
        /// The receiver's balance is not sufficient.
        BalanceNotEnough = "BALANCE_NOT_ENOUGH",
        /// The return timed out and was closed.
        TimeOutClosed = "TIME_OUT_CLOSED",
        /// The account of the merchant that shared the payment is abnormal.
        PayerAccountAbnormal = "PAYER_ACCOUNT_ABNORMAL",
        /// The request is invalid.
        InvalidRequest = "INVALID_REQUEST",
    }
}

body! {
    /// Returns an amount from a merchant that received it by profit sharing; only merchants can return amounts. The
    /// output is the return, which may still be in progress.
    #[derive(Clone)]
    pub struct ReturnProfitSharing {
        /// Sets the party. The default is the direct merchant.
        default party: Party = flattened,
        /// Identifies the profit sharing by WeChat Pay's number in the request: 1 to 64 visible ASCII characters. Queries
        /// still use the merchant's number.
        text order_id: OrderId,
        required out_order_no: OutOrderNo = omitted,
        computed merchants_number: &OutOrderNo as "out_order_no",
        required out_return_no: OutReturnNo,
        required amount: ReturnAmount = flattened,
    }
    Debug { party, order_id, out_order_no, out_return_no, amount }
}

body! {
    /// The amount that a merchant returns.
    #[derive(Clone)]
    pub struct ReturnAmount {
        required return_mchid: MchId,
        required amount: Fen,
        required description: Chars<80>,
    }
    Debug { return_mchid, amount }
}

impl ReturnProfitSharing {
    /// Creates the operation that returns an amount of the profit sharing with this number of the merchant.
    /// `out_return_no` is the merchant's number of the return.
    pub fn new(out_order_no: OutOrderNo, out_return_no: OutReturnNo, amount: ReturnAmount) -> Self {
        Self::required(out_order_no, out_return_no, amount)
    }

    /// Returns the merchant's number of the profit sharing, if it is to be written: WeChat Pay takes one of two numbers.
    fn merchants_number(&self) -> Option<&OutOrderNo> {
        Some(&self.out_order_no).filter(|_| self.order_id.is_none())
    }
}

impl ReturnAmount {
    /// Creates an amount, in fen, that the merchant `return_mchid` returns. `description` is the reason, in 1 to 80
    /// characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the amount or the description is invalid.
    pub fn new(return_mchid: MchId, amount: Fen, description: impl AsRef<str>) -> Result<Self, InvalidField> {
        let amount = field::amount(amount, "amount")?;
        Ok(Self::required(return_mchid, amount, Chars::new("description", description)?))
    }
}

/// Queries a return.
#[derive(Clone, Debug)]
#[must_use]
pub struct QueryProfitSharingReturn {
    party: Party,
    out_order_no: OutOrderNo,
    out_return_no: OutReturnNo,
}

impl QueryProfitSharingReturn {
    /// Creates a query by the merchant's numbers of the profit sharing and of the return.
    pub fn new(out_order_no: OutOrderNo, out_return_no: OutReturnNo) -> Self {
        Self { party: Party::Direct, out_order_no, out_return_no }
    }

    /// Sets the party. The default is the direct merchant.
    pub fn party(self, party: Party) -> Self {
        Self { party, ..self }
    }
}

object! {
    /// A return and its result. It is read only from a [verified](Verified) reply.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct ProfitSharingReturn {
        /// The sub-merchant, in partner mode.
        pub sub_mchid: Option<MchId>,
        /// WeChat Pay's number of the profit sharing.
        pub order_id: String,
        /// The merchant's number of the profit sharing.
        pub out_order_no: OutOrderNo,
        /// The merchant's number of the return.
        pub out_return_no: OutReturnNo,
        /// WeChat Pay's number of the return.
        pub return_id: String,
        /// The merchant that returns the amount.
        pub return_mchid: MchId,
        /// The amount, in fen.
        pub amount: Fen,
        /// The reason for the return.
        pub description: String = or_default,
        /// The result.
        pub result: ReturnResult,
        /// The reason, if the return failed.
        pub fail_reason: Option<ReturnFailReason>,
        /// The time at which WeChat Pay accepted the return.
        pub create_time: Option<UnixTime>,
        /// The time at which the return was finished.
        pub finish_time: Option<UnixTime>,
    }
}

impl ProfitSharingReturn {
    /// Reads a reply about this return.
    ///
    /// # Errors
    ///
    /// `Malformed` if the reply is about another return.
    fn read_of(
        reply: Verified<'_>,
        out_order_no: &OutOrderNo,
        out_return_no: &OutReturnNo,
    ) -> Result<Self, Error> {
        let profit_sharing_return: Self = reply.read()?;
        require(
            profit_sharing_return.out_return_no == *out_return_no
                && profit_sharing_return.out_order_no == *out_order_no,
            "out_return_no",
            "must be that of the requested return",
        )?;
        Ok(profit_sharing_return)
    }
}

impl Endpoint for ReturnProfitSharing {
    type Output = ProfitSharingReturn;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        writer.post("v3.profitsharing.return", "/v3/profitsharing/return-orders", self)
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
        let (order, number) = (self.out_order_no.clone(), self.out_return_no.clone());
        QueryProfitSharingReturn::new(order, number).party(self.party.clone()).pending()
    }
}

impl Resolver for QueryProfitSharingReturn {
    type Object = ProfitSharingReturn;

    const LABEL: &'static str = "v3.profit_sharing_return";

    fn pending(&self) -> Option<PendingOperation> {
        let pending = PendingOperation::new(Self::LABEL)
            .with("out_order_no", &self.out_order_no)
            .with("out_return_no", &self.out_return_no);
        Some(pending.with_opt("sub_mchid", self.party.sub_mchid()))
    }

    fn from_pending(pending: &PendingOperation) -> Option<Self> {
        let (out_order_no, out_return_no) =
            (pending.number("out_order_no")?, pending.number("out_return_no")?);
        Some(Self { party: Party::of_pending(pending), out_order_no, out_return_no })
    }
}

impl Endpoint for QueryProfitSharingReturn {
    type Output = Lookup<ProfitSharingReturn>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/profitsharing/return-orders")
            .segment(self.out_return_no.as_str())
            .query_opt("sub_mchid", self.party.sub_mchid().map(MchId::as_str))
            .query("out_order_no", self.out_order_no.as_str());
        Ok(Draft::get("v3.profitsharing.query_return", target))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Lookup<ProfitSharingReturn>, Error> {
        ProfitSharingReturn::read_of(reply, &self.out_order_no, &self.out_return_no).map(Lookup::Found)
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Lookup<ProfitSharingReturn>> {
        Lookup::from_refusal(refusal, &[Code::RESOURCE_NOT_EXISTS])
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    fn create_return(amount: u64, description: &str) -> Result<ReturnProfitSharing, InvalidField> {
        let amount = ReturnAmount::new("86693852".parse()?, Fen::new(amount), description)?;
        Ok(ReturnProfitSharing::new("P20150806125346".parse()?, "R20190516001".parse()?, amount))
    }

    fn reply_body(out_order_no: &str, out_return_no: &str) -> String {
        format!(
            r#"{{"order_id":"3008450740201411110007820472","out_order_no":"{out_order_no}","out_return_no":"{out_return_no}",
            "return_id":"3008450740201411110007820472","return_mchid":"86693852","amount":888,"description":"用户退款",
            "result":"FAILED","fail_reason":"TIME_OUT_CLOSED","create_time":"2015-05-20T13:29:35+08:00",
            "finish_time":"2015-05-20T13:29:36+08:00"}}"#
        )
    }

    #[test]
    fn a_return_names_its_profit_sharing_by_either_number() {
        let direct = create_return(888, "用户退款").unwrap();
        let (line, body) = fake::drafted(&direct);
        assert_eq!(line, "POST /v3/profitsharing/return-orders");
        assert_eq!(
            body,
            r#"{"out_order_no":"P20150806125346","out_return_no":"R20190516001","return_mchid":"86693852","amount":888,"description":"用户退款"}"#
        );
        let partner = create_return(1, "x").unwrap().party(Party::partner("1900000109".parse().unwrap()));
        let partner = partner.order_id("3008450740201411110007820472").unwrap();
        assert_eq!(
            fake::drafted(&partner).1,
            r#"{"sub_mchid":"1900000109","order_id":"3008450740201411110007820472","out_return_no":"R20190516001","return_mchid":"86693852","amount":1,"description":"x"}"#
        );
        assert_eq!(
            partner.pending_operation().unwrap().to_string(),
            "v3.profit_sharing_return?out_order_no=P20150806125346&out_return_no=R20190516001&sub_mchid=1900000109"
        );
    }

    #[test]
    fn an_invalid_return_is_rejected() {
        assert_eq!(create_return(0, "x").unwrap_err().field(), "amount");
        assert_eq!(create_return(1, "").unwrap_err().field(), "description");
        let by_order_id = create_return(1, "x").unwrap();
        assert_eq!(by_order_id.order_id("1 2").unwrap_err().field(), "order_id");
    }

    #[test]
    fn a_return_query_names_both_numbers() {
        let (order, number) = ("P20150806125346".parse().unwrap(), "R2019@0516".parse().unwrap());
        let query_return = QueryProfitSharingReturn::new(order, number);
        let query = |party| query_return.clone().party(party);
        let path = "/v3/profitsharing/return-orders/R2019%400516?";
        assert_eq!(fake::target(&query(Party::Direct)), format!("{path}out_order_no=P20150806125346"));
        let partner = query(Party::partner("1900000109".parse().unwrap()));
        assert_eq!(
            fake::target(&partner),
            format!("{path}sub_mchid=1900000109&out_order_no=P20150806125346")
        );
        let Lookup::Found(found) =
            fake::read(&partner, &reply_body("P20150806125346", "R2019@0516")).unwrap()
        else {
            panic!("expected the return to be found");
        };
        assert_eq!((&found.result, found.amount), (&ReturnResult::Failed, Fen::new(888)));
        assert_eq!(found.fail_reason, Some(ReturnFailReason::TimeOutClosed));
        for (order, number) in [("P20150806125347", "R2019@0516"), ("P20150806125346", "R20190517")] {
            assert!(fake::read(&partner, &reply_body(order, number)).is_err());
        }
        let refused = |status, code| partner.read_refusal(&Refusal::new(status, code, ""));
        assert_eq!(refused(404, Code::RESOURCE_NOT_EXISTS), Some(Lookup::NotFound));
        assert_eq!(refused(403, Code::NO_AUTH), None);
    }
}
