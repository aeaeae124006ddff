//! Reading a description.

use crate::{
    Catalogue,
    compile::{Compiler, escaped},
    is_api_v3,
    operation::{Body, Operation, Parameter, Reply, parameter_name},
    schema::Schema,
};
use serde_json::{Map, Value};
use std::{error::Error, fmt, sync::Arc};

/// The maximum size of a description in bytes. The community's has about 4 MB.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The maximum number of parts of a path.
const MAX_PARTS: usize = 32;

/// A defect of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defect {
    /// The place as a JSON pointer, such as `/paths/~1v3~1x/post/parameters/0/schema`.
    pub place: String,
    /// The rule.
    pub message: String,
    /// True if the operation is left out; false if only a detail is ignored.
    pub leaves_out: bool,
}

impl Defect {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), leaves_out: true }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.leaves_out { "; the operation is left out" } else { "" };
        write!(f, "{}: {}{end}", self.place, self.message)
    }
}

/// The reason why nothing of a file can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unreadable {}

impl Catalogue {
    /// Reads a description: Swagger 2.0 or OpenAPI 3, in JSON. Operations outside of APIv3 are ignored.
    ///
    /// The defects name what was left out; the rest works.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if the bytes are no such description at all.
    pub fn read(bytes: &[u8]) -> Result<(Self, Vec<Defect>), Unreadable> {
        if bytes.len() > MAX_BYTES {
            return Err(Unreadable(format!("must have at most {MAX_BYTES} bytes")));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let document: Value = serde_json::from_slice(bytes).map_err(|error| {
            // The error of serde_json says the place and never quotes the text.
            Unreadable(format!("is not JSON: {error}; a description in YAML must be converted to JSON first"))
        })?;
        let version = ["swagger", "openapi"].iter().find_map(|name| document.get(name)?.as_str());
        if !version.is_some_and(|version| version.starts_with("2.") || version.starts_with("3.")) {
            let rule = "is no description of operations: \"swagger\" must be \"2.0\", or \"openapi\" must be \"3.…\"";
            return Err(Unreadable(rule.into()));
        }
        let Some(paths) = document.get("paths").and_then(Value::as_object) else {
            return Err(Unreadable("is no description of operations: \"paths\" must be an object".into()));
        };
        Ok(Reader { compiler: Compiler::new(&document), document: &document }.paths(paths))
    }
}

struct Reader<'a> {
    compiler: Compiler<'a>,
    document: &'a Value,
}

impl<'a> Reader<'a> {
    fn paths(mut self, paths: &'a Map<String, Value>) -> (Catalogue, Vec<Defect>) {
        let mut catalogue = Catalogue::default();
        let mut defects = Vec::new();
        for (path, item) in paths.iter().filter(|(path, _)| is_api_v3(path)) {
            let place = format!("/paths/{}", escaped(path));
            let Some(members) = item.as_object() else {
                defects.push(Defect::new(place, "must be an object of operations by method"));
                continue;
            };
            if path.split('/').count() > MAX_PARTS {
                defects.push(Defect::new(place, format!("a path must have at most {MAX_PARTS} parts")));
                continue;
            }
            if path.contains(['?', '#']) {
                defects.push(Defect::new(place, "a path must have no query and no fragment"));
                continue;
            }
            for (name, value) in members {
                let at = format!("{place}/{}", escaped(name));
                let Some(method) = method(name) else {
                    if !is_known_beside_methods(name) {
                        self.compiler.tolerate(&at, "is no method; it is ignored");
                    }
                    continue;
                };
                match self.operation(method, path, members, value, &at) {
                    Ok(operation) => {
                        let operation = Arc::new(operation);
                        if let Some(earlier) = catalogue.routes.add(&operation) {
                            let message =
                                format!("has the method and the form of {}, which is used", earlier.path);
                            self.compiler.tolerate(&at, &message);
                        }
                        catalogue.operations.push(operation);
                    }
                    Err(defect) => defects.push(defect),
                }
            }
        }
        catalogue.operations.sort_by(|one, other| (&one.path, one.method).cmp(&(&other.path, other.method)));
        defects.append(&mut self.compiler.tolerated);
        (catalogue, defects)
    }

    fn operation(
        &mut self,
        method: &'static str,
        path: &str,
        item: &'a Map<String, Value>,
        value: &'a Value,
        place: &str,
    ) -> Result<Operation, Defect> {
        let members =
            value.as_object().ok_or_else(|| Defect::new(place, "an operation must be an object"))?;
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let texts = |name: &str| -> Vec<String> {
            let values = members.get(name).and_then(Value::as_array).into_iter().flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut operation = Operation {
            method,
            path: path.to_owned(),
            summary: text("summary"),
            description: text("description"),
            tags: texts("tags"),
            roles: texts("x-role"),
            is_deprecated: members.get("deprecated") == Some(&Value::Bool(true)),
            parameters: Vec::new(),
            body: Body::None,
            requires_serial: false,
            reply: self.reply(members, place)?,
        };
        let mut meta = None;
        let shared = item.get("parameters").map(|value| (value, parent(place)));
        let own = members.get("parameters").map(|value| (value, place.to_owned()));
        for (list, at) in shared.into_iter().chain(own) {
            let at = format!("{at}/parameters");
            let list = list.as_array().ok_or_else(|| Defect::new(&at, "must be a list"))?;
            for (index, parameter) in list.iter().enumerate() {
                let at = format!("{at}/{index}");
                let parameter = self.compiler.resolve(parameter, &at)?;
                self.parameter(&mut operation, &mut meta, parameter, &at)?;
            }
        }
        let consumes_form = texts("consumes").iter().any(|kind| kind == FORM);
        if consumes_form || meta.is_some() {
            operation.body = Body::Upload { meta: meta.unwrap_or_default() };
        }
        if let Some(body) = members.get("requestBody") {
            operation.body = self.request_body(body, &format!("{place}/requestBody"))?;
        }
        self.complete_path(&mut operation, place);
        Ok(operation)
    }

    fn parameter(
        &mut self,
        operation: &mut Operation,
        meta: &mut Option<Arc<Schema>>,
        value: &'a Value,
        place: &str,
    ) -> Result<(), Defect> {
        let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
        let is_required = value.get("required") == Some(&Value::Bool(true));
        let inner = value.get("schema").map(|schema| (schema, format!("{place}/schema")));
        match value.get("in").and_then(Value::as_str) {
            Some("body") => {
                let (schema, at) = inner.ok_or_else(|| Defect::new(place, "a body requires a schema"))?;
                operation.body = Body::Json { schema: self.compiler.schema(schema, &at, 0)?, is_required };
            }
            Some("header") => {
                operation.requires_serial |= is_required && name.eq_ignore_ascii_case("wechatpay-serial");
            }
            Some("formData") if name == "meta" => {
                let json = value.get("x-json").map(|schema| (schema, format!("{place}/x-json")));
                let schema = inner.or(json).map(|(schema, at)| self.compiler.schema(schema, &at, 0));
                *meta = Some(schema.transpose()?.unwrap_or_default());
            }
            // The other parts of a form are files.
            Some("formData") => drop(meta.get_or_insert_default()),
            Some("cookie") => {}
            Some(place_of @ ("path" | "query")) => {
                if name.is_empty() {
                    return Err(Defect::new(format!("{place}/name"), "must be a name"));
                }
                let schema = match inner {
                    Some((schema, at)) => self.compiler.schema(schema, &at, 0)?,
                    None => self.compiler.schema(value, place, 0)?,
                };
                let is_in_path = place_of == "path";
                operation.parameters.retain(|known| known.name != name || known.is_in_path != is_in_path);
                operation.parameters.push(Parameter {
                    name: name.to_owned(),
                    is_in_path,
                    is_required,
                    schema,
                });
            }
            Some(_) | None => {
                return Err(Defect::new(
                    format!("{place}/in"),
                    "must be path, query, header, body or formData",
                ));
            }
        }
        Ok(())
    }

    /// Brings the declared parameters of the path in line with the path itself.
    fn complete_path(&mut self, operation: &mut Operation, place: &str) {
        let names: Vec<String> =
            operation.path.split('/').filter_map(parameter_name).map(str::to_owned).collect();
        for parameter in operation.parameters.iter().filter(|parameter| parameter.is_in_path) {
            if !names.contains(&parameter.name) {
                let message = format!("the parameter {} is not in the path; it is ignored", parameter.name);
                self.compiler.tolerate(place, &message);
            }
        }
        operation.parameters.retain(|parameter| !parameter.is_in_path || names.contains(&parameter.name));
        for name in names {
            if !operation.parameters_in(true).any(|parameter| parameter.name == name) {
                self.compiler.tolerate(place, &format!("the parameter {name} of the path is not described"));
                let schema = Arc::default();
                operation.parameters.push(Parameter { name, is_in_path: true, is_required: true, schema });
            }
        }
    }

    /// Reads the body of OpenAPI 3.
    fn request_body(&mut self, value: &'a Value, place: &str) -> Result<Body, Defect> {
        let value = self.compiler.resolve(value, place)?;
        let is_required = value.get("required") == Some(&Value::Bool(true));
        let content = value.get("content").and_then(Value::as_object);
        let content = content.ok_or_else(|| Defect::new(format!("{place}/content"), "must be an object"))?;
        let schema_of = |kind: &str| {
            let schema = content.get(kind)?.get("schema")?;
            Some((schema, format!("{place}/content/{}/schema", escaped(kind))))
        };
        if let Some((schema, at)) = schema_of("application/json") {
            return Ok(Body::Json { schema: self.compiler.schema(schema, &at, 0)?, is_required });
        }
        if let Some((schema, at)) = schema_of(FORM) {
            let form = self.compiler.schema(schema, &at, 0)?;
            let meta = form.properties.get("meta").map(|property| &property.schema);
            let meta = meta.map(|meta| meta.json.clone().unwrap_or_else(|| Arc::clone(meta)));
            return Ok(Body::Upload { meta: meta.unwrap_or_default() });
        }
        Err(Defect::new(format!("{place}/content"), "must have application/json or multipart/form-data"))
    }

    fn reply(&mut self, members: &'a Map<String, Value>, place: &str) -> Result<Reply, Defect> {
        let place = format!("{place}/responses");
        let responses = members.get("responses").and_then(Value::as_object);
        let responses =
            responses.ok_or_else(|| Defect::new(&place, "must be an object of responses by status"))?;
        let parsed = responses.iter().filter_map(|(name, value)| {
            let status = if name == "default" || name.eq_ignore_ascii_case("2xx") {
                200
            } else {
                name.parse::<u16>().ok()?
            };
            (200..400).contains(&status).then_some((status, name, value))
        });
        let (status, name, value) = parsed
            .min_by_key(|(status, name, _)| (*status, name.as_str() == "default"))
            .ok_or_else(|| Defect::new(&place, "has no response of a success"))?;
        let at = format!("{place}/{name}");
        let value = self.compiler.resolve(value, &at)?;
        let mut schema = value.get("schema").map(|schema| (schema, format!("{at}/schema")));
        let mut file_type = None;
        if let Some(content) = value.get("content").and_then(Value::as_object) {
            let json = content.get("application/json").and_then(|json| json.get("schema"));
            schema = json.map(|schema| (schema, format!("{at}/content/application~1json/schema")));
            file_type = content.keys().next().filter(|_| !content.contains_key("application/json")).cloned();
        } else if schema.is_none() {
            let of_all = self.document.get("produces");
            let produces = members.get("produces").or(of_all).and_then(Value::as_array);
            let first = produces.and_then(|kinds| kinds.first()).and_then(Value::as_str);
            file_type = first.filter(|kind| !kind.contains("json")).map(str::to_owned);
        }
        let schema = schema.map(|(schema, at)| self.compiler.schema(schema, &at, 0)).transpose()?;
        Ok(Reply { status, schema, file_type })
    }
}

/// The content type of uploads.
const FORM: &str = "multipart/form-data";

fn method(name: &str) -> Option<&'static str> {
    ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|method| method.eq_ignore_ascii_case(name))
}

/// Returns whether a member of a path is known, though no method of APIv3.
fn is_known_beside_methods(name: &str) -> bool {
    name.starts_with("x-")
        || ["parameters", "summary", "description", "servers", "head", "options", "trace"].contains(&name)
}

fn parent(place: &str) -> String {
    place.rsplit_once('/').map_or_else(String::new, |(parent, _)| parent.to_owned())
}
