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

const RECEIVER: &[Field] = &[SUB_MCHID, required("appid", "商户AppID", text(32)), SUB_APPID, TYPE, ACCOUNT];
const ADD: &[Field] = &[
    SUB_MCHID,
    required("appid", "商户AppID", text(32)),
    SUB_APPID,
    TYPE,
    ACCOUNT,
    optional("name", "分账个人接收方姓名", Kind::Encrypted),
    required(
        "relation_type",
        "与分账方的关系类型",
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
    optional("custom_relation", "自定义的分账关系", text(10)),
];

/// Adds a receiver. Adding it again changes only its name.
fn add(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let receiver = receiver(gateway, call)?;
    if receiver.kind == MERCHANT_ID && call.text("/name").is_none() {
        return Err(errors::PARAM_ERROR.with_message("分账接收方类型为MERCHANT_ID时，name必填"));
    }
    if call.text("/relation_type") == Some("CUSTOM") && call.text("/custom_relation").is_none() {
        return Err(errors::PARAM_ERROR.with_message("relation_type为CUSTOM时，custom_relation必填"));
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
    gateway.ledger.add_receiver(receiver, name);
    Ok(Reply::json(&reply))
}

/// Deletes a receiver. Deleting it again has no effect.
fn delete(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let receiver = receiver(gateway, call)?;
    gateway.ledger.remove_receiver(&receiver);
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
        let message = "分账接收方类型为PERSONAL_SUB_OPENID时，sub_appid必填";
        return Err(errors::PARAM_ERROR.with_message(message));
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
