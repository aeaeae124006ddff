//! Routes of transfer authorizations: confirm, refuse, close.

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
    about: "Authorizations by which a payee allows transfers without confirmation.",
    routes: &[
        Route::get(
            "authorizations",
            "list_authorizations",
            "Lists the authorizations.",
            AUTHORIZATIONS,
            list,
        )
        .asking(BY_MERCHANT),
        Route::get(
            "authorizations/{out_authorization_no}",
            "show_authorization",
            "Returns one authorization.",
            AUTHORIZATION,
            |simulation, call| find(&mut simulation.gateway, call).map(Answer::shown),
        )
        .asking(BY_MERCHANT)
        .or(&[UNKNOWN]),
        Route::post(
            "authorizations/{out_authorization_no}/confirm",
            "confirm_authorization",
            "Grants the authorization as the payee. One that was requested with a transfer is granted by \
             confirming the transfer.",
            AUTHORIZATION,
            |simulation, call| decided(simulation, call, Gateway::confirm_authorization),
        )
        .asking(BY_MERCHANT)
        .or(&[UNKNOWN, NOT_NOW]),
        Route::post(
            "authorizations/{out_authorization_no}/refuse",
            "refuse_authorization",
            "Refuses the authorization as the payee. No notification is sent.",
            AUTHORIZATION,
            |simulation, call| decided(simulation, call, Gateway::refuse_authorization),
        )
        .asking(BY_MERCHANT)
        .or(&[UNKNOWN, NOT_NOW]),
        Route::post(
            "authorizations/{out_authorization_no}/close",
            "close_authorization",
            "Closes an authorization in force. A notification is sent to the merchant.",
            AUTHORIZATION,
            close,
        )
        .asking(BY_MERCHANT)
        .taking(Body::Required(&[must(
            "reason",
            Kind::OneOf(reasons),
            "The close_reason of the payee or the platform.",
        )]))
        .or(&[UNKNOWN, NOT_NOW]),
    ],
};

const UNKNOWN: (u16, &str) = (404, "The authorization does not exist.");
const NOT_NOW: (u16, &str) = (409, "The authorization's state does not allow this.");

pub(super) const AUTHORIZATIONS: Shape = Shape::List(&AUTHORIZATION);
const AUTHORIZATION: Shape = Shape::Record(&RECORD);
const RECORD: Record = Record {
    name: "Authorization",
    about: "An authorization that a payee grants to a merchant.",
    members: &[
        always("mchid", Shape::Text, "The merchant."),
        always("out_authorization_no", Shape::Text, "The merchant's authorization number."),
        always(
            "authorization_id",
            Shape::Maybe(&Shape::Text),
            "The gateway's number, once the payee confirmed.",
        ),
        always("appid", Shape::Text, "The app."),
        always("openid", Shape::Text, "The payee's openid under the app."),
        always("user_display_name", Shape::Text, "The display name of the payee's account at the merchant."),
        always("transfer_scene_id", Shape::Text, "The transfer scene."),
        always("out_bill_no", Shape::Maybe(&Shape::Text), "The transfer that it was requested with."),
        always(
            "state",
            Shape::Word(|| vec!["WAIT_USER_CONFIRM", "TAKING_EFFECT", "CLOSED"]),
            "The state of the authorization.",
        ),
        always(
            "package_info",
            Shape::Maybe(&Shape::Text),
            "The parameter of the payee's confirmation page, while the confirmation is pending.",
        ),
        always("created_at", Shape::Seconds, "The time of the request."),
        always("authorized_at", Shape::Maybe(&Shape::Seconds), "The time of the payee's confirmation."),
        always("closed_at", Shape::Maybe(&Shape::Seconds), "The time of the close."),
        always("close_reason", Shape::Maybe(&Shape::Word(reasons)), "The reason of the close."),
        always("notifications", NOTIFICATIONS, "The notifications and their deliveries."),
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

/// Finds an authorization by its number. Without a merchant in the query, the first match is used.
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
    Err(Problem::conflict("the authorization's state does not allow this", &detail))
}
