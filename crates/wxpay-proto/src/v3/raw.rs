//! Any operation, any JSON, through the same verified path: what has no type here blocks nobody.

use super::{
    endpoint::{Draft, Endpoint, Repeat},
    merchant::Merchant,
    seal::Pen,
    verify::{How, Verified, malformed},
};
use crate::{error::Error, http::Method, id::Invalid, wire::json, world::World};
use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::de::DeserializeOwned;

/// An operation by method, path and body. It is signed, sent, tried again and verified like every other.
///
/// ```
/// use wxpay_proto::{http::Method, v3::Raw};
///
/// let raw = Raw::new(Method::Get, "/v3/merchant-service/complaints-v2?limit=5&begin_date=2026-11-01&end_date=2026-11-24")?;
/// assert!(Raw::new(Method::Get, "https://example.com/v3/x").is_err());
/// # Ok::<(), wxpay_proto::id::Invalid>(())
/// ```
#[derive(Clone)]
pub struct Raw {
    method: Method,
    target: String,
    body: Option<Vec<u8>>,
    repeat: Repeat,
}

/// What was replied to a [`Raw`] operation. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RawReply {
    body: Vec<u8>,
    how: How,
}

impl Raw {
    /// An operation without a body. `target` is path and query as they are to be signed and sent, escaped.
    ///
    /// A `GET` may be repeated freely; anything else [under its own number](Repeat::SameNumber), as the third
    /// generation has it, unless [`once`](Self::once) forbids that.
    ///
    /// # Errors
    ///
    /// When it does not begin with a slash, or holds blanks, `#`, or anything beyond visible ASCII.
    pub fn new(method: Method, target: &str) -> Result<Self, Invalid> {
        let good = target.starts_with('/')
            && !target.starts_with("//")
            && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !good {
            return Err(Invalid::new("path", "must begin with one slash, and be escaped visible ASCII"));
        }
        let repeat = if method == Method::Get { Repeat::Freely } else { Repeat::SameNumber };
        Ok(Self { method, target: target.into(), body: None, repeat })
    }

    /// With a JSON text as its body, byte for byte.
    ///
    /// # Errors
    ///
    /// When it is not JSON.
    pub fn json(self, text: &[u8]) -> Result<Self, Invalid> {
        match json::parse::<serde::de::IgnoredAny>(text) {
            Ok(_) => Ok(Self { body: Some(text.to_vec()), ..self }),
            Err(_) => Err(Invalid::new("body", "must be a JSON text in UTF-8")),
        }
    }

    /// Never tries again when it is not known what became of it: for the few operations without a number.
    #[must_use]
    pub fn once(self) -> Self {
        Self { repeat: Repeat::Never, ..self }
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Endpoint for Raw {
    type Output = RawReply;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let draft = Draft::new("v3.raw", self.method, self.target.clone());
        Ok(match &self.body {
            Some(text) => draft.json(text.clone()),
            None => draft,
        })
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<RawReply, Error> {
        Ok(RawReply { body: reply.bytes().to_vec(), how: reply.how() })
    }

    fn repeat(&self) -> Repeat {
        self.repeat
    }
}

impl RawReply {
    /// The body; empty where there was none (204).
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Why it is to be believed.
    #[must_use]
    pub fn how(&self) -> How {
        self.how
    }

    /// Reads it as a JSON text.
    ///
    /// # Errors
    ///
    /// When it is not what the type wants.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        json::parse(&self.body).map_err(|fault| malformed().caused_by(fault))
    }
}

impl fmt::Debug for RawReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReply").field("body_len", &self.body.len()).field("how", &self.how).finish()
    }
}
