//! The members of a JSON request, each read once, by its rule. What nobody reads is refused.

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

/// No request may be longer, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// How long a request's body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A flat JSON object that is being read.
#[derive(Debug)]
pub(crate) struct Members(BTreeMap<String, Value>);

impl Members {
    /// Receives a request's body and reads it as one JSON object.
    pub(crate) async fn of(request: Request) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if !kind.eq_ignore_ascii_case(b"application/json") {
            let title = "The request is not JSON";
            let detail = "content-type must be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", title, detail));
        }
        Self::read(&body(request.into_body()).await?)
    }

    /// Reads one JSON object. A member that comes twice is refused: which of the two was meant?
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(bytes).map_err(|error| {
            // The error's own words may quote the request.
            let what =
                if error.is_data() { "must be one JSON object, each member once" } else { "must be JSON" };
            let detail =
                format!("the body {what} (wrong at line {}, column {})", error.line(), error.column());
            Problem::new(StatusCode::BAD_REQUEST, "unreadable", "The request cannot be read", detail)
        })
    }

    /// Takes a text out; `null` is as good as absent.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::field(name, "must be a text")),
        }
    }

    /// Takes a text out that must be there.
    pub(crate) fn needed(&mut self, name: &str) -> Result<String, Problem> {
        self.text(name)?.ok_or_else(|| Problem::field(name, "must be given"))
    }

    /// Takes a whole number out that must be there: `19.99`, `1999.0`, `1e3` and `"1999"` are none.
    pub(crate) fn number(&mut self, name: &str) -> Result<u64, Problem> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Err(Problem::field(name, "must be given")),
            Some(value) => value.as_u64().ok_or_else(|| {
                Problem::field(name, "must be a whole number, without a sign, a dot or an exponent")
            }),
        }
    }

    /// Refuses what was not read.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            // The name is the visitor's own word: only a plain one is repeated.
            Some(name) if name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(Problem::field(&name, "is not a member of this request"))
            }
            Some(_) => Err(Problem::field("a member", "is not one of this request")),
            None => Ok(()),
        }
    }
}

/// Receives a body, within its limits.
async fn body(body: Body) -> Result<bytes::Bytes, Problem> {
    let collected = Limited::new(body, MAX_BODY).collect();
    match tokio::time::timeout(PATIENCE, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => {
            let detail = format!("the body must have at most {MAX_BODY} bytes");
            let title = "The request is too long";
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", title, detail))
        }
        Ok(Err(_)) => {
            let title = "The request cannot be read";
            Err(Problem::new(StatusCode::BAD_REQUEST, "unreadable", title, "the body did not arrive"))
        }
        Err(_) => {
            let title = "The request is too slow";
            Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                title,
                "the body did not arrive in time",
            ))
        }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Once)
    }
}

struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member comes twice"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let problem = Members::read(text.as_bytes()).and_then(|mut members| {
            members.number("total_fee")?;
            members.needed("body")?;
            members.finish()
        });
        serde_json::to_string(&problem.unwrap_err()).unwrap()
    }

    #[test]
    fn amounts_are_whole_numbers_and_nothing_else() {
        for fee in ["19.99", "1999.0", "1e3", "\"1999\"", "-1", "[1]", "true", "99999999999999999999"] {
            let problem = refused(&format!(r#"{{"total_fee":{fee},"body":"x"}}"#));
            assert!(problem.contains(r#""field":"total_fee""#), "{fee}: {problem}");
        }
        assert!(refused(r#"{"body":"x"}"#).contains("total_fee must be given"));
    }

    #[test]
    fn what_is_unknown_twice_or_no_object_is_refused_without_its_words() {
        let unknown = refused(r#"{"total_fee":1,"body":"x","price":1}"#);
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
            let problem = refused(text);
            assert!(!problem.contains("planted"), "{problem}");
        }
    }
}
