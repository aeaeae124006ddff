//! Routes of orders of both API versions, and of the payer's actions on them.

use super::{
    ControlResponse, Simulation,
    call::Call,
    combined,
    field::{FAIL_REASON, Field, Kind, MAX_NUMBER, MERCHANT, MERCHANT_FILTER, OPENID, fail_reason, optional},
    page::{BY_POSITION, LINK, page},
    problem::Problem,
    records::order::{ORDER, ORDERS, REFUND},
    route::{Body, Route, RouteGroup},
    schema::Schema,
};
use crate::{
    gateway::{OrderRef, PayError, Payer, PlatformRefundError},
    ledger::OrderRecord,
};
use wxpay_proto::{Fen, id::OutTradeNo};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "orders",
    description: "Orders of both API versions, and the payer's actions.",
    routes: &[
        Route::get(
            "orders",
            "list_orders",
            "Lists the orders, in the order in which they were placed.",
            ORDERS,
            |simulation, call| Ok(list(simulation, call)),
        )
        .with_query(MERCHANT_FILTER)
        .paged(BY_POSITION).with_response_headers(LINK),
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
            .with_problems(&[ORDER_NOT_FOUND, PAYMENT_IMPOSSIBLE]),
        Route::post(
            "orders/{out_trade_no}/cancel",
            "cancel_order",
            "Cancels the payment as the payer. A code payment that waits for its password becomes PAYERROR; any \
             other order stays open.",
            ORDER,
            cancel,
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[ORDER_NOT_FOUND, ATTEMPT_IMPOSSIBLE]),
        Route::post(
            "orders/{out_trade_no}/fail",
            "fail_order",
            "Makes the payment fail, as with an insufficient balance. A code payment that waits for its \
             password becomes PAYERROR, except after a wrong password; any other order stays open.",
            ORDER,
            fail,
        )
        .with_query(&[MERCHANT, FAIL_REASON])
        .with_problems(&[ORDER_NOT_FOUND, ATTEMPT_IMPOSSIBLE]),
        Route::post(
            "orders/{out_trade_no}/refund",
            "refund_order",
            "Refunds an APIv3 order as the merchant does in the merchant platform, without a request of its program. The \
             refund number is generated.",
            Schema::Record(&REFUND),
            refund,
        )
        .with_query(MERCHANT_FILTER)
        .with_body(Body::Optional(REFUND_FIELDS))
        .created()
        .with_problems(&[ORDER_NOT_FOUND, REFUND_IMPOSSIBLE]),
        combined::ROUTE,
    ],
};

const PAYER: &[Field] = &[
    optional("openid", Kind::Text(1, 128, OPENID), "The payer. Default: the gateway's payer."),
    optional(
        "discount",
        Kind::Number(0, MAX_NUMBER),
        "The discount by a coupon, in fen; at least 1 fen must remain to pay.",
    ),
    optional("bank_type", Kind::Text(1, 16, "0-9A-Za-z_"), "The payer's bank. For APIv1, 0 is the balance."),
];
const REFUND_FIELDS: &[Field] = &[
    optional("amount", Kind::Number(1, MAX_NUMBER), "The amount, in fen. Default: what is not refunded yet."),
    optional(
        "notify_url",
        Kind::Text(1, 255, ""),
        "The URL of the notification, as the merchant platform is configured. Default: none is sent.",
    ),
];
const REFUND_IMPOSSIBLE: (u16, &str) = (
    409,
    "The order is not one of APIv3, or is not paid, or the amount exceeds what is left, or the time for refunds is over.",
);
pub(super) const ORDER_NOT_FOUND: (u16, &str) = (404, "The order does not exist.");
const PAYMENT_IMPOSSIBLE: (u16, &str) =
    (409, "The order is paid, or can no longer be paid; or it does not allow this openid or discount.");
const ATTEMPT_IMPOSSIBLE: (u16, &str) =
    (409, "The order is paid or closed, or its merchant cannot learn of such an attempt: NATIVE and MWEB.");

/// Returns the reference to the order that a request selects by number and, optionally, merchant.
fn selected(call: &Call<'_>) -> Result<OrderRef, Problem> {
    let number: OutTradeNo = call.path.required("out_trade_no")?;
    Ok(match call.mchid()? {
        None => OrderRef::OutTradeNo(number),
        Some(mchid) => OrderRef::OfMerchant(mchid, number),
    })
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    let mchid = call.query.text("mchid");
    let orders = simulation.gateway.orders_after(call.query.text("after"), call.now.business);
    page(call, orders, |order| mchid.is_none_or(|mchid| mchid == order.mchid.as_str()))
}

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let order = simulation.gateway.order(&selected(call)?, call.now.business);
    record_or_problem(order.ok_or(PayError::NoSuchOrder))
}

fn pay(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let (order_ref, payer) = (selected(call)?, payer(call)?);
    let paid = simulation.gateway.pay(&order_ref, &payer, call.now.business);
    let paid = paid.map_err(Problem::from_payment_error)?;
    let response = ControlResponse::json(paid.order);
    Ok(ControlResponse { notifications_first: paid.notifications_first, ..response })
}

fn cancel(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    record_or_problem(simulation.gateway.cancel(&selected(call)?, call.now.business))
}

fn fail(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    record_or_problem(simulation.gateway.fail(&selected(call)?, fail_reason(&call.query), call.now.business))
}

fn refund(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let order_ref = selected(call)?;
    let amount = call.body.number("amount").map(Fen::new);
    let notify_url = call.body.text("notify_url").map(String::from);
    let refund = simulation.gateway.refund_by_platform(&order_ref, amount, notify_url, call.now.business);
    refund.map(ControlResponse::json).map_err(|error| match error {
        PlatformRefundError::NoSuchOrder => Problem::from_payment_error(PayError::NoSuchOrder),
        PlatformRefundError::OtherApiVersion
        | PlatformRefundError::NotPaid
        | PlatformRefundError::TooLate
        | PlatformRefundError::TooMuch
        | PlatformRefundError::TooMany => {
            Problem::conflict("the order cannot be refunded", &error.to_string())
        }
    })
}

fn record_or_problem(record: Result<OrderRecord, PayError>) -> Result<ControlResponse, Problem> {
    record.map(ControlResponse::json).map_err(Problem::from_payment_error)
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
