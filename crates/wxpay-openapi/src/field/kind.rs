//! Types and rules of values.

use super::Field;
use crate::{
    class::{describe_class, is_of},
    form::Form,
};
use serde_json::Value;

/// Type and rule of a field's value.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums, reason = "whoever reads values by their kind must handle every kind")]
pub enum Kind {
    /// A string: minimum and maximum number of characters, and a character class in regular-expression notation
    /// (`0-9A-Z_-`). An empty class allows any character.
    Text(usize, usize, &'static str),
    /// A string of a form of its own.
    Form(&'static Form),
    /// A whole number with its inclusive minimum and maximum, which is at most [`MAX_NUMBER`]. `5.0` and `5e0` are
    /// whole numbers too, as in JSON Schema.
    Number(u64, u64),
    /// An amount in fen with its inclusive minimum and maximum. Written with a dot or an exponent it is refused:
    /// `19.00` is most likely a price in yuan.
    Fen(u64, u64),
    /// True or false.
    Boolean,
    /// A string out of a fixed set.
    Enum(fn() -> Vec<&'static str>),
    /// A list with its maximum length.
    List(&'static Self, usize),
    /// An object with these members and no others.
    Object(&'static [Field]),
    /// An object of strings, under names that the client chooses.
    Map(&'static StringMap),
}

/// Limits of an object with members that the client names.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "declared as literals")]
pub struct StringMap {
    /// The maximum number of members.
    pub max_members: usize,
    /// The maximum length of a name, in characters; the minimum is 1.
    pub max_name: usize,
    /// The character class of the names, as in [`Kind::Text`].
    pub name_class: &'static str,
    /// The maximum length of a value, in characters.
    pub max_value: usize,
    /// The character class of the values, as in [`Kind::Text`].
    pub value_class: &'static str,
}

/// Largest number of a field: every JSON implementation keeps whole numbers up to it exact (RFC 7493).
pub const MAX_NUMBER: u64 = 9_007_199_254_740_991;

impl Kind {
    /// Returns whether a value satisfies the rule.
    pub fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Text(min, max, class) => value.as_str().is_some_and(|text| is_of(text, *min, *max, class)),
            Self::Form(form) => value.as_str().is_some_and(form.accepts),
            Self::Number(from, to) => {
                whole_number(value).is_some_and(|number| (*from..=*to).contains(&number))
            }
            Self::Fen(from, to) => value.as_u64().is_some_and(|number| (*from..=*to).contains(&number)),
            Self::Boolean => value.is_boolean(),
            Self::Enum(values) => value.as_str().is_some_and(|text| values().contains(&text)),
            Self::List(kind, max) => value
                .as_array()
                .is_some_and(|items| items.len() <= *max && items.iter().all(|item| kind.accepts(item))),
            Self::Object(fields) => {
                value.as_object().is_some_and(|members| super::check_members(fields, members).is_ok())
            }
            Self::Map(limits) => value.as_object().is_some_and(|members| {
                members.len() <= limits.max_members
                    && members.iter().all(|(name, value)| {
                        is_of(name, 1, limits.max_name, limits.name_class)
                            && value
                                .as_str()
                                .is_some_and(|text| is_of(text, 0, limits.max_value, limits.value_class))
                    })
            }),
        }
    }

    /// Returns the rule as the end of a sentence that begins with the field's name.
    pub fn rule(&self) -> String {
        match self {
            Self::Text(min, max, class) => {
                let length = if min == max { min.to_string() } else { format!("{min} to {max}") };
                format!("must be a string of {length} {}", describe_class(class))
            }
            Self::Form(form) => form.rule.into(),
            Self::Number(from, to) => format!("must be a whole number from {from} to {to}"),
            Self::Fen(from, to) => {
                format!("must be a whole number of fen from {from} to {to}, without a dot or an exponent")
            }
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
            Self::Object(_) => String::from("must be an object"),
            Self::Map(StringMap { max_members, max_name, name_class, max_value, value_class }) => format!(
                "must be an object of at most {max_members} strings of at most {max_value} {}, under names of 1 to {max_name} {}",
                describe_class(value_class),
                describe_class(name_class)
            ),
        }
    }

    /// Converts a path, query or header value, which is text, to the JSON type of the field. Text that cannot be
    /// converted stays a string, so that [`Field::check`] rejects it by the field's rule.
    pub fn parse(&self, text: String) -> Value {
        match self {
            Self::Number(..) | Self::Fen(..) | Self::Boolean => match serde_json::from_str(&text) {
                Ok(value @ (Value::Number(_) | Value::Bool(_))) if text == text.trim() => value,
                _ => Value::String(text),
            },
            Self::Text(..)
            | Self::Form(_)
            | Self::Enum(_)
            | Self::List(..)
            | Self::Object(_)
            | Self::Map(_) => Value::String(text),
        }
    }

    /// Returns a value that satisfies the rule.
    pub fn sample(&self) -> Value {
        match self {
            Self::Text(min, _, class) => {
                let is_digit = class.is_empty() || class.starts_with("0-9");
                if is_digit { "1" } else { "a" }.repeat(*min).into()
            }
            Self::Form(form) => form.sample.into(),
            Self::Number(from, _) | Self::Fen(from, _) => (*from).into(),
            Self::Boolean => true.into(),
            Self::Enum(words) => words().first().copied().into(),
            Self::List(kind, _) => Value::Array(vec![kind.sample()]),
            Self::Object(fields) => {
                fields.iter().map(|field| (String::from(field.name), field.kind.sample())).collect()
            }
            Self::Map(_) => Value::Object(serde_json::Map::new()),
        }
    }
}

/// Returns the whole number of a JSON value. `5`, `5.0` and `5e0` are the same number, as in JSON Schema.
pub fn whole_number(value: &Value) -> Option<u64> {
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
    use crate::{DIGITS, LETTERS, VISIBLE_EXCEPT_AMPERSAND, optional};
    use serde_json::json;

    const EVEN: Form = Form {
        pattern: "^(..){1,2}$",
        format: "",
        max_json_bytes: 4,
        rule: "must be even",
        accepts: |text| text.len().is_multiple_of(2),
        sample: "ab",
    };
    const INNER: &[Field] = &[optional("a", Kind::Boolean, "")];
    const LABELS: StringMap =
        StringMap { max_members: 2, max_name: 3, name_class: "a-z", max_value: 2, value_class: "" };

    #[test]
    fn field_kind_rule_is_readable() {
        for (kind, rule) in [
            (Kind::Text(1, 32, "0-9A-Za-z_|*@-"), "must be a string of 1 to 32 of 0-9 A-Z a-z _ | * @ -"),
            (Kind::Text(32, 32, LETTERS), "must be a string of 32 of 0-9 A-Z a-z"),
            (Kind::Text(1, 2, ""), "must be a string of 1 to 2 characters"),
            (
                Kind::Text(1, 2, VISIBLE_EXCEPT_AMPERSAND),
                "must be a string of 1 to 2 visible ASCII characters except &",
            ),
            (Kind::Enum(|| vec!["a", "b"]), "must be one of a, b"),
            (
                Kind::Map(&LABELS),
                "must be an object of at most 2 strings of at most 2 characters, under names of 1 to 3 of a-z",
            ),
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
            (Kind::Form(&EVEN), json!("ab"), json!("abc")),
            (Kind::Number(1, 5), json!(5), json!(6)),
            (Kind::Number(0, 5), json!(5.0), json!(-1.0)),
            (Kind::Number(0, 5), json!(-0.0), json!(1e300)),
            (Kind::Number(0, 5), json!(0), json!(0.5)),
            (Kind::Fen(1, 5), json!(5), json!(5.0)),
            (Kind::Boolean, json!(false), json!("false")),
            (values, json!("a"), json!("c")),
            (Kind::List(&Kind::Boolean, 1), json!([true]), json!([true, true])),
            (Kind::Object(INNER), json!({ "a": true }), json!({ "b": true })),
            (Kind::Map(&LABELS), json!({ "abc": "é", "x": "" }), json!({ "abcd": "" })),
            (Kind::Map(&LABELS), json!({}), json!({ "a": 1 })),
            (Kind::Map(&LABELS), json!({ "a": "12" }), json!({ "a": "123" })),
            (Kind::Map(&LABELS), json!({ "a": "", "b": "" }), json!({ "a": "", "b": "", "c": "" })),
        ] {
            let field = optional("it", kind, "");
            assert!(field.check(&fitting).is_ok(), "{fitting}");
            assert!(field.check(&other).is_err(), "{other}");
            assert!(kind.accepts(&kind.sample()), "{kind:?}");
        }
    }
}
