//! Request fields: each is declared once, validated here, and published in the document.

mod class;
mod form;

use super::problem::Problem;
pub(super) use class::{DIGITS, LETTERS, NUMBER, OPENID};
use class::{class_contains, describe_class};
pub(super) use form::{
    APP_ID, Form, NUMBER_CURSOR, PATH, POSITION, RECEIVER_CURSOR, SERIAL_NO, SHORT_NUMBER_CURSOR,
};
use serde_json::{Value, json};

/// A path parameter, a query parameter, or a member of a request body.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    pub(super) description: &'static str,
}

pub(super) const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field { name, kind, is_required: false, description }
}

pub(super) const fn required(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field { name, kind, is_required: true, description }
}

/// Type and rule of a field's value.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A string: minimum and maximum number of characters, and a character class in regular-expression notation
    /// (`0-9A-Z_-`). An empty class allows any character.
    Text(usize, usize, &'static str),
    /// A string of a form of its own.
    Form(&'static Form),
    /// A whole number with its inclusive minimum and maximum, which is at most [`MAX_NUMBER`].
    Number(u64, u64),
    Boolean,
    Enum(fn() -> Vec<&'static str>),
    /// A list with its maximum length.
    List(&'static Self, usize),
}

/// Largest number of a field: every JSON implementation keeps whole numbers up to it exact (RFC 7493).
pub(super) const MAX_NUMBER: u64 = 9_007_199_254_740_991;

/// Query parameter that selects the merchant, for numbers that two merchants may both use.
pub(super) const MERCHANT_FILTER: &[Field] = &[optional(
    "mchid",
    Kind::Text(1, 32, DIGITS),
    "The merchant: mchid, or partner for APIv1. Without it, the first merchant that has the number is used.",
)];

impl Field {
    /// Checks a value against the field's rule.
    pub(super) fn check(&self, value: &Value) -> Result<(), Problem> {
        if self.kind.accepts(value) {
            Ok(())
        } else {
            Err(Problem::invalid_field(self.name, &self.kind.rule()))
        }
    }

    /// Returns the JSON schema of the field. An optional body member may also be null, which means absent.
    pub(super) fn schema(&self, may_be_null: bool) -> Value {
        let mut schema = self.kind.schema();
        if let Some(members) = schema.as_object_mut() {
            members.insert("description".into(), self.description.into());
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

impl Kind {
    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Text(min, max, class) => value.as_str().is_some_and(|text| {
                let is_allowed = |character| class.is_empty() || class_contains(class, character);
                (*min..=*max).contains(&text.chars().count()) && text.chars().all(is_allowed)
            }),
            Self::Form(form) => value.as_str().is_some_and(form.accepts),
            Self::Number(from, to) => {
                whole_number(value).is_some_and(|number| (*from..=*to).contains(&number))
            }
            Self::Boolean => value.is_boolean(),
            Self::Enum(values) => value.as_str().is_some_and(|text| values().contains(&text)),
            Self::List(kind, max) => value
                .as_array()
                .is_some_and(|items| items.len() <= *max && items.iter().all(|item| kind.accepts(item))),
        }
    }

    /// Returns the rule as the end of a sentence that begins with the field's name.
    fn rule(&self) -> String {
        match self {
            Self::Text(min, max, class) => {
                let length = if min == max { min.to_string() } else { format!("{min} to {max}") };
                format!("must be a string of {length} {}", describe_class(class))
            }
            Self::Form(form) => form.rule.into(),
            Self::Number(from, to) => format!("must be a whole number from {from} to {to}"),
            Self::Boolean => String::from("must be true or false"),
            Self::Enum(values) => {
                let values = values();
                let first: Vec<&str> = values.iter().take(8).copied().collect();
                let more = if values.len() > first.len() { ", … (see openapi.json for all)" } else { "" };
                format!("must be one of {}{more}", first.join(", "))
            }
            Self::List(kind, max) => {
                format!("must be a list of at most {max} items, each of which {}", kind.rule())
            }
        }
    }

    fn schema(&self) -> Value {
        match self {
            Self::Text(min, max, "") => json!({ "type": "string", "minLength": min, "maxLength": max }),
            Self::Text(min, max, class) => {
                json!({ "type": "string", "pattern": format!("^[{class}]{{{min},{max}}}$") })
            }
            Self::Form(form) => json!({ "type": "string", "pattern": form.pattern }),
            Self::Number(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Enum(values) => json!({ "type": "string", "enum": values() }),
            Self::List(kind, max) => json!({ "type": "array", "items": kind.schema(), "maxItems": max }),
        }
    }

    /// Converts a path or query value, which is text, to the JSON type of the field. Text that cannot be converted
    /// stays a string, so that [`Field::check`] rejects it by the field's rule.
    pub(super) fn parse(&self, text: String) -> Value {
        match self {
            Self::Number(..) | Self::Boolean => match serde_json::from_str(&text) {
                Ok(value @ (Value::Number(_) | Value::Bool(_))) if text == text.trim() => value,
                _ => Value::String(text),
            },
            Self::Text(..) | Self::Form(_) | Self::Enum(_) | Self::List(..) => Value::String(text),
        }
    }
}

/// Returns the whole number of a JSON value. `5`, `5.0` and `5e0` are the same number, as in JSON Schema.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
        // Without its sign, because -0 is a whole number too.
        let digits = if number == 0.0 { String::from("0") } else { format!("{number:.0}") };
        digits.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_kind_rule_is_readable() {
        for (kind, rule) in [
            (Kind::Text(1, 32, NUMBER), "must be a string of 1 to 32 of 0-9 A-Z a-z _ | * @ -"),
            (Kind::Text(32, 32, LETTERS), "must be a string of 32 of 0-9 A-Z a-z"),
            (Kind::Text(1, 2, ""), "must be a string of 1 to 2 characters"),
            (Kind::Text(1, 2, OPENID), "must be a string of 1 to 2 visible ASCII characters except &"),
            (Kind::Enum(|| vec!["a", "b"]), "must be one of a, b"),
        ] {
            assert_eq!(kind.rule(), rule);
        }
    }

    #[test]
    fn number_in_a_url_is_a_json_number() {
        let kind = Kind::Number(0, 1000);
        for (text, number) in [("0", Some(0)), ("17", Some(17)), ("1e2", Some(100)), ("5.0", Some(5))] {
            assert_eq!(whole_number(&kind.parse(text.into())), number, "{text}");
        }
        for text in ["", "+5", "007", " 5", "5 ", "5.5", "-1", "true", "\"5\"", "0x5"] {
            assert!(!kind.accepts(&kind.parse(text.into())), "{text}");
        }
    }

    #[test]
    fn field_kind_accepts_only_its_values() {
        let values = Kind::Enum(|| vec!["a", "b"]);
        for (kind, fitting, other) in [
            (Kind::Text(1, 2, ""), json!("é"), json!("abc")),
            (Kind::Text(1, 2, DIGITS), json!("12"), json!(12)),
            (Kind::Form(&APP_ID), json!("wx0123456789abcdef"), json!("wx0123456789abcde")),
            (Kind::Number(1, 5), json!(5), json!(6)),
            (Kind::Number(0, 5), json!(5.0), json!(-1.0)),
            (Kind::Number(0, 5), json!(-0.0), json!(1e300)),
            (Kind::Number(0, 5), json!(0), json!(0.5)),
            (Kind::Boolean, json!(false), json!("false")),
            (values, json!("a"), json!("c")),
            (Kind::List(&Kind::Boolean, 1), json!([true]), json!([true, true])),
        ] {
            let field = optional("it", kind, "");
            assert!(field.check(&fitting).is_ok(), "{fitting}");
            assert!(field.check(&other).is_err(), "{other}");
        }
    }
}
