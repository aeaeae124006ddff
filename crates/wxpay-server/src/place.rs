//! Placing orders: first on disk, then at WeChat Pay, even if the client disconnects.

use crate::{
    app::{App, Prepared},
    ledger::{Placed, Placement, Status, Terms},
    problem::{Problem, causes},
    single_flight::Outcome,
    time::now,
};
use std::sync::Arc;
use wxpay_proto::{
    Fate,
    id::{OutTradeNo, PrepayId},
    v1::AppParams,
};

/// A placed order, for the reply.
#[derive(Debug)]
pub(crate) struct PlacedResult {
    /// `true` if this request placed the order.
    pub(crate) first: bool,
    /// The app payment parameters; `None` if the order can no longer be paid.
    pub(crate) params: Option<AppParams>,
}

/// Places an order, or returns the order already placed under its number.
///
/// The work runs in its own task: if the client disconnects, the result is still in the ledger. Concurrent identical
/// requests share one call.
///
/// # Errors
///
/// If the terms are invalid or differ from the order already placed under the number, or WeChat Pay does not accept the
/// order. In the last case the order stays in the ledger, and the same request may be retried.
pub(crate) async fn place(app: &App, terms: Terms) -> Result<PlacedResult, Problem> {
    // Validated before the ledger is touched: invalid input changes nothing.
    terms.order(app.notify_url.clone())?;
    let number = terms.out_trade_no.clone();
    let terms = Arc::new(terms);
    let (active, worker) = (app.shutdown.begin(), app.clone());
    let key = Arc::clone(&terms);
    let work = async move {
        let _active = active;
        prepare(&worker, &terms).await
    };
    let (prepared, own) = match app.placements.run(&number, key, work).await {
        Outcome::Own(prepared) => (prepared?, true),
        Outcome::Shared(prepared) => (prepared?, false),
        Outcome::Lost => return Err(Problem::interrupted()),
    };
    let params = prepared.prepayid.map(|prepayid| app.gateway.sign_app_params(prepayid)).transpose();
    let params = params.map_err(|cause| {
        tracing::error!(%cause, "the operating system returned no random bytes");
        Problem::interrupted()
    })?;
    Ok(PlacedResult { first: prepared.first && own, params })
}

async fn prepare(app: &App, terms: &Terms) -> Result<Prepared, Problem> {
    let number = &terms.out_trade_no;
    // Only for a new order: the same request must return the same order also after its `time_expire`.
    if app.ledger.order(number).await?.is_none() {
        check_time_expire(terms)?;
    }
    match app.ledger.place(terms.clone(), app.schedule.clone(), now()).await? {
        Placed::Conflict(field) => Err(Problem::differs(field)),
        Placed::NotPayable { first } => Ok(Prepared { first, prepayid: None }),
        Placed::Ready(prepayid) => Ok(Prepared { first: false, prepayid: Some(prepayid) }),
        Placed::Send(placement) => {
            let first = placement.first;
            Ok(Prepared { first, prepayid: prepay(app, terms, placement).await? })
        }
    }
}

/// Places the order at WeChat Pay. Returns `None` if the order turns out to be paid or anomalous.
async fn prepay(app: &App, terms: &Terms, placement: Placement) -> Result<Option<PrepayId>, Problem> {
    let number = &terms.out_trade_no;
    let order = terms.order(app.notify_url.clone())?;
    match app.gateway.run(app.gateway.merchant.prepay(order)).await {
        Ok(params) => {
            let (prepayid, schedule) = (params.prepayid.clone(), app.schedule.clone());
            app.ledger.prepaid(number.clone(), prepayid, schedule, now()).await?;
            app.poller.wake();
            tracing::info!(out_trade_no = %number, "order placed at WeChat Pay");
            Ok(Some(params.prepayid))
        }
        Err(error) => {
            // Placing an order is no read, so the error has a fate.
            let (fate, causes) = (error.fate().unwrap_or(Fate::Unknown), causes(&error));
            tracing::warn!(out_trade_no = %number, ?fate, causes, "WeChat Pay did not accept the order");
            let may_be_paid = placement.may_exist_upstream;
            app.ledger.not_prepaid(number.clone(), placement, fate, now()).await?;
            if fate == Fate::Refused && may_be_paid && query_finds_payment(app, number).await? {
                return Ok(None);
            }
            app.poller.wake();
            Err(Problem::gateway(&error))
        }
    }
}

/// Queries an order that WeChat Pay accepted before and refuses now: it may have been paid in the meantime.
async fn query_finds_payment(app: &App, number: &OutTradeNo) -> Result<bool, Problem> {
    let succeeded = app.poller.query(number).await;
    let order = app.ledger.order(number).await?;
    Ok(succeeded && order.is_some_and(|order| matches!(order.status, Status::Paid | Status::Anomalous)))
}

/// Rejects a new order whose `time_expire` has passed.
fn check_time_expire(terms: &Terms) -> Result<(), Problem> {
    match terms.time_expire {
        Some(expire) if expire <= now() => Err(Problem::field("time_expire", "must be in the future")),
        Some(_) | None => Ok(()),
    }
}
