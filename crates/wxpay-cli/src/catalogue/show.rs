//! Operations as text and as JSON.

use serde_json::{Value, json};
use std::fmt::Write as _;
use wxpay_catalogue::{Body, Operation, Schema};

/// The maximum number of lines for one body: a description can refer to itself.
const MAX_FIELDS: usize = 2000;

/// The maximum number of listed values of a field.
const MAX_VALUES: usize = 12;

/// A field, as it is shown.
struct Field {
    place: String,
    kind: String,
    is_required: bool,
    is_sealed: bool,
    limits: String,
    description: String,
    values: Vec<String>,
}

/// Returns the line of an operation in a list.
pub(super) fn line(operation: &Operation) -> String {
    let mark = if operation.is_deprecated { " (deprecated)" } else { "" };
    format!("{:<6} {}  {}{mark}\n", operation.method, operation.path, one_line(&operation.summary))
}

/// Returns an operation of a list as JSON.
pub(super) fn line_json(operation: &Operation) -> Value {
    json!({
        "method": operation.method, "path": operation.path, "summary": operation.summary, "tags": operation.tags,
        "roles": operation.roles, "deprecated": operation.is_deprecated,
    })
}

/// Returns an operation with its fields.
pub(super) fn text(operation: &Operation) -> String {
    let mut text = line(operation);
    for (name, value) in [
        ("products", operation.tags.join(", ")),
        ("for", operation.roles.join(", ")),
        ("about", one_line(&operation.description)),
    ] {
        if !value.is_empty() {
            writeln!(text, "  {name:<9} {value}").ok();
        }
    }
    if operation.requires_serial {
        text.push_str("  header    Wechatpay-Serial: the key that encrypted the sealed fields\n");
    }
    text.push_str("request\n");
    lines(&mut text, &request_fields(operation));
    writeln!(text, "reply {}", operation.reply.status).ok();
    match &operation.reply.file_type {
        Some(file_type) => drop(writeln!(text, "  a file: {file_type}")),
        None => lines(&mut text, &reply_fields(operation)),
    }
    text
}

/// Returns an operation with its fields as JSON.
pub(super) fn json(operation: &Operation) -> Value {
    let mut value = line_json(operation);
    let fields = |fields: Vec<Field>| -> Vec<Value> {
        let shown = fields.into_iter().map(|field| {
            json!({
                "place": field.place, "type": field.kind, "required": field.is_required, "sealed": field.is_sealed,
                "limits": field.limits, "description": field.description, "values": field.values,
            })
        });
        shown.collect()
    };
    if let Some(members) = value.as_object_mut() {
        members.insert("request".into(), fields(request_fields(operation)).into());
        let reply = json!({
            "status": operation.reply.status, "file": operation.reply.file_type,
            "fields": fields(reply_fields(operation)),
        });
        members.insert("reply".into(), reply);
    }
    value
}

fn request_fields(operation: &Operation) -> Vec<Field> {
    let mut fields = Vec::new();
    for parameter in &operation.parameters {
        let place = if parameter.is_in_path { "path" } else { "query" };
        fields.push(field(&parameter.schema, format!("/{place}/{}", parameter.name), parameter.is_required));
    }
    if let Some(schema) = operation.body_schema() {
        let place = if matches!(operation.body, Body::Upload { .. }) { "/meta" } else { "/body" };
        collect(&mut fields, schema, place);
    }
    fields
}

fn reply_fields(operation: &Operation) -> Vec<Field> {
    let mut fields = Vec::new();
    if let Some(schema) = &operation.reply.schema {
        collect(&mut fields, schema, "");
    }
    fields
}

fn collect(fields: &mut Vec<Field>, schema: &Schema, place: &str) {
    for (name, property) in &schema.properties {
        if fields.len() >= MAX_FIELDS {
            return;
        }
        let place = format!("{place}/{name}");
        fields.push(field(&property.schema, place.clone(), property.is_required));
        collect(fields, &property.schema, &place);
    }
    for inner in schema.items.iter().chain(&schema.json) {
        collect(fields, inner, &format!("{place}/0"));
    }
}

fn field(schema: &Schema, place: String, is_required: bool) -> Field {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let description = one_line(&schema.description);
    Field {
        place,
        kind: schema.type_names(),
        is_required,
        is_sealed: schema.is_sealed,
        limits: limits(schema),
        description,
        values: schema.values.iter().map(value).collect(),
    }
}

/// Describes the limits of a value: `1 to 32 characters`.
fn limits(schema: &Schema) -> String {
    let described = [(schema.length, " characters"), (schema.range, ""), (schema.count, " items")];
    let described = described.into_iter().filter_map(|(range, unit)| match (range.min, range.max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}{unit}")),
        (Some(min), None) => Some(format!("at least {min}{unit}")),
        (None, Some(max)) => Some(format!("at most {max}{unit}")),
        (None, None) => None,
    });
    described.collect::<Vec<_>>().join(", ")
}

fn lines(text: &mut String, fields: &[Field]) {
    if fields.is_empty() {
        text.push_str("  nothing\n");
    }
    for field in fields {
        let required = if field.is_required { ", required" } else { "" };
        let sealed = if field.is_sealed { ", sealed" } else { "" };
        let limits = if field.limits.is_empty() { String::new() } else { format!(", {}", field.limits) };
        write!(text, "  {}  {}{limits}{required}{sealed}", one_line(&field.place), field.kind).ok();
        if !field.description.is_empty() {
            write!(text, ": {}", field.description).ok();
        }
        let values: Vec<String> = field.values.iter().take(MAX_VALUES).map(|value| one_line(value)).collect();
        if !values.is_empty() {
            let more = if field.values.len() > MAX_VALUES { " | …" } else { "" };
            write!(text, " ({}{more})", values.join(" | ")).ok();
        }
        text.push('\n');
    }
}

/// Returns a text on one line, without control characters: a file from elsewhere must not control the terminal.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|character| !character.is_control()).collect()
}
