//! A message as JSON.

use super::{InvalidMessage, Kind, Message};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

pub(super) fn parse(text: &[u8]) -> Result<Message, InvalidMessage> {
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| InvalidMessage::new(format!("the input is not JSON: {error}")))?;
    let Value::Object(members) = value else {
        let rule = "the input must be a JSON object with kind, method, url, headers and body";
        return Err(InvalidMessage::new(rule));
    };
    if !members.contains_key("kind") && (members.contains_key("paySign") || members.contains_key("sign")) {
        let (kind, body) = (Kind::ClientParams, text.to_vec());
        return Ok(Message { kind, method: String::new(), url: String::new(), headers: Vec::new(), body });
    }
    let kind = match text_of(&members, "kind")?.as_str() {
        "request" => Kind::Request,
        "reply" => Kind::Reply,
        "notification" => Kind::Notification,
        "client_params" => Kind::ClientParams,
        _ => return Err(InvalidMessage::new("kind must be request, reply, notification or client_params")),
    };
    let message = Message {
        kind,
        method: text_of(&members, "method")?,
        url: text_of(&members, "url")?,
        headers: headers(members.get("headers"))?,
        body: body(&members, kind)?,
    };
    if kind == Kind::Request && (message.method.is_empty() || message.url.is_empty()) {
        return Err(InvalidMessage::new("method and url are required for a request"));
    }
    Ok(message)
}

/// Returns a text. An absent one is empty.
fn text_of(members: &Map<String, Value>, name: &str) -> Result<String, InvalidMessage> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(InvalidMessage::new(format!("{name} must be a JSON string")))
        }
    }
}

fn headers(value: Option<&Value>) -> Result<Vec<(String, String)>, InvalidMessage> {
    let members = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(InvalidMessage::new("headers must be a JSON object of names and values"));
        }
    };
    let mut headers = Vec::with_capacity(members.len());
    for (name, value) in members {
        let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(InvalidMessage::new(format!("the header {name:?} must be a JSON string")));
                }
            };
            headers.push((name.clone(), text));
        }
    }
    Ok(headers)
}

fn body(members: &Map<String, Value>, kind: Kind) -> Result<Vec<u8>, InvalidMessage> {
    if let Some(value) = members.get("body_base64") {
        let decoded = value.as_str().and_then(|text| STANDARD.decode(text).ok());
        return decoded.ok_or_else(|| InvalidMessage::new("body_base64 must be Base64"));
    }
    match members.get("body") {
        Some(value @ Value::Object(_)) if kind == Kind::ClientParams => Ok(value.to_string().into_bytes()),
        Some(Value::Object(_) | Value::Array(_)) => Err(InvalidMessage::new(
            "body must be a JSON string with the body byte for byte, not JSON itself",
        )),
        _ => text_of(members, "body").map(String::into_bytes),
    }
}
