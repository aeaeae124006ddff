//! Routes of profit sharing: requests, receivers, returns, and their failures.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{Kind, MERCHANT_FILTER, required},
    page::{BY_NUMBER, BY_RECEIVER, LINK, cursor, page},
    problem::Problem,
    route::{Body, Route, RouteGroup},
    schema::{Record, SECONDS, Schema, required_member},
};
use crate::ledger::{ReturnFailure, SharingDetailFailure, SharingRecord};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "profitsharing",
    description: "Profit sharing. Amounts and returns take some seconds and succeed, unless a failure is set.",
    routes: &[
        Route::get(
            "profitsharing",
            "list_profitsharing",
            "Lists the profit-sharing requests and the returns of each.",
            SHARINGS,
            list,
        )
        .with_query(MERCHANT_FILTER)
        .paged(BY_NUMBER)
        .with_response_headers(LINK),
        Route::get(
            "profitsharing/{out_order_no}",
            "show_profitsharing",
            "Returns one profit-sharing request.",
            SHARING,
            |simulation, call| find(simulation, call).map(ControlResponse::json),
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[PROFITSHARING_NOT_FOUND]),
        Route::post(
            "profitsharing/{out_order_no}/close_receiver",
            "close_profitsharing_receiver",
            "Makes a receiver's pending amount end as CLOSED.",
            SHARING,
            close_receiver,
        )
        .with_query(MERCHANT_FILTER)
        .with_body(Body::Required(&[
            required("account", Kind::Text(1, 64, ""), "The receiver's account."),
            required("reason", Kind::Enum(receiver_failures), "The fail_reason."),
        ]))
        .with_problems(&[
            PROFITSHARING_NOT_FOUND,
            (409, "The account has no PENDING amount, or its failure is set already."),
        ]),
        Route::post(
            "profitsharing/{out_order_no}/fail_return",
            "fail_profitsharing_return",
            "Makes a pending return end as FAILED.",
            SHARING,
            fail_return,
        )
        .with_query(MERCHANT_FILTER)
        .with_body(Body::Required(&[
            required(
                "out_return_no",
                Kind::Text(1, 64, super::field::NUMBER),
                "The merchant's return number.",
            ),
            required("reason", Kind::Enum(return_failures), "The fail_reason."),
        ]))
        .with_problems(&[PROFITSHARING_NOT_FOUND, (409, "No return with that number is PROCESSING.")]),
        Route::get(
            "receivers",
            "list_receivers",
            "Lists the profit-sharing receivers.",
            RECEIVERS,
            |simulation, call| {
                let after = call.query.text("after");
                Ok(page(call, simulation.gateway.receivers_after(after), |_| true))
            },
        )
        .paged(BY_RECEIVER)
        .with_response_headers(LINK),
    ],
};

const PROFITSHARING_NOT_FOUND: (u16, &str) = (404, "The profit-sharing request does not exist.");
pub(super) const SHARINGS: Schema = Schema::List(&SHARING);
const SHARING: Schema = Schema::Record(&RECORD);
const RECORD: Record = Record {
    name: "ProfitSharing",
    description: "A profit-sharing request, or an unfreeze.",
    members: &[
        required_member("out_order_no", Schema::Text, "The merchant's profit-sharing number."),
        required_member("order_id", Schema::Text, "The gateway's profit-sharing number."),
        required_member("mchid", Schema::Text, "The merchant that sent the request."),
        required_member(
            "sub_mchid",
            Schema::Nullable(&Schema::Text),
            "The sub-merchant that received the payment.",
        ),
        required_member("out_trade_no", Schema::Text, "The order of the payment."),
        required_member("transaction_id", Schema::Nullable(&Schema::Text), "The payment."),
        required_member(
            "state",
            Schema::Enum(|| vec!["PROCESSING", "FINISHED"]),
            "The state of the request.",
        ),
        required_member(
            "is_last",
            Schema::Boolean,
            "True if no further amount of the payment can be shared.",
        ),
        required_member(
            "receivers",
            Schema::List(&Schema::Record(&RECEIVER_AMOUNT)),
            "The amounts, receiver by receiver.",
        ),
        required_member(
            "returns",
            Schema::List(&Schema::Record(&RETURN)),
            "The returns, finished or pending.",
        ),
        required_member("created_at", SECONDS, "The time of the request."),
    ],
};
const RECEIVER_AMOUNT: Record = Record {
    name: "ReceiverAmount",
    description: "The amount of one receiver.",
    members: &[
        required_member("type", RECEIVER_TYPE, "The type of the receiver."),
        required_member("account", Schema::Text, "The receiver's account: an mchid or an openid."),
        required_member("amount", Schema::Fen, "The amount."),
        required_member("description", Schema::Text, "The merchant's description."),
        required_member("detail_id", Schema::Text, "The gateway's number."),
        required_member("result", Schema::Enum(|| vec!["PENDING", "SUCCESS", "CLOSED"]), "The result."),
        required_member(
            "fail_reason",
            Schema::Nullable(&Schema::Enum(receiver_failures)),
            "The reason for CLOSED.",
        ),
        required_member("finished_at", Schema::Nullable(&SECONDS), "The time of the final result."),
    ],
};
const RETURN: Record = Record {
    name: "ProfitSharingReturn",
    description: "A return: an amount that a receiver pays back.",
    members: &[
        required_member("out_return_no", Schema::Text, "The merchant's return number."),
        required_member("return_id", Schema::Text, "The gateway's return number."),
        required_member("out_order_no", Schema::Text, "The merchant's profit-sharing number."),
        required_member("return_mchid", Schema::Text, "The merchant that pays the amount back."),
        required_member("amount", Schema::Fen, "The amount."),
        required_member("description", Schema::Text, "The merchant's description."),
        required_member("result", Schema::Enum(|| vec!["PROCESSING", "SUCCESS", "FAILED"]), "The result."),
        required_member(
            "fail_reason",
            Schema::Nullable(&Schema::Enum(return_failures)),
            "The reason for FAILED.",
        ),
        required_member("created_at", SECONDS, "The time of the request."),
        required_member("finished_at", Schema::Nullable(&SECONDS), "The time of the final result."),
    ],
};
pub(super) const RECEIVERS: Schema = Schema::List(&Schema::Record(&RECEIVER));
const RECEIVER: Record = Record {
    name: "Receiver",
    description: "A profit-sharing receiver that a merchant added.",
    members: &[
        required_member("mchid", Schema::Text, "The merchant that added the receiver."),
        required_member(
            "sub_mchid",
            Schema::Nullable(&Schema::Text),
            "The sub-merchant whose payments may be shared with the receiver.",
        ),
        required_member("type", RECEIVER_TYPE, "The type of the receiver."),
        required_member("account", Schema::Text, "The receiver's account: an mchid or an openid."),
    ],
};
const RECEIVER_TYPE: Schema = Schema::Enum(|| vec!["MERCHANT_ID", "PERSONAL_OPENID", "PERSONAL_SUB_OPENID"]);

fn receiver_failures() -> Vec<&'static str> {
    SharingDetailFailure::ALL.map(SharingDetailFailure::as_str).to_vec()
}

fn return_failures() -> Vec<&'static str> {
    ReturnFailure::ALL.map(ReturnFailure::as_str).to_vec()
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let mchid = call.mchid()?;
    let sharings = simulation.gateway.sharings_after(cursor(call));
    Ok(page(call, sharings, |sharing| mchid.as_ref().is_none_or(|mchid| sharing.mchid == *mchid)))
}

/// Finds a profit-sharing request by its number. Without a merchant in the query, that of the first merchant is used.
fn find(simulation: &mut Simulation, call: &Call<'_>) -> Result<SharingRecord, Problem> {
    let (number, mchid) = (call.path.text("out_order_no").unwrap_or_default(), call.mchid()?);
    let gateway = &simulation.gateway;
    let found = match mchid {
        Some(mchid) => gateway.recorded_sharing(&mchid, number),
        None => gateway.merchants().find_map(|one| gateway.recorded_sharing(one.mchid(), number)),
    };
    found.ok_or_else(|| Problem::not_found("profit-sharing request"))
}

fn close_receiver(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let (account, name) = (call.body.text("account").unwrap_or_default(), call.body.text("reason"));
    let reason = SharingDetailFailure::ALL.into_iter().find(|reason| name == Some(reason.as_str()));
    let reason = reason.ok_or_else(|| Problem::missing_field("reason"))?;
    let found = find(simulation, call)?;
    let gateway = &mut simulation.gateway;
    let closed =
        gateway.close_receiver_amount(&found.mchid, &found.out_order_no, account, reason, call.now.business);
    let detail = "the account has no PENDING amount, or its failure is set already";
    closed
        .map(ControlResponse::json)
        .ok_or_else(|| Problem::conflict("the receiver cannot be closed", detail))
}

fn fail_return(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let (number, name) = (call.body.text("out_return_no").unwrap_or_default(), call.body.text("reason"));
    let reason = ReturnFailure::ALL.into_iter().find(|reason| name == Some(reason.as_str()));
    let reason = reason.ok_or_else(|| Problem::missing_field("reason"))?;
    let found = find(simulation, call)?;
    let belongs_to_request = found.returns.iter().any(|returned| returned.out_return_no == number);
    let gateway = &mut simulation.gateway;
    if !belongs_to_request || gateway.fail_return(&found.mchid, number, reason, call.now.business).is_none() {
        let detail = "no return with that number is PROCESSING";
        return Err(Problem::conflict("the return cannot fail", detail));
    }
    find(simulation, call).map(ControlResponse::json)
}
