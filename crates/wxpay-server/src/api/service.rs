//! The interface as a service: request → route → API key → rate → operation → response.

use super::{
    MAX_BODY_BYTES, document,
    execute::{Answer, Caller},
    idempotency,
    keys::{ApiKey, Merchants, Scopes, Token},
    operation::{NotificationKind, NotificationRef, Operation},
    parse::{self, IdempotentRequest, RouteInfo},
    problem::Problem,
    rate_limit::{Rate, RateLimiter},
};
use crate::{
    app::{App, NotifyKind},
    ledger::{
        access::{CreateApiKey, TouchApiKey},
        idempotency::{BeginIdempotent, BegunIdempotent, EndIdempotent},
        rows::access::ApiKeyRow,
    },
    notify::Incoming,
    observe::health::{self, Health},
    serve::{self, Body, BodyError, RequestId, Route},
    server::StartError,
    webhooks::endpoints::Endpoints,
};
use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use tracing::Instrument as _;
use wxpay_proto::{secret::Secret, v3::notify::MAX_BODY_BYTES as MAX_NOTIFICATION_BYTES};
use zeroize::Zeroizing;

/// The header of the request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// The time within which a request's body must arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The time within which the body of a notification must arrive: WeChat Pay waits five seconds for the response.
const NOTIFICATION_TIMEOUT: Duration = Duration::from_secs(2);
/// The time for which an API key that was read is trusted: a key revoked by another process is refused after it.
const KEY_LIFETIME: Duration = Duration::from_secs(2);
/// The number of API keys that are remembered.
const MAX_KEYS: usize = 1024;
/// A day, in milliseconds.
const DAY_MILLIS: u64 = 86_400_000;

/// The document, built once.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document::document().to_string().into());

/// The interface. Clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    app: App,
    endpoints: Endpoints,
    health: Health,
    /// `None`: no limit.
    limiter: Option<Mutex<RateLimiter>>,
    keys: Mutex<BTreeMap<String, (Instant, Arc<ApiKey>)>>,
    has_metrics: bool,
}

impl Api {
    /// Creates the interface. `has_metrics`: `/metrics` is served here, not by a listener of its own.
    pub(crate) fn new(
        app: App,
        endpoints: Endpoints,
        health: Health,
        rate: Option<Rate>,
        has_metrics: bool,
    ) -> Self {
        let limiter = rate.map(|rate| Mutex::new(RateLimiter::new(rate)));
        Self(Arc::new(Inner { app, endpoints, health, limiter, keys: Mutex::default(), has_metrics }))
    }

    /// Returns the application.
    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    /// Returns the operations on webhook endpoints.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.0.endpoints
    }

    /// Answers a request.
    pub(crate) async fn handle(&self, request: serve::Request) -> serve::Response {
        let (parts, body) = request.into_parts();
        let request_id = parts.extensions.get::<RequestId>().cloned();
        let route = parse::find_route(&parts);
        let name = route.as_ref().map_or("none", |route| route.id);
        let span = tracing::info_span!(
            "request",
            route = name,
            request_id = request_id.as_ref().map(RequestId::as_str)
        );
        let answered = match route {
            Ok(route) => self.answer(route, parts, body).instrument(span).await,
            Err(problem) => Err(problem),
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(problem) => {
                // Every request fails while the ledger is away: one line for each would fill the disk.
                if let Some(error) = problem.ledger_error()
                    && self.0.app.log().permits("ledger_failed")
                {
                    tracing::error!(error, "the ledger failed; the request was answered 503");
                }
                let problem = match &request_id {
                    Some(id) => problem.with_request_id(id.as_str()),
                    None => problem,
                };
                problem.into_response().map(|body| Body::from(Bytes::from(body)))
            }
        };
        response.extensions_mut().insert(Route(name));
        if let Some(value) = request_id.and_then(|id| HeaderValue::from_str(id.as_str()).ok()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }

    async fn answer(
        &self,
        route: &'static super::routes::Route,
        parts: Parts,
        body: serve::RequestBody,
    ) -> Result<serve::Response, Problem> {
        let caller = match route.handler.scope {
            Some(scope) => {
                let key = self.authenticate(&parts).await?;
                if !key.scopes.allows(scope) {
                    return Err(Problem::missing_scope(scope.name()));
                }
                self.limit(&key.key_id)?;
                Some(Caller {
                    actor: key.key_id.clone(),
                    scopes: key.scopes.clone(),
                    merchants: key.merchants.clone(),
                })
            }
            None => None,
        };
        if matches!(route.body, wxpay_openapi::Body::Raw(_)) {
            let (operation, _) = parse::parse_on(route, &parts, &[])?;
            let Operation::Notification(notification) = operation else {
                return Err(Problem::unknown_path());
            };
            return self.notification(notification, parts, body).await;
        }
        let body = serve::read_body(body, MAX_BODY_BYTES, BODY_TIMEOUT).await.map_err(body_problem)?;
        let (operation, info) = parse::parse_on(route, &parts, &body)?;
        match (operation, caller) {
            (Operation::GetDocument, _) => Ok(full(StatusCode::OK, "application/json", DOCUMENT.clone())),
            (Operation::GetDocs, _) => Ok(docs()),
            (Operation::GetLiveness, _) => Ok(health::live()),
            (Operation::GetReadiness, _) => Ok(self.0.health.ready().await.response()),
            (Operation::GetMetrics, _) if self.0.has_metrics => Ok(self.0.app.metrics().response()),
            (Operation::GetMetrics, _) => Err(Problem::unknown_path()),
            (Operation::StreamEvents(stream), Some(caller)) => self.stream(&caller, stream).await,
            (operation, Some(caller)) => self.carry_out(caller, operation, info).await,
            (_, None) => Err(Problem::unauthorized(false)),
        }
    }

    /// Carries an operation out, in a task of its own: it ends with its response stored, even if the client leaves.
    async fn carry_out(
        &self,
        caller: Caller,
        operation: Operation,
        info: RouteInfo,
    ) -> Result<serve::Response, Problem> {
        let RouteInfo { status, idempotency, .. } = info;
        let Some(request) = idempotency else {
            if operation.is_read() {
                return Ok(respond(status, self.execute(&caller, operation).await?));
            }
            let api = self.clone();
            let work = async move { api.execute(&caller, operation).await };
            let answer = self.0.app.spawn_call(work).await.map_err(|_| Problem::interrupted())??;
            return Ok(respond(status, answer));
        };
        let api = self.clone();
        let work = async move { api.carry_out_once(&caller, operation, request, status).await };
        self.0.app.spawn_call(work).await.map_err(|_| Problem::interrupted())?
    }

    /// Carries an operation out, or returns the response of an equal request with the same `Idempotency-Key`.
    async fn carry_out_once(
        &self,
        caller: &Caller,
        operation: Operation,
        request: IdempotentRequest,
        status: u16,
    ) -> Result<serve::Response, Problem> {
        let app = &self.0.app;
        let IdempotentRequest { key, request_digest } = request;
        let digest = idempotency::key_digest(&caller.actor, &key);
        let until = app.now().after(idempotency::IN_PROGRESS_TIMEOUT);
        let begin = BeginIdempotent { digest: digest.clone(), request_digest: request_digest.clone(), until };
        match app.run(begin).await? {
            BegunIdempotent::Begun => {}
            BegunIdempotent::InProgress => return Err(Problem::in_progress()),
            BegunIdempotent::Mismatch => return Err(Problem::idempotency_key_reused()),
            BegunIdempotent::Replay { http_status, resource } => return Ok(replay(http_status, resource)),
        }
        let answered = self.execute(caller, operation).await;
        let (http_status, resource) = match &answered {
            Ok(answer) => (answer.status.unwrap_or(status), answer.stored()),
            Err(problem) => (problem.status().as_u16(), problem_text(problem)),
        };
        // A refusal that the client can mend without another key must not be frozen, nor a secret be stored.
        let is_kept = idempotency::is_final(http_status) && resource.is_some();
        let end = EndIdempotent {
            digest,
            request_digest,
            until,
            http_status: if is_kept { http_status.into() } else { 503 },
            resource: resource.unwrap_or_default(),
        };
        app.run(end).await?;
        answered.map(|answer| respond(status, answer))
    }

    /// Finds the API key of a request.
    async fn authenticate(&self, parts: &Parts) -> Result<Arc<ApiKey>, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let unauthorized = || Problem::unauthorized(header.is_some());
        let token = header.and_then(Token::from_authorization).ok_or_else(unauthorized)?;
        let key = self.key(&token).await?.ok_or_else(unauthorized)?;
        let now = self.0.app.now();
        if !key.accepts(&token, now) {
            return Err(unauthorized());
        }
        Ok(key)
    }

    async fn key(&self, token: &Token) -> Result<Option<Arc<ApiKey>>, Problem> {
        let digest = token.digest();
        let now = Instant::now();
        let known =
            self.keys().get(&digest).filter(|(read, _)| now.duration_since(*read) < KEY_LIFETIME).cloned();
        if let Some((_, key)) = known {
            return Ok(Some(key));
        }
        let Some((key, last_used_day)) = self.read_key(&digest).await? else { return Ok(None) };
        let key = Arc::new(key);
        let mut keys = self.keys();
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(digest, (now, Arc::clone(&key)));
        drop(keys);
        let day = self.0.app.now().as_millis().checked_div(DAY_MILLIS).unwrap_or_default();
        if last_used_day.is_none_or(|last| last < day) {
            let (app, touch) = (self.0.app.clone(), TouchApiKey { key_id: key.key_id.clone(), day });
            // The day of the last use is a convenience: its failure refuses nothing.
            drop(self.0.app.spawn_call(async move { drop(app.run(touch).await) }));
        }
        Ok(Some(key))
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Instant, Arc<ApiKey>)>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the API keys that were read: one of them was revoked.
    pub(crate) fn forget_keys(&self) {
        self.keys().clear();
    }

    fn limit(&self, key_id: &str) -> Result<(), Problem> {
        let Some(limiter) = &self.0.limiter else { return Ok(()) };
        let mut limiter = limiter.lock().unwrap_or_else(PoisonError::into_inner);
        let processes = self.0.app.leases().live_processes();
        limiter.check(key_id, Instant::now(), processes).map_err(Problem::rate_limited)
    }

    /// Receives a notification of WeChat Pay. The reply has WeChat Pay's form, not the interface's.
    async fn notification(
        &self,
        notification: NotificationRef,
        parts: Parts,
        body: serve::RequestBody,
    ) -> Result<serve::Response, Problem> {
        let kind = match notification.kind {
            NotificationKind::Payment => NotifyKind::Payment,
            NotificationKind::Refund => NotifyKind::Refund,
            NotificationKind::V1 => NotifyKind::V1,
        };
        let body = serve::read_body(body, MAX_NOTIFICATION_BYTES, NOTIFICATION_TIMEOUT)
            .await
            .map_err(body_problem)?;
        let incoming = Incoming {
            merchant: notification.merchant,
            kind: kind.name().into(),
            query: parts.uri.query().unwrap_or_default().into(),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: body.to_vec(),
        };
        let reply = self.0.app.receive(incoming).await;
        let mut response = serve::Response::new(Body::from(Bytes::copy_from_slice(reply.body())));
        *response.status_mut() =
            StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        for (name, value) in reply.headers() {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(response)
    }

    /// Creates the API key of the settings, unless it was created before.
    pub(crate) async fn bootstrap(&self, token: &Secret<String>) -> Result<(), StartError> {
        let token = Token::parse(token.expose()).ok_or_else(|| {
            StartError::setting(
                "bootstrap_api_key must be wxk_ and 43 characters, as wxpay api-key create prints it",
            )
        })?;
        self.save_operator_key(&token, "bootstrap").await
    }

    /// Creates an API key with all scopes for all merchants.
    pub(crate) async fn create_operator_key(&self, name: &str) -> Result<Secret<String>, StartError> {
        let token = Token::new(&Zeroizing::new(self.0.app.ambient().entropy().into_bytes()));
        self.save_operator_key(&token, name).await?;
        Ok(Secret::new(token.expose().to_owned()))
    }

    async fn save_operator_key(&self, token: &Token, name: &str) -> Result<(), StartError> {
        let row = ApiKeyRow {
            key_id: token.key_id(),
            hash: token.digest(),
            name: name.into(),
            scopes: Scopes::all().to_string(),
            merchants: String::new(),
            created_at: self.0.app.now(),
            last_used_day: None,
            expires_at: None,
            revoked_at: None,
        };
        // `false` if it was created before: then it is as it was, perhaps revoked.
        self.0.app.run(CreateApiKey { row, actor: Caller::operator().actor }).await?;
        Ok(())
    }
}

impl Caller {
    /// The operator at the command line, who may do everything.
    pub(crate) fn operator() -> Self {
        Self { actor: "cli".into(), scopes: Scopes::all(), merchants: Merchants::All }
    }
}

fn body_problem(error: BodyError) -> Problem {
    match error {
        BodyError::TooLarge { limit } => Problem::body_too_large(limit),
        BodyError::TimedOut => Problem::body_timeout(BODY_TIMEOUT),
        BodyError::Overloaded => Problem::overloaded(),
        BodyError::Broken => Problem::broken_body(),
    }
}

fn problem_text(problem: &Problem) -> Option<String> {
    String::from_utf8(problem.to_json()).ok()
}

fn respond(status: u16, answer: Answer) -> serve::Response {
    let status = StatusCode::from_u16(answer.status.unwrap_or(status)).unwrap_or(StatusCode::OK);
    if let Some(body) = answer.body {
        full(status, "application/json", body.to_string().into())
    } else {
        let mut response = serve::Response::new(Body::empty());
        *response.status_mut() = status;
        response
    }
}

/// Answers with the page of the document, which is rendered once.
fn docs() -> serve::Response {
    static PAGE: LazyLock<document::DocsPage> = LazyLock::new(document::docs_page);
    let mut response = full(StatusCode::OK, "text/html; charset=utf-8", PAGE.html.clone().into());
    if let Ok(policy) = HeaderValue::from_str(&PAGE.content_security_policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn replay(http_status: u64, resource: String) -> serve::Response {
    let status = u16::try_from(http_status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::OK);
    let is_problem = status.is_client_error();
    let media_type = if is_problem { "application/problem+json" } else { "application/json" };
    let mut response = full(status, media_type, resource.into());
    response.headers_mut().insert(idempotency::REPLAYED, HeaderValue::from_static("true"));
    response
}

fn full(status: StatusCode, media_type: &'static str, body: Bytes) -> serve::Response {
    let mut response = serve::Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
