//! Grades a shop that takes WeChat Pay, from outside.
//!
//! A [`Certifier`] runs a simulated gateway. The shop is configured with [its environment](Certifier::environment) in place
//! of WeChat Pay. The certifier then orders, pays, forges and repeats notifications, loses replies, and compares the
//! states in the shop with the records of the gateway. Each [`Check`] names the demand of WeChat Pay, its source and the
//! remedy.
//!
//! ```no_run
//! use tokio::net::TcpListener;
//! use wxpay_certify::{Certifier, Check, Shop, Verdict};
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let certifier = Certifier::start(TcpListener::bind("127.0.0.1:0").await?, Certifier::gateway(7))?;
//! let shop = Shop::parse(&std::fs::read("shop.toml")?, |name| std::env::var(name).ok())?;
//! let environment = certifier.environment().with_notify_url(shop.notify_url("http://127.0.0.1:8080"));
//! // … start the shop with the environment, at port 8080 …
//! let report = certifier.run("http://127.0.0.1:8080", &shop, Check::ALL, |_| ()).await?;
//! assert_eq!(report.count(Verdict::Fail), 0, "{report}");
//! # drop(environment); Ok(()) }
//! ```
//!
//! # Limits
//!
//! The shop must use APIv3 as a direct merchant. A verdict is about this run: a check that passes found no fault, which
//! proves no absence. A feature that a shop does not offer is [`NotChecked`](Verdict::NotChecked), never passed.
//! Concurrency is sampled: eight copies of a notification at once. The five seconds for an answer are measured without
//! the network between WeChat Pay and the shop.
//!
//! # Modules
//!
//! * `shop`: the shop file, which describes the interface of a shop.
//! * `stage`: the gateway and its records. `client`: requests to the shop.
//! * `trial`: one check in progress, with its evidence. `checks`: the checks.
//! * `check`: the texts of the checks. `report`: findings and score.

mod certifier;
mod check;
mod checks;
mod client;
mod report;
mod shop;
mod stage;
mod trial;

pub use certifier::{Certifier, CertifyError};
pub use check::Check;
pub use report::{Finding, Report, Verdict};
pub use shop::{InvalidShop, Shop};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
