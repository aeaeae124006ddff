//! Tests of the metrics' names, labels and values.

use super::*;
use crate::serve::StandardMethod;
use hyper::StatusCode;

/// Returns whether the text has exactly this line.
fn has(text: &str, line: &str) -> bool {
    text.lines().any(|found| found == line)
}

fn recorded() -> Metrics {
    let metrics = Metrics::new();
    let exchange = Exchange {
        method: StandardMethod::Post,
        route: Some(Route("/api/orders")),
        status: Some(StatusCode::CREATED),
        duration: Duration::from_millis(20),
        bytes: 512,
    };
    metrics.request(&exchange);
    metrics.request(&Exchange { status: None, route: None, ..exchange });
    metrics.order_placed("native");
    metrics.paid(PaidSource::Query);
    metrics.notification(NotificationResult::Forged);
    metrics.gateway_call("v3.order.query", GatewayFate::Unknown, Duration::from_secs(3));
    metrics.access_token(TokenSource::Gateway);
    metrics.access_token_store_failed(TokenSource::Redis);
    metrics.task_started(TaskKind::OrderPolling, Duration::from_secs(2));
    metrics.set_tasks_due(TaskKind::OrderPolling, 7);
    metrics.webhook_delivery(DeliveryOutcome::Failed);
    metrics.set_deferred(4);
    metrics.set_open_cases(2);
    let before = LedgerMetrics { operations: 10, commits: 2, commit_micros: 500_000, queued: 1 };
    let now = LedgerMetrics { operations: 17, commits: 5, commit_micros: 2_000_000, queued: 5 };
    metrics.count_ledger(&before, &now);
    metrics.set_violations(Invariant::DoubleCharge, 1);
    metrics.set_violations(Invariant::RefundBound, 3);
    metrics.set_clock_skew(-1500);
    metrics
}

#[test]
fn every_metric_is_rendered_with_its_name_labels_and_value() {
    let text = recorded().render();
    for line in [
        concat!("wxpay_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        r#"wxpay_http_requests_total{route="/api/orders",method="post",status="2xx"} 1"#,
        r#"wxpay_http_requests_total{route="none",method="post",status="aborted"} 1"#,
        r#"wxpay_http_request_duration_seconds_count{route="/api/orders",method="post"} 1"#,
        r#"wxpay_orders_placed_total{channel="native"} 1"#,
        r#"wxpay_paid_total{source="query"} 1"#,
        r#"wxpay_paid_total{source="notification"} 0"#,
        r#"wxpay_notifications_total{result="forged"} 1"#,
        r#"wxpay_gateway_calls_total{operation="v3.order.query",fate="unknown"} 1"#,
        r#"wxpay_gateway_call_duration_seconds_sum{operation="v3.order.query"} 3.0"#,
        r#"wxpay_access_token_fetches_total{source="gateway"} 1"#,
        r#"wxpay_access_token_fetches_total{source="ledger"} 0"#,
        r#"wxpay_access_token_store_failures_total{source="redis"} 1"#,
        r#"wxpay_task_lag_seconds_count{kind="order_polling"} 1"#,
        r#"wxpay_tasks_due{kind="order_polling"} 7"#,
        r#"wxpay_webhook_deliveries_total{outcome="failed"} 1"#,
        "wxpay_webhook_deferred 4",
        "wxpay_open_cases 2",
        "wxpay_ledger_operations_total 7",
        "wxpay_ledger_commits_total 3",
        "wxpay_ledger_commit_time_seconds_total 1.5",
        "wxpay_ledger_queue_depth 5",
        r#"wxpay_invariant_violations{name="double_charge"} 1"#,
        r#"wxpay_invariant_violations{name="refund_bound"} 3"#,
        "wxpay_clock_skew_seconds -1.5",
        "# EOF",
    ] {
        assert!(has(&text, line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn series_that_alerts_watch_exist_from_the_start_with_zero() {
    let text = Metrics::new().render();
    for name in
        ["double_charge", "lost_payment", "phantom", "refund_bound", "monotone_status", "ack_before_commit"]
    {
        assert!(has(&text, &format!("wxpay_invariant_violations{{name=\"{name}\"}} 0")), "{name}\n{text}");
    }
    for result in ["accepted", "duplicate", "forged", "stale", "misdirected", "probe", "unreadable", "failed"]
    {
        assert!(has(&text, &format!("wxpay_notifications_total{{result=\"{result}\"}} 0")), "{result}");
    }
}

#[test]
fn every_family_has_a_help_text_and_the_prefix() {
    let text = recorded().render();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut count = 0;
    for family in types {
        let name = family.split(' ').next().unwrap();
        assert!(name.starts_with("wxpay_"), "{name}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        count += 1;
    }
    assert_eq!(count, 21);
}

#[test]
fn values_of_one_label_are_distinct() {
    fn distinct<L: Label>() {
        let values: std::collections::BTreeSet<_> = L::ALL.iter().map(|value| value.label()).collect();
        assert_eq!(values.len(), L::ALL.len(), "{}", L::NAME);
    }
    distinct::<StatusClass>();
    distinct::<PaidSource>();
    distinct::<NotificationResult>();
    distinct::<GatewayFate>();
    distinct::<DeliveryOutcome>();
    distinct::<TaskKind>();
    distinct::<TokenSource>();
    distinct::<Invariant>();
}

/// Returns the names of the series of every family, with their suffixes.
fn series_names() -> std::collections::BTreeSet<String> {
    let text = recorded().render();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.flat_map(|family| {
        let (name, kind) = family.split_once(' ').unwrap();
        let suffixes: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            "gauge" => &[""],
            other => panic!("{other}"),
        };
        suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
    });
    names.collect()
}

#[test]
fn alert_rules_and_dashboard_use_series_that_exist_with_labels_that_exist() {
    let names = series_names();
    let text = recorded().render();
    for (file, content, least) in [
        ("alerts.yml", include_str!("../../../deploy/alerts.yml"), 10),
        ("dashboard.json", include_str!("../../../deploy/dashboard.json"), 15),
    ] {
        let is_of_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let mut used = std::collections::BTreeSet::new();
        for (at, _) in content.match_indices("wxpay_") {
            let name: String =
                content.get(at..).unwrap().chars().take_while(|letter| is_of_name(*letter)).collect();
            assert!(names.contains(&name), "{file} uses {name}, which does not exist");
            used.insert(name);
        }
        assert!(used.len() >= least, "{file} uses {used:?}");
    }
    // The values that rules select.
    for value in
        ["query", "forged", "stale", "misdirected", "unreadable", "failed", "exhausted", "disabled", "5xx"]
    {
        let all = [
            PaidSource::ALL.iter().map(|label| label.label()).collect::<Vec<_>>(),
            NotificationResult::ALL.iter().map(|label| label.label()).collect(),
            DeliveryOutcome::ALL.iter().map(|label| label.label()).collect(),
            StatusClass::ALL.iter().map(|label| label.label()).collect(),
        ];
        assert!(all.concat().contains(&value), "{value}\n{text}");
        assert!(include_str!("../../../deploy/alerts.yml").contains(value), "{value}");
    }
    assert!(crate::api::routes::TABLE.routes().any(|route| route.id == "get_readiness"));
}
