//! The runner of tasks: finds those that are due in the shards of this process, oldest first.

use super::{
    concurrency::{Concurrency, Sample},
    leases::{Leases, name_of},
    work::{Ended, work},
};
use crate::{
    app::App,
    engine::LedgerError,
    ledger::{
        Scan, Shard, Subject,
        rows::task::{TaskKind, TaskRow},
    },
    observe::metrics,
};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};
use wxpay_proto::UnixTime;

/// The pause between two scans of the shards whose next task is due.
const TICK: Duration = Duration::from_secs(1);
/// The pause between two scans of all shards: other processes create tasks without waking this one. No task is due
/// sooner after its creation, except one that wakes the runner.
const REFRESH: Duration = Duration::from_secs(5);
/// The number of due tasks of a shard that are read at a time.
const PER_SHARD: usize = 32;
/// The pause before a task is tried again whose result could not be recorded.
const COOLING: Duration = Duration::from_mins(1);
/// The largest number of tasks that cool down. A restart forgets them.
const MAX_COOLING: usize = 10_000;

type TaskId = (TaskKind, Subject);

struct Runner {
    app: App,
    leases: Leases,
    concurrency: Concurrency,
    due: VecDeque<TaskRow>,
    /// Whether the last scan left tasks behind that are due.
    has_more: bool,
    in_progress: BTreeMap<TaskId, Shard>,
    cooling: BTreeMap<TaskId, Instant>,
    running: JoinSet<(TaskId, Ended)>,
    /// The time of the next scan.
    scan_at: Instant,
    /// The time of the next scan of all shards.
    refresh_at: Instant,
    /// The time at which the next task of a shard is due. Absent: none is known.
    next_due: BTreeMap<Shard, UnixTime>,
}

/// Runs tasks until the shutdown. Queries in progress are dropped then; calls that change something go on by themselves.
pub(super) async fn run(app: App, leases: Leases) {
    let concurrency = Concurrency::new(app.settings().max_polls);
    let mut runner = Runner {
        app,
        leases,
        concurrency,
        due: VecDeque::new(),
        has_more: false,
        in_progress: BTreeMap::new(),
        cooling: BTreeMap::new(),
        running: JoinSet::new(),
        scan_at: Instant::now(),
        refresh_at: Instant::now(),
        next_due: BTreeMap::new(),
    };
    runner.run().await;
}

impl Runner {
    async fn run(&mut self) {
        let shutdown = self.app.shutdown().clone();
        loop {
            let is_due = self.scan_at <= Instant::now() || (self.due.is_empty() && self.has_more);
            if is_due && !shutdown.has_started() {
                self.scan_at = later(TICK);
                if let Err(error) = self.scan().await
                    && self.app.log().permits("tasks")
                {
                    tracing::warn!(reason = %error, "due tasks cannot be read; they will be later");
                }
            }
            self.start();
            let app = self.app.clone();
            tokio::select! {
                biased;
                () = shutdown.started() => return,
                Some(ended) = self.running.join_next() => self.ended(ended.ok()),
                () = app.tasks_woken() => {
                    self.scan_at = Instant::now();
                    self.refresh_at = self.scan_at;
                }
                () = sleep_until(self.scan_at) => {}
            }
        }
    }

    /// Reads the tasks that are due.
    async fn scan(&mut self) -> Result<(), LedgerError> {
        let now = Instant::now();
        self.cooling.retain(|_, until| *until > now);
        let is_refresh = self.refresh_at <= now;
        let (mut due, mut has_more, time) = (Vec::new(), false, self.app.now());
        for shard in self.leases.shards() {
            if !is_refresh && self.next_due.get(&shard).is_none_or(|next| *next > time) {
                continue;
            }
            // The tasks in progress are still due in the ledger, and come first.
            let busy = self.in_progress.values().filter(|each| **each == shard).count();
            let limit = PER_SHARD.saturating_add(busy);
            let mut rows =
                self.app.ledger().scan(Scan::<TaskRow>::of("tasks_due", limit).equal(&shard)).await?;
            match rows.first() {
                Some(first) => drop(self.next_due.insert(shard, first.due_at)),
                None => drop(self.next_due.remove(&shard)),
            }
            rows.retain(|task| task.due_at <= time);
            has_more |= rows.len() >= limit;
            due.extend(rows.into_iter().filter(|task| !self.is_busy(task)));
        }
        if is_refresh {
            self.refresh_at = later(REFRESH);
        }
        due.sort_by(|one: &TaskRow, other| (one.due_at, &one.subject).cmp(&(other.due_at, &other.subject)));
        for (kind, label) in [
            (TaskKind::Order, metrics::TaskKind::OrderPolling),
            (TaskKind::Refund, metrics::TaskKind::RefundPolling),
        ] {
            self.app.metrics().set_tasks_due(label, due.iter().filter(|task| task.kind == kind).count());
        }
        // Without progress there is no sense in reading the same rows again before the next tick.
        self.has_more = has_more && !due.is_empty();
        self.due = due.into();
        Ok(())
    }

    fn is_busy(&self, task: &TaskRow) -> bool {
        let id = (task.kind, task.subject.clone());
        self.in_progress.contains_key(&id) || self.cooling.contains_key(&id)
    }

    /// Starts as many tasks as the gateway bears.
    fn start(&mut self) {
        while self.in_progress.len() < self.concurrency.limit() {
            let Some(task) = self.due.pop_front() else { return };
            if self.is_busy(&task) || self.leases.claim(&name_of(task.shard)).is_none() {
                continue;
            }
            let id = (task.kind, task.subject.clone());
            let label = match task.kind {
                TaskKind::Order => metrics::TaskKind::OrderPolling,
                TaskKind::Refund => metrics::TaskKind::RefundPolling,
            };
            self.app.metrics().task_started(label, self.app.now().since(task.due_at));
            self.in_progress.insert(id.clone(), task.shard);
            let app = self.app.clone();
            self.running.spawn(async move {
                // A panic must not leave the task in progress for ever.
                let working = Aborting(tokio::spawn(async move { work(&app, &task).await }));
                (id, working.ended().await)
            });
        }
    }

    fn ended(&mut self, ended: Option<(TaskId, Ended)>) {
        let Some((id, ended)) = ended else { return };
        self.in_progress.remove(&id);
        let is_waiting = !self.due.is_empty() || self.has_more;
        match ended {
            Ended::Recorded(sample) => self.concurrency.learn(sample, is_waiting),
            Ended::LedgerAway => {
                self.concurrency.learn(Sample::Neutral, is_waiting);
                // Every task would fail now.
                self.due.clear();
                self.has_more = false;
                self.scan_at = later(TICK);
            }
            Ended::Stuck => {
                if self.cooling.len() < MAX_COOLING {
                    self.cooling.insert(id, later(COOLING));
                }
            }
        }
    }
}

fn later(by: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(by).unwrap_or(now)
}

/// The work of a task, aborted when it is dropped.
struct Aborting(JoinHandle<Ended>);

impl Aborting {
    async fn ended(mut self) -> Ended {
        (&mut self.0).await.unwrap_or(Ended::Stuck)
    }
}

impl Drop for Aborting {
    fn drop(&mut self) {
        self.0.abort();
    }
}
