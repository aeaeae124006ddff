//! Checking a request.

use crate::{
    Catalogue,
    operation::{Body, Operation, Parameter},
    pointer::{Part, Pointer},
    schema::{Schema, Type},
    search::closest,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, fmt};

/// The maximum number of complaints about one request.
const MAX_COMPLAINTS: usize = 100;

/// The length of the shortest ciphertext in bytes. One of RSA has 256; one of SM2 has 96 and more.
const MIN_CIPHERTEXT_BYTES: usize = 96;

/// The maximum number of values that a complaint lists.
const MAX_LISTED: usize = 12;

/// The kind of a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ComplaintKind {
    /// No operation has this method and path.
    Operation,
    /// The body is no JSON, or a required body is missing.
    Body,
    /// The field is not described.
    Unknown,
    /// The field is required.
    Missing,
    /// The parameter is given twice, but is no list.
    Duplicate,
    /// The value has another type.
    Mistyped,
    /// The value is not among the described ones.
    Unlisted,
    /// The text or the list is too short or too long, or the number is too small or too large.
    OutOfRange,
    /// The value must be encrypted.
    Unsealed,
}

/// A complaint about a request. It never contains a value of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Complaint {
    /// The kind.
    pub kind: ComplaintKind,
    /// The place: `/body`, `/query` or `/path`, and a JSON pointer in it. Empty for the request as a whole.
    pub place: String,
    /// The title of the field in the words of the description; empty if it has none.
    pub title: String,
    /// The rule and the remedy.
    pub message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.message)
    }
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The complaints: for each object first those about its values, then unknown and missing fields.
    pub complaints: Vec<Complaint>,
    /// The sealed fields of the body that are present, as JSON pointers into it.
    pub sealed: Vec<String>,
}

impl Catalogue {
    /// Checks a request: method, path with query as sent, and body. An upload's body is not checked.
    ///
    /// It takes microseconds for a body of the usual size.
    pub fn check(&self, method: &str, target: &str, body: Option<&[u8]>) -> Vec<Complaint> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Some(found) = self.find(method, path) else {
            return vec![self.no_operation(method, path)];
        };
        let query = match found.operation.parse_query(query) {
            Ok(query) => query,
            Err((name, _)) => {
                let (place, message) = (format!("/query/{name}"), "is given twice".into());
                return vec![complaint(ComplaintKind::Duplicate, &place, "", message)];
            }
        };
        let is_checked = matches!(found.operation.body, Body::Json { .. });
        let mut early = None;
        let mut json = None;
        match body.filter(|body| is_checked && !body.is_empty()).map(serde_json::from_slice::<Value>) {
            Some(Ok(value)) => json = Some(value),
            Some(Err(_)) => {
                early = Some(complaint(ComplaintKind::Body, "/body", "", "must be JSON in UTF-8".into()));
            }
            None => {}
        }
        let is_unreadable = early.is_some();
        let mut report = found.operation.check(&found.parameters, &query, json.as_ref());
        if is_unreadable {
            report.complaints.retain(|complaint| !complaint.place.starts_with("/body"));
        }
        early.into_iter().chain(report.complaints).collect()
    }

    fn no_operation(&self, method: &str, path: &str) -> Complaint {
        let methods = self.methods(path);
        let message = if methods.is_empty() {
            let of_method = self.operations().iter().filter(|operation| operation.method == method);
            let known = closest(path, of_method.map(|operation| operation.path.as_str()));
            let hint = known.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
            format!("no operation {method} {path} is described{hint}")
        } else {
            format!("{path} is described for {} only", methods.join(", "))
        };
        complaint(ComplaintKind::Operation, "", "", message)
    }
}

/// Splits a query into names and values, unescaped.
fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

impl Operation {
    /// Splits a query into names and values, unescaped. A list may have one parameter for each item.
    ///
    /// # Errors
    ///
    /// The name and the second value of a parameter that is given twice and is no list.
    pub fn parse_query(&self, query: &str) -> Result<Vec<(String, String)>, (String, String)> {
        let is_list = |parameter: &&Parameter| parameter.schema.types.contains(&Type::Array);
        let lists = || self.parameters_in(false).filter(is_list);
        let (mut parsed, mut names) = (Vec::new(), BTreeSet::new());
        for (name, value) in pairs(query) {
            if !names.insert(name.clone()) && lists().all(|list| list.name != name) {
                return Err((name, value));
            }
            parsed.push((name, value));
        }
        Ok(parsed)
    }

    /// Checks the parts of a request that was found: the parameters of the path and of the query, unescaped, and the body.
    /// For an upload, the body is the part `meta`. A body of an operation without one is ignored, as the gateway does.
    pub fn check(
        &self,
        path: &[(String, String)],
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> Report {
        let mut check = Check::default();
        for (pairs, is_in_path) in [(path, true), (query, false)] {
            let place = if is_in_path { "/path" } else { "/query" };
            for (name, value) in pairs {
                match self.parameters_in(is_in_path).find(|parameter| parameter.name == *name) {
                    Some(parameter) => check.parameter(&parameter.schema, value, &format!("{place}/{name}")),
                    None if is_in_path => {}
                    None => {
                        let names = self.parameters_in(false).map(|parameter| parameter.name.as_str());
                        check
                            .unknown(|| (format!("{place}/{name}"), closest(name, names).map(str::to_owned)));
                    }
                }
            }
            for parameter in self.parameters_in(is_in_path).filter(|parameter| parameter.is_required) {
                if !pairs.iter().any(|(name, _)| *name == parameter.name) {
                    let place = format!("{place}/{}", parameter.name);
                    check.add(ComplaintKind::Missing, &place, &parameter.schema, "is required".into());
                }
            }
        }
        match (&self.body, body) {
            (Body::Json { schema, .. } | Body::Upload { meta: schema }, Some(value)) => {
                check.value(schema, value, &Pointer::new("body"));
            }
            (Body::Json { schema, is_required }, None) => {
                let needs_body =
                    *is_required || schema.properties.values().any(|property| property.is_required);
                if needs_body {
                    check.add(ComplaintKind::Body, "/body", schema, "a JSON body is required".into());
                }
            }
            (Body::None, _) | (Body::Upload { .. }, None) => {}
        }
        check.0
    }
}

impl Schema {
    /// Checks a value, for example a reply. Sealed fields are only listed.
    pub fn check(&self, value: &Value) -> Report {
        let mut check = Check::default();
        check.value(self, value, &Pointer::new(""));
        check.0
    }
}

/// A check in progress.
#[derive(Default)]
struct Check(Report);

impl Check {
    fn add(&mut self, kind: ComplaintKind, place: &str, schema: &Schema, message: String) {
        if self.0.complaints.len() < MAX_COMPLAINTS {
            self.0.complaints.push(complaint(kind, place, &schema.description, message));
        }
    }

    /// Adds the complaint about an unknown field. `described` returns its place and the closest known name: a search that
    /// is dear, while a body may have any number of unknown fields.
    fn unknown(&mut self, described: impl FnOnce() -> (String, Option<String>)) {
        if self.0.complaints.len() < MAX_COMPLAINTS {
            let (place, known) = described();
            let hint = known.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
            self.add(ComplaintKind::Unknown, &place, &Schema::default(), format!("unknown field{hint}"));
        }
    }

    /// Checks a parameter, which is a text on the wire.
    fn parameter(&mut self, schema: &Schema, text: &str, place: &str) {
        let fits = |kind: &Type| match kind {
            Type::String | Type::Array | Type::Object => true,
            Type::Integer => text.parse::<i64>().is_ok(),
            Type::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
            Type::Boolean => text == "true" || text == "false",
        };
        if !schema.types.is_empty() && !schema.types.iter().any(fits) {
            let message = format!("must be {}", with_article(&schema.type_names()));
            return self.add(ComplaintKind::Mistyped, place, schema, message);
        }
        let is_list = schema.types.contains(&Type::Array);
        let broken = if schema.types == [Type::Integer] {
            text.parse().ok().and_then(|number| broken_range(schema, number))
        } else {
            schema.allows(Type::String).then(|| broken_length(schema, text)).flatten()
        };
        if let Some(message) = broken {
            self.add(ComplaintKind::OutOfRange, place, schema, message);
        }
        let is_listed = |value: &Value| {
            let other = if value.is_string() { String::new() } else { value.to_string() };
            value.as_str().unwrap_or(&other) == text
        };
        if !is_list && !schema.values.is_empty() && !schema.values.iter().any(is_listed) {
            self.add(ComplaintKind::Unlisted, place, schema, listed(&schema.values));
        }
    }

    fn value(&mut self, schema: &Schema, value: &Value, at: &Pointer<'_>) {
        if value.is_null() {
            if !schema.is_nullable {
                let message = "must not be null: leave the field out".into();
                self.add(ComplaintKind::Mistyped, &at.place(), schema, message);
            }
            return;
        }
        if !schema.types.is_empty() && !schema.types.iter().any(|kind| kind.fits(value)) {
            let message = format!(
                "must be {}, not {}",
                with_article(&schema.type_names()),
                with_article(name_of(value))
            );
            return self.add(ComplaintKind::Mistyped, &at.place(), schema, message);
        }
        if !schema.values.is_empty() && !schema.values.contains(value) {
            self.add(ComplaintKind::Unlisted, &at.place(), schema, listed(&schema.values));
        }
        match value {
            Value::String(text) => self.text(schema, text, at),
            Value::Array(items) => {
                if let Some(limit) = schema.count.violated_by(count(items.len())) {
                    let message = format!("must have {limit} items, not {}", items.len());
                    self.add(ComplaintKind::OutOfRange, &at.place(), schema, message);
                }
                for (index, item) in items.iter().enumerate() {
                    if let Some(schema) = &schema.items {
                        self.value(schema, item, &at.child(Part::Index(index)));
                    }
                }
            }
            Value::Object(members) => self.object(schema, members, at),
            Value::Number(number) => {
                if let Some(message) = number.as_i64().and_then(|number| broken_range(schema, number)) {
                    self.add(ComplaintKind::OutOfRange, &at.place(), schema, message);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn object(&mut self, schema: &Schema, members: &Map<String, Value>, at: &Pointer<'_>) {
        let mut unknown = Vec::new();
        for (name, member) in members {
            match schema.properties.get(name) {
                Some(property) => self.value(&property.schema, member, &at.child(Part::Name(name))),
                None if schema.is_open => {}
                None => unknown.push(name),
            }
        }
        for name in unknown {
            let unused = schema.properties.keys().filter(|known| !members.contains_key(*known));
            self.unknown(|| {
                let known = closest(name, unused.map(String::as_str)).map(str::to_owned);
                (at.child(Part::Name(name)).place(), known)
            });
        }
        for (name, property) in schema.properties.iter().filter(|(_, property)| property.is_required) {
            if !members.contains_key(name) {
                let place = at.child(Part::Name(name)).place();
                self.add(ComplaintKind::Missing, &place, &property.schema, "is required".into());
            }
        }
    }

    fn text(&mut self, schema: &Schema, text: &str, at: &Pointer<'_>) {
        if schema.is_sealed && !text.is_empty() {
            let place = at.place();
            self.0.sealed.push(place.strip_prefix("/body").unwrap_or(&place).to_owned());
            let is_ciphertext = STANDARD.decode(text).is_ok_and(|bytes| bytes.len() >= MIN_CIPHERTEXT_BYTES);
            if !is_ciphertext {
                let message = "must be encrypted with WeChat Pay's public key or platform certificate, and sent as Base64";
                self.add(ComplaintKind::Unsealed, &place, schema, message.into());
            }
        } else if let Some(message) = broken_length(schema, text) {
            self.add(ComplaintKind::OutOfRange, &at.place(), schema, message);
        }
        if let Some(json) = &schema.json {
            match serde_json::from_str(text) {
                Ok(value) => self.value(json, &value, at),
                Err(_) => {
                    self.add(ComplaintKind::Mistyped, &at.place(), schema, "must be a text of JSON".into());
                }
            }
        }
    }
}

/// Describes the limit that a number violates.
fn broken_range(schema: &Schema, number: i64) -> Option<String> {
    schema.range.violated_by(number).map(|limit| format!("must be {limit}"))
}

/// Describes the limit that the length of a text violates, in characters and in bytes: descriptions do not say which of
/// them they count.
fn broken_length(schema: &Schema, text: &str) -> Option<String> {
    let short = schema.length.below(count(text.len()));
    let limit = short.or_else(|| schema.length.above(count(text.chars().count())))?;
    Some(format!("must have {limit} characters"))
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn complaint(kind: ComplaintKind, place: &str, title: &str, message: String) -> Complaint {
    Complaint { kind, place: place.to_owned(), title: title.to_owned(), message }
}

fn listed(values: &[Value]) -> String {
    let names = values.iter().take(MAX_LISTED);
    let names = names.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let names: Vec<_> = names.collect();
    let more = if values.len() > MAX_LISTED { ", …" } else { "" };
    format!("is not one of {}{more}", names.join(", "))
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number with a fraction",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn with_article(name: &str) -> String {
    let article = if name.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}
