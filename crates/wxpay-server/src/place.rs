//! Orders in: on the disk, then at WeChat Pay, whoever is still waiting.

use crate::{
    api::{App, Problem, causes, check_time},
    flights::Landed,
    ledger::{Asking, Placed, Terms},
    time::now,
};
use std::sync::Arc;
use wxpay_proto::{
    id::{OutTradeNo, PrepayId},
    v1::PhoneParams,
};

/// What the shop gets.
#[derive(Debug)]
pub(crate) struct ForTheShop {
    /// Whether this request placed the order.
    pub(crate) first: bool,
    /// The parameters for the app, unless the order is over.
    pub(crate) phone: Option<PhoneParams>,
}

/// An order that WeChat Pay knows, or that is over.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    first: bool,
    prepayid: Option<PrepayId>,
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
        Placed::Over => Ok(Prepared { first: false, prepayid: None }),
        Placed::Ready(prepayid) => Ok(Prepared { first: false, prepayid: Some(prepayid) }),
        Placed::Ask(asking) => {
            let first = asking.first;
            let prepayid = prepay(app, terms, asking).await?;
            Ok(Prepared { first, prepayid: Some(prepayid) })
        }
    }
}

async fn prepay(app: &App, terms: &Terms, asking: Asking) -> Result<PrepayId, Problem> {
    let number = &terms.out_trade_no;
    let order = terms.order(app.notify_url.clone())?;
    match app.gateway.run(app.gateway.merchant.prepay(order)).await {
        Ok(phone) => {
            app.ledger.prepaid(number.clone(), phone.prepayid.clone(), app.schedule.clone(), now()).await?;
            app.chase.wake();
            tracing::info!(out_trade_no = %number, "the order can be paid");
            Ok(phone.prepayid)
        }
        Err(error) => {
            let (fate, causes) = (error.fate(), causes(&error));
            tracing::warn!(out_trade_no = %number, ?fate, causes, "WeChat Pay did not take the order");
            not_taken(app, number, asking, fate).await?;
            Err(Problem::gateway(&error))
        }
    }
}

async fn not_taken(
    app: &App,
    number: &OutTradeNo,
    asking: Asking,
    fate: wxpay_proto::Fate,
) -> Result<(), Problem> {
    app.ledger.not_prepaid(number.clone(), asking, fate, now()).await?;
    app.chase.wake();
    Ok(())
}
