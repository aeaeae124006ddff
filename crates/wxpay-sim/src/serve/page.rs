//! The page, its stream of events, and the record of messages that it shows.

use super::{
    READ_TIMEOUT, Shared,
    body::{Body, ConnectionBroken},
    deliver::deliver_all,
    message::{header, url},
    real_now,
    webhook::host_and_target,
};
use crate::{
    clock::Now,
    compression,
    control::ControlResponse,
    gateway::{Outcome, RequestRecord},
    notifications::{Delivery, DeliveryResult, NotificationRecord},
    page::{self, PageRequest, PageResponse},
    payer::ParameterCause,
    traffic::{Captured, DeliveryTraffic, KeptBody, RefusedParameters, RequestTraffic, Traffic},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::{body::Incoming, http::request::Parts};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};

/// Maximum number of streams of events at a time.
pub(super) const MAX_STREAMS: usize = 32;

/// Interval between the comments that keep a stream of events open, and end it when nobody reads it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Shortest interval between two events.
const EVENT_INTERVAL: Duration = Duration::from_millis(200);

/// Maximum length of a form or of payment parameters, in bytes.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The parts of a response that the log shows.
pub(super) struct Logged {
    pub(super) status: u16,
    /// The reason for which payment parameters were refused.
    pub(super) reason: Option<String>,
}

type Answer = Result<(hyper::Response<Body>, Logged), ConnectionBroken>;

/// Answers a request to the page.
pub(super) async fn answer(shared: &Arc<Shared>, head: &Parts, body: Incoming) -> Answer {
    let (path, method) = (head.uri.path(), head.method.as_str());
    let is_act = !matches!(method, "GET" | "HEAD");
    let is_bridge = path == page::BRIDGE;
    // The bridge is called by pages of other sites. It acts only by parameters that a merchant has signed.
    if let Some(refused) = shared.access.page_refusal(is_act && !is_bridge, |name| header(head, name)) {
        return whole(page::refused(&refused));
    }
    let cookie = header(head, "cookie").unwrap_or_default();
    let signed_in = shared.access.is_signed_in(page::cookie(cookie, page::SESSION));
    if path == page::EVENTS {
        if !signed_in {
            return whole(page::unauthorized());
        }
        return events(shared);
    }
    let body = match timeout(READ_TIMEOUT, Limited::new(body, MAX_FORM_BYTES).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) => return whole(page::plain(413, "the form is too long, or incomplete")),
        Err(_) => return whole(page::plain(408, "the form is incomplete")),
    };
    let url = url(head, shared.is_tls);
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let request = PageRequest {
        method,
        path,
        query: head.uri.query().unwrap_or_default(),
        base_url: url.strip_suffix(target).unwrap_or_default(),
        body: &body,
        cookie,
        accept_language: header(head, "accept-language").unwrap_or_default(),
        signed_in,
        access: &shared.access,
        real: real_now(),
    };
    if path == page::SIGN_IN && is_act {
        return whole(page::sign_in(&request, &shared.access));
    }
    let (response, deliveries) = {
        let mut simulation = shared.lock();
        let response = page::answer(&mut simulation, &shared.traffic, &request);
        let now = simulation.clock.now(request.real);
        let deliveries =
            if response.notifications_first { simulation.gateway.due_deliveries(now) } else { Vec::new() };
        (response, deliveries)
    };
    if let Some(refusal) = &response.refused_parameters {
        record_refusal(shared, refusal);
    }
    if is_act {
        shared.changed.notify_one();
        deliver_all(Arc::clone(shared), deliveries).await;
        shared.traffic.signal();
    }
    whole(response)
}

fn whole(response: PageResponse) -> Answer {
    let PageResponse { status, headers, body, refused_parameters, .. } = response;
    let refusal = refused_parameters.and_then(|response| response.refused);
    let reason = refusal.map(|refusal| refusal.reason.clone());
    let builder =
        headers.into_iter().fold(hyper::Response::builder().status(status), |builder, (name, value)| {
            builder.header(name, value)
        });
    let response = builder.body(Body::whole(Bytes::from(body))).map_err(|_| ConnectionBroken)?;
    Ok((response, Logged { status, reason }))
}

/// Streams an event at each change, by Server-Sent Events.
fn events(shared: &Arc<Shared>) -> Answer {
    let Ok(permit) = Arc::clone(&shared.event_streams).try_acquire_owned() else {
        return whole(page::plain(503, "too many pages are open"));
    };
    let mut changes = shared.traffic.subscribe();
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _permit = permit;
        let mut event = Bytes::from_static(b"retry: 2000\n\n");
        while sender.send(event).await.is_ok() {
            tokio::time::sleep(EVENT_INTERVAL).await;
            event = match timeout(KEEP_ALIVE, changes.changed()).await {
                Ok(Ok(())) => Bytes::from_static(b"event: change\ndata: 1\n\n"),
                // The simulator has ended.
                Ok(Err(_)) => break,
                Err(_) => Bytes::from_static(b": open\n\n"),
            };
        }
    });
    let builder = hyper::Response::builder()
        .header("content-type", "text/event-stream")
        .header("cache-control", "no-store")
        .header("x-content-type-options", "nosniff");
    let response = builder.body(Body::events(receiver)).map_err(|_| ConnectionBroken)?;
    Ok((response, Logged { status: 200, reason: None }))
}

/// Records a request and its reply.
pub(super) fn record_request(
    shared: &Shared,
    head: &Parts,
    body: &[u8],
    record: RequestRecord,
    outcome: &Outcome,
    now: Now,
) {
    let reply = match outcome {
        Outcome::Reply(reply)
        | Outcome::AfterNotifications(reply)
        | Outcome::Delayed(reply, _)
        | Outcome::Truncated(reply, _)
        | Outcome::Slow(reply, _) => Some(reply),
        Outcome::ConnectionClosed { .. }
        | Outcome::ConnectionReset { .. }
        | Outcome::ConnectionRefused(_) => None,
    };
    // The reply to a token request of APIv1 contains the token.
    let is_secret = record.operation == Some("v1.token");
    let reply = reply.map(|reply| {
        let status = reply.status().to_string();
        if is_secret {
            return Captured::new(status, reply.headers(), b"(left out: it contains the token)");
        }
        // The signature covers the body before compression.
        match compression::decoded(reply) {
            Some((encoding, body)) => {
                Captured::new(status, reply.headers(), &body).sent_as(encoding, reply.body().len())
            }
            None => Captured::new(status, reply.headers(), reply.body()),
        }
    });
    let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let start = format!("{} {}", head.method, record.target);
    let request = Captured::new(start, headers, body);
    let traffic = RequestTraffic { record, request, reply };
    shared.traffic.add((now.business, now.wall), Traffic::Request(Box::new(traffic)));
}

/// Records a delivery and the merchant's response.
pub(super) fn record_delivery(
    shared: &Shared,
    delivery: &Delivery,
    result: &DeliveryResult,
    after: Option<&NotificationRecord>,
    now: Now,
) {
    let attempt =
        after.and_then(|after| after.deliveries.iter().find(|attempt| attempt.id == Some(delivery.id())));
    // Nothing was sent to a URL that cannot be used: it is shown whole.
    let (host, target) = host_and_target(delivery.url()).unzip();
    let target = target.as_deref().unwrap_or_else(|| delivery.url());
    let headers = delivery.headers().iter().map(|(name, value)| (*name, value.as_bytes()));
    let host = host.as_deref().map(|host| ("host", host.as_bytes()));
    let request = Captured::new(format!("POST {target}"), host.into_iter().chain(headers), delivery.body());
    let response = match result {
        DeliveryResult::Response { status, body } => Some((*status, KeptBody::new(body))),
        DeliveryResult::Failed { .. } => None,
    };
    let traffic = DeliveryTraffic {
        url: delivery.url().into(),
        notification: after.cloned(),
        out_trade_no: delivery.out_trade_no().into(),
        is_forged: delivery.is_forged(),
        result: attempt.map(|attempt| attempt.result),
        reason: attempt.and_then(|attempt| attempt.reason.clone()),
        request,
        response,
    };
    shared.traffic.add((now.business, now.wall), Traffic::Delivery(Box::new(traffic)));
}

/// Records payment parameters that the payer's client refused.
pub(super) fn record_refusal(shared: &Shared, response: &ControlResponse) {
    let Some(refusal) = response.refused.as_ref() else { return };
    let now = shared.lock().clock.now(real_now());
    let traffic = RefusedParameters {
        reason: refusal.reason.clone(),
        causes: refusal.causes.iter().map(ParameterCause::clone).collect(),
        parameters: KeptBody::new(&refusal.parameters),
    };
    shared.traffic.add((now.business, now.wall), Traffic::Parameters(Box::new(traffic)));
}
