use super::*;
use crate::api::{MAX_BODY_BYTES, input::Values};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use wxpay_openapi::{Body, Field, Security, max_json_bytes};

fn fields_of(body: &Body) -> &'static [Field] {
    match body {
        Body::Required(fields) | Body::Optional(fields) => fields,
        Body::None | Body::Raw(_) | Body::Settings(_) | Body::ByKind(_) | Body::Parameters(_) => &[],
    }
}

fn samples(fields: impl IntoIterator<Item = &'static Field>) -> Values {
    let sample = |field: &Field| (String::from(field.name), field.kind.sample());
    Values::new(fields.into_iter().map(sample).collect::<Map<String, Value>>())
}

#[test]
fn table_has_the_routes_of_the_design() {
    let table: Vec<String> =
        TABLE.routes().map(|route| format!("{} /{}", route.method, route.path)).collect();
    let designed = [
        "POST /api/orders",
        "GET /api/orders",
        "GET /api/orders/{out_trade_no}",
        "POST /api/orders/{out_trade_no}/query",
        "POST /api/orders/{out_trade_no}/close",
        "POST /api/orders/{out_trade_no}/reverse",
        "POST /api/orders/{out_trade_no}/pay",
        "POST /api/orders/{out_trade_no}/delivered",
        "POST /api/orders/{out_trade_no}/refunds",
        "GET /api/orders/{out_trade_no}/refunds",
        "GET /api/orders/{out_trade_no}/refunds/{out_refund_no}",
        "POST /api/orders/{out_trade_no}/refunds/{out_refund_no}/query",
        "GET /api/events",
        "GET /api/events/stream",
        "POST /api/webhook-endpoints",
        "GET /api/webhook-endpoints",
        "GET /api/webhook-endpoints/{endpoint}",
        "PATCH /api/webhook-endpoints/{endpoint}",
        "DELETE /api/webhook-endpoints/{endpoint}",
        "POST /api/webhook-endpoints/{endpoint}/rotate",
        "POST /api/webhook-endpoints/{endpoint}/test",
        "GET /api/webhook-endpoints/{endpoint}/attempts",
        "POST /api/webhook-endpoints/{endpoint}/replay",
        "GET /api/cases",
        "GET /api/cases/{case_id}",
        "POST /api/cases/{case_id}/resolve",
        "POST /api/merchants",
        "GET /api/merchants",
        "GET /api/merchants/{merchant}",
        "PATCH /api/merchants/{merchant}",
        "PUT /api/merchants/{merchant}",
        "DELETE /api/merchants/{merchant}",
        "PUT /api/merchants/{merchant}/keys",
        "POST /api/api-keys",
        "GET /api/api-keys",
        "GET /api/api-keys/{key_id}",
        "DELETE /api/api-keys/{key_id}",
        "GET /api/audit",
        "GET /api/openapi.json",
        "GET /docs",
        "POST /notify/{merchant}/{kind}",
        "GET /livez",
        "GET /readyz",
        "GET /metrics",
    ];
    assert_eq!(table, designed);
}

#[test]
fn operations_read_every_declared_field() {
    for route in TABLE.routes() {
        let path = route.path.split('/').filter_map(|segment| TABLE.parameter(segment));
        let mut input = Input {
            path: samples(path),
            query: samples(route.query_fields()),
            headers: samples(route.headers),
            body: samples(fields_of(&route.body)),
        };
        let declared = |fields: Vec<&Field>| -> BTreeSet<String> {
            fields.into_iter().map(|field| field.name.into()).collect()
        };
        // The result does not matter: an operation takes all fields before it compares them.
        (route.handler.make)(&mut input).ok();
        assert_eq!(input.query.taken, declared(route.query_fields().collect()), "query of {}", route.id);
        assert_eq!(
            input.body.taken,
            declared(fields_of(&route.body).iter().collect()),
            "body of {}",
            route.id
        );
    }
}

#[test]
fn every_valid_body_fits_into_the_limit() {
    for route in TABLE.routes() {
        let longest = max_json_bytes(fields_of(&route.body));
        assert!(longest <= MAX_BODY_BYTES, "{}: {longest} bytes", route.id);
    }
}

#[test]
fn route_ids_are_unique_and_path_parameters_are_declared() {
    let ids: BTreeSet<_> = TABLE.routes().map(|route| route.id).collect();
    assert_eq!(ids.len(), TABLE.routes().count());
    for part in TABLE.routes().flat_map(|route| route.path.split('/')).filter(|part| part.starts_with('{')) {
        assert!(TABLE.parameter(part).is_some(), "{part}");
    }
    for field in TABLE.routes().flat_map(|route| fields_of(&route.body)) {
        assert!(field.kind.accepts(&field.kind.sample()), "{}", field.name);
    }
}

#[test]
fn no_route_shadows_another() {
    for route in TABLE.routes() {
        let segment = |part: &str| match TABLE.parameter(part) {
            Some(field) => field.kind.sample().as_str().unwrap().to_owned(),
            None => part.to_owned(),
        };
        let path: Vec<String> = route.path.split('/').map(segment).collect();
        let path = format!("/{}", path.join("/"));
        assert_eq!(TABLE.find(route.method, &path).map(|found| found.id), Ok(route.id), "{path}");
    }
}

#[test]
fn every_route_below_api_has_a_scope_except_the_document() {
    for route in TABLE.routes() {
        let is_public = !route.path.starts_with("api/") || route.path == "api/openapi.json";
        assert_eq!(route.handler.scope.is_none(), is_public, "{}", route.id);
        let security =
            route.handler.scope.map_or(Security::Public, |scope| Security::Scopes(SCHEME, scope.names()));
        assert_eq!(route.security, security, "{}", route.id);
        if route.method != "GET" && !is_public {
            assert!(route.headers.iter().any(|field| field.name == "Idempotency-Key"), "{}", route.id);
            assert_ne!(route.handler.scope, Some(Scope::OrdersRead), "{}", route.id);
        }
    }
}

#[test]
fn no_route_promises_a_status_that_is_never_sent() {
    for (status, _) in TABLE.routes().flat_map(|route| route.problems) {
        assert!([401, 404, 409, 503, 504].contains(status), "{status}");
    }
}
