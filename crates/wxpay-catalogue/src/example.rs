//! Example requests.

use crate::{
    operation::{Body, Operation, parameter_name},
    schema::{Range, Schema, Type},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// The depth to which examples are built.
const MAX_DEPTH: usize = 12;

/// The maximum number of values in an example: references can multiply them.
const MAX_VALUES: usize = 2000;

/// An example request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Example {
    /// Path and query, percent-encoded.
    pub target: String,
    /// The JSON body; for an upload, the part `meta`.
    pub body: Option<Value>,
}

impl Operation {
    /// Builds an example request with all fields. Sealed fields hold a plaintext: encrypt them.
    pub fn example(&self) -> Example {
        let text = |schema: &Schema| {
            let value = schema.sample();
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let text = if text.is_empty() || text == "null" { "1".to_owned() } else { text };
            utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
        };
        let parts = self.path.split('/').map(|part| {
            let name = parameter_name(part);
            let parameter = name.and_then(|name| self.parameters_in(true).find(|known| known.name == name));
            parameter.map_or_else(|| part.to_owned(), |parameter| text(&parameter.schema))
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let query = self.parameters_in(false).map(|parameter| {
            // A list is sent as one item.
            let schema = parameter.schema.items.as_ref().unwrap_or(&parameter.schema);
            format!("{}={}", parameter.name, text(schema))
        });
        let query = query.collect::<Vec<_>>().join("&");
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        let body = match &self.body {
            Body::None => None,
            Body::Json { schema, .. } | Body::Upload { meta: schema } => Some(schema.sample()),
        };
        Example { target, body }
    }
}

impl Schema {
    /// Builds a value that the schema allows: the example where it is one, otherwise the first listed value or a value of
    /// the type.
    pub fn sample(&self) -> Value {
        sample(self, "", MAX_DEPTH, &mut 0)
    }
}

fn sample(schema: &Schema, name: &str, depth: usize, count: &mut usize) -> Value {
    *count = count.saturating_add(1);
    let deeper = depth.checked_sub(1).filter(|_| *count < MAX_VALUES);
    if !schema.properties.is_empty() && schema.allows(Type::Object) {
        let Some(deeper) = deeper else { return Value::Object(Map::new()) };
        let members = schema
            .properties
            .iter()
            .map(|(name, property)| (name.clone(), sample(&property.schema, name, deeper, count)));
        return Value::Object(members.collect());
    }
    if let Some(items) = schema.items.as_ref().filter(|_| schema.allows(Type::Array)) {
        let given = schema.example.as_ref().filter(|example| schema.check(example).complaints.is_empty());
        if let Some(given) = given {
            return given.clone();
        }
        return deeper.map(|deeper| sample(items, name, deeper, count)).into_iter().collect();
    }
    if let Some(json) = &schema.json {
        let text = deeper.map(|deeper| sample(json, name, deeper, count).to_string());
        return Value::String(text.unwrap_or_default());
    }
    scalar(schema, name)
}

/// Returns a value without members: the example converted to the type, a listed one, or one of the type.
fn scalar(schema: &Schema, name: &str) -> Value {
    let example = schema.example.as_ref().and_then(|example| converted(schema, example));
    if let Some(value) = example.or_else(|| schema.values.iter().find(|value| schema.fits(value)).cloned()) {
        // The example of a description can break its own limit.
        let fitted = value.as_str().filter(|_| !schema.is_sealed).map(|text| of_length(text, schema.length));
        return fitted.map_or(value, Value::String);
    }
    match schema.types.first() {
        Some(Type::Integer | Type::Number) => {
            let Range { min, max } = schema.range;
            1.max(min.unwrap_or(1)).min(max.unwrap_or(i64::MAX)).into()
        }
        Some(Type::Boolean) => false.into(),
        Some(Type::Object) => Value::Object(Map::new()),
        Some(Type::Array) => Value::Array(Vec::new()),
        Some(Type::String) | None => match schema.format.as_str() {
            "rfc3339" => "2026-01-02T03:04:05+08:00".into(),
            "date" => "2026-01-02".into(),
            "url" | "MediaUrl" => "https://www.example.com/".into(),
            _ => of_length(if name.is_empty() { "example" } else { name }, schema.length).into(),
        },
    }
}

/// Repeats or cuts a text to a length.
fn of_length(text: &str, length: Range) -> String {
    let limit = |limit: Option<i64>| limit.and_then(|limit| usize::try_from(limit).ok());
    let least = limit(length.min).unwrap_or(0).min(MAX_VALUES);
    let count = text.chars().count().max(least).min(limit(length.max).unwrap_or(usize::MAX)).max(1);
    text.chars().cycle().take(count).collect()
}

/// Returns a value as the schema allows it: numbers and truth values are often written as texts, and texts as numbers.
fn converted(schema: &Schema, value: &Value) -> Option<Value> {
    if schema.fits(value) && !value.is_null() {
        return Some(value.clone());
    }
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text.trim()).ok());
    let as_text = (value.is_number() || value.is_boolean()).then(|| Value::String(value.to_string()));
    parsed.into_iter().chain(as_text).find(|value: &Value| schema.fits(value) && !value.is_null())
}

impl Schema {
    /// Returns a value as this schema allows it, if it can be converted: a text of digits to a number, for example.
    pub fn convert(&self, value: &Value) -> Option<Value> {
        converted(self, value)
    }
}
