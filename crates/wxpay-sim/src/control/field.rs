//! Request fields: each is declared once, validated here, and published in the document.

use super::problem::Problem;
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
    /// An appid: `wx` and 16 letters or digits.
    AppId,
    /// A path pattern, which begins with `/` or `*`.
    Path,
    /// A whole number with its inclusive minimum and maximum.
    Number(u64, u64),
    Boolean,
    Enum(fn() -> Vec<&'static str>),
    /// A list with its maximum length.
    List(&'static Self, usize),
}

pub(super) const DIGITS: &str = "0-9";
pub(super) const LETTERS: &str = "0-9A-Za-z";
/// Character class of order, refund and profit-sharing numbers that a merchant assigns.
pub(super) const NUMBER: &str = "0-9A-Za-z_|*@-";
pub(super) const VISIBLE: &str = "!-~";
pub(super) const PRINTABLE: &str = " -~";

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
            Self::AppId => value.as_str().is_some_and(|text| {
                let rest = text.strip_prefix("wx");
                rest.is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
            }),
            Self::Path => value.as_str().is_some_and(|text| text.starts_with(['/', '*'])),
            Self::Number(from, to) => value.as_u64().is_some_and(|number| (*from..=*to).contains(&number)),
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
            Self::AppId => String::from("must be wx followed by 16 letters or digits"),
            Self::Path => String::from("must begin with / or *"),
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
            Self::AppId => json!({ "type": "string", "pattern": "^wx[0-9A-Za-z]{16}$" }),
            Self::Path => json!({ "type": "string", "pattern": "^[/*]" }),
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
            Self::Number(..) => text.parse::<u64>().map_or(Value::String(text), Value::from),
            Self::Boolean => text.parse::<bool>().map_or(Value::String(text), Value::from),
            Self::Text(..) | Self::AppId | Self::Path | Self::Enum(_) | Self::List(..) => Value::String(text),
        }
    }
}

/// Describes a character class in words: its ranges and characters, one by one.
fn describe_class(class: &str) -> String {
    match class {
        "" => String::from("characters"),
        VISIBLE => String::from("visible ASCII characters"),
        PRINTABLE => String::from("printable ASCII characters"),
        _ => {
            let values: Vec<String> = ranges(class)
                .map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") })
                .collect();
            format!("of {}", values.join(" "))
        }
    }
}

/// Returns true if a character belongs to a class in regular-expression notation.
fn class_contains(class: &str, character: char) -> bool {
    ranges(class).any(|(from, to)| (from..=to).contains(&character))
}

/// Yields the first and the last character of each range of a class. A single character is a range of its own.
fn ranges(class: &str) -> impl Iterator<Item = (char, char)> {
    let mut rest = class.chars();
    std::iter::from_fn(move || {
        let from = rest.next()?;
        let mut ahead = rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) => {
                rest = ahead;
                Some((from, to))
            }
            _ => Some((from, from)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_class_matches_like_a_regular_expression() {
        for (class, inside, outside) in
            [(DIGITS, "0509", "a-/:"), (NUMBER, "azAZ09_|*@-", " ./+"), (VISIBLE, "!~-a", " \u{7f}é")]
        {
            assert!(inside.chars().all(|character| class_contains(class, character)), "{class}");
            assert!(!outside.chars().any(|character| class_contains(class, character)), "{class}");
        }
    }

    #[test]
    fn field_kind_rule_is_readable() {
        for (kind, rule) in [
            (Kind::Text(1, 32, NUMBER), "must be a string of 1 to 32 of 0-9 A-Z a-z _ | * @ -"),
            (Kind::Text(32, 32, LETTERS), "must be a string of 32 of 0-9 A-Z a-z"),
            (Kind::Text(1, 2, ""), "must be a string of 1 to 2 characters"),
            (Kind::Text(1, 2, VISIBLE), "must be a string of 1 to 2 visible ASCII characters"),
            (Kind::Enum(|| vec!["a", "b"]), "must be one of a, b"),
        ] {
            assert_eq!(kind.rule(), rule);
        }
    }

    #[test]
    fn field_kind_accepts_only_its_values() {
        let values = Kind::Enum(|| vec!["a", "b"]);
        for (kind, fitting, other) in [
            (Kind::Text(1, 2, ""), json!("é"), json!("abc")),
            (Kind::Text(1, 2, DIGITS), json!("12"), json!(12)),
            (Kind::AppId, json!("wx0123456789abcdef"), json!("wx0123456789abcde")),
            (Kind::Path, json!("*/close"), json!("v3")),
            (Kind::Number(1, 5), json!(5), json!(6)),
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
