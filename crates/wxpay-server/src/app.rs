//! The state that every request handler shares.

use crate::{
    gateway::Gateway,
    ledger::{Ledger, Schedule, Terms},
    poll::Poller,
    problem::Problem,
    shutdown::Shutdown,
    single_flight::SingleFlight,
};
use std::sync::Arc;
use wxpay_proto::id::{NotifyUrl, PrepayId};

/// The parts of the server. Clones are handles to the same server.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) ledger: Ledger,
    pub(crate) gateway: Gateway,
    pub(crate) notify_url: NotifyUrl,
    pub(crate) schedule: Schedule,
    pub(crate) placements: SingleFlight<Arc<Terms>, Result<Prepared, Problem>>,
    pub(crate) poller: Poller,
    pub(crate) shutdown: Shutdown,
}

/// An order that WeChat Pay accepted, or that can no longer be paid.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// `true` if this placement created the order.
    pub(crate) first: bool,
    /// WeChat Pay's `prepayid`; `None` if the order can no longer be paid.
    pub(crate) prepayid: Option<PrepayId>,
}
