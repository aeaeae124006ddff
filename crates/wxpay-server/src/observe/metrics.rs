//! Metrics in the `OpenMetrics` format. Labels come from closed sets, never from a merchant's or a client's data.

mod labels;
#[cfg(test)]
mod tests;

pub(crate) use labels::{
    DeliveryOutcome, GatewayFate, Invariant, NotificationResult, PaidSource, StatusClass, TaskKind,
    TokenSource,
};

use crate::{
    engine::LedgerMetrics,
    serve::{Exchange, Response, Route},
};
use hyper::header::{self, HeaderValue};
use labels::{Label, Labels, all, labels};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

/// The content type of [`Metrics::render`].
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// All metrics of the server. Clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Counters<3>,
    request_duration: Histograms<2>,
    orders: Counters<1>,
    paid: Counters<1>,
    notifications: Counters<1>,
    gateway_calls: Counters<2>,
    gateway_duration: Histograms<1>,
    access_tokens: Counters<1>,
    access_token_failures: Counters<1>,
    task_lag: Histograms<1>,
    tasks_due: Family<Labels<1>, Gauge>,
    deliveries: Counters<1>,
    deferred: Gauge,
    open_cases: Gauge,
    ledger_operations: Counter,
    commits: Counter,
    commit_time: Counter<f64, AtomicU64>,
    queue_depth: Gauge,
    violations: Family<Labels<1>, Gauge>,
    clock_skew: Gauge<f64, AtomicU64>,
}

/// Buckets for the duration of requests: 0.5 ms to 30 s.
fn short_durations() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ])
}

/// Buckets for the lag of tasks: 0.1 s to an hour.
fn lags() -> Histogram {
    Histogram::new([0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0])
}

fn histograms<const N: usize>(constructor: fn() -> Histogram) -> Histograms<N> {
    Family::new_with_constructor(constructor)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::with_prefix("wxpay"),
            requests: Counters::default(),
            request_duration: histograms(short_durations),
            orders: Counters::default(),
            paid: Counters::default(),
            notifications: Counters::default(),
            gateway_calls: Counters::default(),
            gateway_duration: histograms(short_durations),
            access_tokens: Counters::default(),
            access_token_failures: Counters::default(),
            task_lag: histograms(lags),
            tasks_due: Family::default(),
            deliveries: Counters::default(),
            deferred: Gauge::default(),
            open_cases: Gauge::default(),
            ledger_operations: Counter::default(),
            commits: Counter::default(),
            commit_time: Counter::default(),
            queue_depth: Gauge::default(),
            violations: Family::default(),
            clock_skew: Gauge::default(),
        };
        inner.register();
        inner.initialise();
        Self(Arc::new(inner))
    }

    /// Renders all metrics in the `OpenMetrics` text format.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        _ = encode(&mut text, &self.0.registry);
        text
    }

    /// Returns the response to `GET /metrics`.
    pub(crate) fn response(&self) -> Response {
        let mut response = Response::new(self.render().into());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        response
    }

    /// Records a request of the REST interface, or a notification.
    pub(crate) fn request(&self, exchange: &Exchange) {
        let route = exchange.route.map_or("none", |Route(template)| template);
        let (route, method) = (("route", route), ("method", exchange.method.label()));
        let status = ("status", StatusClass::of(exchange.status).label());
        self.0.requests.get_or_create(&[route, method, status]).inc();
        let duration = exchange.duration.as_secs_f64();
        self.0.request_duration.get_or_create(&[route, method]).observe(duration);
    }

    /// Records an order placed the first time. `channel` is a constant such as `native`.
    pub(crate) fn order_placed(&self, channel: &'static str) {
        self.0.orders.get_or_create(&[("channel", channel)]).inc();
    }

    /// Records a payment that was learned for the first time. When the share of queries rises, the merchant's
    /// notifications do not arrive.
    pub(crate) fn paid(&self, source: PaidSource) {
        self.0.paid.get_or_create(&labels(source)).inc();
    }

    /// Records a notification.
    pub(crate) fn notification(&self, result: NotificationResult) {
        self.0.notifications.get_or_create(&labels(result)).inc();
    }

    /// Records a call to WeChat Pay. `label` is the core's label of the operation, such as `v3.order.query`.
    pub(crate) fn gateway_call(&self, label: &'static str, fate: GatewayFate, duration: Duration) {
        self.0.gateway_calls.get_or_create(&[("operation", label), ("fate", fate.label())]).inc();
        let duration = duration.as_secs_f64();
        self.0.gateway_duration.get_or_create(&[("operation", label)]).observe(duration);
    }

    /// Records an access token of APIv1 that this process did not have before.
    pub(crate) fn access_token(&self, source: TokenSource) {
        self.0.access_tokens.get_or_create(&labels(source)).inc();
    }

    /// Records a failure of a store of access tokens.
    pub(crate) fn access_token_store_failed(&self, store: TokenSource) {
        self.0.access_token_failures.get_or_create(&labels(store)).inc();
    }

    /// Records the time from when a task was due to when it started.
    pub(crate) fn task_started(&self, kind: TaskKind, lag: Duration) {
        self.0.task_lag.get_or_create(&labels(kind)).observe(lag.as_secs_f64());
    }

    /// Sets the number of tasks that are due and have not started.
    pub(crate) fn set_tasks_due(&self, kind: TaskKind, count: usize) {
        self.0.tasks_due.get_or_create(&labels(kind)).set(signed(count));
    }

    /// Records an attempt to deliver an event to a webhook endpoint.
    pub(crate) fn webhook_delivery(&self, outcome: DeliveryOutcome) {
        self.0.deliveries.get_or_create(&labels(outcome)).inc();
    }

    /// Sets the number of events whose delivery waits.
    pub(crate) fn set_deferred(&self, count: usize) {
        self.0.deferred.set(signed(count));
    }

    /// Sets the number of cases that wait for a decision.
    pub(crate) fn set_open_cases(&self, count: usize) {
        self.0.open_cases.set(signed(count));
    }

    /// Adds the ledger's counters since the last call, and sets the number of writes that wait.
    pub(crate) fn count_ledger(&self, before: &LedgerMetrics, now: &LedgerMetrics) {
        self.0.ledger_operations.inc_by(now.operations.saturating_sub(before.operations));
        self.0.commits.inc_by(now.commits.saturating_sub(before.commits));
        let micros = now.commit_micros.saturating_sub(before.commit_micros);
        self.0.commit_time.inc_by(Duration::from_micros(micros).as_secs_f64());
        self.0.queue_depth.set(i64::try_from(now.queued).unwrap_or(i64::MAX));
    }

    /// Sets the number of violations of an invariant. Any value but zero needs manual review.
    pub(crate) fn set_violations(&self, invariant: Invariant, count: usize) {
        self.0.violations.get_or_create(&labels(invariant)).set(signed(count));
    }

    /// Sets the number of violations of every invariant that the audit of orders checks. The names are those of labels.
    pub(crate) fn set_all_violations(&self, found: &[&str]) {
        all(|invariant: Invariant| {
            let count = found.iter().filter(|name| **name == invariant.label()).count();
            self.set_violations(invariant, count);
        });
    }

    /// Sets the difference between the local clock and WeChat Pay's in milliseconds, positive if the local is ahead.
    pub(crate) fn set_clock_skew(&self, millis: i64) {
        let seconds = Duration::from_millis(millis.unsigned_abs()).as_secs_f64();
        self.0.clock_skew.set(seconds.copysign(if millis < 0 { -1.0 } else { 1.0 }));
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Inner {
    /// Registers each metric under its name. The registry adds the prefix, and `_total` and units as suffixes.
    fn register(&mut self) {
        let registry = &mut self.registry;
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of the server", build);
        registry.register(
            "http_requests",
            "Requests by route, method and class of status",
            self.requests.clone(),
        );
        let (help, metric) = ("Time to the end of the response", self.request_duration.clone());
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, metric);
        registry.register("orders_placed", "Orders placed the first time", self.orders.clone());
        registry.register("paid", "Payments by the source that reported them first", self.paid.clone());
        registry.register(
            "notifications",
            "Notifications of WeChat Pay by result",
            self.notifications.clone(),
        );
        registry.register(
            "gateway_calls",
            "Calls to WeChat Pay by operation and fate",
            self.gateway_calls.clone(),
        );
        let help = "Access tokens of APIv1 by the place that this process got them from";
        registry.register("access_token_fetches", help, self.access_tokens.clone());
        let help = "Failures of the stores of access tokens; payments go on";
        registry.register("access_token_store_failures", help, self.access_token_failures.clone());
        let durations = [
            ("gateway_call_duration", "Duration of calls to WeChat Pay", self.gateway_duration.clone()),
            ("task_lag", "Time from when a task was due to its start", self.task_lag.clone()),
        ];
        for (name, help, metric) in durations {
            registry.register_with_unit(name, help, Unit::Seconds, metric);
        }
        registry.register("tasks_due", "Tasks that are due and have not started", self.tasks_due.clone());
        registry.register(
            "webhook_deliveries",
            "Attempts to deliver events by outcome",
            self.deliveries.clone(),
        );
        registry.register("webhook_deferred", "Events whose delivery waits", self.deferred.clone());
        registry.register("open_cases", "Cases that wait for a decision", self.open_cases.clone());
        let help = "Operations that the ledger committed";
        registry.register("ledger_operations", help, self.ledger_operations.clone());
        registry.register("ledger_commits", "Commits of the ledger", self.commits.clone());
        let help = "Sum of the durations of the ledger's commits";
        registry.register_with_unit("ledger_commit_time", help, Unit::Seconds, self.commit_time.clone());
        registry.register("ledger_queue_depth", "Writes that wait for the ledger", self.queue_depth.clone());
        let help = "Violations of an invariant; must be zero";
        registry.register("invariant_violations", help, self.violations.clone());
        let help = "Local clock minus WeChat Pay's";
        registry.register_with_unit("clock_skew", help, Unit::Seconds, self.clock_skew.clone());
    }

    /// Creates the series of every closed set: an alert on a series that does not exist yet never fires.
    fn initialise(&self) {
        all(|source: PaidSource| drop(self.paid.get_or_create(&labels(source))));
        all(|result: NotificationResult| drop(self.notifications.get_or_create(&labels(result))));
        all(|outcome: DeliveryOutcome| drop(self.deliveries.get_or_create(&labels(outcome))));
        all(|source: TokenSource| drop(self.access_tokens.get_or_create(&labels(source))));
        for store in [TokenSource::Redis, TokenSource::Ledger] {
            drop(self.access_token_failures.get_or_create(&labels(store)));
        }
        all(|invariant: Invariant| drop(self.violations.get_or_create(&labels(invariant))));
        all(|kind: TaskKind| drop(self.tasks_due.get_or_create(&labels(kind))));
    }
}
