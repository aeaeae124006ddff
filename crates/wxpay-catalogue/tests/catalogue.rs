//! Reading descriptions, and checking requests against them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    reason = "tests fail by panicking, and say what was not tested"
)]

use proptest::prelude::*;
use serde_json::{Value, json};
use wxpay_catalogue::{Body, Catalogue, ComplaintKind, is_api_v3};

fn read(description: &Value) -> (Catalogue, Vec<String>) {
    let (catalogue, defects) = Catalogue::read(description.to_string().as_bytes()).unwrap();
    (catalogue, defects.iter().map(ToString::to_string).collect())
}

fn swagger(paths: Value) -> Value {
    json!({"swagger": "2.0", "paths": paths, "definitions": {
        "Lamp": {"type": "object", "required": ["watts"], "properties": {
            "watts": {"type": "integer", "minimum": 1, "maximum": 100}, "colour": {"type": "string", "enum": ["RED", "BLUE"]},
            "owner": {"type": "string", "format": "base64"}, "next": {"$ref": "#/definitions/Lamp"},
        }},
    }})
}

fn lamps() -> Catalogue {
    let body = |schema: Value| json!([{"name": "_", "in": "body", "schema": schema}]);
    let description = swagger(json!({
        "/v3/lamps": {"post": {
            "summary": "开灯", "parameters": body(json!({"allOf": [
                {"$ref": "#/definitions/Lamp"},
                {"type": "object", "properties": {
                    "tags": {"type": "array", "maxItems": 2, "items": {"type": "string", "minLength": 1, "maxLength": 3}},
                }},
            ]})),
            "responses": {"200": {"schema": {"$ref": "#/definitions/Lamp"}}},
        }},
        "/v3/lamps/{lamp_id}": {"get": {
            "parameters": [
                {"name": "lamp_id", "in": "path", "type": "string"},
                {"name": "limit", "in": "query", "type": "integer", "required": true, "maximum": 50},
            ],
            "responses": {"200": {"schema": {"$ref": "#/definitions/Lamp"}}},
        }},
        "/v3/lamps/latest": {"get": {"responses": {"204": {}}}},
        "/pay/micropay": {"post": {"responses": {"200": {}}}},
    }));
    let (catalogue, defects) = read(&description);
    assert_eq!(defects, [""; 0]);
    catalogue
}

fn complaints(method: &str, target: &str, body: &Value) -> Vec<(ComplaintKind, String)> {
    let body = (!body.is_null()).then(|| body.to_string());
    let found = lamps().check(method, target, body.as_ref().map(String::as_bytes));
    found.into_iter().map(|complaint| (complaint.kind, complaint.to_string())).collect()
}

#[test]
fn check_names_each_kind_of_broken_rule() {
    use ComplaintKind::{
        Body, Duplicate, Missing, Mistyped, Operation, OutOfRange, Unknown, Unlisted, Unsealed,
    };
    let sealed = "A".repeat(344);
    let right = json!({"watts": 5, "colour": "RED", "owner": sealed, "next": {"any": 1}, "tags": ["a"]});
    assert_eq!(complaints("POST", "/v3/lamps", &right), []);
    for (method, target, body, kind, text) in [
        (
            "POST",
            "/v3/lamps",
            json!({"watts": "5"}),
            Mistyped,
            "/body/watts: must be an integer, not a string",
        ),
        (
            "POST",
            "/v3/lamps",
            json!({"watts": 5, "colour": "PINK"}),
            Unlisted,
            "/body/colour: is not one of RED, BLUE",
        ),
        ("POST", "/v3/lamps", json!({"watts": 0}), OutOfRange, "/body/watts: must be at least 1"),
        ("POST", "/v3/lamps", json!({"watts": 101}), OutOfRange, "/body/watts: must be at most 100"),
        (
            "POST",
            "/v3/lamps",
            json!({"watts": 5, "tags": ["a", "b", "c"]}),
            OutOfRange,
            "/body/tags: must have at most 2 items, not 3",
        ),
        (
            "POST",
            "/v3/lamps",
            json!({"watts": 5, "tags": ["灯灯灯灯"]}),
            OutOfRange,
            "/body/tags/0: must have at most 3 characters",
        ),
        (
            "POST",
            "/v3/lamps",
            json!({"watts": 5, "tags": [""]}),
            OutOfRange,
            "/body/tags/0: must have at least 1 characters",
        ),
        ("GET", "/v3/lamps/1?limit=51", Value::Null, OutOfRange, "/query/limit: must be at most 50"),
        ("POST", "/v3/lamps", json!({}), Missing, "/body/watts: is required"),
        (
            "POST",
            "/v3/lamps",
            json!({"watts": 5, "color": "RED"}),
            Unknown,
            "/body/color: unknown field; did you mean colour?",
        ),
        (
            "POST",
            "/v3/lamps",
            json!({"watts": 5, "tags": [1]}),
            Mistyped,
            "/body/tags/0: must be a string, not an integer",
        ),
        (
            "POST",
            "/v3/lamps",
            json!({"watts": null}),
            Mistyped,
            "/body/watts: must not be null: leave the field out",
        ),
        (
            "POST",
            "/v3/lamps",
            json!({"watts": 5, "owner": "Zhang"}),
            Unsealed,
            "/body/owner: must be encrypted with WeChat Pay's public key or platform certificate, and sent as Base64",
        ),
        ("POST", "/v3/lamps", Value::Null, Body, "/body: a JSON body is required"),
        ("GET", "/v3/lamps/1", Value::Null, Missing, "/query/limit: is required"),
        ("GET", "/v3/lamps/1?limit=x", Value::Null, Mistyped, "/query/limit: must be an integer"),
        (
            "GET",
            "/v3/lamps/1?limit=1&limits=2",
            Value::Null,
            Unknown,
            "/query/limits: unknown field; did you mean limit?",
        ),
        ("GET", "/v3/lamps/1?limit=1&limit=2", Value::Null, Duplicate, "/query/limit: is given twice"),
        ("PUT", "/v3/lamps", Value::Null, Operation, "/v3/lamps is described for POST only"),
        (
            "POST",
            "/v3/lamp",
            Value::Null,
            Operation,
            "no operation POST /v3/lamp is described; did you mean /v3/lamps?",
        ),
    ] {
        assert_eq!(complaints(method, target, &body), [(kind, text.to_owned())], "{method} {target} {body}");
    }
    // Nine bytes: too many only if the limit counts bytes.
    assert_eq!(complaints("POST", "/v3/lamps", &json!({"watts": 5, "tags": ["灯灯灯"]})), []);
    let malformed = lamps().check("POST", "/v3/lamps", Some(b"{"));
    assert_eq!(malformed[0].to_string(), "/body: must be JSON in UTF-8");
    assert_eq!(malformed.len(), 1);
}

#[test]
fn literal_parts_take_precedence_and_parameters_are_unescaped() {
    let catalogue = lamps();
    assert_eq!(catalogue.find("GET", "/v3/lamps/latest").unwrap().operation.path, "/v3/lamps/latest");
    let found = catalogue.find("GET", "/v3/lamps/a%2Fb").unwrap();
    assert_eq!(found.parameters, [("lamp_id".to_owned(), "a/b".to_owned())]);
    assert!(catalogue.find("GET", "/v3/lamps/").is_none());
    assert_eq!(catalogue.operations().len(), 3, "APIv2 is ignored");
    assert!(is_api_v3("/hk/v3/x") && !is_api_v3("/pay/x/v3"));
    assert_eq!(catalogue.named(Some("get"), "/v3/lamps/1").len(), 1);
}

#[test]
fn search_finds_words_in_titles_paths_and_fields() {
    let catalogue = lamps();
    let paths = |words: &[&str]| -> Vec<String> {
        catalogue.search(words).iter().map(|operation| operation.path.clone()).collect()
    };
    assert_eq!(paths(&["开灯"]), ["/v3/lamps"]);
    assert_eq!(paths(&["LATEST", "get"]), ["/v3/lamps/latest"]);
    assert_eq!(paths(&["tags"]), ["/v3/lamps"]);
    assert!(paths(&["nothing"]).is_empty());
}

#[test]
fn defects_are_named_by_place_and_leave_the_rest() {
    let ok = json!({"200": {}});
    let (catalogue, defects) = read(&swagger(json!({
        "/v3/good": {"get": {"responses": ok}},
        "/v3/a": {"get": {"responses": {"200": {"schema": {"$ref": "#/definitions/Missing"}}}}},
        "/v3/b": {"get": 5},
        "/v3/c": {"post": {"responses": ok, "parameters": [{"in": "body", "schema": {"properties": {"x": 5}}}]}},
        "/v3/d": {"get": {"responses": {"400": {}}}},
        "/v3/e/{x}": {"get": {"responses": ok}},
        "/v3/f": {"get": {"responses": {"200": {"schema": {"type": "stringde"}}}}, "fetch": {}},
        "/v3/g/{x}": {"get": {"responses": ok, "parameters": [{"in": "path", "name": "x", "type": "string"}]}},
        "/v3/g/{y}": {"get": {"responses": ok, "parameters": [{"in": "path", "name": "y", "type": "string"}]}},
        "/v3/h": {"get": {"responses": ok, "parameters": [{"in": "nowhere", "name": "x"}]}},
        "/v3/i": [],
        "/v3/j?x=1": {"get": {"responses": ok}},
    })));
    assert_eq!(catalogue.operations().len(), 5);
    assert_eq!(
        defects,
        [
            "/paths/~1v3~1a/get/responses/200/schema/$ref: points to nothing in this file; the operation is left out",
            "/paths/~1v3~1b/get: an operation must be an object; the operation is left out",
            "/paths/~1v3~1c/post/parameters/0/schema/properties/x: a schema must be an object; the operation is left out",
            "/paths/~1v3~1d/get/responses: has no response of a success; the operation is left out",
            "/paths/~1v3~1h/get/parameters/0/in: must be path, query, header, body or formData; the operation is left out",
            "/paths/~1v3~1i: must be an object of operations by method; the operation is left out",
            "/paths/~1v3~1j?x=1: a path must have no query and no fragment; the operation is left out",
            "/paths/~1v3~1e~1{x}/get: the parameter x of the path is not described",
            "/paths/~1v3~1f/fetch: is no method; it is ignored",
            "/paths/~1v3~1f/get/responses/200/schema/type: is no JSON type; any value is accepted",
            "/paths/~1v3~1g~1{y}/get: has the method and the form of /v3/g/{x}, which is used",
        ]
    );
}

#[test]
fn openapi_3_is_read_with_its_components() {
    let (catalogue, defects) = read(&json!({
        "openapi": "3.1.0",
        "paths": {"/v3/lamps/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "put": {
                "requestBody": {"$ref": "#/components/requestBodies/Lamp"},
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Lamp"}}}}},
            },
            "get": {"responses": {"200": {"content": {"application/pdf": {}}}}},
        }},
        "components": {
            "parameters": {"Id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}},
            "requestBodies": {"Lamp": {"required": true, "content": {"application/json": {"schema": {
                "oneOf": [{"$ref": "#/components/schemas/Lamp"}, {"type": "object", "required": ["name"],
                    "properties": {"name": {"type": ["string", "null"]}}}],
            }}}}},
            "schemas": {"Lamp": {"type": "object", "required": ["watts"], "properties": {"watts": {"type": "integer"}}}},
        },
    }));
    assert_eq!(defects, [""; 0]);
    let check = |body: &str| catalogue.check("PUT", "/v3/lamps/1", Some(body.as_bytes())).len();
    assert_eq!((check(r#"{"watts":1}"#), check(r#"{"name":null}"#), check(r#"{"name":1}"#)), (0, 0, 1));
    let file = &catalogue.named(Some("GET"), "/v3/lamps/{id}")[0].reply.file_type;
    assert_eq!(file.as_deref(), Some("application/pdf"));
}

#[test]
fn what_is_no_description_is_refused_with_the_reason() {
    for (text, reason) in [
        ("", "is not JSON: EOF while parsing a value at line 1 column 0"),
        ("swagger: '2.0'", "is not JSON: expected value at line 1 column 1; a description in YAML"),
        ("[]", "is no description of operations: \"swagger\" must be"),
        ("{\"swagger\":\"2.0\"}", "is no description of operations: \"paths\" must be an object"),
    ] {
        let error = Catalogue::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{error}");
    }
}

#[test]
fn examples_pass_their_own_check_but_for_the_sealed_fields() {
    for operation in lamps().operations() {
        let example = operation.example();
        let body = example.body.as_ref().map(ToString::to_string);
        let complaints =
            lamps().check(operation.method, &example.target, body.as_ref().map(String::as_bytes));
        assert!(
            complaints.iter().all(|complaint| complaint.kind == ComplaintKind::Unsealed),
            "{complaints:?}"
        );
    }
}

/// The community's description, if a copy lies beside this repository.
#[test]
fn the_communitys_description_is_read_whole() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/protocol/wechatpay-swagger.json");
    let Ok(description) = std::fs::read(path) else {
        println!(
            "NOT TESTED: {path}, the community's description, which is not part of this repository, is missing"
        );
        return;
    };
    let (catalogue, defects) = Catalogue::read(&description).unwrap();
    let left_out: Vec<_> =
        defects.iter().filter(|defect| defect.leaves_out).map(ToString::to_string).collect();
    assert_eq!(left_out, [""; 0]);
    assert_eq!(catalogue.operations().len(), 1017);
    let mut broken = 0;
    for operation in catalogue.operations() {
        let example = operation.example();
        let body = example.body.as_ref().map(ToString::to_string);
        let body = body.as_ref().filter(|_| matches!(operation.body, Body::Json { .. }));
        let complaints = catalogue.check(operation.method, &example.target, body.map(String::as_bytes));
        let others = complaints.iter().filter(|complaint| complaint.kind != ComplaintKind::Unsealed);
        let others: Vec<_> = others.map(ToString::to_string).collect();
        if !others.is_empty() {
            broken += 1;
            println!("{} {}: {others:?}", operation.method, operation.path);
        }
    }
    assert_eq!(broken, 0);
}

fn json_values() -> impl Strategy<Value = Value> {
    let words = [
        "",
        "type",
        "string",
        "object",
        "array",
        "$ref",
        "#/paths",
        "#/definitions/A",
        "allOf",
        "properties",
        "items",
        "required",
        "enum",
        "in",
        "body",
        "query",
        "name",
        "schema",
        "get",
        "post",
        "/v3/{a}",
        "/v3/b",
        "parameters",
        "responses",
        "200",
        "requestBody",
        "content",
        "application/json",
        "format",
        "base64",
    ];
    let word = prop::sample::select(words.to_vec());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|members| Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(Catalogue::read(&bytes));
    }

    #[test]
    fn any_description_is_read_and_used_without_a_panic(
        item in json_values(), definition in json_values(), body in json_values(), bytes in prop::collection::vec(any::<u8>(), 0..50)
    ) {
        let operation = json!({"parameters": [{"in": "body", "schema": item}], "responses": {"200": {"schema": definition}}});
        let description = json!({
            "swagger": "2.0", "definitions": {"A": definition},
            "paths": {"/v3/{a}": item, "/v3/b": {"post": operation, "get": item}},
        });
        let (catalogue, _) = Catalogue::read(description.to_string().as_bytes()).unwrap();
        for operation in catalogue.operations() {
            operation.example();
            catalogue.check(operation.method, &operation.path, Some(body.to_string().as_bytes()));
            catalogue.check(operation.method, "/v3/b?%=%&a", Some(&bytes));
        }
        catalogue.search(&["a"]);
    }
}
