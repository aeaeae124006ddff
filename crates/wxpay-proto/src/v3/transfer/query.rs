//! Querying a transfer.
//!
//! `GET /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}`, `…/transfer-bill-no/{transfer_bill_no}`.

use super::transfer::{OTHER_TRANSFER, Transfer};
use crate::{
    id::{OutBillNo, TransferBillNo},
    v3::prelude::*,
};

/// Queries a transfer, by the merchant's or by WeChat Pay's number. Only transfers of the last 30 days are found.
#[derive(Clone, Debug)]
pub struct QueryTransfer(TransferNumber);

/// A transfer, by one of its numbers.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TransferNumber {
    OutBillNo(OutBillNo),
    TransferBillNo(TransferBillNo),
}

impl TransferNumber {
    /// Returns the segment of a path that names the kind of number.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::OutBillNo(_) => "out-bill-no",
            Self::TransferBillNo(_) => "transfer-bill-no",
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::OutBillNo(number) => number.as_str(),
            Self::TransferBillNo(number) => number.as_str(),
        }
    }
}

/// The codes for an object that does not exist. WeChat Pay uses any of them.
pub(super) const NOT_FOUND: [Code; 3] = [Code::NOT_FOUND, Code::RESOURCE_NOT_EXISTS, Code::ORDER_NOT_EXIST];

impl QueryTransfer {
    /// Creates a query by the merchant's number.
    pub fn out_bill_no(out_bill_no: OutBillNo) -> Self {
        Self(TransferNumber::OutBillNo(out_bill_no))
    }

    /// Creates a query by WeChat Pay's number.
    pub fn transfer_bill_no(transfer_bill_no: TransferBillNo) -> Self {
        Self(TransferNumber::TransferBillNo(transfer_bill_no))
    }
}

impl Resolver for QueryTransfer {
    type Object = Transfer;

    const LABEL: &'static str = "v3.transfer";

    fn pending(&self) -> Option<PendingOperation> {
        let TransferNumber::OutBillNo(number) = &self.0 else { return None };
        Some(PendingOperation::new(Self::LABEL).with("out_bill_no", number))
    }

    fn from_pending(pending: &PendingOperation) -> Option<Self> {
        pending.number("out_bill_no").map(Self::out_bill_no)
    }
}

impl Endpoint for QueryTransfer {
    type Output = Lookup<Transfer>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/fund-app/mch-transfer/transfer-bills")
            .segment(self.0.kind())
            .segment(self.0.as_str());
        Ok(Draft::get("v3.transfer.query", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Lookup<Transfer>, Error> {
        let transfer = match &self.0 {
            TransferNumber::OutBillNo(number) => Transfer::read_of(reply, number)?,
            TransferNumber::TransferBillNo(number) => {
                let transfer = Transfer::read(reply)?;
                require(transfer.transfer_bill_no == *number, "transfer_bill_no", OTHER_TRANSFER)?;
                transfer
            }
        };
        Ok(Lookup::Found(transfer))
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Lookup<Transfer>> {
        Lookup::from_refusal(refusal, &NOT_FOUND)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixTime,
        error::Fate,
        exchange::Failure,
        money::Fen,
        v3::{
            fake::{self, read, sealed_for_merchant, target},
            transfer::{CreateTransfer, TransferState, bill::tests::minimal},
        },
    };

    fn reply_body() -> String {
        format!(
            r#"{{"mch_id":"1900007291","out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001","appid":"wxf636efh567hg4356","state":"FAIL","transfer_amount":400000,"transfer_remark":"2020年4月报销","fail_reason":"PAYEE_ACCOUNT_ABNORMAL","openid":"o-MYE42l80oelYMDE34nYD456Xoy","user_name":"{}","create_time":"2015-05-20T13:29:35.120+08:00","update_time":"2015-05-20T13:29:35.120+08:00"}}"#,
            sealed_for_merchant("张三".as_bytes())
        )
    }

    #[test]
    fn a_transfer_query_names_either_number() {
        let by_out_bill_no = QueryTransfer::out_bill_no("plfk2020042013".parse().unwrap());
        assert_eq!(
            target(&by_out_bill_no),
            "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/plfk2020042013"
        );
        let by_transfer_bill_no = QueryTransfer::transfer_bill_no("1330+1".parse().unwrap());
        assert_eq!(
            target(&by_transfer_bill_no),
            "/v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/1330%2B1"
        );
    }

    #[test]
    fn a_transfer_reply_is_read_in_full() {
        let query = QueryTransfer::out_bill_no("plfk2020042013".parse().unwrap());
        let Lookup::Found(transfer) = read(&query, &reply_body()).unwrap() else {
            panic!("expected the transfer to be found")
        };
        assert_eq!(transfer.state, TransferState::Fail);
        assert_eq!(transfer.fail_reason.as_deref(), Some("PAYEE_ACCOUNT_ABNORMAL"));
        assert_eq!(transfer.transfer_amount, Some(Fen::new(400_000)));
        assert_eq!(transfer.mchid, Some("1900007291".parse().unwrap()));
        assert_eq!(transfer.appid, Some("wxf636efh567hg4356".parse().unwrap()));
        assert_eq!(transfer.transfer_remark.as_deref(), Some("2020年4月报销"));
        assert_eq!(transfer.update_time.map(UnixTime::as_millis), Some(1_432_099_775_120));
        let name = transfer.user_name.as_ref().unwrap();
        assert_eq!(fake::merchant().open(name.as_str()).unwrap().expose(), "张三");
    }

    #[test]
    fn a_reply_for_another_transfer_is_malformed() {
        for query in [
            QueryTransfer::out_bill_no("plfk2020042014".parse().unwrap()),
            QueryTransfer::transfer_bill_no("1330000071100999991182020050700019480002".parse().unwrap()),
        ] {
            assert!(read(&query, &reply_body()).is_err());
        }
    }

    #[test]
    fn a_transfer_whose_reply_was_lost_is_resolved_by_its_number() {
        let merchant = fake::merchant();
        let mut harness = fake::Harness::new();
        let create = CreateTransfer::new(minimal(), "o-MYE42l80oelYMDE34nYD456Xoy".parse().unwrap());
        let lost = harness.run(merchant.call(create), |_, _| Err(Failure::Lost("reset".into())));
        let mut error = lost.unwrap_err();
        assert_eq!(error.fate(), Some(Fate::Unknown));
        let unresolved = error.take_unresolved().unwrap();
        assert_eq!(unresolved.pending_operation().to_string(), "v3.transfer?out_bill_no=plfk2020042013");
        let resolved = harness.run(merchant.resolve::<QueryTransfer>(unresolved), |transmit, now| {
            assert_eq!(transmit.label, "v3.transfer.query");
            Ok(fake::SigningKey::public_key().reply(200, &reply_body(), *now))
        });
        let Lookup::Found(transfer) = resolved.unwrap() else { panic!("expected a transfer") };
        assert_eq!(transfer.state, TransferState::Fail);
    }

    #[test]
    fn a_transfer_that_stays_not_found_is_resolved_as_not_found() {
        let merchant = fake::merchant();
        let mut harness = fake::Harness::new();
        let pending = QueryTransfer::out_bill_no("plfk2020042013".parse().unwrap()).pending().unwrap();
        let resolve = merchant.resolve_pending::<QueryTransfer>(pending);
        let resolved = harness.run(resolve, |_, now| {
            Ok(fake::SigningKey::public_key().reply(
                404,
                r#"{"code":"NOT_FOUND","message":"记录不存在"}"#,
                *now,
            ))
        });
        assert_eq!(resolved.unwrap(), Lookup::NotFound);
        assert_eq!((harness.sent.len(), harness.now.since(fake::NOW).as_secs()), (5, 20));
    }
}
