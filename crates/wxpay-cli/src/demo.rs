//! `wxpay demo`: one payment through all its steps, with every message shown.
//!
//! ```text
//!   shop ──▶ payment server ──tap──▶ simulated gateway ◀── payer
//!    ▲        │    ▲                         │
//!    └webhook─┘    └─── tap ◀─ notification ─┘
//! ```

mod listener;
mod shop;
mod show;
mod stage;
mod tap;
mod v1;
mod v3;

use crate::{
    Failure,
    args::{self, DemoApi},
};

pub(crate) async fn run(args: args::Demo) -> Result<(), Failure> {
    match args.api {
        DemoApi::V3 => v3::run().await,
        DemoApi::V1 => v1::run().await,
    }
}
