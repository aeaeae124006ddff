//! Receivers: adding and deleting.

use super::{
    super::{
        call::Call,
        errors::{self, Refusal},
        fields::{Field, Kind, optional, required, text},
        operation::Operation,
        party::{self, SUB_APPID, SUB_MCHID},
        reply::Reply,
    },
    ACCOUNT, MERCHANT_ID, SUB_OPENID, TYPE,
};
use crate::{gateway::Gateway, ledger::ReceiverRecord};
use serde_json::{Value, json};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.profitsharing.add_receiver", "/v3/profitsharing/receivers/add", ADD, add),
    Operation::post(
        "v3.profitsharing.delete_receiver",
        "/v3/profitsharing/receivers/delete",
        RECEIVER,
        delete,
    ),
];

const RECEIVER: &[Field] = &[SUB_MCHID, required("appid", text(32)), SUB_APPID, TYPE, ACCOUNT];
const ADD: &[Field] = &[
    SUB_MCHID,
    required("appid", text(32)),
    SUB_APPID,
    TYPE,
    ACCOUNT,
    optional("name", Kind::Sealed(1024)),
    required(
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
    optional("custom_relation", text(10)),
];

/// Adds a receiver. Adding it again changes only its name.
fn add(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let receiver = receiver(gateway, call)?;
    let missing = |pointer| Err(errors::PARAM_ERROR.for_field("body", pointer, "".into(), "缺少必填参数"));
    if receiver.kind == MERCHANT_ID && call.text("/name").is_none() {
        return missing("/name");
    }
    if call.text("/relation_type") == Some("CUSTOM") && call.text("/custom_relation").is_none() {
        return missing("/custom_relation");
    }
    let request = call.normalized_body()?;
    let name = request.get("name").and_then(Value::as_str).map(String::from);
    let mut reply = receiver_value(&receiver);
    if let Some(members) = reply.as_object_mut() {
        for member in ["relation_type", "custom_relation"] {
            if let Some(value) = request.get(member) {
                members.insert(member.into(), value.clone());
            }
        }
    }
    gateway.ledger.sharings.receivers.insert(receiver, name);
    Ok(Reply::json(&reply))
}

/// Deletes a receiver. Deleting it again has no effect.
fn delete(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let receiver = receiver(gateway, call)?;
    gateway.ledger.sharings.receivers.remove(&receiver);
    Ok(Reply::json(&receiver_value(&receiver)))
}

fn receiver(gateway: &Gateway, call: &Call) -> Result<ReceiverRecord, Refusal> {
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    party::caller_app(gateway, call, call.text("/appid"))?;
    let text = |pointer| call.text(pointer).map(String::from).unwrap_or_default();
    let kind = text("/type");
    if call.text("/sub_appid").is_some() {
        party::served_sub_merchant(gateway, &call.mchid, call.text("/sub_mchid"), call.text("/sub_appid"))?;
    } else if kind == SUB_OPENID {
        return Err(errors::PARAM_ERROR.for_field("body", "/sub_appid", "".into(), "缺少必填参数"));
    }
    Ok(ReceiverRecord { mchid: call.mchid.clone(), sub_mchid, kind, account: text("/account") })
}

fn receiver_value(receiver: &ReceiverRecord) -> Value {
    let mut value = json!({ "type": receiver.kind, "account": receiver.account });
    if let (Some(sub_mchid), Some(members)) = (&receiver.sub_mchid, value.as_object_mut()) {
        members.insert("sub_mchid".into(), sub_mchid.as_str().into());
    }
    value
}
