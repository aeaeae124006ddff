//! The response to a notification.
//!
//! 200 or 204 within five seconds ends WeChat Pay's retries, whatever the body says. Anything else causes another
//! delivery. Source: [the rules](crate::manual::protocol#notifications).

use crate::{
    error::{Error, ErrorKind},
    http::Response,
    prelude::*,
    wire::json,
};

/// The response to a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ack {
    /// The notification is durably recorded: 204.
    Success,
    /// The notification could not be handled now: 500. WeChat Pay delivers it again.
    Fail,
    /// The notification is rejected with this HTTP status.
    Reject(u16),
    /// A response body of your own: 200 and this JSON text, for the callbacks that expect data.
    Json(Vec<u8>),
}

/// Acknowledges with 204: a handler that returns nothing has recorded the notification.
impl From<()> for Ack {
    fn from((): ()) -> Self {
        Self::Success
    }
}

impl Ack {
    /// Responds with a JSON body, for the callbacks that expect data, such as `PARKING_FEE.QUERY_TRANS_INFO`.
    pub fn json(body: &impl serde::Serialize) -> Self {
        Self::Json(json::write(body))
    }

    /// Returns the response to a notification that could not be verified or decrypted: 401 if its signature is invalid
    /// or its key is not trusted, 400 if it is malformed, 500 if the verification key could not be obtained.
    pub fn for_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Signature => Self::Reject(401),
            ErrorKind::Malformed | ErrorKind::Misuse => Self::Reject(400),
            ErrorKind::Transport | ErrorKind::Refused | ErrorKind::Unavailable | ErrorKind::Exhausted => {
                Self::Fail
            }
        }
    }

    /// Converts this into an HTTP response.
    pub fn response(self) -> Response {
        const FAIL: &str = r#"{"code":"FAIL","message":"失败"}"#;
        let (status, body) = match self {
            Self::Success => return Response::new(204, Vec::new()),
            Self::Fail => (500, FAIL.into()),
            Self::Reject(status) => (status, FAIL.into()),
            Self::Json(body) => (200, body),
        };
        Response::new(status, body).with_header("content-type", b"application/json")
    }
}
