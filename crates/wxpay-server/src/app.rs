//! The application: everything that actions, notifications and background tasks share.

use crate::{
    actions::PrepayEnd,
    ambient::Ambient,
    engine::{Ledger, LedgerError},
    ledger::{
        Context, Operation, OrderKey, call::MAX_CALL, order::OrderState, retention::Retention,
        schedule::Schedule,
    },
    merchants::{Merchant, MerchantName, Registry, Vault},
    notify::Acknowledged,
    observe::{log::RateLimitedLog, metrics::Metrics},
    serve::Shutdown,
    single_flight::SingleFlight,
    tasks::Leases,
    upstream::{CallError, QUOTA_TIMEOUT, Upstream},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};
use wxpay_proto::{UnixTime, id::NotifyUrl, retry::Policy};

/// The lines per minute and kind that notifications and failing requests may log.
const LINES_PER_MINUTE: u32 = 10;

/// The longest time that the commit of a call's beginning may take. A call that was begun more slowly is not sent.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// The application. Clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Inner>);

/// The parts of an application.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The ledger.
    pub(crate) ledger: Ledger,
    /// The merchants.
    pub(crate) merchants: Arc<Registry>,
    /// The keys and the settings that open stored merchants.
    pub(crate) vault: Vault,
    /// The way to WeChat Pay.
    pub(crate) upstream: Upstream,
    /// Time and randomness.
    pub(crate) ambient: Arc<dyn Ambient>,
    /// The metrics.
    pub(crate) metrics: Metrics,
    /// The shutdown.
    pub(crate) shutdown: Shutdown,
    /// The settings.
    pub(crate) settings: Settings,
}

/// The settings that actions and background tasks depend on.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The URL at which WeChat Pay reaches the server, such as `https://pay.example.com`, without a final slash.
    pub(crate) public_base_url: String,
    /// The polling schedule.
    pub(crate) schedule: Schedule,
    /// The retry policy of calls, as the merchants have it.
    pub(crate) policy: Policy,
    /// The times for which messages and events are kept.
    pub(crate) retention: Retention,
    /// The name of this process, which no other process has.
    pub(crate) process: String,
    /// The largest number of background calls in progress.
    pub(crate) max_polls: usize,
}

/// The time in which a call may be sent. Its end is written to the ledger before the call is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallWindow {
    /// The opening, by the monotonic clock.
    opened: Instant,
    /// The time that the commit may take.
    commit: Duration,
    until: UnixTime,
}

/// The kind of a notification, the last part of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotifyKind {
    /// A payment.
    Payment,
    /// A refund.
    Refund,
    /// A payment of APIv1.
    V1,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// One moment by both clocks.
    started: (Instant, UnixTime),
    prepays: SingleFlight<OrderKey, String, PrepayEnd>,
    /// Wakes the numbering of events.
    outbox: Notify,
    /// Wakes those who wait for numbered events.
    numbered: tokio::sync::watch::Sender<u64>,
    /// Wakes the runner of tasks.
    tasks: Notify,
    leases: Leases,
    log: RateLimitedLog,
    acknowledged: Acknowledged,
}

impl CallWindow {
    /// Returns the end, for the ledger.
    pub(crate) fn until(&self) -> UnixTime {
        self.until
    }

    /// Checks that a call that is sent now ends in the window. The commit of its beginning may have taken too long, or
    /// the process may have been suspended: then the call must not be sent, because its absence may be counted already.
    ///
    /// # Errors
    ///
    /// If it could end later.
    pub(crate) fn check(&self) -> Result<(), CallError> {
        if self.opened.elapsed() <= self.commit { Ok(()) } else { Err(CallError::ledger_slow()) }
    }
}

impl NotifyKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 3] = [Self::Payment, Self::Refund, Self::V1];

    /// Returns the name in the path.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::V1 => "v1",
        }
    }

    /// Returns the kind with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl App {
    /// Creates the application. Nothing runs before its [tasks](crate::tasks) are started.
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            started: (Instant::now(), parts.ambient.now()),
            parts,
            prepays: SingleFlight::default(),
            outbox: Notify::new(),
            numbered: tokio::sync::watch::Sender::new(0),
            tasks: Notify::new(),
            leases: Leases::default(),
            log: RateLimitedLog::new(LINES_PER_MINUTE),
            acknowledged: Acknowledged::default(),
        }))
    }

    /// Returns the ledger, to read from. Write with [`run`](Self::run).
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.parts.ledger
    }

    /// Returns the leases of this process.
    pub(crate) fn leases(&self) -> &Leases {
        &self.0.leases
    }

    /// Returns the merchants.
    pub(crate) fn merchants(&self) -> &Arc<Registry> {
        &self.0.parts.merchants
    }

    /// Returns the keys and the settings that open stored merchants.
    pub(crate) fn vault(&self) -> &Vault {
        &self.0.parts.vault
    }

    /// Replaces the merchants that were changed by API, here or in another process.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub(crate) async fn reload_merchants(&self) -> Result<(), LedgerError> {
        self.vault().reload(self.ledger(), self.merchants()).await
    }

    /// Returns a merchant by its name.
    pub(crate) fn merchant(&self, name: &MerchantName) -> Option<Arc<Merchant>> {
        self.0.parts.merchants.get(name)
    }

    /// Returns the way to WeChat Pay.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.0.parts.upstream
    }

    /// Returns the source of time and randomness.
    pub(crate) fn ambient(&self) -> &Arc<dyn Ambient> {
        &self.0.parts.ambient
    }

    /// Returns the metrics.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.parts.metrics
    }

    /// Returns the shutdown.
    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.0.parts.shutdown
    }

    /// Returns the settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// Returns the polling schedule.
    pub(crate) fn schedule(&self) -> Schedule {
        self.0.parts.settings.schedule.clone()
    }

    /// Returns the limit of log lines that anybody on the network can cause.
    pub(crate) fn log(&self) -> &RateLimitedLog {
        &self.0.log
    }

    /// Returns the notifications that were acknowledged since the last audit.
    pub(crate) fn acknowledged(&self) -> &Acknowledged {
        &self.0.acknowledged
    }

    pub(crate) fn prepays(&self) -> &SingleFlight<OrderKey, String, PrepayEnd> {
        &self.0.prepays
    }

    /// Returns the current time.
    pub(crate) fn now(&self) -> UnixTime {
        self.0.parts.ambient.now()
    }

    /// Returns the time by a clock that cannot jump: that of the start, and the time since then. It may be wrong, but the
    /// difference of two of its times is not.
    pub(crate) fn steady_now(&self) -> UnixTime {
        let (instant, time) = self.0.started;
        time.after(instant.elapsed())
    }

    /// Returns the context of an operation that is run now.
    pub(crate) fn context(&self) -> Context {
        let random = self.0.parts.ambient.entropy().into_bytes();
        let random = random.first_chunk().copied().map(u64::from_le_bytes).unwrap_or_default();
        Context { now: self.now(), random }
    }

    /// Returns a random string of 32 characters.
    pub(crate) fn nonce(&self) -> String {
        let random = self.0.parts.ambient.entropy().into_bytes();
        hex::encode(random.get(..16).unwrap_or_default())
    }

    /// Runs an operation of the ledger.
    ///
    /// # Errors
    ///
    /// If its changes are not, or not known to be, committed.
    pub(crate) async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, LedgerError> {
        let output = self.ledger().run(operation, self.context()).await?;
        // Most operations emit events; looking for some that are not there costs one read.
        self.0.outbox.notify_one();
        Ok(output)
    }

    /// Returns the state of an order. `None` if nothing is known of its number.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(crate) async fn order(&self, key: &OrderKey) -> Result<Option<OrderState>, LedgerError> {
        let rows = self.ledger().read(OrderState::loads(key)).await?;
        Ok(OrderState::read(&rows)?)
    }

    /// Waits until the outbox may have events.
    pub(crate) async fn outbox_changed(&self) {
        self.0.outbox.notified().await;
    }

    /// Reports that events were numbered, up to this position.
    pub(crate) fn events_numbered(&self, last: u64) {
        self.0.numbered.send_replace(last);
    }

    /// Returns a receiver that is woken whenever events were numbered. Its value is the last position.
    pub(crate) fn numbered_events(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.numbered.subscribe()
    }

    /// Wakes the runner of tasks: a task may be due earlier than it knows.
    pub(crate) fn wake_tasks(&self) {
        self.0.tasks.notify_one();
    }

    /// Waits until a task may be due.
    pub(crate) async fn tasks_woken(&self) {
        self.0.tasks.notified().await;
    }

    /// Opens the window of a call that is to be begun: the time for its commit, the wait for the quota, the deadline of
    /// the call, and the timeout of its last request.
    pub(crate) fn open_window(&self) -> CallWindow {
        let Policy { deadline, timeout, .. } = self.0.parts.settings.policy;
        let call = QUOTA_TIMEOUT.saturating_add(deadline).saturating_add(timeout);
        // The ledger counts on it that no call takes longer.
        let commit = COMMIT_TIMEOUT.min(MAX_CALL.saturating_sub(call));
        CallWindow { opened: Instant::now(), commit, until: self.now().after(commit).after(call) }
    }

    /// Returns the URL for a merchant's notifications.
    ///
    /// # Errors
    ///
    /// If the public base URL does not suit WeChat Pay.
    pub(crate) fn notify_url(
        &self,
        merchant: &MerchantName,
        kind: NotifyKind,
    ) -> Result<NotifyUrl, wxpay_proto::id::InvalidField> {
        format!("{}/notify/{merchant}/{}", self.0.parts.settings.public_base_url, kind.name()).parse()
    }
}
