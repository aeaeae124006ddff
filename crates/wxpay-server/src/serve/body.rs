//! The bodies of requests and responses.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use std::{
    convert::Infallible,
    error, fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Memory for the bodies of all requests that are in flight.
const MAX_BYTES_IN_FLIGHT: usize = 64 * 1024 * 1024;

/// The body of a response: all its bytes, or a stream of them.
#[derive(Debug)]
pub(crate) struct Body(Source);

#[derive(Debug)]
enum Source {
    Full(Bytes),
    Stream(mpsc::Receiver<Bytes>),
}

/// The sending end of a streamed body. The body ends when it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct BodySender(mpsc::Sender<Bytes>);

/// The client is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disconnected;

impl Body {
    /// Returns a body without bytes.
    pub(crate) fn empty() -> Self {
        Self(Source::Full(Bytes::new()))
    }

    /// Returns a streamed body and its sender. At most `capacity` chunks wait for the client.
    pub(crate) fn stream(capacity: usize) -> (BodySender, Self) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        (BodySender(sender), Self(Source::Stream(receiver)))
    }
}

impl BodySender {
    /// Sends a chunk. Waits while the client does not read.
    ///
    /// # Errors
    ///
    /// If the client is gone.
    pub(crate) async fn send(&self, chunk: Bytes) -> Result<(), Disconnected> {
        self.0.send(chunk).await.map_err(|_| Disconnected)
    }

    /// Waits until the client is gone.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        Self(Source::Full(bytes.into()))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match &mut self.0 {
            Source::Full(bytes) if bytes.is_empty() => None,
            Source::Full(bytes) => Some(std::mem::take(bytes)),
            Source::Stream(receiver) => std::task::ready!(receiver.poll_recv(cx)),
        };
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Source::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Full(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Source::Stream(_) => SizeHint::default(),
        }
    }
}

/// The body of a request, not yet read. See [`read_body`].
pub(crate) struct RequestBody {
    body: Unread,
    budget: BodyBudget,
}

enum Unread {
    Incoming(Incoming),
    Full(http_body_util::Full<Bytes>),
}

/// The memory for the bodies of all requests that are in flight. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    pub(super) fn body(&self, incoming: Incoming) -> RequestBody {
        RequestBody { body: Unread::Incoming(incoming), budget: self.clone() }
    }
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self::new(MAX_BYTES_IN_FLIGHT)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}

impl<B: Into<Bytes>> From<B> for RequestBody {
    /// Returns a body of these bytes, for requests that do not come from a socket.
    fn from(bytes: B) -> Self {
        let bytes = bytes.into();
        let budget = BodyBudget::new(bytes.len());
        Self { body: Unread::Full(bytes.into()), budget }
    }
}

/// The reason why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// The body is longer than the limit, in bytes.
    TooLarge { limit: usize },
    /// The body did not arrive in time.
    TimedOut,
    /// The bodies of other requests occupy all memory for bodies.
    Overloaded,
    /// The body ended early, or is not valid HTTP.
    Broken,
}

impl BodyError {
    /// Returns the status of the response.
    #[cfg(test)]
    pub(crate) fn status(self) -> hyper::StatusCode {
        use hyper::StatusCode;
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "the body of the request exceeds {limit} bytes"),
            Self::TimedOut => f.write_str("the body of the request did not arrive in time"),
            Self::Overloaded => f.write_str("too many requests are being received; retry later"),
            Self::Broken => f.write_str("the body of the request ended early or is not valid HTTP"),
        }
    }
}

impl error::Error for BodyError {}

/// Bytes that occupy the budget until they are dropped.
struct Counted {
    bytes: Vec<u8>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Counted {
    /// Occupies the budget for the bytes that arrived, not for those that were announced: a slow request occupies
    /// little. Never waits for memory: requests that wait for each other would all time out.
    fn push(&mut self, chunk: &[u8], budget: &BodyBudget) -> Result<(), BodyError> {
        let count = u32::try_from(chunk.len()).map_err(|_| BodyError::Overloaded)?;
        let permit = Arc::clone(&budget.0).try_acquire_many_owned(count);
        let permit = permit.map_err(|_| BodyError::Overloaded)?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the body of a request, of at most `limit` bytes, within `timeout`. The bytes occupy the memory for bodies until
/// the last clone of them is dropped.
///
/// # Errors
///
/// See [`BodyError`]. A body that announces more than the limit is refused unread.
pub(crate) async fn read_body(
    body: RequestBody,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, BodyError> {
    let RequestBody { body, budget } = body;
    let reading = async {
        match body {
            Unread::Incoming(incoming) => read(incoming, limit, &budget).await,
            Unread::Full(full) => read(full, limit, &budget).await,
        }
    };
    tokio::time::timeout(timeout, reading).await.unwrap_or(Err(BodyError::TimedOut))
}

async fn read<B: HttpBody<Data = Bytes> + Unpin>(
    mut body: B,
    limit: usize,
    budget: &BodyBudget,
) -> Result<Bytes, BodyError> {
    let too_large = BodyError::TooLarge { limit };
    let announced = usize::try_from(body.size_hint().lower()).map_err(|_| too_large)?;
    if announced > limit {
        return Err(too_large);
    }
    let mut received = Counted { bytes: Vec::new(), permit: None };
    while let Some(frame) = body.frame().await {
        // Trailers carry nothing that the server uses.
        let Ok(chunk) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if received.bytes.len().saturating_add(chunk.len()) > limit {
            return Err(too_large);
        }
        received.push(&chunk, budget)?;
    }
    Ok(Bytes::from_owner(received))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_read_and_one_more_byte_is_too_large() {
        assert_eq!(read_body("12345".into(), 5, SECOND).await.unwrap(), "12345");
        let error = read_body("123456".into(), 5, SECOND).await.unwrap_err();
        assert_eq!(error, BodyError::TooLarge { limit: 5 });
        assert_eq!(error.status(), hyper::StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(read_body("".into(), 0, SECOND).await.unwrap(), "");
    }

    #[tokio::test]
    async fn bodies_occupy_the_budget_until_their_bytes_are_dropped() {
        let budget = BodyBudget::new(8);
        let of = |bytes: &'static str| RequestBody { budget: budget.clone(), ..RequestBody::from(bytes) };
        let first = read_body(of("12345"), 8, SECOND).await.unwrap();
        let clone = first.clone();
        assert_eq!(read_body(of("6789"), 8, SECOND).await, Err(BodyError::Overloaded));
        drop(first);
        assert_eq!(read_body(of("6789"), 8, SECOND).await, Err(BodyError::Overloaded));
        drop(clone);
        assert_eq!(read_body(of("6789"), 8, SECOND).await.unwrap(), "6789");
    }

    #[tokio::test]
    async fn a_streamed_body_ends_with_its_sender_and_the_sender_learns_of_a_lost_client() {
        let (sender, mut body) = Body::stream(1);
        sender.send("one".into()).await.unwrap();
        assert!(!body.is_end_stream());
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
        drop(sender);
        assert!(body.frame().await.is_none());
        let (sender, body) = Body::stream(1);
        drop(body);
        sender.closed().await;
        assert_eq!(sender.send("two".into()).await, Err(Disconnected));
    }

    #[tokio::test]
    async fn a_full_body_has_an_exact_size_and_one_frame() {
        let mut body = Body::from("{}");
        assert_eq!(body.size_hint().exact(), Some(2));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "{}");
        assert!(body.is_end_stream() && body.frame().await.is_none());
        assert!(Body::empty().is_end_stream());
    }
}
