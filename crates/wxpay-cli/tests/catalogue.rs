//! `wxpay ops`, and `--catalogue` of `wxpay call` and `wxpay sim`, with a description written for these tests.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};
use support::{Running, wxpay};

fn description(folder: &Path) -> PathBuf {
    let lamp = json!({"type": "object", "properties": {
        "out_lamp_no": {"type": "string", "maxLength": 32, "example": "LAMP1", "description": "商户灯号"},
        "lamp_id": {"type": "string", "example": "1217752501201407"},
        "owner_name": {"type": "string", "format": "base64"},
        "colour": {"type": "string", "enum": ["RED", "BLUE"]},
    }});
    let mut request = lamp.clone();
    request["required"] = json!(["out_lamp_no"]);
    let description = json!({"swagger": "2.0", "paths": {
        "/v3/lamps/lamps": {"post": {
            "summary": "点灯", "parameters": [{"name": "_", "in": "body", "schema": request}],
            "responses": {"200": {"schema": lamp}},
        }},
        "/v3/lamps/lamps/{out_lamp_no}": {"get": {
            "summary": "查询灯",
            "parameters": [{"name": "out_lamp_no", "in": "path", "type": "string", "required": true, "example": "LAMP1"}],
            "responses": {"200": {"schema": lamp}},
        }},
        "/v3/broken": {"get": {"responses": {"200": {"schema": {"$ref": "#/definitions/Missing"}}}}},
    }});
    let path = folder.join("description.json");
    fs::write(&path, description.to_string()).unwrap();
    path
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn run(arguments: &[&str], catalogue: &Path) -> Output {
    wxpay().args(arguments).arg("--catalogue").arg(catalogue).output().unwrap()
}

#[test]
fn ops_searches_shows_and_gives_examples_and_names_what_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = description(folder.path());
    let found = run(&["ops", "search", "lamps", "点灯"], &file);
    assert_eq!(text(&found.stdout), "POST   /v3/lamps/lamps  点灯\n");
    assert!(
        text(&found.stderr).contains("/paths/~1v3~1broken/get/responses/200/schema/$ref: points to nothing")
    );

    let shown = run(&["ops", "show", "post", "/v3/lamps/lamps"], &file);
    for line in [
        "  /body/out_lamp_no  string, at most 32 characters, required: 商户灯号",
        "  /body/owner_name  string, sealed",
        "(RED | BLUE)",
    ] {
        assert!(text(&shown.stdout).contains(line), "{}", text(&shown.stdout));
    }
    let shown = run(&["ops", "show", "/v3/lamps/lamps", "--json"], &file);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        shown[0]["request"][3],
        json!({
            "place": "/body/owner_name", "type": "string", "required": false, "sealed": true, "limits": "", "description": "",
            "values": [],
        })
    );

    let example = run(&["ops", "example", "GET", "/v3/lamps/lamps/{out_lamp_no}"], &file);
    assert_eq!(text(&example.stdout), "GET /v3/lamps/lamps/LAMP1\n");
    let body = run(&["ops", "example", "POST /v3/lamps/lamps", "--body"], &file);
    let body: Value = serde_json::from_slice(&body.stdout).unwrap();
    assert_eq!(body["out_lamp_no"], "LAMP1");
    let unknown = run(&["ops", "show", "POST", "/v3/lamps/lamp"], &file);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("did you mean /v3/lamps/lamps?"), "{}", text(&unknown.stderr));
}

#[test]
fn what_is_no_description_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.json");
    for (content, reason) in
        [("swagger: '2.0'", "is not JSON: "), ("{}", "is no description of operations: ")]
    {
        fs::write(&file, content).unwrap();
        let output = run(&["ops", "search"], &file);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(reason), "{}", text(&output.stderr));
    }
    assert_eq!(run(&["ops", "search"], &folder.path().join("missing")).status.code(), Some(2));
}

#[test]
fn sim_answers_the_catalogue_and_call_warns_or_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let file = description(folder.path());
    let env_file = folder.path().join("sim.env");
    let sim =
        Running::start(wxpay().arg("sim").arg("--env-file").arg(&env_file).arg("--catalogue").arg(&file));
    let call = |more: &[&str], method: &str, path: &str, body: Option<&str>| {
        let mut command = wxpay();
        command.args(["call", "--env-file"]).arg(&env_file).args(more).args([method, path]).args(body);
        command.output().unwrap()
    };
    let written = call(&[], "POST", "/v3/lamps/lamps", Some(r#"{"out_lamp_no":"L1","colour":"BLUE"}"#));
    let reply: Value =
        serde_json::from_slice(&written.stdout).unwrap_or_else(|_| panic!("{}", text(&written.stderr)));
    assert_eq!((&reply["out_lamp_no"], &reply["colour"]), (&json!("L1"), &json!("BLUE")));
    let query = call(&[], "GET", "/v3/lamps/lamps/L1", None);
    let query: Value = serde_json::from_slice(&query.stdout).unwrap();
    assert_eq!((&query["colour"], &query["lamp_id"]), (&json!("BLUE"), &reply["lamp_id"]));

    let catalogue = file.to_str().unwrap();
    let wrong = Some(r#"{"outLampNo":"L2"}"#);
    let warned = call(&["--catalogue", catalogue], "POST", "/v3/lamps/lamps", wrong);
    assert_eq!(warned.status.code(), Some(0), "sent, and answered: {}", text(&warned.stderr));
    assert!(
        text(&warned.stderr).contains("warning: /body/outLampNo: unknown field; did you mean out_lamp_no?")
    );
    let refused = call(&["--catalogue", catalogue, "--strict"], "POST", "/v3/lamps/lamps", wrong);
    assert_eq!(refused.status.code(), Some(2));
    for complaint in
        ["/body/outLampNo: unknown field; did you mean out_lamp_no?", "/body/out_lamp_no: is required"]
    {
        assert!(text(&refused.stderr).contains(complaint), "{}", text(&refused.stderr));
    }
    drop(sim);
    let mut strict = wxpay();
    strict.arg("sim").arg("--env-file").arg(&env_file).arg("--catalogue").arg(&file).arg("--strict");
    let strict = Running::start(&mut strict);
    let refused = call(&[], "POST", "/v3/lamps/lamps", wrong);
    assert_eq!(refused.status.code(), Some(5), "refused by the field check, which signs nothing");
    drop(strict);
}
