//! Parameters of `sign` and `verify`: a JSON object of strings and whole numbers, each name once.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use wxpay_proto::wire::json::LenientString;

/// Names and values in input order.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses one JSON object; anything after it is an error.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
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

    /// Returns the value of a name, ignoring case.
    ///
    /// # Errors
    ///
    /// If the name occurs twice.
    pub(crate) fn value_ignoring_case(&self, wanted: &str) -> Result<Option<&str>, String> {
        let mut found = self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(format!("{wanted} must occur once, whatever its case")),
            (found, _) => Ok(found.map(|(_, value)| value.as_str())),
        }
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

    /// Removes these names, ignoring case.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.iter().any(|unwanted| name.eq_ignore_ascii_case(unwanted)));
        self
    }
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

fn printable(name: &str) -> String {
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
