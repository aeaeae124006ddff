//! Carries WeChat Pay conversations over hyper, rustls and tokio, and hears their notices.

mod ambient;
mod builder;
mod client;
mod connect;
mod hear;
mod send;
mod upkeep;

pub use builder::{Builder, SetupError};
pub use client::Client;
pub use hear::NoticeService;
