//! Routes of transfers to users.

use super::{
    Answer, Simulation,
    call::Call,
    field::{BY_MERCHANT, Field, Kind, may, must},
    problem::Problem,
    records::notification::NOTIFICATIONS,
    route::{Body, Room, Route},
    shape::{Record, Shape, always},
};
use crate::{gateway::Gateway, ledger::v3::TransferRecord};
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutBillNo},
};

pub(super) const ROOM: Room = Room {
    name: "transfers",
    about: "Transfers from merchants to users, and the payees' actions.",
    routes: &[
        Route::get(
            "transfers",
            "list_transfers",
            "Lists the transfers, including those to QQ wallets.",
            TRANSFERS,
            list,
        )
        .asking(BY_MERCHANT),
        Route::get(
            "transfers/{out_bill_no}",
            "show_transfer",
            "Returns one transfer.",
            TRANSFER,
            |simulation, call| find(&mut simulation.gateway, call).map(Answer::shown),
        )
        .asking(BY_MERCHANT)
        .or(&[NO_TRANSFER]),
        Route::post(
            "transfers/{out_bill_no}/confirm",
            "confirm_transfer",
            "Confirms the transfer as its payee. Also grants the authorization that was requested with it.",
            TRANSFER,
            |simulation, call| decided(simulation, call, Gateway::confirm_transfer),
        )
        .asking(BY_MERCHANT)
        .or(&[NO_TRANSFER, NOT_NOW]),
        Route::post(
            "transfers/{out_bill_no}/fail",
            "fail_transfer",
            "Makes a transfer fail that waits for confirmation, or that is ACCEPTED and needs none.",
            TRANSFER,
            fail,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Optional(MAY_SAY_WHY))
        .or(&[NO_TRANSFER, NOT_NOW]),
        Route::post(
            "transfers/{out_bill_no}/receipt/fail",
            "fail_receipt",
            "Makes the generation of the transfer's receipt fail.",
            TRANSFER,
            fail_receipt,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Required(MUST_SAY_WHY))
        .or(&[NO_TRANSFER, (409, "No receipt of the transfer is GENERATING.")]),
    ],
};

const NO_TRANSFER: (u16, &str) = (404, "The transfer does not exist.");
const NOT_NOW: (u16, &str) = (409, "The transfer's state does not allow this.");
/// WeChat Pay's code for the reason of a failure.
const REASON: Kind = Kind::Text(1, 64, "0-9A-Z_");
const MAY_SAY_WHY: &[Field] = &[may("reason", REASON, "The fail_reason. Default: PAYEE_ACCOUNT_ABNORMAL.")];
const MUST_SAY_WHY: &[Field] = &[must("reason", REASON, "The fail_reason.")];

pub(super) const TRANSFERS: Shape = Shape::List(&TRANSFER);
const TRANSFER: Shape = Shape::Record(&BILL);
const BILL: Record = Record {
    name: "Transfer",
    about: "A transfer to a user.",
    members: &[
        always("mchid", Shape::Text, "The merchant that pays."),
        always("out_bill_no", Shape::Text, "The merchant's transfer number."),
        always("transfer_bill_no", Shape::Text, "The gateway's transfer number."),
        always(
            "method",
            Shape::Word(|| vec!["USER_CONFIRM", "USER_CONFIRM_AND_AUTHORIZE", "AUTHORIZED", "QQ_WALLET"]),
            "The transfer method: by the payee's confirmation, with or without a new authorization; by \
             an existing authorization; or to a QQ wallet.",
        ),
        always("appid", Shape::Text, "The app; for a QQ wallet it may be an app of QQ."),
        always("openid", Shape::Text, "The payee's openid under the app."),
        always("transfer_amount", Shape::Fen, "The amount."),
        always(
            "state",
            Shape::Word(|| {
                vec!["ACCEPTED", "WAIT_USER_CONFIRM", "SUCCESS", "FAIL", "CANCELING", "CANCELLED"]
            }),
            "The state of the transfer.",
        ),
        always("fail_reason", Shape::Maybe(&Shape::Text), "The reason for FAIL."),
        always(
            "package_info",
            Shape::Maybe(&Shape::Text),
            "The parameter of the payee's confirmation page, while the confirmation is pending.",
        ),
        always(
            "out_authorization_no",
            Shape::Maybe(&Shape::Text),
            "The authorization that is requested with the transfer or that it uses.",
        ),
        always("receipt", Shape::Maybe(&Shape::Record(&RECEIPT)), "The receipt, if it was requested."),
        always("created_at", Shape::Seconds, "The time of the request."),
        always("updated_at", Shape::Seconds, "The time of the latest state change."),
        always("notifications", NOTIFICATIONS, "The notifications and their deliveries."),
    ],
};
const RECEIPT: Record = Record {
    name: "Receipt",
    about: "The receipt of a transfer.",
    members: &[
        always(
            "state",
            Shape::Word(|| vec!["GENERATING", "FINISHED", "FAILED"]),
            "The state of the receipt.",
        ),
        always("fail_reason", Shape::Maybe(&Shape::Text), "The reason for FAILED."),
        always("created_at", Shape::Seconds, "The time of the request."),
        always("updated_at", Shape::Seconds, "The time of the latest state change."),
    ],
};

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let mchid = call.mchid()?;
    let mut transfers = simulation.gateway.transfers(call.now);
    transfers.retain(|transfer| mchid.as_ref().is_none_or(|mchid| transfer.mchid == *mchid));
    Ok(Answer::shown(transfers))
}

/// Finds a transfer by its number. Without a merchant in the query, the first match is used.
fn find(gateway: &mut Gateway, call: &Call<'_>) -> Result<TransferRecord, Problem> {
    let (number, mchid): (OutBillNo, _) = (call.path.named("out_bill_no")?, call.mchid()?);
    let found = match mchid {
        Some(mchid) => gateway.transfer(&mchid, &number, call.now),
        None => gateway.transfers(call.now).into_iter().find(|transfer| transfer.out_bill_no == number),
    };
    found.ok_or_else(|| Problem::unknown("transfer"))
}

fn fail(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let reason = call.body.text("reason").unwrap_or("PAYEE_ACCOUNT_ABNORMAL");
    decided(simulation, call, |gateway, mchid, number, now| gateway.fail_transfer(mchid, number, reason, now))
}

fn fail_receipt(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let reason = call.body.text("reason").unwrap_or_default();
    decided(simulation, call, |gateway, mchid, number, now| gateway.fail_receipt(mchid, number, reason, now))
}

fn decided(
    simulation: &mut Simulation,
    call: &Call<'_>,
    decide: impl FnOnce(&mut Gateway, &MchId, &OutBillNo, UnixTime) -> bool,
) -> Result<Answer, Problem> {
    let gateway = &mut simulation.gateway;
    let found = find(gateway, call)?;
    if decide(gateway, &found.mchid, &found.out_bill_no, call.now) {
        let transfer = gateway.transfer(&found.mchid, &found.out_bill_no, call.now);
        return transfer.map(Answer::shown).ok_or_else(|| Problem::unknown("transfer"));
    }
    let detail = format!("the transfer is {}", found.state.as_str());
    Err(Problem::conflict("the transfer's state does not allow this", &detail))
}
