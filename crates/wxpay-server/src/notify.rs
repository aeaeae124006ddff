//! Notifications of WeChat Pay: verified, routed by their path, checked, and recorded before they are acknowledged.
//!
//! What is not verified is refused and counted: it is not stored, and the log has a limit. What is verified and cannot
//! be read is stored, opens a case, and is answered 503, so that WeChat Pay sends it again.

mod acknowledged;
mod cause;
mod v1;
mod v3;

use crate::{
    app::{App, NotifyKind},
    engine::LedgerError,
    ledger::{month::month_of, rows::inbox::InboxResult, rows::inbox::InboxRow},
    merchants::Merchant,
    observe::metrics::NotificationResult,
};
pub(crate) use acknowledged::Acknowledged;
use acknowledged::InboxKey;
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::timeout;
use wxpay_proto::http::Response;

/// WeChat Pay waits five seconds for a response.
const DEADLINE: Duration = Duration::from_secs(4);
/// The time after which the ledger counts as away.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(2);

/// A notification as received. `Debug` prints its length only.
#[derive(Clone)]
pub(crate) struct Incoming {
    /// The part of the path that names the merchant.
    pub(crate) merchant: String,
    /// The part of the path that names the kind.
    pub(crate) kind: String,
    /// The query, without the `?`.
    pub(crate) query: Vec<u8>,
    /// The headers: names in lower case.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("body_len", &self.body.len()).finish_non_exhaustive()
    }
}

impl Incoming {
    fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(&value.1).ok()
    }
}

/// A notification that the ledger has recorded, and that may be acknowledged.
#[derive(Debug)]
struct Recorded {
    result: NotificationResult,
    key: InboxKey,
}

impl Recorded {
    fn new(key: InboxKey, is_new: bool) -> Self {
        let result = if is_new { NotificationResult::Accepted } else { NotificationResult::Duplicate };
        Self { result, key }
    }
}

/// The reason why a notification is not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    result: NotificationResult,
    status: u16,
    reason: String,
}

impl Refused {
    fn new(result: NotificationResult, status: u16, reason: impl Into<String>) -> Self {
        Self { result, status, reason: reason.into() }
    }

    fn misdirected(reason: impl Into<String>) -> Self {
        Self::new(NotificationResult::Misdirected, 400, reason)
    }

    fn failed(reason: impl Into<String>) -> Self {
        Self::new(NotificationResult::Failed, 503, reason)
    }
}

impl App {
    /// Receives a notification, and returns the response to it within five seconds.
    pub(crate) async fn receive(&self, incoming: Incoming) -> Response {
        let kind = NotifyKind::from_name(&incoming.kind);
        let merchant = incoming.merchant.parse().ok().and_then(|name| self.merchant(&name));
        let handled = async {
            match (kind, &merchant) {
                (Some(NotifyKind::V1), Some(merchant)) => self.receive_v1(merchant, &incoming).await,
                (Some(kind), Some(merchant)) => self.receive_v3(merchant, kind, &incoming).await,
                (_, None) | (None, _) => {
                    let reason = "the path names no merchant or no kind of notification";
                    Err(Refused::new(NotificationResult::Misdirected, 404, reason))
                }
            }
        };
        let result = timeout(DEADLINE, handled).await;
        let result = result.unwrap_or_else(|_| Err(Refused::failed("the notification took too long")));
        let is_v1 = kind == Some(NotifyKind::V1);
        let mut recorded = None;
        let response = match result {
            Ok(Recorded { result, key }) => {
                self.metrics().notification(result);
                recorded = Some(key);
                acknowledgement(is_v1)
            }
            Err(refused) => {
                self.metrics().notification(refused.result);
                let signed =
                    merchant.as_deref().filter(|_| !is_v1 && refused.result == NotificationResult::Forged);
                self.log_refused(&refused, || cause::of(signed?, &incoming, self.now()));
                refusal(is_v1, refused.status)
            }
        };
        if (200..300).contains(&response.status()) {
            self.acknowledged().add(recorded);
        }
        response
    }

    /// Logs a refusal, within the limit of the log. `cause` takes about a millisecond, and is called for a line only.
    fn log_refused(&self, refused: &Refused, cause: impl FnOnce() -> Option<String>) {
        let kind = match refused.result {
            NotificationResult::Forged => "notification_forged",
            NotificationResult::Stale => "notification_stale",
            NotificationResult::Misdirected => "notification_misdirected",
            NotificationResult::Probe => "notification_probe",
            NotificationResult::Unreadable => "notification_unreadable",
            NotificationResult::Accepted | NotificationResult::Duplicate | NotificationResult::Failed => {
                "notification_failed"
            }
        };
        if self.log().permits(kind) {
            tracing::warn!(kind, reason = %refused.reason, cause = cause(), "notification refused");
        }
    }

    /// Waits for the ledger, at most until WeChat Pay had better send the notification again.
    async fn recorded<T, E: fmt::Display>(
        &self,
        recording: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Refused> {
        match timeout(LEDGER_TIMEOUT, recording).await {
            Ok(Ok(recorded)) => Ok(recorded),
            Ok(Err(error)) => Err(Refused::failed(error.to_string())),
            Err(_) => Err(Refused::failed(LedgerError::Closed.to_string())),
        }
    }

    fn inbox_row(
        &self,
        merchant: &Arc<Merchant>,
        kind: NotifyKind,
        digest: String,
        result: InboxResult,
        incoming: &Incoming,
    ) -> InboxRow {
        let now = self.now();
        let signed: serde_json::Map<String, serde_json::Value> = incoming
            .headers
            .iter()
            .filter(|(name, _)| name.to_ascii_lowercase().starts_with("wechatpay-"))
            .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into()))
            .collect();
        let body = match kind {
            // The query carries the order, the body the payer.
            NotifyKind::V1 => [&incoming.query, &b"\n"[..], &incoming.body].concat(),
            NotifyKind::Payment | NotifyKind::Refund => incoming.body.clone(),
        };
        InboxRow {
            month: month_of(now),
            digest,
            result,
            merchant: Some(merchant.name().clone()),
            kind: Some(kind.name().into()),
            subject: None,
            headers: serde_json::Value::Object(signed).to_string(),
            body: String::from_utf8_lossy(&body).into_owned(),
            received_at: now,
            count: 1,
        }
    }
}

fn acknowledgement(is_v1: bool) -> Response {
    if is_v1 { wxpay_proto::v1::Ack::Success.response() } else { wxpay_proto::v3::Ack::Success.response() }
}

fn refusal(is_v1: bool, status: u16) -> Response {
    if is_v1 {
        wxpay_proto::v1::Ack::Reject(status).response()
    } else {
        wxpay_proto::v3::Ack::Reject(status).response()
    }
}

#[cfg(test)]
mod tests;
