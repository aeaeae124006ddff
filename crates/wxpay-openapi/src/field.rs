//! Request fields: each is declared once, validated here, and published in the document.

mod kind;
mod schema;

use crate::{Invalid, Violation};
pub use kind::{Kind, MAX_NUMBER, StringMap, whole_number};
pub use schema::max_json_bytes;
pub(crate) use schema::object;
use serde_json::{Map, Value};

/// A path parameter, a query parameter, a header, or a member of a request body.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// Type and rule of the value.
    pub kind: Kind,
    /// True if the field must be present.
    pub is_required: bool,
    /// True if the value is a secret, which no response contains.
    pub is_secret: bool,
    /// The description in the document.
    pub description: &'static str,
}

/// Declares an optional field.
pub const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field { name, kind, is_required: false, is_secret: false, description }
}

/// Declares a required field.
pub const fn required(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field { name, kind, is_required: true, is_secret: false, description }
}

impl Field {
    /// Declares that the value is a secret, which no response contains.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// Checks a value against the field's rule.
    ///
    /// # Errors
    ///
    /// Returns the path of the field that breaks its rule: this field, or one inside of it.
    pub fn check(&self, value: &Value) -> Result<(), Invalid> {
        self.kind.check(self.name, value)
    }
}

/// Checks the members of an object: none is unknown, each satisfies its rule, and the required ones are present. Null
/// counts as absent.
///
/// # Errors
///
/// Returns the first field that breaks a rule.
pub fn check_members(declared: &[Field], members: &Map<String, Value>) -> Result<(), Invalid> {
    check_members_at("", declared, members)
}

fn check_members_at(path: &str, declared: &[Field], members: &Map<String, Value>) -> Result<(), Invalid> {
    for (name, value) in members {
        let field = declared.iter().find(|field| field.name == name);
        let field = field.ok_or_else(|| Invalid::unknown(join(path, name)))?;
        if !value.is_null() {
            field.kind.check(&join(path, name), value)?;
        }
    }
    check_required(declared, members)
        .map_err(|missing| Invalid { field: join(path, &missing.field), ..missing })
}

/// Checks that the required fields are present. Null counts as absent.
///
/// # Errors
///
/// Returns the first field that is missing.
pub fn check_required(declared: &[Field], members: &Map<String, Value>) -> Result<(), Invalid> {
    let is_present = |field: &&Field| members.get(field.name).is_some_and(|value| !value.is_null());
    match declared.iter().find(|field| field.is_required && !is_present(field)) {
        Some(field) => Err(Invalid::missing(field.name)),
        None => Ok(()),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { String::from(name) } else { format!("{path}.{name}") }
}

impl Kind {
    /// Checks a value. `path` is the path of the field that contains it.
    fn check(&self, path: &str, value: &Value) -> Result<(), Invalid> {
        match (self, value) {
            (Self::Object(fields), Value::Object(members)) => check_members_at(path, fields, members),
            (Self::List(kind @ Self::Object(_), max), Value::Array(items)) if items.len() <= *max => items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| kind.check(&format!("{path}[{index}]"), item)),
            _ if self.accepts(value) => Ok(()),
            _ => Err(Invalid { violation: Violation::Value, ..Invalid::value(path, self.rule()) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GOODS: &[Field] =
        &[required("id", Kind::Text(1, 4, ""), ""), optional("quantity", Kind::Number(1, 9), "")];
    const FIELDS: &[Field] = &[
        required("amount", Kind::Object(&[required("total", Kind::Fen(1, 100), "")]), ""),
        optional("goods", Kind::List(&Kind::Object(GOODS), 2), ""),
    ];

    #[test]
    fn invalid_field_is_named_by_its_path() {
        for (body, text) in [
            (
                json!({ "amount": { "total": 0 } }),
                "amount.total must be a whole number of fen from 1 to 100, without a dot or an exponent",
            ),
            (json!({ "amount": {} }), "amount.total is required"),
            (json!({ "amount": { "total": null } }), "amount.total is required"),
            (json!({ "amount": 1 }), "amount must be an object"),
            (json!({ "amount": { "total": 1, "tip": 1 } }), "amount.tip is an unknown field"),
            (json!({ "amount": { "total": 1 }, "price": 1 }), "price is an unknown field"),
            (
                json!({ "amount": { "total": 1 }, "goods": [{ "id": "a" }, { "id": "b", "quantity": 0 }] }),
                "goods[1].quantity must be a whole number from 1 to 9",
            ),
            (
                json!({ "amount": { "total": 1 }, "goods": [{ "id": "a" }, null] }),
                "goods[1] must be an object",
            ),
            (json!({ "amount": { "total": 1 }, "goods": [{ "quantity": 1 }] }), "goods[0].id is required"),
            (
                json!({ "amount": { "total": 1 }, "goods": [{}, {}, {}] }),
                "goods must be a list of at most 2 items, each of which must be an object",
            ),
            (json!({}), "amount is required"),
        ] {
            let invalid = check_members(FIELDS, body.as_object().unwrap()).unwrap_err();
            assert_eq!(invalid.to_string(), text, "{body}");
        }
        let valid = json!({ "amount": { "total": 100 }, "goods": [{ "id": "a", "quantity": null }] });
        assert_eq!(check_members(FIELDS, valid.as_object().unwrap()), Ok(()));
    }
}
