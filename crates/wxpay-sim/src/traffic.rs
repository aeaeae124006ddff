//! The latest messages as bytes: requests with their replies, deliveries of notifications, and refused payment
//! parameters. The page shows them.
//!
//! They are kept in memory, in a ring of bounded size. Values of APIv1 that are secrets are left out.

use crate::{
    gateway::RequestRecord,
    notifications::{AttemptResult, NotificationRecord},
    payer::ParameterCause,
};
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;
use wxpay_proto::{UnixTime, id::NotifyId};

/// Maximum number of entries. The oldest is removed first.
const MAX_ENTRIES: usize = 300;

/// Maximum number of bytes that are kept of one body.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024;

/// Maximum number of bytes that are kept of one header's value.
const MAX_HEADER_BYTES: usize = 4 * 1024;

/// The beginning of a body, with its complete length in bytes.
#[derive(Clone, Default)]
pub(crate) struct KeptBody {
    pub(crate) bytes: Vec<u8>,
    pub(crate) length: usize,
}

impl KeptBody {
    pub(crate) fn new(body: &[u8]) -> Self {
        let end = body.len().min(MAX_BODY_BYTES);
        Self { bytes: body.get(..end).unwrap_or_default().to_vec(), length: body.len() }
    }

    /// Returns whether all bytes are kept.
    pub(crate) fn is_whole(&self) -> bool {
        self.bytes.len() == self.length
    }
}

/// A message: its first line without the version, its headers, and its body without content encoding.
#[derive(Clone, Default)]
pub(crate) struct Captured {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: KeptBody,
    /// The content encoding in which the body was sent, and its length in that encoding.
    pub(crate) encoding: Option<(&'static str, usize)>,
}

impl Captured {
    pub(crate) fn new<'a>(
        start: String,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
        body: &[u8],
    ) -> Self {
        let headers = headers.map(|(name, value)| {
            let value = value.get(..value.len().min(MAX_HEADER_BYTES)).unwrap_or_default();
            (String::from(name), String::from_utf8_lossy(value).into_owned())
        });
        Self { start, headers: headers.collect(), body: KeptBody::new(body), encoding: None }
    }

    /// Notes the content encoding in which the body was sent, and its length in that encoding.
    pub(crate) fn sent_as(self, encoding: &'static str, length: usize) -> Self {
        Self { encoding: Some((encoding, length)), ..self }
    }

    /// Returns a header. Case of the name is ignored.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Prints the length alone: a body may hold secrets.
impl fmt::Debug for KeptBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.length)
    }
}

/// Prints sizes alone: headers and bodies may hold secrets.
impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} headers and {:?}]", self.headers.len(), self.body)
    }
}

/// A request to the gateway, and its reply.
#[derive(Clone, Debug)]
pub(crate) struct RequestTraffic {
    pub(crate) record: RequestRecord,
    pub(crate) request: Captured,
    /// `None` if a fault dropped the connection.
    pub(crate) reply: Option<Captured>,
}

/// A delivery of a notification, and the merchant's response.
#[derive(Clone, Debug)]
pub(crate) struct DeliveryTraffic {
    pub(crate) url: String,
    /// The notification after the delivery; `None` if it was forgotten meanwhile.
    pub(crate) notification: Option<NotificationRecord>,
    pub(crate) out_trade_no: String,
    pub(crate) is_forged: bool,
    pub(crate) result: Option<AttemptResult>,
    pub(crate) reason: Option<String>,
    pub(crate) request: Captured,
    pub(crate) response: Option<(u16, KeptBody)>,
}

/// Payment parameters that the payer's client refused.
#[derive(Clone, Debug)]
pub(crate) struct RefusedParameters {
    pub(crate) reason: String,
    pub(crate) causes: Vec<ParameterCause>,
    pub(crate) parameters: KeptBody,
}

/// The kind of an entry.
#[derive(Clone, Debug)]
pub(crate) enum Traffic {
    Request(Box<RequestTraffic>),
    Delivery(Box<DeliveryTraffic>),
    Parameters(Box<RefusedParameters>),
}

/// An entry. `at` is business time.
#[derive(Debug)]
pub(crate) struct TrafficEntry {
    pub(crate) id: u64,
    pub(crate) at: UnixTime,
    /// The time of signatures, in seconds since 1970.
    pub(crate) wall: UnixTime,
    pub(crate) traffic: Traffic,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Arc<TrafficEntry>>,
    last: u64,
}

/// The ring of entries, and a signal at each change of anything that the page shows.
#[derive(Debug)]
pub(crate) struct TrafficLog {
    ring: Mutex<Ring>,
    changes: watch::Sender<u64>,
}

impl Default for TrafficLog {
    fn default() -> Self {
        Self { ring: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl TrafficLog {
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, (at, wall): (UnixTime, UnixTime), traffic: Traffic) {
        {
            let mut ring = self.lock();
            ring.last = ring.last.saturating_add(1);
            let id = ring.last;
            if ring.entries.len() >= MAX_ENTRIES {
                ring.entries.pop_front();
            }
            ring.entries.push_back(Arc::new(TrafficEntry { id, at, wall, traffic }));
        }
        self.signal();
    }

    /// Signals a change.
    pub(crate) fn signal(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn clear(&self) {
        self.lock().entries.clear();
        self.signal();
    }

    /// Returns the entries before one, the newest first.
    pub(crate) fn before(&self, id: u64, limit: usize) -> Vec<Arc<TrafficEntry>> {
        let ring = self.lock();
        ring.entries.iter().rev().filter(|entry| entry.id < id).take(limit).cloned().collect()
    }

    /// Returns the number of the latest delivery of a notification.
    pub(crate) fn latest_delivery(&self, notify_id: &NotifyId) -> Option<u64> {
        let is_of = |entry: &&Arc<TrafficEntry>| match &entry.traffic {
            Traffic::Delivery(delivery) => {
                delivery.notification.as_ref().is_some_and(|record| record.notify_id == *notify_id)
            }
            Traffic::Request(_) | Traffic::Parameters(_) => false,
        };
        self.lock().entries.iter().rev().find(is_of).map(|entry| entry.id)
    }

    pub(crate) fn entry(&self, id: u64) -> Option<Arc<TrafficEntry>> {
        self.lock().entries.iter().find(|entry| entry.id == id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Traffic {
        let parameters = KeptBody::new(&vec![b'x'; MAX_BODY_BYTES.saturating_add(1)]);
        Traffic::Parameters(Box::new(RefusedParameters {
            reason: String::new(),
            causes: Vec::new(),
            parameters,
        }))
    }

    #[test]
    fn ring_keeps_the_newest_entries_and_the_beginning_of_bodies() {
        let log = TrafficLog::default();
        for _ in 0..=MAX_ENTRIES {
            log.add((UnixTime::EPOCH, UnixTime::EPOCH), parameters());
        }
        let newest = log.before(u64::MAX, usize::MAX);
        assert_eq!((newest.len(), newest[0].id, newest[299].id), (MAX_ENTRIES, 301, 2));
        assert!(log.entry(1).is_none());
        let Traffic::Parameters(kept) = &newest[0].traffic else { panic!("another kind") };
        assert_eq!((kept.parameters.bytes.len(), kept.parameters.is_whole()), (MAX_BODY_BYTES, false));
    }
}
