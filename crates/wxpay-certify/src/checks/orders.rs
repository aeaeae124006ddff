//! Checks of orders: placing, paying, querying, closing.

use crate::trial::{Placed, SHOW_WITHIN, Step, Trial, fail, not_checked};
use std::time::{Duration, Instant};
use wxpay_sim::{
    faults::Fault,
    gateway::RequestRecord,
    ledger::{OrderRecord, TradeState},
};

/// Interval between two looks at the gateway.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

pub(super) async fn placed(trial: &mut Trial<'_>) -> Step {
    let order = trial.place().await?;
    let record = record(trial, &order)?;
    trial.note(format!(
        "the gateway has the order: {} fen, {}",
        record.total.get(),
        record.trade_state.as_str()
    ));
    if record.total.get() != order.values.total {
        return fail(format!("the price must be {} fen", order.values.total));
    }
    trial.expect_unpaid(&order).await
}

pub(super) async fn payable(trial: &mut Trial<'_>) -> Step {
    if !trial.shop.names_client_parameters() {
        return Err(not_checked("the shop file has no create.client"));
    }
    let order = trial.place().await?;
    let Some(parameters) = trial.shop.client_parameters(&order.answer) else {
        return fail("this answer has nothing at create.client of the shop file");
    };
    match trial.stage.pay_in_client(parameters) {
        Ok(number) if number == order.out_trade_no => {
            trial.note(format!("the payer's client accepts the parameters and pays {number}"));
            Ok(())
        }
        Ok(number) => fail(format!("the parameters pay another order: {number}")),
        Err(reason) => fail(format!("the payer's client refuses the parameters: {reason}")),
    }
}

/// Returns the label of the operation that places the shop's orders, by the request that placed this one.
async fn placing_operation(trial: &mut Trial<'_>) -> Step<&'static str> {
    trial.place().await?;
    let is_placing = |request: &RequestRecord| request.status == 200 && places_order(request);
    let placing = trial.stage.requests(is_placing);
    match placing.last().and_then(|request| request.operation) {
        Some(operation) => Ok(operation),
        None => Err(not_checked("the gateway has no request that places an order by APIv3")),
    }
}

fn places_order(request: &RequestRecord) -> bool {
    const SUFFIXES: [&str; 4] = [".jsapi", ".app", ".h5", ".native"];
    request.method == "POST"
        && request.operation.is_some_and(|label| SUFFIXES.iter().any(|suffix| label.ends_with(suffix)))
}

pub(super) async fn reply_lost(trial: &mut Trial<'_>) -> Step {
    let operation = placing_operation(trial).await?;
    let before = trial.stage.order_numbers().len();
    trial.stage.inject_once(Fault::CommitThenDropResponse, operation);
    trial.note(format!("the gateway places the next order, and drops its reply ({operation})"));
    let (shop, values) = (trial.shop, trial.new_values(crate::shop::LIFETIME));
    let answer = trial.call_until_success(&shop.create, &values).await;
    if !answer.is_success() {
        return fail("the customer cannot order any more, although nothing but a reply was lost");
    }
    trial.settle().await;
    let numbers = trial.stage.order_numbers();
    let new: Vec<_> = numbers.iter().skip(before).map(ToString::to_string).collect();
    trial.note(format!("orders at the gateway: {}", new.join(", ")));
    if new.len() != 1 {
        return fail(format!("one purchase became {} orders: the payer can pay each of them", new.len()));
    }
    let order = trial.placed(values, &answer)?;
    trial.pay(&order)?;
    trial.expect_paid(&order, shop.query.within).await
}

pub(super) async fn reply_verified(trial: &mut Trial<'_>) -> Step {
    let operation = placing_operation(trial).await?;
    for (fault, name) in
        [(Fault::WrongSignature, "a wrong signature"), (Fault::SigntestProbe, "a probe's signature")]
    {
        let before = trial.stage.latest_request();
        trial.stage.inject_once(fault, operation);
        let (shop, values) = (trial.shop, trial.new_values(crate::shop::LIFETIME));
        trial.note(format!("the gateway's next reply to {operation} has {name}"));
        let answer = trial.call(&shop.create, &values).await;
        let sent = trial.stage.requests_after(&before, places_order);
        trial.note(format!("the shop sent {sent} requests that place an order"));
        if answer.is_success() && sent < 2 {
            return fail(format!("the shop used a reply with {name}"));
        }
    }
    Ok(())
}

pub(super) async fn queried(trial: &mut Trial<'_>) -> Step {
    let order = trial.place().await?;
    trial.stage.lose_notifications();
    trial.note("the gateway loses every notification");
    trial.pay(&order)?;
    let shop = trial.shop;
    if let Some(query) = &shop.query.order {
        trial.call(query, &order.values).await;
    }
    trial.expect_paid(&order, shop.query.within).await?;
    let record = record(trial, &order)?;
    let payments = record.payments.iter().map(|payment| payment.transaction_id.as_str());
    let numbers: Vec<_> = payments.chain([order.out_trade_no.as_str()]).collect();
    trial.expect_queries(&numbers)
}

pub(super) async fn closed(trial: &mut Trial<'_>) -> Step {
    let shop = trial.shop;
    let close = shop.close.as_ref().ok_or_else(|| not_checked("the shop file has no [close]"))?;
    let order = trial.place().await?;
    let answer = trial.call_until_success(close, &order.values).await;
    if !answer.is_success() {
        return fail("the shop did not close its unpaid order");
    }
    wait_until_closed(trial, &order, SHOW_WITHIN).await
}

pub(super) async fn timed_out(trial: &mut Trial<'_>) -> Step {
    let timeout = trial.shop.timeout.ok_or_else(|| not_checked("the shop file has no [timeout]"))?;
    let lifetime = if trial.shop.create.has_lifetime() { timeout.after } else { crate::shop::LIFETIME };
    let order = trial.place_for(lifetime).await?;
    trial.note(format!("nobody pays for {} s", timeout.after.as_secs()));
    tokio::time::sleep(timeout.after).await;
    wait_until_closed(trial, &order, timeout.within).await
}

/// Waits until the gateway's record of an order is closed, then looks whether it can be paid, and at the state in the shop.
async fn wait_until_closed(trial: &mut Trial<'_>, order: &Placed, within: Duration) -> Step {
    let began = Instant::now();
    loop {
        let record = record(trial, order)?;
        if record.trade_state == TradeState::Closed {
            break;
        }
        if began.elapsed() >= within {
            let shown = trial.state(order).await?;
            let payable = match trial.stage.pay_refusal(&order.out_trade_no) {
                None => String::from("it can still be paid"),
                Some(error) => format!("{error}"),
            };
            return fail(format!(
                "the gateway's record is {} after {} s ({payable}), the shop shows {shown:?}",
                record.trade_state.as_str(),
                within.as_secs()
            ));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    trial.note(format!("the gateway has closed the order after {} ms", began.elapsed().as_millis()));
    let Some(refusal) = trial.stage.pay_refusal(&order.out_trade_no) else {
        return fail("the payer can still pay the order");
    };
    trial.note(format!("the payer cannot pay it: {refusal}"));
    expect_shown_as_closed(trial, order).await
}

async fn expect_shown_as_closed(trial: &mut Trial<'_>, order: &Placed) -> Step {
    let began = Instant::now();
    loop {
        let state = trial.state(order).await?;
        if trial.shop.state.closed.is_empty() || trial.shop.state.closed.contains(&state) {
            return Ok(());
        }
        if began.elapsed() >= SHOW_WITHIN {
            return fail("the shop does not show the order as closed");
        }
        // One line of evidence is enough.
        trial.evidence.pop();
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn record(trial: &Trial<'_>, order: &Placed) -> Step<OrderRecord> {
    trial.stage.order(&order.out_trade_no).map_or_else(|| fail("the gateway has no record of the order"), Ok)
}
