//! What every request may need.

use crate::{
    chase::Chase,
    flights::Flights,
    gateway::Gateway,
    ledger::{Ledger, Schedule, Terms},
    problem::Problem,
    shutdown::Ending,
};
use std::sync::Arc;
use wxpay_proto::id::{NotifyUrl, PrepayId};

/// The server's parts. Copies are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) ledger: Ledger,
    pub(crate) gateway: Gateway,
    pub(crate) notify_url: NotifyUrl,
    pub(crate) schedule: Schedule,
    pub(crate) placing: Flights<Arc<Terms>, Result<Prepared, Problem>>,
    pub(crate) chase: Chase,
    pub(crate) ending: Ending,
}

/// An order that WeChat Pay knows, or that is over.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// Whether the request that did it placed the order.
    pub(crate) first: bool,
    /// WeChat Pay's number, while there is something to pay.
    pub(crate) prepayid: Option<PrepayId>,
}
