//! Shared payments: shown, parts closed, returns failed.

use super::{
    Answer, Simulation,
    call::Call,
    field::{BY_MERCHANT, Kind, must},
    problem::Problem,
    route::{Body, Room, Route},
    shape::{Record, Shape, always},
};
use crate::ledger::v3::{PartFailure, ReturnFailure, SharingRecord};

pub(super) const ROOM: Room = Room {
    name: "sharings",
    about: "Payments that were shared. Parts and returns take some seconds and succeed, unless another fate is decided.",
    routes: &[
        Route::get(
            "sharings",
            "list_sharings",
            "The sharings, and what was given back of each.",
            SHARINGS,
            list,
        )
        .asking(BY_MERCHANT),
        Route::get("sharings/{out_order_no}", "show_sharing", "One sharing.", SHARING, |simulation, call| {
            find(simulation, call).map(Answer::shown)
        })
        .asking(BY_MERCHANT)
        .or(&[NO_SHARING]),
        Route::post(
            "sharings/{out_order_no}/close_part",
            "close_part",
            "Decides that a part that is on its way will be CLOSED.",
            SHARING,
            close_part,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Required(&[
            must("account", Kind::Text(1, 64, ""), "Whose part."),
            must("reason", Kind::OneOf(part_failures), "Why."),
        ]))
        .or(&[NO_SHARING, (409, "No part of that account is on its way.")]),
        Route::post(
            "sharings/{out_order_no}/fail_return",
            "fail_return",
            "Decides that a return that is on its way will be FAILED.",
            SHARING,
            fail_return,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Required(&[
            must("out_return_no", Kind::Text(1, 64, super::field::NUMBER), "Which return."),
            must("reason", Kind::OneOf(return_failures), "Why."),
        ]))
        .or(&[NO_SHARING, (409, "No return of that number is on its way.")]),
        Route::get(
            "receivers",
            "list_receivers",
            "Everybody who may get a part.",
            RECEIVERS,
            |simulation, _| Ok(Answer::shown(simulation.gateway.receivers().collect::<Vec<_>>())),
        ),
    ],
};

const NO_SHARING: (u16, &str) = (404, "There is no such sharing.");
pub(super) const SHARINGS: Shape = Shape::List(&SHARING);
const SHARING: Shape = Shape::Record(&RECORD);
const RECORD: Record = Record {
    name: "Sharing",
    about: "A sharing, or what was unfrozen.",
    members: &[
        always("out_order_no", Shape::Text, "The merchant's number."),
        always("order_id", Shape::Text, "The gateway's number."),
        always("mchid", Shape::Text, "Who asked for it."),
        always("sub_mchid", Shape::Maybe(&Shape::Text), "The sub-merchant whose payment it is."),
        always("out_trade_no", Shape::Text, "The payment's order."),
        always("transaction_id", Shape::Maybe(&Shape::Text), "The payment."),
        always("state", Shape::Word(|| vec!["PROCESSING", "FINISHED"]), "Where it stands."),
        always("is_last", Shape::Truth, "Whether nothing more of the payment can be shared."),
        always("receivers", Shape::List(&Shape::Record(&PART)), "The parts."),
        always("returns", Shape::List(&Shape::Record(&RETURN)), "What was given back, or is about to be."),
        always("created_at", Shape::Seconds, "When it was asked for."),
    ],
};
const PART: Record = Record {
    name: "Part",
    about: "What one receiver gets.",
    members: &[
        always("type", RECEIVER_TYPE, "What kind of receiver."),
        always("account", Shape::Text, "A merchant's number or a person's openid."),
        always("amount", Shape::Fen, "How much."),
        always("description", Shape::Text, "What for."),
        always("detail_id", Shape::Text, "The gateway's number."),
        always("result", Shape::Word(|| vec!["PENDING", "SUCCESS", "CLOSED"]), "Where it stands."),
        always("fail_reason", Shape::Maybe(&Shape::Word(part_failures)), "Why it was closed."),
        always("finished_at", Shape::Maybe(&Shape::Seconds), "When it was over."),
    ],
};
const RETURN: Record = Record {
    name: "Return",
    about: "What a receiver gives back.",
    members: &[
        always("out_return_no", Shape::Text, "The merchant's number."),
        always("return_id", Shape::Text, "The gateway's number."),
        always("out_order_no", Shape::Text, "The merchant's number of the sharing."),
        always("return_mchid", Shape::Text, "Who gives it back."),
        always("amount", Shape::Fen, "How much."),
        always("description", Shape::Text, "Why."),
        always("result", Shape::Word(|| vec!["PROCESSING", "SUCCESS", "FAILED"]), "Where it stands."),
        always("fail_reason", Shape::Maybe(&Shape::Word(return_failures)), "Why it failed."),
        always("created_at", Shape::Seconds, "When it was asked for."),
        always("finished_at", Shape::Maybe(&Shape::Seconds), "When it was over."),
    ],
};
pub(super) const RECEIVERS: Shape = Shape::List(&Shape::Record(&RECEIVER));
const RECEIVER: Record = Record {
    name: "Receiver",
    about: "Somebody who may get a part.",
    members: &[
        always("mchid", Shape::Text, "Who added them."),
        always(
            "sub_mchid",
            Shape::Maybe(&Shape::Text),
            "The sub-merchant whose payments they may get a part of.",
        ),
        always("type", RECEIVER_TYPE, "What kind of receiver."),
        always("account", Shape::Text, "A merchant's number or a person's openid."),
    ],
};
const RECEIVER_TYPE: Shape = Shape::Word(|| vec!["MERCHANT_ID", "PERSONAL_OPENID", "PERSONAL_SUB_OPENID"]);

fn part_failures() -> Vec<&'static str> {
    PartFailure::ALL.map(PartFailure::as_str).to_vec()
}

fn return_failures() -> Vec<&'static str> {
    ReturnFailure::ALL.map(ReturnFailure::as_str).to_vec()
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let mchid = call.mchid()?;
    let mut sharings = simulation.gateway.sharings(call.now);
    sharings.retain(|sharing| mchid.as_ref().is_none_or(|mchid| sharing.mchid == *mchid));
    Ok(Answer::shown(sharings))
}

/// The sharing of that number; the first merchant's, unless it is said whose.
fn find(simulation: &mut Simulation, call: &Call<'_>) -> Result<SharingRecord, Problem> {
    let (number, mchid) = (call.path.text("out_order_no").unwrap_or_default(), call.mchid()?);
    let gateway = &mut simulation.gateway;
    let found = match mchid {
        Some(mchid) => gateway.sharing(&mchid, number, call.now),
        None => gateway.sharings(call.now).into_iter().find(|sharing| sharing.out_order_no == number),
    };
    found.ok_or_else(|| Problem::unknown("sharing"))
}

fn close_part(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let (account, word) = (call.body.text("account").unwrap_or_default(), call.body.text("reason"));
    let reason = PartFailure::ALL.into_iter().find(|reason| word == Some(reason.as_str()));
    let reason = reason.ok_or_else(|| Problem::missing_field("reason"))?;
    let found = find(simulation, call)?;
    let gateway = &mut simulation.gateway;
    let closed = gateway.close_part(&found.mchid, &found.out_order_no, account, reason, call.now);
    let detail = "no part of that account is on its way, or its fate is decided";
    closed.map(Answer::shown).ok_or_else(|| Problem::conflict("the part cannot be closed", detail))
}

fn fail_return(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let (number, word) = (call.body.text("out_return_no").unwrap_or_default(), call.body.text("reason"));
    let reason = ReturnFailure::ALL.into_iter().find(|reason| word == Some(reason.as_str()));
    let reason = reason.ok_or_else(|| Problem::missing_field("reason"))?;
    let found = find(simulation, call)?;
    let is_of_it = found.returns.iter().any(|back| back.out_return_no == number);
    let gateway = &mut simulation.gateway;
    if !is_of_it || gateway.fail_return(&found.mchid, number, reason, call.now).is_none() {
        let detail = "no return of that number is on its way";
        return Err(Problem::conflict("the return cannot fail", detail));
    }
    find(simulation, call).map(Answer::shown)
}
