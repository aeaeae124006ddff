//! The fields of a JSON request, each read once by its rule. Unknown fields are rejected.

use crate::problem::Problem;
use axum::{
    body::Body,
    extract::Request,
    http::{StatusCode, header},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, time::Duration};

/// Limit of a request body, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// Timeout for receiving a request body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The fields of a flat JSON object that have not been read yet.
#[derive(Debug)]
pub(crate) struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// Receives a request's body and parses it as one JSON object.
    ///
    /// # Errors
    ///
    /// If the content type is not JSON, or the body is too long, too slow or malformed.
    pub(crate) async fn receive(request: Request) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.map_or(&b""[..], |value| value.as_bytes());
        let content_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if !content_type.eq_ignore_ascii_case(b"application/json") {
            let title = "The request is not JSON";
            let detail = "content-type must be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", title, detail));
        }
        Self::parse(&body(request.into_body()).await?)
    }

    /// Parses one JSON object. A duplicate field is rejected, since it is ambiguous.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(bytes).map_err(|error| {
            // serde_json's message may quote the request, which must not reach a log or a reply.
            let rule = if error.is_data() {
                "must be one JSON object without duplicate fields"
            } else {
                "must be JSON"
            };
            let detail = format!("the body {rule} (line {}, column {})", error.line(), error.column());
            Problem::new(StatusCode::BAD_REQUEST, "unreadable", "Malformed request", detail)
        })
    }

    /// Takes an optional string; `null` counts as absent.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::field(name, "must be a string")),
        }
    }

    /// Takes a required string.
    pub(crate) fn required(&mut self, name: &str) -> Result<String, Problem> {
        self.text(name)?.ok_or_else(|| Problem::field(name, "is required"))
    }

    /// Takes a required whole number: `19.99`, `1999.0`, `1e3` and `"1999"` are rejected.
    pub(crate) fn number(&mut self, name: &str) -> Result<u64, Problem> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Err(Problem::field(name, "is required")),
            Some(value) => value.as_u64().ok_or_else(|| {
                Problem::field(name, "must be a whole number, without a sign, a dot or an exponent")
            }),
        }
    }

    /// Rejects fields that were not taken.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            // The name comes from the request: repeat it only if it is short printable ASCII.
            Some(name) if name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(Problem::field(&name, "is an unknown field"))
            }
            Some(_) => Err(Problem::field("request", "contains an unknown field")),
            None => Ok(()),
        }
    }
}

/// Receives a body within the limits of length and time.
async fn body(body: Body) -> Result<bytes::Bytes, Problem> {
    let collected = Limited::new(body, MAX_BODY).collect();
    match tokio::time::timeout(BODY_TIMEOUT, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => {
            let detail = format!("the body must have at most {MAX_BODY} bytes");
            let title = "The request body is too long";
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", title, detail))
        }
        Ok(Err(_)) => {
            let title = "Malformed request";
            Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "unreadable",
                title,
                "the connection broke while the body was received",
            ))
        }
        Err(_) => {
            let title = "The request body is too slow";
            Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                title,
                "the body did not arrive within 10 seconds",
            ))
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if fields.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate field"));
            }
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(text: &str) -> String {
        let problem = Fields::parse(text.as_bytes()).and_then(|mut fields| {
            fields.number("total_fee")?;
            fields.required("body")?;
            fields.finish()
        });
        serde_json::to_string(&problem.unwrap_err()).unwrap()
    }

    #[test]
    fn amounts_must_be_whole_numbers() {
        for fee in ["19.99", "1999.0", "1e3", "\"1999\"", "-1", "[1]", "true", "99999999999999999999"] {
            let problem = rejected(&format!(r#"{{"total_fee":{fee},"body":"x"}}"#));
            assert!(problem.contains(r#""field":"total_fee""#), "{fee}: {problem}");
        }
        assert!(rejected(r#"{"body":"x"}"#).contains("total_fee is required"));
    }

    #[test]
    fn unknown_duplicate_and_malformed_fields_are_rejected_without_quoting_them() {
        let unknown = rejected(r#"{"total_fee":1,"body":"x","price":1}"#);
        assert!(unknown.contains(r#""field":"price""#), "{unknown}");
        for text in [
            r#"{"total_fee":1,"total_fee":2,"body":"planted"}"#,
            r#"["planted"]"#,
            r#""planted""#,
            r#"{"planted":"#,
            "planted",
            "",
            "{\"total_fee\":1,\"body\":\"x\"} planted",
            "{\"total_fee\":1,\"body\":\"x\",\"planted \u{7f}\":1}",
        ] {
            let problem = rejected(text);
            assert!(!problem.contains("planted"), "{problem}");
        }
    }
}
