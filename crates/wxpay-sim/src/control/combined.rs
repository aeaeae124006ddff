//! Route of combined orders.

use super::{
    ControlResponse, Simulation, call::Call, field::MERCHANT_FILTER, problem::Problem,
    records::order::COMBINED, route::Route,
};
use crate::gateway::OrderRef;

pub(super) const ROUTE: Route = Route::get(
    "orders/{out_trade_no}/combined",
    "show_combined_order",
    "Returns the combined order that has this number, or that has a sub-order of this number.",
    COMBINED,
    show,
)
.with_query(MERCHANT_FILTER)
.with_problems(&[(404, "The order does not exist, or is not combined.")]);

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let number = call.path.required("out_trade_no")?;
    let order = match call.mchid()? {
        None => OrderRef::OutTradeNo(number),
        Some(mchid) => OrderRef::OfMerchant(mchid, number),
    };
    let combined = simulation.gateway.combined(&order, call.now.business);
    combined.map(ControlResponse::json).ok_or_else(|| Problem::not_found("combined order"))
}
