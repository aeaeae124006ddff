//! Transfers that request an authorization for later ones, and transfers that use one.

use super::{
    AMOUNT, APPID, NOTIFY_URL, OPENID, OUT_BILL_NO, PERCEPTION, REMARK, REPORTS, SCENE, TransferRequest,
    USER_NAME,
    authorization::{DISPLAY_NAME, OUT_AUTHORIZATION_NO},
    bill, create_transfer, payee_openid, transfer_reply, with_optional,
};
use crate::{
    gateway::Gateway,
    ledger::{AuthorizationUse, NewAuthorization, Payee, Scope, Transfer, TransferMethod},
    merchant::Merchant,
    v3::{
        call::Call,
        errors::{self, Refusal},
        fields::{Alphabet, Field, Kind, bytes, optional, required, text},
        operation::Operation,
        party::{self, MCHID_KIND},
        reply::Reply,
    },
};
use serde_json::Value;
use wxpay_proto::id::{AppId, MchId, OpenId};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post(
        "v3.transfer.pre_transfer",
        "/v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization",
        PRE_TRANSFER,
        pre_transfer,
    )
    .requires_serial()
    .calls_per_second(100),
    Operation::post(
        "v3.transfer.authorized",
        "/v3/fund-app/mch-transfer/transfer-bills/transfer",
        AUTHORIZED,
        transfer,
    )
    .requires_serial()
    .calls_per_second(100),
];

const SPONSOR: Field = optional("sponsor_mchid", "出资商户号", MCHID_KIND);
const PRE_TRANSFER: &[Field] = &[
    APPID,
    OUT_BILL_NO,
    OPENID,
    USER_NAME,
    AMOUNT,
    REMARK,
    NOTIFY_URL,
    PERCEPTION,
    SCENE,
    REPORTS,
    optional(
        "authorization_info",
        "自动收款授权信息",
        Kind::Object(&[
            DISPLAY_NAME,
            OUT_AUTHORIZATION_NO,
            required("authorization_notify_url", "授权结果通知地址", Kind::Url),
        ]),
    ),
    SPONSOR,
];
const AUTHORIZED: &[Field] = &[
    APPID,
    OUT_BILL_NO,
    USER_NAME,
    AMOUNT,
    REMARK,
    NOTIFY_URL,
    PERCEPTION,
    SCENE,
    REPORTS,
    optional("authorization_id", "微信免确认收款授权单号", text(64)),
    SPONSOR,
    optional("out_authorization_no", "商户侧授权单号", Kind::Text(bytes(1, 32), Alphabet::Alphanumeric)),
];

/// Creates a transfer and the authorization requested with it, or finds the existing ones.
fn pre_transfer(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let appid = party::caller_app(gateway, call, call.text("/appid"))?;
    check_sponsor(gateway, call)?;
    let (openid, request) = (payee_openid(call)?, TransferRequest::read(call)?);
    let method = TransferMethod::UserConfirmAndAuthorize;
    if let Some(transfer) = request.existing(gateway, call, method)? {
        return Ok(Reply::json(&created_value(gateway, transfer)));
    }
    let requested = requested_authorization(call, (&appid, &openid))?;
    let (number, payee) = (request.number.clone(), Payee::Authorizing(openid, requested));
    create_transfer(gateway, call, request, appid.to_string(), payee)?;
    let transfer = bill::by_out_bill_no(gateway, call, number.as_str())?;
    Ok(Reply::json(&created_value(gateway, transfer)))
}

/// Returns the authorization that is requested with a transfer, if there is one.
fn requested_authorization(
    call: &Call,
    (appid, openid): (&AppId, &OpenId),
) -> Result<Option<NewAuthorization>, Refusal> {
    let text = |pointer| call.text(pointer).map(String::from).unwrap_or_default();
    let Some(number) = call.text("/authorization_info/out_authorization_no") else { return Ok(None) };
    let number = number.parse();
    Ok(Some(NewAuthorization {
        out_authorization_no: number
            .map_err(|_| errors::PARAM_ERROR.with_message("out_authorization_no格式错误"))?,
        scope: Scope {
            appid: appid.clone(),
            openid: openid.clone(),
            transfer_scene_id: text("/transfer_scene_id"),
        },
        user_display_name: text("/authorization_info/user_display_name"),
        user_recv_perception: call.text("/user_recv_perception").map(String::from),
        notify_url: text("/authorization_info/authorization_notify_url"),
        request: None,
        request_serial: call.wechatpay_serial.clone(),
    }))
}

/// Creates a transfer that uses an authorization, or finds the existing transfer.
fn transfer(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let appid = party::caller_app(gateway, call, call.text("/appid"))?;
    check_sponsor(gateway, call)?;
    let request = TransferRequest::read(call)?;
    let method = TransferMethod::Authorized;
    if let Some(transfer) = request.existing(gateway, call, method)? {
        return Ok(transfer_reply(gateway, transfer));
    }
    let text = |pointer| call.text(pointer).map(String::from);
    let used = AuthorizationUse {
        authorization_id: text("/authorization_id"),
        out_authorization_no: text("/out_authorization_no"),
        transfer_scene_id: text("/transfer_scene_id").unwrap_or_default(),
    };
    if used.authorization_id.is_none() && used.out_authorization_no.is_none() {
        let message = "authorization_id与out_authorization_no至少填一个";
        return Err(errors::PARAM_ERROR.with_message(message));
    }
    let number = request.number.clone();
    create_transfer(gateway, call, request, appid.to_string(), Payee::Authorized(used))?;
    bill::by_out_bill_no(gateway, call, number.as_str()).map(|transfer| transfer_reply(gateway, transfer))
}

/// Checks the sponsor, another merchant that pays. It must be a merchant of the gateway or a sub-merchant of the
/// caller.
fn check_sponsor(gateway: &Gateway, call: &Call) -> Result<(), Refusal> {
    let Some(sponsor) = call.text("/sponsor_mchid") else { return Ok(()) };
    let merchants = &gateway.registry();
    let served = merchants.get(&call.mchid).map(Merchant::sub_merchants);
    let is_known = sponsor.parse::<MchId>().is_ok_and(|sponsor| {
        merchants.get(&sponsor).is_some() || served.is_some_and(|subs| subs.contains_key(&sponsor))
    });
    if is_known { Ok(()) } else { Err(errors::NO_AUTH.with_message("出资商户号未授权")) }
}

/// Builds the reply to the request: the transfer, and the authorization requested with it.
fn created_value(gateway: &Gateway, transfer: &Transfer) -> Value {
    let number = transfer.out_authorization_no.as_ref().map(ToString::to_string);
    let requested = number
        .as_ref()
        .and_then(|number| gateway.ledger.transfers.authorizations.get(&transfer.mchid, number));
    let display_name = requested.map(|requested| requested.user_display_name.clone());
    let more = [("user_display_name", display_name), ("out_authorization_no", number)];
    with_optional(bill::created_value(transfer), &more)
}
