//! APIv3: JSON, with RSA signatures in both directions. The current API of WeChat Pay.
//!
//! ```text
//!        Endpoint (one operation)               RawNotification
//!           │ draft                                  │
//!           ▼                                        │
//!   Call: sign ─▶ Transmit ─▶ reply ─▶ verify ◀──────┘ VerifyNotification
//!           │                           │  ▲
//!           │                           │  └ keys by serial number, fetched if needed
//!           ▼                           ▼
//!     retries, Fate,                 Verified ─▶ typed result ─▶ Evidence
//!     PendingOperation
//! ```
//!
//! # Modules
//!
//! * [`Merchant`]: the entry point; holds the credentials and the trusted keys.
//! * [`pay`], [`refund`], [`bill`], [`profitsharing`], [`transfer`], [`media`]: one module per product. [`Raw`] calls
//!   operations that have no type here, and [`Endpoint`] is the trait for types of your own.
//! * [`security`]: a test of all keys and certificates, to run before a key rotation.
//! * [`Merchant::verify_notification`]: verifies and decrypts notifications; [`Ack`] is the response to them.
//! * [`Lookup`]: the result of a query.
//! * [`Merchant::resolve`]: resolves operations whose outcome is unknown, each by its query, a [`Resolver`].
//! * [`message`], [`Authorization`], [`verify`]: the parts of a signature, for debugging and tools.

pub mod ack;
mod api_v3_key;
pub mod authorization;
pub mod bill;
mod body;
mod builder;
pub mod call;
pub mod certificates;
#[cfg(test)]
mod conversations;
pub mod download;
pub mod endpoint;
mod error_reply;
#[cfg(test)]
mod fake;
mod field;
mod gateway;
mod lookup;
pub mod media;
mod merchant;
pub mod message;
pub mod notification;
pub mod notify;
mod party;
pub mod pay;
mod platform_key;
mod prelude;
pub mod profitsharing;
mod raw;
pub mod refund;
mod request;
pub mod resolve;
pub mod seal;
pub mod security;
pub mod transfer;
pub mod verify;

pub use crate::memory::{KeyError, KeyProblem};
pub use ack::Ack;
pub use api_v3_key::ApiV3Key;
pub use authorization::Authorization;
pub use builder::Builder;
pub use call::Call;
pub use certificates::{Certificates, RefreshPlatformKeys};
pub use download::{BillFile, Download};
pub use endpoint::{Draft, Endpoint, Idempotency, Target};
pub use lookup::Lookup;
pub use merchant::Merchant;
pub use notification::{Event, Notification};
pub use notify::{RawNotification, VerifyNotification};
pub use party::Party;
pub use raw::{Raw, RawReply};
pub use resolve::{Resolve, Resolver};
pub use seal::{DecryptError, RequestWriter, Sealed, Sensitive};
pub use verify::{Verified, VerifiedBy, VerifyError};
