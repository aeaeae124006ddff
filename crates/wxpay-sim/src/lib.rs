//! The WeChat Pay gateway, simulated: what a merchant's program talks to when there is no merchant account.
//!
//! [`Gateway`] is the other side of the wire as a pure value. A request goes in and a reply comes out; what it
//! owes later (the notices and their repeats) is asked for with [`Gateway::next_due`] and [`Gateway::due`]. It
//! reads no clock and draws no chance: the caller says what time it is, and everything it invents follows from
//! one seed, so that the same calls give the same bytes. A test drives it in virtual time; [`serve`] puts it on a
//! socket.
//!
//! ```
//! use wxpay_proto::{UnixTime, http::Request};
//! use wxpay_sim::{Gateway, Outcome, Settings};
//!
//! let mut gateway = Gateway::new(Settings::default(), 7);
//! let me = gateway.credentials();
//! let url = format!(
//!     "https://api.weixin.qq.com/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
//!     me.appid(),
//!     me.app_secret().expose(),
//! );
//! let Outcome::Reply(reply) = gateway.answer(&Request::get(url), UnixTime::from_secs(1_399_514_976)) else {
//!     panic!("no trouble was asked for");
//! };
//! assert!(reply.body().starts_with(b"{\"access_token\":\""));
//! ```
//!
//! # In scope
//!
//! The first generation (2013–2014): token, genprepay, orderquery, delivernotify, the notice signed twice. The third:
//! signed JSON in both directions under both kinds of platform key, orders, refunds, sealed notices. A fake phone that
//! checks the merchant's signature, and trouble on demand.
//!
//! # Out of scope
//!
//! Being a reference. It is written from the documents, with its own builders of the signed messages so that a
//! mistake of the client library cannot agree with itself; where the documents are silent it follows a
//! [setting](Settings).
//!
//! # Rooms
//!
//! * [`gateway`]: request to reply, and what is due when.
//! * [`merchant`]: a merchant of the third generation, and the platform's keys towards it.
//! * [`keys`]: keys and certificates.
//! * [`ledger`]: the gateway's own record of apps, orders and payments.
//! * [`notifications`]: deliveries of notices and their schedule.
//! * [`phone`]: the fake WeChat app.
//! * [`faults`]: trouble on demand.
//! * [`settings`]: what the documents leave open, as switches.
//! * [`control`]: the test's own interface, under `/_sim`.
//! * [`serve`]: all of it over HTTP.
//! * [`environment`]: what a merchant's program is told, as `export NAME=value` lines.

mod chance;
pub mod clock;
pub mod control;
pub mod credentials;
pub mod environment;
pub mod faults;
pub mod gateway;
pub mod keys;
pub mod ledger;
pub mod merchant;
pub mod notifications;
pub mod phone;
pub mod serve;
pub mod settings;
mod time;
pub mod warnings;

pub use clock::Clock;
pub use credentials::{App, Credentials};
pub use gateway::{Gateway, Outcome};
pub use settings::Settings;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
