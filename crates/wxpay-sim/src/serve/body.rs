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
use tokio::time::{Sleep, sleep};

/// Delay before a truncated body breaks the connection, so that the bytes already written are sent.
const FLUSH_DELAY: Duration = Duration::from_millis(20);

/// Interval between the chunks of a slow body.
const CHUNK_INTERVAL: Duration = Duration::from_millis(100);

/// Error that makes hyper break the connection, because of an injected fault.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection broken by an injected fault")
    }
}

impl std::error::Error for Broken {}

/// A response body. Its `Content-Length` is the complete length, even if it is truncated.
#[derive(Debug)]
pub(super) struct Body {
    rest: Bytes,
    length: usize,
    end: Delivery,
}

/// Delivery of the bytes of a body.
#[derive(Debug)]
enum Delivery {
    /// All at once.
    Whole,
    /// All at once, and then an error after a delay.
    Breaks(Pin<Box<Sleep>>),
    /// A number of bytes at each interval.
    Trickles(usize, Pin<Box<Sleep>>),
}

impl Body {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { length: bytes.len(), rest: bytes, end: Delivery::Whole }
    }

    pub(super) fn truncated(whole: &Bytes, bytes: usize) -> Self {
        let rest = whole.slice(..bytes.min(whole.len()));
        Self { length: whole.len(), rest, end: Delivery::Breaks(Box::pin(sleep(FLUSH_DELAY))) }
    }

    pub(super) fn throttled(bytes: Bytes, bytes_per_second: u32) -> Self {
        let rate = Duration::from_secs(1).as_millis().checked_div(CHUNK_INTERVAL.as_millis()).unwrap_or(1);
        let part = u128::from(bytes_per_second).div_ceil(rate.max(1)).max(1);
        let part = usize::try_from(part).unwrap_or(usize::MAX);
        Self {
            length: bytes.len(),
            rest: bytes,
            end: Delivery::Trickles(part, Box::pin(sleep(CHUNK_INTERVAL))),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Self { rest, end, .. } = &mut *self;
        let part = match end {
            Delivery::Trickles(part, beat) if !rest.is_empty() => {
                if beat.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                beat.set(sleep(CHUNK_INTERVAL));
                (*part).min(rest.len())
            }
            Delivery::Breaks(grace) if rest.is_empty() => {
                return grace.as_mut().poll(context).map(|()| Some(Err(Broken)));
            }
            Delivery::Whole | Delivery::Breaks(_) | Delivery::Trickles(..) => rest.len(),
        };
        let part = rest.split_to(part);
        Poll::Ready((!part.is_empty()).then_some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        !matches!(self.end, Delivery::Breaks(_)) && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.length).unwrap_or(u64::MAX))
    }
}
