//! The interface's OpenAPI document, compared with the interface's behaviour.

use super::{Control, fixture, schema::Document};
use serde_json::{Map, Value, json};

/// Returns each operation with its method and a path whose parameters are valid.
fn operations(document: &Document) -> Vec<(String, String, Value)> {
    let paths = document.0["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| {
            (method.to_uppercase(), fill_path(path, operation, None), operation.clone())
        })
    });
    each.collect()
}

/// Fills a path template with valid parameters, except for the parameter `invalid`, which gets an invalid value.
fn fill_path(path: &str, operation: &Value, invalid: Option<&str>) -> String {
    let declared = operation["parameters"].as_array().unwrap();
    let value = |part: &str| {
        let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
            return part.into();
        };
        let field = declared.iter().find(|field| field["name"] == name && field["in"] == "path");
        let schema = &field.unwrap_or_else(|| panic!("{path} does not declare {name}"))["schema"];
        if invalid == Some(name) {
            return "%00".repeat(400);
        }
        let value = valid(schema);
        value.as_str().map_or_else(|| value.to_string(), |text| text.replace('/', "%2F"))
    };
    path.split('/').skip(1).map(value).collect::<Vec<String>>().join("/")
}

/// Returns the object schemas of a request body.
fn body_schemas(document: &Document, operation: &Value) -> Vec<Value> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let resolved = |schema: &Value| match schema["$ref"].as_str() {
        Some(reference) => document.0.pointer(reference.trim_start_matches('#')).unwrap().clone(),
        None => schema.clone(),
    };
    let each = schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
    each.iter().map(resolved).filter(|schema| schema["additionalProperties"] == false).collect()
}

/// Returns a value that satisfies the schema of a body member.
fn valid(schema: &Value) -> Value {
    if let Some(word) = schema["enum"].as_array().and_then(|words| words.first()) {
        return word.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap();
    match kind {
        "integer" => schema["minimum"].clone(),
        "boolean" => true.into(),
        "array" => json!([valid(&schema["items"])]),
        _ => match schema["pattern"].as_str() {
            Some("^w[wx][0-9A-Za-z]{16}$") => "wx0123456789abcdef".into(),
            Some("^([0-9A-Fa-f]{2}){1,32}$") => "5F".into(),
            Some(pattern) if pattern.starts_with("^[/*]") => "/v3/*".into(),
            pattern => {
                let lengths = pattern.and_then(|pattern| pattern.rsplit_once('{'));
                let min = match lengths {
                    Some((_, lengths)) => lengths.split(',').next().unwrap().parse().ok(),
                    None => schema["minLength"].as_u64(),
                };
                "1".repeat(min.unwrap().try_into().unwrap()).into()
            }
        },
    }
}

/// Returns the required members of a schema with valid values.
fn minimal(body_schema: &Value) -> Map<String, Value> {
    let required = body_schema["required"].as_array().unwrap().iter();
    required
        .map(|name| name.as_str().unwrap())
        .map(|name| (name.into(), valid(&body_schema["properties"][name])))
        .collect()
}

fn field_of(interface: &mut Control, method: &str, path: &str, body: &Value) -> Option<String> {
    let response = interface.call(method, path, body);
    let field = response.body["field"].as_str().filter(|_| response.status == 400);
    field.map(String::from)
}

#[test]
fn document_has_its_version_and_paths() {
    let document = &fixture().interface.document.0;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/_sim/v1");
    for name in ["orders/{out_trade_no}/pay", "payer/pay", "clock", "faults", "notifications", "openapi.json"]
    {
        assert!(document["paths"][format!("/{name}")].is_object(), "{name}");
    }
}

#[test]
fn declared_members_are_validated_and_others_are_unknown() {
    let interface = fixture().interface;
    let mut seen = 0;
    for (method, path, operation) in operations(&interface.document) {
        for body_schema in body_schemas(&interface.document, &operation) {
            let minimal = minimal(&body_schema);
            let with = |name: &str, value: Value| {
                let mut body = minimal.clone();
                body.insert(name.into(), value);
                field_of(&mut interface.clone(), &method, &path, &body.into())
            };
            let context = format!("{method} {path}");
            assert_eq!(with("flavour", json!("1")).as_deref(), Some("flavour"), "{context}");
            for (name, schema) in body_schema["properties"].as_object().unwrap() {
                assert_eq!(with(name, json!({})).as_deref(), Some(name.as_str()), "{context} {name}");
                // Further rules may reject the value, but not as an unknown field.
                if name != "operation" {
                    assert_ne!(with(name, valid(schema)).as_deref(), Some("flavour"), "{context} {name}");
                    let response = {
                        let mut body = minimal.clone();
                        body.insert(name.clone(), valid(schema));
                        interface.clone().call(&method, &path, &body.into())
                    };
                    assert_ne!(response.body["rule"], "is an unknown field", "{context} {name}");
                }
                seen += 1;
            }
            for name in minimal.keys() {
                let mut body = minimal.clone();
                body.remove(name);
                let field = field_of(&mut interface.clone(), &method, &path, &body.into());
                assert_eq!(field.as_deref(), Some(name.as_str()), "{context} without {name}");
            }
        }
    }
    assert!(seen > 80, "{seen}");
}

#[test]
fn undeclared_members_and_query_parameters_are_rejected() {
    let interface = fixture().interface;
    for (method, path, operation) in operations(&interface.document) {
        let mut interface = interface.clone();
        if operation.get("requestBody").is_none() {
            let field = field_of(&mut interface, &method, &path, &json!({ "flavour": 1 }));
            assert_eq!(field.as_deref(), Some("flavour"), "{method} {path}");
        }
        let target = format!("{path}?flavour=1");
        assert_eq!(
            field_of(&mut interface, &method, &target, &Value::Null).as_deref(),
            Some("flavour"),
            "{target}"
        );
    }
}

#[test]
fn declared_parameters_are_validated() {
    let interface = fixture().interface;
    let mut seen = 0;
    for (template, methods) in interface.document.0["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().unwrap() {
                let name = parameter["name"].as_str().unwrap();
                let target = match parameter["in"].as_str().unwrap() {
                    "query" => {
                        format!("{}?{name}={}", fill_path(template, operation, None), "%00".repeat(400))
                    }
                    _ => fill_path(template, operation, Some(name)),
                };
                let field = field_of(&mut interface.clone(), &method.to_uppercase(), &target, &Value::Null);
                assert_eq!(field.as_deref(), Some(name), "{method} {template}");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn unknown_path_is_404_and_unsupported_method_405() {
    let interface = fixture().interface;
    for path in ["", "nothing", "orders/A1/eat", "orders/A1/pay/twice", "Orders", "openapi.json/"] {
        let response = interface.clone().call("GET", path, &Value::Null);
        assert_eq!((response.status, response.allow), (404, None), "{path}");
    }
    for (method, path, allow) in [
        ("PATCH", "clock", "GET, POST, PUT"),
        ("GET", "orders/A1/pay", "POST"),
        ("HEAD", "orders", "GET"),
        ("DELETE", "faults/kinds", "GET"),
        ("POST", "faults/7", "GET, DELETE"),
    ] {
        let response = interface.clone().call(method, path, &Value::Null);
        assert_eq!((response.status, response.allow.as_deref()), (405, Some(allow)), "{method} {path}");
    }
}

#[test]
fn too_long_body_is_rejected() {
    let body = format!("{{\"advance_seconds\":1}}{}", " ".repeat(1 << 20));
    let mut interface = fixture().interface;
    let response = interface.simulation.control("POST", "/_sim/v1/clock", body.as_bytes(), super::START);
    assert_eq!((response.status, &response.body["field"]), (413, &json!("body")));
}
