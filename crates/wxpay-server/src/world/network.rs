//! The network between the server and the gateway, and its failures.

use super::{World, process::Process, watch::OnTheWay};
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use wxpay_hyper::Transport;
use wxpay_proto::{
    exchange::{Failure, Reply, Transmit},
    http::Response,
};
use wxpay_sim::Outcome;

/// The time between a request and its reply.
const LATENCY: Duration = Duration::from_millis(80);
/// The longest time that a request is on its way after the server's timeout. Must be less than the 20 seconds after which
/// "no such order" is final.
const MAX_DELAY: Duration = Duration::from_secs(18);

/// A failure of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NetworkFailure {
    /// No connection.
    NotSent,
    /// The request is lost before it reaches the gateway.
    RequestLost,
    /// The request is lost, and nothing says so before the timeout.
    Hanging,
    /// The request is carried out, and the reply is lost.
    ReplyLost,
    /// The request is carried out, and the reply arrives after the timeout.
    TooLate,
    /// The request arrives only after the timeout.
    Late,
    /// The request arrives twice, and the server gets the second reply.
    Duplicated,
    /// The request arrives again, a while after its reply.
    Repeated,
    /// The request is carried out, and the reply is an unsigned refusal.
    UnsignedRefusal,
    /// The body of the reply is modified.
    Tampered,
}

impl NetworkFailure {
    pub(super) const ALL: [Self; 10] = [
        Self::NotSent,
        Self::RequestLost,
        Self::Hanging,
        Self::ReplyLost,
        Self::TooLate,
        Self::Late,
        Self::Duplicated,
        Self::Repeated,
        Self::UnsignedRefusal,
        Self::Tampered,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "network: not sent",
            Self::RequestLost => "network: request lost",
            Self::Hanging => "network: request hanging",
            Self::ReplyLost => "network: reply lost",
            Self::TooLate => "network: reply too late",
            Self::Late => "network: request late",
            Self::Duplicated => "network: request duplicated",
            Self::Repeated => "network: request repeated later",
            Self::UnsignedRefusal => "network: unsigned refusal",
            Self::Tampered => "network: reply tampered with",
        }
    }
}

/// The connection of a process to the gateway. Without a process: that of WeChat Pay's own console, which never fails.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) world: Arc<World>,
    pub(super) process: Option<Arc<Process>>,
}

impl Transport for Wire {
    fn send(&self, transmit: Transmit) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            let Some(process) = &self.process else { return reply(&self.world, &transmit).await };
            process.alive().await;
            let on_the_way = OnTheWay::begin(&self.world, &transmit);
            let failure = self.world.network_failure(&transmit);
            let traced = |reply: Reply| {
                self.world.trace_request(&transmit, failure, &reply);
                reply
            };
            let exchange = timeout(transmit.timeout, self.exchange(failure, transmit.clone()));
            let reply = exchange.await.unwrap_or_else(|_| lost("timed out"));
            // A process that is dead stands still here for ever.
            drop(on_the_way);
            process.alive().await;
            traced(reply)
        })
    }
}

impl Wire {
    async fn exchange(&self, failure: Option<NetworkFailure>, transmit: Transmit) -> Reply {
        let world = &self.world;
        sleep(LATENCY / 2).await;
        let Some(failure) = failure else { return reply(world, &transmit).await };
        world.count(failure.name());
        match failure {
            NetworkFailure::NotSent => Err(Failure::NotSent("connection refused".into())),
            NetworkFailure::RequestLost => lost("the request was lost"),
            NetworkFailure::Hanging => {
                sleep(transmit.timeout).await;
                lost("timed out")
            }
            NetworkFailure::ReplyLost => {
                drop(reply(world, &transmit).await);
                lost("the reply was lost")
            }
            NetworkFailure::TooLate => {
                drop(reply(world, &transmit).await);
                sleep(transmit.timeout).await;
                lost("the reply was late")
            }
            NetworkFailure::Late => {
                send_later(world, transmit.timeout + world.random(|rng| rng.within(MAX_DELAY)), &transmit);
                sleep(transmit.timeout).await;
                lost("the request is late")
            }
            NetworkFailure::Duplicated => {
                drop(reply(world, &transmit).await);
                reply(world, &transmit).await
            }
            NetworkFailure::Repeated => {
                let reply = reply(world, &transmit).await;
                // A refused request may be acceptable later: then the repetition would be a new request.
                if reply.as_ref().is_ok_and(|reply| reply.status() < 300) {
                    send_later(world, world.random(|rng| rng.within(MAX_DELAY)), &transmit);
                }
                reply
            }
            NetworkFailure::UnsignedRefusal => {
                drop(reply(world, &transmit).await);
                Ok(Response::new(403, br#"{"code":"NO_AUTH","message":"no"}"#.to_vec()))
            }
            NetworkFailure::Tampered => reply(world, &transmit).await.map(|reply| tampered(&reply)),
        }
    }
}

fn lost(reason: &'static str) -> Reply {
    Err(Failure::Lost(reason.into()))
}

/// Delivers a request after a while. Its reply goes nowhere.
fn send_later(world: &Arc<World>, delay: Duration, transmit: &Transmit) {
    let on_the_way = OnTheWay::begin(world, transmit);
    let (world, transmit) = (Arc::clone(world), transmit.clone());
    tokio::spawn(async move {
        sleep(delay).await;
        let reply = reply(&world, &transmit).await;
        drop(on_the_way);
        world.trace_request(&transmit, None, &reply);
    });
}

/// Carries a request out, and returns the reply.
async fn reply(world: &Arc<World>, transmit: &Transmit) -> Reply {
    world.count("requests to the gateway");
    let outcome = world.gateway(|gateway| gateway.answer(&transmit.request, world.now()));
    world.check_arrival(transmit);
    if matches!(outcome, Outcome::AfterNotifications(_)) {
        world.deliver_due();
        sleep(LATENCY).await;
    }
    sleep(LATENCY / 2).await;
    match outcome {
        Outcome::Reply(reply) | Outcome::AfterNotifications(reply) | Outcome::Slow(reply, _) => Ok(reply),
        Outcome::Delayed(reply, delay) => {
            sleep(delay).await;
            Ok(reply)
        }
        Outcome::Truncated(..) => lost("the reply was truncated"),
        Outcome::ConnectionClosed { .. } | Outcome::ConnectionReset { .. } => lost("the connection broke"),
        Outcome::ConnectionRefused(_) => Err(Failure::NotSent("connection refused".into())),
    }
}

/// Changes the last digit of the body.
fn tampered(reply: &Response) -> Response {
    let mut body = reply.body().to_vec();
    match body.iter().rposition(u8::is_ascii_digit) {
        Some(at) => body[at] = if body[at] == b'9' { b'0' } else { body[at] + 1 },
        None => body.push(b' '),
    }
    reply
        .headers()
        .fold(Response::new(reply.status(), body), |reply, (name, value)| reply.with_header(name, value))
}

impl World {
    /// Draws whether the next request fails.
    fn network_failure(&self, transmit: &Transmit) -> Option<NetworkFailure> {
        if self.is_calm() {
            return None;
        }
        let outage = *self.outage.lock().unwrap();
        if let Some(outage) = outage.filter(|_| self.random(|rng| rng.percent(80))) {
            return Some(outage);
        }
        if self.is_placing_slow(transmit) && self.random(|rng| rng.percent(90)) {
            return Some(self.random(|rng| rng.pick(&[NetworkFailure::Late, NetworkFailure::Hanging])));
        }
        self.random(|rng| rng.one_in(12).then(|| rng.pick(&NetworkFailure::ALL)))
    }

    fn is_placing_slow(&self, transmit: &Transmit) -> bool {
        let slow = self.slow_placing.lock().unwrap().clone();
        slow.is_some_and(|slow| self.prepaid_order(transmit).is_some_and(|key| key.merchant == slow))
    }

    /// Lets the calls that create the orders of one merchant be slow for a while: the queries of such an order find
    /// nothing, and it arrives later.
    pub(super) async fn slow_placing_down(self: Arc<Self>, mut rng: super::Rng) {
        while !self.is_calm() {
            sleep(rng.within(Duration::from_mins(1))).await;
            let account = rng.below(u64::try_from(self.accounts.len()).unwrap());
            let name = self.accounts[usize::try_from(account).unwrap()].name.clone();
            self.trace("", || format!("the orders of {name} become slow"));
            self.count("slow ways to place orders");
            *self.slow_placing.lock().unwrap() = Some(name);
            sleep(rng.within(Duration::from_mins(2))).await;
            *self.slow_placing.lock().unwrap() = None;
            self.trace("", || "orders are fast again".into());
        }
    }

    /// Lets all requests fail in one way for a while: the gateway is away, or slow.
    pub(super) async fn fail_the_network(self: Arc<Self>, mut rng: super::Rng) {
        while !self.is_calm() {
            sleep(rng.within(Duration::from_mins(2))).await;
            let kinds = [
                NetworkFailure::NotSent,
                NetworkFailure::NotSent,
                NetworkFailure::RequestLost,
                NetworkFailure::Late,
                NetworkFailure::Late,
            ];
            let outage = rng.pick(&kinds);
            self.trace("", || format!("an outage begins: {outage:?}"));
            self.count("outages of the network");
            *self.outage.lock().unwrap() = Some(outage);
            sleep(rng.within(Duration::from_secs(70))).await;
            *self.outage.lock().unwrap() = None;
            self.trace("", || "the outage ends".into());
        }
    }

    fn trace_request(&self, transmit: &Transmit, failure: Option<NetworkFailure>, reply: &Reply) {
        if !self.is_tracing() {
            return;
        }
        let request = &transmit.request;
        let text = format!("{} {}", request.url(), String::from_utf8_lossy(request.body()));
        self.trace(&text, || {
            let reply = match reply {
                Ok(reply) => format!("{} {}", reply.status(), String::from_utf8_lossy(reply.body())),
                Err(error) => format!("{error:?}"),
            };
            format!("{} {text} ({failure:?}): {reply}", transmit.label)
        });
    }
}
