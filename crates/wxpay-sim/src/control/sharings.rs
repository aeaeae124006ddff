//! Routes of profit sharing: requests, receivers, returns, and their failures.

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
    name: "profitsharing",
    about: "Profit sharing. Amounts and returns take some seconds and succeed, unless a failure is set.",
    routes: &[
        Route::get(
            "profitsharing",
            "list_profitsharing",
            "Lists the profit-sharing requests and the returns of each.",
            SHARINGS,
            list,
        )
        .asking(BY_MERCHANT),
        Route::get(
            "profitsharing/{out_order_no}",
            "show_profitsharing",
            "Returns one profit-sharing request.",
            SHARING,
            |simulation, call| find(simulation, call).map(Answer::shown),
        )
        .asking(BY_MERCHANT)
        .or(&[NO_SHARING]),
        Route::post(
            "profitsharing/{out_order_no}/close_receiver",
            "close_profitsharing_receiver",
            "Makes a receiver's pending amount end as CLOSED.",
            SHARING,
            close_part,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Required(&[
            must("account", Kind::Text(1, 64, ""), "The receiver's account."),
            must("reason", Kind::OneOf(part_failures), "The fail_reason."),
        ]))
        .or(&[NO_SHARING, (409, "The account has no PENDING amount, or its failure is set already.")]),
        Route::post(
            "profitsharing/{out_order_no}/fail_return",
            "fail_profitsharing_return",
            "Makes a pending return end as FAILED.",
            SHARING,
            fail_return,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Required(&[
            must("out_return_no", Kind::Text(1, 64, super::field::NUMBER), "The merchant's return number."),
            must("reason", Kind::OneOf(return_failures), "The fail_reason."),
        ]))
        .or(&[NO_SHARING, (409, "No return with that number is PROCESSING.")]),
        Route::get(
            "receivers",
            "list_receivers",
            "Lists the profit-sharing receivers.",
            RECEIVERS,
            |simulation, _| Ok(Answer::shown(simulation.gateway.receivers().collect::<Vec<_>>())),
        ),
    ],
};

const NO_SHARING: (u16, &str) = (404, "The profit-sharing request does not exist.");
pub(super) const SHARINGS: Shape = Shape::List(&SHARING);
const SHARING: Shape = Shape::Record(&RECORD);
const RECORD: Record = Record {
    name: "ProfitSharing",
    about: "A profit-sharing request, or an unfreeze.",
    members: &[
        always("out_order_no", Shape::Text, "The merchant's profit-sharing number."),
        always("order_id", Shape::Text, "The gateway's profit-sharing number."),
        always("mchid", Shape::Text, "The merchant that sent the request."),
        always("sub_mchid", Shape::Maybe(&Shape::Text), "The sub-merchant that received the payment."),
        always("out_trade_no", Shape::Text, "The order of the payment."),
        always("transaction_id", Shape::Maybe(&Shape::Text), "The payment."),
        always("state", Shape::Word(|| vec!["PROCESSING", "FINISHED"]), "The state of the request."),
        always("is_last", Shape::Truth, "True if no further amount of the payment can be shared."),
        always("receivers", Shape::List(&Shape::Record(&PART)), "The amounts, receiver by receiver."),
        always("returns", Shape::List(&Shape::Record(&RETURN)), "The returns, finished or pending."),
        always("created_at", Shape::Seconds, "The time of the request."),
    ],
};
const PART: Record = Record {
    name: "ReceiverAmount",
    about: "The amount of one receiver.",
    members: &[
        always("type", RECEIVER_TYPE, "The type of the receiver."),
        always("account", Shape::Text, "The receiver's account: an mchid or an openid."),
        always("amount", Shape::Fen, "The amount."),
        always("description", Shape::Text, "The merchant's description."),
        always("detail_id", Shape::Text, "The gateway's number."),
        always("result", Shape::Word(|| vec!["PENDING", "SUCCESS", "CLOSED"]), "The result."),
        always("fail_reason", Shape::Maybe(&Shape::Word(part_failures)), "The reason for CLOSED."),
        always("finished_at", Shape::Maybe(&Shape::Seconds), "The time of the final result."),
    ],
};
const RETURN: Record = Record {
    name: "ProfitSharingReturn",
    about: "A return: an amount that a receiver pays back.",
    members: &[
        always("out_return_no", Shape::Text, "The merchant's return number."),
        always("return_id", Shape::Text, "The gateway's return number."),
        always("out_order_no", Shape::Text, "The merchant's profit-sharing number."),
        always("return_mchid", Shape::Text, "The merchant that pays the amount back."),
        always("amount", Shape::Fen, "The amount."),
        always("description", Shape::Text, "The merchant's description."),
        always("result", Shape::Word(|| vec!["PROCESSING", "SUCCESS", "FAILED"]), "The result."),
        always("fail_reason", Shape::Maybe(&Shape::Word(return_failures)), "The reason for FAILED."),
        always("created_at", Shape::Seconds, "The time of the request."),
        always("finished_at", Shape::Maybe(&Shape::Seconds), "The time of the final result."),
    ],
};
pub(super) const RECEIVERS: Shape = Shape::List(&Shape::Record(&RECEIVER));
const RECEIVER: Record = Record {
    name: "Receiver",
    about: "A profit-sharing receiver that a merchant added.",
    members: &[
        always("mchid", Shape::Text, "The merchant that added the receiver."),
        always(
            "sub_mchid",
            Shape::Maybe(&Shape::Text),
            "The sub-merchant whose payments may be shared with the receiver.",
        ),
        always("type", RECEIVER_TYPE, "The type of the receiver."),
        always("account", Shape::Text, "The receiver's account: an mchid or an openid."),
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

/// Finds a profit-sharing request by its number. Without a merchant in the query, the first match is used.
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
    let detail = "the account has no PENDING amount, or its failure is set already";
    closed.map(Answer::shown).ok_or_else(|| Problem::conflict("the receiver cannot be closed", detail))
}

fn fail_return(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let (number, word) = (call.body.text("out_return_no").unwrap_or_default(), call.body.text("reason"));
    let reason = ReturnFailure::ALL.into_iter().find(|reason| word == Some(reason.as_str()));
    let reason = reason.ok_or_else(|| Problem::missing_field("reason"))?;
    let found = find(simulation, call)?;
    let is_of_it = found.returns.iter().any(|back| back.out_return_no == number);
    let gateway = &mut simulation.gateway;
    if !is_of_it || gateway.fail_return(&found.mchid, number, reason, call.now).is_none() {
        let detail = "no return with that number is PROCESSING";
        return Err(Problem::conflict("the return cannot fail", detail));
    }
    find(simulation, call).map(Answer::shown)
}
