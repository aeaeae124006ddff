//! A simulated WeChat Pay gateway, for tests of a merchant's program without a merchant account.
//!
//! [`Gateway`] is the gateway as a pure value: it takes a request and returns a reply. Notifications and their retries
//! are polled with [`Gateway::next_due`] and [`Gateway::due_deliveries`]. It reads no clock: the caller passes the
//! time. All generated data follows from one seed, so that the same calls give the same bytes; only data encrypted for
//! a merchant uses the operating system's randomness. A test drives it in virtual time; [`serve`] puts it on a socket.
//!
//! ```
//! use wxpay_proto::{UnixTime, http::Request};
//! use wxpay_sim::{Gateway, Outcome, Settings};
//!
//! let mut gateway = Gateway::new(Settings::default(), 7);
//! let request = Request::get("https://api.mch.weixin.qq.com/v3/certificates".into())
//!     .with_header("accept", "application/json")
//!     .with_header("user-agent", "an unsigned request");
//! let Outcome::Reply(reply) = gateway.answer(&request, UnixTime::from_secs(1_780_000_000)) else {
//!     panic!("no fault is injected");
//! };
//! assert_eq!(reply.status(), 401);
//! assert!(reply.body().starts_with(br#"{"code":"SIGN_ERROR""#));
//! ```
//!
//! # In scope
//!
//! * APIv3: JSON signed in both directions, with both kinds of platform key; orders, refunds, combined orders, profit
//!   sharing, transfers, bills, encrypted notifications.
//! * APIv1, the 2013–2014 app payment: token, genprepay, orderquery, delivernotify, the notification with two signatures.
//! * A payer's client that verifies the merchant's signature, and fault injection.
//!
//! # Structure
//!
//! ```text
//!  request ─► front end ─► ledger ─► front end ─► reply          payer, clock, faults
//!             v1, v3       one for all            signed               │
//!                             │                                        ▼
//!                             └──────────► notifications ◄───────── gateway
//! ```
//!
//! A front end verifies a request before the gateway is locked, translates it into acts of the [`ledger`], and signs the
//! reply after the lock. The two [clocks](clock) are business time and the wall clock.
//!
//! # Out of scope
//!
//! The simulator is not a reference. It is written from the documents, and builds signed messages with its own code, so
//! that a mistake of the client library cannot cancel itself out. Where the documents are silent, a [setting](Settings)
//! decides.
//!
//! # Modules
//!
//! * [`gateway`]: replies to requests, and the notifications that are due.
//! * [`merchant`]: an APIv3 merchant, and the platform keys that the gateway uses with it.
//! * [`keys`]: keys and certificates.
//! * [`ledger`]: the gateway's records of orders, payments, refunds and transfers, the same for all API versions.
//! * [`notifications`]: deliveries of notifications and their schedule.
//! * [`payer`]: the payer's client.
//! * [`faults`]: fault injection.
//! * [`settings`]: behaviour that the documents leave open.
//! * [`control`]: the control interface for tests, under `/_sim`.
//! * [`serve`]: the HTTP server.
//! * [`environment`]: the environment of a merchant's program, as `export NAME=value` lines.
//! * [`clock`]: business time and the wall clock.
//! * [`credentials`]: APIv1 credentials.
//! * [`warnings`]: observations that replies do not contain.

mod bill;
pub mod clock;
mod compression;
pub mod control;
pub mod credentials;
pub mod environment;
pub mod faults;
mod front_end;
pub mod gateway;
pub mod keys;
pub mod ledger;
pub mod merchant;
pub mod notifications;
mod page;
pub mod payer;
mod requests;
mod rng;
pub mod serve;
pub mod settings;
mod time;
mod traffic;
mod v1;
mod v3;
pub mod warnings;

pub use clock::Clock;
pub use credentials::{App, Credentials};
pub use gateway::{Gateway, Outcome};
pub use settings::Settings;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
