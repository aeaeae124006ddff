//! Electronic receipts of transfers, with WeChat Pay's seal. Apply for a receipt, then query it until it is generated.
//!
//! `POST /v3/fund-app/mch-transfer/elecsign/out-bill-no` and `…/transfer-bill-no`, and `GET` of the same with a number.

use crate::{
    id::{OutBillNo, TransferBillNo},
    v3::{
        download::{BillFile, HashType},
        prelude::*,
        transfer::query::{NOT_FOUND, TransferNumber},
    },
    wire::json::read::Outcome,
};

const BASE: &str = "/v3/fund-app/mch-transfer/elecsign";

/// Applies for the receipt of a [paid](super::Transfer::is_paid) transfer. A second application is harmless: it creates
/// no second receipt.
#[derive(Clone, Debug)]
pub struct ApplyReceipt(TransferNumber);

/// Queries a receipt: its status, and its download URL once it is generated. A receipt is not found if it was not applied
/// for, or if the transfer does not exist.
#[derive(Clone, Debug)]
pub struct QueryReceipt(TransferNumber);

open_enum! {
    /// The status of a receipt.
    ReceiptState {
        /// The receipt is being generated.
        Generating = "GENERATING",
        /// The receipt is generated, and can be downloaded.
        Finished = "FINISHED",
        /// The receipt was not generated: see [`fail_reason`](Receipt::fail_reason).
        Failed = "FAILED",
    }
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The status of the receipt.
    pub state: ReceiptState,
    /// The time of the application.
    pub create_time: Option<UnixTime>,
    /// The time at which the status last changed.
    pub update_time: Option<UnixTime>,
    /// The file, once it is generated. [Download](Merchant::prepare_download) it at once.
    pub file: Option<BillFile>,
    /// The reason for the failure.
    pub fail_reason: Option<String>,
}

impl ApplyReceipt {
    /// Applies for the receipt of the transfer with this number of the merchant.
    pub fn out_bill_no(out_bill_no: OutBillNo) -> Self {
        Self(TransferNumber::OutBillNo(out_bill_no))
    }

    /// Applies for the receipt of the transfer with this number of WeChat Pay.
    pub fn transfer_bill_no(transfer_bill_no: TransferBillNo) -> Self {
        Self(TransferNumber::TransferBillNo(transfer_bill_no))
    }
}

impl QueryReceipt {
    /// Creates a query by the merchant's number of the transfer.
    pub fn out_bill_no(out_bill_no: OutBillNo) -> Self {
        Self(TransferNumber::OutBillNo(out_bill_no))
    }

    /// Creates a query by WeChat Pay's number of the transfer.
    pub fn transfer_bill_no(transfer_bill_no: TransferBillNo) -> Self {
        Self(TransferNumber::TransferBillNo(transfer_bill_no))
    }
}

impl Receipt {
    /// Reads the reply to a query, or to an application, which need not name the file of a finished receipt.
    fn read(body: Verified<'_>, is_query: bool) -> Result<Self, Error> {
        let wire: Wire = body.read()?;
        let file = match wire.file() {
            Err(invalid) if is_query && wire.state == ReceiptState::Finished => {
                return Err(malformed().caused_by(invalid));
            }
            file => file.ok(),
        };
        Ok(Self {
            state: wire.state,
            create_time: wire.create_time,
            update_time: wire.update_time,
            file,
            fail_reason: wire.fail_reason,
        })
    }
}

object! {
    struct Wire {
        state: ReceiptState,
        create_time: Option<UnixTime>,
        update_time: Option<UnixTime>,
        hash_type: Outcome<HashType> = deferred,
        hash_value: Outcome<String> = deferred,
        download_url: Outcome<String> = deferred,
        fail_reason: Option<String>,
    }
}

impl Wire {
    fn file(&self) -> Outcome<BillFile> {
        Ok(BillFile {
            hash_type: self.hash_type.clone()?,
            hash_value: self.hash_value.clone()?,
            download_url: self.download_url.clone()?,
            is_gzip: false,
        })
    }
}

impl Endpoint for ApplyReceipt {
    type Output = Receipt;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new(BASE).segment(self.0.kind());
        Ok(Draft::post("v3.transfer.elecsign.apply", target, &self.0))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Receipt, Error> {
        Receipt::read(reply, false)
    }
}

impl Endpoint for QueryReceipt {
    type Output = Lookup<Receipt>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new(BASE).segment(self.0.kind()).segment(self.0.as_str());
        Ok(Draft::get("v3.transfer.elecsign.query", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Lookup<Receipt>, Error> {
        Receipt::read(reply, true).map(Lookup::Found)
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Lookup<Receipt>> {
        Lookup::from_refusal(refusal, &NOT_FOUND)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake::{self, drafted, read, target};
    use core::error::Error as _;

    #[test]
    fn receipt_requests_name_either_number() {
        let out_bill_no: OutBillNo = "plfk2020042013".parse().unwrap();
        let transfer_bill_no: TransferBillNo = "1330000071100999991182020050700019480001".parse().unwrap();
        for (apply, query, name, number) in [
            (
                ApplyReceipt::out_bill_no(out_bill_no.clone()),
                QueryReceipt::out_bill_no(out_bill_no.clone()),
                ("out-bill-no", "out_bill_no"),
                out_bill_no.as_str(),
            ),
            (
                ApplyReceipt::transfer_bill_no(transfer_bill_no.clone()),
                QueryReceipt::transfer_bill_no(transfer_bill_no.clone()),
                ("transfer-bill-no", "transfer_bill_no"),
                transfer_bill_no.as_str(),
            ),
        ] {
            let (path, field) = name;
            assert_eq!(
                drafted(&apply),
                (format!("POST {BASE}/{path}"), format!(r#"{{"{field}":"{number}"}}"#))
            );
            assert_eq!(target(&query), format!("{BASE}/{path}/{number}"));
        }
    }

    #[test]
    fn a_finished_receipt_can_be_downloaded() {
        let query = QueryReceipt::out_bill_no("plfk2020042013".parse().unwrap());
        let body = r#"{"state":"FINISHED","create_time":"2015-05-20T13:29:35+08:00","update_time":"2015-05-20T13:29:36+08:00","hash_type":"SHA256","hash_value":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","download_url":"https://api.mch.weixin.qq.com/v3/transferdownload/elecvoucherfile?token=planted"}"#;
        let Lookup::Found(receipt) = read(&query, body).unwrap() else {
            panic!("expected the receipt to be found")
        };
        assert_eq!(receipt.state, ReceiptState::Finished);
        assert!(!format!("{receipt:?}").contains("planted"));
        let file = receipt.file.unwrap();
        let download = fake::Harness::new().run(fake::merchant().prepare_download(&file), |_, _| {
            panic!("preparing a download sends no request")
        });
        let url = "https://api.mch.weixin.qq.com/v3/transferdownload/elecvoucherfile?token=planted";
        assert_eq!(download.unwrap().transmit.request.url(), url);
    }

    #[test]
    fn an_unfinished_receipt_has_no_file() {
        let apply = ApplyReceipt::out_bill_no("plfk2020042013".parse().unwrap());
        let receipt =
            read(&apply, r#"{"state":"GENERATING","create_time":"2015-05-20T13:29:35+08:00"}"#).unwrap();
        assert_eq!((receipt.state, receipt.file), (ReceiptState::Generating, None));
        let query = QueryReceipt::transfer_bill_no("1".parse().unwrap());
        let failed = r#"{"state":"FAILED","create_time":"2015-05-20T13:29:35+08:00","update_time":"2015-05-20T13:29:36+08:00","fail_reason":"x"}"#;
        let Lookup::Found(receipt) = read(&query, failed).unwrap() else {
            panic!("expected the receipt to be found")
        };
        assert_eq!((receipt.state, receipt.fail_reason.as_deref()), (ReceiptState::Failed, Some("x")));
        let error = read(&query, r#"{"state":"FINISHED","hash_type":"SHA256"}"#).unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "hash_value: is missing");
    }
}
