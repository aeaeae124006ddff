//! Carries WeChat Pay conversations over hyper, rustls and tokio, and hears their notices.
//!
//! [`wxpay_proto`] knows what to say and in which order; this crate sends it, waits, and listens:
//!
//! ```no_run
//! use wxpay_hyper::Client;
//! use wxpay_proto::{Fen, v1::{AppSecret, Merchant, Order, PartnerKey, PaySignKey}};
//!
//! # async fn sell(keys: (AppSecret, PaySignKey, PartnerKey)) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().build()?;
//! let merchant = Merchant::builder("wxd930ea5d5a258f4f".parse()?, keys.0, keys.1, "1900000109".parse()?, keys.2).build();
//! let notify_url = "https://shop.example/notify".parse()?;
//! let order = Order::builder("20140508001".parse()?, Fen::new(1999), "千足金箍棒", notify_url, [203, 0, 113, 7].into());
//! let payment = merchant.prepay(order.build()?);
//! let for_the_phone = tokio::spawn(async move { client.run(payment).await }).await??;
//! println!("{}", for_the_phone.prepayid);
//! # Ok(()) }
//! ```
//!
//! The examples go further: `shop_axum` is a shop with its notices, `blocking_driver` does without this crate, and
//! `kms_signer` without the private key.
//!
//! # In scope
//!
//! * [`Client::run`]: any flow, to its end, over pooled HTTP/1.1 and HTTP/2 connections.
//! * Mutual TLS where a hop asks for it, certificate authorities of one's own, a forward proxy; time and size
//!   limits on everything.
//! * Judging failures: *not sent* is said only when it is certain, everything else is *lost*.
//! * [`notify`]: notices as `tower` services, verified before anybody sees them, handled once.
//! * [`Client::download`]: bills as streams, unzipped and checked on the way.
//! * [`Client::refresh_tokens`] and [`Client::refresh_platform_keys`]: tokens and keys renewed before anybody has to wait for one.
//!
//! # Out of scope
//!
//! * Retries, signatures, and what a reply means: that is the protocol, and lives in [`wxpay_proto`].
//! * Keeping orders. What [`Client::memory`] holds may be forgotten at any time.
//! * Logging secrets. What is logged, through `tracing`, is a hop's label, its status, and how long it took; errors
//!   hold nothing of URLs, headers or bodies.
//!
//! # What failures mean
//!
//! | what happened | judged |
//! |---|---|
//! | no address, refused, no route, unknown CA, wrong name, handshake failed, proxy refused | not sent |
//! | no connection within [`connect_timeout`](Builder::connect_timeout) | not sent |
//! | the hop's own deadline passed, at whatever stage | lost |
//! | reset, closed, cut, garbage, too long | lost |
//! | TLS 1.3, and the server misses a client certificate | lost: it says so after the request may have left |
//! | a pooled connection closed before a byte of the request was taken up | put on another connection |
//!
//! # Cargo features
//!
//! None. TLS is rustls with aws-lc-rs, named explicitly: what the process has installed as its default does not
//! matter.

mod ambient;
mod builder;
mod client;
mod connect;
mod download;
mod limits;
pub mod notify;
mod refresh;
mod send;

pub use builder::{Builder, SetupError};
pub use client::Client;
pub use download::DownloadError;
