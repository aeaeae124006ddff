//! Validation of a request's path, query and body against its route.

use super::{
    call::{Call, Fields, Target},
    field::Field,
    problem::Problem,
    route::{Body, Route, parameter},
};
use crate::clock::Now;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use wxpay_proto::UnixTime;

/// Validates a request against its route.
pub(super) fn validate<'a>(
    route: &Route,
    target: &Target<'a>,
    raw: &'a [u8],
    (now, real): (Now, UnixTime),
) -> Result<Call<'a>, Problem> {
    let path = path(route, target.path)?;
    let query = query(route, target.query)?;
    let body = body(&route.body, raw)?;
    Ok(Call { path, query, body, raw, base_url: target.base_url, now, real })
}

fn path(route: &Route, path: &str) -> Result<Fields, Problem> {
    let mut members = Map::new();
    for (template, segment) in route.path.split('/').zip(super::strip_root(path).split('/')) {
        if let Some(field) = parameter(template) {
            let value = field.kind.parse(decode(field.name, segment)?);
            field.check(&value)?;
            members.insert(field.name.into(), value);
        }
    }
    Ok(Fields::new(members))
}

fn query(route: &Route, query: &str) -> Result<Fields, Problem> {
    let mut members = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
        let field = route.query_fields().find(|field| field.name == name);
        let field = field.ok_or_else(|| Problem::unknown_field(&name))?;
        let value = field.kind.parse(decode(field.name, &value.replace('+', " "))?);
        field.check(&value)?;
        if members.insert(name, value).is_some() {
            return Err(Problem::invalid_field(field.name, "must be given only once"));
        }
    }
    check_required(route.query, &members)?;
    Ok(Fields::new(members))
}

/// Decodes a parameter of the URL.
fn decode(name: &str, text: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| Problem::invalid_field(name, "must be percent-encoded UTF-8"))
}

fn body(body: &Body, raw: &[u8]) -> Result<Fields, Problem> {
    let members = match body {
        Body::None | Body::Optional(_) | Body::Settings(_) if raw.trim_ascii().is_empty() => Map::new(),
        Body::None
        | Body::Optional(_)
        | Body::Settings(_)
        | Body::Required(_)
        | Body::ByKind(_)
        | Body::Parameters(_) => object(raw)?,
    };
    match body {
        Body::Parameters(_) => {}
        Body::None => check_members(&[], &members)?,
        Body::Optional(fields) | Body::Required(fields) => check_members(fields, &members)?,
        Body::Settings(fields) => check_members(&fields(), &members)?,
        Body::ByKind(variants) => {
            let kind = members.get("kind").filter(|kind| !kind.is_null());
            let kind = kind.ok_or_else(|| Problem::missing_field("kind"))?;
            let variants = variants();
            let variant = variants
                .iter()
                .find(|variant| variant.kinds.iter().any(|known| kind.as_str() == Some(known)));
            let variant = variant.ok_or_else(|| {
                Problem::invalid_field("kind", "must be a fault kind that faults/kinds lists")
            })?;
            check_members(&variant.fields, &members)?;
            for (name, values) in &variant.choices {
                let value = members.get(*name).and_then(Value::as_str);
                if value.is_some_and(|value| !values.contains(&value)) {
                    return Err(Problem::invalid_field(name, "must be one that this kind applies to"));
                }
            }
            let [one, other] = variant.exclusive;
            let is_present = |name| members.get(name).is_some_and(|value| !value.is_null());
            if is_present(one) && is_present(other) {
                return Err(Problem::invalid_field(other, &format!("must not be combined with {one}")));
            }
        }
    }
    Ok(Fields::new(members))
}

fn object(raw: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(raw) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Problem::invalid_field("body", "must be a JSON object")),
    }
}

fn check_members(declared: &[Field], members: &Map<String, Value>) -> Result<(), Problem> {
    for (name, value) in members {
        let field = declared.iter().find(|field| field.name == name);
        let field = field.ok_or_else(|| Problem::unknown_field(name))?;
        if !value.is_null() {
            field.check(value)?;
        }
    }
    check_required(declared, members)
}

fn check_required(declared: &[Field], members: &Map<String, Value>) -> Result<(), Problem> {
    let is_present = |field: &&Field| members.get(field.name).is_some_and(|value| !value.is_null());
    match declared.iter().find(|field| field.is_required && !is_present(field)) {
        Some(field) => Err(Problem::missing_field(field.name)),
        None => Ok(()),
    }
}
