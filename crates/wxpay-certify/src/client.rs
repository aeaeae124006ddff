//! The HTTP client: requests to the shop, and copies of notifications.

use crate::shop::{Call, Shop, Values};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::ClientConfig;
use serde_json::Value;
use std::{
    error::Error,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use wxpay_proto::secret::Secret;
use wxpay_sim::notifications::NotificationCopy;

/// Time that a shop has to answer a request of its own interface.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Time that WeChat Pay waits for the answer to a notification.
pub(crate) const NOTIFICATION_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// The shortest value of the environment that is masked, in bytes.
const MIN_SECRET: usize = 8;
/// The longest part of an answer that is shown, in characters.
const SHOWN: usize = 200;

/// An answer, or the reason why there is none.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: Result<StatusCode, String>,
    pub(crate) body: Bytes,
    pub(crate) elapsed: Duration,
    /// The answer in words, with secrets masked.
    pub(crate) shown: String,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        self.status.as_ref().is_ok_and(StatusCode::is_success)
    }

    /// Returns whether WeChat Pay takes the answer as an acknowledgement: 200 or 204.
    pub(crate) fn acknowledges(&self) -> bool {
        self.status.as_ref().is_ok_and(|status| matches!(status.as_u16(), 200 | 204))
    }

    /// Returns whether the answer refuses a notification: 4xx or 5xx.
    pub(crate) fn refuses(&self) -> bool {
        self.status.as_ref().is_ok_and(|status| status.is_client_error() || status.is_server_error())
    }

    /// Returns the body as JSON; a body that is not JSON as a text.
    pub(crate) fn value(&self) -> Value {
        let text = || Value::String(String::from_utf8_lossy(&self.body).trim().to_owned());
        serde_json::from_slice(&self.body).unwrap_or_else(|_| text())
    }
}

/// A secret of the merchant, by its name.
pub(crate) struct NamedSecret {
    pub(crate) name: &'static str,
    pub(crate) value: Secret<String>,
}

/// The client. It looks for secrets in every answer.
pub(crate) struct Client {
    http: HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    target: String,
    secrets: Vec<NamedSecret>,
    /// Values that evidence must not show, although an answer may contain them.
    masked: Vec<Secret<String>>,
    /// The answers with a secret: the request, and the name of the secret.
    leaks: Mutex<Vec<String>>,
    answers: Mutex<u64>,
}

impl Client {
    pub(crate) fn new(target: &str, shop: &Shop, secrets: Vec<NamedSecret>, mut tls: ClientConfig) -> Self {
        // The connector sets them, and requires that nobody else has.
        tls.alpn_protocols.clear();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let http = HttpClient::builder(TokioExecutor::new()).build(connector);
        let target = target.trim_end_matches('/').to_owned();
        let masked = shop.masked.iter().map(|value| Secret::new(value.expose().clone())).collect();
        Self { http, target, secrets, masked, leaks: Mutex::default(), answers: Mutex::default() }
    }

    /// Sends a request of the shop file.
    pub(crate) async fn call(&self, shop: &Shop, call: &Call, values: &Values) -> Answer {
        let path = call.path(values);
        let mut request =
            Request::builder().method(call.method.clone()).uri(format!("{}{path}", self.target));
        let body = call.body(values);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in &shop.headers {
            request = request.header(name, value);
        }
        let what = format!("{} {path}", call.method);
        self.send(&what, request.body(body.unwrap_or_default().into()), REQUEST_TIMEOUT).await
    }

    /// Sends a copy of a notification, as WeChat Pay does. `what` names it.
    pub(crate) async fn deliver(&self, what: &str, copy: &NotificationCopy) -> Answer {
        let mut request = Request::post(copy.url());
        for (name, value) in copy.headers() {
            request = request.header(*name, value);
        }
        let body = Bytes::copy_from_slice(copy.body());
        self.send(what, request.body(Full::from(body)), NOTIFICATION_TIMEOUT).await
    }

    async fn send(&self, what: &str, request: http::Result<Request<Full<Bytes>>>, limit: Duration) -> Answer {
        let began = Instant::now();
        let received = match request {
            Ok(request) => match tokio::time::timeout(limit, self.exchange(request)).await {
                Ok(received) => received,
                Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
            },
            Err(error) => Err(format!("cannot be sent: {error}")),
        };
        let elapsed = began.elapsed();
        let (status, headers, body) = match received {
            Ok((status, headers, body)) => (Ok(status), headers, body),
            Err(reason) => (Err(reason), HeaderMap::new(), Bytes::new()),
        };
        self.look_for_secrets(what, &headers, &body);
        let shown = match &status {
            Ok(status) => {
                let body = self.excerpt(&body);
                format!("{what} → HTTP {} in {} ms {body}", status.as_u16(), elapsed.as_millis())
            }
            Err(reason) => format!("{what} → {reason}"),
        };
        Answer { status, body, elapsed, shown: shown.trim_end().to_owned() }
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), String> {
        let answer = self.http.request(request).await.map_err(|error| with_causes(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_BYTES).collect().await;
        let body = body.map_err(|error| format!("the answer is incomplete: {error}"))?;
        Ok((head.status, head.headers, body.to_bytes()))
    }

    fn look_for_secrets(&self, what: &str, headers: &HeaderMap, body: &[u8]) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers = answers.saturating_add(1);
        let text = String::from_utf8_lossy(body);
        let in_headers = |secret: &str| headers.values().any(|value| contains(value.as_bytes(), secret));
        for NamedSecret { name, value } in &self.secrets {
            if text.contains(value.expose().as_str()) || in_headers(value.expose()) {
                let leak = format!("the answer to {what} contains {name}");
                self.leaks.lock().unwrap_or_else(PoisonError::into_inner).push(leak);
            }
        }
    }

    /// Returns a text for the evidence: without secrets, and without characters that control a terminal.
    pub(crate) fn masked(&self, text: &str) -> String {
        let masked = self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.value.expose().as_str(), &format!("[{}]", secret.name))
        });
        let masked = self.masked.iter().fold(masked, |text, secret| {
            // A short value is no secret, and may be a part of any word.
            if secret.expose().len() < MIN_SECRET {
                text
            } else {
                text.replace(secret.expose().as_str(), "[secret]")
            }
        });
        masked.replace(|sign: char| sign.is_control(), "\u{fffd}")
    }

    /// Returns the beginning of a body on one line.
    fn excerpt(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = self.masked(&text);
        if shown.chars().count() <= SHOWN {
            return shown;
        }
        shown.chars().take(SHOWN).chain(['…']).collect()
    }

    /// Returns whether a URL is one of the shop's.
    pub(crate) fn is_of_target(&self, url: &str) -> bool {
        url.strip_prefix(&self.target).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns the number of answers so far, and those with a secret.
    pub(crate) fn leaks(&self) -> (u64, Vec<String>) {
        let answers = *self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        (answers, self.leaks.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
