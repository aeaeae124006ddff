//! Bills: the trades of a day, and the changes of an account's balance on a day. WeChat Pay generates a bill after
//! 10:00 (China time) on the next day and keeps it for three months.
//!
//! ```text
//!  TradeBill  FundFlowBill  ProfitSharingBill ─▶ BillReply::Ready(BillFile)
//!                              ─▶ Merchant::prepare_download ─▶ the file, as a stream
//!  SubMerchantFundFlowBill ─▶ BillReply::Ready(encrypted parts)
//!                              ─▶ Merchant::open_bill_part ─▶ the file's decrypted parts
//! ```
//!
//! [`wire::bill`](crate::wire::bill) parses the rows. Source: [the rules](crate::manual::protocol#bills).

mod date;
mod request;
pub mod sub_merchant;

pub use date::BillDate;
pub use request::{
    AccountType, BillType, FundFlowBill, FundFlowKind, ProfitSharingBill, ProfitSharingKind, RequestBill,
    TradeBill, TradeKind,
};
pub use sub_merchant::{OpenBillPart, OpenedPart, SealedPart, SubMerchantFundFlowBill};

use crate::refusal::{Code, Refusal};

/// The result of requesting a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a bill is ready, is being generated, or does not exist")]
pub enum BillReply<T> {
    /// The bill is ready.
    Ready(T),
    /// WeChat Pay is still generating the bill. Request it again later: after 10:00 (China time) on the day after the
    /// bill's date.
    Generating,
    /// The day has no trades and therefore no bill. This is not an error.
    NoData,
}

impl<T> BillReply<T> {
    fn from_refusal(refusal: &Refusal) -> Option<Self> {
        if refusal.code == Code::NO_STATEMENT_EXIST {
            Some(Self::NoData)
        } else if refusal.code == Code::STATEMENT_CREATING {
            Some(Self::Generating)
        } else {
            None
        }
    }
}
