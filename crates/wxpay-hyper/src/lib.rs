//! Carries WeChat Pay conversations over hyper, rustls and tokio, and hears their notices.

mod ambient;
mod builder;
mod client;
mod connect;
mod send;

pub use builder::{Builder, SetupError};
pub use client::Client;
