//! A WeChat Pay client on hyper, rustls and tokio, with `tower` services for notifications.
//!
//! [`wxpay_proto`] decides which request to send and when. This crate sends it, waits, and receives notifications.
//! An order of APIv3, for payment by QR code:
//!
//! ```no_run
//! use std::{fs, sync::Arc};
//! use wxpay_aws_lc::AwsLc;
//! use wxpay_hyper::Client;
//! use wxpay_proto::{
//!     Fen,
//!     crypto::{CryptoProvider as _, pem},
//!     v3::{ApiV3Key, Merchant, pay::{NativeOrder, Order}},
//! };
//!
//! # async fn sell(api_v3_key: ApiV3Key) -> Result<(), Box<dyn std::error::Error>> {
//! let private_key = AwsLc.private_key(&pem::private_key(&fs::read("apiclient_key.pem")?)?)?;
//! let platform_key = AwsLc.public_key(&pem::public_key(&fs::read("pub_key.pem")?)?)?;
//! let (mchid, serial_no) = ("1900000109".parse()?, "0A51C3E08D2B467F91A4D05E73B8C26F1D340001".parse()?);
//! let merchant = Merchant::builder(Arc::new(AwsLc), mchid, serial_no, private_key, &api_v3_key)
//!     .public_key("PUB_KEY_ID_0119000001092026112400181".parse()?, platform_key)
//!     .build();
//! let client = Client::builder().build()?;
//!
//! let notify_url = "https://shop.example/notify/1900000109".parse()?;
//! let (appid, number) = ("wxd678efh567hg6787".parse()?, "ORDER-0001".parse()?);
//! let order = Order::builder(number, Fen::new(1999), "千足金箍棒").appid(appid).notify_url(notify_url).build()?;
//! // In a task of its own, so that the outcome becomes known even if the visitor disconnects.
//! let placing = async move { client.run(merchant.call(NativeOrder::new(order))).await };
//! println!("{}", tokio::spawn(placing).await??); // the link for the QR code
//! # Ok(()) }
//! ```
//!
//! The examples go further:
//!
//! * `shop`: a shop with notifications and refunds.
//! * `kms_signer`: a merchant whose private key stays in another process.
//! * `blocking_driver`: a driver without this crate and without tokio (APIv1).
//! * `shop_v1`: a shop of APIv1.
//!
//! # In scope
//!
//! * [`Client::run`]: runs any flow over pooled HTTP/1.1 and HTTP/2 connections.
//! * Mutual TLS for the requests that require it, additional certificate authorities, a forward proxy; a timeout and a
//!   size limit for every request.
//! * Classification of failures: *not sent* only if that is certain, otherwise *lost*.
//! * [`notify`]: `tower` services that verify and deduplicate notifications before the handler is called.
//! * [`Client::download`]: bills as streams, unzipped and checked while they are written.
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
//! None. TLS is rustls with aws-lc-rs, selected explicitly: the default provider of the process has no effect.
//!
//! # Legacy: APIv1
//!
//! APIv1 is the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2. [`Client::run`] runs
//! its flows too, [`notify::v1`] receives its notifications, and [`Client::refresh_tokens`] refreshes its access token
//! before it expires.

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
