//! One request: to the control interface, or to the gateway.

use super::{
    READ_TIMEOUT, Shared,
    body::{Body, ConnectionBroken},
    connection::CloseMode,
    deliver::deliver_all,
    log::Pending,
    message::{control_response, gateway_response, header, plain_response, to_request, url},
    page, real_now,
};
use crate::{
    control::{self, ControlResponse},
    gateway::{Outcome, RequestRecord},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::{StatusCode, body::Incoming, http::request::Parts};
use std::sync::Arc;
use tokio::time::timeout;

/// Maximum length of the body of a request to the gateway, in bytes.
const MAX_BODY_BYTES: usize = 1 << 23;

/// Path prefix of the payer's client in the control interface.
const PAYER: &str = "/_sim/v1/payer/";

type Reply = Result<hyper::Response<Body>, ConnectionBroken>;

pub(super) async fn handle(
    shared: Arc<Shared>,
    close_mode: CloseMode,
    request: hyper::Request<Incoming>,
) -> Reply {
    let (head, body) = request.into_parts();
    let mut entry = Pending::new(shared.log.as_ref());
    if head.uri.path().starts_with("/_sim") {
        let response = control(&shared, &head, body).await;
        let reason = response.body.get("detail").and_then(|detail| detail.as_str());
        entry.control((head.method.as_str(), head.uri.path()), response.status, reason);
        if head.uri.path().starts_with(PAYER) {
            page::record_refusal(&shared, &response);
        }
        shared.traffic.signal();
        return control_response(&response);
    }
    if crate::page::serves(head.uri.path()) {
        let (response, logged) = page::answer(&shared, &head, body).await?;
        entry.control((head.method.as_str(), head.uri.path()), logged.status, logged.reason.as_deref());
        return Ok(response);
    }
    let body = match timeout(READ_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) => {
            let is_too_large = error.is::<http_body_util::LengthLimitError>();
            let (status, reason) = if is_too_large {
                (StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {MAX_BODY_BYTES} bytes"))
            } else {
                (StatusCode::BAD_REQUEST, String::from("the body is incomplete"))
            };
            return unread(&head, &shared, &mut entry, status, reason);
        }
        Err(_) => {
            let reason = format!("the body is incomplete after {} s", READ_TIMEOUT.as_secs());
            return unread(&head, &shared, &mut entry, StatusCode::REQUEST_TIMEOUT, reason);
        }
    };
    let request = to_request(&head, &body, shared.is_tls);
    // RSA runs before and after the lock, never under it: requests are verified and replies are signed in parallel.
    let (directory, now) = {
        let simulation = shared.lock();
        (simulation.gateway.directory(), simulation.clock.now(real_now()))
    };
    let request = directory.read(&request, now);
    let (outcome, first_deliveries, record) = {
        let mut simulation = shared.lock();
        let outcome = simulation.gateway.execute(request);
        let record = simulation.gateway.requests().next_back().cloned();
        if let Some(record) = record.as_ref().filter(|_| entry.is_needed()) {
            entry.request(record.clone());
        }
        let first_deliveries = match outcome {
            Outcome::AfterNotifications(_) => simulation.gateway.due_deliveries(now),
            Outcome::Reply(_)
            | Outcome::Delayed(..)
            | Outcome::Truncated(..)
            | Outcome::Slow(..)
            | Outcome::ConnectionClosed { .. }
            | Outcome::ConnectionReset { .. }
            | Outcome::ConnectionRefused(_) => Vec::new(),
        };
        (outcome, first_deliveries, record)
    };
    let outcome = outcome.sign();
    if let Some(record) = record {
        page::record_request(&shared, &head, &body, record, &outcome, now);
    }
    shared.changed.notify_one();
    match outcome {
        Outcome::Reply(response) => gateway_response(&response, Body::whole),
        Outcome::AfterNotifications(response) => {
            deliver_all(shared, first_deliveries).await;
            gateway_response(&response, Body::whole)
        }
        Outcome::Delayed(response, delay) => {
            tokio::time::sleep(delay).await;
            gateway_response(&response, Body::whole)
        }
        Outcome::Truncated(response, bytes) => {
            gateway_response(&response, |whole| Body::truncated(&whole, bytes))
        }
        Outcome::Slow(response, rate) => gateway_response(&response, |whole| Body::throttled(whole, rate)),
        Outcome::ConnectionClosed { .. } => Err(ConnectionBroken),
        Outcome::ConnectionReset { .. } => {
            close_mode.reset();
            Err(ConnectionBroken)
        }
        Outcome::ConnectionRefused(delay) => {
            close_mode.reset();
            if !delay.is_zero() {
                // Cannot fail: the accept task owns the receiver, and its end aborts this connection.
                shared.outages.send(delay).ok();
            }
            Err(ConnectionBroken)
        }
    }
}

/// Refuses a request whose body was not read. The gateway does not see it, so its log has no record of it.
fn unread(head: &Parts, shared: &Shared, entry: &mut Pending, status: StatusCode, reason: String) -> Reply {
    if entry.is_needed() {
        let now = shared.lock().clock.now(real_now()).business;
        let request = to_request(head, &[], shared.is_tls);
        let status = status.as_u16();
        entry.request(RequestRecord { status, reason: Some(reason), ..RequestRecord::unread(&request, now) });
    }
    plain_response(status.as_u16(), "text/plain", Bytes::new())
}

async fn control(shared: &Arc<Shared>, head: &Parts, body: Incoming) -> ControlResponse {
    if let Some(refused) = shared.access.refusal(|name| header(head, name)) {
        return refused;
    }
    let body = match timeout(READ_TIMEOUT, Limited::new(body, control::MAX_BODY_BYTES).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) => return ControlResponse::too_large(),
        Err(_) => return ControlResponse::too_slow(READ_TIMEOUT),
    };
    let (response, first_deliveries) = {
        let mut simulation = shared.lock();
        let real = real_now();
        let response = simulation.control(head.method.as_str(), &url(head, shared.is_tls), &body, real);
        let now = simulation.clock.now(real);
        let first_deliveries =
            if response.notifications_first { simulation.gateway.due_deliveries(now) } else { Vec::new() };
        (response, first_deliveries)
    };
    shared.changed.notify_one();
    deliver_all(Arc::clone(shared), first_deliveries).await;
    response
}
