//! Schemas, compiled once so that a check only walks the request.

use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// A JSON type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Type {
    /// A string.
    String,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An object.
    Object,
    /// A list.
    Array,
}

impl Type {
    /// Returns the name as in descriptions: `string`, `integer` and so on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
        }
    }

    /// Parses a name. Names of formats, such as `uint64`, occur in its place and are understood.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "string" | "file" => Self::String,
            "integer" | "int" | "int32" | "int64" | "uint" | "uint32" | "uint64" | "long" => Self::Integer,
            "number" | "float" | "double" => Self::Number,
            "boolean" | "bool" => Self::Boolean,
            "object" => Self::Object,
            "array" => Self::Array,
            _ => return None,
        })
    }

    /// Returns whether a value has this type.
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
        }
    }
}

/// A range, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Range {
    /// The least value; `None` if there is no limit.
    pub min: Option<i64>,
    /// The greatest value; `None` if there is no limit.
    pub max: Option<i64>,
}

impl Range {
    /// Describes the limit that a number violates.
    pub(crate) fn violated_by(self, number: i64) -> Option<String> {
        self.below(number).or_else(|| self.above(number))
    }

    pub(crate) fn below(self, number: i64) -> Option<String> {
        self.min.filter(|min| number < *min).map(|min| format!("at least {min}"))
    }

    pub(crate) fn above(self, number: i64) -> Option<String> {
        self.max.filter(|max| number > *max).map(|max| format!("at most {max}"))
    }

    fn or(self, other: Self) -> Self {
        Self { min: self.min.or(other.min), max: self.max.or(other.max) }
    }
}

/// The schema of a value.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Schema {
    /// The allowed types; empty if any is.
    pub types: Vec<Type>,
    /// The description, in the words of the file.
    pub description: String,
    /// The format, such as `rfc3339`; empty if there is none.
    pub format: String,
    /// The example or, if there is none, the default.
    pub example: Option<Value>,
    /// The allowed values; empty if all are.
    pub values: Vec<Value>,
    /// True if `null` is allowed.
    pub is_nullable: bool,
    /// True for a sensitive field: its text is encrypted on its own, and sent as Base64.
    pub is_sealed: bool,
    /// The length of a string. Descriptions do not say whether they count characters or bytes.
    pub length: Range,
    /// The range of a number.
    pub range: Range,
    /// The number of items of a list.
    pub count: Range,
    /// The members of an object, by name.
    pub properties: BTreeMap<String, Property>,
    /// True if an object may have other members.
    pub is_open: bool,
    /// The schema of the items of a list.
    pub items: Option<Arc<Self>>,
    /// The schema of the JSON text that a string holds (`x-json`).
    pub json: Option<Arc<Self>>,
}

/// A member of an object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Property {
    /// The schema of its value.
    pub schema: Arc<Schema>,
    /// True if it is required.
    pub is_required: bool,
}

impl Schema {
    /// Returns whether the schema allows a type.
    pub fn allows(&self, kind: Type) -> bool {
        self.types.is_empty() || self.types.contains(&kind)
    }

    /// Returns the names of the types, such as `string`, or `any`.
    pub fn type_names(&self) -> String {
        if self.types.is_empty() {
            return "any".into();
        }
        let names: Vec<_> = self.types.iter().map(|kind| kind.as_str()).collect();
        names.join(" or ")
    }

    /// Returns whether a value has an allowed type and, in a list of values, an allowed value. Members and items are not
    /// checked.
    pub fn fits(&self, value: &Value) -> bool {
        if value.is_null() {
            return self.is_nullable;
        }
        (self.types.is_empty() || self.types.iter().any(|kind| kind.fits(value)))
            && (self.values.is_empty() || self.values.contains(value))
    }

    /// Adds the rules of another schema that applies too (`allOf`). Lists of values are joined: descriptions extend them
    /// so.
    pub(crate) fn merge(&mut self, other: &Self) {
        if self.types.is_empty() {
            self.types.clone_from(&other.types);
        }
        if self.description.is_empty() {
            self.description.clone_from(&other.description);
        }
        if self.format.is_empty() {
            self.format.clone_from(&other.format);
        }
        self.example = self.example.take().or_else(|| other.example.clone());
        for value in &other.values {
            if !self.values.contains(value) {
                self.values.push(value.clone());
            }
        }
        self.is_nullable |= other.is_nullable;
        self.is_sealed |= other.is_sealed;
        self.length = self.length.or(other.length);
        self.range = self.range.or(other.range);
        self.count = self.count.or(other.count);
        for (name, property) in &other.properties {
            match self.properties.get_mut(name) {
                Some(own) => own.is_required |= property.is_required,
                None => drop(self.properties.insert(name.clone(), property.clone())),
            }
        }
        self.is_open |= other.is_open;
        self.items = self.items.take().or_else(|| other.items.clone());
        self.json = self.json.take().or_else(|| other.json.clone());
    }

    /// Writes the listed values as the type has them: descriptions list numbers for strings, and texts for numbers.
    pub(crate) fn list_values_of_the_type(&mut self) {
        let types = &self.types;
        let has_type = |value: &Value| types.is_empty() || types.iter().any(|kind| kind.fits(value));
        for value in self.values.iter_mut().filter(|value| !has_type(value)) {
            let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text.trim()).ok());
            let other = parsed.unwrap_or_else(|| Value::String(value.to_string()));
            if has_type(&other) {
                *value = other;
            }
        }
        // A list without a value of the type contradicts it. The list is the more precise of the two.
        if !self.values.is_empty() && !self.values.iter().any(has_type) {
            self.types.clear();
        }
    }

    /// Adds the alternatives of `oneOf` or `anyOf`: whatever one of them allows is allowed.
    pub(crate) fn add_alternatives(&mut self, alternatives: &[Arc<Self>]) {
        let mut joined = Self::default();
        for alternative in alternatives {
            joined.merge(alternative);
        }
        let mut types: Vec<Type> =
            alternatives.iter().flat_map(|alternative| alternative.types.iter().copied()).collect();
        types.sort_unstable();
        types.dedup();
        let is_any = alternatives.iter().any(|alternative| alternative.types.is_empty());
        joined.types = if is_any { Vec::new() } else { types };
        if alternatives.iter().any(|alternative| alternative.values.is_empty()) {
            joined.values.clear();
        }
        if alternatives.len() > 1 {
            // The limits of one alternative are not those of another.
            (joined.length, joined.range, joined.count) = Default::default();
        }
        for (name, property) in &mut joined.properties {
            let is_required = |alternative: &Arc<Self>| {
                alternative.properties.get(name).is_some_and(|property| property.is_required)
            };
            property.is_required = alternatives.iter().all(is_required);
        }
        self.merge(&joined);
    }
}
