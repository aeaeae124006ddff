//! The `OpenAPI` 3.1 document of the interface, generated from the table of routes.

use super::{
    ControlResponse, GROUPS, MAX_BODY_BYTES, ROOT,
    field::Field,
    records::problem::PROBLEM,
    route::{Body, Route, RouteGroup, Variant, parameter},
    schema::Schema,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "document",
    description: "The OpenAPI document.",
    routes: &[Route::get(
        "openapi.json",
        "show_document",
        "Returns this OpenAPI document.",
        Schema::Object,
        |_, _| Ok(ControlResponse::ok(document())),
    )],
};

const DESCRIPTION: &str = "The control interface of a simulated WeChat Pay gateway: the payer, the clock, faults, and \
    the gateway's records. For tests only. A listener outside of loopback requires a token, as does one that was given a \
    token; otherwise there is no authentication. Requests of web pages of other sites are refused. Amounts are whole numbers of \
    fen; times are whole seconds since 1970 by the business clock. A request that breaks a rule changes nothing. 400: a \
    field breaks its schema. 409: the state does not allow the request. 422: the fields are valid one by one, but not \
    together or not under their signature. An unknown path returns 404; a method that the path does not support returns \
    405 with an Allow header.";

/// Builds the document.
pub(super) fn document() -> Value {
    let mut records = BTreeMap::new();
    PROBLEM.reference(&mut records);
    let mut paths: Map<String, Value> = Map::new();
    for (group, route) in GROUPS.iter().flat_map(|group| group.routes.iter().map(move |route| (group, route)))
    {
        let operation = operation(group, route, &mut records);
        let path = paths.entry(format!("/{}", route.path)).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(route.method.to_lowercase(), operation);
        }
    }
    let tags: Vec<Value> =
        GROUPS.iter().map(|group| json!({ "name": group.name, "description": group.description })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "wxpay-sim",
            "summary": "The control interface of the simulated gateway",
            "description": DESCRIPTION,
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{ "url": ROOT.trim_end_matches('/'), "description": "The simulator itself." }],
        "security": [{}, { "token": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": records,
            "responses": {
                "UnknownPath": problem_response("404: the interface has no such path."),
                "MethodNotAllowed": method_not_allowed_response(),
                "Unauthorized": unauthorized_response(),
                "Forbidden": problem_response(FORBIDDEN),
                "BodyIncomplete": problem_response("408: the body was not complete in time."),
                "BodyTooLarge": problem_response(&format!("413: the body has more than {MAX_BODY_BYTES} bytes.")),
            },
        },
    })
}

fn operation(group: &RouteGroup, route: &Route, records: &mut BTreeMap<String, Value>) -> Value {
    let path = route.path.split('/').filter_map(parameter).map(
        |field| json!({ "name": field.name, "in": "path", "required": true, "schema": field.schema(false) }),
    );
    let query = route.query_fields().map(|field| {
        json!({ "name": field.name, "in": "query", "required": field.is_required, "schema": field.schema(false) })
    });
    let parameters: Vec<Value> = path.chain(query).collect();
    let mut operation = json!({
        "operationId": route.id,
        "tags": [group.name],
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(route, records),
    });
    if let (Some(body), Some(members)) = (request_body(&route.body, records), operation.as_object_mut()) {
        members.insert("requestBody".into(), body);
    }
    operation
}

fn request_body(body: &Body, records: &mut BTreeMap<String, Value>) -> Option<Value> {
    let (is_required, schema) = match body {
        Body::None => return None,
        Body::Optional(fields) => (false, object(fields)),
        Body::Settings(fields) => (false, object(&fields())),
        Body::Required(fields) => (true, object(fields)),
        Body::ByKind(variants) => {
            let mut reference = |variant: &Variant| {
                records.insert(variant.name.clone(), variant_schema(variant));
                json!({ "$ref": format!("#/components/schemas/{}", variant.name) })
            };
            let references: Vec<Value> = variants().iter().map(&mut reference).collect();
            (true, json!({ "oneOf": references }))
        }
        Body::Parameters(forms) => {
            let references: Vec<Value> = forms.iter().map(|form| form.reference(records)).collect();
            (true, json!({ "anyOf": references }))
        }
    };
    Some(json!({ "required": is_required, "content": { "application/json": { "schema": schema } } }))
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (String::from(field.name), field.schema(true))).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
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

fn responses(route: &Route, records: &mut BTreeMap<String, Value>) -> Value {
    let mut responses = Map::new();
    let content = json!({ "application/json": { "schema": route.response.schema(records) } });
    let success = json!({ "description": "Success.", "content": content });
    let success = if route.page.is_empty() { success } else { with_header(success, "Link", LINK) };
    responses.insert(route.status.to_string(), success);
    let field = (400, "A field is invalid.");
    for (status, condition) in route.problems.iter().chain([&field]) {
        responses.insert(status.to_string(), problem_response(condition));
    }
    for (status, name) in COMMON_PROBLEMS {
        responses.insert(status.into(), json!({ "$ref": format!("#/components/responses/{name}") }));
    }
    Value::Object(responses)
}

fn problem_response(condition: &str) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{}", PROBLEM.name) });
    json!({ "description": condition, "content": { "application/problem+json": { "schema": schema } } })
}

const LINK: &str = "`<URL>; rel=\"next\"`: the next page. Absent on the last page.";

/// Problems of every route: statuses and names of the components.
const COMMON_PROBLEMS: [(&str, &str); 4] =
    [("401", "Unauthorized"), ("403", "Forbidden"), ("408", "BodyIncomplete"), ("413", "BodyTooLarge")];

const FORBIDDEN: &str = "403: Host is not localhost, an IP address or an allowed name; Origin is not the request's own \
    host; or Sec-Fetch-Site is cross-site. The problem names the header and its rule.";

fn method_not_allowed_response() -> Value {
    let response = problem_response("405: the path does not support the method.");
    with_header(response, "Allow", "The methods that the path supports.")
}

fn unauthorized_response() -> Value {
    let response = problem_response("401: the control token is required.");
    with_header(response, "WWW-Authenticate", "The scheme, Bearer.")
}

fn with_header(mut response: Value, name: &str, description: &str) -> Value {
    if let Some(members) = response.as_object_mut() {
        let header = json!({ "description": description, "schema": { "type": "string" } });
        members.insert("headers".into(), json!({ name: header }));
    }
    response
}
