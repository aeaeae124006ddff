//! The WeChat Pay protocol without I/O: signing, verifying, and the order of calls as steps.
#![no_std]
extern crate alloc;

pub mod clock;
pub mod entropy;
pub mod error;
pub mod exchange;
pub mod http;
pub mod id;
pub mod memory;
pub mod money;
pub mod payment;
pub mod refusal;
pub mod retry;
pub mod secret;
pub mod v1;
pub mod wire;
pub mod world;

pub use clock::UnixTime;
pub use error::{Error, ErrorKind, Fate};
pub use money::Fen;

/// How many cases a property test runs here: `PROPTEST_CASES`, or few enough to be quick.
#[cfg(test)]
fn cases() -> u32 {
    option_env!("PROPTEST_CASES").and_then(|cases| cases.parse().ok()).unwrap_or(512)
}
