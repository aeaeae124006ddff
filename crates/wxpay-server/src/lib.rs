//! The payment server: orders and notices in, events out, and a ledger that does not forget.
//!
//! ```no_run
//! use wxpay_server::{Server, config::Sources};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = std::fs::read_to_string("wxpay.toml")?;
//! let config = Sources::default().file(&settings)?.environment(std::env::vars())?.check()?;
//! let server = Server::start(config).await?;
//! println!("listening on {}", server.local_addr());
//! # let stopped = std::future::ready(());
//! stopped.await; // a signal, for one
//! server.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! # What it promises
//!
//! * **An order is on the disk before anything is sent for it**, together with the time of its first query. An
//!   order that was answered is there after a crash.
//! * **A notice is on the disk before it is answered `success`**, together with all that follows from it.
//! * **Each event happens once**, whatever is doubled, delayed or reordered: it is derived from what is known
//!   before and after, in the transaction that writes the evidence.
//! * **What stays open is asked after**, at growing pauses that survive a restart, until a payment is known or a
//!   last query finds none. Evidence that comes later still counts.
//! * **The app is never believed**, and neither is anything else that is not signed by WeChat Pay or answered by
//!   it to a question of ours.
//!
//! # The interface
//!
//! `POST /api/orders` places an order, and the same request again is the same order. It takes
//!
//! * `out_trade_no`: the shop's own number, 1 to 32 letters and digits;
//! * `total_fee`: whole fen;
//! * `body`: what is sold, up to 128 bytes in the charset;
//! * `spbill_create_ip`: the IPv4 address of the payer's device;
//! * and if wanted `attach`, `traceid`, `time_expire` (RFC 3339, cut to the second) and `charset` (`UTF-8`, which
//!   it is unless said otherwise, or `GBK`);
//!
//! and gives the order, with `app`: the seven parameters that the app hands to WeChat, signed anew each time.
//! 201 the first time, 200 again, 409 with the `field` that differs for other terms under the same number. When
//! WeChat Pay does not take the order the answer says what became of it: `fate` is `not_sent` (503), `refused`
//! (502) or `unknown` (504). The order stays, and the same request may be made again; never make it under another
//! number while the fate is unknown.
//!
//! `GET /api/orders/{number}` is the order: `status` is `open`, `expired`, `paid` or `disputed`. `POST …/paid`
//! makes the server ask WeChat Pay now; 202 says that it could not be asked. `POST …/delivered` with `{"status":
//! "ok"}` or `{"status": "failed", "message": …}` tells WeChat Pay of the delivery. `GET /api/events?after=N` is
//! what happened since: `order.paid`, `order.disputed`, `order.expired`, `payment.unknown_order`. Remember `next`.
//!
//! Every failure is a problem by RFC 9457 with, where it applies, the `field` and `rule` at fault.
//!
//! # Out of scope, so far
//!
//! TLS on the listening side (put a proxy before it), several processes on one ledger (a lock file forbids it),
//! refunds.

mod api;
mod app;
mod chase;
pub mod config;
mod delivery;
mod flights;
mod gateway;
mod health;
mod intake;
pub mod ledger;
mod place;
mod problem;
mod server;
mod shutdown;
pub mod time;
pub mod tokens;

pub use config::Config;
pub use server::{NotStarted, Running, Server};
