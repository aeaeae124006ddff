//! The records of the last requests, of both API versions.

use crate::{faults::ApiVersion, gateway::target};
use serde::Serialize;
use std::{borrow::Cow, collections::VecDeque};
use wxpay_proto::{UnixTime, http::Request};

/// The maximum number of records. The oldest is removed first.
const MAX_RECORDS: usize = 1000;

/// A request and the status of its reply. Headers and bodies are not kept: they may contain secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The time of the request, in seconds of the business clock.
    pub at: u64,
    /// The API version. A path outside of both counts as APIv1, the older one.
    pub api_version: ApiVersion,
    /// The method.
    pub method: &'static str,
    /// The path and query. In APIv3 as received; in APIv1 only `appid` and `grant_type` keep their values, because the
    /// others are secrets.
    pub target: String,
    /// The calling merchant, if it is known: its mchid, or in APIv1 its `partner`.
    pub mchid: Option<String>,
    /// The label of the operation, for example `v3.pay.jsapi` or `v1.genprepay`; `None` if no operation has this path and
    /// method.
    pub operation: Option<&'static str>,
    /// The HTTP status of the reply; 0 if a fault prevented processing.
    pub status: u16,
    /// The error code of a refusal: in APIv3 its name, in APIv1 its number.
    pub code: Option<Cow<'static, str>>,
    /// The reason of a refusal, in words that the reply may not contain; or, after `warning: `, what is wrong with a request
    /// that was answered.
    pub reason: Option<String>,
    /// The `Request-ID`, which ends with the result code. Empty in APIv1.
    pub request_id: String,
    /// The length of the body in bytes.
    pub body_bytes: usize,
    /// The kind of the fault that was injected. The reply may not have arrived.
    pub fault: Option<&'static str>,
}

impl RequestRecord {
    /// Creates the record of a request without a reply.
    pub(crate) fn new(api_version: ApiVersion, request: &Request, target: String, now: UnixTime) -> Self {
        Self {
            at: now.as_secs(),
            api_version,
            method: request.method().as_str(),
            target,
            mchid: None,
            operation: None,
            status: 0,
            code: None,
            reason: None,
            request_id: String::new(),
            body_bytes: request.body().len(),
            fault: None,
        }
    }

    /// Creates the record of a request that no front end has read. Its query, which may hold secrets, is left out.
    pub(crate) fn unread(request: &Request, now: UnixTime) -> Self {
        let path = target(request).split('?').next().unwrap_or_default();
        let api_version = if wxpay_catalogue::is_api_v3(path) { ApiVersion::V3 } else { ApiVersion::V1 };
        Self::new(api_version, request, path.into(), now)
    }
}

/// A refusal of the request in progress.
#[derive(Clone, Debug)]
struct Refused {
    code: Cow<'static, str>,
    reason: String,
}

/// The records, the oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestLog {
    records: VecDeque<RequestRecord>,
    /// Set between the refusal and the record of a request.
    refused: Option<Refused>,
    /// Set between the warning about a request and its record.
    warned: Option<String>,
}

impl RequestLog {
    /// Notes what is wrong with the request in progress, which is not refused for it, for its record.
    pub(crate) fn warn(&mut self, detail: &str) {
        self.warned = Some(format!("warning: {detail}"));
    }

    /// Notes why the request in progress is refused, for its record.
    pub(crate) fn refuse(&mut self, code: impl Into<Cow<'static, str>>, reason: &str) {
        self.refused = Some(Refused { code: code.into(), reason: reason.into() });
    }

    /// Adds the record of a request, with its refusal if one was noted. A code in the record stays: it is that of a
    /// reply which a fault has put in the place of the gateway's own.
    pub(crate) fn add(&mut self, mut record: RequestRecord) {
        let refused = self
            .refused
            .take()
            .filter(|refused| record.code.as_ref().is_none_or(|code| *code == refused.code));
        if let Some(Refused { code, reason }) = refused {
            (record.code, record.reason) = (Some(code), Some(reason));
        }
        let texts: Vec<String> = record.reason.take().into_iter().chain(self.warned.take()).collect();
        record.reason = Some(texts.join("; ")).filter(|reason| !reason.is_empty());
        if self.records.len() >= MAX_RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.records.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(code: Option<&'static str>) -> RequestRecord {
        let request = Request::get("http://sim/v3/certificates".into());
        let new = RequestRecord::new(ApiVersion::V3, &request, "/v3/certificates".into(), UnixTime::EPOCH);
        RequestRecord { code: code.map(Cow::Borrowed), ..new }
    }

    #[test]
    fn refusal_belongs_to_the_next_record_only() {
        let mut log = RequestLog::default();
        log.refuse("SIGN_ERROR", "the signature does not match");
        log.add(record(None));
        log.add(record(None));
        let reasons: Vec<_> = log.iter().map(|record| record.reason.as_deref()).collect();
        assert_eq!(reasons, [Some("the signature does not match"), None]);
    }

    #[test]
    fn warning_belongs_to_the_next_record_only() {
        let mut log = RequestLog::default();
        log.warn("body/floor must be at most 99");
        log.add(record(None));
        log.add(record(None));
        log.warn("body/floor must be at most 99");
        log.refuse("RESOURCE_NOT_EXISTS", "unknown");
        log.add(record(None));
        let reasons: Vec<_> = log.iter().map(|record| record.reason.as_deref()).collect();
        let warning = "warning: body/floor must be at most 99";
        assert_eq!(reasons, [Some(warning), None, Some(&*format!("unknown; {warning}"))]);
    }

    #[test]
    fn code_of_a_replaced_reply_hides_the_refusal() {
        let mut log = RequestLog::default();
        log.refuse("SIGN_ERROR", "the signature does not match");
        log.add(record(Some("SYSTEM_ERROR")));
        let record = log.iter().next().unwrap();
        assert_eq!((record.code.as_deref(), record.reason.as_deref()), (Some("SYSTEM_ERROR"), None));
    }

    #[test]
    fn the_last_thousand_records_are_kept() {
        let mut log = RequestLog::default();
        for status in 0..1001 {
            log.add(RequestRecord { status, ..record(None) });
        }
        assert_eq!((log.iter().count(), log.iter().next().unwrap().status), (1000, 1));
    }
}
