//! A signed try.

use super::{
    retry::Outcome,
    secrets::{EndpointSecrets, SealingError, SecretBox},
    send::{WebhookFailure, WebhookTransport},
    signature::WebhookHeaders,
    target::{Policy, TargetError, TargetUrl},
};
use crate::{
    ambient::Ambient,
    ledger::{
        month::month_of,
        rows::{
            event::EventRow,
            webhook::{AttemptRow, EndpointRow},
        },
    },
};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use wxpay_proto::UnixTime;

/// The time after which a try is given up even if the transport does not end it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The destination of an endpoint's events.
#[derive(Debug)]
pub(super) struct Target {
    /// An endpoint that was saved under another policy may have a URL that is refused now.
    url: Result<TargetUrl, TargetError>,
    secrets: EndpointSecrets,
}

impl Target {
    /// Returns the destination of an endpoint.
    pub(super) fn of(
        endpoint: &EndpointRow,
        policy: &Policy,
        seals: &dyn SecretBox,
    ) -> Result<Self, SealingError> {
        let secrets = EndpointSecrets::open(seals, &endpoint.endpoint, &endpoint.sealed_secrets)?;
        Ok(Self { url: TargetUrl::parse(&endpoint.url, policy), secrets })
    }

    /// Signs and sends a message once.
    pub(super) async fn send(
        &self,
        transport: &dyn WebhookTransport,
        ambient: &dyn Ambient,
        id: &str,
        body: String,
    ) -> Try {
        let at = ambient.now();
        let url = match &self.url {
            Ok(url) => url,
            Err(error) => return Try::refused(at, *error),
        };
        let started = Instant::now();
        let headers = WebhookHeaders::sign(self.secrets.active(at), id, at, body.as_bytes());
        let sent = timeout(TIMEOUT, transport.post(url, &headers, Bytes::from(body))).await;
        let result = sent.unwrap_or(Err(WebhookFailure::Timeout));
        let outcome = Outcome::of(&result, ambient.now());
        let (http_status, response) = match result {
            Ok(response) => (Some(u64::from(response.status)), response.excerpt),
            Err(failure) => (None, Some(failure.to_string())),
        };
        Try { at, duration: started.elapsed(), http_status, response, outcome }
    }
}

/// The result of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Try {
    /// The time at which it began.
    pub(super) at: UnixTime,
    pub(super) duration: Duration,
    pub(super) http_status: Option<u64>,
    /// The beginning of the response, or the failure.
    pub(super) response: Option<String>,
    pub(super) outcome: Outcome,
}

impl Try {
    fn refused(at: UnixTime, error: TargetError) -> Self {
        Self {
            at,
            duration: Duration::ZERO,
            http_status: None,
            response: Some(format!("url {error}")),
            outcome: Outcome::Failed { not_before: None },
        }
    }

    pub(super) fn duration_ms(&self) -> u64 {
        u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns the row that records the try.
    pub(super) fn row(&self, endpoint: &str, event: &EventRow) -> AttemptRow {
        AttemptRow {
            month: month_of(self.at),
            endpoint: endpoint.into(),
            log: event.log,
            position: event.position,
            at: self.at,
            http_status: self.http_status,
            duration_ms: self.duration_ms(),
            response: self.response.clone(),
        }
    }
}
