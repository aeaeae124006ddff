//! The log: one entry for each request and each delivery, for a console.
//!
//! Entries go through a bounded channel. The server never waits for its reader: when the channel is full, entries are
//! dropped and counted.

use super::{Stopwatch, real_now};
use crate::{
    gateway::RequestRecord,
    notifications::{Attempt, Delivery, NotificationRecord, NotificationState},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;
use wxpay_proto::UnixTime;

/// The writing end of a log, which the server keeps.
#[derive(Clone, Debug)]
pub struct Log {
    sender: mpsc::Sender<Entry>,
    dropped: Arc<AtomicU64>,
}

/// The reading end of a log. It ends when the server does.
#[derive(Debug)]
pub struct Entries {
    receiver: mpsc::Receiver<Entry>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Creates a log that holds at most this many entries, at least one.
    pub fn bounded(capacity: usize) -> (Self, Entries) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let dropped = Arc::new(AtomicU64::new(0));
        (Self { sender, dropped: Arc::clone(&dropped) }, Entries { receiver, dropped })
    }

    /// Adds an entry, or counts it as dropped if there is no room.
    fn add(&self, entry: Entry) {
        if self.sender.try_send(entry).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Entries {
    /// Waits for the next entry. Returns `None` after the last one.
    pub async fn next(&mut self) -> Option<Entry> {
        self.receiver.recv().await
    }

    /// Waits for the next entry, on a thread that runs no asynchronous tasks. Returns `None` after the last one.
    ///
    /// # Panics
    ///
    /// If it is called by an asynchronous task.
    pub fn blocking_next(&mut self) -> Option<Entry> {
        self.receiver.blocking_recv()
    }

    /// Returns the number of entries dropped since the last call.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

/// An entry of the log. It contains no secrets, headers, bodies or query strings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// A request of a merchant's program to the gateway.
    Request(RequestEntry),
    /// A request to the control interface.
    Control(ControlEntry),
    /// A delivery of a notification to a merchant's program.
    Delivery(DeliveryEntry),
}

/// A request to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestEntry {
    /// The real time of the request.
    pub time: UnixTime,
    /// The time from the head of the request to the head of the reply, or to the injected loss of the connection.
    pub duration: Duration,
    /// The request. Its target has no query here.
    pub record: RequestRecord,
}

/// A request to the control interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControlEntry {
    /// The real time of the request.
    pub time: UnixTime,
    /// The time from the head of the request to the head of the response.
    pub duration: Duration,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// The reason of a refusal.
    pub reason: Option<String>,
}

/// A delivery of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryEntry {
    /// The real time of the delivery.
    pub time: UnixTime,
    /// The time from the connection to the end of the response.
    pub duration: Duration,
    /// The URL without user information, query and fragment.
    pub url: String,
    /// The merchant's number; in APIv1 its `partner`.
    pub mchid: String,
    /// The order's number, or the merchant's number of the subject if the notification is not about an order.
    pub out_trade_no: String,
    /// The event type; `None` in APIv1.
    pub event_type: Option<&'static str>,
    /// The number of the delivery among those of the notification, from 1.
    pub number: usize,
    /// The delivery's result, status and reason.
    pub attempt: Attempt,
    /// The state of the notification after the delivery.
    pub state: NotificationState,
    /// The business time until the next delivery.
    pub next_in: Option<Duration>,
}

impl DeliveryEntry {
    /// Creates the entry of a delivery whose result has been recorded.
    pub(super) fn new(
        delivery: &Delivery,
        after: NotificationRecord,
        timed: (UnixTime, Duration),
        now: UnixTime,
    ) -> Option<Self> {
        let index = after.deliveries.iter().position(|attempt| attempt.id == Some(delivery.id()))?;
        let next_in =
            after.next_at.map(|at| UnixTime::from_secs(at).since(UnixTime::from_secs(now.as_secs())));
        let attempt = after.deliveries.into_iter().nth(index)?;
        Some(Self {
            time: timed.0,
            duration: timed.1,
            url: without_secrets(delivery.url()),
            mchid: after.mchid,
            out_trade_no: after.out_trade_no,
            event_type: after.event_type,
            number: index.saturating_add(1),
            attempt,
            state: after.state,
            next_in,
        })
    }
}

/// Returns a URL without user information, query and fragment.
fn without_secrets(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (scheme, rest) = url.get(..end).and_then(|url| url.split_once("://")).unwrap_or_default();
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// An entry that is added to the log when the guard is dropped: also if the client disconnects before the reply.
pub(super) struct Pending {
    log: Option<Log>,
    stopwatch: Stopwatch,
    time: UnixTime,
    kind: Option<PendingKind>,
}

enum PendingKind {
    Request(RequestRecord),
    Control { method: String, path: String, status: u16, reason: Option<String> },
}

impl Pending {
    pub(super) fn new(log: Option<&Log>) -> Self {
        Self { log: log.cloned(), stopwatch: Stopwatch::start(), time: real_now(), kind: None }
    }

    pub(super) const fn is_needed(&self) -> bool {
        self.log.is_some()
    }

    pub(super) fn request(&mut self, mut record: RequestRecord) {
        let end = record.target.find('?').unwrap_or(record.target.len());
        record.target.truncate(end);
        self.kind = Some(PendingKind::Request(record));
    }

    pub(super) fn control(&mut self, (method, path): (&str, &str), status: u16, reason: Option<&str>) {
        let (method, path, reason) = (method.into(), path.into(), reason.map(String::from));
        self.kind = Some(PendingKind::Control { method, path, status, reason });
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let (Some(log), Some(kind)) = (&self.log, self.kind.take()) else { return };
        let (time, duration) = (self.time, self.stopwatch.elapsed());
        log.add(match kind {
            PendingKind::Request(record) => Entry::Request(RequestEntry { time, duration, record }),
            PendingKind::Control { method, path, status, reason } => {
                Entry::Control(ControlEntry { time, duration, method, path, status, reason })
            }
        });
    }
}

impl Log {
    /// Adds the entry of a delivery.
    pub(super) fn add_delivery(&self, entry: DeliveryEntry) {
        self.add(Entry::Delivery(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("http://shop.example/n?sign=1", "http://shop.example/n"),
            ("https://user:secret@shop.example:444/a@b#x", "https://shop.example:444/a@b"),
            ("http://shop.example", "http://shop.example"),
            ("nonsense?secret", "://"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn full_log_drops_entries_and_counts_them() {
        let (log, mut entries) = Log::bounded(2);
        for status in 200..205 {
            Pending::new(Some(&log)).control(("GET", "/_sim/v1/clock"), status, None);
        }
        assert_eq!((entries.take_dropped(), entries.take_dropped()), (3, 0));
        drop(log);
        let mut statuses = Vec::new();
        while let Some(Entry::Control(entry)) = entries.blocking_next() {
            statuses.push(entry.status);
        }
        assert_eq!(statuses, [200, 201]);
    }
}
