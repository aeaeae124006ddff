//! Orders in: on the disk, then at WeChat Pay, whoever is still waiting.

use crate::{
    app::{App, Prepared},
    flights::Landed,
    ledger::{Asking, Placed, Status, Terms},
    problem::{Problem, causes},
    time::now,
};
use std::sync::Arc;
use wxpay_proto::{
    Fate,
    id::{OutTradeNo, PrepayId},
    v1::AppParams,
};

/// What the shop gets.
#[derive(Debug)]
pub(crate) struct ForTheShop {
    /// Whether this request placed the order.
    pub(crate) first: bool,
    /// The parameters for the app, unless the order is over.
    pub(crate) phone: Option<AppParams>,
}

/// Places an order, or finds it placed.
///
/// The work is in a task of its own: a visitor who goes away leaves the outcome in the ledger. Two requests for
/// one number share one call.
///
/// # Errors
///
/// When the terms break a rule or differ from those of the number's order, or WeChat Pay did not take the order.
/// In the last case it stays in the ledger, and the same request may be made again.
pub(crate) async fn place(app: &App, terms: Terms) -> Result<ForTheShop, Problem> {
    // Before the ledger sees it: bad input changes nothing.
    terms.order(app.notify_url.clone())?;
    let number = terms.out_trade_no.clone();
    let terms = Arc::new(terms);
    let (busy, worker) = (app.ending.busy(), app.clone());
    let wish = Arc::clone(&terms);
    let work = async move {
        let _busy = busy;
        prepare(&worker, &terms).await
    };
    let (prepared, own) = match app.placing.fly(&number, wish, work).await {
        Landed::Own(prepared) => (prepared?, true),
        Landed::Shared(prepared) => (prepared?, false),
        Landed::Lost => return Err(Problem::ending()),
    };
    let phone = prepared.prepayid.map(|prepayid| app.gateway.sign_for_phone(prepayid)).transpose();
    let phone = phone.map_err(|cause| {
        tracing::error!(%cause, "the operating system has no random bytes");
        Problem::ending()
    })?;
    Ok(ForTheShop { first: prepared.first && own, phone })
}

async fn prepare(app: &App, terms: &Terms) -> Result<Prepared, Problem> {
    let number = &terms.out_trade_no;
    if app.ledger.order(number).await?.is_none() {
        check_time(terms)?;
    }
    match app.ledger.place(terms.clone(), app.schedule.clone(), now()).await? {
        Placed::Differs(field) => Err(Problem::differs(field)),
        Placed::Over { first } => Ok(Prepared { first, prepayid: None }),
        Placed::Ready(prepayid) => Ok(Prepared { first: false, prepayid: Some(prepayid) }),
        Placed::Ask(asking) => {
            let first = asking.first;
            Ok(Prepared { first, prepayid: prepay(app, terms, asking).await? })
        }
    }
}

/// Tells WeChat Pay of the order. `None`: it turned out that there is nothing more to pay.
async fn prepay(app: &App, terms: &Terms, asking: Asking) -> Result<Option<PrepayId>, Problem> {
    let number = &terms.out_trade_no;
    let order = terms.order(app.notify_url.clone())?;
    match app.gateway.run(app.gateway.merchant.prepay(order)).await {
        Ok(phone) => {
            let (prepayid, schedule) = (phone.prepayid.clone(), app.schedule.clone());
            app.ledger.prepaid(number.clone(), prepayid, schedule, now()).await?;
            app.chase.wake();
            tracing::info!(out_trade_no = %number, "the order can be paid");
            Ok(Some(phone.prepayid))
        }
        Err(error) => {
            let (fate, causes) = (error.fate(), causes(&error));
            tracing::warn!(out_trade_no = %number, ?fate, causes, "WeChat Pay did not take the order");
            let known_before = asking.exposed;
            app.ledger.not_prepaid(number.clone(), asking, fate, now()).await?;
            if fate == Fate::Refused && known_before && turns_out_settled(app, number).await? {
                return Ok(None);
            }
            app.chase.wake();
            Err(Problem::gateway(&error))
        }
    }
}

/// An order that WeChat Pay took before and refuses now may have been paid meanwhile.
async fn turns_out_settled(app: &App, number: &OutTradeNo) -> Result<bool, Problem> {
    let answered = app.chase.ask(number).await;
    let order = app.ledger.order(number).await?;
    Ok(answered && order.is_some_and(|order| matches!(order.status, Status::Paid | Status::Disputed)))
}

/// An order that is past its own end from the beginning cannot be placed.
fn check_time(terms: &Terms) -> Result<(), Problem> {
    match terms.time_expire {
        Some(expire) if expire <= now() => Err(Problem::field("time_expire", "must be in the future")),
        Some(_) | None => Ok(()),
    }
}
