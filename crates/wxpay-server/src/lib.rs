//! The payment server: orders and notices in, events out, and a ledger that does not forget.

mod api;
mod chase;
pub mod config;
mod delivery;
mod flights;
mod gateway;
mod health;
mod intake;
pub mod ledger;
mod place;
mod server;
mod shutdown;
pub mod time;
pub mod tokens;

pub use config::Config;
pub use server::{NotStarted, Running, Server};
