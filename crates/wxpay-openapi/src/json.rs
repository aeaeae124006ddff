//! Strict parsing of request bodies: no duplicate names, bounded depth.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{error, fmt};

/// The error of a body that is not acceptable JSON. It does not repeat the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// The rule, as the end of a sentence that begins with the body.
    pub rule: &'static str,
    /// The line of the error, from 1.
    pub line: usize,
    /// The column of the error.
    pub column: usize,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {})", self.rule, self.line, self.column)
    }
}

impl error::Error for Unreadable {}

/// Parses one JSON object. Duplicate names are refused at every depth, because parsers differ in the one they keep.
///
/// # Errors
///
/// If the bytes are not JSON, not an object, nested more deeply than `max_depth`, or have duplicate names.
pub fn parse_object(bytes: &[u8], max_depth: usize) -> Result<Map<String, Value>, Unreadable> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = Strict { depth: max_depth }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match parsed {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Unreadable { rule: NOT_AN_OBJECT, line: 1, column: 0 }),
        Err(error) => {
            // The message of serde_json may repeat the body, which must not reach a log or a response.
            let rule = match error.to_string() {
                text if text.starts_with(DUPLICATE) => DUPLICATE,
                text if text.starts_with(TOO_DEEP) => TOO_DEEP,
                _ => "must be a JSON object",
            };
            Err(Unreadable { rule, line: error.line(), column: error.column() })
        }
    }
}

const NOT_AN_OBJECT: &str = "must be a JSON object";
const DUPLICATE: &str = "must not have two members of the same name";
const TOO_DEEP: &str = "must not be nested so deeply";

/// Parses a value that is nested at most this deeply.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            // Before its value is parsed, so that the error's position is that of the name.
            if values.contains_key(&name) {
                return Err(A::Error::custom(DUPLICATE));
            }
            values.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_is_parsed_as_serde_json_would() {
        let text = r#" {"a":[1,-2,2.5,1e300,"\u5355",null,true,{}],"b":{"c":{}}} "#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(Value::Object(parse_object(text.as_bytes(), 3).unwrap()), expected);
    }

    #[test]
    fn duplicate_names_are_refused_at_every_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"a":{"planted":1,"planted":2}}"#,
            r#"{"a":[{"b":1,"b":2}]}"#,
        ] {
            assert_eq!(parse_object(text.as_bytes(), 8).unwrap_err().rule, DUPLICATE, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_other_texts_are_refused_without_repeating_them() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(7), "]".repeat(7));
        assert!(parse_object(deep.as_bytes(), 8).is_ok());
        assert_eq!(parse_object(deep.as_bytes(), 7).unwrap_err().rule, TOO_DEEP);
        let bomb = "[".repeat(60_000);
        assert_eq!(parse_object(bomb.as_bytes(), 8).unwrap_err().rule, TOO_DEEP);
        for text in [
            "",
            "planted",
            "{\"planted\"",
            "[1]",
            "\"planted\"",
            "{} planted",
            "{\"a\":1e999}",
            "{\"a\":\"\u{1}\"}",
        ] {
            let error = parse_object(text.as_bytes(), 8).unwrap_err().to_string();
            assert!(error.starts_with(NOT_AN_OBJECT), "{error}");
            assert!(!error.contains("planted"), "{error}");
        }
        assert!(parse_object(b"{\"a\":\"\xff\"}", 8).is_err());
    }
}
