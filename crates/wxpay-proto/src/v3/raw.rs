//! Untyped calls: any operation and any JSON, signed and verified like the typed ones.

use super::{prelude::*, verify::VerifiedBy};
use crate::{http::Method, wire::json};
use core::fmt;
use serde::de::DeserializeOwned;

/// An operation by method, path and body. It is signed, sent, retried and verified like every other.
///
/// ```
/// use wxpay_proto::{http::Method, v3::Raw};
///
/// let raw = Raw::new(Method::Get, "/v3/merchant-service/complaints-v2?limit=5&begin_date=2026-11-01&end_date=2026-11-24")?;
/// assert!(Raw::new(Method::Get, "https://example.com/v3/x").is_err());
/// # Ok::<(), wxpay_proto::id::InvalidField>(())
/// ```
#[derive(Clone)]
pub struct Raw {
    method: Method,
    target: String,
    body: Option<Vec<u8>>,
    idempotency: Idempotency,
}

/// The products whose successful replies have a top-level member `code`, by path. No typed operation is among them.
const SUCCESS_HAS_CODE: [&str; 2] = ["/v3/gov/subsidy/", "/v3/marketing/membercard-open/"];

/// The reply to a [`Raw`] operation. `Debug` omits the body.
///
/// A verified empty body is returned as it is. It proves little, because the signature does not cover the request: if
/// the operation's reply has members, query the operation.
#[derive(Clone, PartialEq, Eq)]
pub struct RawReply {
    body: Vec<u8>,
    verified_by: VerifiedBy,
}

impl Raw {
    /// Creates an operation without a body. `target` is path and query, percent-encoded, exactly as signed and sent.
    ///
    /// A `GET` is [always retried](Idempotency::Safe). Any other method is retried as
    /// [idempotent by the merchant's number](Idempotency::ByNumber), which is the rule in APIv3; forbid that with
    /// [`without_retry`](Self::without_retry).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if `target` does not begin with exactly one slash, or contains blanks, `#`, or anything
    /// beyond visible ASCII.
    pub fn new(method: Method, target: &str) -> Result<Self, InvalidField> {
        let is_valid = target.starts_with('/')
            && !target.starts_with("//")
            && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !is_valid {
            return Err(InvalidField::new("path", "must begin with one slash, and be percent-encoded ASCII"));
        }
        let idempotency = if method == Method::Get { Idempotency::Safe } else { Idempotency::ByNumber };
        Ok(Self { method, target: target.into(), body: None, idempotency })
    }

    /// Sets the body to a JSON text, byte for byte.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the text is not JSON in UTF-8.
    pub fn json(self, text: &[u8]) -> Result<Self, InvalidField> {
        match json::parse::<serde::de::IgnoredAny>(text) {
            Ok(_) => Ok(Self { body: Some(text.to_vec()), ..self }),
            Err(_) => Err(InvalidField::new("body", "must be a JSON text in UTF-8")),
        }
    }

    /// Returns the method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Returns path and query, as signed and sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the body, if there is one.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// Forbids retries after an unknown outcome, for the few operations without a merchant's number.
    #[must_use]
    pub fn without_retry(self) -> Self {
        Self { idempotency: Idempotency::None, ..self }
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Endpoint for Raw {
    type Output = RawReply;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let draft = Draft::new("v3.raw", self.method, self.target.clone());
        Ok(match &self.body {
            Some(text) => draft.json(text.clone()),
            None => draft,
        })
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<RawReply, Error> {
        Ok(RawReply { body: reply.bytes().to_vec(), verified_by: reply.verified_by() })
    }

    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }

    fn success_has_code(&self) -> bool {
        SUCCESS_HAS_CODE.iter().any(|path| self.target.starts_with(path))
    }
}

impl RawReply {
    /// Returns the body; empty if there was none (204).
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Returns the way in which the body was authenticated.
    pub fn verified_by(&self) -> VerifiedBy {
        self.verified_by
    }

    /// Parses the body as JSON.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the body does not match the type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        json::parse(&self.body).map_err(|error| malformed().caused_by(error))
    }
}

impl fmt::Debug for RawReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReply")
            .field("body_len", &self.body.len())
            .field("verified_by", &self.verified_by)
            .finish()
    }
}
