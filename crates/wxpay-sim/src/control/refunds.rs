//! Routes of refunds and their outcome.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{Kind, MERCHANT_FILTER, required},
    page::{BY_NUMBER, LINK, cursor, page},
    problem::Problem,
    records::order::REFUND,
    route::{Body, Route, RouteGroup},
    schema::{Record, Schema, required_member},
};
use crate::{
    ledger::{Order, Refund, RefundRecord, RefundStatus},
    merchant::Merchant,
};
use serde::Serialize;
use wxpay_proto::id::{MchId, OutRefundNo, OutTradeNo};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "refunds",
    description: "Refunds. A refund takes some seconds and succeeds, unless another outcome is set.",
    routes: &[
        Route::get(
            "refunds",
            "list_refunds",
            "Lists the refunds, merchant by merchant, in the order of their numbers.",
            REFUNDS,
            list,
        )
        .with_query(MERCHANT_FILTER)
        .paged(BY_NUMBER)
        .with_response_headers(LINK),
        Route::get(
            "refunds/{out_refund_no}",
            "show_refund",
            "Returns one refund.",
            Schema::Record(&REFUND_OF_ORDER),
            show,
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[REFUND_NOT_FOUND]),
        Route::post(
            "refunds/{out_refund_no}/outcome",
            "set_refund_outcome",
            "Sets the final state of a pending refund, which takes effect after the refund's duration.",
            Schema::Record(&REFUND_OF_ORDER),
            set_outcome,
        )
        .with_query(MERCHANT_FILTER)
        .with_body(Body::Required(&[required(
            "outcome",
            Kind::Enum(outcomes),
            "The final state; PROCESSING keeps the refund pending.",
        )]))
        .with_problems(&[REFUND_NOT_FOUND, (409, "The refund is not PROCESSING.")]),
    ],
};

const REFUND_NOT_FOUND: (u16, &str) = (404, "The refund does not exist.");
pub(super) const REFUNDS: Schema = Schema::List(&Schema::Record(&REFUND_OF_ORDER));
const REFUND_OF_ORDER: Record = Record {
    name: "RefundOfOrder",
    description: "A refund and its order.",
    members: &[
        required_member("mchid", Schema::Text, "The merchant that placed the order."),
        required_member("out_trade_no", Schema::Text, "The merchant's order number."),
        required_member("refund", Schema::Record(&REFUND), "The refund."),
    ],
};

/// Every outcome: the states of a refund.
const OUTCOMES: [RefundStatus; 4] =
    [RefundStatus::Success, RefundStatus::Closed, RefundStatus::Abnormal, RefundStatus::Processing];

fn outcomes() -> Vec<&'static str> {
    OUTCOMES.map(RefundStatus::as_str).to_vec()
}

fn outcome(name: &str) -> Option<RefundStatus> {
    OUTCOMES.into_iter().find(|status| status.as_str() == name)
}

#[derive(Serialize)]
pub(super) struct RefundOfOrder {
    mchid: MchId,
    out_trade_no: OutTradeNo,
    refund: RefundRecord,
}

impl RefundOfOrder {
    fn of(order: &Order, refund: &Refund) -> Self {
        let (mchid, out_trade_no) = order.key();
        Self { mchid, out_trade_no, refund: refund.record.clone() }
    }
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let mchid = call.mchid()?;
    let refunds = simulation.gateway.ledger.refunds_after(cursor(call));
    let refunds = refunds.map(|(order, refund)| {
        let cursor = format!("{}/{}", order.mchid(), refund.record.out_refund_no);
        (cursor, RefundOfOrder::of(order, refund))
    });
    Ok(page(call, refunds, |refund| mchid.as_ref().is_none_or(|mchid| refund.mchid == *mchid)))
}

/// Finds a refund by its number. Without a merchant in the query, that of the first merchant is used.
fn find(simulation: &Simulation, call: &Call<'_>) -> Result<RefundOfOrder, Problem> {
    let (number, mchid): (OutRefundNo, _) = (call.path.required("out_refund_no")?, call.mchid()?);
    let gateway = &simulation.gateway;
    let mut merchants = gateway.merchants().map(Merchant::mchid);
    let order = match &mchid {
        Some(mchid) => gateway.ledger.order_by_refund(mchid, &number),
        None => merchants.find_map(|mchid| gateway.ledger.order_by_refund(mchid, &number)),
    };
    let refund = order.and_then(|order| Some(RefundOfOrder::of(order, order.refund(&number)?)));
    refund.ok_or_else(|| Problem::not_found("refund"))
}

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    find(simulation, call).map(ControlResponse::json)
}

fn set_outcome(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let outcome = call.body.text("outcome").and_then(outcome);
    let outcome = outcome.ok_or_else(|| Problem::missing_field("outcome"))?;
    let found = find(simulation, call)?;
    let number = &found.refund.out_refund_no;
    if let Some(refund) =
        simulation.gateway.set_refund_outcome(&found.mchid, number, outcome, call.now.business)
    {
        return Ok(ControlResponse::json(RefundOfOrder { refund, ..found }));
    }
    let detail = format!("the refund is {}", found.refund.status.as_str());
    Err(Problem::conflict("the refund is not pending", &detail))
}
