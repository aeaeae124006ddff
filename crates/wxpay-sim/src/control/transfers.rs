//! Transfers to users: shown, confirmed, failed.

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
    about: "What merchants pay to users, and what the payees do.",
    routes: &[
        Route::get("transfers", "list_transfers", "The transfers, those to wallets of QQ among them.", TRANSFERS, list)
            .asking(BY_MERCHANT),
        Route::get("transfers/{out_bill_no}", "show_transfer", "One transfer.", TRANSFER, |simulation, call| {
            find(&mut simulation.gateway, call).map(Answer::shown)
        })
        .asking(BY_MERCHANT)
        .or(&[NO_TRANSFER]),
        Route::post(
            "transfers/{out_bill_no}/confirm",
            "confirm_transfer",
            "The payee confirms: the money is there, and what was asked for along with it is allowed.",
            TRANSFER,
            |simulation, call| decided(simulation, call, Gateway::confirm_transfer),
        )
        .asking(BY_MERCHANT)
        .or(&[NO_TRANSFER, NOT_NOW]),
        Route::post(
            "transfers/{out_bill_no}/fail",
            "fail_transfer",
            "The transfer fails when the payee confirms; one that needs nobody's confirmation, while it is ACCEPTED.",
            TRANSFER,
            fail,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Optional(MAY_SAY_WHY))
        .or(&[NO_TRANSFER, NOT_NOW]),
        Route::post(
            "transfers/{out_bill_no}/receipt/fail",
            "fail_receipt",
            "The receipt that is being made of a transfer cannot be made.",
            TRANSFER,
            fail_receipt,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Required(MUST_SAY_WHY))
        .or(&[NO_TRANSFER, (409, "No receipt of it is being made.")]),
    ],
};

const NO_TRANSFER: (u16, &str) = (404, "There is no such transfer.");
const NOT_NOW: (u16, &str) = (409, "The transfer does not stand where that can happen.");
/// A word of WeChat Pay's for why something failed.
const REASON: Kind = Kind::Text(1, 64, "0-9A-Z_");
const MAY_SAY_WHY: &[Field] = &[may("reason", REASON, "The fail_reason; PAYEE_ACCOUNT_ABNORMAL.")];
const MUST_SAY_WHY: &[Field] = &[must("reason", REASON, "The fail_reason.")];

pub(super) const TRANSFERS: Shape = Shape::List(&TRANSFER);
const TRANSFER: Shape = Shape::Record(&BILL);
const BILL: Record = Record {
    name: "Transfer",
    about: "A transfer to a user.",
    members: &[
        always("mchid", Shape::Text, "Who pays."),
        always("out_bill_no", Shape::Text, "The merchant's number."),
        always("transfer_bill_no", Shape::Text, "The gateway's number."),
        always(
            "way",
            Shape::Word(|| vec!["TO_CONFIRM", "TO_CONFIRM_AND_ALLOW", "ALLOWED", "QQ_WALLET"]),
            "How it gets to its payee.",
        ),
        always("appid", Shape::Text, "The app; for a wallet of QQ it may be one of QQ's."),
        always("openid", Shape::Text, "The payee, under the app."),
        always("transfer_amount", Shape::Fen, "How much."),
        always(
            "state",
            Shape::Word(|| {
                vec!["ACCEPTED", "WAIT_USER_CONFIRM", "SUCCESS", "FAIL", "CANCELING", "CANCELLED"]
            }),
            "Where it stands.",
        ),
        always("fail_reason", Shape::Maybe(&Shape::Text), "Why it failed."),
        always(
            "package_info",
            Shape::Maybe(&Shape::Text),
            "What the payee's side confirms it by, while it waits.",
        ),
        always(
            "out_authorization_no",
            Shape::Maybe(&Shape::Text),
            "What the payee allows or allowed with it.",
        ),
        always("receipt", Shape::Maybe(&Shape::Record(&RECEIPT)), "Its receipt, if one was asked for."),
        always("created_at", Shape::Seconds, "When it was made."),
        always("updated_at", Shape::Seconds, "When its state changed last."),
        always("notices", NOTIFICATIONS, "Its notices and how they were answered."),
    ],
};
const RECEIPT: Record = Record {
    name: "Receipt",
    about: "The receipt of a transfer.",
    members: &[
        always("state", Shape::Word(|| vec!["GENERATING", "FINISHED", "FAILED"]), "Where it stands."),
        always("fail_reason", Shape::Maybe(&Shape::Text), "Why it could not be made."),
        always("created_at", Shape::Seconds, "When it was asked for."),
        always("updated_at", Shape::Seconds, "When its state changed last."),
    ],
};

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let mchid = call.mchid()?;
    let mut transfers = simulation.gateway.transfers(call.now);
    transfers.retain(|transfer| mchid.as_ref().is_none_or(|mchid| transfer.mchid == *mchid));
    Ok(Answer::shown(transfers))
}

/// The transfer of that number; the first merchant's, unless it is said whose.
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
    Err(Problem::conflict("the transfer does not allow this now", &detail))
}
