use super::*;
use std::collections::BTreeSet;

/// Calls a function with every value of a document.
fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&'a Value)) {
    see(value);
    match value {
        Value::Object(members) => members.values().for_each(|value| visit(value, see)),
        Value::Array(items) => items.iter().for_each(|value| visit(value, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn document_lists_exactly_the_routes_with_their_scopes() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            documented.insert((method.to_uppercase(), path.trim_start_matches('/').to_owned()));
            let id = operation["operationId"].as_str().unwrap();
            let route = TABLE.routes().find(|route| route.id == id).unwrap();
            let security = match route.handler.scope {
                Some(scope) => json!([{ SCHEME: [scope.name()] }]),
                None => json!([]),
            };
            assert_eq!(operation["security"], security, "{id}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("422") && responses.contains_key("503"), "{id}");
            assert_eq!(responses.contains_key("429"), route.handler.scope.is_some(), "{id}");
            for never in ["500", "502"] {
                assert!(!responses.contains_key(never), "{id}");
            }
        }
    }
    let table: BTreeSet<_> =
        TABLE.routes().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(documented, table);
}

#[test]
fn every_reference_of_the_document_resolves_and_every_pattern_is_anchored() {
    let document = document();
    let mut references = 0;
    visit(&document, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            references += 1;
        }
        if let Some(pattern) = value.get("pattern").and_then(Value::as_str) {
            assert!(pattern.starts_with('^') && pattern.ends_with('$'), "{pattern}");
        }
    });
    assert!(references > 100, "{references}");
}

#[test]
fn secrets_are_write_only_and_in_no_response() {
    let document = document();
    let keys = &document["paths"]["/api/merchants/{merchant}/keys"]["put"]["requestBody"]["content"]["application/json"]
        ["schema"];
    for name in ["private_key", "api_v3_key", "app_secret", "pay_sign_key", "partner_key"] {
        assert_eq!(keys["properties"][name]["writeOnly"], true, "{name}");
        visit(&document["components"]["schemas"], &mut |value| {
            assert!(value.get("properties").is_none_or(|members| members.get(name).is_none()), "{name}");
        });
    }
}

#[test]
fn page_shows_every_route_and_loads_nothing() {
    let page = docs_page();
    for route in TABLE.routes() {
        assert!(page.html.contains(&format!("id=\"{}\"", route.id)), "{}", route.id);
    }
    for forbidden in ["<script", "<link", "<img", "<iframe", "src=", "@import", "url(", " style=\"", "onload"]
    {
        assert!(!page.html.contains(forbidden), "{forbidden}");
    }
    let (_, rest) = page.html.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
    assert!(page.content_security_policy.starts_with("default-src 'none'; "));
    assert!(page.content_security_policy.contains(&format!("style-src 'sha256-{hash}';")));
}
