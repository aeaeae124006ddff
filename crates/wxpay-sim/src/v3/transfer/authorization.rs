//! Authorizations: a payee allows transfers without confirming each. Apply, query, close.

use super::{APPID, PERCEPTION, SCENE, package_info, payee_openid, schedule, with_optional};
use crate::{
    gateway::Gateway,
    ledger::{Authorization, AuthorizationState, CloseReason, Scope},
    time,
    v3::{
        call::Call,
        errors::{self, Refusal},
        fields::{Alphabet, Field, Kind, bytes, optional, required, text},
        notification::Event,
        operation::Operation,
        party,
        reply::{Reply, to_json},
    },
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use wxpay_proto::{UnixTime, id::MchId};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post(
        "v3.transfer.authorization.apply",
        "/v3/fund-app/mch-transfer/user-confirm-authorization",
        FIELDS,
        apply,
    )
    .calls_per_second(50),
    Operation::get(
        "v3.transfer.authorization.query",
        "/v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}",
        query,
    )
    .with_query(&[optional("is_display_authorization", "是否展示用户授权信息", Kind::OneOf(&["true", "false"]))])
    .calls_per_second(100),
    Operation::post_without_body(
        "v3.transfer.authorization.close",
        "/v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}/close",
        close,
    )
    .calls_per_second(50),
];

pub(super) const OUT_AUTHORIZATION_NO: Field =
    required("out_authorization_no", "商户侧授权单号", Kind::Text(bytes(1, 32), Alphabet::Alphanumeric));
pub(super) const DISPLAY_NAME: Field = required("user_display_name", "用户展示名称", text(32));
const FIELDS: &[Field] = &[
    OUT_AUTHORIZATION_NO,
    APPID,
    super::OPENID,
    SCENE,
    DISPLAY_NAME,
    PERCEPTION,
    required("authorization_notify_url", "授权结果通知地址", Kind::Url),
    optional(
        "scene_info",
        "场景信息",
        Kind::Object(&[
            optional("client_ip", "用户终端IP", text(45)),
            optional("device_id", "用户设备ID", text(128)),
            optional("device_type", "用户设备类型", Kind::OneOf(&["IOS", "ANDROID", "HARMONY", "OTHER"])),
        ]),
    ),
];

/// The time for which an unconfirmed authorization can be queried after its closing.
const UNCONFIRMED_TTL: Duration = Duration::from_secs(30 * 86_400);

/// Requests an authorization from a payee, or finds the existing request.
fn apply(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let appid = party::caller_app(gateway, call, call.text("/appid"))?;
    let text = |pointer| call.text(pointer).map(String::from).unwrap_or_default();
    let number = text("/out_authorization_no").parse();
    let number = number.map_err(|_| errors::PARAM_ERROR.with_message("out_authorization_no格式错误"))?;
    let scope = Scope { appid, openid: payee_openid(call)?, transfer_scene_id: text("/transfer_scene_id") };
    let authorizations = &gateway.ledger.transfers.authorizations;
    // A repeated request is answered before the check below, in which its own authorization would count.
    if let Some(authorization) = authorizations.get(&call.mchid, &text("/out_authorization_no")) {
        return existing(authorization, call);
    }
    let open_states = [AuthorizationState::WaitUserConfirm, AuthorizationState::TakingEffect];
    if open_states.into_iter().any(|state| authorizations.has_state(&call.mchid, &scope, state)) {
        let message = "用户在当前场景下的授权数量达到限制，不支持发起授权";
        return Err(errors::INVALID_REQUEST.with_message(message));
    }
    let authorization = Authorization {
        mchid: call.mchid.clone(),
        out_authorization_no: number,
        authorization_id: None,
        scope,
        user_display_name: text("/user_display_name"),
        user_recv_perception: call.text("/user_recv_perception").map(String::from),
        notify_url: text("/authorization_notify_url"),
        request: call.body.clone(),
        out_bill_no: None,
        request_serial: call.wechatpay_serial.clone(),
        package_info: package_info(gateway),
        state: AuthorizationState::WaitUserConfirm,
        created_at: call.now,
        authorized_at: None,
        closed: None,
    };
    let reply = created_reply(&authorization);
    let at = call.now.after(gateway.settings().v3.transfer_confirm_window);
    gateway.ledger.transfers.authorizations.add(authorization);
    schedule(gateway, at, &call.mchid, &text("/out_authorization_no"), |gateway, mchid, number, now| {
        close_if(gateway, mchid, number, AuthorizationState::WaitUserConfirm, UNCONFIRMED, now);
    });
    Ok(reply)
}

/// Returns the reply to a repeated request, while the authorization can be confirmed.
fn existing(authorization: &Authorization, call: &Call) -> Result<Reply, Refusal> {
    if authorization.request != call.body {
        return Err(errors::REENTRY_MISMATCH
            .with_reason("out_authorization_no belongs to an authorization with different parameters"));
    }
    match authorization.state {
        AuthorizationState::WaitUserConfirm => Ok(created_reply(authorization)),
        AuthorizationState::TakingEffect => Err(errors::INVALID_REQUEST.with_message("该授权单号已完成授权")),
        AuthorizationState::Closed => {
            Err(errors::INVALID_REQUEST.with_message("该授权单号已关闭，请更换单号"))
        }
    }
}

fn created_reply(authorization: &Authorization) -> Reply {
    Reply::json(&json!({
        "out_authorization_no": authorization.out_authorization_no,
        "state": authorization.state.as_str(),
        "create_time": time::rfc3339(authorization.created_at),
        "package_info": authorization.package_info,
    }))
}

fn query(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let authorization = find_by_path(gateway, call)?;
    let is_expired =
        |(at, reason): (UnixTime, _)| reason == UNCONFIRMED && call.now.since(at) > UNCONFIRMED_TTL;
    if authorization.closed.is_some_and(is_expired) {
        return Err(not_found());
    }
    let display = call.query("is_display_authorization") == Some("true")
        && authorization.state != AuthorizationState::Closed;
    let package_info = display.then(|| authorization.package_info.clone());
    Ok(Reply::json(&with_optional(authorization_value(authorization), &[("package_info", package_info)])))
}

/// Closes an authorization. A repeated request returns the same reply.
fn close(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let authorization = find_by_path(gateway, call)?;
    let state = authorization.state;
    if authorization.closed.is_some_and(|(_, reason)| reason != CloseReason::CloseViaMchApi) {
        return Err(errors::INVALID_REQUEST.with_message("当前授权状态不支持解除"));
    }
    if state != AuthorizationState::Closed {
        let number = call.path("out_authorization_no");
        close_if(gateway, &call.mchid, number, state, CloseReason::CloseViaMchApi, call.now);
    }
    find_by_path(gateway, call).map(|authorization| Reply::json(&authorization_value(authorization)))
}

/// Finds the authorization named in the path.
fn find_by_path<'a>(gateway: &'a Gateway, call: &Call) -> Result<&'a Authorization, Refusal> {
    let number = call.path("out_authorization_no");
    gateway.ledger.transfers.authorizations.get(&call.mchid, number).ok_or_else(not_found)
}

fn not_found() -> Refusal {
    errors::NOT_FOUND.with_reason("the merchant has no such authorization")
}

/// Finds the authorization of a transfer by either number. If both are given, they must name the same authorization.
pub(super) fn find_authorization<'a>(
    gateway: &'a Gateway,
    call: &Call,
) -> Result<&'a Authorization, Refusal> {
    let authorizations = &gateway.ledger.transfers.authorizations;
    let (id, number) = (call.text("/authorization_id"), call.text("/out_authorization_no"));
    if id.is_none() && number.is_none() {
        let message = "authorization_id与out_authorization_no至少填一个";
        return Err(errors::PARAM_ERROR.with_message(message));
    }
    let missing = || errors::INVALID_REQUEST.with_message("免确认收款授权不存在");
    let by_id = id.map(|id| authorizations.by_id(&call.mchid, id).ok_or_else(missing)).transpose()?;
    let by_number =
        number.map(|number| authorizations.get(&call.mchid, number).ok_or_else(missing)).transpose()?;
    match (by_id, by_number) {
        (Some(one), Some(other)) if one.out_authorization_no != other.out_authorization_no => {
            Err(errors::INVALID_REQUEST.with_message("authorization_id与out_authorization_no不一致"))
        }
        (Some(authorization), _) | (None, Some(authorization)) => Ok(authorization),
        (None, None) => Err(missing()),
    }
}

/// Builds the reply to queries and close requests.
fn authorization_value(authorization: &Authorization) -> Value {
    let value = with_optional(
        notification_content(authorization),
        &[
            ("transfer_scene_id", Some(authorization.scope.transfer_scene_id.clone())),
            ("user_recv_perception", authorization.user_recv_perception.clone()),
        ],
    );
    with_optional(value, &[("create_time", Some(time::rfc3339(authorization.created_at)))])
}

/// Builds the content of the notifications.
fn notification_content(authorization: &Authorization) -> Value {
    let mut value = json!({
        "out_authorization_no": authorization.out_authorization_no,
        "appid": authorization.scope.appid,
        "openid": authorization.scope.openid.as_str(),
        "user_display_name": authorization.user_display_name,
        "state": authorization.state.as_str(),
    });
    if let (Some((at, reason)), Some(members)) = (authorization.closed, value.as_object_mut()) {
        let info = json!({ "close_time": time::rfc3339(at), "close_reason": reason.as_str() });
        members.insert("close_info".into(), info);
    }
    let id = authorization.authorization_id.as_ref().map(ToString::to_string);
    with_optional(
        value,
        &[("authorization_id", id), ("authorize_time", authorization.authorized_at.map(time::rfc3339))],
    )
}

/// The close reason of an authorization that was not confirmed.
const UNCONFIRMED: CloseReason = CloseReason::UserOverdueUnconfirmed;

/// Applies the payee's decision on a transfer to the authorization requested with it. A paid transfer confirms the
/// authorization, unless another one is in force. Otherwise the authorization is closed without a notification.
pub(super) fn finish_requested_authorization(
    gateway: &mut Gateway,
    mchid: &MchId,
    number: &str,
    is_paid: bool,
    now: UnixTime,
) {
    if !(is_paid && take_effect(gateway, mchid, number, now)) {
        close_if(gateway, mchid, number, AuthorizationState::WaitUserConfirm, UNCONFIRMED, now);
    }
}

/// Puts an authorization that waits for confirmation in force and sends a notification. Returns `false` if it was not
/// waiting, or if another one is in force.
pub(super) fn take_effect(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) -> bool {
    let serial = gateway.next_serial();
    let authorizations = &mut gateway.ledger.transfers.authorizations;
    let is_waiting = |each: &&Authorization| each.state == AuthorizationState::WaitUserConfirm;
    let Some(waiting) = authorizations.get(mchid, number).filter(is_waiting) else { return false };
    if authorizations.has_state(mchid, &waiting.scope, AuthorizationState::TakingEffect) {
        return false;
    }
    let Some(authorization) = authorizations.get_mut(mchid, number) else { return false };
    authorization.authorization_id = format!("16{serial:010}").parse().ok();
    (authorization.state, authorization.authorized_at) = (AuthorizationState::TakingEffect, Some(now));
    let authorization = authorization.clone();
    let event = ("MCHTRANSFER.AUTHORIZATION.CONFIRMED", "商家转账用户免确认收款授权确认通知");
    notify(gateway, &authorization, event, now);
    true
}

/// Closes an authorization that is in the state `from`, and sends a notification if it was in force. Returns `false` if
/// it was in another state.
pub(super) fn close_if(
    gateway: &mut Gateway,
    mchid: &MchId,
    number: &str,
    from: AuthorizationState,
    reason: CloseReason,
    now: UnixTime,
) -> bool {
    let authorization = gateway.ledger.transfers.authorizations.get_mut(mchid, number);
    let Some(authorization) = authorization.filter(|authorization| authorization.state == from) else {
        return false;
    };
    (authorization.state, authorization.closed) = (AuthorizationState::Closed, Some((now, reason)));
    let authorization = authorization.clone();
    if from == AuthorizationState::TakingEffect {
        let event = ("MCHTRANSFER.AUTHORIZATION.CLOSED", "商家转账用户免确认收款授权关闭通知");
        notify(gateway, &authorization, event, now);
    }
    true
}

fn notify(
    gateway: &mut Gateway,
    authorization: &Authorization,
    (event_type, summary): (&'static str, &'static str),
    now: UnixTime,
) {
    let event = Event {
        mchid: authorization.mchid.clone(),
        notify_url: authorization.notify_url.clone(),
        created_at: now,
        event_type,
        summary,
        original_type: "mch_payment",
        plaintext: to_json(&notification_content(authorization)),
        request_serial: authorization.request_serial.clone(),
        retry_schedule: None,
    };
    let due = now.after(gateway.settings().notify_delay);
    gateway.notify(authorization.out_authorization_no.as_str(), Arc::new(event), due);
}
