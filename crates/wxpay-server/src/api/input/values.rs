//! Values by name.

use crate::api::{problem::Problem, time};
use serde_json::{Map, Value};
use std::{fmt, str::FromStr};
use wxpay_openapi::{Invalid, whole_number};
use wxpay_proto::{Fen, UnixTime, id::InvalidField, secret::Secret};

/// Values by name, which are taken one by one. Null counts as absent.
#[derive(Default)]
pub(crate) struct Values {
    /// The path of the object with a dot, or empty.
    prefix: String,
    members: Map<String, Value>,
    /// Names that were taken. A test uses it to find declared fields that no operation reads.
    #[cfg(test)]
    pub(crate) taken: std::collections::BTreeSet<String>,
}

/// Prints the names only: values may be secrets or personal data.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.keys()).finish()
    }
}

impl Values {
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self::at(String::new(), members)
    }

    fn at(prefix: String, members: Map<String, Value>) -> Self {
        Self {
            prefix,
            members,
            #[cfg(test)]
            taken: std::collections::BTreeSet::default(),
        }
    }

    /// Returns the path of a member.
    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Takes a value.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        #[cfg(test)]
        self.taken.insert(name.into());
        self.members.remove(name).filter(|value| !value.is_null())
    }

    /// Takes all values that are left, without nulls.
    pub(crate) fn take_rest(&mut self) -> Map<String, Value> {
        #[cfg(test)]
        self.taken.extend(self.members.keys().cloned());
        std::mem::take(&mut self.members).into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    /// Returns a text without taking it.
    pub(crate) fn peek_text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.take(name).and_then(into_text)
    }

    pub(crate) fn required_text(&mut self, name: &str) -> Result<String, Problem> {
        self.text(name).ok_or_else(|| self.missing(name))
    }

    pub(crate) fn secret(&mut self, name: &str) -> Option<Secret<String>> {
        self.text(name).map(Secret::new)
    }

    pub(crate) fn number(&mut self, name: &str) -> Option<u64> {
        self.take(name).as_ref().and_then(whole_number)
    }

    pub(crate) fn required_fen(&mut self, name: &str) -> Result<Fen, Problem> {
        self.number(name).map(Fen::new).ok_or_else(|| self.missing(name))
    }

    pub(crate) fn time(&mut self, name: &str) -> Option<UnixTime> {
        self.text(name).and_then(|text| time::parse(&text))
    }

    /// Takes an identifier of the protocol.
    pub(crate) fn id<T: FromStr<Err = InvalidField>>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        let path = self.path(name);
        let parse = |text: String| {
            text.parse().map_err(|error: InvalidField| Problem::from(Invalid::value(path, error.rule())))
        };
        self.text(name).map(parse).transpose()
    }

    pub(crate) fn required_id<T: FromStr<Err = InvalidField>>(&mut self, name: &str) -> Result<T, Problem> {
        self.id(name)?.ok_or_else(|| self.missing(name))
    }

    /// Takes a list of texts. `None` if it is absent.
    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let Value::Array(items) = self.take(name)? else { return None };
        Some(items.into_iter().filter_map(into_text).collect())
    }

    /// Takes an object.
    pub(crate) fn object(&mut self, name: &str) -> Option<Self> {
        let prefix = format!("{}.", self.path(name));
        self.take(name).and_then(into_object).map(|members| Self::at(prefix, members))
    }

    pub(crate) fn required_object(&mut self, name: &str) -> Result<Self, Problem> {
        self.object(name).ok_or_else(|| self.missing(name))
    }

    /// Takes a list of objects.
    pub(crate) fn objects(&mut self, name: &str) -> Vec<Self> {
        let path = self.path(name);
        let Some(Value::Array(items)) = self.take(name) else { return Vec::new() };
        let object =
            |(index, item)| into_object(item).map(|members| Self::at(format!("{path}[{index}]."), members));
        items.into_iter().enumerate().filter_map(object).collect()
    }

    fn missing(&self, name: &str) -> Problem {
        Problem::from(Invalid::missing(self.path(name)))
    }
}

fn into_text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(members) = value { Some(members) } else { None }
}
