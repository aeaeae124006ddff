//! The identifier of a request, in the header `request-id`.

use crate::ambient::Ambient;
use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};
use std::{fmt, sync::Arc};

/// The header of the identifier, in requests and responses.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The identifier of a request: 1 to 64 of `A-Z a-z 0-9 . _ -`. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    /// Returns the identifier that the client sent, or a new one if it sent none or an invalid one.
    pub(crate) fn from_headers(headers: &HeaderMap, ambient: &dyn Ambient) -> Self {
        let mut values = headers.get_all(REQUEST_ID).iter();
        let sent = values.next().and_then(|value| value.to_str().ok());
        match (sent, values.next()) {
            (Some(sent), None) if is_valid(sent) => Self(sent.into()),
            _ => Self::new(ambient),
        }
    }

    fn new(ambient: &dyn Ambient) -> Self {
        let bytes = ambient.entropy().into_bytes();
        let number = bytes.first_chunk::<16>().copied().map_or(0, u128::from_be_bytes);
        Self(format!("req_{number:032x}").into())
    }

    /// Returns the identifier.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn header_value(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_valid(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::System;

    fn id(sent: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(REQUEST_ID, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        RequestId::from_headers(&headers, &System).to_string()
    }

    #[test]
    fn a_valid_request_id_is_kept_and_any_other_replaced() {
        let longest = "a".repeat(64);
        for kept in ["a", "0123-abc_DEF.7", longest.as_str()] {
            assert_eq!(id(&[kept]), kept);
        }
        let too_long = "a".repeat(65);
        assert!(is_valid(&id(&[])));
        for replaced in [&[""][..], &["a b"], &["a\"b"], &["支付"], &[&too_long], &["a", "b"]] {
            let made = id(replaced);
            assert!(made.starts_with("req_") && is_valid(&made), "{replaced:?}: {made}");
        }
        assert_ne!(id(&[]), id(&[]));
    }
}
