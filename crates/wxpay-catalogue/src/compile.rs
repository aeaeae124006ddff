//! Compilation of schemas: references are resolved, and `allOf` is merged.

use crate::{
    Defect,
    schema::{Property, Range, Schema, Type},
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// The maximum depth of a schema, references included.
const MAX_DEPTH: usize = 64;

/// The words that mark a description of a field as encrypted.
const SEALED_WORDS: [&str; 3] = ["加密后", "密文", "加密的"];

/// Compiles the schemas of one document.
pub(crate) struct Compiler<'a> {
    document: &'a Value,
    /// The schemas behind references; `None` while one is being compiled.
    known: BTreeMap<String, Option<Arc<Schema>>>,
    /// The defects that leave nothing out.
    pub(crate) tolerated: Vec<Defect>,
}

impl<'a> Compiler<'a> {
    pub(crate) const fn new(document: &'a Value) -> Self {
        Self { document, known: BTreeMap::new(), tolerated: Vec::new() }
    }

    /// Follows the references of a part of the document, other than a schema.
    pub(crate) fn resolve<'b>(&self, mut value: &'b Value, place: &str) -> Result<&'b Value, Defect>
    where
        'a: 'b,
    {
        for _ in 0..MAX_DEPTH {
            let Some(reference) = value.get("$ref") else { return Ok(value) };
            value = self.target(reference, place)?.1;
        }
        Err(Defect::new(place, "the reference leads back to itself"))
    }

    fn target(&self, reference: &Value, place: &str) -> Result<(String, &'a Value), Defect> {
        let at = format!("{place}/$ref");
        let text = reference.as_str().ok_or_else(|| Defect::new(&at, "must be a string"))?;
        let pointer = text
            .strip_prefix('#')
            .ok_or_else(|| Defect::new(&at, "must point into this file, as #/definitions/NAME does"))?;
        let found = self.document.pointer(pointer);
        found
            .map(|found| (pointer.to_owned(), found))
            .ok_or_else(|| Defect::new(&at, "points to nothing in this file"))
    }

    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// The defect that makes the operation unusable.
    pub(crate) fn schema(&mut self, value: &Value, place: &str, depth: usize) -> Result<Arc<Schema>, Defect> {
        if depth > MAX_DEPTH {
            return Err(Defect::new(place, "is nested too deeply"));
        }
        let Some(members) = value.as_object() else {
            // `true` is the schema of any value in OpenAPI 3.1.
            return if value == &Value::Bool(true) {
                Ok(Arc::new(Schema { is_open: true, ..Schema::default() }))
            } else {
                Err(Defect::new(place, "a schema must be an object"))
            };
        };
        if let Some(reference) = members.get("$ref") {
            return self.reference(reference, place, depth);
        }
        let mut schema = self.own(members, place);
        self.nested(&mut schema, members, place, depth)?;
        for (at, part) in parts(members, "allOf", place)? {
            let part = self.schema(part, &at, depth.saturating_add(1))?;
            schema.merge(&part);
        }
        for name in ["oneOf", "anyOf"] {
            let mut alternatives = Vec::new();
            for (at, part) in parts(members, name, place)? {
                alternatives.push(self.schema(part, &at, depth.saturating_add(1))?);
            }
            if !alternatives.is_empty() {
                schema.add_alternatives(&alternatives);
            }
        }
        schema.is_open |= schema.properties.is_empty();
        schema.list_values_of_the_type();
        let is_sensitive = members.get("x-is-sensitive") == Some(&Value::Bool(true));
        let is_named = SEALED_WORDS.iter().any(|word| schema.description.contains(word));
        schema.is_sealed |= schema.types == [Type::String]
            && (schema.format == "base64" || is_sensitive || is_named && schema.format.is_empty());
        Ok(Arc::new(schema))
    }

    fn reference(&mut self, reference: &Value, place: &str, depth: usize) -> Result<Arc<Schema>, Defect> {
        let (pointer, target) = self.target(reference, place)?;
        match self.known.get(&pointer) {
            Some(Some(schema)) => return Ok(Arc::clone(schema)),
            // A type that contains itself: the inner one is not checked.
            Some(None) => return Ok(Arc::new(Schema { is_open: true, ..Schema::default() })),
            None => {}
        }
        self.known.insert(pointer.clone(), None);
        let compiled = self.schema(target, &pointer, depth.saturating_add(1));
        match &compiled {
            Ok(schema) => drop(self.known.insert(pointer, Some(Arc::clone(schema)))),
            Err(_) => drop(self.known.remove(&pointer)),
        }
        compiled
    }

    /// Reads the keywords that contain no other schema.
    fn own(&mut self, members: &Map<String, Value>, place: &str) -> Schema {
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut schema = Schema {
            description: text("description"),
            format: text("format"),
            example: members.get("example").or_else(|| members.get("default")).cloned(),
            is_nullable: members.get("nullable") == Some(&Value::Bool(true)),
            length: range(members, "minLength", "maxLength"),
            range: range(members, "minimum", "maximum"),
            count: range(members, "minItems", "maxItems"),
            ..Schema::default()
        };
        let names: Vec<&Value> = match members.get("type") {
            None => Vec::new(),
            Some(Value::Array(names)) => names.iter().collect(),
            Some(name) => vec![name],
        };
        for name in names {
            match name.as_str().map(|name| (name, Type::from_name(name))) {
                Some(("null", _)) => schema.is_nullable = true,
                Some((_, Some(kind))) => schema.types.push(kind),
                Some((_, None)) | None => {
                    self.tolerate(&format!("{place}/type"), "is no JSON type; any value is accepted");
                }
            }
        }
        match members.get("enum") {
            None => {}
            Some(Value::Array(values)) => schema.values.clone_from(values),
            Some(_) => self.tolerate(&format!("{place}/enum"), "must be a list; any value is accepted"),
        }
        if schema.types.is_empty() && members.get("properties").is_some_and(Value::is_object) {
            schema.types.push(Type::Object);
        }
        schema
    }

    /// Reads the keywords that contain other schemas.
    fn nested(
        &mut self,
        schema: &mut Schema,
        members: &Map<String, Value>,
        place: &str,
        depth: usize,
    ) -> Result<(), Defect> {
        let depth = depth.saturating_add(1);
        let required: Vec<&str> = match members.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            // `true` beside a property is an old way to say that it is required; it says nothing here.
            Some(_) | None => Vec::new(),
        };
        match members.get("properties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (name, value) in properties {
                    let at = format!("{place}/properties/{}", escaped(name));
                    let property = Property {
                        schema: self.schema(value, &at, depth)?,
                        is_required: required.contains(&name.as_str()),
                    };
                    schema.properties.insert(name.clone(), property);
                }
            }
            Some(_) => {
                self.tolerate(&format!("{place}/properties"), "must be an object; any member is accepted");
            }
        }
        schema.is_open = members.get("additionalProperties").is_some_and(|more| more != &Value::Bool(false));
        if let Some(items) = members.get("items") {
            schema.items = Some(self.schema(items, &format!("{place}/items"), depth)?);
        }
        if let Some(json) = members.get("x-json") {
            schema.json = Some(self.schema(json, &format!("{place}/x-json"), depth)?);
        }
        Ok(())
    }

    pub(crate) fn tolerate(&mut self, place: &str, message: &str) {
        self.tolerated.push(Defect { leaves_out: false, ..Defect::new(place, message) });
    }
}

/// Reads a range. A limit that is no whole number is ignored.
fn range(members: &Map<String, Value>, min: &str, max: &str) -> Range {
    let limit = |name: &str| members.get(name).and_then(Value::as_i64);
    Range { min: limit(min), max: limit(max) }
}

/// Returns the schemas of a list, with their places.
fn parts<'b>(
    members: &'b Map<String, Value>,
    name: &str,
    place: &str,
) -> Result<Vec<(String, &'b Value)>, Defect> {
    match members.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(parts)) => Ok(parts
            .iter()
            .enumerate()
            .map(|(index, part)| (format!("{place}/{name}/{index}"), part))
            .collect()),
        Some(_) => Err(Defect::new(format!("{place}/{name}"), "must be a list of schemas")),
    }
}

/// Escapes a name for a JSON pointer (RFC 6901).
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
