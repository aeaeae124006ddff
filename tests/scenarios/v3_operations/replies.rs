//! Replies generated from the documentation.

use super::{
    requests, sample,
    spec::{Field, Kind},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wxpay_proto::{Error, crypto::CryptoProvider as _, secret::Secret, wire::base64};
use wxpay_testkit::{
    keys::v3::{API_V3_KEY, MCHID, PLATFORM},
    null::{NullProvider, public_key},
};

/// Returns a reply with all documented fields.
pub(super) fn full(fields: &BTreeMap<String, Field>) -> Value {
    object(fields, "", &|_| true)
}

/// Returns a reply with the required fields only.
pub(super) fn required(fields: &BTreeMap<String, Field>) -> Value {
    let mut reply = object(fields, "", &|field| field.required);
    // A paid order requires more fields.
    if reply["trade_state"].is_string() {
        reply["trade_state"] = "NOTPAY".into();
    }
    reply
}

fn object(fields: &BTreeMap<String, Field>, parent: &str, is_included: &dyn Fn(&Field) -> bool) -> Value {
    let mut members = Map::new();
    for (path, field) in fields.iter().filter(|(_, field)| is_included(field)) {
        let name = match path.strip_prefix(parent) {
            Some(name) if !name.is_empty() && !name.contains('.') => name,
            _ => continue,
        };
        let value = match &field.kind {
            Kind::Object => object(fields, &format!("{path}."), is_included),
            Kind::Array(items) if **items == Kind::Object => {
                json!([object(fields, &format!("{path}[]."), is_included)])
            }
            Kind::Array(items) => json!([value(path, name, items, &field.values)]),
            kind => value(path, name, kind, &field.values),
        };
        members.insert(name.to_owned(), value);
    }
    if parent.is_empty() && members.is_empty() { Value::Null } else { Value::Object(members) }
}

/// Returns a valid value for a field of this name.
fn value(path: &str, name: &str, kind: &Kind, values: &[String]) -> Value {
    match kind {
        Kind::Bool => return true.into(),
        Kind::Integer => return 1.into(),
        Kind::String => {}
        Kind::Object | Kind::Array(_) | Kind::Unknown => panic!("{path}"),
    }
    let text = match name {
        "mchid" | "mch_id" | "sp_mchid" | "combine_mchid" => MCHID,
        "sub_mchid" | "return_mchid" => requests::SUB_MCHID,
        "appid" | "sp_appid" | "combine_appid" => requests::APPID,
        "sub_appid" => requests::SUB_APPID,
        "trade_state" => "SUCCESS",
        "hash_type" if values.is_empty() => "SHA1",
        "hash_value" => "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33",
        "download_url" => "https://api.mch.weixin.qq.com/v3/billdownload/file?token=t",
        "serial_no" => PLATFORM[0].serial_no,
        "algorithm" => "AEAD_AES_256_GCM",
        "nonce" => NONCE,
        "associated_data" => DATA,
        "ciphertext" => return encrypted_certificate().into(),
        "encrypted_echo_message" => return encrypted_for_merchant("text").into(),
        name if name.ends_with("_time") || name == "time_expire" => "2026-11-25T10:34:56+08:00",
        "out_trade_no" | "combine_out_trade_no" => requests::OUT_TRADE_NO,
        "combine_transaction_id" => requests::COMBINE_TRANSACTION_ID,
        "transaction_id" => requests::TRANSACTION_ID,
        "out_refund_no" => requests::OUT_REFUND_NO,
        "refund_id" => requests::REFUND_ID,
        "out_bill_no" => requests::OUT_BILL_NO,
        "transfer_bill_no" => requests::TRANSFER_BILL_NO,
        "out_authorization_no" => requests::OUT_AUTHORIZATION_NO,
        "out_order_no" => requests::OUT_ORDER_NO,
        "out_return_no" => requests::OUT_RETURN_NO,
        _ => values.first().map_or("text", String::as_str),
    };
    text.into()
}

const NONCE: &str = "0123456789ab";
const DATA: &str = "certificate";

/// Returns an encrypted platform certificate.
fn encrypted_certificate() -> String {
    let key = NullProvider.symmetric_key(&Secret::new(API_V3_KEY.as_bytes().try_into().unwrap()));
    let nonce = NONCE.as_bytes();
    base64::encode(&key.seal(nonce, DATA.as_bytes(), PLATFORM[0].certificate.as_bytes()))
}

/// Returns a sensitive field, encrypted for the merchant.
fn encrypted_for_merchant(text: &str) -> String {
    let key = NullProvider.public_key(&public_key("merchant")).unwrap();
    base64::encode(&key.seal(text.as_bytes()).unwrap())
}

/// Returns the text of a reply.
pub(super) fn text(reply: &Value) -> String {
    if reply.is_null() { String::new() } else { reply.to_string() }
}

/// Returns the text of the reply in which the members of these names, in the object at `path`, occur twice. A type that
/// has such a member rejects the text: otherwise it would have two readings.
pub(super) fn with_repeated(reply: &Value, path: &str, names: &[&str]) -> String {
    const SECOND: &str = "second of ";
    let mut reply = reply.clone();
    let Value::Object(members) = at(&mut reply, path) else { panic!("{path} is not an object") };
    for name in names {
        let value = members.entry(*name).or_insert(Value::Null).clone();
        members.insert(format!("{SECOND}{name}"), value);
    }
    reply.to_string().replace(SECOND, "")
}

/// Returns the path of the object that has the member at `path`, and the name of the member.
pub(super) fn split_path(path: &str) -> (&str, &str) {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    (parent, name.trim_end_matches("[]"))
}

/// Returns the member at a path; in an array, that of its first item.
pub(super) fn at<'a>(reply: &'a mut Value, path: &str) -> &'a mut Value {
    let mut found = reply;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let (name, items) = match name.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (name, false),
        };
        found = &mut found[name];
        if items {
            found = &mut found[0];
        }
    }
    found
}

/// Returns the paths at which these names are read without being documented.
pub(super) fn undocumented_reads(
    reply: &Value,
    names: &BTreeSet<String>,
    read: &dyn Fn(&str) -> Result<String, Error>,
) -> Vec<String> {
    let mut objects = vec![String::new()];
    sample::flatten(reply, "", &mut |path, value| match value {
        Value::Object(_) => objects.push(path.to_owned()),
        Value::Array(items) if items[0].is_object() => objects.push(format!("{path}[]")),
        _ => {}
    });
    let mut found = Vec::new();
    for object in objects {
        let mut members = reply.clone();
        let Value::Object(documented) = at(&mut members, &object) else { continue };
        let undocumented: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !documented.contains_key(*name)).collect();
        let mut search = vec![undocumented];
        while let Some(names) = search.pop() {
            match names.as_slice() {
                [] => {}
                names if read(&with_repeated(reply, &object, names)).is_ok() => {}
                [name] if object.is_empty() => found.push((*name).to_owned()),
                [name] => found.push(format!("{object}.{name}")),
                names => {
                    let (first, second) = names.split_at(names.len() / 2);
                    search.extend([first.to_vec(), second.to_vec()]);
                }
            }
        }
    }
    found
}
