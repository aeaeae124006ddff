//! Liveness and readiness.

use crate::serve::{Body, Response, Shutdown};
use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// Time for all checks together. A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Age up to which a report is returned again: whoever asks often does not write to the ledger as often.
const CACHE_TIME: Duration = Duration::from_secs(1);
/// Limit of the difference between the local clock and WeChat Pay's. Signatures are valid for 5 minutes, but leases and
/// expiries of orders need a common time.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(2);

type Probe = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// A named condition of readiness.
pub(crate) struct Check {
    name: &'static str,
    probe: Probe,
}

impl Check {
    /// Creates a check from a probe, such as an empty commit to the ledger. Its error is the cause, without secrets.
    pub(crate) fn new<F>(name: &'static str, probe: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, probe: Box::new(move || Box::pin(probe())) }
    }

    /// Fails once the shutdown has begun.
    pub(crate) fn not_shutting_down(shutdown: Shutdown) -> Self {
        Self::new("shutdown", move || {
            let result =
                if shutdown.has_started() { Err("the server is shutting down".into()) } else { Ok(()) };
            std::future::ready(result)
        })
    }

    /// Fails while the local clock differs from WeChat Pay's by more than two seconds. `skew` returns the difference in
    /// milliseconds, positive if the local clock is ahead; `None` while it is unknown.
    pub(crate) fn clock(skew: impl Fn() -> Option<i64> + Send + Sync + 'static) -> Self {
        Self::new("clock", move || std::future::ready(skew().map_or(Ok(()), check_skew)))
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

fn check_skew(millis: i64) -> Result<(), String> {
    let skew = Duration::from_millis(millis.unsigned_abs());
    if skew <= MAX_CLOCK_SKEW {
        return Ok(());
    }
    let direction = if millis > 0 { "ahead of" } else { "behind" };
    let seconds = skew.as_secs_f64();
    Err(format!("the clock is {seconds:.1} s {direction} WeChat Pay's; synchronise it, for example by NTP"))
}

/// The results of all checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report(BTreeMap<&'static str, Result<(), String>>);

impl Report {
    /// Returns whether all checks passed.
    pub(crate) fn is_ready(&self) -> bool {
        self.0.values().all(Result::is_ok)
    }

    /// Returns the failed checks and their causes.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().filter_map(|(name, result)| result.as_ref().err().map(|cause| (*name, cause.as_str())))
    }

    /// Returns the report as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let check = |result: &Result<(), String>| match result {
            Ok(()) => json!({ "status": "ok" }),
            Err(cause) => json!({ "status": "failed", "cause": cause }),
        };
        let checks: Map<_, _> =
            self.0.iter().map(|(name, result)| ((*name).to_owned(), check(result))).collect();
        let status = if self.is_ready() { "ready" } else { "not ready" };
        json!({ "status": status, "checks": checks })
    }

    /// Returns the response to `GET /readyz`: 200 or 503.
    pub(crate) fn response(&self) -> Response {
        let status = if self.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        response(status, &self.to_json())
    }
}

/// Returns the response to `GET /livez`: the process answers.
pub(crate) fn live() -> Response {
    response(StatusCode::OK, &json!({ "status": "live" }))
}

fn response(status: StatusCode, json: &Value) -> Response {
    let mut response = Response::new(Body::from(json.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The readiness of the server. Clones share the checks and the last report.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    checks: Arc<[Check]>,
    last: Arc<Mutex<Option<(Instant, Report)>>>,
}

impl Health {
    pub(crate) fn new(checks: Vec<Check>) -> Self {
        Self { checks: checks.into(), last: Arc::default() }
    }

    /// Returns the last report if it is younger than a second; otherwise checks again, at most for two seconds.
    /// Concurrent callers share one check.
    pub(crate) async fn ready(&self) -> Report {
        let mut last = self.last.lock().await;
        if let Some((at, report)) = &*last
            && at.elapsed() < CACHE_TIME
        {
            return report.clone();
        }
        let report = self.evaluate().await;
        let before = last.as_ref().map(|(_, report)| report);
        log_change(before, &report);
        // The time of the end: a check that took long is not repeated at once.
        *last = Some((Instant::now(), report.clone()));
        report
    }

    /// Runs all checks at the same time.
    async fn evaluate(&self) -> Report {
        let started = Instant::now();
        let deadline = started.checked_add(CHECK_TIMEOUT).unwrap_or(started);
        let timed_out = || Err(format!("no result within {} s", CHECK_TIMEOUT.as_secs()));
        // What has not reported by the deadline, or panicked, has failed.
        let mut results: BTreeMap<_, _> = self.checks.iter().map(|check| (check.name, timed_out())).collect();
        let mut running = JoinSet::new();
        for check in self.checks.iter() {
            let (name, probing) = (check.name, (check.probe)());
            running.spawn(async move { (name, probing.await) });
        }
        while let Ok(Some(ended)) = timeout_at(deadline, running.join_next()).await {
            if let Ok((name, result)) = ended {
                results.insert(name, result);
            }
        }
        Report(results)
    }
}

/// Logs a change of the readiness or of its causes, not each failure of each request.
fn log_change(before: Option<&Report>, now: &Report) {
    let was_ready = before.is_none_or(Report::is_ready);
    if now.is_ready() {
        if !was_ready {
            tracing::info!("ready");
        }
        return;
    }
    for (check, cause) in now.failures() {
        let is_known = before.is_some_and(|before| before.0.get(check).is_some_and(Result::is_err));
        if !is_known {
            tracing::error!(check, cause, "not ready");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn constant(name: &'static str, result: Result<(), &'static str>) -> Check {
        Check::new(name, move || std::future::ready(result.map_err(str::to_owned)))
    }

    #[tokio::test]
    async fn one_failed_check_makes_the_server_not_ready_and_names_the_cause() {
        let health = Health::new(vec![constant("schema", Ok(())), constant("ledger", Err("disk full"))]);
        let report = health.ready().await;
        assert_eq!(
            report.to_json(),
            json!({ "status": "not ready", "checks": {
                "ledger": { "status": "failed", "cause": "disk full" },
                "schema": { "status": "ok" },
            }})
        );
        assert_eq!(report.response().status(), 503);
        let report = Health::new(vec![constant("schema", Ok(()))]).ready().await;
        assert_eq!(report.response().status(), 200);
        assert_eq!(report.to_json()["status"], "ready");
        assert_eq!(live().status(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_or_panics_has_failed_after_two_seconds() {
        let health = Health::new(vec![
            Check::new("hangs", std::future::pending),
            Check::new("panics", || async { panic!("planned") }),
            constant("fine", Ok(())),
        ]);
        let started = Instant::now();
        let report = health.ready().await;
        assert_eq!(started.elapsed(), CHECK_TIMEOUT);
        let failed: Vec<_> = report.failures().map(|(name, _)| name).collect();
        assert_eq!(failed, ["hangs", "panics"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_is_kept_for_a_second_and_shared() {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let health = Health::new(vec![Check::new("ledger", move || {
            let counted = Arc::clone(&counted);
            async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let run = counted.fetch_add(1, Ordering::SeqCst);
                if run == 0 { Ok(()) } else { Err("disk full".to_owned()) }
            }
        })]);
        let (one, other) = tokio::join!(health.ready(), health.ready());
        assert!(one == other && one.is_ready());
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert!(health.ready().await.is_ready());
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!health.ready().await.is_ready());
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn the_clock_may_differ_by_two_seconds_in_either_direction() {
        for (skew, ready) in [
            (None, true),
            (Some(0), true),
            (Some(2000), true),
            (Some(-2000), true),
            (Some(2001), false),
            (Some(-2001), false),
            (Some(i64::MIN), false),
        ] {
            let report = Health::new(vec![Check::clock(move || skew)]).ready().await;
            assert_eq!(report.is_ready(), ready, "{skew:?}: {report:?}");
        }
        assert!(check_skew(-5_500).unwrap_err().contains("5.5 s behind"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_whose_clock_differs_from_the_gateways_is_not_ready() {
        let world = crate::testing::TestWorld::new();
        let is_ready = async || {
            let upstream = world.app.upstream().clone();
            Health::new(vec![Check::clock(move || upstream.clock_skew())]).ready().await.is_ready()
        };
        world.place("ORDER1", 1).await.unwrap();
        assert!(world.app.upstream().clock_skew().is_some() && is_ready().await);
        world.ambient.set_ahead(Duration::from_secs(4));
        for number in ["ORDER2", "ORDER3", "ORDER4"] {
            world.place(number, 1).await.unwrap();
        }
        assert!(!is_ready().await);
    }

    #[tokio::test]
    async fn a_shutdown_makes_the_server_not_ready() {
        let shutdown = Shutdown::new();
        let health = || Health::new(vec![Check::not_shutting_down(shutdown.clone())]);
        assert!(health().ready().await.is_ready());
        shutdown.begin_shutdown();
        assert!(!health().ready().await.is_ready());
    }
}
