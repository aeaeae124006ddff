//! The last calls, for a test to look at.

use super::{authorization::target, door::Door, reply::Reply};
use serde::Serialize;
use std::collections::VecDeque;
use wxpay_proto::{UnixTime, http::Request};

/// So many are kept; older ones are forgotten.
const KEPT: usize = 1000;

/// One call and how it was answered. Holds no header and no body: they may be secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// When, in seconds of the virtual clock.
    pub at: u64,
    /// The method.
    pub method: &'static str,
    /// Path and query, as they came.
    pub target: String,
    /// Who called, if the merchant is known.
    pub mchid: Option<String>,
    /// Which operation it was: `v3.pay.jsapi`; none if the door let nothing in.
    pub operation: Option<&'static str>,
    /// The HTTP status of the answer; 0 if a fault took the request away before it was looked at.
    pub status: u16,
    /// The code of a refusal.
    pub code: Option<&'static str>,
    /// `Request-ID`, with the number at its end.
    pub request_id: String,
    /// So many bytes of body came.
    pub body_bytes: usize,
    /// The kind of the fault that struck it. The answer may not have arrived.
    pub fault: Option<&'static str>,
}

/// The calls in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(VecDeque<RequestRecord>);

impl Requests {
    pub(super) fn add(
        &mut self,
        request: &Request,
        door: &Door,
        reply: Option<&Reply>,
        request_id: &str,
        now: UnixTime,
    ) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(RequestRecord {
            at: now.as_secs(),
            method: request.method().as_str(),
            target: target(request).into(),
            mchid: door.mchid.as_ref().map(ToString::to_string),
            operation: door.label,
            status: reply.map_or(0, |reply| reply.status),
            code: reply.and_then(|reply| reply.code),
            request_id: request_id.into(),
            body_bytes: request.body().len(),
            fault: door.fault,
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RequestRecord> {
        self.0.iter()
    }
}
