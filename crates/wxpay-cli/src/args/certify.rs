//! The arguments of `wxpay certify`.

use clap::{ArgGroup, Args};
use std::{net::SocketAddr, path::PathBuf};
use wxpay_certify::Shop;

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("interface").required(true).args(["shop", "profile"]))]
pub(crate) struct Certify {
    /// The base URL of the shop.
    #[arg(long, value_name = "URL")]
    pub(crate) target: String,
    /// The shop file (TOML), which says how to order, read and refund in this shop.
    #[arg(long, value_name = "FILE")]
    pub(crate) shop: Option<PathBuf>,
    /// A built-in shop file: `wxpay-server` is `wxpay serve` (the variable `WXPAY_API_KEY` holds a key of its API), `example`
    /// the example shop of `wxpay-hyper`.
    #[arg(long, value_name = "NAME", value_parser = Shop::PROFILES)]
    pub(crate) profile: Option<String>,
    /// Starts the shop by this shell command, with its environment, and stops it at the end. Its output goes to standard
    /// error.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) start: Option<String>,
    /// Writes the environment of the shop to this file. Required without `--start`. Keys stay the same at the next run.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// The maximum time in seconds until the shop answers.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) wait: u64,
    /// The address and port of the simulated gateway; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", value_parser = super::listen_address)]
    pub(crate) listen: SocketAddr,
    /// The URL by which the shop reaches the gateway, if it is not that of `--listen`.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// A file of CA certificates (PEM) to trust if the target is an `https` URL, for orders and for notifications; may be
    /// repeated. It may also hold a self-signed certificate that the shop uses itself. Public CAs are always trusted.
    #[arg(long, value_name = "FILE")]
    pub(crate) notify_ca: Vec<PathBuf>,
    /// Runs this check only; may be repeated. Without it, all checks run.
    #[arg(long, value_name = "ID")]
    pub(crate) check: Vec<String>,
    /// Prints one line of JSON instead of text, for an error too.
    #[arg(long)]
    pub(crate) json: bool,
}
