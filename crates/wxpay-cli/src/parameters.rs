//! Parameters from a JSON object: strings and whole numbers, each name once.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use wxpay_proto::wire::json::Loose;

/// Names and values in the order they were given.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads one JSON object and nothing after it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        // The messages of serde_json may quote a value; ours name the parameter and the rule.
        let given: Given = serde_json::from_slice(text).map_err(|error| {
            if error.is_data() {
                plain(&error)
            } else {
                format!("the input is not one JSON object (line {}, column {})", error.line(), error.column())
            }
        })?;
        Ok(Self(given.0))
    }

    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The value of a name.
    pub(crate) fn value(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// The value of a name, whatever the case of its letters.
    ///
    /// # Errors
    ///
    /// When it comes twice.
    pub(crate) fn in_any_case(&self, wanted: &str) -> Result<Option<&str>, String> {
        let mut found = self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(format!("{wanted} must come once, in any case of letters")),
            (found, _) => Ok(found.map(|(_, value)| value.as_str())),
        }
    }

    /// A name that comes twice if the case of letters counts for nothing.
    pub(crate) fn twice_in_any_case(&self) -> Option<&str> {
        let mut names: Vec<(String, &str)> =
            self.0.iter().map(|(name, _)| (name.to_ascii_lowercase(), name.as_str())).collect();
        names.sort();
        names.windows(2).find_map(|pair| match pair {
            [(one, _), (other, name)] if one == other => Some(*name),
            _ => None,
        })
    }

    /// Everything but these names.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.iter().any(|unwanted| name.eq_ignore_ascii_case(unwanted)));
        self
    }
}

/// What our own visitor said, without the position that `serde_json` appends.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(RULE_END).map_or_else(
        || "the input must be one JSON object of strings and whole numbers".to_owned(),
        |(ours, _)| ours.to_owned(),
    )
}

/// Marks the end of a message of ours within one of `serde_json`'s.
const RULE_END: char = '\u{1}';

struct Given(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Given;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Given, M::Error> {
                let mut given: Vec<(String, String)> = Vec::new();
                while let Some(name) = members.next_key::<String>()? {
                    let broken =
                        |rule: &str| M::Error::custom(format!("{} {rule}{RULE_END}", printable(&name)));
                    if given.iter().any(|(known, _)| *known == name) {
                        return Err(broken("must come once"));
                    }
                    match members.next_value::<Value>()? {
                        Value::Text(Loose(value)) => given.push((name, value)),
                        Value::Null(()) | Value::Other(IgnoredAny) => {
                            return Err(broken("must be a string or a whole number"));
                        }
                    }
                }
                Ok(Given(given))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Value {
    Null(()),
    Text(Loose),
    Other(IgnoredAny),
}

fn printable(name: &str) -> String {
    name.chars().filter(|sign| !sign.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_whole_numbers_are_taken_as_text() {
        let given = Parameters::parse(br#"{"b":"x","a":1399514976}"#).unwrap();
        assert_eq!(given.fields(), [("b", "x"), ("a", "1399514976")]);
    }

    #[test]
    fn everything_else_is_refused_by_name_and_rule() {
        let error = |text: &str| Parameters::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error(r#"{"total_fee":19.99}"#), "total_fee must be a string or a whole number");
        assert_eq!(error(r#"{"a":null}"#), "a must be a string or a whole number");
        assert_eq!(error(r#"{"a":{"b":1}}"#), "a must be a string or a whole number");
        assert_eq!(error(r#"{"a":"1","a":"1"}"#), "a must come once");
        assert_eq!(error("[1]"), "the input must be one JSON object of strings and whole numbers");
        assert_eq!(error("{\"a\":\"1\"} x"), "the input is not one JSON object (line 1, column 11)");
        assert_eq!(error(""), "the input is not one JSON object (line 1, column 0)");
    }
}
