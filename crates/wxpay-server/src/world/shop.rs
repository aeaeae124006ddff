//! The shop's receiver of webhooks.

use super::{World, process::Process};
use crate::webhooks::{
    BoxFuture,
    send::{WebhookFailure, WebhookResponse, WebhookTransport},
    signature::{SigningSecret, WebhookHeaders},
    target::TargetUrl,
};
use bytes::Bytes;
use std::{io, sync::Arc, time::Duration};
use tokio::time::sleep;

/// The receiver's books.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// The secret of the endpoint, as `whsec_…`.
    pub(super) secret: String,
    /// The events that it processed, in order, with their ids and bodies. A repeated one is listed once.
    pub(super) processed: Vec<(String, String)>,
    /// The number of requests.
    pub(super) requests: u64,
}

/// The receiver's behaviour to one request.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    Accept,
    /// Accepts after a while.
    Slow,
    /// Processes the event, and its response is lost.
    ResponseLost,
    /// The request does not arrive.
    RequestLost,
    /// Stays busy for longer than the sender waits, and processes nothing.
    TooSlow,
    ServerError,
    Busy,
    Gone,
}

impl Behaviour {
    /// Returns the name of the fault, if it is one.
    const fn fault(self) -> Option<&'static str> {
        match self {
            Self::Accept => None,
            Self::Slow => Some("webhooks: slow"),
            Self::ResponseLost => Some("webhooks: response lost"),
            Self::RequestLost => Some("webhooks: request lost"),
            Self::TooSlow => Some("webhooks: too slow"),
            Self::ServerError => Some("webhooks: server error"),
            Self::Busy => Some("webhooks: busy"),
            Self::Gone => Some("webhooks: 410"),
        }
    }
}

/// The connection of a process to the receiver.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) world: Arc<World>,
    pub(super) process: Arc<Process>,
}

impl WebhookTransport for Line {
    fn post<'a>(
        &'a self,
        _: &'a TargetUrl,
        headers: &'a WebhookHeaders,
        body: Bytes,
    ) -> BoxFuture<'a, Result<WebhookResponse, WebhookFailure>> {
        Box::pin(async move {
            self.process.alive().await;
            let behaviour = self.behaviour();
            sleep(Duration::from_millis(15)).await;
            let response = self.receive(behaviour, headers, &body).await;
            sleep(Duration::from_millis(15)).await;
            self.process.alive().await;
            response
        })
    }
}

impl Line {
    fn behaviour(&self) -> Behaviour {
        if self.world.is_calm() {
            return Behaviour::Accept;
        }
        if self.world.is_receiver_down() {
            return Behaviour::ServerError;
        }
        self.world.random(|rng| match rng.below(1000) {
            0 if rng.one_in(4) => Behaviour::Gone,
            0..=30 => Behaviour::Slow,
            31..=60 => Behaviour::ResponseLost,
            61..=90 => Behaviour::RequestLost,
            91..=110 => Behaviour::TooSlow,
            111..=150 => Behaviour::ServerError,
            151..=170 => Behaviour::Busy,
            _ => Behaviour::Accept,
        })
    }

    async fn receive(
        &self,
        behaviour: Behaviour,
        headers: &WebhookHeaders,
        body: &[u8],
    ) -> Result<WebhookResponse, WebhookFailure> {
        let response = |status, retry_after: Option<&str>| {
            Ok(WebhookResponse { status, retry_after: retry_after.map(Into::into), excerpt: None })
        };
        if let Some(fault) = behaviour.fault() {
            self.world.count(fault);
        }
        match behaviour {
            Behaviour::Accept => self.process_event(headers, body),
            Behaviour::Slow => {
                sleep(Duration::from_secs(8)).await;
                self.process_event(headers, body);
            }
            Behaviour::ResponseLost => {
                self.process_event(headers, body);
                return Err(WebhookFailure::Connection(io::ErrorKind::ConnectionReset));
            }
            Behaviour::RequestLost => return Err(WebhookFailure::Connect(io::ErrorKind::ConnectionRefused)),
            Behaviour::TooSlow => {
                sleep(Duration::from_secs(15)).await;
                return Err(WebhookFailure::Timeout);
            }
            Behaviour::ServerError => return response(500, None),
            Behaviour::Busy => return response(503, Some("20")),
            Behaviour::Gone => return response(410, None),
        }
        response(204, None)
    }

    /// Verifies the signature as a shop does, and processes the event.
    fn process_event(&self, headers: &WebhookHeaders, body: &[u8]) {
        let mut receiver = self.world.receiver();
        receiver.requests += 1;
        let secret = SigningSecret::parse(&receiver.secret).unwrap();
        let expected = WebhookHeaders::sign([&secret], &headers.id, headers.timestamp, body);
        assert_eq!(expected.signature, headers.signature, "{}: the signature is wrong", headers.id);
        let body = String::from_utf8(body.to_vec()).unwrap();
        let known = self.world.known_event(&headers.id);
        if let Some(index) = known {
            assert_eq!(receiver.processed[index].1, body, "{}: another body", headers.id);
        } else {
            self.world.remember_event(&headers.id, receiver.processed.len());
            receiver.processed.push((headers.id.clone(), body));
        }
    }
}
