//! Combined orders: the whole that an order is a part of.

use super::{
    Answer, Simulation,
    call::Call,
    notices::NOTICES,
    orders::{BY_MERCHANT, THIRD, TRADE_TYPE},
    problem::Problem,
    route::Route,
    shape::{Record, Shape, always},
};
use crate::gateway::Named;

pub(super) const ROUTE: Route = Route::get(
    "orders/{out_trade_no}/combined",
    "show_combined_order",
    "The combined order that has this number, or has a part of this number.",
    Shape::Record(&RECORD),
    show,
)
.asking(BY_MERCHANT)
.or(&[(404, "There is no such order, or it is not combined.")]);

static RECORD: Record = Record {
    name: "CombinedOrder",
    about: "Orders of several merchants that are paid at once.",
    members: &[
        always("combine_out_trade_no", Shape::Text, "The number of the whole."),
        always("combine_mchid", Shape::Text, "Who placed it."),
        always("combine_appid", Shape::Text, "The app."),
        always("trade_type", TRADE_TYPE, "How it is paid."),
        always("handle", Shape::Text, "The name of the whole on the phone."),
        always("combine_transaction_id", Shape::Maybe(&Shape::Text), "The gateway's number of the payment."),
        always("created_at", Shape::Seconds, "When it was placed."),
        always("expires_at", Shape::Seconds, "Until when it can be paid."),
        always("sub_orders", Shape::List(&Shape::Record(&THIRD)), "Each merchant's order."),
        always("notices", NOTICES, "The notices of the whole and how they were answered."),
    ],
};

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let number = call.path.named("out_trade_no")?;
    let named = match call.mchid()? {
        None => Named::OutTradeNo(number),
        Some(mchid) => Named::Of(mchid, number),
    };
    let whole = simulation.gateway.combined(&named, call.now);
    whole.map(Answer::shown).ok_or_else(|| Problem::unknown("combined order"))
}
