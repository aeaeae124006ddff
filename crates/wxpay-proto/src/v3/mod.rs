//! The third generation: JSON, and RSA signatures both ways. What merchants use today.
//!
//! ```text
//!        Endpoint (one operation)          Received (a notice)
//!           │ draft                            │
//!           ▼                                  │
//!   Call: sign ─▶ Hop ─▶ reply ─▶ verify ◀─────┘ Hear
//!           │                       │  ▲
//!           │  keys by serial: FetchKeys│
//!           ▼                       ▼
//!     retries, Fate, Debt      Verified ─▶ typed ─▶ Evidence
//! ```
//!
//! * [`Merchant`] is where to start: who we are, and whose signatures we believe.
//! * [`pay`] and its neighbours: one product, one file. [`Raw`] calls whatever has no type here.
//! * [`security`]: does all of it work? Ask before a day on which keys are changed.
//! * [`Merchant::hear`] hears notices; [`Ack`] is what is answered.
//! * [`Merchant::settle`] settles what is in doubt.
//! * [`message`], [`Authorization`], [`verify`]: the pieces, for those who look into signatures.

pub mod ack;
mod api_v3_key;
pub mod authorization;
pub mod bill;
mod builder;
pub mod call;
pub mod certificates;
pub mod download;
pub mod endpoint;
mod field;
mod gateway;
pub mod hear;
pub mod media;
mod merchant;
pub mod message;
pub mod notice;
mod party;
pub mod pay;
pub mod profitsharing;
mod raw;
pub mod refund;
mod refused;
mod request;
pub mod seal;
pub mod security;
pub mod settle;
#[cfg(test)]
mod toy;
pub mod transfer;
pub mod verify;

pub use ack::Ack;
pub use api_v3_key::ApiV3Key;
pub use authorization::Authorization;
pub use builder::Builder;
pub use call::Call;
pub use certificates::{Certificates, KeepKeys};
pub use download::{Download, Statement};
pub use endpoint::{Draft, Endpoint, Repeat, Target};
pub use hear::{Hear, Received};
pub use merchant::Merchant;
pub use notice::{Event, Notice};
pub use party::Party;
pub use raw::{Raw, RawReply};
pub use seal::{Pen, Sealed, Sensitive};
pub use settle::{Settle, Settled};
pub use verify::{Distrust, How, Verified};
