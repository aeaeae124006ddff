//! Creating a sharing, and unfreezing the remainder.

use super::{
    super::{
        call::Call,
        errors::{self, Refusal},
        fields::{Field, Kind, optional, required, text},
        party::{self, SUB_APPID, SUB_MCHID},
        reply::Reply,
    },
    ACCOUNT, MAX_AMOUNT_FEN, OUT_ORDER_NO, Operation, SUB_OPENID, TRANSACTION_ID, TYPE, outcome, paid_order,
    query::sharing_reply,
};
use crate::{
    gateway::{Gateway, tasks::Task},
    ledger::{NewReceiverAmount, NewSharing, OrderKey, RequestDigest, ShareError},
};
use serde_json::Value;
use wxpay_proto::{Fen, id::MchId};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.profitsharing.create", "/v3/profitsharing/orders", FIELDS, create)
        .calls_per_second(300),
    Operation::post("v3.profitsharing.unfreeze", "/v3/profitsharing/orders/unfreeze", UNFREEZE, unfreeze),
];

const FIELDS: &[Field] = &[
    SUB_MCHID,
    // Required only if a receiver is a person, who is named by an openid under this app.
    optional("appid", "商户AppID", text(32)),
    SUB_APPID,
    TRANSACTION_ID,
    OUT_ORDER_NO,
    required(
        "receivers",
        "分账接收方列表",
        Kind::List(
            &Kind::Object(&[
                TYPE,
                ACCOUNT,
                optional("name", "分账个人接收方姓名", Kind::Encrypted),
                required("amount", "分账金额", Kind::Number(1, MAX_AMOUNT_FEN)),
                required("description", "分账描述", text(80)),
            ]),
            1,
            50,
        ),
    ),
    required("unfreeze_unsplit", "是否解冻剩余未分资金", Kind::Boolean),
];
const UNFREEZE: &[Field] =
    &[SUB_MCHID, TRANSACTION_ID, OUT_ORDER_NO, required("description", "分账描述", text(80))];

fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    check_apps(gateway, call)?;
    let request = call.request_digest()?;
    // A repeated request is answered even if the payment can no longer be shared.
    if let Some(existing) = existing_sharing(gateway, call, request)? {
        return Ok(existing);
    }
    let (key, sharing) = new_sharing(gateway, call, sub_mchid.as_ref(), request)?;
    let receivers = receivers(call)?;
    let is_last = call.body.pointer("/unfreeze_unsplit").and_then(Value::as_bool) == Some(true);
    let rest = is_last.then_some("解冻给分账方");
    let (ledger, mut numbers) = gateway.ledger_and_numbers();
    ledger.share(&key, sharing, receivers, rest, &mut numbers, call.now).map_err(refused)?;
    started(gateway, call)
}

fn unfreeze(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let request = call.request_digest()?;
    if let Some(existing) = existing_sharing(gateway, call, request)? {
        return Ok(existing);
    }
    let (key, sharing) = new_sharing(gateway, call, sub_mchid.as_ref(), request)?;
    let description = call.text("/description").unwrap_or_default();
    let (ledger, mut numbers) = gateway.ledger_and_numbers();
    ledger.unfreeze(&key, sharing, description, &mut numbers, call.now).map_err(refused)?;
    started(gateway, call)
}

fn refused(error: ShareError) -> Refusal {
    match error {
        ShareError::NoSuchOrder => errors::RESOURCE_NOT_EXISTS.with_message("订单不存在"),
        ShareError::NotForSharing => errors::INVALID_REQUEST.with_message("非分账订单不支持分账"),
        ShareError::TooEarly => errors::RULE_LIMIT.with_message("订单支付成功1分钟后才能分账"),
        ShareError::TooLate => errors::RULE_LIMIT.with_message("订单已超过分账期限"),
        ShareError::Unfrozen => errors::INVALID_REQUEST.with_message("订单已完结分账"),
        ShareError::TooMany => errors::RULE_LIMIT.with_message("一笔订单最多分账50次"),
        ShareError::UnknownReceiver => errors::INVALID_REQUEST.with_message("分账接收方关系不存在，请先添加"),
        ShareError::OtherName => errors::INVALID_REQUEST.with_message("分账接收方姓名与添加时不一致"),
        ShareError::ExceedsRatio => errors::RULE_LIMIT.with_message("分账金额超过最大分账比例"),
        ShareError::ExceedsUnsplit => errors::NOT_ENOUGH.with_message("分账金额超过剩余待分金额"),
    }
}

/// Checks the apps that the types of the receivers require.
fn check_apps(gateway: &Gateway, call: &Call) -> Result<(), Refusal> {
    let receivers = call.body.pointer("/receivers").and_then(Value::as_array);
    let kinds =
        receivers.into_iter().flatten().filter_map(|receiver| receiver.get("type").and_then(Value::as_str));
    let kinds: Vec<&str> = kinds.collect();
    match call.text("/appid") {
        None if kinds.contains(&"PERSONAL_OPENID") => {
            return Err(errors::PARAM_ERROR.with_message("分账接收方类型为PERSONAL_OPENID时，appid必填"));
        }
        None => {}
        Some(appid) => {
            party::caller_app(gateway, call, Some(appid))?;
        }
    }
    match call.text("/sub_appid") {
        None if kinds.contains(&SUB_OPENID) => {
            return Err(
                errors::PARAM_ERROR.with_message("分账接收方类型为PERSONAL_SUB_OPENID时，sub_appid必填")
            );
        }
        None => {}
        Some(sub_appid) => {
            party::served_sub_merchant(gateway, &call.mchid, call.text("/sub_mchid"), Some(sub_appid))?;
        }
    }
    Ok(())
}

/// Returns the current state of an existing sharing, if there is one. The request must be identical to the first one.
fn existing_sharing(
    gateway: &Gateway,
    call: &Call,
    request: RequestDigest,
) -> Result<Option<Reply>, Refusal> {
    let number = call.text("/out_order_no").unwrap_or_default();
    match gateway.ledger.sharings.get(&call.mchid, number) {
        None => Ok(None),
        Some(sharing) if sharing.request == request => sharing_reply(gateway, sharing).map(Some),
        Some(_) => Err(errors::REENTRY_MISMATCH
            .with_reason("out_order_no belongs to a sharing with different parameters")),
    }
}

/// Finds the paid order of the request's party. Returns its key and the profit sharing to make.
fn new_sharing(
    gateway: &Gateway,
    call: &Call,
    sub_mchid: Option<&MchId>,
    request: RequestDigest,
) -> Result<(OrderKey, NewSharing), Refusal> {
    let id = call.text("/transaction_id").unwrap_or_default();
    let order = paid_order(gateway, call, id)?;
    party::check_order_owner(order, sub_mchid)?;
    let transaction_id = id.parse().map_err(|_| refused(ShareError::NoSuchOrder))?;
    let out_order_no = String::from(call.text("/out_order_no").unwrap_or_default());
    Ok((order.key(), NewSharing { out_order_no, transaction_id, request }))
}

/// Returns the receivers of the request, their names hashed.
fn receivers(call: &Call) -> Result<Vec<NewReceiverAmount>, Refusal> {
    let request = call.normalized_body()?;
    let receivers = request.pointer("/receivers").and_then(Value::as_array).into_iter().flatten();
    let receivers = receivers.map(|receiver| {
        let text = |name| receiver.get(name).and_then(Value::as_str).map(String::from);
        NewReceiverAmount {
            kind: text("type").unwrap_or_default(),
            account: text("account").unwrap_or_default(),
            name: text("name"),
            amount: receiver.get("amount").and_then(Value::as_u64).map_or(Fen::ZERO, Fen::new),
            description: text("description").unwrap_or_default(),
        }
    });
    Ok(receivers.collect())
}

/// Schedules the outcome of the profit sharing that was just made, and returns its state.
fn started(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let number = call.text("/out_order_no").unwrap_or_default();
    let task = Task { run: outcome::finish_sharing, mchid: call.mchid.clone(), number: number.into() };
    gateway.tasks.add(call.now.after(gateway.settings().v3.profitsharing_duration), task);
    let missing = || errors::SYSTEM_ERROR.with_reason("the profit sharing is missing from the ledger");
    sharing_reply(gateway, gateway.ledger.sharings.get(&call.mchid, number).ok_or_else(missing)?)
}
