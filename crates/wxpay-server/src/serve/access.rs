//! The access log: one line per request, at its end.

use super::{body::Body, request_id::RequestId};
use crate::observe::log::RateLimitedLog;
use bytes::Bytes;
use hyper::{
    Method, Request, StatusCode,
    body::{Body as HttpBody, Frame, SizeHint},
};
use std::{
    convert::Infallible,
    fmt,
    fmt::Write as _,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::Instant;

/// Limit of the logged path, in bytes.
const MAX_PATH: usize = 256;
/// Prefixes of secrets that a client may put into a path by mistake.
const SECRET_PREFIXES: [&str; 2] = ["wxk_", "whsec_"];

/// The template of the route that answered, such as `/api/orders/{out_trade_no}`. A service adds it to the extensions of
/// its response, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route(pub(crate) &'static str);

/// A request that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) struct Exchange {
    pub(crate) method: StandardMethod,
    /// `None` if the service named no route.
    pub(crate) route: Option<Route>,
    /// `None` if the client left before the response.
    pub(crate) status: Option<StatusCode>,
    /// Time to the end of the response.
    pub(crate) duration: Duration,
    /// Bytes of the response's body.
    pub(crate) bytes: u64,
}

/// A method of the closed set that labels of metrics are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandardMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Other,
}

/// A callback for each request that has ended.
#[derive(Clone)]
pub(crate) struct Observer(Arc<dyn Fn(&Exchange) + Send + Sync>);

impl Observer {
    pub(crate) fn new(observe: impl Fn(&Exchange) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }
}

impl Default for Observer {
    /// Returns an observer that ignores all requests.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

impl From<&Method> for StandardMethod {
    fn from(method: &Method) -> Self {
        match method.as_str() {
            "GET" | "HEAD" => Self::Get,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => Self::Other,
        }
    }
}

/// A request in progress. Writes its line when it is dropped, so that a request whose client leaves has one too.
#[derive(Debug)]
pub(super) struct Access {
    method: Method,
    path: String,
    id: RequestId,
    remote: SocketAddr,
    started: Instant,
    status: Option<StatusCode>,
    route: Option<Route>,
    bytes: u64,
    errors: RateLimitedLog,
    observer: Observer,
}

impl Access {
    pub(super) fn begin<B>(
        request: &Request<B>,
        id: RequestId,
        remote: SocketAddr,
        errors: RateLimitedLog,
        observer: Observer,
    ) -> Self {
        Self {
            method: request.method().clone(),
            path: shown_path(request.uri().path()),
            id,
            remote,
            started: Instant::now(),
            status: None,
            route: None,
            bytes: 0,
            errors,
            observer,
        }
    }

    pub(super) fn responded(&mut self, status: StatusCode, route: Option<Route>) {
        self.status = Some(status);
        self.route = route;
    }

    /// Returns the kind by which lines are limited; `None` for successes, which are not.
    fn limited_kind(&self) -> Option<&'static str> {
        match self.status.map(|status| status.as_u16()) {
            None => Some("access_aborted"),
            Some(401 | 403) => Some("access_unauthorized"),
            Some(400..=499) => Some("access_4xx"),
            Some(500..) => Some("access_5xx"),
            Some(_) => None,
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        (self.observer.0)(&Exchange {
            method: (&self.method).into(),
            route: self.route,
            status: self.status,
            duration,
            bytes: self.bytes,
        });
        if !self.limited_kind().is_none_or(|kind| self.errors.permits(kind)) {
            return;
        }
        let status = self.status.map(|status| status.as_u16());
        // Monitoring asks every few seconds; its successes would drown the rest.
        let is_routine =
            matches!(self.path.as_str(), "/livez" | "/readyz" | "/metrics") && status == Some(200);
        let (method, path, id) = (self.method.as_str(), self.path.as_str(), self.id.as_str());
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "wxpay_server::access",
                    $level,
                    method,
                    path,
                    status,
                    duration_ms,
                    bytes = self.bytes,
                    request_id = id,
                    remote = %self.remote,
                )
            };
        }
        if is_routine {
            line!(tracing::Level::DEBUG);
        } else {
            line!(tracing::Level::INFO);
        }
    }
}

/// Returns the path for the log: bounded, without control characters, and without secrets.
fn shown_path(path: &str) -> String {
    let mut shown = String::new();
    for (index, segment) in path.split('/').enumerate() {
        if shown.len() >= MAX_PATH {
            shown.push('…');
            return shown;
        }
        if index > 0 {
            shown.push('/');
        }
        if SECRET_PREFIXES.iter().any(|prefix| segment.contains(prefix)) {
            shown.push_str("***");
            continue;
        }
        for char in segment.chars() {
            if shown.len() >= MAX_PATH {
                shown.push('…');
                return shown;
            }
            if char.is_control() {
                // Writing to a string does not fail.
                _ = write!(shown, "{}", char.escape_default());
            } else {
                shown.push(char);
            }
        }
    }
    shown
}

/// A body that counts its bytes and keeps the [`Access`] until its end.
#[derive(Debug)]
pub(super) struct LoggedBody {
    body: Body,
    access: Access,
}

impl LoggedBody {
    pub(super) fn new(body: Body, access: Access) -> Self {
        Self { body, access }
    }
}

impl HttpBody for LoggedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let length = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref);
        let length = length.map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        self.access.bytes = self.access.bytes.saturating_add(length);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_bounded_and_without_secrets() {
        assert_eq!(shown_path("/api/orders/A1"), "/api/orders/A1");
        assert_eq!(shown_path("/api/wxk_0123456789/x"), "/api/***/x");
        assert_eq!(shown_path("/api/x-whsec_abc"), "/api/***");
        assert_eq!(shown_path("/a\u{85}b"), "/a\\u{85}b");
        let long = shown_path(&format!("/{}", "支".repeat(1000)));
        assert!(long.len() <= MAX_PATH + 8 && long.ends_with('…'), "{long}");
        assert_eq!(shown_path("*"), "*");
        assert!(shown_path(&"/".repeat(40_000)).len() <= MAX_PATH + 8);
    }
}
