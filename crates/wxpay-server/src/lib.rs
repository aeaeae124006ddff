//! A payment server: takes orders from a shop, receives WeChat Pay's notifications, and keeps both in a durable ledger.
//!
//! It speaks APIv1: the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2.
//!
//! ```no_run
//! use wxpay_server::{Server, config::Sources};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = std::fs::read_to_string("wxpay.toml")?;
//! let config = Sources::default().file(&settings)?.environment(std::env::vars()).check()?;
//! let server = Server::start(config).await?;
//! println!("listening on {}", server.local_addr());
//! # let stopped = std::future::ready(());
//! stopped.await; // such as a signal
//! server.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! # Guarantees
//!
//! * **An order is on disk before anything is sent for it**, together with the time of its first query. An order that
//!   was acknowledged survives a crash.
//! * **A notification is on disk before it is answered `success`**, together with everything that follows from it.
//! * **Each event is emitted once**, whatever is duplicated, delayed or reordered: it is derived from the payment state
//!   before and after, in the transaction that writes the evidence.
//! * **One transaction pays one order**: the first number under which evidence names it. The claim is on disk before the
//!   payment is learned. Under another number it is an anomaly, for manual review.
//! * **An open order is polled**, at growing intervals that survive a restart, until a payment is found or the last
//!   query finds none. Evidence that arrives later is still applied.
//! * **A payment reported by the app pays nothing.** Only a notification signed by WeChat Pay, or its reply to a query,
//!   pays an order.
//!
//! # The interface
//!
//! `POST /api/orders` places an order; the same request again returns the same order. Fields:
//!
//! * `out_trade_no`: the merchant's order number, 1 to 32 letters and digits; required;
//! * `total_fee`: the price in fen, a whole number; required;
//! * `body`: the description of the goods, up to 128 bytes in the charset; required;
//! * `spbill_create_ip`: the IPv4 address of the payer's device; required;
//! * `attach`, `traceid`, `time_expire` (RFC 3339, cut to the second) and `charset` (`UTF-8`, the default, or `GBK`);
//!   optional.
//!
//! Returns the order with `app`: the seven parameters that the app passes to WeChat, signed anew each time. The status
//! is 201 the first time and 200 afterwards; 409 names the `field` that differs from the order already placed under
//! the number. If WeChat Pay does not accept the order, `fate` in the problem is `not_sent` (503), `refused` (502) or
//! `unknown` (504). The order is kept and the same request may be retried; while the fate is unknown, never retry
//! under another number.
//!
//! `GET /api/orders/{number}` returns the order: `status` is `open`, `expired`, `paid` or `anomalous`.
//!
//! `POST /api/orders/{number}/query` queries WeChat Pay now; 202 means that the query failed and will be repeated.
//!
//! `POST /api/orders/{number}/delivered` reports the delivery to WeChat Pay. The body is `{"status": "ok"}` or
//! `{"status": "failed", "message": …}`; `openid` is required if no notification has named the payer.
//!
//! `GET /api/events?after=N&limit=M` returns the events after number `N`, at most `M` (1 to 1000; by default 100).
//! Each has a `kind`: `order.paid`, `order.anomalous`, `order.expired` or `payment.unknown_order`. Store `next` and
//! pass it as `after` in the next request.
//!
//! Every failure is a problem (RFC 9457) with, where it applies, the invalid `field` and its `rule`.
//!
//! # Not supported yet
//!
//! TLS on the listening side (put a proxy in front), several processes on one ledger (a lock file prevents it),
//! refunds.

mod api;
mod app;
pub mod config;
mod delivery;
mod gateway;
mod health;
pub mod ledger;
mod notifications;
mod place;
mod poll;
mod problem;
mod server;
mod shutdown;
mod single_flight;
pub mod time;
pub mod tokens;

#[cfg(any(test, fuzzing))]
pub use api::fuzz;
pub use config::Config;
pub use server::{Running, Server, StartError};
