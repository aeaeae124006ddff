//! Creating a sharing, and unfreezing the remainder.

use super::{
    super::{
        call::Call,
        errors::{self, Refusal},
        fields::{Field, Kind, optional, required, text},
        party::{self, SUB_APPID, SUB_MCHID},
        reply::Reply,
    },
    ACCOUNT, MAX_AMOUNT_FEN, MAX_PAYMENT_AGE, MAX_RATIO, MAX_SHARINGS, MERCHANT_ID, MIN_PAYMENT_AGE,
    OUT_ORDER_NO, Operation, SUB_OPENID, TRANSACTION_ID, TYPE, is_profit_sharing, new_id, outcome,
    paid_order,
    query::sharing_reply,
    since_paid, unsplit_fen,
};
use crate::{
    gateway::{Gateway, tasks::Task},
    ledger::{
        Order, OrderKey, ReceiverRecord, Sharing, SharingDetail, SharingDetailRecord, SharingDetailResult,
    },
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
    let request = normalized_request(gateway, call)?;
    // A repeated request is answered even if the payment can no longer be shared.
    if let Some(existing) = existing_sharing(gateway, call, &request)? {
        return Ok(existing);
    }
    let order = shareable_order(gateway, call, sub_mchid.as_ref())?;
    let (key, total) = (order.key(), order.total().get());
    let unsplit = unsplit_fen(gateway, order, call.now);
    let sharings = &gateway.ledger.sharings;
    if sharings.of_order(&key).count() >= MAX_SHARINGS {
        return Err(errors::RULE_LIMIT.with_message("一笔订单最多分账50次"));
    }
    let owner = sub_mchid.as_ref().unwrap_or(&call.mchid);
    let receivers = request.pointer("/receivers").and_then(Value::as_array);
    let receivers = receivers.into_iter().flatten();
    let details =
        receivers.map(|receiver| receiver_detail(gateway, call, (sub_mchid.as_ref(), owner), receiver));
    let mut details = details.collect::<Result<Vec<SharingDetail>, Refusal>>()?;
    let sum = |details: &mut dyn Iterator<Item = &SharingDetail>| {
        details.fold(0, |sum: u64, detail| sum.saturating_add(detail.amount()))
    };
    let receivers_total = sharings
        .shared_total(&key)
        .saturating_add(sum(&mut details.iter().filter(|detail| !detail.is_merchant)));
    if u128::from(receivers_total).saturating_mul(10_000)
        > u128::from(total).saturating_mul(u128::from(MAX_RATIO))
    {
        return Err(errors::RULE_LIMIT.with_message("分账金额超过最大分账比例"));
    }
    let remainder = unsplit.checked_sub(sum(&mut details.iter()));
    let remainder = remainder.ok_or_else(|| errors::NOT_ENOUGH.with_message("分账金额超过剩余待分金额"))?;
    let is_last = call.body.pointer("/unfreeze_unsplit").and_then(Value::as_bool) == Some(true);
    if is_last && remainder > 0 {
        details.push(owner_detail(owner, remainder, "解冻给分账方"));
    }
    start(gateway, call, key, (request, details), is_last)
}

fn unfreeze(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    if let Some(existing) = existing_sharing(gateway, call, &call.body)? {
        return Ok(existing);
    }
    let order = shareable_order(gateway, call, sub_mchid.as_ref())?;
    let (key, remainder) = (order.key(), unsplit_fen(gateway, order, call.now));
    let owner = sub_mchid.as_ref().unwrap_or(&call.mchid);
    let mut details = vec![owner_detail(owner, remainder, call.text("/description").unwrap_or_default())];
    details.retain(|detail| detail.amount() > 0);
    start(gateway, call, key, (call.body.clone(), details), true)
}

/// Checks the apps and the types of the receivers. Returns the normalized request, in which names are hashed.
fn normalized_request(gateway: &Gateway, call: &Call) -> Result<Value, Refusal> {
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
    call.normalized_body()
}

/// Returns the current state of an existing sharing, if there is one. The request must be identical to the first one.
fn existing_sharing(gateway: &Gateway, call: &Call, request: &Value) -> Result<Option<Reply>, Refusal> {
    let number = call.text("/out_order_no").unwrap_or_default();
    match gateway.ledger.sharings.get(&call.mchid, number) {
        None => Ok(None),
        Some(sharing) if sharing.request == *request => sharing_reply(gateway, sharing).map(Some),
        Some(_) => Err(errors::REENTRY_MISMATCH
            .with_reason("out_order_no belongs to a sharing with different parameters")),
    }
}

/// Returns the paid order, if it can be shared now.
fn shareable_order<'a>(
    gateway: &'a Gateway,
    call: &Call,
    sub_mchid: Option<&MchId>,
) -> Result<&'a Order, Refusal> {
    let order = paid_order(gateway, call, call.text("/transaction_id").unwrap_or_default())?;
    party::check_order_owner(order, sub_mchid)?;
    if !is_profit_sharing(order) {
        return Err(errors::INVALID_REQUEST.with_message("非分账订单不支持分账"));
    }
    if since_paid(order, call.now) < MIN_PAYMENT_AGE {
        return Err(errors::RULE_LIMIT.with_message("订单支付成功1分钟后才能分账"));
    }
    if since_paid(order, call.now) > MAX_PAYMENT_AGE {
        return Err(errors::RULE_LIMIT.with_message("订单已超过分账期限"));
    }
    if gateway.ledger.sharings.is_unfrozen(&order.key()) {
        return Err(errors::INVALID_REQUEST.with_message("订单已完结分账"));
    }
    Ok(order)
}

/// Builds the detail of one receiver. The receiver must have been added with the same name; the payment's own merchant
/// need not be added.
fn receiver_detail(
    gateway: &Gateway,
    call: &Call,
    (sub_mchid, owner): (Option<&MchId>, &MchId),
    receiver: &Value,
) -> Result<SharingDetail, Refusal> {
    let text = |name| receiver.get(name).and_then(Value::as_str).map(String::from).unwrap_or_default();
    let (kind, account) = (text("type"), text("account"));
    let amount = receiver.get("amount").and_then(Value::as_u64).unwrap_or_default();
    if kind == MERCHANT_ID && account == owner.as_str() {
        return Ok(owner_detail(owner, amount, &text("description")));
    }
    let (mchid, sub_mchid) = (call.mchid.clone(), sub_mchid.cloned());
    let key = ReceiverRecord { mchid, sub_mchid, kind: kind.clone(), account: account.clone() };
    let added = gateway.ledger.sharings.receivers.get(&key);
    let added =
        added.ok_or_else(|| errors::INVALID_REQUEST.with_message("分账接收方关系不存在，请先添加"))?;
    let name = receiver.get("name").and_then(Value::as_str);
    if let (Some(added), Some(name)) = (added, name)
        && added != name
    {
        return Err(errors::INVALID_REQUEST.with_message("分账接收方姓名与添加时不一致"));
    }
    Ok(new_detail(kind, account, amount, text("description"), false))
}

fn owner_detail(owner: &MchId, amount: u64, description: &str) -> SharingDetail {
    new_detail(MERCHANT_ID.into(), owner.to_string(), amount, description.into(), true)
}

fn new_detail(
    kind: String,
    account: String,
    amount: u64,
    description: String,
    is_merchant: bool,
) -> SharingDetail {
    let record = SharingDetailRecord {
        kind,
        account,
        amount: Fen::new(amount),
        description,
        detail_id: String::new(),
        result: SharingDetailResult::Pending,
        fail_reason: None,
        finished_at: None,
    };
    SharingDetail { record, is_merchant, pending_failure: None }
}

fn start(
    gateway: &mut Gateway,
    call: &Call,
    order: OrderKey,
    (request, mut details): (Value, Vec<SharingDetail>),
    is_last: bool,
) -> Result<Reply, Refusal> {
    for detail in &mut details {
        detail.record.detail_id = new_id(gateway, "36", call.now);
    }
    let number = String::from(call.text("/out_order_no").unwrap_or_default());
    let transaction_id = call.text("/transaction_id").unwrap_or_default().parse();
    let transaction_id =
        transaction_id.map_err(|_| errors::RESOURCE_NOT_EXISTS.with_message("订单不存在"))?;
    let order_id = new_id(gateway, "30", call.now);
    let sharing = Sharing {
        order,
        out_order_no: number.clone(),
        order_id,
        transaction_id,
        request,
        details,
        unfreezes_rest: is_last,
        created_at: call.now,
        returns: Vec::new(),
    };
    let reply = sharing_reply(gateway, &sharing)?;
    gateway.ledger.sharings.add(sharing);
    let task = Task { run: outcome::finish_sharing, mchid: call.mchid.clone(), number };
    gateway.tasks.add(call.now.after(gateway.settings().v3.profitsharing_duration), task);
    Ok(reply)
}
