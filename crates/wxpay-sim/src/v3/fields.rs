//! Declared fields of requests, and their validation.
//!
//! A product declares the fields of its operation as a table of [`Field`]s. [`check`] validates a body before the
//! product sees it: no undeclared field, no `null`, no missing field, each value of its type, length and alphabet. The
//! refusal has a JSON pointer to the invalid field.

use super::errors::{self, ErrorCode, Refusal};
use crate::time;
use serde_json::{Map, Value};
use std::fmt;

/// A field that a request may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) is_required: bool,
    pub(crate) kind: Kind,
}

/// Declares a required field.
pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, is_required: true, kind }
}

/// Declares an optional field.
pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, is_required: false, kind }
}

/// The type of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A string: minimum and maximum length in characters, and its alphabet.
    Text(usize, usize, Alphabet),
    /// A string that is encrypted for the platform, in Base64, of at most this many characters.
    Sealed(usize),
    /// An integer in a range, both ends included.
    Number(u64, u64),
    /// `true` or `false`.
    Boolean,
    /// A time in the format of RFC 3339.
    Time,
    /// An absolute `http` or `https` URL without query, of at most 256 characters.
    Url,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An object with these fields.
    Object(&'static [Field]),
    /// A list of one type, with a maximum length.
    List(&'static Self, usize),
}

/// Declares a string of 1 to `max` characters of any alphabet.
pub(crate) const fn text(max: usize) -> Kind {
    Kind::Text(1, max, Alphabet::Any)
}

/// The alphabet of a string. Characters outside the Basic Multilingual Plane are never allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alphabet {
    /// Any.
    Any,
    /// `0-9`
    Digits,
    /// `0-9 A-Z a-z`: the number of a transfer.
    Alphanumeric,
    /// `0-9 A-Z a-z _ - *`: the number of an order.
    OrderNumber,
    /// `0-9 A-Z a-z _ - | * @`: the number of a refund.
    RefundNumber,
}

impl Alphabet {
    fn contains(self, character: char) -> bool {
        match self {
            Self::Any => true,
            Self::Digits => character.is_ascii_digit(),
            Self::Alphanumeric => character.is_ascii_alphanumeric(),
            Self::OrderNumber => character.is_ascii_alphanumeric() || "_-*".contains(character),
            Self::RefundNumber => character.is_ascii_alphanumeric() || "_-|*@".contains(character),
        }
    }
}

/// Validates an object against its declaration, which may consist of several tables. `location` is `body`, `query` or
/// `path`.
pub(crate) fn check(
    members: &Map<String, Value>,
    fields: &[&[Field]],
    location: &str,
) -> Result<(), Refusal> {
    check_object(members, fields, None, location)
}

/// Returns the pointers to the sealed fields of a body.
pub(crate) fn sealed_pointers(body: &Value, fields: &[&[Field]]) -> Vec<String> {
    let mut pointers = Vec::new();
    if let Some(members) = body.as_object() {
        for field in fields.iter().copied().flatten() {
            if let Some(value) = members.get(field.name) {
                collect_sealed(value, field.kind, &format!("/{}", field.name), &mut pointers);
            }
        }
    }
    pointers
}

fn collect_sealed(value: &Value, kind: Kind, pointer: &str, pointers: &mut Vec<String>) {
    match (kind, value) {
        (Kind::Sealed(_), _) => pointers.push(pointer.into()),
        (Kind::Object(fields), Value::Object(members)) => {
            for field in fields {
                if let Some(value) = members.get(field.name) {
                    collect_sealed(value, field.kind, &format!("{pointer}/{}", field.name), pointers);
                }
            }
        }
        (Kind::List(item_kind, _), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                collect_sealed(item, *item_kind, &format!("{pointer}/{index}"), pointers);
            }
        }
        _ => {}
    }
}

/// The JSON pointer to a value. It becomes a text only for a refusal.
struct Pointer<'a> {
    parent: Option<&'a Self>,
    part: Part<'a>,
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Name(&'a str),
    Index(usize),
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.part {
            Part::Name(name) => write!(f, "/{name}"),
            Part::Index(index) => write!(f, "/{index}"),
        }
    }
}

fn check_object(
    members: &Map<String, Value>,
    fields: &[&[Field]],
    parent: Option<&Pointer<'_>>,
    location: &str,
) -> Result<(), Refusal> {
    let fields = || fields.iter().copied().flatten();
    for (name, value) in members {
        let pointer = Pointer { parent, part: Part::Name(name) };
        let Some(field) = fields().find(|field| field.name == name) else {
            return Err(errors::EXTRA_PARAMETER.for_field(
                location,
                &pointer.to_string(),
                echoed_value(value),
                "请求中含有未定义的参数",
            ));
        };
        check_value(value, field.kind, &pointer, location)?;
    }
    for field in fields().filter(|field| field.is_required) {
        if !members.contains_key(field.name) {
            let pointer = Pointer { parent, part: Part::Name(field.name) }.to_string();
            return Err(errors::PARAM_ERROR.for_field(location, &pointer, "".into(), "缺少必填参数"));
        }
    }
    Ok(())
}

fn check_value(value: &Value, kind: Kind, pointer: &Pointer<'_>, location: &str) -> Result<(), Refusal> {
    let refused = |code: ErrorCode, issue: &str| {
        Err(code.for_field(location, &pointer.to_string(), echoed_value(value), issue))
    };
    let invalid = |issue: &str| refused(errors::PARAM_ERROR, issue);
    match (kind, value) {
        (_, Value::Null) => invalid("参数不能为null"),
        (_, Value::String(text)) if text.chars().any(|character| character > '\u{ffff}') => {
            invalid("不支持4字节字符")
        }
        (Kind::Text(min, max, alphabet), Value::String(text)) => {
            let length = text.chars().count();
            if !(min..=max).contains(&length) {
                return invalid(&format!("长度应为{min}到{max}"));
            }
            if text.chars().all(|character| alphabet.contains(character)) {
                Ok(())
            } else {
                invalid("含有不允许的字符")
            }
        }
        (Kind::Sealed(max), Value::String(_)) => check_value(value, text(max), pointer, location),
        (Kind::Number(min, max), Value::Number(number)) => match number.as_u64() {
            Some(number) if (min..=max).contains(&number) => Ok(()),
            Some(_) => refused(errors::OUT_OF_RANGE, &format!("应为{min}到{max}")),
            None => invalid("应为非负整数"),
        },
        (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Time, Value::String(text)) => match time::parse_rfc3339(text) {
            Some(_) => Ok(()),
            None => invalid("应为rfc3339格式的时间"),
        },
        (Kind::Url, Value::String(text)) if is_url(text) => Ok(()),
        (Kind::Url, Value::String(_)) => invalid("应为不带参数的http或https绝对地址"),
        (Kind::OneOf(values), Value::String(text)) if values.contains(&text.as_str()) => Ok(()),
        (Kind::OneOf(_), Value::String(_)) => invalid("不在枚举值之内"),
        (Kind::Object(fields), Value::Object(members)) => {
            check_object(members, &[fields], Some(pointer), location)
        }
        (Kind::List(item_kind, max), Value::Array(items)) => {
            if items.len() > max {
                return invalid(&format!("最多{max}项"));
            }
            items.iter().enumerate().try_for_each(|(index, item)| {
                let pointer = Pointer { parent: Some(pointer), part: Part::Index(index) };
                check_value(item, *item_kind, &pointer, location)
            })
        }
        (
            Kind::Text(..)
            | Kind::Sealed(_)
            | Kind::Number(..)
            | Kind::Boolean
            | Kind::Time
            | Kind::Url
            | Kind::OneOf(_)
            | Kind::Object(_)
            | Kind::List(..),
            _,
        ) => invalid("类型错误"),
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    !host.is_empty()
        && text.len() <= 256
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte))
}

/// Returns a value as a refusal repeats it: strings are cut to 64 characters, objects and lists are omitted.
fn echoed_value(value: &Value) -> Value {
    match value {
        Value::String(text) => text.chars().take(64).collect::<String>().into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::Array(_) | Value::Object(_) => "".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FIELDS: &[Field] = &[
        required("number", Kind::Text(6, 32, Alphabet::OrderNumber)),
        required(
            "amount",
            Kind::Object(&[
                required("total", Kind::Number(1, 100)),
                optional("currency", Kind::OneOf(&["CNY"])),
            ]),
        ),
        optional("when", Kind::Time),
        optional("url", Kind::Url),
        optional("flag", Kind::Boolean),
        optional("list", Kind::List(&Kind::Object(&[required("id", text(4))]), 2)),
    ];

    fn refused(body: &Value) -> Option<(u64, String)> {
        let refusal = check(body.as_object().unwrap(), &[FIELDS], "body").err()?;
        Some((refusal.result_code, refusal.body()["detail"]["field"].as_str().unwrap().into()))
    }

    #[test]
    fn check_accepts_a_body_that_matches_its_fields() {
        assert_eq!(refused(&json!({ "number": "A_1-*z", "amount": { "total": 1 } })), None);
        let all = json!({
            "number": "123456", "amount": { "total": 100, "currency": "CNY" }, "flag": false,
            "when": "2026-06-08T10:34:56+08:00", "url": "https://h/p", "list": [{ "id": "支付" }, { "id": "b" }],
        });
        assert_eq!(refused(&all), None);
    }

    #[test]
    fn check_names_the_broken_field_by_its_json_pointer() {
        let valid = json!({ "number": "123456", "amount": { "total": 1 } });
        let cases = [
            (json!({ "number": null }), 268_435_461, "/number"),
            (json!({ "number": "12345" }), 268_435_461, "/number"),
            (json!({ "number": "12345|" }), 268_435_461, "/number"),
            (json!({ "number": 123_456 }), 268_435_461, "/number"),
            (json!({ "extra": 1 }), 270_924_358, "/extra"),
            (json!({ "amount": { "total": 0 } }), 268_435_464, "/amount/total"),
            (json!({ "amount": { "total": 1.5 } }), 268_435_461, "/amount/total"),
            (json!({ "amount": { "total": "1" } }), 268_435_461, "/amount/total"),
            (json!({ "amount": { "total": 1, "currency": "XYZ" } }), 268_435_461, "/amount/currency"),
            (json!({ "amount": {} }), 268_435_461, "/amount/total"),
            (json!({ "when": "2026-06-08" }), 268_435_461, "/when"),
            (json!({ "url": "https://h/p?q=1" }), 268_435_461, "/url"),
            (json!({ "url": "ftp://h/p" }), 268_435_461, "/url"),
            (json!({ "flag": "true" }), 268_435_461, "/flag"),
            (json!({ "list": [{ "id": "a" }, { "id": "😀" }] }), 268_435_461, "/list/1/id"),
            (json!({ "list": [{ "id": "a" }, { "id": "b" }, { "id": "c" }] }), 268_435_461, "/list"),
        ];
        for (change, number, field) in cases {
            let mut body = valid.clone();
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert_eq!(refused(&body), Some((number, field.into())), "{change}");
        }
        assert_eq!(refused(&json!({ "amount": { "total": 1 } })), Some((268_435_461, "/number".into())));
    }
}
