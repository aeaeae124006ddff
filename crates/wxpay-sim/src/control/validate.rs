//! Validation of a request's path, query and body against its route.

use super::{
    TABLE,
    call::{Call, Fields, Target},
    problem::Problem,
    route::{Body, Route},
};
use crate::clock::Now;
use serde_json::{Map, Value};
use wxpay_openapi::check_members;
use wxpay_proto::UnixTime;

/// Validates a request against its route.
pub(super) fn validate<'a>(
    route: &Route,
    target: &Target<'a>,
    raw: &'a [u8],
    (now, real): (Now, UnixTime),
) -> Result<Call<'a>, Problem> {
    let path = Fields::new(TABLE.path_values(route, target.path)?);
    let query = Fields::new(route.query_values(target.query)?);
    let body = body(&route.body, raw)?;
    Ok(Call { path, query, body, raw, base_url: target.base_url, now, real })
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
        Body::Raw(_) => Map::new(),
    };
    match body {
        Body::Parameters(_) | Body::Raw(_) => {}
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
