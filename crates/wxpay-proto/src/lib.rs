//! The WeChat Pay protocol without I/O: signing, verifying, and the order of calls as steps.
//!
//! A conversation with WeChat Pay is a [flow](exchange::Flow). It never touches a socket, a clock or a source of
//! chance: it says what is owed next ([`Step`](exchange::Step)), you do it with whatever HTTP client you have, and
//! give it what came of it. Ten lines drive every flow there is:
//!
//! ```
//! use wxpay_proto::{Error, UnixTime, entropy::Entropy, memory::Memory, world::World};
//! use wxpay_proto::exchange::{Flow, Hop, Reply, Step};
//!
//! fn run<F: Flow>(flow: F, memory: &mut Memory, io: &mut impl Io) -> Result<F::Output, Error> {
//!     let mut step = Step::begin(flow, World::new(io.now(), io.entropy(), memory));
//!     loop {
//!         step = match step {
//!             Step::Send(hop, sent) => {
//!                 let reply = io.send(hop);
//!                 sent.resume(reply, World::new(io.now(), io.entropy(), memory))
//!             }
//!             Step::Wait(until, asleep) => {
//!                 io.sleep_until(until);
//!                 asleep.resume(World::new(io.now(), io.entropy(), memory))
//!             }
//!             Step::Done(result) => return result,
//!         };
//!     }
//! }
//!
//! /// Your HTTP client, your clock, your source of chance.
//! trait Io {
//!     fn send(&mut self, hop: Hop) -> Reply;
//!     fn sleep_until(&mut self, until: UnixTime);
//!     fn now(&self) -> UnixTime;
//!     fn entropy(&mut self) -> Entropy;
//! }
//! ```
//!
//! `wxpay-hyper` is this with hyper and tokio.
//!
//! # In scope
//!
//! What to send, how it is signed, in which order, when to try again, when to fetch a token; what a reply or a
//! notice proves, and what an error means for the money.
//!
//! # Out of scope
//!
//! Connections, threads, storage and logs. Whether an order exists in *your* shop is for you to know; see
//! [`payment`] for what to make of what you learn.
//!
//! # Rooms
//!
//! * [`v1`]: the first generation: [`Merchant`](v1::Merchant) is where to start.
//! * [`v3`]: the third: JSON and RSA; [`Merchant`](v3::Merchant) likewise.
//! * [`crypto`]: the cryptography of the third, behind a seam.
//! * [`exchange`], [`world`], [`clock`], [`entropy`], [`memory`]: how a flow is driven, and all it may see.
//! * [`error`], [`refusal`], [`retry`]: what went wrong, what that means for the money, and when to try again.
//! * [`payment`]: what is known of a payment, and of what came back of it: evidence that joins.
//! * [`id`], [`money`], [`secret`]: values that cannot be invalid, floats or printed.
//! * [`wire`], [`http`]: bytes to values and back.
//! * [`manual`]: how to drive it, what to rely on, and how the gateway departs from its documents.
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
