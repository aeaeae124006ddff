//! Orders of both generations: shown, paid, gone back from, failed.

use super::{
    Answer, Simulation,
    call::Call,
    combined,
    field::{DIGITS, Field, Kind, VISIBLE, may},
    problem::Problem,
    route::{Body, Room, Route},
    shape::{Member, Record, Shape, always},
};
use crate::{
    gateway::{CannotPay, Gateway, Named, Payer, Tapped},
    ledger::{OrderRecord, v3::TransactionRecord},
};
use serde_json::Value;
use wxpay_proto::{Fen, UnixTime, id::OutTradeNo};

pub(super) const ROOM: Room = Room {
    name: "orders",
    about: "Orders of both generations, and what their payers do.",
    routes: &[
        Route::get("orders", "list_orders", "The orders, the first generation's before.", ORDERS, |simulation, call| Ok(list(simulation, call)))
            .asking(BY_MERCHANT),
        Route::get("orders/{out_trade_no}", "show_order", "The gateway's own record of an order.", ORDER, show)
            .asking(BY_MERCHANT)
            .or(&[NO_ORDER]),
        Route::post("orders/{out_trade_no}/pay", "pay_order", "The payer pays.", ORDER, pay)
            .asking(BY_MERCHANT)
            .taking(Body::Optional(PAYER))
            .or(&[NO_ORDER, (409, "The order is paid, or cannot be paid any more.")]),
        Route::post(
            "orders/{out_trade_no}/cancel",
            "cancel_order",
            "The payer goes back without paying. An order of the third generation stays as it is.",
            ORDER,
            cancel,
        )
        .asking(BY_MERCHANT)
        .or(&[NO_ORDER]),
        Route::post(
            "orders/{out_trade_no}/fail",
            "fail_order",
            "The payment fails, as for want of money. A code pay that waits for its password becomes PAYERROR; other \
             orders of the third generation stay as they are.",
            ORDER,
            fail,
        )
        .asking(BY_MERCHANT)
        .or(&[NO_ORDER]),
        combined::ROUTE,
    ],
};

pub(super) const MCHID: Field = may(
    "mchid",
    Kind::Text(1, 32, DIGITS),
    "Whose: the merchant's number; in the first generation its partner. The first that has one, if it is not said.",
);
pub(super) const BY_MERCHANT: &[Field] = &[MCHID];
const PAYER: &[Field] = &[
    may("openid", Kind::Text(1, 128, VISIBLE), "Who pays; the gateway's one payer unless it is said."),
    may("discount", Kind::Number(0, u64::MAX), "So many fen a coupon adds; at least 1 is left to pay."),
    may(
        "bank_type",
        Kind::Text(1, 16, "0-9A-Za-z_"),
        "The payer's bank. In the first generation 0 is the balance.",
    ),
];
pub(super) const NO_ORDER: (u16, &str) = (404, "There is no such order.");

pub(super) const ORDERS: Shape = Shape::List(&ORDER);
pub(super) const ORDER: Shape = Shape::Either(&[Shape::Record(&FIRST), Shape::Record(&THIRD)]);

static FIRST: Record = Record {
    name: "Order",
    about: "An order of the first generation.",
    members: &[
        always("out_trade_no", Shape::Text, "The merchant's number."),
        always("partner", Shape::Text, "The merchant."),
        always("appid", Shape::Text, "The app."),
        always("state", Shape::Word(|| vec!["ORDERED", "PAID", "EXPIRED"]), "Where it stands."),
        always("total_fee", Shape::Fen, "What is to be paid, by the latest genprepay."),
        always("body", Shape::Text, "What is bought."),
        always("attach", Shape::Maybe(&Shape::Text), "The merchant's own remark."),
        always("prepays", Shape::List(&Shape::Record(&PREPAY)), "Each genprepay that succeeded."),
        always("payments", Shape::List(&Shape::Record(&FIRST_PAYMENT)), "Each payment."),
        always("refusals", Shape::List(&Shape::Record(&REFUSAL)), "What the payer did besides paying."),
        always("deliveries", Shape::List(&Shape::Record(&DELIVERY)), "Each delivernotify that was accepted."),
        always("notices", super::notices::NOTICES, "The notices and how they were answered."),
    ],
};
static PREPAY: Record = Record {
    name: "Prepay",
    about: "One genprepay.",
    members: &[
        always("prepayid", Shape::Text, "What it was answered with."),
        always("total_fee", Shape::Fen, "What it asks the payer for."),
        always(
            "spbill_create_ip",
            Shape::Text,
            "The address of the payer's device, as the merchant gave it.",
        ),
        CREATED_AT,
        EXPIRES_AT,
    ],
};
static FIRST_PAYMENT: Record = Record {
    name: "OrderPayment",
    about: "One payment of the first generation.",
    members: &[
        always("transaction_id", Shape::Text, "The gateway's number."),
        always("prepayid", Shape::Text, "By which prepayid."),
        always("openid", Shape::Text, "The payer."),
        always("total_fee", Shape::Fen, "What the payer paid."),
        always("discount", Shape::Fen, "What the gateway added; both together are the ordered amount."),
        always("bank_type", Shape::Text, "The payer's bank; 0 for balance."),
        always("bank_billno", Shape::Maybe(&Shape::Text), "The bank's number; none for balance."),
        always("time_end", Shape::Seconds, "When."),
    ],
};
static REFUSAL: Record = Record {
    name: "Refusal",
    about: "A tap that led to no payment.",
    members: &[
        always("at", Shape::Seconds, "When."),
        always("outcome", Shape::Word(|| vec!["cancelled", "failed"]), "What happened."),
    ],
};
static DELIVERY: Record = Record {
    name: "Delivernotify",
    about: "A delivery that the merchant told of.",
    members: &[
        always("at", Shape::Seconds, "When it came."),
        always("transid", Shape::Text, "What was delivered."),
        always("delivered", Shape::Truth, "Whether it was: deliver_status 1."),
        always("deliver_msg", Shape::Text, "The reason, or ok."),
    ],
};

pub(super) const TRADE_TYPE: Shape = Shape::Word(|| vec!["JSAPI", "APP", "NATIVE", "MWEB", "MICROPAY"]);
pub(super) static THIRD: Record = Record {
    name: "Transaction",
    about: "An order of the third generation.",
    members: &[
        always("out_trade_no", Shape::Text, "The merchant's number."),
        always("mchid", Shape::Text, "Who placed it."),
        always("sub_mchid", Shape::Maybe(&Shape::Text), "The sub-merchant that it was placed for."),
        always(
            "sub_appid",
            Shape::Maybe(&Shape::Text),
            "That sub-merchant's own app, if the order names one.",
        ),
        always(
            "combine_out_trade_no",
            Shape::Maybe(&Shape::Text),
            "The combined order that it is a part of.",
        ),
        always("appid", Shape::Text, "The app."),
        always("trade_type", TRADE_TYPE, "How it is paid."),
        always(
            "trade_state",
            Shape::Word(|| {
                vec!["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"]
            }),
            "Where it stands.",
        ),
        always("total", Shape::Fen, "What is to be paid."),
        always("description", Shape::Text, "What is bought."),
        always("attach", Shape::Maybe(&Shape::Text), "The merchant's own remark."),
        always(
            "handle",
            Shape::Maybe(&Shape::Text),
            "Its name on the phone: a prepay_id, a code_url, an h5_url.",
        ),
        CREATED_AT,
        EXPIRES_AT,
        always("payments", Shape::List(&Shape::Record(&PAYMENT)), "Each payment."),
        always("refunds", Shape::List(&Shape::Record(&REFUND)), "Each refund."),
        always("notices", super::notices::NOTICES, "The notices and how they were answered."),
    ],
};
static PAYMENT: Record = Record {
    name: "TransactionPayment",
    about: "One payment of the third generation.",
    members: &[
        always("transaction_id", Shape::Text, "The gateway's number."),
        always("openid", Shape::Text, "The payer, under the app of whoever placed the order."),
        always("sub_openid", Shape::Maybe(&Shape::Text), "The same payer under the sub-merchant's app."),
        always("payer_total", Shape::Fen, "What the payer paid."),
        always("discount", Shape::Fen, "What a coupon added; both together are the ordered amount."),
        always("coupon_id", Shape::Maybe(&Shape::Text), "The number of that coupon."),
        always("bank_type", Shape::Text, "The payer's bank."),
        always("success_at", Shape::Seconds, "When."),
    ],
};
pub(super) static REFUND: Record = Record {
    name: "Refund",
    about: "One refund of the third generation.",
    members: &[
        always("refund_id", Shape::Text, "The gateway's number."),
        always("out_refund_no", Shape::Text, "The merchant's number."),
        always(
            "status",
            Shape::Word(|| vec!["PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL"]),
            "Where it stands.",
        ),
        always("refund", Shape::Fen, "What is given back in all."),
        always("payer_refund", Shape::Fen, "What of it the payer gets; the rest goes back to the coupon."),
        CREATED_AT,
        always("success_at", Shape::Maybe(&Shape::Seconds), "When it succeeded."),
    ],
};

const CREATED_AT: Member = always("created_at", Shape::Seconds, "When it was asked for.");
const EXPIRES_AT: Member = always("expires_at", Shape::Seconds, "Until when it can be paid.");

/// Which order a call is about, by its number and whoever's it is.
enum Meant {
    First(OrderRecord),
    Third(Named, TransactionRecord),
}

impl Meant {
    /// The order of that number: one of the first generation before one of the third, unless the merchant is said.
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

/// Every order, or every one of a merchant's, the first generation's before.
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
            Ok(Answer { notices_first: paid.notices_first, ..Answer::shown(paid.order) })
        }
        Meant::Third(named, _) => {
            let paid = gateway.pay_transaction(&named, &payer, call.now).map_err(Problem::cannot)?;
            Ok(Answer { notices_first: paid.notices_first, ..Answer::shown(paid.transaction) })
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

/// The latest genprepay of an order.
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
