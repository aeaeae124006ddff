//! Parameters of `sign` and `verify`: a JSON object of strings and whole numbers, each name once.

use serde::{
    Serialize, Serializer,
    de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor},
};
use std::fmt;
use wxpay_proto::wire::json::LenientString;

/// Names and values in input order.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses one JSON object; anything after it is an error. The output of `sign --json` is accepted too: its
    /// `parameters` are read, and its other members, which follow from them, are ignored.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        if let Ok(Signed { parameters }) = serde_json::from_slice(text) {
            return Ok(Self(parameters.0));
        }
        // serde_json's messages may quote a value, which may be a secret. The messages here name only parameter and
        // rule.
        let pairs: Pairs = serde_json::from_slice(text).map_err(|error| {
            if error.is_data() {
                plain(&error)
            } else {
                format!(
                    "the input must be one JSON object (line {}, column {})",
                    error.line(),
                    error.column()
                )
            }
        })?;
        Ok(Self(pairs.0))
    }

    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Returns the value of a name.
    pub(crate) fn value(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// Returns the first value of any of these names, ignoring case.
    pub(crate) fn value_of_any(&self, wanted: &[&str]) -> Option<&str> {
        self.0.iter().find(|(name, _)| is_any_of(wanted, name)).map(|(_, value)| value.as_str())
    }

    /// Returns a name that occurs twice, ignoring case.
    pub(crate) fn duplicate_ignoring_case(&self) -> Option<&str> {
        let mut names: Vec<(String, &str)> =
            self.0.iter().map(|(name, _)| (name.to_ascii_lowercase(), name.as_str())).collect();
        names.sort();
        names.windows(2).find_map(|pair| match pair {
            [(one, _), (other, name)] if one == other => Some(*name),
            _ => None,
        })
    }

    /// Removes the parameters with an unwanted name.
    pub(crate) fn without(mut self, is_unwanted: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|(name, _)| !is_unwanted(name));
        self
    }

    /// Replaces the parameters of these names, ignoring case, by one at the end under the first name.
    pub(crate) fn replacing(self, names: &[&str], value: impl Into<String>) -> Self {
        let others = self.without(|name| is_any_of(names, name));
        match names.first() {
            Some(name) => others.with(name, value),
            None => others,
        }
    }

    /// Adds a parameter at the end.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }
}

/// Returns whether a name is one of these, ignoring case.
pub(crate) fn is_any_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.fields())
    }
}

/// The output of `sign --json`.
#[derive(serde::Deserialize)]
struct Signed {
    parameters: Pairs,
}

/// Returns the visitor's message, without the position that `serde_json` appends to it.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(MESSAGE_END).map_or_else(
        || "the input must be one JSON object of strings and whole numbers".to_owned(),
        |(message, _)| message.to_owned(),
    )
}

/// Marks the end of the visitor's message within `serde_json`'s.
const MESSAGE_END: char = '\u{1}';

struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Pairs, M::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some(name) = members.next_key::<String>()? {
                    let invalid =
                        |rule: &str| M::Error::custom(format!("{} {rule}{MESSAGE_END}", printable(&name)));
                    if pairs.iter().any(|(known, _)| *known == name) {
                        return Err(invalid("must occur once"));
                    }
                    match members.next_value::<Value>()? {
                        Value::Text(LenientString(value)) => pairs.push((name, value)),
                        Value::Null(()) | Value::Other(IgnoredAny) => {
                            return Err(invalid("must be a string or a whole number"));
                        }
                    }
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Value {
    Null(()),
    Text(LenientString),
    Other(IgnoredAny),
}

pub(crate) fn printable(name: &str) -> String {
    name.chars().filter(|next| !next.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_whole_numbers_are_read_as_text() {
        let pairs = Parameters::parse(br#"{"b":"x","a":1399514976}"#).unwrap();
        assert_eq!(pairs.fields(), [("b", "x"), ("a", "1399514976")]);
    }

    #[test]
    fn the_output_of_sign_is_read_as_its_parameters() {
        let pairs =
            Parameters::parse(br#"{"parameters":{"a":"1"},"string_to_sign":"a=1","bytes":3}"#).unwrap();
        assert_eq!(pairs.fields(), [("a", "1")]);
        let text = Parameters::parse(br#"{"parameters":"1","a":"2"}"#).unwrap();
        assert_eq!(text.fields(), [("parameters", "1"), ("a", "2")]);
    }

    #[test]
    fn other_values_are_rejected_by_name_and_rule() {
        let error = |text: &str| Parameters::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error(r#"{"total_fee":19.99}"#), "total_fee must be a string or a whole number");
        assert_eq!(error(r#"{"a":null}"#), "a must be a string or a whole number");
        assert_eq!(error(r#"{"a":{"b":1}}"#), "a must be a string or a whole number");
        assert_eq!(error(r#"{"a":"1","a":"1"}"#), "a must occur once");
        assert_eq!(error("[1]"), "the input must be one JSON object of strings and whole numbers");
        assert_eq!(error("{\"a\":\"1\"} x"), "the input must be one JSON object (line 1, column 11)");
        assert_eq!(error(""), "the input must be one JSON object (line 1, column 0)");
    }
}
