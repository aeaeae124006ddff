//! Routes of orders of both API versions, and of the payer's actions on them.

use super::{
    ControlResponse, Simulation,
    call::Call,
    combined,
    field::{Field, Kind, MERCHANT_FILTER, VISIBLE, optional},
    problem::Problem,
    records::order::{ORDER, ORDERS},
    route::{Body, Route, RouteGroup},
};
use crate::{
    gateway::{Gateway, OrderRef, PayError, Payer, PrepayRef},
    ledger::{TransactionRecord, v1::OrderRecord},
};
use serde_json::Value;
use wxpay_proto::{Fen, UnixTime, id::OutTradeNo};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "orders",
    description: "Orders of both API versions, and the payer's actions.",
    routes: &[
        Route::get(
            "orders",
            "list_orders",
            "Lists the orders, APIv1 orders first.",
            ORDERS,
            |simulation, call| Ok(list(simulation, call)),
        )
        .with_query(MERCHANT_FILTER),
        Route::get(
            "orders/{out_trade_no}",
            "show_order",
            "Returns the gateway's record of an order.",
            ORDER,
            show,
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[ORDER_NOT_FOUND]),
        Route::post("orders/{out_trade_no}/pay", "pay_order", "Pays the order as the payer.", ORDER, pay)
            .with_query(MERCHANT_FILTER)
            .with_body(Body::Optional(PAYER))
            .with_problems(&[ORDER_NOT_FOUND, (409, "The order is paid, or can no longer be paid.")]),
        Route::post(
            "orders/{out_trade_no}/cancel",
            "cancel_order",
            "Cancels the payment as the payer. An APIv3 order does not change.",
            ORDER,
            cancel,
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[ORDER_NOT_FOUND]),
        Route::post(
            "orders/{out_trade_no}/fail",
            "fail_order",
            "Makes the payment fail, as with an insufficient balance. A code payment that waits for its \
             password becomes PAYERROR; other APIv3 orders do not change.",
            ORDER,
            fail,
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[ORDER_NOT_FOUND]),
        combined::ROUTE,
    ],
};

const PAYER: &[Field] = &[
    optional("openid", Kind::Text(1, 128, VISIBLE), "The payer. Default: the gateway's payer."),
    optional(
        "discount",
        Kind::Number(0, u64::MAX),
        "The discount by a coupon, in fen; at least 1 fen must remain to pay.",
    ),
    optional("bank_type", Kind::Text(1, 16, "0-9A-Za-z_"), "The payer's bank. For APIv1, 0 is the balance."),
];
pub(super) const ORDER_NOT_FOUND: (u16, &str) = (404, "The order does not exist.");

/// The order that a request selects by number and, optionally, merchant.
enum SelectedOrder {
    V1(OrderRecord),
    V3(OrderRef, TransactionRecord),
}

impl SelectedOrder {
    /// Finds the order. Without a merchant in the query, an APIv1 order takes precedence over an APIv3 order.
    fn select(gateway: &Gateway, call: &Call<'_>) -> Result<Self, Problem> {
        let (number, mchid): (OutTradeNo, _) = (call.path.required("out_trade_no")?, call.mchid()?);
        let v1 = match &mchid {
            None => gateway.order(&number, call.now),
            Some(mchid) => {
                let mut orders = gateway.orders(call.now).into_iter();
                orders.find(|order| order.out_trade_no == number && order.partner.as_str() == mchid.as_str())
            }
        };
        if let Some(order) = v1 {
            return Ok(Self::V1(order));
        }
        let order_ref = match mchid {
            None => OrderRef::OutTradeNo(number),
            Some(mchid) => OrderRef::OfMerchant(mchid, number),
        };
        let record = gateway.transaction(&order_ref, call.now);
        let record = record.ok_or_else(|| Problem::from_payment_error(PayError::NoSuchOrder))?;
        Ok(Self::V3(order_ref, record))
    }
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    ControlResponse::ok(Value::Array(all(&simulation.gateway, call.now, call.query.text("mchid"))))
}

/// Returns all orders, or all orders of a merchant, APIv1 orders first.
pub(super) fn all(gateway: &Gateway, now: UnixTime, mchid: Option<&str>) -> Vec<Value> {
    let matches = |owner: &str| mchid.is_none_or(|mchid| mchid == owner);
    let v1 = gateway.orders(now).into_iter().filter(|order| matches(order.partner.as_str()));
    let v3 = gateway.transactions(now).into_iter().filter(|order| matches(order.mchid.as_str()));
    let v1 = v1.map(|order| ControlResponse::json(order).body);
    let v3 = v3.map(|order| ControlResponse::json(order).body);
    v1.chain(v3).collect()
}

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    Ok(match SelectedOrder::select(&simulation.gateway, call)? {
        SelectedOrder::V1(order) => ControlResponse::json(order),
        SelectedOrder::V3(_, transaction) => ControlResponse::json(transaction),
    })
}

fn pay(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let payer = payer(call)?;
    let gateway = &mut simulation.gateway;
    match SelectedOrder::select(gateway, call)? {
        SelectedOrder::V1(order) => {
            let paid =
                gateway.pay(&latest_prepay(&order), &payer, call.now).map_err(Problem::from_payment_error)?;
            Ok(ControlResponse {
                notifications_first: paid.notifications_first,
                ..ControlResponse::json(paid.order)
            })
        }
        SelectedOrder::V3(order_ref, _) => {
            let paid =
                gateway.pay_transaction(&order_ref, &payer, call.now).map_err(Problem::from_payment_error)?;
            Ok(ControlResponse {
                notifications_first: paid.notifications_first,
                ..ControlResponse::json(paid.transaction)
            })
        }
    }
}

fn cancel(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let gateway = &mut simulation.gateway;
    match SelectedOrder::select(gateway, call)? {
        SelectedOrder::V1(order) => record_or_problem(gateway.cancel(&latest_prepay(&order), call.now)),
        SelectedOrder::V3(_, transaction) => Ok(ControlResponse::json(transaction)),
    }
}

fn fail(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let gateway = &mut simulation.gateway;
    match SelectedOrder::select(gateway, call)? {
        SelectedOrder::V1(order) => record_or_problem(gateway.fail(&latest_prepay(&order), call.now)),
        SelectedOrder::V3(order_ref, _) => gateway
            .fail_transaction(&order_ref, call.now)
            .map(ControlResponse::json)
            .map_err(Problem::from_payment_error),
    }
}

fn record_or_problem(record: Result<OrderRecord, PayError>) -> Result<ControlResponse, Problem> {
    record.map(ControlResponse::json).map_err(Problem::from_payment_error)
}

/// Returns the prepayid of the order's latest genprepay, or else the order's number.
fn latest_prepay(order: &OrderRecord) -> PrepayRef {
    let latest = order.prepays.last().map(|prepay| PrepayRef::Prepayid(prepay.prepayid.clone()));
    latest.unwrap_or_else(|| PrepayRef::OutTradeNo(order.out_trade_no.clone()))
}

fn payer(call: &Call<'_>) -> Result<Payer, Problem> {
    let mut payer = Payer::default();
    if let Some(openid) = call.body.optional("openid")? {
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
