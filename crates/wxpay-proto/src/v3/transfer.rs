//! Transfers from a merchant to a user (the merchant transfer of 2025). The payee confirms each transfer, or has
//! authorized transfers without confirmation.
//!
//! ```text
//!  bill.rs ─▶ create.rs                    transfer that the payee confirms
//!          ─▶ pre_transfer.rs              transfer that the payee confirms, with a request for authorization
//!          ─▶ authorized.rs                transfer under an authorization, without confirmation
//!          ─▶ qq_wallet.rs                 transfer to a QQ wallet, with its own query and cancellation
//!  transfer.rs ◀─ query.rs cancel.rs, notifications      the status of a transfer
//!  authorization.rs                        authorizations: applying, querying, closing
//!  elecsign.rs                             electronic receipts
//! ```
//!
//! A successful reply does not mean that the payee has the money: check the [status](Transfer::state). **If the reply
//! is lost or is an error, do not create the transfer again under another number**: that would be a second transfer.
//! Query it, or send the same request again under the same number.
//!
//! The operations are those of `/v3/fund-app/mch-transfer/…`.

pub mod authorization;
mod authorized;
mod bill;
mod cancel;
mod create;
pub mod elecsign;
mod pre_transfer;
pub mod qq_wallet;
mod query;
#[allow(clippy::module_inception, reason = "the module holds WeChat Pay's transfer object")]
mod transfer;

pub use authorization::Authorization;
pub use authorized::CreateAuthorizedTransfer;
pub use bill::{TransferBill, TransferScene};
pub use cancel::CancelTransfer;
pub use create::{CreateTransfer, UserRecvStyle};
pub use pre_transfer::{AuthorizationInfo, CreatePreTransfer};
pub use query::QueryTransfer;
pub use transfer::{Transfer, TransferState};
