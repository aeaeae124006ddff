//! A call, and its error.

use super::recorder::Exchange;
use crate::{
    ledger::{Subject, emit::digest_id, month::month_of, rows::inbox::CallRow},
    merchants::MerchantName,
    observe::metrics::GatewayFate,
};
use std::{error, error::Error as _, fmt, sync::Arc, time::Duration};
use wxpay_proto::{
    Error, Fate, UnixTime,
    refusal::{Code, Refusal},
};

/// The longest summary of a logged call, in bytes.
const MAX_SUMMARY: usize = 500;

/// The description of a call, for quota, metrics and log.
#[derive(Clone, Debug)]
pub(crate) struct CallOf {
    /// The merchant.
    pub(crate) merchant: MerchantName,
    /// The subject.
    pub(crate) subject: Subject,
    /// The core's label of the operation.
    pub(crate) label: &'static str,
    /// Whether the call is logged even if it succeeds: it moves money.
    pub(crate) is_kept: bool,
}

/// The result of a call.
#[derive(Clone, Debug)]
pub(crate) struct Called<T> {
    /// The result.
    pub(crate) result: Result<T, CallError>,
    /// The time that the reply is signed with. `None` if the reply is not verified, or APIv1's.
    pub(crate) signed_at: Option<UnixTime>,
}

/// The error of a call. Cheap to clone: callers of a shared call get the same error.
#[derive(Clone, Debug)]
pub(crate) struct CallError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cause: Cause,
    request_id: Option<String>,
    http_status: Option<u16>,
}

#[derive(Debug)]
enum Cause {
    Error(Error),
    /// Nothing was sent: the merchant's quota was used up.
    Busy,
    /// Nothing was sent: the merchant, or its keys, are not configured any more.
    NotConfigured,
    /// Nothing was sent: writing that the call begins took too long.
    LedgerSlow,
}

impl CallError {
    pub(super) fn new(error: Error, exchange: &Exchange) -> Self {
        let (request_id, http_status) = (exchange.request_id.clone(), exchange.http_status);
        Self(Arc::new(Inner { cause: Cause::Error(error), request_id, http_status }))
    }

    /// Creates the error of a call that was not made, because too many are in progress.
    pub(super) fn busy() -> Self {
        Self::not_sent(Cause::Busy)
    }

    /// Creates the error of a call that was not made, because the merchant or its keys are not configured any more.
    pub(crate) fn not_configured() -> Self {
        Self::not_sent(Cause::NotConfigured)
    }

    /// Creates the error of a call that was not made, because the commit of its beginning took too long.
    pub(crate) fn ledger_slow() -> Self {
        Self::not_sent(Cause::LedgerSlow)
    }

    fn not_sent(cause: Cause) -> Self {
        Self(Arc::new(Inner { cause, request_id: None, http_status: None }))
    }

    /// Returns the core's error. `None` if the call was not made.
    pub(crate) fn error(&self) -> Option<&Error> {
        match &self.0.cause {
            Cause::Error(error) => Some(error),
            Cause::Busy | Cause::NotConfigured | Cause::LedgerSlow => None,
        }
    }

    /// Returns the fate of the call. `None` if it was a read.
    pub(crate) fn fate(&self) -> Option<Fate> {
        self.error().map_or(Some(Fate::NotSent), Error::fate)
    }

    /// Returns whether the error says that the gateway is slow, away or overloaded: fewer calls would help.
    pub(crate) fn is_congestion(&self) -> bool {
        const CODES: [Code; 3] = [Code::FREQUENCY_LIMITED, Code::RATELIMIT_EXCEEDED, Code::SYSTEM_ERROR];
        self.has_code(&CODES)
            || self.error().is_some_and(|error| error.kind() == wxpay_proto::ErrorKind::Transport)
    }

    /// Returns whether a refusal ended the call: nothing was carried out.
    pub(crate) fn is_refused(&self) -> bool {
        self.fate() == Some(Fate::Refused)
    }

    /// Returns WeChat Pay's refusal, if a reply had one.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        self.error().and_then(Error::refusal)
    }

    /// Returns whether the refusal has one of these codes.
    pub(crate) fn has_code(&self, codes: &[Code]) -> bool {
        self.refusal().is_some_and(|refusal| codes.contains(&refusal.code))
    }

    /// Returns WeChat Pay's number of the request, which its support asks for.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    pub(super) fn gateway_fate(error: Option<&Self>) -> GatewayFate {
        let Some(error) = error else { return GatewayFate::Answered };
        match error.fate() {
            Some(Fate::NotSent) => GatewayFate::NotSent,
            Some(Fate::Refused) => GatewayFate::Refused,
            // A query that was refused was answered, too.
            None if error.refusal().is_some() => GatewayFate::Refused,
            Some(Fate::Unknown) | None => GatewayFate::Unknown,
        }
    }

    /// Returns the error and its causes as one text without secrets: the core's errors have none.
    pub(crate) fn summary(&self) -> String {
        let mut text = self.to_string();
        let mut next = self.error().and_then(Error::source);
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        truncated(text)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.cause {
            Cause::Error(error) => error.fmt(f),
            Cause::Busy => f.write_str("too many calls of the merchant are in progress"),
            Cause::NotConfigured => f.write_str("the merchant, or its key, is not configured any more"),
            Cause::LedgerSlow => {
                f.write_str("the ledger was too slow to begin the call; send the same request again")
            }
        }
    }
}

impl error::Error for CallError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.error().and_then(Error::source)
    }
}

fn truncated(mut text: String) -> String {
    let mut end = MAX_SUMMARY.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.truncate(end);
    text
}

/// A call to log.
pub(super) struct LogEntry<'a> {
    pub(super) of: &'a CallOf,
    pub(super) at: UnixTime,
    pub(super) duration: Duration,
    pub(super) error: Option<&'a CallError>,
    pub(super) random: &'a [u8; 32],
}

impl LogEntry<'_> {
    pub(super) fn into_row(self) -> CallRow {
        let fate = self.error.map_or("done", |error| match error.fate() {
            Some(Fate::NotSent) => "not_sent",
            Some(Fate::Refused) => "refused",
            Some(Fate::Unknown) | None => "unknown",
        });
        CallRow {
            month: month_of(self.at),
            id: digest_id("call", &[self.of.subject.as_str(), &hex::encode(self.random)]),
            merchant: self.of.merchant.clone(),
            subject: self.of.subject.clone(),
            label: self.of.label.into(),
            at: self.at,
            duration_ms: u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX),
            http_status: self.error.and_then(|error| error.0.http_status).map(u64::from),
            wechat_request_id: self.error.and_then(CallError::request_id).map(str::to_owned),
            fate: fate.into(),
            summary: self.error.map(CallError::summary).unwrap_or_default(),
        }
    }
}
