//! Profit sharing: parts of a payment for those who were added before.
//!
//! A payment can be shared if its order said so (`settle_info.profit_sharing`), from one minute after it was paid and
//! for 30 days, at most 50 times among 50 receivers, three tenths of it in all.

pub(super) mod give_back;
pub(super) mod receiver;

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, may, must, text},
    notice::Event,
    party::{self, SUB_APPID, SUB_MCHID},
    reply::Reply,
    route::Operation,
};
use crate::{
    chance::DIGITS,
    gateway::{Gateway, agenda::Task},
    ledger::v3::{Order, OrderKey, Part, Receiver, Sharing},
    time,
};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_proto::{Fen, UnixTime, id::MchId};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.profitsharing.share", "/v3/profitsharing/orders", FIELDS, share).at_most(300),
    Operation::post("v3.profitsharing.unfreeze", "/v3/profitsharing/orders/unfreeze", UNFREEZE, unfreeze),
    Operation::get("v3.profitsharing.query", "/v3/profitsharing/orders/{out_order_no}", query)
        .asking(&[SUB_MCHID, TRANSACTION_ID])
        .at_most(500),
    Operation::get(
        "v3.profitsharing.unsplit_amount",
        "/v3/profitsharing/transactions/{transaction_id}/amounts",
        unsplit_amount,
    ),
    Operation::get("v3.profitsharing.max_ratio", "/v3/profitsharing/merchant-configs/{sub_mchid}", max_ratio),
];

const MOST: u64 = 10_000_000_000;
const TRANSACTION_ID: Field = must("transaction_id", text(32));
const NUMBER: Kind = Kind::Text(1, 64, Alphabet::RefundNumber);
const OUT_ORDER_NO: Field = must("out_order_no", NUMBER);
const TYPE: Field = must("type", Kind::OneOf(&[MERCHANT_ID, "PERSONAL_OPENID", SUB_OPENID]));
const ACCOUNT: Field = must("account", text(64));
const FIELDS: &[Field] = &[
    SUB_MCHID,
    must("appid", text(32)),
    SUB_APPID,
    TRANSACTION_ID,
    OUT_ORDER_NO,
    must(
        "receivers",
        Kind::List(
            &Kind::Object(&[
                TYPE,
                ACCOUNT,
                may("name", text(1024)),
                must("amount", Kind::Number(1, MOST)),
                must("description", text(80)),
            ]),
            50,
        ),
    ),
    must("unfreeze_unsplit", Kind::Truth),
];
const UNFREEZE: &[Field] = &[SUB_MCHID, TRANSACTION_ID, OUT_ORDER_NO, must("description", text(80))];

const MERCHANT_ID: &str = "MERCHANT_ID";
const SUB_OPENID: &str = "PERSONAL_SUB_OPENID";
/// What may be shared of a payment, in ten-thousandths.
const MAX_RATIO: u64 = 3000;
/// Sharings that one order may have.
const MOST_SHARINGS: usize = 50;
const SINCE: Duration = Duration::from_secs(60);
const UNTIL: Duration = Duration::from_secs(30 * 86_400);
/// How long money is on its way.
const TAKES: Duration = Duration::from_secs(3);

fn share(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::asking_by_sub(gateway, call)?;
    party::own_app(gateway, call, call.text("/appid"))?;
    if call.text("/sub_appid").is_some() {
        party::served(gateway, &call.mchid, call.text("/sub_mchid"), call.text("/sub_appid"))?;
    }
    let count = call.body.pointer("/receivers").and_then(Value::as_array).map_or(0, Vec::len);
    if count == 0 {
        return Err(errors::PARAM_ERROR.at("body", "/receivers", "".into(), "至少1项"));
    }
    let names: Vec<String> = (0..count).map(|index| format!("/receivers/{index}/name")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let asked = call.comparable(gateway, &names)?;
    if let Some(again) = again(gateway, call, &asked)? {
        return Ok(again);
    }
    let order = shareable(gateway, call, sub_mchid.as_ref())?;
    let (key, total) = (order.key(), order.total.get());
    let left = left(gateway, order);
    let sharings = &gateway.v3.ledger.sharings;
    if sharings.of(&key).count() >= MOST_SHARINGS {
        return Err(errors::RULE_LIMIT.saying("一笔订单最多分账50次"));
    }
    let owner = sub_mchid.as_ref().unwrap_or(&call.mchid).to_string();
    let (mut parts, mut shared) = (Vec::new(), 0_u64);
    for said in asked.pointer("/receivers").and_then(Value::as_array).into_iter().flatten() {
        let part = part_of(said);
        if part.kind == SUB_OPENID && call.text("/sub_appid").is_none() {
            return Err(errors::PARAM_ERROR.at("body", "/sub_appid", "".into(), "缺少必填参数"));
        }
        let (mchid, sub_mchid) = (call.mchid.clone(), sub_mchid.clone());
        let receiver = Receiver { mchid, sub_mchid, kind: part.kind.clone(), account: part.account.clone() };
        let added = sharings.receivers.get(&receiver);
        let added = added.ok_or_else(|| errors::INVALID_REQUEST.saying("分账接收方关系不存在，请先添加"))?;
        let name = said.get("name").and_then(Value::as_str);
        if let (Some(added), Some(name)) = (added, name)
            && added != name
        {
            return Err(errors::INVALID_REQUEST.saying("分账接收方姓名与添加时不一致"));
        }
        shared = shared.saturating_add(part.amount.get());
        parts.push(part);
    }
    let all = u128::from(sharings.shared(&key)).saturating_add(u128::from(shared));
    if all.saturating_mul(10_000) > u128::from(total).saturating_mul(u128::from(MAX_RATIO)) {
        return Err(errors::RULE_LIMIT.saying("分账金额超过最大分账比例"));
    }
    let rest = left.checked_sub(shared);
    let rest = rest.ok_or_else(|| errors::NOT_ENOUGH.saying("分账金额超过剩余待分金额"))?;
    let ends = call.body.pointer("/unfreeze_unsplit").and_then(Value::as_bool) == Some(true);
    if ends && rest > 0 {
        parts.push(own_part(owner, rest, "解冻给分账方"));
    }
    begin(gateway, call, key, (asked, parts), shared, ends)
}

fn unfreeze(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::asking_by_sub(gateway, call)?;
    if let Some(again) = again(gateway, call, &call.body)? {
        return Ok(again);
    }
    let order = shareable(gateway, call, sub_mchid.as_ref())?;
    let (key, rest) = (order.key(), left(gateway, order));
    let owner = sub_mchid.as_ref().unwrap_or(&call.mchid).to_string();
    let mut parts = vec![own_part(owner, rest, call.text("/description").unwrap_or_default())];
    parts.retain(|part| part.amount != Fen::ZERO);
    begin(gateway, call, key, (call.body.clone(), parts), 0, true)
}

/// The same request again tells how the sharing stands now.
fn again(gateway: &Gateway, call: &Call, asked: &Value) -> Result<Option<Reply>, Refusal> {
    let number = String::from(call.text("/out_order_no").unwrap_or_default());
    match gateway.v3.ledger.sharings.all.get(&(call.mchid.clone(), number)) {
        None => Ok(None),
        Some(sharing) if sharing.asked == *asked => shown(gateway, sharing).map(Some),
        Some(_) => {
            Err(errors::REENTRY_DIFFERS.because("the number is of a sharing that says something else"))
        }
    }
}

/// The paid order whose time to be shared is now.
fn shareable<'a>(gateway: &'a Gateway, call: &Call, sub_mchid: Option<&MchId>) -> Result<&'a Order, Refusal> {
    let order = order_of(gateway, call, call.text("/transaction_id").unwrap_or_default())?;
    party::is_of(order, sub_mchid)?;
    if !is_marked(order) {
        return Err(errors::INVALID_REQUEST.saying("非分账订单不支持分账"));
    }
    let paid = order.payment().map_or(call.now, |payment| UnixTime::from_secs(payment.success_at));
    if call.now.since(paid) < SINCE {
        return Err(errors::RULE_LIMIT.saying("订单支付成功1分钟后才能分账"));
    }
    if call.now.since(paid) > UNTIL {
        return Err(errors::RULE_LIMIT.saying("订单已超过分账期限"));
    }
    if gateway.v3.ledger.sharings.is_ended(&order.key()) {
        return Err(errors::INVALID_REQUEST.saying("订单已完结分账"));
    }
    Ok(order)
}

fn order_of<'a>(gateway: &'a Gateway, call: &Call, id: &str) -> Result<&'a Order, Refusal> {
    let order = gateway.v3.ledger.by_transaction(&call.mchid, id);
    order.ok_or_else(|| errors::RESOURCE_NOT_EXISTS.saying("订单不存在"))
}

fn is_marked(order: &Order) -> bool {
    order.placed.pointer("/settle_info/profit_sharing").and_then(Value::as_bool) == Some(true)
}

/// What is frozen still: nothing was refunded, shared or unfrozen of it.
fn left(gateway: &Gateway, order: &Order) -> u64 {
    let (sharings, key) = (&gateway.v3.ledger.sharings, order.key());
    if !is_marked(order) || sharings.is_ended(&key) {
        return 0;
    }
    let (given_back, _) = order.given_back();
    order.total.get().saturating_sub(given_back).saturating_sub(sharings.shared(&key))
}

fn part_of(said: &Value) -> Part {
    let text = |name| said.get(name).and_then(Value::as_str).map(String::from).unwrap_or_default();
    Part {
        kind: text("type"),
        account: text("account"),
        amount: said.get("amount").and_then(Value::as_u64).map_or(Fen::ZERO, Fen::new),
        description: text("description"),
        detail_id: String::new(),
    }
}

fn own_part(account: String, amount: u64, description: &str) -> Part {
    let (kind, description) = (String::from(MERCHANT_ID), String::from(description));
    Part { kind, account, amount: Fen::new(amount), description, detail_id: String::new() }
}

fn begin(
    gateway: &mut Gateway,
    call: &Call,
    order: OrderKey,
    (asked, mut parts): (Value, Vec<Part>),
    shared: u64,
    ends: bool,
) -> Result<Reply, Refusal> {
    for part in &mut parts {
        part.detail_id = new_id(gateway, "36", call.now);
    }
    let number = String::from(call.text("/out_order_no").unwrap_or_default());
    let sharing = Sharing {
        order,
        out_order_no: number.clone(),
        order_id: new_id(gateway, "30", call.now),
        asked,
        parts,
        shared,
        ends,
        created: call.now,
        finished: None,
    };
    let reply = shown(gateway, &sharing)?;
    gateway.v3.ledger.sharings.all.insert((call.mchid.clone(), number.clone()), sharing);
    let task = Task { run: finish, mchid: call.mchid.clone(), number };
    gateway.v3.agenda.add(call.now.after(TAKES), task);
    Ok(reply)
}

/// A new number of the gateway's: 28 digits.
fn new_id(gateway: &mut Gateway, prefix: &str, now: UnixTime) -> String {
    let serial = gateway.v3.next_serial();
    format!("{prefix}{}{}{serial:010}", gateway.v3.chance.text(DIGITS, 8), time::day(now))
}

/// The parts are with their receivers.
fn finish(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let Some(sharing) = gateway.v3.ledger.sharings.all.get_mut(&(mchid.clone(), String::from(number))) else {
        return;
    };
    sharing.finished = Some(now);
    let sharing = sharing.clone();
    for part in &sharing.parts {
        tell(gateway, &sharing, (&sharing.order_id, number), part, ("PROFITSHARING.SUCCESS", "分账"), now);
    }
}

/// Tells of a part that moved, at the order's `notify_url`.
fn tell(
    gateway: &mut Gateway,
    sharing: &Sharing,
    (order_id, number): (&str, &str),
    part: &Part,
    (event_type, summary): (&'static str, &'static str),
    now: UnixTime,
) {
    let Some(order) = gateway.v3.ledger.order(&sharing.order) else { return };
    let (Some(notify_url), Some(payment)) = (order.notify_url.clone(), order.payment()) else { return };
    let mut plain = json!({
        "transaction_id": payment.transaction_id,
        "order_id": order_id,
        "out_order_no": number,
        "receiver": {
            "type": part.kind,
            "account": part.account,
            "amount": part.amount,
            "description": part.description,
        },
        "success_time": time::rfc3339(now),
    });
    if let Some(members) = plain.as_object_mut() {
        members.extend(party::mchids(order));
    }
    let event = Event {
        mchid: order.mchid.clone(),
        notify_url,
        created: now,
        event_type,
        summary,
        original_type: "profitsharing",
        plain,
        asked: order.asked.clone(),
        schedule: None,
    };
    let due = now.after(gateway.settings.notify_delay);
    gateway.tell(sharing.order.1.as_str(), event, due);
}

fn query(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let unknown = || errors::RESOURCE_NOT_EXISTS.saying("分账单不存在");
    let sub_mchid = party::asking_by_sub(gateway, call)?;
    let key = (call.mchid.clone(), String::from(call.path("out_order_no")));
    let sharing = gateway.v3.ledger.sharings.all.get(&key).ok_or_else(unknown)?;
    let order = order_of(gateway, call, call.query("transaction_id").unwrap_or_default())?;
    if order.key() != sharing.order {
        return Err(unknown());
    }
    party::is_of(order, sub_mchid.as_ref())?;
    shown(gateway, sharing)
}

fn shown(gateway: &Gateway, sharing: &Sharing) -> Result<Reply, Refusal> {
    let gone = || errors::SYSTEM_ERROR.because("the order is gone");
    let order = gateway.v3.ledger.order(&sharing.order).ok_or_else(gone)?;
    let payment = order.payment().ok_or_else(gone)?;
    let receivers: Vec<Value> = sharing.parts.iter().map(|part| shown_part(part, sharing)).collect();
    let mut shown = json!({
        "transaction_id": payment.transaction_id,
        "out_order_no": sharing.out_order_no,
        "order_id": sharing.order_id,
        "state": if sharing.finished.is_some() { "FINISHED" } else { "PROCESSING" },
        "receivers": receivers,
    });
    if let (Some(sub_mchid), Some(members)) = (order.sub_mchid(), shown.as_object_mut()) {
        members.insert("sub_mchid".into(), sub_mchid.as_str().into());
    }
    Ok(Reply::json(&shown))
}

fn shown_part(part: &Part, sharing: &Sharing) -> Value {
    let mut shown = json!({
        "type": part.kind,
        "account": part.account,
        "amount": part.amount,
        "description": part.description,
        "result": if sharing.finished.is_some() { "SUCCESS" } else { "PENDING" },
        "detail_id": part.detail_id,
        "create_time": time::rfc3339(sharing.created),
    });
    finished(&mut shown, sharing.finished);
    shown
}

fn finished(shown: &mut Value, at: Option<UnixTime>) {
    if let (Some(at), Some(members)) = (at, shown.as_object_mut()) {
        members.insert("finish_time".into(), time::rfc3339(at).into());
    }
}

fn unsplit_amount(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let id = call.path("transaction_id");
    let order = order_of(gateway, call, id)?;
    Ok(Reply::json(&json!({ "transaction_id": id, "unsplit_amount": left(gateway, order) })))
}

fn max_ratio(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub = party::served(gateway, &call.mchid, Some(call.path("sub_mchid")), None)?;
    Ok(Reply::json(&json!({ "sub_mchid": sub.mchid, "max_ratio": MAX_RATIO })))
}
