//! Routes of orders of both API versions, and of the payer's actions on them.

use super::{
    Answer, Simulation,
    call::Call,
    combined,
    field::{BY_MERCHANT, Field, Kind, VISIBLE, may},
    problem::Problem,
    records::order::{ORDER, ORDERS},
    route::{Body, Room, Route},
};
use crate::{
    gateway::{CannotPay, Gateway, Named, Payer, Tapped},
    ledger::{OrderRecord, v3::TransactionRecord},
};
use serde_json::Value;
use wxpay_proto::{Fen, UnixTime, id::OutTradeNo};

pub(super) const ROOM: Room = Room {
    name: "orders",
    about: "Orders of both API versions, and the payer's actions.",
    routes: &[
        Route::get(
            "orders",
            "list_orders",
            "Lists the orders, APIv1 orders first.",
            ORDERS,
            |simulation, call| Ok(list(simulation, call)),
        )
        .asking(BY_MERCHANT),
        Route::get(
            "orders/{out_trade_no}",
            "show_order",
            "Returns the gateway's record of an order.",
            ORDER,
            show,
        )
        .asking(BY_MERCHANT)
        .or(&[NO_ORDER]),
        Route::post("orders/{out_trade_no}/pay", "pay_order", "Pays the order as the payer.", ORDER, pay)
            .asking(BY_MERCHANT)
            .taking(Body::Optional(PAYER))
            .or(&[NO_ORDER, (409, "The order is paid, or can no longer be paid.")]),
        Route::post(
            "orders/{out_trade_no}/cancel",
            "cancel_order",
            "Cancels the payment as the payer. An APIv3 order does not change.",
            ORDER,
            cancel,
        )
        .asking(BY_MERCHANT)
        .or(&[NO_ORDER]),
        Route::post(
            "orders/{out_trade_no}/fail",
            "fail_order",
            "Makes the payment fail, as with an insufficient balance. A code payment that waits for its \
             password becomes PAYERROR; other APIv3 orders do not change.",
            ORDER,
            fail,
        )
        .asking(BY_MERCHANT)
        .or(&[NO_ORDER]),
        combined::ROUTE,
    ],
};

const PAYER: &[Field] = &[
    may("openid", Kind::Text(1, 128, VISIBLE), "The payer. Default: the gateway's payer."),
    may(
        "discount",
        Kind::Number(0, u64::MAX),
        "The discount by a coupon, in fen; at least 1 fen must remain to pay.",
    ),
    may("bank_type", Kind::Text(1, 16, "0-9A-Za-z_"), "The payer's bank. For APIv1, 0 is the balance."),
];
pub(super) const NO_ORDER: (u16, &str) = (404, "The order does not exist.");

/// The order that a request selects by number and, optionally, merchant.
enum Meant {
    First(OrderRecord),
    Third(Named, TransactionRecord),
}

impl Meant {
    /// Finds the order. Without a merchant in the query, an APIv1 order takes precedence over an APIv3 order.
    fn by(gateway: &Gateway, call: &Call<'_>) -> Result<Self, Problem> {
        let (number, mchid): (OutTradeNo, _) = (call.path.named("out_trade_no")?, call.mchid()?);
        let first = match &mchid {
            None => gateway.order(&number, call.now),
            Some(mchid) => {
                let mut orders = gateway.orders(call.now).into_iter();
                orders.find(|order| order.out_trade_no == number && order.partner.as_str() == mchid.as_str())
            }
        };
        if let Some(order) = first {
            return Ok(Self::First(order));
        }
        let named = match mchid {
            None => Named::OutTradeNo(number),
            Some(mchid) => Named::Of(mchid, number),
        };
        let record = gateway.transaction(&named, call.now);
        let record = record.ok_or_else(|| Problem::cannot(CannotPay::NoSuchOrder))?;
        Ok(Self::Third(named, record))
    }
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Answer {
    Answer::ok(Value::Array(all(&simulation.gateway, call.now, call.query.text("mchid"))))
}

/// Returns all orders, or all orders of a merchant, APIv1 orders first.
pub(super) fn all(gateway: &Gateway, now: UnixTime, mchid: Option<&str>) -> Vec<Value> {
    let is_wanted = |owner: &str| mchid.is_none_or(|mchid| mchid == owner);
    let first = gateway.orders(now).into_iter().filter(|order| is_wanted(order.partner.as_str()));
    let third = gateway.transactions(now).into_iter().filter(|order| is_wanted(order.mchid.as_str()));
    let first = first.map(|order| Answer::shown(order).body);
    let third = third.map(|order| Answer::shown(order).body);
    first.chain(third).collect()
}

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    Ok(match Meant::by(&simulation.gateway, call)? {
        Meant::First(order) => Answer::shown(order),
        Meant::Third(_, transaction) => Answer::shown(transaction),
    })
}

fn pay(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let payer = payer(call)?;
    let gateway = &mut simulation.gateway;
    match Meant::by(gateway, call)? {
        Meant::First(order) => {
            let paid = gateway.pay(&tapped(&order), &payer, call.now).map_err(Problem::cannot)?;
            Ok(Answer { notifications_first: paid.notifications_first, ..Answer::shown(paid.order) })
        }
        Meant::Third(named, _) => {
            let paid = gateway.pay_transaction(&named, &payer, call.now).map_err(Problem::cannot)?;
            Ok(Answer { notifications_first: paid.notifications_first, ..Answer::shown(paid.transaction) })
        }
    }
}

fn cancel(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let gateway = &mut simulation.gateway;
    match Meant::by(gateway, call)? {
        Meant::First(order) => refused(gateway.cancel(&tapped(&order), call.now)),
        Meant::Third(_, transaction) => Ok(Answer::shown(transaction)),
    }
}

fn fail(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let gateway = &mut simulation.gateway;
    match Meant::by(gateway, call)? {
        Meant::First(order) => refused(gateway.fail(&tapped(&order), call.now)),
        Meant::Third(named, _) => {
            gateway.fail_transaction(&named, call.now).map(Answer::shown).map_err(Problem::cannot)
        }
    }
}

fn refused(record: Result<OrderRecord, CannotPay>) -> Result<Answer, Problem> {
    record.map(Answer::shown).map_err(Problem::cannot)
}

/// Returns the prepayid of the order's latest genprepay, or else the order's number.
fn tapped(order: &OrderRecord) -> Tapped {
    let latest = order.prepays.last().map(|prepay| Tapped::Prepayid(prepay.prepayid.clone()));
    latest.unwrap_or_else(|| Tapped::OutTradeNo(order.out_trade_no.clone()))
}

fn payer(call: &Call<'_>) -> Result<Payer, Problem> {
    let mut payer = Payer::default();
    if let Some(openid) = call.body.parsed("openid")? {
        payer = payer.with_openid(openid);
    }
    if let Some(discount) = call.body.number("discount") {
        payer = payer.with_discount(Fen::new(discount));
    }
    if let Some(bank_type) = call.body.text("bank_type") {
        payer = payer.with_bank_type(bank_type);
    }
    Ok(payer)
}
