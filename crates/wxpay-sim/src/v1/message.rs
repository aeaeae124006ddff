//! The body of a request: a JSON object, its members read as text.

use super::codes::{self, Refusal};
use serde_json::Value;
use std::collections::BTreeMap;

/// The members of the object. Strings and numbers (in their decimal text) are what a signature covers; other members
/// are present but have no text.
#[derive(Clone)]
pub(crate) struct JsonMembers(BTreeMap<String, Option<String>>);

impl JsonMembers {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
            return Err(codes::DATA_FORMAT.with_reason("the body is not a JSON object in UTF-8"));
        };
        let text = |value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        Ok(Self(members.into_iter().map(|(name, value)| (name, text(value))).collect()))
    }

    /// Returns the text of a member, which may be empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Option::as_deref)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_number_is_read_as_its_decimal_text() {
        let message = JsonMembers::parse(br#"{"a":1399514976,"b":"1399514976","c":true,"d":""}"#).unwrap();
        assert_eq!(message.text("a"), message.text("b"));
        assert_eq!(message.text("c"), None);
        assert!(message.has("c"));
        assert_eq!(message.text("d"), Some(""));
        assert_eq!(message.text("e"), None);
    }

    #[test]
    fn message_json_escapes_are_decoded() {
        let message = JsonMembers::parse(br#"{"package":"a=1\u0026b=http:\/\/h"}"#).unwrap();
        assert_eq!(message.text("package"), Some("a=1&b=http://h"));
    }

    #[test]
    fn message_that_is_not_a_utf_8_object_is_a_data_format_error() {
        for body in [&b"[]"[..], b"{", b"1", b"", b"{\"a\":\"\xb2\xe2\"}", b"a=1&b=2"] {
            assert_eq!(JsonMembers::parse(body).err().map(|refusal| refusal.code), Some(codes::DATA_FORMAT));
        }
    }
}
