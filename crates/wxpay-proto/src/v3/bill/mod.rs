//! Bills: what was traded on a day, and what that did to the money. Made after ten in the morning of the day after, and
//! kept for three months.
//!
//! ```text
//!  TradeBill  FundFlowBill  ProfitSharingBill ─▶ BillReply::Ready(BillFile) ─▶ Merchant::prepare_download ─▶ the file, as a stream
//!  SubMerchantFundFlowBill ─▶ BillReply::Ready(sealed parts) ─▶ Merchant::open_bill ─▶ the file's parts, opened
//! ```
//!
//! [`wire::bill`](crate::wire::bill) reads the rows. `protocol/v3` section 10.

mod date;
mod request;
pub mod sub_merchant;

pub use date::BillDate;
pub use request::{
    AccountType, BillType, FundFlowBill, FundFlowKind, ProfitSharingBill, ProfitSharingKind, RequestBill,
    TradeBill, TradeKind,
};
pub use sub_merchant::{OpenBill, OpenedPart, SealedPart, SubMerchantFundFlowBill};

use crate::refusal::{Code, Refusal};

/// What became of asking for a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "it is there, it will be, or there is none")]
pub enum BillReply<S> {
    /// It is ready.
    Ready(S),
    /// It is being made: ask again later, after ten in the morning of the next day.
    Generating,
    /// Nothing was traded that day, so there is no bill. This is not a failure.
    NoData,
}

impl<S> BillReply<S> {
    fn refused(refusal: &Refusal) -> Option<Self> {
        if refusal.code == Code::NO_STATEMENT_EXIST {
            Some(Self::NoData)
        } else if refusal.code == Code::STATEMENT_CREATING {
            Some(Self::Generating)
        } else {
            None
        }
    }
}
