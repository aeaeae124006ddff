//! Replies of `api.weixin.qq.com`: JSON with HTTP 200, for success and for refusals.

use crate::{
    error::{Error, ErrorKind},
    http::Response,
    prelude::*,
    refusal::{Code, Refusal},
    wire::json::{self, LenientString},
};
use core::{error, fmt};
use serde::de::DeserializeOwned;

/// A reply that is not a refusal. Only TLS authenticates it, because APIv1 does not sign replies.
#[derive(Clone, Copy)]
pub struct ApiReply<'a> {
    body: &'a [u8],
    is_explicit_success: bool,
}

impl fmt::Debug for ApiReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiReply({} bytes)", self.body.len())
    }
}

#[derive(serde::Deserialize)]
struct ErrorFields {
    errcode: Option<LenientString>,
    errmsg: Option<String>,
}

impl<'a> ApiReply<'a> {
    /// Reads a reply. Success is `errcode` 0, or no `errcode` (a token). Refusals have HTTP status 200, too.
    pub(crate) fn from_response(reply: &'a Response) -> Result<Self, Error> {
        let body = reply.body();
        if reply.status() != 200 {
            return Err(malformed().caused_by(UnexpectedStatus(reply.status())));
        }
        let ErrorFields { errcode, errmsg } = parse(body)?;
        match errcode {
            Some(LenientString(code)) if code != "0" => {
                let refusal =
                    Refusal::new(reply.status(), Code::from(code), errmsg.as_deref().unwrap_or_default());
                Err(Error::refused(refusal, None))
            }
            errcode => Ok(Self { body, is_explicit_success: errcode.is_some() }),
        }
    }

    /// Parses the body into a type.
    pub(crate) fn parse<T: DeserializeOwned>(self) -> Result<T, Error> {
        parse(self.body)
    }

    /// Returns whether the reply has `errcode` 0. A reply without `errcode` does not.
    pub(crate) fn is_explicit_success(self) -> bool {
        self.is_explicit_success
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    json::parse(body).map_err(|fault| malformed().caused_by(fault))
}

/// Returns the error for a reply that the document does not describe. The request may have been carried out.
pub(crate) fn malformed() -> Error {
    Error::new(ErrorKind::Malformed, None)
}

/// An HTTP status that this gateway does not use: its own replies all have 200.
#[derive(Clone, Copy, Debug)]
struct UnexpectedStatus(u16);

impl fmt::Display for UnexpectedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the HTTP status must be 200, but is {}", self.0)
    }
}

impl error::Error for UnexpectedStatus {}
