//! What `api.weixin.qq.com` answers: JSON with HTTP 200, whatever it says.

use crate::{
    error::{Error, ErrorKind, Fate},
    http::Response,
    refusal::{Code, Refusal},
    wire::json::{self, LenientString},
};
use alloc::string::String;
use core::{error, fmt};
use serde::de::DeserializeOwned;

/// An answer that is no refusal. That TLS named the gateway is all that vouches for it: this generation signs
/// no answers.
#[derive(Clone, Copy)]
pub struct ApiReply<'a> {
    body: &'a [u8],
    says_success: bool,
}

impl fmt::Debug for ApiReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} bytes)", self.body.len())
    }
}

#[derive(serde::Deserialize)]
struct Verdict {
    errcode: Option<LenientString>,
    errmsg: Option<String>,
}

impl<'a> ApiReply<'a> {
    /// Success is told by `errcode` 0 or by its absence (a token), never by the HTTP status.
    pub(crate) fn of(reply: &'a Response) -> Result<Self, Error> {
        let body = reply.body();
        if reply.status() != 200 {
            return Err(malformed().caused_by(UnexpectedStatus(reply.status())));
        }
        let Verdict { errcode, errmsg } = parse(body)?;
        match errcode {
            Some(LenientString(code)) if code != "0" => {
                let refusal =
                    Refusal::new(reply.status(), Code::from(code), errmsg.as_deref().unwrap_or_default());
                let fate = if refusal.code == Code::BUSY { Fate::Unknown } else { Fate::Refused };
                Err(Error::refused(refusal, fate))
            }
            errcode => Ok(Self { body, says_success: errcode.is_some() }),
        }
    }

    /// Reads it as a type.
    pub(crate) fn parse<T: DeserializeOwned>(self) -> Result<T, Error> {
        parse(self.body)
    }

    /// Whether it says so, rather than not saying anything else.
    pub(crate) fn says_success(self) -> bool {
        self.says_success
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    json::parse(body).map_err(|fault| malformed().caused_by(fault))
}

/// The reply is not what the document says, so what it replies to may have been carried out.
pub(crate) fn malformed() -> Error {
    Error::new(ErrorKind::Malformed, Fate::Unknown)
}

/// An HTTP status that this gateway has no meaning for; everything it means to say comes with 200.
#[derive(Clone, Copy, Debug)]
struct UnexpectedStatus(u16);

impl fmt::Display for UnexpectedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {}", self.0)
    }
}

impl error::Error for UnexpectedStatus {}
