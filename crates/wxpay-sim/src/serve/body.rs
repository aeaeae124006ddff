//! Response bodies: complete, truncated, or slow.

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::{
    fmt,
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Sleep, sleep},
};

/// Delay before a truncated body breaks the connection, so that the bytes already written are sent.
const FLUSH_DELAY: Duration = Duration::from_millis(20);

/// Interval between the chunks of a slow body.
const CHUNK_INTERVAL: Duration = Duration::from_millis(100);

/// Error that makes hyper break the connection, because of an injected fault.
#[derive(Debug)]
pub(super) struct ConnectionBroken;

impl fmt::Display for ConnectionBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection broken by an injected fault")
    }
}

impl std::error::Error for ConnectionBroken {}

/// A response body. Its `Content-Length` is the complete length, even if it is truncated.
#[derive(Debug)]
pub(super) struct Body {
    rest: Bytes,
    length: usize,
    transmission: Transmission,
}

/// Transmission of the bytes of a body.
#[derive(Debug)]
enum Transmission {
    /// All at once.
    Whole,
    /// All at once, and then an error after a delay.
    Truncated(Pin<Box<Sleep>>),
    /// A number of bytes at each interval.
    Throttled(usize, Pin<Box<Sleep>>),
    /// Events, as they come, until the sender is dropped.
    Events(mpsc::Receiver<Bytes>),
}

impl Body {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { length: bytes.len(), rest: bytes, transmission: Transmission::Whole }
    }

    pub(super) fn truncated(whole: &Bytes, bytes: usize) -> Self {
        let rest = whole.slice(..bytes.min(whole.len()));
        Self {
            length: whole.len(),
            rest,
            transmission: Transmission::Truncated(Box::pin(sleep(FLUSH_DELAY))),
        }
    }

    /// A stream of events. Its length is not known.
    pub(super) fn events(events: mpsc::Receiver<Bytes>) -> Self {
        Self { rest: Bytes::new(), length: 0, transmission: Transmission::Events(events) }
    }

    pub(super) fn throttled(bytes: Bytes, bytes_per_second: u32) -> Self {
        let rate = Duration::from_secs(1).as_millis().checked_div(CHUNK_INTERVAL.as_millis()).unwrap_or(1);
        let chunk = u128::from(bytes_per_second).div_ceil(rate.max(1)).max(1);
        let chunk = usize::try_from(chunk).unwrap_or(usize::MAX);
        Self {
            length: bytes.len(),
            rest: bytes,
            transmission: Transmission::Throttled(chunk, Box::pin(sleep(CHUNK_INTERVAL))),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = ConnectionBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ConnectionBroken>>> {
        let Self { rest, transmission, .. } = &mut *self;
        let chunk = match transmission {
            Transmission::Throttled(chunk, timer) if !rest.is_empty() => {
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                timer.set(sleep(CHUNK_INTERVAL));
                (*chunk).min(rest.len())
            }
            Transmission::Truncated(timer) if rest.is_empty() => {
                return timer.as_mut().poll(context).map(|()| Some(Err(ConnectionBroken)));
            }
            Transmission::Events(events) => {
                return events.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(event))));
            }
            Transmission::Whole | Transmission::Truncated(_) | Transmission::Throttled(..) => rest.len(),
        };
        let chunk = rest.split_to(chunk);
        Poll::Ready((!chunk.is_empty()).then_some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        !matches!(self.transmission, Transmission::Truncated(_) | Transmission::Events(_))
            && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if matches!(self.transmission, Transmission::Events(_)) {
            return SizeHint::new();
        }
        SizeHint::with_exact(u64::try_from(self.length).unwrap_or(u64::MAX))
    }
}
