//! What answers look like: declared for the document. The tests hold real answers to it.

use super::field::Field;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The form of a value.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Text,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A whole number, 0 or more.
    Count,
    /// A whole number.
    Integer,
    Truth,
    /// Seconds since 1970 by the virtual clock.
    Seconds,
    /// An amount in fen.
    Fen,
    /// This or null.
    Maybe(&'static Self),
    List(&'static Self),
    Record(&'static Record),
    /// One of these.
    Either(&'static [Self]),
    /// An object of this name, which has every one of these fields.
    Switches(&'static str, fn() -> Vec<Field>),
    /// An object of texts under any names.
    Texts,
    /// Any object.
    Object,
}

/// An object with a name in the document.
pub(super) struct Record {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) members: &'static [Member],
}

/// A member of a record.
pub(super) struct Member {
    name: &'static str,
    shape: Shape,
    is_always: bool,
    about: &'static str,
}

pub(super) const fn always(name: &'static str, shape: Shape, about: &'static str) -> Member {
    Member { name, shape, is_always: true, about }
}

pub(super) const fn sometimes(name: &'static str, shape: Shape, about: &'static str) -> Member {
    Member { name, shape, is_always: false, about }
}

impl Shape {
    /// Its schema; the records that it leads to are put among the others.
    pub(super) fn schema(&self, records: &mut BTreeMap<&'static str, Value>) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Word(words) => json!({ "type": "string", "enum": words() }),
            Self::Count => json!({ "type": "integer", "minimum": 0 }),
            Self::Integer => json!({ "type": "integer" }),
            Self::Truth => json!({ "type": "boolean" }),
            Self::Seconds => {
                json!({ "type": "integer", "minimum": 0, "description": "seconds since 1970 by the virtual clock" })
            }
            Self::Fen => json!({ "type": "integer", "minimum": 0, "description": "fen" }),
            Self::Maybe(shape) => json!({ "anyOf": [shape.schema(records), { "type": "null" }] }),
            Self::List(shape) => json!({ "type": "array", "items": shape.schema(records) }),
            Self::Record(record) => record.reference(records),
            Self::Either(shapes) => {
                let each: Vec<Value> = shapes.iter().map(|shape| shape.schema(records)).collect();
                json!({ "anyOf": each })
            }
            Self::Switches(name, fields) => {
                let fields = fields();
                let members = fields.iter().map(|field| (String::from(field.name), field.schema(false)));
                let members: Map<String, Value> = members.collect();
                let required: Vec<&String> = members.keys().collect();
                let schema = json!({ "type": "object", "required": required, "properties": members });
                records.insert(name, schema);
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
            Self::Texts => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            Self::Object => json!({ "type": "object" }),
        }
    }
}

impl Record {
    pub(super) fn reference(&self, records: &mut BTreeMap<&'static str, Value>) -> Value {
        if !records.contains_key(self.name) {
            // Its place is taken first: a record may lead to itself.
            records.insert(self.name, Value::Null);
            let schema = self.schema(records);
            records.insert(self.name, schema);
        }
        json!({ "$ref": format!("#/components/schemas/{}", self.name) })
    }

    fn schema(&self, records: &mut BTreeMap<&'static str, Value>) -> Value {
        let required: Vec<&str> =
            self.members.iter().filter(|member| member.is_always).map(|member| member.name).collect();
        let mut properties = Map::new();
        for member in self.members {
            let mut schema = member.shape.schema(records);
            if let Some(members) = schema.as_object_mut() {
                members.insert("description".into(), member.about.into());
            }
            properties.insert(member.name.into(), schema);
        }
        json!({
            "type": "object",
            "description": self.about,
            "required": required,
            "properties": properties,
        })
    }
}
