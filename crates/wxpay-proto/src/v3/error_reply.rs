//! Error objects, and replies that are not verified.

use crate::{
    error::{Error, ErrorKind},
    http::Response,
    prelude::*,
    refusal::{Code, Detail, DetailValue, Refusal},
    wire::json,
};

/// Returns the refusal if the body is an error object: a JSON object with a textual `code`, whatever the status and the
/// other members are.
pub(super) fn error_object(reply: &Response) -> Option<Refusal> {
    #[derive(serde::Deserialize)]
    struct Coded {
        code: Option<String>,
    }
    if !may_have_code(reply.body()) {
        return None;
    }
    let is_error = match json::parse(reply.body()) {
        Ok(Coded { code }) => code.is_some(),
        // No object, or a code of another type, or several codes.
        Err(_) => object(reply.body()).is_some_and(|object| text(&object, "code").is_some()),
    };
    is_error.then(|| parse(reply))
}

/// Returns whether a JSON object may have a member `code`: spares most replies a second reading. Its name may be
/// written with escapes.
fn may_have_code(body: &[u8]) -> bool {
    memchr::memchr(b'\\', body).is_some() || memchr::memmem::find(body, br#""code""#).is_some()
}

/// Returns the error for a reply that is not verified. Its content is shown to people; it proves nothing.
pub(super) fn unverified(reply: &Response) -> Error {
    let refusal = error_object(reply);
    let kind = match &refusal {
        Some(_) if is_unsigned(reply) => ErrorKind::Refused,
        Some(_) | None => ErrorKind::Signature,
    };
    let error = Error::new(kind, None).with_unverified_refusal(refusal);
    if is_unsigned(reply) { error.of_unsigned_reply(reply.status()) } else { error }
}

/// Returns whether the reply is a refusal by the gateway's own check of fields: 400 with one of two codes, and without
/// any of WeChat Pay's headers. The gateway does not sign these, so only TLS vouches for them.
pub(super) fn is_field_refusal(reply: &Response) -> bool {
    reply.status() == 400
        && is_unsigned(reply)
        && error_object(reply).is_some_and(|refusal| FIELD_CHECK.contains(&refusal.code))
}

const FIELD_CHECK: [Code; 2] = [Code::PARAM_ERROR, Code::INVALID_REQUEST];

/// Returns whether the reply has none of WeChat Pay's headers.
pub(super) fn is_unsigned(reply: &Response) -> bool {
    const PREFIX: &str = "wechatpay-";
    let is_signed = |(name, _): (&str, &[u8])| {
        name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
    };
    !reply.headers().any(is_signed)
}

/// Parses an error reply as far as possible: fields that are missing or unreadable stay empty.
pub(super) fn parse(reply: &Response) -> Refusal {
    // `{"code","message","detail"}`, all optional; failures of the gateway itself (502, 503) have none of them.
    let mut body = object(reply.body()).unwrap_or_default();
    let code = text(&body, "code").map_or_else(|| format!("HTTP {}", reply.status()), String::from);
    let detail = body.remove("detail").and_then(read_detail);
    Refusal::new(reply.status(), Code::from(code), text(&body, "message").unwrap_or_default())
        .with_request_id(reply.header("Request-ID"))
        .with_detail(detail)
}

type Object = serde_json::Map<String, serde_json::Value>;

fn object(body: &[u8]) -> Option<Object> {
    json::parse(body).ok()
}

fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(serde_json::Value::as_str)
}

/// Reads `detail`. The documentation puts its fields at the first level; real replies nest the issue one level deeper.
fn read_detail(detail: serde_json::Value) -> Option<Detail> {
    let outer = detail;
    let at = |name: &str| outer.get("detail").and_then(|inner| inner.get(name)).or_else(|| outer.get(name));
    let text = |name: &str| at(name).and_then(serde_json::Value::as_str).map(String::from);
    let signed = at("sign_information").or_else(|| outer.get("sign_information"));
    let detail = Detail {
        field: text("field"),
        issue: text("issue"),
        location: text("location"),
        value: at("value").and_then(read_value),
        truncated_sign_message: signed
            .and_then(|signed| signed.get("truncated_sign_message"))
            .and_then(serde_json::Value::as_str)
            .map(String::from),
        sign_message_length: signed
            .and_then(|signed| signed.get("sign_message_length"))
            .and_then(serde_json::Value::as_u64),
    };
    (detail != Detail::default()).then_some(detail)
}

/// Reads `detail.value`: the value at fault, its length in bytes, or a list of pointers.
fn read_value(value: &serde_json::Value) -> Option<DetailValue> {
    use serde_json::Value;
    match value {
        Value::Null => None,
        Value::Number(number) => number.as_i64().map(DetailValue::Number),
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(DetailValue::Text(text.clone().into())),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) if items.iter().all(is_pointer) => {
            let pointers = items.iter().filter_map(Value::as_str).map(String::from).collect();
            Some(DetailValue::Pointers(pointers))
        }
        other @ (Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            Some(DetailValue::Text(format!("{other}").into()))
        }
    }
}

fn is_pointer(item: &serde_json::Value) -> bool {
    item.as_str().is_some_and(|text| text.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_of_a_field_check_has_pointers_a_length_or_the_value() {
        // The first two are what the gateway replied to other people's requests, the third is documented.
        for (detail, printed) in [
            (
                r#"{"location":null,"value":["/body/appid","/body/mchid"]}"#,
                "; value: /body/appid, /body/mchid",
            ),
            (r#"{"location":"body","value":1}"#, "; value: 1"),
            (
                r#"{"field":"/amount/currency","value":"planted","issue":"x","location":"body"}"#,
                "; field: /amount/currency; value: a text of 7 characters",
            ),
            (r#"{"value":["planted"]}"#, "; value: a text of 11 characters"),
            (r#"{"value":null}"#, ""),
            (r#"{"value":""}"#, ""),
            (r#"{"value":[]}"#, ""),
            ("[]", ""),
        ] {
            let body = format!(r#"{{"code":"PARAM_ERROR","detail":{detail},"message":"参数错误"}}"#);
            let refusal = parse(&Response::new(400, body.into_bytes()));
            assert_eq!(refusal.to_string(), format!("PARAM_ERROR 参数错误{printed}"), "{detail}");
            assert!(!format!("{refusal:?}").contains("planted"));
        }
    }
}
