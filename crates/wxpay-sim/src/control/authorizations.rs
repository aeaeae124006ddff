//! Routes of transfer authorizations: confirm, refuse, close.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{Kind, MERCHANT_FILTER, required},
    page::{BY_SHORT_NUMBER, LINK, cursor, page},
    problem::Problem,
    records::notification::NOTIFICATIONS,
    route::{Body, Route, RouteGroup},
    schema::{Record, SECONDS, Schema, required_member},
};
use crate::{
    gateway::Gateway,
    ledger::{AuthorizationRecord, CloseReason},
};
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutAuthorizationNo},
};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "authorizations",
    description: "Authorizations by which a payee allows transfers without confirmation.",
    routes: &[
        Route::get(
            "authorizations",
            "list_authorizations",
            "Lists the authorizations.",
            AUTHORIZATIONS,
            list,
        )
        .with_query(MERCHANT_FILTER)
        .paged(BY_SHORT_NUMBER)
        .with_response_headers(LINK),
        Route::get(
            "authorizations/{out_authorization_no}",
            "show_authorization",
            "Returns one authorization.",
            AUTHORIZATION,
            |simulation, call| find(&simulation.gateway, call).map(ControlResponse::json),
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[AUTHORIZATION_NOT_FOUND]),
        Route::post(
            "authorizations/{out_authorization_no}/confirm",
            "confirm_authorization",
            "Grants the authorization as the payee. One that was requested with a transfer is granted by \
             confirming the transfer.",
            AUTHORIZATION,
            |simulation, call| apply(simulation, call, Gateway::confirm_authorization),
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[AUTHORIZATION_NOT_FOUND, WRONG_STATE]),
        Route::post(
            "authorizations/{out_authorization_no}/refuse",
            "refuse_authorization",
            "Refuses the authorization as the payee. No notification is sent.",
            AUTHORIZATION,
            |simulation, call| apply(simulation, call, Gateway::refuse_authorization),
        )
        .with_query(MERCHANT_FILTER)
        .with_problems(&[AUTHORIZATION_NOT_FOUND, WRONG_STATE]),
        Route::post(
            "authorizations/{out_authorization_no}/close",
            "close_authorization",
            "Closes an authorization in force. A notification is sent to the merchant.",
            AUTHORIZATION,
            close,
        )
        .with_query(MERCHANT_FILTER)
        .with_body(Body::Required(&[required(
            "reason",
            Kind::Enum(close_reasons),
            "The close_reason of the payee or the platform.",
        )]))
        .with_problems(&[AUTHORIZATION_NOT_FOUND, WRONG_STATE]),
    ],
};

const AUTHORIZATION_NOT_FOUND: (u16, &str) = (404, "The authorization does not exist.");
const WRONG_STATE: (u16, &str) = (409, "The authorization's state does not allow this.");

pub(super) const AUTHORIZATIONS: Schema = Schema::List(&AUTHORIZATION);
const AUTHORIZATION: Schema = Schema::Record(&AUTHORIZATION_RECORD);
const AUTHORIZATION_RECORD: Record = Record {
    name: "Authorization",
    description: "An authorization that a payee grants to a merchant.",
    members: &[
        required_member("mchid", Schema::Text, "The merchant."),
        required_member("out_authorization_no", Schema::Text, "The merchant's authorization number."),
        required_member(
            "authorization_id",
            Schema::Nullable(&Schema::Text),
            "The gateway's number, once the payee confirmed.",
        ),
        required_member("appid", Schema::Text, "The app."),
        required_member("openid", Schema::Text, "The payee's openid under the app."),
        required_member(
            "user_display_name",
            Schema::Text,
            "The display name of the payee's account at the merchant.",
        ),
        required_member("transfer_scene_id", Schema::Text, "The transfer scene."),
        required_member(
            "out_bill_no",
            Schema::Nullable(&Schema::Text),
            "The transfer that it was requested with.",
        ),
        required_member(
            "state",
            Schema::Enum(|| vec!["WAIT_USER_CONFIRM", "TAKING_EFFECT", "CLOSED"]),
            "The state of the authorization.",
        ),
        required_member(
            "package_info",
            Schema::Nullable(&Schema::Text),
            "The parameter of the payee's confirmation page, while the confirmation is pending.",
        ),
        required_member("created_at", SECONDS, "The time of the request."),
        required_member("authorized_at", Schema::Nullable(&SECONDS), "The time of the payee's confirmation."),
        required_member("closed_at", Schema::Nullable(&SECONDS), "The time of the close."),
        required_member(
            "close_reason",
            Schema::Nullable(&Schema::Enum(close_reasons)),
            "The reason of the close.",
        ),
        required_member("notifications", NOTIFICATIONS, "The notifications and their deliveries."),
    ],
};

fn close_reasons() -> Vec<&'static str> {
    let close_reasons = [
        CloseReason::CloseViaMchApi,
        CloseReason::UserClose,
        CloseReason::UserOverdueUnconfirmed,
        CloseReason::TransferRisk,
        CloseReason::UserAccountAbnormal,
    ];
    close_reasons.map(CloseReason::as_str).to_vec()
}

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let mchid = call.mchid()?;
    let authorizations = simulation.gateway.authorizations_after(cursor(call));
    Ok(page(call, authorizations, |one| mchid.as_ref().is_none_or(|mchid| one.mchid == *mchid)))
}

/// Finds an authorization by its number. Without a merchant in the query, that of the first merchant is used.
fn find(gateway: &Gateway, call: &Call<'_>) -> Result<AuthorizationRecord, Problem> {
    let (number, mchid): (OutAuthorizationNo, _) =
        (call.path.required("out_authorization_no")?, call.mchid()?);
    let found = match mchid {
        Some(mchid) => gateway.recorded_authorization(&mchid, &number),
        None => gateway.merchants().find_map(|one| gateway.recorded_authorization(one.mchid(), &number)),
    };
    found.ok_or_else(|| Problem::not_found("authorization"))
}

fn close(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let reason = call.body.text("reason").and_then(CloseReason::from_name);
    let reason = reason.ok_or_else(|| Problem::missing_field("reason"))?;
    apply(simulation, call, |gateway, mchid, number, now| {
        gateway.close_authorization(mchid, number, reason, now)
    })
}

fn apply(
    simulation: &mut Simulation,
    call: &Call<'_>,
    change: impl FnOnce(&mut Gateway, &MchId, &OutAuthorizationNo, UnixTime) -> bool,
) -> Result<ControlResponse, Problem> {
    let gateway = &mut simulation.gateway;
    let found = find(gateway, call)?;
    if change(gateway, &found.mchid, &found.out_authorization_no, call.now.business) {
        let authorization =
            gateway.authorization(&found.mchid, &found.out_authorization_no, call.now.business);
        return authorization.map(ControlResponse::json).ok_or_else(|| Problem::not_found("authorization"));
    }
    let detail = format!("the authorization is {}", found.state.as_str());
    Err(Problem::conflict("the authorization's state does not allow this", &detail))
}
