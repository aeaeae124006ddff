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
pub mod refusal;
pub mod retry;
pub mod secret;
pub mod wire;
pub mod world;

pub use clock::UnixTime;
pub use error::{Error, ErrorKind, Fate};
pub use money::Fen;
