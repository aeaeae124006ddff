use super::*;
use crate::{Kind, LETTERS, Schema, optional, required, required_member};

const PROBLEM: Record = Record {
    name: "Problem",
    description: "A problem.",
    members: &[required_member("status", Schema::Count, "The status.")],
};
const RETRY_AFTER: &[Header] =
    &[Header { name: "Retry-After", schema: Schema::Count, description: "Seconds to wait." }];
const REQUEST_ID: &[Header] =
    &[Header { name: "Request-Id", schema: Schema::Text, description: "The id of the request." }];

const TABLE: Table<()> = Table {
    root: "/",
    groups: &[RouteGroup {
        name: "orders",
        description: "Orders.",
        routes: &[
            Route::post("orders", "create_order", "Creates an order.", Schema::Object, ())
                .created()
                .with_other_statuses(&[(200, "The order existed.")])
                .with_headers(&[optional("Idempotency-Key", Kind::Text(1, 3, LETTERS), "The key.")])
                .with_body(Body::Required(&[required(
                    "amount",
                    Kind::Object(&[required("total", Kind::Fen(1, 9), "The amount.")]),
                    "The amount.",
                )]))
                .with_problems(&[(409, "Other terms.")])
                .with_security(Security::Scopes("key", &["orders:write"])),
            Route::get("orders/{number}", "stream", "Streams.", Schema::Text, ())
                .with_media_type("text/event-stream")
                .with_security(Security::Public),
            Route::post("orders/{number}", "delete_order", "Deletes.", Schema::Object, ())
                .method("DELETE")
                .no_content(),
        ],
    }],
    parameters: &[required("number", Kind::Text(1, 3, LETTERS), "The number.")],
};

fn document() -> Value {
    Document {
        title: "shop",
        summary: "A shop",
        description: "A shop.",
        version: "1",
        server: "The shop.",
        security: json!([{ "key": [] }]),
        security_schemes: json!({ "key": { "type": "http", "scheme": "bearer" } }),
        problem: &PROBLEM,
        invalid: (422, "A field is invalid."),
        problems: &[
            CommonProblem {
                name: "TooLarge",
                status: Some(413),
                needs_body: true,
                needs_security: false,
                condition: "Too large.",
                headers: &[],
            },
            CommonProblem {
                name: "TooMany",
                status: Some(429),
                needs_body: false,
                needs_security: true,
                condition: "Too many.",
                headers: RETRY_AFTER,
            },
            CommonProblem {
                name: "UnknownPath",
                status: None,
                needs_body: false,
                needs_security: false,
                condition: "No such path.",
                headers: &[],
            },
        ],
        response_headers: REQUEST_ID,
    }
    .build(&TABLE)
}

#[test]
fn document_has_nested_objects_headers_and_scopes() {
    let document = document();
    let create = &document["paths"]["/orders"]["post"];
    let body = &create["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["properties"]["amount"]["additionalProperties"], false);
    assert_eq!(body["properties"]["amount"]["properties"]["total"]["maximum"], 9);
    assert_eq!(create["parameters"][0]["in"], "header");
    assert_eq!(create["security"], json!([{ "key": ["orders:write"] }]));
    for status in ["200", "201"] {
        assert_eq!(create["responses"][status]["headers"]["Request-Id"]["schema"]["type"], "string");
        assert!(create["responses"][status]["content"]["application/json"].is_object());
    }
    let statuses: Vec<&String> = create["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "201", "409", "413", "422", "429"]);
    let headers = &document["components"]["responses"]["TooMany"]["headers"];
    assert_eq!(headers["Retry-After"]["schema"]["minimum"], 0);
}

#[test]
fn public_stream_has_its_media_type_and_no_security() {
    let document = document();
    let stream = &document["paths"]["/orders/{number}"]["get"];
    assert_eq!(stream["security"], json!([]));
    assert!(stream["responses"]["200"]["content"]["text/event-stream"].is_object());
    let statuses: Vec<&String> = stream["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "422"]);
    let delete = &document["paths"]["/orders/{number}"]["delete"];
    assert_eq!(delete["responses"]["204"].get("content"), None);
    assert_eq!(document["servers"][0]["url"], "/");
}
