//! A WeChat Pay client on hyper, rustls and tokio, with `tower` services for notifications.
//!
//! [`wxpay_proto`] decides which request to send and when. This crate sends it, waits, and receives notifications.
//! [`WxPay`] is a merchant of APIv3, ready to call:
//!
//! ```no_run
//! use wxpay_hyper::WxPay;
//! use wxpay_proto::{Fen, v3::pay::{NativeOrder, Order}};
//!
//! # async fn sell() -> Result<(), Box<dyn std::error::Error>> {
//! let wxpay = WxPay::from_env()?;
//! let order = Order::new("ORDER-0001".parse()?, Fen::new(1999), "千足金箍棒")?;
//! // In a task of its own, so that the outcome becomes known even if the visitor disconnects.
//! let placing = tokio::spawn(async move { wxpay.call(NativeOrder::new(order)).await });
//! println!("{}", placing.await??); // the link for the QR code
//! # Ok(()) }
//! ```
//!
//! [`WxPayBuilder::variables`] lists the environment variables. [`WxPay::builder`] takes the same settings from code
//! and files. [`wxpay_proto::v3`] has the operations. [`WxPay::resolve`] resolves an operation whose outcome is
//! unknown, and [`WxPay::notifications`] and [`notify`] receive notifications.
//!
//! [`Client`] and [`v3::Merchant`](wxpay_proto::v3::Merchant) are the two parts of a [`WxPay`], for platforms with many
//! merchants and for keys in a KMS.
//!
//! The [examples](https://github.com/wxpay/wxpay/tree/main/crates/wxpay-hyper#examples) go further, each with one job.
//!
//! # In scope
//!
//! * [`WxPay::call`], [`Client::run`]: run operations and other flows over pooled HTTP/1.1 and HTTP/2 connections.
//! * Mutual TLS for the requests that require it, additional certificate authorities, a forward proxy; a timeout and a
//!   size limit for every request.
//! * Classification of failures: *not sent* only if that is certain, otherwise *lost*.
//! * [`notify`]: `tower` services, an axum extractor and a plain call that verify notifications.
//! * [`WxPay::download`]: bills as streams, unzipped and checked while they are written.
//! * [`Client::refresh_platform_keys`]: platform certificates fetched before a call or a notification needs them.
//!
//! # Out of scope
//!
//! * Retries, signatures, and the meaning of a reply. They belong to the protocol, in [`wxpay_proto`].
//! * Storage of orders. [`Client::memory`] is a cache: losing it is harmless.
//! * Logging of secrets. The log, through `tracing`, has a request's label, its status and its duration. Errors contain
//!   no URLs, headers or bodies.
//!
//! # Classification of failures
//!
//! | event | result |
//! |---|---|
//! | name not resolved, connection refused, no route, unknown CA, wrong name, handshake or proxy failed | not sent |
//! | no connection within [`connect_timeout`](Builder::connect_timeout) | not sent |
//! | the request's own timeout passed, at any stage | lost |
//! | connection reset or closed, reply truncated, not HTTP, or too long | lost |
//! | TLS 1.3, and the server requires a client certificate | lost: the server refuses after the request may have left |
//! | a pooled connection was closed before a byte of the request was written | sent on another connection |
//! | a pooled connection was idle for [`pool_idle_timeout`](Builder::pool_idle_timeout) | sent on another connection |
//!
//! # Cargo features
//!
//! * `aws-lc` (default): [`WxPay::from_env`] and [`WxPay::builder`], with the cryptography of `wxpay-aws-lc`. Without it,
//!   [`WxPayBuilder::new`] takes any provider.
//! * `axum`: `notify::v3::VerifiedNotification`, a notification as the argument of a handler of axum.
//!
//! TLS is rustls with aws-lc-rs, selected explicitly: the default provider of the process has no effect.
//!
//! # Legacy: APIv1
//!
//! APIv1 is the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2. [`Client::run`] runs
//! its flows too, [`notify::v1`] receives its notifications, and [`Client::refresh_tokens`] refreshes its access token
//! before it expires. The example `shop_v1` is a shop.

mod ambient;
mod body_budget;
mod builder;
mod client;
mod connect;
mod download;
mod limits;
pub mod notify;
mod refresh;
mod send;
mod setup;
mod transport;
mod wxpay;

pub use builder::Builder;
pub use client::Client;
pub use download::DownloadError;
pub use setup::{SetupError, SetupFault};
pub use transport::Transport;
pub use wxpay::{WxPay, WxPayBuilder};
