//! The OpenAPI 3.1 document of an interface, generated from its table of routes.

use crate::{
    field::{Field, object},
    route::{Body, Header, Route, RouteGroup, Security, Variant},
    schema::{Components, Record},
    table::Table,
};
use serde_json::{Map, Value, json};

/// The parts of a document that the routes do not declare.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "documents are declared as literals")]
pub struct Document<'a> {
    /// The title of the interface.
    pub title: &'a str,
    /// The summary of the interface.
    pub summary: &'a str,
    /// The description of the interface.
    pub description: &'a str,
    /// The version of the interface.
    pub version: &'a str,
    /// The description of the server.
    pub server: &'a str,
    /// Security requirements of routes that declare none.
    pub security: Value,
    /// Security schemes, by name.
    pub security_schemes: Value,
    /// The record of a problem.
    pub problem: &'static Record,
    /// The status of an invalid field.
    pub invalid: (u16, &'a str),
    /// Problems that are components of the document.
    pub problems: &'a [CommonProblem<'a>],
    /// Response headers of every route.
    pub response_headers: &'static [Header],
}

/// A problem that several routes share.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "declared as literals")]
pub struct CommonProblem<'a> {
    /// The name of the component.
    pub name: &'a str,
    /// The status under which every route lists the problem, unless it belongs to requests without a route.
    pub status: Option<u16>,
    /// True if only routes with a request body list the problem.
    pub needs_body: bool,
    /// True if public routes do not list the problem.
    pub needs_security: bool,
    /// The condition.
    pub condition: &'a str,
    /// Response headers of the problem.
    pub headers: &'static [Header],
}

impl Document<'_> {
    /// Builds the document of a table.
    pub fn build<H>(&self, table: &Table<H>) -> Value {
        let mut components = Components::new();
        self.problem.reference(&mut components);
        let mut paths: Map<String, Value> = Map::new();
        for (group, route) in
            table.groups.iter().flat_map(|group| group.routes.iter().map(move |route| (group, route)))
        {
            let operation = self.operation(table, group, route, &mut components);
            let path = paths.entry(format!("/{}", route.path)).or_insert_with(|| json!({}));
            if let Some(methods) = path.as_object_mut() {
                methods.insert(route.method.to_lowercase(), operation);
            }
        }
        let tags: Vec<Value> = table
            .groups
            .iter()
            .map(|group| json!({ "name": group.name, "description": group.description }))
            .collect();
        let responses: Map<String, Value> = self
            .problems
            .iter()
            .map(|problem| {
                let response = self.problem_response(problem.condition);
                (String::from(problem.name), with_headers(response, problem.headers, &mut components))
            })
            .collect();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": self.title,
                "summary": self.summary,
                "description": self.description,
                "version": self.version,
            },
            "servers": [{ "url": url(table.root), "description": self.server }],
            "security": self.security,
            "tags": tags,
            "paths": paths,
            "components": {
                "securitySchemes": self.security_schemes,
                "schemas": components,
                "responses": responses,
            },
        })
    }

    fn operation<H>(
        &self,
        table: &Table<H>,
        group: &RouteGroup<H>,
        route: &Route<H>,
        components: &mut Components,
    ) -> Value {
        let parameter = |field: &Field, place: &str| {
            json!({
                "name": field.name,
                "in": place,
                "required": field.is_required,
                "schema": field.schema(false),
            })
        };
        let path = route.path.split('/').filter_map(|segment| table.parameter(segment));
        let parameters: Vec<Value> = path
            .map(|field| parameter(field, "path"))
            .chain(route.query_fields().map(|field| parameter(field, "query")))
            .chain(route.headers.iter().map(|field| parameter(field, "header")))
            .collect();
        let mut operation = json!({
            "operationId": route.id,
            "tags": [group.name],
            "summary": route.summary,
            "parameters": parameters,
            "responses": self.responses(route, components),
        });
        if let Some(members) = operation.as_object_mut() {
            if let Some(body) = request_body(&route.body, components) {
                members.insert("requestBody".into(), body);
            }
            match route.security {
                Security::Document => {}
                Security::Public => {
                    members.insert("security".into(), json!([]));
                }
                Security::Scopes(scheme, scopes) => {
                    members.insert("security".into(), json!([{ scheme: scopes }]));
                }
            }
        }
        operation
    }

    fn responses<H>(&self, route: &Route<H>, components: &mut Components) -> Value {
        let mut responses = Map::new();
        let content = route.response.map(|schema| {
            let schema = schema.schema(components);
            json!({ route.media_type: { "schema": schema } })
        });
        let own = [(route.status, "Success.")];
        for (status, condition) in own.iter().chain(route.other_statuses) {
            let mut success = json!({ "description": condition });
            if let (Some(members), Some(content)) = (success.as_object_mut(), &content) {
                members.insert("content".into(), content.clone());
            }
            let success = with_headers(success, route.response_headers, components);
            responses.insert(status.to_string(), with_headers(success, self.response_headers, components));
        }
        let (status, condition) = self.invalid;
        let invalid = (status, condition);
        for (status, condition) in route.problems.iter().copied().chain([invalid]) {
            let response = self.problem_response(condition);
            responses.insert(status.to_string(), with_headers(response, self.response_headers, components));
        }
        let is_listed = |problem: &&CommonProblem<'_>| {
            (!problem.needs_body || !matches!(route.body, Body::None))
                && (!problem.needs_security || route.security != Security::Public)
        };
        for problem in self.problems.iter().filter(is_listed) {
            if let Some(status) = problem.status {
                let reference = json!({ "$ref": format!("#/components/responses/{}", problem.name) });
                responses.entry(status.to_string()).or_insert(reference);
            }
        }
        Value::Object(responses)
    }

    fn problem_response(&self, condition: &str) -> Value {
        let schema = json!({ "$ref": format!("#/components/schemas/{}", self.problem.name) });
        json!({ "description": condition, "content": { "application/problem+json": { "schema": schema } } })
    }
}

/// Returns the URL of the server: the root without its last slash, or the slash alone.
fn url(root: &str) -> &str {
    let url = root.trim_end_matches('/');
    if url.is_empty() { "/" } else { url }
}

fn request_body(body: &Body, components: &mut Components) -> Option<Value> {
    let (is_required, schema) = match body {
        Body::None => return None,
        Body::Raw(media_type) => return Some(json!({ "required": true, "content": { *media_type: {} } })),
        Body::Optional(fields) => (false, object(fields)),
        Body::Settings(fields) => (false, object(&fields())),
        Body::Required(fields) => (true, object(fields)),
        Body::ByKind(variants) => {
            let mut reference = |variant: &Variant| {
                components.insert(variant.name.clone(), variant_schema(variant));
                json!({ "$ref": format!("#/components/schemas/{}", variant.name) })
            };
            let references: Vec<Value> = variants().iter().map(&mut reference).collect();
            (true, json!({ "oneOf": references }))
        }
        Body::Parameters(forms) => {
            let references: Vec<Value> = forms.iter().map(|form| form.reference(components)).collect();
            (true, json!({ "anyOf": references }))
        }
    };
    Some(json!({ "required": is_required, "content": { "application/json": { "schema": schema } } }))
}

fn variant_schema(variant: &Variant) -> Value {
    let mut schema = object(&variant.fields);
    if let Some(members) = schema.as_object_mut() {
        let kind = json!({ "type": "string", "enum": variant.kinds });
        if let Some(Value::Object(properties)) = members.get_mut("properties") {
            properties.insert("kind".into(), kind);
            for (name, values) in &variant.choices {
                // Null counts as absent.
                let values: Vec<Value> =
                    values.iter().map(|value| json!(value)).chain([Value::Null]).collect();
                if let Some(Value::Object(property)) = properties.get_mut(*name) {
                    property.insert("enum".into(), values.into());
                }
            }
        }
        // Null counts as absent.
        let [one, other] = variant.exclusive;
        let is_text = json!({ "type": "string" });
        members.insert(
            "not".into(),
            json!({ "required": variant.exclusive, "properties": { one: is_text, other: is_text } }),
        );
    }
    schema
}

fn with_headers(mut response: Value, headers: &[Header], components: &mut Components) -> Value {
    if let Some(members) = response.as_object_mut().filter(|_| !headers.is_empty()) {
        let declared = members.entry("headers").or_insert_with(|| json!({}));
        for header in headers {
            let schema = header.schema.schema(components);
            if let Some(declared) = declared.as_object_mut() {
                declared.insert(
                    header.name.into(),
                    json!({ "description": header.description, "schema": schema }),
                );
            }
        }
    }
    response
}

#[cfg(test)]
mod tests;
