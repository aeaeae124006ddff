//! A reply's body, whole or broken off.

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

/// Time for what was written to leave before the connection breaks.
const GRACE: Duration = Duration::from_millis(20);

/// The connection breaks here, because it was asked to.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection breaks here")
    }
}

impl std::error::Error for Broken {}

/// Announces its whole length; gives the whole, or a part and then an error.
#[derive(Debug)]
pub(super) struct Body {
    rest: Option<Bytes>,
    length: usize,
    breaks: Option<Pin<Box<Sleep>>>,
}

impl Body {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { length: bytes.len(), rest: Some(bytes), breaks: None }
    }

    pub(super) fn cut(whole: &Bytes, bytes: usize) -> Self {
        let part = whole.slice(..bytes.min(whole.len()));
        Self { length: whole.len(), rest: Some(part), breaks: Some(Box::pin(sleep(GRACE))) }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(bytes) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.breaks.as_mut() {
            None => Poll::Ready(None),
            Some(grace) => grace.as_mut().poll(context).map(|()| Some(Err(Broken))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.breaks.is_none() && self.rest.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.length).unwrap_or(u64::MAX))
    }
}
