//! The documentation: `operations.json`, and the tiers of `v3-endpoints.md`.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/protocol");

/// The documented operations.
pub(super) struct Spec {
    /// The operations of tiers T1 and T2: method and path.
    pub(super) tiers: Vec<String>,
    operations: BTreeMap<String, Operation>,
    /// The paths, of all tiers, whose successful reply has a top-level member `code`.
    pub(super) with_code: BTreeSet<String>,
}

/// One operation. Fields are named by their path: `amount.total`, `receivers[].account`. Fields outside the body have a
/// prefix for their location: `?mchid`, `:Wechatpay-Serial`, `/out_trade_no`, `&file`.
#[derive(Clone, Default)]
pub(super) struct Operation {
    pub(super) path: String,
    pub(super) request: BTreeMap<String, Field>,
    pub(super) response: BTreeMap<String, Field>,
}

/// One field.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) kind: Kind,
    pub(super) required: bool,
    /// The documented values; empty for an open set.
    pub(super) values: Vec<String>,
}

/// A JSON type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    Integer,
    Bool,
    Object,
    /// None of these. No value that a test builds has this type.
    Unknown,
    /// An array of strings, of numbers, or of objects, whose fields have paths of their own.
    Array(Box<Self>),
}

impl Kind {
    fn from_name(name: &str, items: Option<&str>) -> Self {
        match name {
            "string" => Self::String,
            // No documented number has a fraction.
            "integer" | "number" => Self::Integer,
            "boolean" => Self::Bool,
            "object" => Self::Object,
            "array" => Self::Array(Box::new(Self::from_name(items.unwrap(), None))),
            // Only operations without a type here have such a member: a file, or a value where the type belongs.
            _ => Self::Unknown,
        }
    }

    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::String(_) => Self::String,
            Value::Number(number) if number.is_u64() => Self::Integer,
            Value::Bool(_) => Self::Bool,
            Value::Object(_) => Self::Object,
            Value::Array(items) => Self::Array(Box::new(Self::of(&items[0]))),
            Value::Null | Value::Number(_) => {
                panic!("a request must contain neither null nor a fraction: {value}")
            }
        }
    }
}

impl Spec {
    pub(super) fn read() -> Self {
        let [json, tiers] = ["operations.json", "v3-endpoints.md"].map(|name| {
            fs::read_to_string(format!("{FOLDER}/{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
        });
        let documented: Vec<Value> = serde_json::from_str(&json).unwrap();
        let tiers = parse_tiers(&tiers);
        let operations = documented.iter().filter_map(|operation| {
            let [method, path] = ["method", "path"].map(|name| operation[name].as_str().unwrap());
            let name = format!("{method} {path}");
            tiers.contains(&name).then(|| (name, Operation::read(path, operation)))
        });
        let has_code = |operation: &&Value| fields(&operation["response"]).contains_key("code");
        let with_code = documented.iter().filter(has_code);
        let with_code = with_code.map(|operation| operation["path"].as_str().unwrap().to_owned()).collect();
        Self { operations: operations.collect(), with_code, tiers }
    }

    pub(super) fn operation(&self, name: &str) -> &Operation {
        self.operations.get(name).unwrap_or_else(|| panic!("{name} is not documented"))
    }

    /// Returns all field names in requests and replies of these tiers.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let operations = self.tiers.iter().map(|name| self.operation(name));
        let paths =
            operations.flat_map(|operation| operation.request.keys().chain(operation.response.keys()));
        paths.map(|path| path.rsplit(['.', '?', ':', '/', '&']).next().unwrap().to_owned()).collect()
    }
}

/// Parses the tables under `## T1` and `## T2`: number, method, path in backticks.
fn parse_tiers(text: &str) -> Vec<String> {
    let of_tier = |tier: &str| {
        let (_, rest) = text.split_once(&format!("\n## {tier} ")).unwrap();
        rest.split("\n## ").next().unwrap()
    };
    let rows = ["T1", "T2"].into_iter().flat_map(|tier| of_tier(tier).lines());
    let rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let operations = rows.filter(|cells| cells.len() > 4 && cells[1].parse::<u32>().is_ok());
    operations.map(|cells| format!("{} {}", cells[2], cells[3].trim_matches('`'))).collect()
}

impl Operation {
    fn read(path: &str, operation: &Value) -> Self {
        let mut request = fields(&operation["body"]);
        for param in operation["params"].as_array().into_iter().flatten() {
            let prefix = match param["in"].as_str().unwrap() {
                "query" => "?",
                "header" => ":",
                "path" => "/",
                "formData" => "&",
                other => panic!("unknown location: {other}"),
            };
            let field = Field { kind: Kind::String, ..Field::read(param) };
            request.insert(format!("{prefix}{}", param["name"].as_str().unwrap()), field);
        }
        Self { path: path.to_owned(), request, response: fields(&operation["response"]) }
    }
}

fn fields(documented: &Value) -> BTreeMap<String, Field> {
    let fields = documented.as_array().into_iter().flatten();
    fields.map(|field| (field["name"].as_str().unwrap().to_owned(), Field::read(field))).collect()
}

impl Field {
    fn read(field: &Value) -> Self {
        let kind = match field["type"].as_str() {
            Some("file") | None => Kind::String,
            Some(name) => Kind::from_name(name, field["items"].as_str()),
        };
        let values =
            [&field["enum"], &field["items_enum"]].into_iter().filter_map(|values| values.as_array());
        let values = values.flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect();
        Self { kind, required: field["required"] == true, values }
    }
}
