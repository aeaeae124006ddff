//! Response schemas, declared for the document. The tests check real responses against them.

use super::field::Field;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Schema of a value.
#[derive(Clone, Copy)]
pub(super) enum Schema {
    Text,
    /// A string out of a fixed set.
    Enum(fn() -> Vec<&'static str>),
    /// A non-negative whole number.
    Count,
    /// A whole number.
    Integer,
    Boolean,
    /// A time: seconds since 1970 by the business clock.
    Seconds,
    /// An amount in fen.
    Fen,
    /// The inner schema, or null.
    Nullable(&'static Self),
    List(&'static Self),
    Record(&'static Record),
    /// Any of these schemas.
    AnyOf(&'static [Self]),
    /// A named object that has all of these fields.
    Settings(&'static str, fn() -> Vec<Field>),
    /// An object whose values are strings, under any names.
    StringMap,
    /// Any object.
    Object,
}

/// An object that has a name in the document.
pub(super) struct Record {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) members: &'static [Member],
}

/// A member of a record.
pub(super) struct Member {
    name: &'static str,
    schema: Schema,
    is_required: bool,
    description: &'static str,
}

pub(super) const fn required_member(name: &'static str, schema: Schema, description: &'static str) -> Member {
    Member { name, schema, is_required: true, description }
}

pub(super) const fn optional_member(name: &'static str, schema: Schema, description: &'static str) -> Member {
    Member { name, schema, is_required: false, description }
}

impl Schema {
    /// Returns the JSON schema. Adds the records that it references to `records`.
    pub(super) fn schema(&self, records: &mut BTreeMap<String, Value>) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Enum(values) => json!({ "type": "string", "enum": values() }),
            Self::Count => json!({ "type": "integer", "minimum": 0 }),
            Self::Integer => json!({ "type": "integer" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Seconds => {
                json!({ "type": "integer", "minimum": 0, "description": "seconds since 1970 by the business clock" })
            }
            Self::Fen => json!({ "type": "integer", "minimum": 0, "description": "fen" }),
            Self::Nullable(schema) => json!({ "anyOf": [schema.schema(records), { "type": "null" }] }),
            Self::List(schema) => json!({ "type": "array", "items": schema.schema(records) }),
            Self::Record(record) => record.reference(records),
            Self::AnyOf(schemas) => {
                let any_of: Vec<Value> = schemas.iter().map(|schema| schema.schema(records)).collect();
                json!({ "anyOf": any_of })
            }
            Self::Settings(name, fields) => {
                let fields = fields();
                let members = fields.iter().map(|field| (String::from(field.name), field.schema(false)));
                let members: Map<String, Value> = members.collect();
                let required: Vec<&String> = members.keys().collect();
                let schema = json!({ "type": "object", "required": required, "properties": members });
                records.insert(String::from(*name), schema);
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
            Self::StringMap => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            Self::Object => json!({ "type": "object" }),
        }
    }
}

impl Record {
    pub(super) fn reference(&self, records: &mut BTreeMap<String, Value>) -> Value {
        if !records.contains_key(self.name) {
            // Reserve the name before building the schema: a record may refer to itself.
            records.insert(self.name.into(), Value::Null);
            let schema = self.schema(records);
            records.insert(self.name.into(), schema);
        }
        json!({ "$ref": format!("#/components/schemas/{}", self.name) })
    }

    fn schema(&self, records: &mut BTreeMap<String, Value>) -> Value {
        let required: Vec<&str> =
            self.members.iter().filter(|member| member.is_required).map(|member| member.name).collect();
        let mut properties = Map::new();
        for member in self.members {
            let mut schema = member.schema.schema(records);
            if let Some(members) = schema.as_object_mut() {
                members.insert("description".into(), member.description.into());
            }
            properties.insert(member.name.into(), schema);
        }
        json!({
            "type": "object",
            "description": self.description,
            "required": required,
            "properties": properties,
        })
    }
}
