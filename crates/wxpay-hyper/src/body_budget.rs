//! The bodies of requests: each is read within a size limit and a deadline, and all of them within one budget.

use bytes::Buf as _;
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use std::{
    error,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::time::Instant;

pub(crate) type BoxError = Box<dyn error::Error + Send + Sync>;

/// The length up to which a body needs no budget. Genuine notifications have less than half.
pub(crate) const UNCOUNTED_BYTES: usize = 16 * 1024;

/// The memory for the long bodies of all notifications of a client that are in flight. Clones share it.
///
/// Nothing tells a forged request from a genuine one before its body is read, so whoever fills the budget could keep
/// genuine notifications out. Therefore the first [`UNCOUNTED_BYTES`] of each body are free: a server holds about as
/// much for a connection anyway, and limits the number of connections. A body occupies the bytes that were received,
/// not those that its `content-length` announces, so a slow request occupies little.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget {
    max_bytes: usize,
    used: Arc<AtomicUsize>,
}

/// The part of a budget that one body occupies, released when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: BodyBudget,
    bytes: usize,
}

impl BodyBudget {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, used: Arc::default() }
    }

    fn reserve_nothing(&self) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0 }
    }

    /// Reads a body. The reservation must live as long as the bytes.
    ///
    /// # Errors
    ///
    /// The HTTP status of the rejection: 413 beyond the size limit, 503 beyond the budget, 408 at the deadline, 400 if
    /// the body is truncated.
    pub(crate) async fn read<B>(
        &self,
        body: B,
        max_bytes: usize,
        deadline: Instant,
    ) -> Result<(Vec<u8>, Reservation), StatusCode>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let announced = announced_length(&body, max_bytes)?;
        // A body that cannot fit is refused unread. Nothing is reserved for it before it arrives.
        if !self.reserve_nothing().grow_to(announced) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let reading = self.reserve_nothing().fill(body, max_bytes);
        tokio::time::timeout_at(deadline, reading).await.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
    }
}

/// Returns the length that a body announces, at least.
///
/// # Errors
///
/// The status 413 if it exceeds the size limit.
pub(crate) fn announced_length(body: &impl Body, max_bytes: usize) -> Result<usize, StatusCode> {
    let announced = usize::try_from(body.size_hint().lower()).ok();
    announced.filter(|length| *length <= max_bytes).ok_or(StatusCode::PAYLOAD_TOO_LARGE)
}

impl Reservation {
    /// Reads the body and reserves its bytes as they arrive.
    async fn fill<B>(mut self, body: B, max_bytes: usize) -> Result<(Vec<u8>, Self), StatusCode>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let (mut body, mut received) = (pin!(body), Vec::new());
        while let Some(frame) = body.frame().await {
            let Ok(mut data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
            while data.has_remaining() {
                let chunk = data.chunk();
                let chunk_length = chunk.len();
                let length = received.len().saturating_add(chunk_length);
                if length > max_bytes {
                    return Err(StatusCode::PAYLOAD_TOO_LARGE);
                }
                if !self.grow_to(length) {
                    return Err(StatusCode::SERVICE_UNAVAILABLE);
                }
                received.extend_from_slice(chunk);
                data.advance(chunk_length);
            }
        }
        Ok((received, self))
    }

    /// Reserves what a body of this length occupies. Returns false if the budget is exhausted.
    fn grow_to(&mut self, length: usize) -> bool {
        let bytes = length.saturating_sub(UNCOUNTED_BYTES);
        let more = bytes.saturating_sub(self.bytes);
        let grow = |used: usize| used.checked_add(more).filter(|used| *used <= self.budget.max_bytes);
        let is_grown = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow).is_ok();
        if is_grown {
            self.bytes = bytes.max(self.bytes);
        }
        is_grown
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    fn used(budget: &BodyBudget) -> usize {
        budget.used.load(Ordering::Relaxed)
    }

    #[test]
    fn reservation_grows_to_the_budget_and_is_released() {
        let budget = BodyBudget::new(LIMIT);
        let mut reservation = budget.reserve_nothing();
        assert!(reservation.grow_to(UNCOUNTED_BYTES + 1));
        assert_eq!(used(&budget), 1);
        assert!(reservation.grow_to(UNCOUNTED_BYTES + LIMIT));
        assert!(!reservation.grow_to(UNCOUNTED_BYTES + LIMIT + 1));
        assert_eq!(used(&budget), LIMIT);
        drop(reservation);
        assert_eq!(used(&budget), 0);
        assert!(!budget.reserve_nothing().grow_to(UNCOUNTED_BYTES + LIMIT + 1));
        assert_eq!(used(&budget), 0, "a refused reservation must not occupy the budget");
    }

    #[test]
    fn short_bodies_need_no_budget() {
        let budget = BodyBudget::new(LIMIT);
        let mut long = budget.reserve_nothing();
        assert!(long.grow_to(UNCOUNTED_BYTES + LIMIT));
        assert!(budget.reserve_nothing().grow_to(UNCOUNTED_BYTES));
        assert!(!budget.reserve_nothing().grow_to(UNCOUNTED_BYTES + 1));
    }

    #[test]
    fn announced_length_is_limited() {
        let body = |length| http_body_util::Full::<bytes::Bytes>::from(vec![b' '; length]);
        assert_eq!(announced_length(&body(LIMIT), LIMIT), Ok(LIMIT));
        assert_eq!(announced_length(&body(LIMIT + 1), LIMIT), Err(StatusCode::PAYLOAD_TOO_LARGE));
    }
}
