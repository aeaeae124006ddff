//! Routes of transfers to users.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{Field, Kind, MERCHANT_FILTER, optional, required},
    page::{BY_SHORT_NUMBER, LINK, cursor, page},
    problem::Problem,
    records::notification::NOTIFICATIONS,
    route::{Body, Route, RouteGroup},
    schema::{Record, SECONDS, Schema, required_member},
};
use crate::{gateway::Gateway, ledger::TransferRecord};
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutBillNo},
};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "transfers",
    description: "Transfers from merchants to users, and the payees' actions.",
    routes: &[
        Route::get(
            "transfers",
            "list_transfers",
            "Lists the transfers, including those to QQ wallets.",
            TRANSFERS,
            list,
        )
        .with_query(MERCHANT_FILTER)
        .paged(BY_SHORT_NUMBER).with_response_headers(LINK),
        Route::get(
            "transfers/{out_bill_no}",
            "show_transfer",
            "Returns one transfer.",
            TRANSFER,
            |simulation, call| find(&simulation.gateway, call).map(ControlResponse::json),
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[TRANSFER_NOT_FOUND]),
        Route::post(
            "transfers/{out_bill_no}/confirm",
            "confirm_transfer",
            "Confirms the transfer as its payee. Also grants the authorization that was requested with it.",
            TRANSFER,
            |simulation, call| apply(simulation, call, Gateway::confirm_transfer),
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[TRANSFER_NOT_FOUND, WRONG_STATE]),
        Route::post(
            "transfers/{out_bill_no}/fail",
            "fail_transfer",
            "Makes the transfer fail while it waits for confirmation, or while it is ACCEPTED and needs none.",
            TRANSFER,
            fail,
        )
        .with_query(MERCHANT_FILTER)
        .with_body(Body::Optional(OPTIONAL_REASON))
        .with_problems(&[TRANSFER_NOT_FOUND, WRONG_STATE]),
        Route::post(
            "transfers/{out_bill_no}/receipt/fail",
            "fail_receipt",
            "Makes the pending receipt of the transfer fail.",
            TRANSFER,
            fail_receipt,
        )
        .with_query(MERCHANT_FILTER)
        .with_body(Body::Required(REQUIRED_REASON))
        .with_problems(&[TRANSFER_NOT_FOUND, (409, "No receipt of the transfer is GENERATING.")]),
    ],
};

const TRANSFER_NOT_FOUND: (u16, &str) = (404, "The transfer does not exist.");
const WRONG_STATE: (u16, &str) = (409, "The transfer's state does not allow this.");
/// WeChat Pay's code for the reason of a failure.
const REASON: Kind = Kind::Text(1, 64, "0-9A-Z_");
const OPTIONAL_REASON: &[Field] =
    &[optional("reason", REASON, "The fail_reason. Default: PAYEE_ACCOUNT_ABNORMAL.")];
const REQUIRED_REASON: &[Field] = &[required("reason", REASON, "The fail_reason.")];

pub(super) const TRANSFERS: Schema = Schema::List(&TRANSFER);
const TRANSFER: Schema = Schema::Record(&TRANSFER_RECORD);
const TRANSFER_RECORD: Record = Record {
    name: "Transfer",
    description: "A transfer to a user.",
    members: &[
        required_member("mchid", Schema::Text, "The merchant that pays."),
        required_member("out_bill_no", Schema::Text, "The merchant's transfer number."),
        required_member("transfer_bill_no", Schema::Text, "The gateway's transfer number."),
        required_member(
            "method",
            Schema::Enum(|| vec!["USER_CONFIRM", "USER_CONFIRM_AND_AUTHORIZE", "AUTHORIZED", "QQ_WALLET"]),
            "The transfer method: by the payee's confirmation, with or without a new authorization; by \
             an existing authorization; or to a QQ wallet.",
        ),
        required_member("appid", Schema::Text, "The app; for a QQ wallet it may be an app of QQ."),
        required_member("openid", Schema::Text, "The payee's openid under the app."),
        required_member("transfer_amount", Schema::Fen, "The amount."),
        required_member(
            "state",
            Schema::Enum(|| {
                vec!["ACCEPTED", "WAIT_USER_CONFIRM", "SUCCESS", "FAIL", "CANCELING", "CANCELLED"]
            }),
            "The state of the transfer.",
        ),
        required_member("fail_reason", Schema::Nullable(&Schema::Text), "The reason for FAIL."),
        required_member(
            "package_info",
            Schema::Nullable(&Schema::Text),
            "The parameter of the payee's confirmation page, while the confirmation is pending.",
        ),
        required_member(
            "out_authorization_no",
            Schema::Nullable(&Schema::Text),
            "The authorization that is requested with the transfer or that it uses.",
        ),
        required_member(
            "receipt",
            Schema::Nullable(&Schema::Record(&RECEIPT)),
            "The receipt, if it was requested.",
        ),
        required_member("created_at", SECONDS, "The time of the request."),
        required_member("updated_at", SECONDS, "The time of the latest state change."),
        required_member("notifications", NOTIFICATIONS, "The notifications and their deliveries."),
    ],
};
const RECEIPT: Record = Record {
    name: "Receipt",
    description: "The receipt of a transfer.",
    members: &[
        required_member(
            "state",
            Schema::Enum(|| vec!["GENERATING", "FINISHED", "FAILED"]),
            "The state of the receipt.",
        ),
        required_member("fail_reason", Schema::Nullable(&Schema::Text), "The reason for FAILED."),
        required_member("created_at", SECONDS, "The time of the request."),
        required_member("updated_at", SECONDS, "The time of the latest state change."),
    ],
};

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let mchid = call.mchid()?;
    let transfers = simulation.gateway.transfers_after(cursor(call));
    Ok(page(call, transfers, |transfer| mchid.as_ref().is_none_or(|mchid| transfer.mchid == *mchid)))
}

/// Finds a transfer by its number. Without a merchant in the query, that of the first merchant is used.
fn find(gateway: &Gateway, call: &Call<'_>) -> Result<TransferRecord, Problem> {
    let (number, mchid): (OutBillNo, _) = (call.path.required("out_bill_no")?, call.mchid()?);
    let found = match mchid {
        Some(mchid) => gateway.recorded_transfer(&mchid, &number),
        None => gateway.merchants().find_map(|one| gateway.recorded_transfer(one.mchid(), &number)),
    };
    found.ok_or_else(|| Problem::not_found("transfer"))
}

fn fail(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let reason = call.body.text("reason").unwrap_or("PAYEE_ACCOUNT_ABNORMAL");
    apply(simulation, call, |gateway, mchid, number, now| gateway.fail_transfer(mchid, number, reason, now))
}

fn fail_receipt(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let reason = call.body.text("reason").unwrap_or_default();
    apply(simulation, call, |gateway, mchid, number, now| gateway.fail_receipt(mchid, number, reason, now))
}

fn apply(
    simulation: &mut Simulation,
    call: &Call<'_>,
    change: impl FnOnce(&mut Gateway, &MchId, &OutBillNo, UnixTime) -> bool,
) -> Result<ControlResponse, Problem> {
    let gateway = &mut simulation.gateway;
    let found = find(gateway, call)?;
    if change(gateway, &found.mchid, &found.out_bill_no, call.now.business) {
        let transfer = gateway.transfer(&found.mchid, &found.out_bill_no, call.now.business);
        return transfer.map(ControlResponse::json).ok_or_else(|| Problem::not_found("transfer"));
    }
    let detail = format!("the transfer is {}", found.state.as_str());
    Err(Problem::conflict("the transfer's state does not allow this", &detail))
}
