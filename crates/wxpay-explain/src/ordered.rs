//! JSON that keeps the order of its members, and the ways in which other programs serialise it.

use crate::rsa::hex;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use std::{fmt, iter};

/// A JSON value that keeps the order of its members.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    /// `null`, a boolean or a number, as written.
    Plain(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// The characters of a text that a serialiser escapes, beyond those that JSON requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    None,
    /// Everything outside of ASCII, with lower-case digits: Python, Gson with HTML escaping off.
    LowerAscii,
    /// Everything outside of ASCII, with upper-case digits: Fastjson, .NET.
    UpperAscii,
    /// Everything outside of ASCII, and `/`: PHP.
    Php,
    /// `/` only: PHP with `JSON_UNESCAPED_UNICODE`.
    Slash,
    /// `<`, `>` and `&`: Go.
    Go,
    /// `<`, `>`, `&`, `=` and `'`: Gson.
    Gson,
    /// No JSON: Python's `str`, with single quotes, `True`, `False` and `None`.
    Repr,
}

/// The blanks between the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blanks {
    None,
    /// `", "` and `": "`: Python.
    Python,
    /// Line by line, with this indent and `": "`.
    Pretty(&'static str),
}

/// The order of the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Sorted,
    /// Only the outermost members: PHP's `ksort`.
    SortedOutside,
    Reversed,
    /// The order of WeChat Pay's documents.
    Documented,
}

/// The names of common members, in the order of the documents.
const DOCUMENTED: &[&str] = &[
    "appid",
    "mchid",
    "sp_appid",
    "sp_mchid",
    "sub_appid",
    "sub_mchid",
    "combine_appid",
    "combine_mchid",
    "combine_out_trade_no",
    "description",
    "out_trade_no",
    "transaction_id",
    "out_refund_no",
    "out_bill_no",
    "transfer_scene_id",
    "reason",
    "time_expire",
    "attach",
    "notify_url",
    "goods_tag",
    "support_fapiao",
    "funds_account",
    "refund",
    "total",
    "currency",
    "amount",
    "payer",
    "openid",
    "sp_openid",
    "sub_openid",
    "cost_price",
    "invoice_id",
    "detail",
    "goods_detail",
    "merchant_goods_id",
    "wechatpay_goods_id",
    "goods_name",
    "quantity",
    "unit_price",
    "payer_client_ip",
    "device_id",
    "store_info",
    "h5_info",
    "type",
    "scene_info",
    "profit_sharing",
    "settle_info",
];

impl Json {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|json| matches!(json, Self::List(_) | Self::Object(_)))
    }

    /// Returns the value with its members in another order.
    pub(crate) fn in_order(&self, order: Order) -> Self {
        match self {
            Self::Plain(_) | Self::Text(_) => self.clone(),
            Self::List(items) => Self::List(items.iter().map(|item| item.in_order(order)).collect()),
            Self::Object(members) => {
                let ordered = |value: &Self| {
                    if order == Order::SortedOutside { value.clone() } else { value.in_order(order) }
                };
                let members = members.iter().map(|(name, value)| (name.clone(), ordered(value)));
                let mut members: Vec<_> = members.collect();
                let place =
                    |name: &str| DOCUMENTED.iter().position(|other| *other == name).unwrap_or(usize::MAX);
                match order {
                    Order::Sorted | Order::SortedOutside => members.sort_by(|one, other| one.0.cmp(&other.0)),
                    Order::Reversed => members.reverse(),
                    Order::Documented => members.sort_by_key(|(name, _)| place(name)),
                }
                Self::Object(members)
            }
        }
    }

    /// Returns the value without members that are null or, if asked for, empty texts.
    pub(crate) fn without_empty(&self, texts_too: bool) -> Self {
        let is_empty = |value: &Self| match value {
            Self::Plain(text) => text == "null",
            Self::Text(text) => texts_too && text.is_empty(),
            Self::List(_) | Self::Object(_) => false,
        };
        match self {
            Self::Plain(_) | Self::Text(_) => self.clone(),
            Self::List(items) => Self::List(items.iter().map(|item| item.without_empty(texts_too)).collect()),
            Self::Object(members) => {
                let kept = members.iter().filter(|(_, value)| !is_empty(value));
                Self::Object(
                    kept.map(|(name, value)| (name.clone(), value.without_empty(texts_too))).collect(),
                )
            }
        }
    }

    /// Returns whether an object of at least four members has them sorted: a sign of a program that sorts.
    pub(crate) fn is_sorted(&self) -> bool {
        match self {
            Self::Object(members) => {
                members.len() >= 4 && members.is_sorted_by(|one, other| one.0 <= other.0)
            }
            Self::Plain(_) | Self::Text(_) | Self::List(_) => false,
        }
    }

    /// Returns a text member of an object.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.member(name)? {
            Self::Text(text) => Some(text),
            Self::Plain(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(other, _)| other == name).map(|(_, value)| value),
            Self::Plain(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    pub(crate) fn write(&self, blanks: Blanks, escape: Escape) -> Vec<u8> {
        let mut out = String::with_capacity(512);
        self.write_to(&mut out, blanks, escape, 0);
        out.into_bytes()
    }

    fn write_to(&self, out: &mut String, blanks: Blanks, escape: Escape, depth: usize) {
        match self {
            Self::Plain(text) => out.push_str(match text.as_str() {
                "true" if escape == Escape::Repr => "True",
                "false" if escape == Escape::Repr => "False",
                "null" if escape == Escape::Repr => "None",
                other => other,
            }),
            Self::Text(text) => write_text(out, text, escape),
            Self::List(items) => {
                write_items(out, ('[', ']'), blanks, depth, items, |out, item, depth| {
                    item.write_to(out, blanks, escape, depth);
                });
            }
            Self::Object(members) => {
                write_items(out, ('{', '}'), blanks, depth, members, |out, (name, value), depth| {
                    write_text(out, name, escape);
                    out.push_str(if blanks == Blanks::None { ":" } else { ": " });
                    value.write_to(out, blanks, escape, depth);
                });
            }
        }
    }
}

fn write_items<T>(
    out: &mut String,
    (open, close): (char, char),
    blanks: Blanks,
    depth: usize,
    items: &[T],
    write: impl Fn(&mut String, &T, usize),
) {
    let deeper = depth.saturating_add(1);
    let line = |out: &mut String, depth: usize| {
        if let Blanks::Pretty(indent) = blanks {
            out.push('\n');
            out.extend(iter::repeat_n(indent, depth));
        }
    };
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(if blanks == Blanks::Python { ", " } else { "," });
        }
        line(out, deeper);
        write(out, item, deeper);
    }
    if !items.is_empty() {
        line(out, depth);
    }
    out.push(close);
}

/// Returns a text as a JSON string.
pub(crate) fn quoted(text: &str, escape: Escape) -> Vec<u8> {
    let mut out = String::with_capacity(text.len().saturating_mul(2));
    write_text(&mut out, text, escape);
    out.into_bytes()
}

/// Returns bytes as Python's `str` shows them: `b'…'`.
pub(crate) fn bytes_literal(bytes: &[u8]) -> Vec<u8> {
    // Python prefers the single quote, unless only the double one needs no escape.
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    let mut out = vec![b'b', quote];
    for byte in bytes {
        match byte {
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            byte if *byte == b'\\' || *byte == quote => out.extend([b'\\', *byte]),
            b' '..=b'~' => out.push(*byte),
            byte => {
                out.extend(b"\\x");
                out.extend(hex(&[*byte]).bytes());
            }
        }
    }
    out.push(quote);
    out
}

fn write_text(out: &mut String, text: &str, escape: Escape) {
    // Python prefers the single quote, unless only the double one needs no escape.
    let is_single = escape == Escape::Repr && (!text.contains('\'') || text.contains('"'));
    let quote = if is_single { '\'' } else { '"' };
    let is_escaped = |letter: char| match escape {
        Escape::None | Escape::Repr => false,
        Escape::LowerAscii | Escape::UpperAscii => !letter.is_ascii(),
        Escape::Php => !letter.is_ascii() || letter == '/',
        Escape::Slash => letter == '/',
        Escape::Go => matches!(letter, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'),
        Escape::Gson => matches!(letter, '<' | '>' | '&' | '=' | '\''),
    };
    let must_be_escaped =
        |letter: char| letter == quote || matches!(letter, '\\' | '\0'..='\u{1f}') || is_escaped(letter);
    out.push(quote);
    let mut rest = text;
    while let Some((plain, next)) = rest.find(must_be_escaped).and_then(|at| rest.split_at_checked(at)) {
        out.push_str(plain);
        let mut letters = next.chars();
        if let Some(letter) = letters.next() {
            write_escape(out, letter, escape);
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
    out.push(quote);
}

fn write_escape(out: &mut String, letter: char, escape: Escape) {
    let digits = if escape == Escape::UpperAscii { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    match letter {
        '"' => out.push_str("\\\""),
        '\'' if escape == Escape::Repr => out.push_str("\\'"),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '/' => out.push_str("\\/"),
        letter => {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                out.push_str("\\u");
                for shift in [12, 8, 4, 0] {
                    let digit = usize::from(unit.checked_shr(shift).unwrap_or_default() & 0xf);
                    out.push(digits.get(digit).copied().map_or('0', char::from));
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Plain("null".into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Plain(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"b":"支/<é>","a":[1,null,{"c":true,"d":""}]}"#;

    #[test]
    fn json_is_written_as_other_programs_write_it() {
        let json = Json::parse(TEXT.as_bytes()).unwrap();
        let written = |blanks, escape| String::from_utf8(json.write(blanks, escape)).unwrap();
        assert_eq!(written(Blanks::None, Escape::None), TEXT);
        assert_eq!(
            written(Blanks::Python, Escape::LowerAscii),
            r#"{"b": "\u652f/<\u00e9>", "a": [1, null, {"c": true, "d": ""}]}"#
        );
        assert_eq!(
            written(Blanks::None, Escape::UpperAscii),
            TEXT.replace('支', "\\u652F").replace('é', "\\u00E9")
        );
        assert_eq!(
            written(Blanks::None, Escape::Php),
            TEXT.replace('支', "\\u652f").replace('é', "\\u00e9").replace('/', "\\/")
        );
        assert_eq!(written(Blanks::None, Escape::Go), TEXT.replace('<', "\\u003c").replace('>', "\\u003e"));
        assert_eq!(
            written(Blanks::Python, Escape::Repr),
            "{'b': '支/<é>', 'a': [1, None, {'c': True, 'd': ''}]}"
        );
        assert_eq!(quoted("it's", Escape::Repr), br#""it's""#);
        assert_eq!(quoted(r#"'"'"#, Escape::Repr), br#"'\'"\''"#);
        assert_eq!(bytes_literal("支\\\n'\"\u{7f}".as_bytes()), br#"b'\xe6\x94\xaf\\\n\'"\x7f'"#);
        assert_eq!(bytes_literal(b"it's"), br#"b"it's""#);
        assert_eq!(quoted("\"支\\", Escape::LowerAscii), br#""\"\u652f\\""#);
        assert_eq!(
            written(Blanks::Pretty("  "), Escape::None),
            "{\n  \"b\": \"支/<é>\",\n  \"a\": [\n    1,\n    null,\n    {\n      \"c\": true,\n      \"d\": \"\"\n    }\n  ]\n}"
        );
    }

    #[test]
    fn members_are_reordered_and_dropped() {
        let json = Json::parse(TEXT.as_bytes()).unwrap();
        let written = |json: Json| String::from_utf8(json.write(Blanks::None, Escape::None)).unwrap();
        assert_eq!(written(json.in_order(Order::Sorted)), r#"{"a":[1,null,{"c":true,"d":""}],"b":"支/<é>"}"#);
        assert_eq!(
            written(json.in_order(Order::SortedOutside)),
            r#"{"a":[1,null,{"c":true,"d":""}],"b":"支/<é>"}"#
        );
        let nested = Json::parse(br#"{"z":{"y":1,"x":2},"w":3}"#).unwrap();
        assert_eq!(written(nested.in_order(Order::SortedOutside)), r#"{"w":3,"z":{"y":1,"x":2}}"#);
        assert_eq!(written(json.without_empty(true)), r#"{"b":"支/<é>","a":[1,null,{"c":true}]}"#);
        let order = Json::parse(br#"{"payer":1,"x":2,"appid":3}"#).unwrap().in_order(Order::Documented);
        assert_eq!(written(order), r#"{"appid":3,"payer":1,"x":2}"#);
    }
}
