//! Receivers: adding and deleting.

use super::{
    super::{
        call::Call,
        errors::{self, Refusal},
        fields::{Field, Kind, may, must, text},
        operation::Operation,
        party::{self, SUB_APPID, SUB_MCHID},
        reply::Reply,
    },
    ACCOUNT, MERCHANT_ID, SUB_OPENID, TYPE,
};
use crate::{gateway::Gateway, ledger::v3::ReceiverRecord};
use serde_json::{Value, json};

pub(in crate::gateway::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.profitsharing.add_receiver", "/v3/profitsharing/receivers/add", ADD, add),
    Operation::post("v3.profitsharing.delete_receiver", "/v3/profitsharing/receivers/delete", WHO, delete),
];

const WHO: &[Field] = &[SUB_MCHID, must("appid", text(32)), SUB_APPID, TYPE, ACCOUNT];
const ADD: &[Field] = &[
    SUB_MCHID,
    must("appid", text(32)),
    SUB_APPID,
    TYPE,
    ACCOUNT,
    may("name", text(1024)),
    must(
        "relation_type",
        Kind::OneOf(&[
            "SERVICE_PROVIDER",
            "STORE",
            "STAFF",
            "STORE_OWNER",
            "PARTNER",
            "HEADQUARTER",
            "BRAND",
            "DISTRIBUTOR",
            "USER",
            "SUPPLIER",
            "CUSTOM",
        ]),
    ),
    may("custom_relation", text(10)),
];

/// Adds a receiver. Adding it again changes only its name.
fn add(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let receiver = receiver(gateway, call)?;
    let missing = |pointer| Err(errors::PARAM_ERROR.at("body", pointer, "".into(), "缺少必填参数"));
    if receiver.kind == MERCHANT_ID && call.text("/name").is_none() {
        return missing("/name");
    }
    if call.text("/relation_type") == Some("CUSTOM") && call.text("/custom_relation").is_none() {
        return missing("/custom_relation");
    }
    let asked = call.comparable(gateway, &["/name"])?;
    let name = asked.get("name").and_then(Value::as_str).map(String::from);
    let mut shown = shown(&receiver);
    if let Some(members) = shown.as_object_mut() {
        for member in ["relation_type", "custom_relation"] {
            if let Some(said) = asked.get(member) {
                members.insert(member.into(), said.clone());
            }
        }
    }
    gateway.v3.ledger.sharings.receivers.insert(receiver, name);
    Ok(Reply::json(&shown))
}

/// Deletes a receiver. Deleting it again has no effect.
fn delete(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let receiver = receiver(gateway, call)?;
    gateway.v3.ledger.sharings.receivers.remove(&receiver);
    Ok(Reply::json(&shown(&receiver)))
}

fn receiver(gateway: &Gateway, call: &Call) -> Result<ReceiverRecord, Refusal> {
    let sub_mchid = party::asking_by_sub(gateway, call)?;
    party::own_app(gateway, call, call.text("/appid"))?;
    let text = |pointer| call.text(pointer).map(String::from).unwrap_or_default();
    let kind = text("/type");
    if call.text("/sub_appid").is_some() {
        party::served(gateway, &call.mchid, call.text("/sub_mchid"), call.text("/sub_appid"))?;
    } else if kind == SUB_OPENID {
        return Err(errors::PARAM_ERROR.at("body", "/sub_appid", "".into(), "缺少必填参数"));
    }
    Ok(ReceiverRecord { mchid: call.mchid.clone(), sub_mchid, kind, account: text("/account") })
}

fn shown(receiver: &ReceiverRecord) -> Value {
    let mut shown = json!({ "type": receiver.kind, "account": receiver.account });
    if let (Some(sub_mchid), Some(members)) = (&receiver.sub_mchid, shown.as_object_mut()) {
        members.insert("sub_mchid".into(), sub_mchid.as_str().into());
    }
    shown
}
