//! Cancellation of a transfer that the payee has not confirmed.
//!
//! `POST /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel`.

use super::{query::QueryTransfer, transfer::Transfer};
use crate::{http::Method, id::OutBillNo, v3::prelude::*};

/// Cancels a transfer that the payee has not confirmed. A successful reply does not mean that it is cancelled: query it
/// while the status is [`Canceling`](super::TransferState::Canceling).
#[derive(Clone, Debug)]
pub struct CancelTransfer(OutBillNo);

impl CancelTransfer {
    /// Creates the operation that cancels the transfer with this `out_bill_no`.
    pub fn new(out_bill_no: OutBillNo) -> Self {
        Self(out_bill_no)
    }
}

impl Endpoint for CancelTransfer {
    type Output = Transfer;

    /// Drafts a request without a body.
    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/fund-app/mch-transfer/transfer-bills/out-bill-no")
            .segment(self.0.as_str())
            .append("/cancel");
        Ok(Draft::new("v3.transfer.cancel", Method::Post, target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Transfer, Error> {
        Transfer::read_of(reply, &self.0)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        QueryTransfer::out_bill_no(self.0.clone()).pending()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::{
        fake::{drafted, read},
        transfer::TransferState,
    };

    #[test]
    fn cancel_transfer_has_the_number_in_the_path_and_no_body() {
        let cancel = CancelTransfer::new("plfk2020042013".parse().unwrap());
        assert_eq!(
            drafted(&cancel),
            (
                "POST /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/plfk2020042013/cancel".into(),
                String::new()
            )
        );
        let body = r#"{"out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001","state":"CANCELING","update_time":"2015-05-20T13:29:35.120+08:00"}"#;
        assert_eq!(read(&cancel, body).unwrap().state, TransferState::Canceling);
        assert!(read(&CancelTransfer::new("plfk2020042014".parse().unwrap()), body).is_err());
    }
}
