//! JSON schemas of fields, and the size of the bodies that satisfy them.

use super::{Field, Kind, StringMap};
use crate::class::ranges;
use serde_json::{Map, Value, json};

impl Field {
    /// Returns the JSON schema of the field. An optional body member may also be null, which means absent.
    pub fn schema(&self, may_be_null: bool) -> Value {
        let mut schema = self.kind.schema();
        if let Some(members) = schema.as_object_mut() {
            members.insert("description".into(), self.description.into());
            if self.is_secret {
                members.insert("writeOnly".into(), true.into());
            }
            if may_be_null && !self.is_required {
                let kind = members.get("type").cloned().unwrap_or_default();
                members.insert("type".into(), json!([kind, "null"]));
                if let Some(Value::Array(values)) = members.get_mut("enum") {
                    values.push(Value::Null);
                }
            }
        }
        schema
    }
}

/// Returns the JSON schema of an object with these members and no others.
pub(crate) fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (String::from(field.name), field.schema(true))).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

impl Kind {
    pub(crate) fn schema(&self) -> Value {
        match self {
            Self::Text(min, max, "") => json!({ "type": "string", "minLength": min, "maxLength": max }),
            Self::Text(min, max, class) => {
                json!({ "type": "string", "pattern": format!("^[{class}]{{{min},{max}}}$") })
            }
            Self::Form(form) => {
                let mut schema = json!({ "type": "string", "pattern": form.pattern });
                if let Some(members) = schema.as_object_mut().filter(|_| !form.format.is_empty()) {
                    members.insert("format".into(), form.format.into());
                }
                schema
            }
            Self::Number(from, to) | Self::Fen(from, to) => {
                json!({ "type": "integer", "minimum": from, "maximum": to })
            }
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Enum(values) => json!({ "type": "string", "enum": values() }),
            Self::List(kind, max) => json!({ "type": "array", "items": kind.schema(), "maxItems": max }),
            Self::Object(fields) => object(fields),
            Self::Map(StringMap { max_members, max_name, name_class, max_value, value_class }) => json!({
                "type": "object",
                "maxProperties": max_members,
                "propertyNames": Self::Text(1, *max_name, name_class).schema(),
                "additionalProperties": Self::Text(0, *max_value, value_class).schema(),
            }),
        }
    }

    /// Returns the greatest length of a value in JSON without blanks, in bytes, with every escape of an encoder.
    pub fn max_json_bytes(&self) -> usize {
        const QUOTES: usize = 2;
        match self {
            Self::Text(_, max, class) => {
                max.saturating_mul(bytes_of_a_character(class)).saturating_add(QUOTES)
            }
            Self::Form(form) => form.max_json_bytes.saturating_add(QUOTES),
            // A fraction of zeros or an exponent may have any length; nobody writes one longer than the number.
            Self::Number(..) | Self::Fen(..) => 20,
            Self::Boolean => 5,
            Self::Enum(values) => {
                let longest = values().iter().map(|value| value.len()).max();
                longest.unwrap_or_default().saturating_mul(ESCAPED_ASCII).saturating_add(QUOTES)
            }
            Self::List(kind, max) => {
                kind.max_json_bytes().saturating_add(1).saturating_mul(*max).saturating_add(2)
            }
            Self::Object(fields) => max_json_bytes(fields),
            Self::Map(StringMap { max_members, max_name, name_class, max_value, value_class }) => {
                let name = Self::Text(1, *max_name, name_class).max_json_bytes();
                let value = Self::Text(0, *max_value, value_class).max_json_bytes();
                name.saturating_add(value).saturating_add(2).saturating_mul(*max_members).saturating_add(2)
            }
        }
    }
}

/// Returns the greatest length of an object with these members in JSON without blanks, in bytes.
pub fn max_json_bytes(fields: &[Field]) -> usize {
    let member = |field: &Field| {
        let name = field.name.len().saturating_add(4);
        name.saturating_add(field.kind.max_json_bytes())
    };
    fields.iter().map(member).fold(2, usize::saturating_add)
}

/// Length of an ASCII character that is escaped: `\u003c`.
const ESCAPED_ASCII: usize = 6;

/// Returns the greatest length of a character of a class in JSON, in bytes.
fn bytes_of_a_character(class: &str) -> usize {
    // Encoders write these as they are.
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-.*@|/=+: ".contains(character);
    let is_narrow = |(from, to): (char, char)| {
        is_plain(from) && is_plain(to) && (from == to || from.is_ascii_alphanumeric())
    };
    match class {
        // A character outside of the basic plane is escaped as two units of UTF-16.
        "" => 12,
        _ if ranges(class).all(is_narrow) => 2,
        _ => ESCAPED_ASCII,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LETTERS, VISIBLE, optional, required};

    #[test]
    fn longest_value_is_not_longer_than_computed() {
        let fields = [
            required("text", Kind::Text(1, 3, ""), ""),
            optional("letters", Kind::Text(1, 3, LETTERS), ""),
            optional("visible", Kind::Text(1, 2, VISIBLE), ""),
            optional("list", Kind::List(&Kind::Number(0, crate::MAX_NUMBER), 2), ""),
        ];
        let escaped = r#"{"text":"\ud83d\ude00\ud83d\ude00\ud83d\ude00","letters":"zzz","visible":"\u003c\u003c","list":[9007199254740991,9007199254740991]}"#;
        assert!(escaped.len() <= max_json_bytes(&fields));
        assert!(max_json_bytes(&fields) < escaped.len() + 40);
    }

    #[test]
    fn secret_is_write_only_and_an_optional_enum_may_be_null() {
        let schema = optional("key", Kind::Text(1, 3, ""), "A key.").secret().schema(true);
        assert_eq!(schema["writeOnly"], true);
        assert_eq!(schema["type"], json!(["string", "null"]));
        let schema = optional("word", Kind::Enum(|| vec!["a"]), "").schema(true);
        assert_eq!(schema["enum"], json!(["a", null]));
    }
}
