//! The stream of events: server-sent events after a cursor.

use super::{
    body::event_json,
    events::{EventPosition, last_position, read_events},
    filter::EventFilter,
    numbered_again,
    stream::{KEEP_ALIVE, encode_event, encode_reconnection_time},
};
use crate::{
    engine::{Ledger, LedgerError},
    serve::{BodySender, Shutdown},
};
use bytes::Bytes;
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// The events that one read returns at most.
const PAGE: usize = 64;

/// The length of a chunk beyond which no event is added to it.
const MAX_CHUNK_BYTES: usize = 128 * 1024;

/// The time without an event after which a comment is sent.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// The interval at which the log is read without a wake-up: another process may number events.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The time after which a client reconnects.
const RECONNECTION_TIME: Duration = Duration::from_secs(3);

/// A client's stream of events. It holds no events: a client that reads slowly is read to slowly.
#[derive(Debug)]
pub(crate) struct Subscription {
    ledger: Ledger,
    filter: EventFilter,
    position: EventPosition,
    numbered: watch::Receiver<u64>,
    shutdown: Shutdown,
    /// The cursor of a position, as `Last-Event-ID` will hold it.
    encode_cursor: fn(EventPosition) -> String,
    has_begun: bool,
    keep_alive_at: Instant,
}

impl Subscription {
    /// Creates a stream of the events after a position, or of those from now on.
    ///
    /// # Errors
    ///
    /// If the end of the log cannot be read.
    pub(crate) async fn begin(
        ledger: Ledger,
        filter: EventFilter,
        after: Option<EventPosition>,
        numbered: watch::Receiver<u64>,
        shutdown: Shutdown,
        encode_cursor: fn(EventPosition) -> String,
    ) -> Result<Self, LedgerError> {
        let position = match after {
            Some(after) => after,
            None => last_position(&ledger).await?,
        };
        Ok(Self {
            ledger,
            filter,
            position,
            numbered,
            shutdown,
            encode_cursor,
            has_begun: false,
            keep_alive_at: Instant::now(),
        })
    }

    /// Waits for the next chunk: events, or a comment after 15 s without any. `None` at the shutdown, and if the ledger
    /// fails; the client reconnects then.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if !self.has_begun {
            self.has_begun = true;
            self.sent();
            return Some(encode_reconnection_time(RECONNECTION_TIME).into());
        }
        loop {
            if self.shutdown.has_started() {
                return None;
            }
            self.numbered.mark_unchanged();
            let (chunk, is_at_end) = match self.read().await {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends: the ledger failed");
                    return None;
                }
            };
            if !chunk.is_empty() {
                self.sent();
                return Some(chunk.into());
            }
            let now = Instant::now();
            if now >= self.keep_alive_at {
                self.sent();
                return Some(Bytes::from_static(KEEP_ALIVE.as_bytes()));
            }
            if !is_at_end {
                tokio::task::yield_now().await;
                continue;
            }
            let poll_at = now.checked_add(POLL_INTERVAL).unwrap_or(now).min(self.keep_alive_at);
            tokio::select! {
                biased;
                () = self.shutdown.started() => return None,
                () = numbered_again(&mut self.numbered) => {}
                () = sleep_until(poll_at) => {}
            }
        }
    }

    /// Sends the stream until the client is gone, the server shuts down, or the ledger fails.
    pub(crate) async fn send_to(mut self, client: BodySender) {
        loop {
            let chunk = tokio::select! {
                biased;
                () = client.closed() => return,
                chunk = self.next() => chunk,
            };
            let Some(chunk) = chunk else { return };
            // A client that does not read is cut by the connection's write deadline, which closes the body.
            if client.send(chunk).await.is_err() {
                return;
            }
        }
    }

    fn sent(&mut self) {
        let now = Instant::now();
        self.keep_alive_at = now.checked_add(KEEP_ALIVE_INTERVAL).unwrap_or(now);
    }

    /// Returns the next events, encoded, and whether there are no more.
    async fn read(&mut self) -> Result<(String, bool), LedgerError> {
        let events = read_events(&self.ledger, self.position, PAGE).await?;
        let is_at_end = events.len() < PAGE;
        let mut chunk = String::new();
        for event in events {
            if chunk.len() >= MAX_CHUNK_BYTES {
                return Ok((chunk, false));
            }
            let position = EventPosition::of(&event);
            self.position = position;
            if !self.filter.matches(&event) {
                continue;
            }
            let cursor = (self.encode_cursor)(position);
            match encode_event(&cursor, event.event_type.as_str(), &event_json(&event)) {
                Ok(encoded) => chunk.push_str(&encoded),
                Err(error) => tracing::error!(event = %event.id, %error, "an event cannot be streamed"),
            }
        }
        Ok((chunk, is_at_end))
    }
}

#[cfg(test)]
mod tests;
