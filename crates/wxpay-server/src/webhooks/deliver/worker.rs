//! The worker of one endpoint.

use super::{
    POLL_INTERVAL, Shared,
    event::{Finished, Recipient, Tried, Work},
};
use crate::{
    engine::LedgerError,
    ledger::{
        Scan, Subject,
        rows::{
            event::EVENT_LOG,
            webhook::{CursorRow, DeferredRow, EndpointRow, EndpointStatus},
        },
        webhook::AdvanceCursor,
    },
    webhooks::{
        attempt::Target,
        context,
        events::{EventPosition, read_events},
        filter::EventFilter,
        numbered_again,
    },
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::{Instant, sleep, sleep_until},
};

/// The largest number of events in progress of one endpoint.
const MAX_IN_PROGRESS: usize = 16;

/// The number of events in progress with which a worker begins. Each delivery permits one more, and each try without a
/// response half as many, so that endpoints that do not reply leave room for the others.
const INITIAL_IN_PROGRESS: usize = 4;

/// The events that one read returns at most.
const PAGE: usize = 64;

/// The number of events in memory beyond which none are read.
const MAX_UNFINISHED: usize = 256;

/// The distance of the recorded cursor beyond which it is recorded although no event was delivered.
const MAX_CURSOR_LAG: u64 = 256;

/// The shortest and the longest delay after the ledger failed. While it fails nothing is sent: what cannot be recorded
/// would be sent again and again.
const MIN_RESTART_DELAY: Duration = Duration::from_secs(1);
const MAX_RESTART_DELAY: Duration = Duration::from_secs(30);

/// Delivers the events of an endpoint until it is disabled or deleted, or the server shuts down.
pub(super) async fn run(shared: Arc<Shared>, mut endpoint: watch::Receiver<Arc<EndpointRow>>) {
    let mut delay = MIN_RESTART_DELAY;
    loop {
        let id = endpoint.borrow().endpoint.clone();
        let started = Instant::now();
        let error = match Worker::start(&shared, id.clone(), endpoint.clone()).await {
            Ok(Some(worker)) => match worker.run().await {
                Ok(()) => return,
                Err(error) => error,
            },
            Ok(None) => return,
            Err(error) => error,
        };
        if started.elapsed() > MAX_RESTART_DELAY {
            delay = MIN_RESTART_DELAY;
        }
        error.log(&id, delay);
        tokio::select! {
            biased;
            () = shared.parts.shutdown.started() => return,
            changed = endpoint.changed() => if changed.is_err() { return },
            () = sleep(delay) => {}
        }
        delay = delay.saturating_mul(2).min(MAX_RESTART_DELAY);
    }
}

/// The reason why a worker starts anew. Deliveries in progress are repeated.
#[derive(Debug)]
enum Interrupted {
    Ledger(LedgerError),
    Secrets(crate::webhooks::secrets::SealingError),
    Panicked,
}

impl Interrupted {
    fn log(&self, endpoint: &str, delay: Duration) {
        let seconds = delay.as_secs();
        match self {
            Self::Ledger(error) => {
                tracing::warn!(endpoint, %error, seconds, "deliveries of webhooks pause: the ledger failed");
            }
            Self::Secrets(error) => {
                tracing::error!(endpoint, %error, seconds, "deliveries of webhooks pause: they cannot be signed");
            }
            Self::Panicked => {
                tracing::error!(endpoint, seconds, "a delivery of webhooks stopped unexpectedly");
            }
        }
    }
}

impl From<LedgerError> for Interrupted {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

#[derive(Debug)]
struct Worker {
    recipient: Recipient,
    endpoint: watch::Receiver<Arc<EndpointRow>>,
    numbered: watch::Receiver<u64>,
    filter: EventFilter,
    /// The number of events that may be in progress.
    limit: usize,
    /// No new work is begun: the endpoint is disabled or deleted, or the server shuts down.
    is_ending: bool,
    /// The recorded cursor.
    cursor: EventPosition,
    /// The position up to which the log was read.
    read: EventPosition,
    /// Whether all events of the log may have been read.
    is_at_end: bool,
    /// The events in memory, with their months. The cursor stays before the first.
    unfinished: BTreeMap<u64, u64>,
    has_finished: bool,
    /// The events that wait in memory, by subject.
    waiting: BTreeMap<Subject, VecDeque<Work>>,
    /// The subjects that have waiting events and none in progress.
    ready: VecDeque<Subject>,
    /// The subjects that have an event in progress, and whether it is a retry.
    in_progress: BTreeMap<Subject, bool>,
    jobs: JoinSet<Result<Finished, LedgerError>>,
    /// The time at which deferred events are looked for.
    due_at: Instant,
}

impl Worker {
    /// Returns `None` if the endpoint is disabled.
    async fn start(
        shared: &Arc<Shared>,
        id: String,
        mut endpoint: watch::Receiver<Arc<EndpointRow>>,
    ) -> Result<Option<Self>, Interrupted> {
        let row = Arc::clone(&endpoint.borrow_and_update());
        if row.status != EndpointStatus::Enabled {
            return Ok(None);
        }
        let parts = &shared.parts;
        parts.ledger.probe().await?;
        let cursor = parts.ledger.load(CursorRow::of(&id).and(&EVENT_LOG)).await?.pop();
        let cursor = cursor.map_or_else(EventPosition::default, |row| EventPosition {
            month: row.month,
            position: row.position,
        });
        let mut numbered = parts.numbered.clone();
        numbered.mark_unchanged();
        let target = Target::of(&row, &parts.policy, &*parts.secrets).map_err(Interrupted::Secrets)?;
        Ok(Some(Self {
            filter: EventFilter::of(&row),
            limit: if row.failing_since.is_some() { 1 } else { INITIAL_IN_PROGRESS },
            recipient: Recipient { shared: Arc::clone(shared), endpoint: id, target: Arc::new(target) },
            endpoint,
            numbered,
            is_ending: false,
            cursor,
            read: cursor,
            is_at_end: false,
            unfinished: BTreeMap::new(),
            has_finished: false,
            waiting: BTreeMap::new(),
            ready: VecDeque::new(),
            in_progress: BTreeMap::new(),
            jobs: JoinSet::new(),
            due_at: Instant::now(),
        }))
    }

    async fn run(mut self) -> Result<(), Interrupted> {
        loop {
            while let Some(ended) = self.jobs.try_join_next() {
                self.finish(ended)?;
            }
            self.advance_cursor().await?;
            if self.is_ending {
                let Some(ended) = self.jobs.join_next().await else { return Ok(()) };
                self.finish(ended)?;
                continue;
            }
            self.read_deferred().await?;
            self.read_log().await?;
            self.begin_works();
            self.wait().await?;
        }
    }

    /// Waits until there may be something to do.
    async fn wait(&mut self) -> Result<(), Interrupted> {
        // Nothing is read while too much is in memory; the end of a job goes on then.
        let may_read = self.unfinished.len() < MAX_UNFINISHED;
        if may_read && !self.is_at_end {
            tokio::task::yield_now().await;
            return Ok(());
        }
        let wake_at = Instant::now().checked_add(POLL_INTERVAL).unwrap_or(self.due_at);
        tokio::select! {
            biased;
            () = self.recipient.shared.parts.shutdown.started() => self.is_ending = true,
            Some(ended) = self.jobs.join_next() => self.finish(ended)?,
            changed = self.endpoint.changed() => match changed {
                Ok(()) => self.update()?,
                Err(_) => self.is_ending = true,
            },
            () = numbered_again(&mut self.numbered), if may_read => self.is_at_end = false,
            () = sleep_until(wake_at.min(self.due_at)) => self.is_at_end = false,
        }
        Ok(())
    }

    /// Applies a change of the endpoint. Events in memory were selected before it.
    fn update(&mut self) -> Result<(), Interrupted> {
        let row = Arc::clone(&self.endpoint.borrow_and_update());
        if row.status != EndpointStatus::Enabled {
            self.is_ending = true;
            return Ok(());
        }
        self.filter = EventFilter::of(&row);
        let parts = &self.recipient.shared.parts;
        let target = Target::of(&row, &parts.policy, &*parts.secrets).map_err(Interrupted::Secrets)?;
        self.recipient.target = Arc::new(target);
        Ok(())
    }

    /// Reads events of the log into memory.
    async fn read_log(&mut self) -> Result<(), LedgerError> {
        if self.is_at_end || self.unfinished.len() >= MAX_UNFINISHED {
            return Ok(());
        }
        let events = read_events(&self.recipient.shared.parts.ledger, self.read, PAGE).await?;
        self.is_at_end = events.len() < PAGE;
        for event in events {
            self.read = EventPosition::of(&event);
            if self.filter.matches(&event) {
                self.unfinished.insert(event.position, event.month);
                self.enqueue(Work::New(Box::new(event)));
            }
        }
        Ok(())
    }

    /// Reads deferred events that are due into memory.
    async fn read_deferred(&mut self) -> Result<(), LedgerError> {
        // Half of the limit leaves room for new events.
        let max = self.limit.div_ceil(2);
        let queued = self.waiting.values().flatten().filter(|work| matches!(work, Work::Retry(_))).count();
        let retries = self.in_progress.values().filter(|is_retry| **is_retry).count().saturating_add(queued);
        let now = Instant::now();
        if now < self.due_at {
            return Ok(());
        }
        self.due_at = now.checked_add(POLL_INTERVAL).unwrap_or(now);
        // The end of a retry brings the time forward.
        let Some(free) = max.checked_sub(retries).filter(|free| *free > 0) else { return Ok(()) };
        // Rows of subjects in memory may be among the first. They are not begun now.
        let limit =
            self.in_progress.len().saturating_add(self.waiting.len()).saturating_add(free).saturating_add(1);
        let scan =
            Scan::<DeferredRow>::of("deferred_due", limit).equal(&self.recipient.endpoint).equal(&false);
        let parts = &self.recipient.shared.parts;
        let rows = parts.ledger.scan(scan).await?;
        let now = parts.ambient.now();
        let mut next = POLL_INTERVAL;
        let mut taken = 0_usize;
        for row in rows {
            if row.next_at > now {
                next = next.min(row.next_at.since(now));
                break;
            }
            let is_busy =
                self.in_progress.contains_key(&row.subject) || self.waiting.contains_key(&row.subject);
            if taken < free && !is_busy {
                taken = taken.saturating_add(1);
                self.enqueue(Work::Retry(Box::new(row)));
            }
        }
        self.due_at = Instant::now().checked_add(next).unwrap_or(self.due_at);
        Ok(())
    }

    fn enqueue(&mut self, work: Work) {
        let subject = work.subject().clone();
        let queue = self.waiting.entry(subject.clone()).or_default();
        queue.push_back(work);
        if queue.len() == 1 && !self.in_progress.contains_key(&subject) {
            self.ready.push_back(subject);
        }
    }

    /// Begins the work on the first event of each subject that has none in progress.
    fn begin_works(&mut self) {
        while self.in_progress.len() < self.limit {
            let Some(subject) = self.ready.pop_front() else { return };
            let Some(queue) = self.waiting.get_mut(&subject) else { continue };
            let work = queue.pop_front();
            if queue.is_empty() {
                self.waiting.remove(&subject);
            }
            let Some(work) = work else { continue };
            self.in_progress.insert(subject, matches!(work, Work::Retry(_)));
            self.jobs.spawn(work.run(self.recipient.clone()));
        }
    }

    /// Takes the end of the work on one event.
    fn finish(&mut self, ended: Result<Result<Finished, LedgerError>, JoinError>) -> Result<(), Interrupted> {
        let finished = ended.map_err(|_| Interrupted::Panicked)??;
        if self.in_progress.remove(&finished.subject) == Some(true) {
            // The next event of the subject may be due.
            self.due_at = Instant::now();
        }
        if self.waiting.contains_key(&finished.subject) {
            self.ready.push_back(finished.subject);
        }
        if let Some(position) = finished.position {
            self.unfinished.remove(&position);
            self.has_finished = true;
        }
        match finished.result {
            Tried::Delivered => self.limit = self.limit.saturating_add(1).min(MAX_IN_PROGRESS),
            Tried::NoResponse => self.limit = self.limit.div_ceil(2),
            Tried::EndpointGone => self.is_ending = true,
            Tried::Refused | Tried::Nothing => {}
        }
        Ok(())
    }

    /// Records the cursor: before the first event in memory.
    async fn advance_cursor(&mut self) -> Result<(), LedgerError> {
        let reached = match self.unfinished.first_key_value() {
            // Events of earlier months are finished: no earlier position has a later month.
            Some((first, month)) => EventPosition { month: *month, position: first.saturating_sub(1) },
            None => self.read,
        };
        let lag = reached.position.saturating_sub(self.cursor.position);
        let is_worthwhile = self.has_finished || lag >= MAX_CURSOR_LAG;
        if lag == 0 || !is_worthwhile {
            return Ok(());
        }
        let parts = &self.recipient.shared.parts;
        let EventPosition { month, position } = reached;
        let advance =
            AdvanceCursor { endpoint: self.recipient.endpoint.clone(), log: EVENT_LOG, month, position };
        if parts.ledger.run(advance, context(&*parts.ambient)).await?.is_none() {
            self.is_ending = true;
        }
        self.cursor = reached;
        self.has_finished = false;
        Ok(())
    }
}
