//! Authorizations: a payee allows transfers without confirming each. Apply, query, close.

use super::{APPID, PERCEPTION, SCENE, payee_openid, schedule, with_optional};
use crate::{
    gateway::Gateway,
    ledger::{
        Authorization, AuthorizationState, CloseAuthorizationError, NewAuthorization, RequestDigest, Scope,
        ScopeTaken,
    },
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
use wxpay_proto::UnixTime;

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

/// Requests an authorization from a payee, or finds the existing request.
fn apply(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let appid = party::caller_app(gateway, call, call.text("/appid"))?;
    let text = |pointer| call.text(pointer).map(String::from).unwrap_or_default();
    let number = text("/out_authorization_no").parse();
    let number = number.map_err(|_| errors::PARAM_ERROR.with_message("out_authorization_no格式错误"))?;
    let scope = Scope { appid, openid: payee_openid(call)?, transfer_scene_id: text("/transfer_scene_id") };
    let request = call.request_digest()?;
    // A repeated request is answered before the rules, by which its own authorization would count.
    if let Some(authorization) = find(gateway, call, &text("/out_authorization_no")) {
        return existing(authorization, request);
    }
    let authorization = NewAuthorization {
        out_authorization_no: number,
        scope,
        user_display_name: text("/user_display_name"),
        user_recv_perception: call.text("/user_recv_perception").map(String::from),
        notify_url: text("/authorization_notify_url"),
        request: Some(request),
        request_serial: call.wechatpay_serial.clone(),
    };
    let window = gateway.settings().v3.transfer_confirm_window;
    let (ledger, mut numbers) = gateway.ledger_and_numbers();
    let applied = ledger.apply_authorization(&call.mchid, authorization, window, &mut numbers, call.now);
    applied.map_err(|ScopeTaken| {
        errors::INVALID_REQUEST.with_message("用户在当前场景下的授权数量达到限制，不支持发起授权")
    })?;
    gateway.limit_transfers();
    let number = text("/out_authorization_no");
    schedule(gateway, call.now.after(window), &call.mchid, &number, |gateway, mchid, number, now| {
        gateway.ledger.expire_authorization(mchid, number, now);
    });
    find(gateway, call, &number).map(created_reply).ok_or_else(not_found)
}

/// Returns the reply to a repeated request, while the authorization can be confirmed.
fn existing(authorization: &Authorization, request: RequestDigest) -> Result<Reply, Refusal> {
    if authorization.request != Some(request) {
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
    if !authorization.is_kept(call.now) {
        return Err(not_found());
    }
    let display = call.query("is_display_authorization") == Some("true")
        && authorization.state != AuthorizationState::Closed;
    let package_info = display.then(|| authorization.package_info.clone());
    Ok(Reply::json(&with_optional(authorization_value(authorization), &[("package_info", package_info)])))
}

/// Closes an authorization. A repeated request returns the same reply.
fn close(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let number = call.path("out_authorization_no");
    let closed = gateway.ledger.close_authorization(&call.mchid, number, call.now);
    let closed = closed.map_err(|error| match error {
        CloseAuthorizationError::NoSuchAuthorization => not_found(),
        CloseAuthorizationError::ClosedOtherwise => {
            errors::INVALID_REQUEST.with_message("当前授权状态不支持解除")
        }
    })?;
    if let Some(closed) = closed.cloned() {
        notify_closed(gateway, &closed, call.now);
    }
    find_by_path(gateway, call).map(|authorization| Reply::json(&authorization_value(authorization)))
}

/// Finds the authorization named in the path.
fn find_by_path<'a>(gateway: &'a Gateway, call: &Call) -> Result<&'a Authorization, Refusal> {
    find(gateway, call, call.path("out_authorization_no")).ok_or_else(not_found)
}

fn find<'a>(gateway: &'a Gateway, call: &Call, number: &str) -> Option<&'a Authorization> {
    gateway.ledger.transfers.authorizations.get(&call.mchid, number)
}

fn not_found() -> Refusal {
    errors::NOT_FOUND.with_reason("the merchant has no such authorization")
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

/// Sends the notification of an authorization that took effect.
pub(super) fn notify_confirmed(gateway: &mut Gateway, authorization: &Authorization, now: UnixTime) {
    let event = ("MCHTRANSFER.AUTHORIZATION.CONFIRMED", "商家转账用户免确认收款授权确认通知");
    notify(gateway, authorization, event, now);
}

/// Sends the notification of an authorization that was in force and ended.
pub(super) fn notify_closed(gateway: &mut Gateway, authorization: &Authorization, now: UnixTime) {
    let event = ("MCHTRANSFER.AUTHORIZATION.CLOSED", "商家转账用户免确认收款授权关闭通知");
    notify(gateway, authorization, event, now);
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
