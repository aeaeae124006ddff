//! The WeChat Pay protocol without I/O: signing, verification, retries and key refresh, in the right order.
//!
//! The crate implements APIv3 (JSON, RSA signatures) in [`v3`]. For old accounts it also implements APIv1 in [`v1`]: the
//! 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2.
//!
//! Every operation is a [flow](exchange::Flow). A flow never touches a socket, a clock or a source of randomness. It
//! returns the next [`Step`](exchange::Step): send a request, wait, or done. Your code carries out the step with any
//! HTTP client and resumes the flow with the result. Ten lines drive every flow:
//!
//! ```
//! use wxpay_proto::{Error, UnixTime, entropy::Entropy, memory::Memory, world::World};
//! use wxpay_proto::exchange::{Flow, Transmit, Reply, Step};
//!
//! fn run<F: Flow>(flow: F, memory: &mut Memory, io: &mut impl Io) -> Result<F::Output, Error> {
//!     let mut step = Step::begin(flow, World::new(io.now(), io.entropy(), memory));
//!     loop {
//!         step = match step {
//!             Step::Send(transmit, sent) => {
//!                 let reply = io.send(transmit);
//!                 sent.resume(reply, World::new(io.now(), io.entropy(), memory))
//!             }
//!             Step::Wait(until, waiting) => {
//!                 io.sleep_until(until);
//!                 waiting.resume(World::new(io.now(), io.entropy(), memory))
//!             }
//!             Step::Done(result) => return result,
//!         };
//!     }
//! }
//!
//! /// Your HTTP client, your clock, your source of randomness.
//! trait Io {
//!     fn send(&mut self, transmit: Transmit) -> Reply;
//!     fn sleep_until(&mut self, until: UnixTime);
//!     fn now(&self) -> UnixTime;
//!     fn entropy(&mut self) -> Entropy;
//! }
//! ```
//!
//! `wxpay-hyper` is such a driver, built on hyper and tokio.
//!
//! # Terms
//!
//! * **Fate** of a request: whether WeChat Pay may have carried it out. Every [`Error`] states it as a [`Fate`]:
//!   not sent, refused, or unknown. An operation of unknown fate must be resolved by a query.
//! * **Evidence**: a verified fact about a payment or a refund, from a notification, a reply or a query. Evidence is
//!   merged into a payment state, and neither order nor duplicates change the result. See [`payment`].
//! * **Lease**: the right of one caller to fetch a shared value, as a fencing number. A late caller cannot overwrite
//!   the value of its successor. See [`memory`].
//! * **Seal** and **open**: to encrypt and decrypt one value with AES-GCM or RSA-OAEP, as HPKE uses the words. Whole
//!   notifications are *decrypted*. See [`crypto`].
//!
//! # In scope
//!
//! Requests and their signatures, the order of requests, retries, and the fetching of tokens and platform keys;
//! verification of replies and notifications, and the consequence of an error for the money.
//!
//! # Out of scope
//!
//! Connections, threads, storage and logs. Your application decides whether an order exists in its shop; [`payment`]
//! describes how to use the evidence.
//!
//! # Modules
//!
//! * [`v3`]: APIv3. Start at [`Merchant`](v3::Merchant).
//! * [`crypto`]: traits for the cryptography of APIv3; the implementation is passed in.
//! * [`exchange`], [`world`], [`clock`], [`entropy`], [`memory`]: the interface between a flow and its driver.
//! * [`error`], [`refusal`], [`retry`]: errors, the fate of a request, and the retry policy.
//! * [`payment`]: the state of a payment and its refunds, merged from evidence.
//! * [`id`], [`money`], [`secret`]: validated identifiers, whole fen, and values that are never printed.
//! * [`wire`], [`http`]: parsing and serialisation.
//! * [`v1`]: APIv1. Start at [`Merchant`](v1::Merchant).
//! * [`manual`]: guides: writing a driver, guarantees about money, security, and deviations of the gateway.
//!
//! # Features
//!
//! * `http` (on by default): conversions to and from the types of the `http` crate. Without it the crate builds
//!   for bare metal.

#![no_std]

extern crate alloc;

pub mod clock;
pub mod crypto;
pub mod entropy;
pub mod error;
pub mod exchange;
pub mod http;
pub mod id;
pub mod manual;
pub mod memory;
pub mod money;
pub mod payment;
pub mod refusal;
pub mod retry;
pub mod secret;
pub mod v1;
pub mod v3;
pub mod wire;
pub mod world;

pub use clock::UnixTime;
pub use error::{Error, ErrorKind, Fate};
pub use money::Fen;
