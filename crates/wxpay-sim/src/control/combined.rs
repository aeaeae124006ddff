//! Route of combined orders.

use super::{
    Answer, Simulation, call::Call, field::BY_MERCHANT, problem::Problem, records::order::COMBINED,
    route::Route,
};
use crate::gateway::Named;

pub(super) const ROUTE: Route = Route::get(
    "orders/{out_trade_no}/combined",
    "show_combined_order",
    "Returns the combined order that has this number, or that has a sub-order of this number.",
    COMBINED,
    show,
)
.asking(BY_MERCHANT)
.or(&[(404, "The order does not exist, or is not combined.")]);

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let number = call.path.named("out_trade_no")?;
    let named = match call.mchid()? {
        None => Named::OutTradeNo(number),
        Some(mchid) => Named::Of(mchid, number),
    };
    let whole = simulation.gateway.combined(&named, call.now);
    whole.map(Answer::shown).ok_or_else(|| Problem::unknown("combined order"))
}
