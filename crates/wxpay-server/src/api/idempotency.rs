//! Idempotency keys: syntax, digests, and the treatment of a request whose key was used before.
//!
//! The number of an order or a refund is enough for the same result. The key is for clients that want the same response.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use wxpay_openapi::{Kind, VISIBLE};

/// The header of the key.
pub(crate) const HEADER: &str = "Idempotency-Key";
/// The header of a response that repeats the result of an earlier request; its value is `true`.
pub(crate) const REPLAYED: &str = "Idempotency-Replayed";
/// Type and rule of the key.
pub(crate) const KIND: Kind = Kind::Text(1, 255, VISIBLE);
/// The time after which a request without a result counts as ended: longer than any request takes.
pub(crate) const IN_PROGRESS_TIMEOUT: Duration = Duration::from_mins(2);

/// Returns the digest under which a key is stored. Every API key has its own idempotency keys.
pub(crate) fn key_digest(key_id: &str, idempotency_key: &str) -> String {
    let digest = Sha256::new().chain_update(key_id).chain_update([0]).chain_update(idempotency_key);
    hex::encode(digest.finalize())
}

/// Returns the digest of a request. Bodies that differ in blanks, order of members or nulls are the same request.
pub(crate) fn request_digest(method: &str, path: &str, query: &str, body: &Map<String, Value>) -> String {
    let mut digest = Sha256::new();
    for part in [method, path, query] {
        digest.update(part);
        digest.update([0]);
    }
    update_object(&mut digest, body);
    hex::encode(digest.finalize())
}

fn update_object(digest: &mut Sha256, members: &Map<String, Value>) {
    let mut members: Vec<_> = members.iter().filter(|(_, value)| !value.is_null()).collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    digest.update(b"{");
    for (name, value) in members {
        update_text(digest, name);
        update_value(digest, value);
    }
    digest.update(b"}");
}

fn update_value(digest: &mut Sha256, value: &Value) {
    match value {
        Value::Object(members) => update_object(digest, members),
        Value::Array(items) => {
            digest.update(b"[");
            for item in items {
                update_value(digest, item);
            }
            digest.update(b"]");
        }
        Value::String(text) => update_text(digest, text),
        Value::Number(_) => {
            // `5` and `5.0` are the same number.
            let number = wxpay_openapi::whole_number(value);
            digest.update(number.map_or_else(|| value.to_string(), |number| number.to_string()));
            digest.update(b";");
        }
        Value::Bool(_) | Value::Null => {
            digest.update(value.to_string());
            digest.update(b";");
        }
    }
}

/// Adds a text with its length, so that no text looks like two.
fn update_text(digest: &mut Sha256, text: &str) {
    digest.update(text.len().to_string());
    digest.update(b":");
    digest.update(text);
}

/// Returns whether a response with this status is kept. One that says nothing final about the request is not: the
/// operation behind a 5xx goes on, and the client can mend the others without another key.
pub(crate) fn is_final(status: u16) -> bool {
    match status {
        401 | 403 | 408 | 409 | 413 | 415 | 425 | 429 => false,
        200..=299 | 400..=499 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn digest(body: &Value) -> String {
        request_digest("POST", "/api/orders", "", body.as_object().unwrap())
    }

    #[test]
    fn request_digest_ignores_only_form() {
        let first = digest(&json!({ "a": 1, "b": { "c": [true, "x"] } }));
        assert_eq!(first, digest(&json!({ "b": { "d": null, "c": [true, "x"] }, "a": 1.0 })));
        for other in [
            json!({ "a": 2, "b": { "c": [true, "x"] } }),
            json!({ "a": "1", "b": { "c": [true, "x"] } }),
            json!({ "a": 1, "b": { "c": ["x", true] } }),
            json!({ "a": 1, "b": { "c": [true], "x": "" } }),
            json!({ "a": 1, "c": [true, "x"] }),
            json!({}),
        ] {
            assert_ne!(first, digest(&other), "{other}");
        }
        let empty = Map::new();
        assert_ne!(request_digest("POST", "/a", "", &empty), request_digest("POST", "/b", "", &empty));
        assert_ne!(key_digest("key_1", "a"), key_digest("key_2", "a"));
        assert_ne!(key_digest("key_1", "a"), key_digest("key_1", "b"));
    }

    #[test]
    fn only_final_responses_are_kept() {
        for status in [200, 201, 202, 204, 404, 422] {
            assert!(is_final(status), "{status}");
        }
        for status in [401, 403, 408, 409, 429, 500, 502, 503, 504] {
            assert!(!is_final(status), "{status}");
        }
    }
}
