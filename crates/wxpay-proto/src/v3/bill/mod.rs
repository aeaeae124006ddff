//! Bills: what was traded on a day, and what that did to the money. Made after ten in the morning of the day after, and
//! kept for three months.
//!
//! ```text
//!  Trade  FundFlow  ProfitSharing ─▶ Outcome::Ready(Statement) ─▶ Merchant::download ─▶ the file, as a stream
//!  SubMerchantFundFlow ─▶ Outcome::Ready(sealed parts) ─▶ Merchant::open_bill ─▶ the file's parts, opened
//! ```
//!
//! [`wire::bill`](crate::wire::bill) reads the rows. `protocol/v3` section 10.

mod ask;
mod date;
pub mod sub_merchant;

pub use ask::{AccountType, Ask, BillType, FundFlow, Funds, ProfitSharing, Shares, Trade, Trades};
pub use date::BillDate;
pub use sub_merchant::{OpenBill, OpenedPart, SealedPart, SubMerchantFundFlow};

use crate::refusal::{Code, Refusal};

/// What became of asking for a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "it is there, it will be, or there is none")]
pub enum Outcome<S> {
    /// It is ready.
    Ready(S),
    /// It is being made: ask again later, after ten in the morning of the next day.
    Creating,
    /// Nothing was traded that day, so there is no bill. This is not a failure.
    NothingTraded,
}

impl<S> Outcome<S> {
    fn refused(refusal: &Refusal) -> Option<Self> {
        if refusal.code == Code::NO_STATEMENT_EXIST {
            Some(Self::NothingTraded)
        } else if refusal.code == Code::STATEMENT_CREATING {
            Some(Self::Creating)
        } else {
            None
        }
    }
}
