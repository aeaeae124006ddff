//! The WeChat Pay protocol without I/O.
//!
//! This crate signs requests, verifies and parses replies and notifications, decides when to retry, and refreshes keys.
//! It opens no connection and reads no clock: your code sends the requests with any HTTP client. `wxpay-hyper` is a
//! ready client on hyper and tokio.
//!
//! Two APIs are implemented:
//!
//! * [`v3`]: APIv3, the current API (JSON, RSA signatures). Start at [`v3::Merchant`].
//! * [`v1`]: APIv1, the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2. Start at
//!   [`v1::Merchant`].
//!
//! # Flows and drivers
//!
//! Every operation is a [flow](exchange::Flow): a state machine that returns its next [`Step`](exchange::Step), which
//! is to send a request, to wait, or done. A *driver* carries out each step and resumes the flow with the result. This
//! one runs every flow of the crate:
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
//! [`manual::driving`] is the guide for authors of a driver.
//!
//! # Terms
//!
//! * **Fate** of a request: whether WeChat Pay may have carried it out. Every [`Error`] of a write states it as a
//!   [`Fate`]: not sent, refused, or unknown. An operation of unknown fate must be resolved by a query.
//! * **Evidence**: a verified fact about a payment or a refund, from a notification, a reply or a query. Evidence is
//!   merged into a payment state; neither order nor duplicates change the result. See [`payment`].
//! * **Lease**: the right of one caller to fetch a shared value, as a fencing number. A late caller cannot overwrite
//!   the value of its successor. See [`memory`].
//! * **Seal** and **open**: to encrypt and decrypt one value with AES-GCM or RSA-OAEP, as HPKE uses the words. Whole
//!   notifications are *decrypted*. See [`crypto`].
//!
//! # Scope
//!
//! The crate covers requests and their signatures, the order of requests, retries, the fetching of tokens and platform
//! keys, the verification of replies and notifications, and the fate that follows from an error.
//!
//! It does not cover connections, threads, storage and logs. Your application decides whether an order exists in its
//! shop, and stores the evidence; see [`payment`].
//!
//! # Modules
//!
//! * [`v3`], [`v1`]: the operations of each API.
//! * [`crypto`]: traits for the cryptography of APIv3. The implementation is passed in; `wxpay-aws-lc` is one.
//! * [`exchange`], [`world`], [`clock`], [`entropy`], [`memory`]: the interface between a flow and its driver.
//! * [`error`], [`refusal`], [`retry`]: errors, WeChat Pay's refusals, and the retry policy.
//! * [`pending`], [`resolve`]: operations whose outcome is unknown, their storable keys, and their resolution by queries.
//! * [`payment`]: the state of a payment and its refunds, merged from evidence.
//! * [`id`], [`money`], [`secret`]: validated identifiers, amounts in fen, and values that are never printed.
//! * [`wire`], [`http`]: parsing and serialisation, requests and responses.
//! * [`manual`]: guides to drivers, money, security, the architecture; the rules of the wire with their sources, and
//!   deviations of the gateway from its documents.
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
pub mod pending;
mod prelude;
pub mod refusal;
pub mod resolve;
pub mod retry;
pub mod secret;
pub mod v1;
pub mod v3;
pub mod wire;
pub mod world;

pub use clock::UnixTime;
pub use error::{Error, ErrorKind, Fate};
pub use money::Fen;
