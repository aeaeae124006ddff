//! What is answered to a notice.
//!
//! 200 or 204 within five seconds ends the repeats, whatever the body says; anything else brings it again.
//! `protocol/v3` section 12.

use crate::{
    error::{Error, ErrorKind},
    http::Response,
    wire::json,
};
use alloc::vec::Vec;

/// What is answered to a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ack {
    /// It is durably taken note of: 204.
    Success,
    /// It could not be handled now: 500. It will come again.
    Fail,
    /// It is not what it should be, with this HTTP status.
    Refuse(u16),
    /// An answer of one's own: 200 and this JSON text, for the callbacks that ask something.
    Answer(Vec<u8>),
}

/// That there is nothing to say is that it is taken note of.
impl From<()> for Ack {
    fn from((): ()) -> Self {
        Self::Success
    }
}

impl Ack {
    /// An answer of one's own, for the callbacks that ask something, such as `PARKING_FEE.QUERY_TRANS_INFO`.
    #[must_use]
    pub fn answer(body: &impl serde::Serialize) -> Self {
        Self::Answer(json::write(body))
    }

    /// The answer to a notice that could not be heard: 401 if it is not to be believed, 400 if it cannot be read,
    /// 500 if the key to verify it could not be had now.
    #[must_use]
    pub fn to_unheard(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Signature => Self::Refuse(401),
            ErrorKind::Malformed | ErrorKind::Misuse => Self::Refuse(400),
            ErrorKind::Transport | ErrorKind::Refused | ErrorKind::Unavailable | ErrorKind::Exhausted => {
                Self::Fail
            }
        }
    }

    /// The reply.
    #[must_use]
    pub fn response(self) -> Response {
        const FAIL: &str = r#"{"code":"FAIL","message":"失败"}"#;
        let (status, body) = match self {
            Self::Success => return Response::new(204, Vec::new()),
            Self::Fail => (500, FAIL.into()),
            Self::Refuse(status) => (status, FAIL.into()),
            Self::Answer(body) => (200, body),
        };
        Response::new(status, body).with("content-type", b"application/json")
    }
}
