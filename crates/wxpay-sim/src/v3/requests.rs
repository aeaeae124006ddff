//! The log of the last requests, for inspection by a test.

use super::{reply::Reply, validate::RequestContext};
use crate::gateway::target;
use serde::Serialize;
use std::collections::VecDeque;
use wxpay_proto::{UnixTime, http::Request};

/// The maximum number of records. The oldest is removed first.
const MAX_RECORDS: usize = 1000;

/// A request and the status of its reply. Headers and bodies are not kept: they may contain secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The time of the request, in seconds of the virtual clock.
    pub at: u64,
    /// The method.
    pub method: &'static str,
    /// The path and query, as received.
    pub target: String,
    /// The calling merchant, if it is known.
    pub mchid: Option<String>,
    /// The label of the operation, for example `v3.pay.jsapi`; `None` if validation failed before the operation was
    /// known.
    pub operation: Option<&'static str>,
    /// The HTTP status of the reply; 0 if a fault prevented processing.
    pub status: u16,
    /// The error code of a refusal.
    pub code: Option<&'static str>,
    /// The `Request-ID`, which ends with the result code.
    pub request_id: String,
    /// The length of the body in bytes.
    pub body_bytes: usize,
    /// The kind of the fault that was injected. The reply may not have arrived.
    pub fault: Option<&'static str>,
}

/// The requests, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestLog(VecDeque<RequestRecord>);

impl RequestLog {
    pub(super) fn add(
        &mut self,
        request: &Request,
        context: &RequestContext,
        reply: Option<&Reply>,
        request_id: &str,
        now: UnixTime,
    ) {
        if self.0.len() >= MAX_RECORDS {
            self.0.pop_front();
        }
        self.0.push_back(RequestRecord {
            at: now.as_secs(),
            method: request.method().as_str(),
            target: target(request).into(),
            mchid: context.mchid.as_ref().map(ToString::to_string),
            operation: context.operation.map(|operation| operation.label),
            status: reply.map_or(0, |reply| reply.status),
            code: reply.and_then(|reply| reply.code),
            request_id: request_id.into(),
            body_bytes: request.body().len(),
            fault: context.fault,
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RequestRecord> {
        self.0.iter()
    }
}
