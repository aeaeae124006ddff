//! The observer of all exchanges.

use super::clock_skew::ClockSkew;
use crate::{ambient::Ambient, observe::metrics::Metrics};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tracing::Instrument as _;
use wxpay_hyper::Transport;
use wxpay_proto::{
    UnixTime,
    exchange::{Reply, Transmit},
    http::Response,
};

/// The label of key fetches, which may happen in the middle of a call.
const KEY_FETCH: &str = "v3.certificates";
/// The longest plausible `Request-ID`.
const MAX_REQUEST_ID: usize = 128;

tokio::task_local! {
    /// The last exchange of the call that the task makes.
    pub(super) static EXCHANGE: Arc<Mutex<Exchange>>;
}

/// The last exchange of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    pub(super) http_status: Option<u16>,
    pub(super) request_id: Option<String>,
    /// `Wechatpay-Timestamp`, which is signed if the reply is verified.
    pub(super) signed_at: Option<UnixTime>,
}

/// A network that observes the gateway's clock, and the last exchange of each call.
#[derive(Debug)]
pub(crate) struct Recorder {
    network: Arc<dyn Transport>,
    ambient: Arc<dyn Ambient>,
    metrics: Metrics,
    skew: Mutex<ClockSkew>,
}

impl Recorder {
    pub(super) fn new(network: Arc<dyn Transport>, ambient: Arc<dyn Ambient>, metrics: Metrics) -> Self {
        Self { network, ambient, metrics, skew: Mutex::default() }
    }

    pub(super) fn clock_skew(&self) -> Option<i64> {
        lock(&self.skew).millis()
    }

    fn observe(&self, label: &'static str, reply: &Reply) {
        if let Ok(response) = reply
            && let Some(date) = response.header("date")
        {
            let mut skew = lock(&self.skew);
            skew.observe(date, self.ambient.now());
            let millis = skew.millis();
            drop(skew);
            if let Some(millis) = millis {
                self.metrics.set_clock_skew(millis);
            }
        }
        if label != KEY_FETCH {
            let exchange = reply.as_ref().map(Exchange::of).unwrap_or_default();
            // A flow that is no call, such as a notification's, has no place for it.
            _ = EXCHANGE.try_with(|last| *lock(last) = exchange);
        }
    }
}

impl Exchange {
    fn of(response: &Response) -> Self {
        let text = |name| response.header(name).and_then(|value| std::str::from_utf8(value).ok());
        let is_plausible =
            |id: &&str| id.len() <= MAX_REQUEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
        Self {
            http_status: Some(response.status()),
            request_id: text("request-id").filter(is_plausible).map(str::to_owned),
            signed_at: text("wechatpay-timestamp")
                .and_then(|text| text.parse().ok())
                .map(UnixTime::from_secs),
        }
    }
}

impl Transport for Recorder {
    fn send(&self, transmit: Transmit) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            let label = transmit.label;
            let span = tracing::info_span!("wechatpay", label);
            let reply = self.network.send(transmit).instrument(span).await;
            self.observe(label, &reply);
            reply
        })
    }
}

/// Takes the last exchange of a call that has ended.
pub(super) fn take(exchange: &Mutex<Exchange>) -> Exchange {
    std::mem::take(&mut *lock(exchange))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
