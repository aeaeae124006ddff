//! Schemas of responses, declared for the document.

use crate::field::Field;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Schemas of the document's components, by name.
pub type Components = BTreeMap<String, Value>;

/// Schema of a value.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Schema {
    /// A string.
    Text,
    /// A string out of a fixed set.
    Enum(fn() -> Vec<&'static str>),
    /// A time in RFC 3339.
    Time,
    /// A non-negative whole number.
    Count,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// An amount in fen.
    Fen,
    /// The inner schema, or null.
    Nullable(&'static Self),
    /// A list of values of the inner schema.
    List(&'static Self),
    /// A record.
    Record(&'static Record),
    /// Any of these schemas.
    AnyOf(&'static [Self]),
    /// The inner schema with a description.
    Described(&'static Self, &'static str),
    /// A named object that has all of these fields.
    Settings(&'static str, fn() -> Vec<Field>),
    /// An object of strings, under any names.
    StringMap,
    /// Any object.
    Object,
}

/// An object that has a name in the document.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "records are declared as literals")]
pub struct Record {
    /// The name; unique in the document.
    pub name: &'static str,
    /// The description in the document.
    pub description: &'static str,
    /// The members.
    pub members: &'static [Member],
}

/// A member of a record.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Member {
    /// The name.
    pub name: &'static str,
    /// The schema of the value.
    pub schema: Schema,
    /// True if the member is always present.
    pub is_required: bool,
    /// The description in the document.
    pub description: &'static str,
}

/// Declares a member that is always present.
pub const fn required_member(name: &'static str, schema: Schema, description: &'static str) -> Member {
    Member { name, schema, is_required: true, description }
}

/// Declares a member that may be absent.
pub const fn optional_member(name: &'static str, schema: Schema, description: &'static str) -> Member {
    Member { name, schema, is_required: false, description }
}

impl Schema {
    /// Returns the JSON schema. Adds the records that it references to the components.
    pub fn schema(&self, components: &mut Components) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Enum(values) => json!({ "type": "string", "enum": values() }),
            Self::Time => json!({ "type": "string", "format": "date-time" }),
            Self::Count => json!({ "type": "integer", "minimum": 0 }),
            Self::Integer => json!({ "type": "integer" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Fen => json!({ "type": "integer", "minimum": 0, "description": "fen" }),
            Self::Nullable(schema) => json!({ "anyOf": [schema.schema(components), { "type": "null" }] }),
            Self::List(schema) => json!({ "type": "array", "items": schema.schema(components) }),
            Self::Record(record) => record.reference(components),
            Self::AnyOf(schemas) => {
                let any_of: Vec<Value> = schemas.iter().map(|schema| schema.schema(components)).collect();
                json!({ "anyOf": any_of })
            }
            Self::Described(schema, description) => {
                let mut schema = schema.schema(components);
                if let Some(members) = schema.as_object_mut() {
                    members.insert("description".into(), (*description).into());
                }
                schema
            }
            Self::Settings(name, fields) => {
                let fields = fields();
                let members = fields.iter().map(|field| (String::from(field.name), field.schema(false)));
                let members: Map<String, Value> = members.collect();
                let required: Vec<&String> = members.keys().collect();
                let schema = json!({ "type": "object", "required": required, "properties": members });
                components.insert(String::from(*name), schema);
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
            Self::StringMap => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            Self::Object => json!({ "type": "object" }),
        }
    }
}

impl Record {
    /// Returns a reference to the record. Adds the record to the components.
    pub fn reference(&self, components: &mut Components) -> Value {
        if !components.contains_key(self.name) {
            // Reserve the name before building the schema: a record may refer to itself.
            components.insert(self.name.into(), Value::Null);
            let schema = self.schema(components);
            components.insert(self.name.into(), schema);
        }
        json!({ "$ref": format!("#/components/schemas/{}", self.name) })
    }

    fn schema(&self, components: &mut Components) -> Value {
        let required: Vec<&str> =
            self.members.iter().filter(|member| member.is_required).map(|member| member.name).collect();
        let mut properties = Map::new();
        for member in self.members {
            let mut schema = member.schema.schema(components);
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

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Record = Record {
        name: "Node",
        description: "A node.",
        members: &[
            required_member("at", Schema::Time, "The time."),
            optional_member("children", Schema::List(&Schema::Record(&NODE_AGAIN)), "The children."),
        ],
    };
    const NODE_AGAIN: Record = Record { name: "Node", description: "A node.", members: &[] };

    #[test]
    fn record_is_a_component_that_may_refer_to_itself() {
        let mut components = Components::new();
        let reference = NODE.reference(&mut components);
        assert_eq!(reference, json!({ "$ref": "#/components/schemas/Node" }));
        assert_eq!(components.len(), 1);
        assert_eq!(components["Node"]["required"], json!(["at"]));
        assert_eq!(components["Node"]["properties"]["children"]["items"], reference);
    }
}
