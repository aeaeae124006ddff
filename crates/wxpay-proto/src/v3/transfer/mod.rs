//! Paying users: the merchant transfer of 2025, which the payee confirms, or has allowed to be made without.
//!
//! ```text
//!  bill.rs ─▶ create.rs                    to a payee who confirms
//!          ─▶ pre_transfer.rs              to a payee who confirms, and allows what comes later
//!          ─▶ authorized.rs                to a payee who allowed it
//!          ─▶ qq_wallet.rs                 to a wallet of QQ; asked after and cancelled by itself
//!  transfer.rs ◀─ query.rs cancel.rs, notifications      what became of it
//!  authorization.rs                        what a payee allows: asked for, asked after, ended
//!  elecsign.rs                             receipts
//! ```
//!
//! That a transfer was answered does not mean that it was paid: look at its [state](Transfer::state). **A transfer whose
//! answer was lost or was no success must not be made again under another number**: ask after it, or make the same
//! again under the same.
//!
//! The contracts are those of `/v3/fund-app/mch-transfer/…`.

pub mod authorization;
mod authorized;
pub mod bill;
mod cancel;
mod create;
pub mod elecsign;
mod pre_transfer;
pub mod qq_wallet;
mod query;
#[allow(clippy::module_inception, reason = "it is the object that WeChat Pay calls a transfer")]
mod transfer;

pub use authorization::Authorization;
pub use authorized::CreateAuthorizedTransfer;
pub use bill::TransferBill;
pub use cancel::CancelTransfer;
pub use create::{CreateTransfer, UserRecvStyle};
pub use pre_transfer::CreatePreTransfer;
pub use query::{QueryTransfer, TransferLookup};
pub use transfer::{Transfer, TransferState};
