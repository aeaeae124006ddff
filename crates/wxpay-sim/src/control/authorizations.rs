//! What payees allow merchants: shown, confirmed, turned down, ended.

use super::{
    Answer, Simulation,
    call::Call,
    field::{BY_MERCHANT, Kind, must},
    problem::Problem,
    records::notification::NOTIFICATIONS,
    route::{Body, Room, Route},
    shape::{Record, Shape, always},
};
use crate::{
    gateway::Gateway,
    ledger::v3::{AuthorizationRecord, CloseReason},
};
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutAuthorizationNo},
};

pub(super) const ROOM: Room = Room {
    name: "authorizations",
    about: "What payees allow: transfers without their confirmation.",
    routes: &[
        Route::get(
            "authorizations",
            "list_authorizations",
            "Everything that payees allow.",
            AUTHORIZATIONS,
            list,
        )
        .asking(BY_MERCHANT),
        Route::get(
            "authorizations/{out_authorization_no}",
            "show_authorization",
            "One of them.",
            AUTHORIZATION,
            |simulation, call| find(&mut simulation.gateway, call).map(Answer::shown),
        )
        .asking(BY_MERCHANT)
        .or(&[UNKNOWN]),
        Route::post(
            "authorizations/{out_authorization_no}/confirm",
            "confirm_authorization",
            "The payee allows it. What was asked for along with a transfer is allowed by confirming that.",
            AUTHORIZATION,
            |simulation, call| decided(simulation, call, Gateway::confirm_authorization),
        )
        .asking(BY_MERCHANT)
        .or(&[UNKNOWN, NOT_NOW]),
        Route::post(
            "authorizations/{out_authorization_no}/refuse",
            "refuse_authorization",
            "The payee turns it down, and nobody is told.",
            AUTHORIZATION,
            |simulation, call| decided(simulation, call, Gateway::refuse_authorization),
        )
        .asking(BY_MERCHANT)
        .or(&[UNKNOWN, NOT_NOW]),
        Route::post(
            "authorizations/{out_authorization_no}/close",
            "close_authorization",
            "What was in force ends, and the merchant is told.",
            AUTHORIZATION,
            close,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Required(&[must("reason", Kind::OneOf(reasons), "Why: the payee, or the platform.")]))
        .or(&[UNKNOWN, NOT_NOW]),
    ],
};

const UNKNOWN: (u16, &str) = (404, "There is no such authorization.");
const NOT_NOW: (u16, &str) = (409, "The authorization does not stand where that can happen.");

pub(super) const AUTHORIZATIONS: Shape = Shape::List(&AUTHORIZATION);
const AUTHORIZATION: Shape = Shape::Record(&RECORD);
const RECORD: Record = Record {
    name: "Authorization",
    about: "What a payee allows a merchant.",
    members: &[
        always("mchid", Shape::Text, "Who may pay."),
        always("out_authorization_no", Shape::Text, "The merchant's number."),
        always("authorization_id", Shape::Maybe(&Shape::Text), "The gateway's number, once it is confirmed."),
        always("appid", Shape::Text, "The app."),
        always("openid", Shape::Text, "The payee, under the app."),
        always("user_display_name", Shape::Text, "The name that the payee's account has at the merchant."),
        always("transfer_scene_id", Shape::Text, "The scene that it is for."),
        always("out_bill_no", Shape::Maybe(&Shape::Text), "The transfer that it was asked for along with."),
        always(
            "state",
            Shape::Word(|| vec!["WAIT_USER_CONFIRM", "TAKING_EFFECT", "CLOSED"]),
            "Where it stands.",
        ),
        always(
            "package_info",
            Shape::Maybe(&Shape::Text),
            "What the payee's side confirms it by, while it waits.",
        ),
        always("created_at", Shape::Seconds, "When it was asked for."),
        always("authorized_at", Shape::Maybe(&Shape::Seconds), "When the payee confirmed it."),
        always("closed_at", Shape::Maybe(&Shape::Seconds), "When it ended."),
        always("close_reason", Shape::Maybe(&Shape::Word(reasons)), "Why it ended."),
        always("notices", NOTIFICATIONS, "Its notices and how they were answered."),
    ],
};

fn reasons() -> Vec<&'static str> {
    let reasons = [
        CloseReason::CloseViaMchApi,
        CloseReason::UserClose,
        CloseReason::UserOverdueUnconfirmed,
        CloseReason::TransferRisk,
        CloseReason::UserAccountAbnormal,
    ];
    reasons.map(CloseReason::as_str).to_vec()
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let mchid = call.mchid()?;
    let mut authorizations = simulation.gateway.authorizations(call.now);
    authorizations.retain(|allowed| mchid.as_ref().is_none_or(|mchid| allowed.mchid == *mchid));
    Ok(Answer::shown(authorizations))
}

/// The authorization of that number; the first merchant's, unless it is said whose.
fn find(gateway: &mut Gateway, call: &Call<'_>) -> Result<AuthorizationRecord, Problem> {
    let (number, mchid): (OutAuthorizationNo, _) = (call.path.named("out_authorization_no")?, call.mchid()?);
    let found = if let Some(mchid) = mchid {
        gateway.authorization(&mchid, &number, call.now)
    } else {
        let mut all = gateway.authorizations(call.now).into_iter();
        all.find(|allowed| allowed.out_authorization_no == number)
    };
    found.ok_or_else(|| Problem::unknown("authorization"))
}

fn close(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let reason = call.body.text("reason").and_then(CloseReason::named);
    let reason = reason.ok_or_else(|| Problem::missing_field("reason"))?;
    decided(simulation, call, |gateway, mchid, number, now| {
        gateway.close_authorization(mchid, number, reason, now)
    })
}

fn decided(
    simulation: &mut Simulation,
    call: &Call<'_>,
    decide: impl FnOnce(&mut Gateway, &MchId, &OutAuthorizationNo, UnixTime) -> bool,
) -> Result<Answer, Problem> {
    let gateway = &mut simulation.gateway;
    let found = find(gateway, call)?;
    if decide(gateway, &found.mchid, &found.out_authorization_no, call.now) {
        let allowed = gateway.authorization(&found.mchid, &found.out_authorization_no, call.now);
        return allowed.map(Answer::shown).ok_or_else(|| Problem::unknown("authorization"));
    }
    let detail = format!("the authorization is {}", found.state.as_str());
    Err(Problem::conflict("the authorization does not allow this now", &detail))
}
