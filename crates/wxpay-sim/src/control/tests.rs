//! The table of routes: declared fields are exactly those that handlers read and the document lists.

use super::*;
use crate::{
    Settings,
    control::{
        call::{Call, Fields},
        field::Field,
        openapi::document,
        route::{Body, Route},
    },
};
use serde_json::Map;
use std::collections::BTreeSet;

const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);

fn simulation() -> Simulation {
    let gateway = Gateway::new(Settings::default(), 1);
    Simulation { gateway, clock: Clock::frozen(NOW) }
}

fn samples(fields: &[Field]) -> Fields {
    Fields::new(fields.iter().map(|field| (String::from(field.name), field.kind.sample())).collect())
}

/// Returns sample bodies of a route, one for each variant, with the names of the declared fields.
fn bodies(route: &Route) -> Vec<(Fields, Vec<&'static str>)> {
    let names = |fields: &[Field]| fields.iter().map(|field| field.name).collect();
    match &route.body {
        Body::None | Body::Parameters(_) | Body::Raw(_) => vec![(Fields::new(Map::new()), Vec::new())],
        Body::Optional(fields) | Body::Required(fields) => vec![(samples(fields), names(fields))],
        Body::Settings(fields) => vec![(samples(&fields()), names(&fields()))],
        Body::ByKind(variants) => variants()
            .iter()
            .map(|variant| {
                // The first operation may belong to the second API version, which refuses the rule.
                let fields: Vec<Field> =
                    variant.fields.iter().copied().filter(|field| field.name != "operation").collect();
                let mut body: Map<String, Value> =
                    fields.iter().map(|field| (String::from(field.name), field.kind.sample())).collect();
                body.insert("kind".into(), variant.kinds[0].into());
                body.insert("until".into(), 1.into());
                (Fields::new(body), names(&fields))
            })
            .collect(),
    }
}

#[test]
fn handlers_read_exactly_the_declared_fields() {
    for route in TABLE.routes() {
        let path: Vec<Field> =
            route.path.split('/').filter_map(|part| TABLE.parameter(part)).copied().collect();
        for (body, declared) in bodies(route) {
            let (path, query) = (samples(&path), samples(&route.query_fields().copied().collect::<Vec<_>>()));
            let call = Call { path, query, body, raw: b"{}", base_url: None, now: NOW.into(), real: NOW };
            // The result does not matter: a handler reads all fields before it looks anything up.
            (route.handler)(&mut simulation(), &call).ok();
            let declared: BTreeSet<String> = declared.into_iter().map(String::from).collect();
            let read = call.body.read.borrow().clone();
            let missed: Vec<_> = declared.difference(&read).collect();
            assert!(
                missed.is_empty(),
                "{} {} does not read the declared fields {missed:?}",
                route.method,
                route.path
            );
            let undeclared: Vec<_> = read.difference(&declared).filter(|name| *name != "operation").collect();
            assert!(
                undeclared.is_empty(),
                "{} {} reads the undeclared fields {undeclared:?}",
                route.method,
                route.path
            );
            let query_names: BTreeSet<String> = route.query_fields().map(|field| field.name.into()).collect();
            assert_eq!(*call.query.read.borrow(), query_names, "{} {}", route.method, route.path);
        }
    }
}

#[test]
fn document_lists_exactly_the_routes() {
    let document = document();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.trim_start_matches('/').to_owned()));
        }
    }
    let table: BTreeSet<_> =
        TABLE.routes().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(documented, table);
    assert_eq!(table.len(), TABLE.routes().count(), "two routes have the same method and path");
}

#[test]
fn route_ids_are_unique_and_path_parameters_are_declared() {
    let names: BTreeSet<_> = TABLE.routes().map(|route| route.id).collect();
    assert_eq!(names.len(), TABLE.routes().count());
    for part in TABLE.routes().flat_map(|route| route.path.split('/')).filter(|part| part.starts_with('{')) {
        assert!(TABLE.parameter(part).is_some(), "{part}");
    }
}

#[test]
fn no_route_shadows_another() {
    for route in TABLE.routes() {
        let path: Vec<String> = route
            .path
            .split('/')
            .map(|part| {
                TABLE.parameter(part).map_or_else(|| part.into(), |field| field.kind.sample().to_string())
            })
            .collect();
        let path = format!("{ROOT}{}", path.join("/").replace('"', ""));
        assert_eq!(TABLE.find(route.method, &path).ok().map(|found| found.id), Some(route.id), "{path}");
    }
}
