//! Routes of APIv3 refunds and their outcome.

use super::{
    Answer, Simulation,
    call::Call,
    field::{BY_MERCHANT, Kind, must},
    problem::Problem,
    records::order::REFUND,
    route::{Body, Room, Route},
    shape::{Record, Shape, always},
};
use crate::ledger::v3::{RefundRecord, RefundStatus};
use serde::Serialize;
use wxpay_proto::id::{MchId, OutRefundNo, OutTradeNo};

pub(super) const ROOM: Room = Room {
    name: "refunds",
    about: "APIv3 refunds. A refund takes some seconds and succeeds, unless another outcome is set.",
    routes: &[
        Route::get("refunds", "list_refunds", "Lists the refunds, order by order.", REFUNDS, list)
            .asking(BY_MERCHANT),
        Route::get(
            "refunds/{out_refund_no}",
            "show_refund",
            "Returns one refund.",
            Shape::Record(&OF_ORDER),
            show,
        )
        .asking(BY_MERCHANT)
        .or(&[NO_REFUND]),
        Route::post(
            "refunds/{out_refund_no}/outcome",
            "set_refund_outcome",
            "Sets the final state of a pending refund, which takes effect after the refund's duration.",
            Shape::Record(&OF_ORDER),
            decide,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Required(&[must(
            "outcome",
            Kind::OneOf(outcomes),
            "The final state; PROCESSING keeps the refund pending.",
        )]))
        .or(&[NO_REFUND, (409, "The refund is not PROCESSING.")]),
    ],
};

const NO_REFUND: (u16, &str) = (404, "The refund does not exist.");
pub(super) const REFUNDS: Shape = Shape::List(&Shape::Record(&OF_ORDER));
const OF_ORDER: Record = Record {
    name: "RefundOfOrder",
    about: "A refund and its order.",
    members: &[
        always("mchid", Shape::Text, "The merchant that placed the order."),
        always("out_trade_no", Shape::Text, "The merchant's order number."),
        always("refund", Shape::Record(&REFUND), "The refund."),
    ],
};

/// Every outcome: the states of a refund.
const OUTCOMES: [RefundStatus; 4] =
    [RefundStatus::Success, RefundStatus::Closed, RefundStatus::Abnormal, RefundStatus::Processing];

fn outcomes() -> Vec<&'static str> {
    OUTCOMES.map(RefundStatus::as_str).to_vec()
}

fn outcome(word: &str) -> Option<RefundStatus> {
    OUTCOMES.into_iter().find(|status| status.as_str() == word)
}

#[derive(Serialize)]
pub(super) struct OfOrder {
    mchid: MchId,
    out_trade_no: OutTradeNo,
    refund: RefundRecord,
}

/// Returns every refund.
pub(super) fn all(simulation: &Simulation, call: &Call<'_>) -> Vec<OfOrder> {
    let orders = simulation.gateway.transactions(call.now).into_iter();
    let refunds = orders.flat_map(|order| {
        let (mchid, out_trade_no) = (order.mchid, order.out_trade_no);
        order.refunds.into_iter().map(move |refund| OfOrder {
            mchid: mchid.clone(),
            out_trade_no: out_trade_no.clone(),
            refund,
        })
    });
    refunds.collect()
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let mchid = call.mchid()?;
    let mut refunds = all(simulation, call);
    refunds.retain(|refund| mchid.as_ref().is_none_or(|mchid| refund.mchid == *mchid));
    Ok(Answer::shown(refunds))
}

fn find(simulation: &Simulation, call: &Call<'_>) -> Result<OfOrder, Problem> {
    let (number, mchid): (OutRefundNo, _) = (call.path.named("out_refund_no")?, call.mchid()?);
    let is_meant = |refund: &OfOrder| {
        refund.refund.out_refund_no == number && mchid.as_ref().is_none_or(|mchid| refund.mchid == *mchid)
    };
    all(simulation, call).into_iter().find(is_meant).ok_or_else(|| Problem::unknown("refund"))
}

fn show(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    find(simulation, call).map(Answer::shown)
}

fn decide(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let outcome = call.body.text("outcome").and_then(outcome);
    let outcome = outcome.ok_or_else(|| Problem::missing_field("outcome"))?;
    let found = find(simulation, call)?;
    let number = &found.refund.out_refund_no;
    if let Some(refund) = simulation.gateway.refund_becomes(&found.mchid, number, outcome, call.now) {
        return Ok(Answer::shown(OfOrder { refund, ..found }));
    }
    let detail = format!("the refund is {}", found.refund.status.as_str());
    Err(Problem::conflict("the refund is not pending", &detail))
}
