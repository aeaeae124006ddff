//! Request ids, the access log and the observer.

use super::*;
use std::{
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// A subscriber that keeps the lines of the access log and of suppressed lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there are this many lines.
    async fn wait(&self, count: usize) -> Vec<String> {
        for _ in 0..500 {
            if self.all().len() >= count {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.all()
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("wxpay_server")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "wxpay_server::access" {
            let mut text = Text(event.metadata().level().to_string());
            event.record(&mut text);
            self.0.lock().unwrap().push(text.0);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn each_request_has_one_line_without_its_query_and_with_its_id() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let server = TestServer::start(Options::default());
    let request = "GET /api/orders/A1?key=topsecret HTTP/1.1\r\nrequest-id: my-id.1\r\n\
        authorization: Bearer wxk_topsecret\r\nconnection: close\r\n\r\n";
    let answer = server.exchange(request).await;
    assert!(answer.contains("\r\nrequest-id: my-id.1\r\n"), "{answer}");
    let logged = lines.wait(1).await;
    assert_eq!(logged.len(), 1, "{logged:?}");
    let line = &logged[0];
    for part in [
        "INFO",
        "method=\"GET\"",
        "path=\"/api/orders/A1\"",
        "status=200",
        "duration_ms=",
        "bytes=2",
        "request_id=\"my-id.1\"",
        "remote=127.0.0.1:",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(!line.contains("topsecret"), "{line}");
}

#[tokio::test]
async fn an_invalid_request_id_is_replaced_and_monitoring_is_logged_at_debug_level() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let server = TestServer::start(Options::default());
    let answer = server.exchange("GET /livez HTTP/1.1\r\nrequest-id: a b\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("\r\nrequest-id: req_"), "{answer}");
    let logged = lines.wait(1).await;
    assert!(logged.len() == 1 && logged[0].starts_with("DEBUG"), "{logged:?}");
}

#[tokio::test]
async fn lines_of_failures_are_limited_and_those_of_successes_are_not() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let forged = |_: Request| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = hyper::StatusCode::UNAUTHORIZED;
        std::future::ready(response)
    };
    let options = Options { failures_logged_per_minute: 3, ..Options::default() };
    let server = TestServer::with(options, forged, Observer::default());
    let mut requests = "POST /notify/shop1/payment HTTP/1.1\r\ncontent-length: 0\r\n\r\n".repeat(49);
    requests
        .push_str("POST /notify/shop1/payment HTTP/1.1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let answer = server.exchange(requests).await;
    assert_eq!(answer.matches("HTTP/1.1 401").count(), 50);
    assert_eq!(lines.all().len(), 3, "{:?}", lines.all());
    let server = TestServer::start(options);
    for _ in 0..10 {
        assert_eq!(status(&server.get("/").await), 200);
    }
    assert_eq!(lines.wait(13).await.len(), 13);
}

#[tokio::test]
async fn the_observer_is_called_for_answered_and_for_aborted_requests() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let observer = Observer::new(move |exchange: &Exchange| sink.lock().unwrap().push(*exchange));
    let server = TestServer::with(Options::default(), answer, observer);
    assert_eq!(status(&server.get("/").await), 200);
    let mut stream = server.connect().await;
    stream.write_all(b"GET /hang HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    drop(stream);
    for _ in 0..500 {
        if seen.lock().unwrap().len() == 2 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(
        (seen[0].route, seen[0].status.unwrap().as_u16(), seen[0].bytes),
        (Some(Route("/route")), 200, 2)
    );
    assert_eq!((seen[1].route, seen[1].status), (None, None));
}
