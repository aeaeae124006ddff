//! Strict reading of a JSON object, with the path of each field in errors.

use crate::invalid::Invalid;
use serde_json::{Map, Value};
use std::str::FromStr;
use wxpay_proto::{Fen, id::InvalidField};

/// The maximum length of an unknown field's name that an error shows.
const MAX_SHOWN_NAME: usize = 64;

/// A JSON object whose fields are taken one by one; those that remain are unknown. A `null` counts as absent.
pub(super) struct Reader {
    /// The path of the object with a dot, or empty.
    path: String,
    fields: Map<String, Value>,
}

impl Reader {
    pub(super) fn new(fields: Map<String, Value>) -> Self {
        Self { path: String::new(), fields }
    }

    /// Returns the path of a field of this object.
    pub(super) fn at(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, rule: &'static str) -> Invalid {
        Invalid::new(self.at(name), rule)
    }

    pub(super) fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, Invalid> {
        value.ok_or_else(|| self.wrong(name, "is required"))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    /// Takes a text that has a rule of its own.
    pub(super) fn parsed<T: FromStr<Err = InvalidField>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, Invalid> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error: InvalidField| Invalid::new(self.at(name), error.rule()))
    }

    /// Takes a text that `parse` reads; `rule` is the error.
    pub(super) fn parsed_by<T>(
        &mut self,
        name: &str,
        rule: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Invalid> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| self.wrong(name, rule))
    }

    /// Takes an optional flag, by default `false`.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Invalid> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.wrong(name, "must be true or false")),
        }
    }

    pub(super) fn fen(&mut self, name: &str) -> Result<Option<Fen>, Invalid> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let rule = "must be a whole number of fen, not a string or a fraction";
        value.as_u64().map(|fen| Some(Fen::new(fen))).ok_or_else(|| self.wrong(name, rule))
    }

    pub(super) fn count(&mut self, name: &str) -> Result<Option<u32>, Invalid> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
        count.map(Some).ok_or_else(|| self.wrong(name, "must be a whole number"))
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self { path: format!("{}.", self.at(name)), fields })),
            Some(_) => Err(self.wrong(name, "must be an object")),
        }
    }

    /// Takes an optional list of objects.
    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Self>, Invalid> {
        let entries = match self.take(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(self.wrong(name, "must be a list of objects")),
        };
        let entry = |(index, entry)| {
            let path = format!("{}[{index}]", self.at(name));
            match entry {
                Value::Object(fields) => Ok(Self { path: format!("{path}."), fields }),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    Err(Invalid::new(path, "must be an object"))
                }
            }
        };
        entries.into_iter().enumerate().map(entry).collect()
    }

    /// Checks that every field was taken.
    pub(super) fn finish(self) -> Result<(), Invalid> {
        let Some(name) = self.fields.keys().next() else { return Ok(()) };
        let is_short = name.len() <= MAX_SHOWN_NAME && name.bytes().all(|byte| byte.is_ascii_graphic());
        let shown = if is_short { self.at(name) } else { self.at("?") };
        Err(Invalid::new(shown, "is an unknown field"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reader(value: Value) -> Reader {
        let Value::Object(fields) = value else { panic!("an object") };
        Reader::new(fields)
    }

    #[test]
    fn a_field_of_another_type_is_named_by_its_path() {
        let mut root =
            reader(json!({"amount": {"total": "1"}, "list": [{}, 1], "flag": 1, "text": 1, "null": null}));
        let mut amount = root.object("amount").unwrap().unwrap();
        assert_eq!(amount.fen("total").unwrap_err().field(), "amount.total");
        assert_eq!(root.list("list").err().unwrap().field(), "list[1]");
        assert_eq!(root.flag("flag").unwrap_err().to_string(), "flag must be true or false");
        assert_eq!(root.text("text").unwrap_err().to_string(), "text must be a string");
        assert_eq!(root.text("null").unwrap(), None);
        root.finish().unwrap();
    }

    #[test]
    fn an_unknown_field_is_named_if_it_can_be_printed() {
        assert_eq!(
            reader(json!({"colour": 1})).finish().unwrap_err().to_string(),
            "colour is an unknown field"
        );
        for name in ["x".repeat(65), "a\nb".into(), "颜色".into()] {
            assert_eq!(reader(json!({ name: 1 })).finish().unwrap_err().field(), "?");
        }
    }

    #[test]
    fn an_amount_is_a_whole_number() {
        for wrong in [json!(1.5), json!(-1), json!("1"), json!(true), json!([1])] {
            assert!(reader(json!({"total": wrong})).fen("total").is_err());
            assert!(reader(json!({"total": wrong})).count("total").is_err());
        }
        assert_eq!(reader(json!({"total": 1999})).fen("total").unwrap(), Some(Fen::new(1999)));
        assert!(reader(json!({"quantity": 4_294_967_296_u64})).count("quantity").is_err());
    }
}
