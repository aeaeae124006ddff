//! All notifications, and the order in which they are delivered.

use super::{
    Attempt, AttemptResult, Delivery, DeliveryContext, DeliveryId, DeliveryResult, Notification,
    NotificationRecord, NotificationState, Tampering, due::DueQueue,
};
use crate::{faults::Fault, warnings::Kind};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use wxpay_proto::{UnixTime, id::NotifyId};

/// All notifications, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notifications {
    jobs: Vec<QueuedNotification>,
    /// The time of the next round of each.
    calendar: DueQueue,
    /// The notifications held back until another was sent.
    held: BTreeSet<usize>,
    /// The notifications about each of the merchants' numbers.
    numbers: BTreeMap<String, Vec<usize>>,
    on_the_way: BTreeMap<DeliveryId, usize>,
    last: u64,
}

#[derive(Clone, Debug)]
struct QueuedNotification {
    notification: Notification,
    state: NotificationState,
    /// The start of the last round: the intervals count from there.
    begun: UnixTime,
    rounds: usize,
    /// True if a fault has delayed this round already.
    late: bool,
    log: Vec<Attempt>,
}

impl Notifications {
    pub(crate) fn add(&mut self, notification: Notification, due: UnixTime) {
        let index = self.jobs.len();
        self.calendar.set(index, Some(due));
        self.numbers.entry(notification.number.clone()).or_default().push(index);
        let (state, log) = (NotificationState::Waiting, Vec::new());
        self.jobs.push(QueuedNotification { notification, state, begun: due, rounds: 0, late: false, log });
    }

    pub(crate) fn next_due(&self) -> Option<UnixTime> {
        self.calendar.first()
    }

    /// Returns the matching notifications. Looks at all of them.
    pub(crate) fn records(&self, wanted: impl Fn(&Notification) -> bool) -> Vec<NotificationRecord> {
        let all = self.jobs.iter().enumerate().filter(|(_, job)| wanted(&job.notification));
        all.filter_map(|(index, _)| self.record(index)).collect()
    }

    /// Returns the matching notifications about these numbers.
    pub(crate) fn records_of(
        &self,
        numbers: &[&str],
        wanted: impl Fn(&Notification) -> bool,
    ) -> Vec<NotificationRecord> {
        let about = numbers.iter().filter_map(|number| self.numbers.get(*number)).flatten();
        let about: BTreeSet<usize> = about.copied().collect();
        let is_wanted = |index: &usize| self.jobs.get(*index).is_some_and(|job| wanted(&job.notification));
        about.into_iter().filter(is_wanted).filter_map(|index| self.record(index)).collect()
    }

    fn record(&self, index: usize) -> Option<NotificationRecord> {
        let QueuedNotification { notification, state, log, .. } = self.jobs.get(index)?;
        Some(NotificationRecord {
            notify_id: notification.notify_id.clone(),
            mchid: notification.mchid(),
            out_trade_no: notification.number.clone(),
            event_type: notification.event_type(),
            state: *state,
            next_at: self.calendar.due_at(index).map(UnixTime::as_secs),
            deliveries: log.clone(),
        })
    }

    /// Makes a notification due now. Returns `None` if it does not exist or is being delivered.
    pub(crate) fn resend(&mut self, notify_id: &NotifyId, now: UnixTime) -> Option<NotificationRecord> {
        let index = self.index_of(notify_id)?;
        let job = self.jobs.get_mut(index).filter(|job| job.state != NotificationState::InProgress)?;
        job.state = NotificationState::Waiting;
        self.calendar.set(index, Some(now));
        self.record(index)
    }

    /// Cancels the retries of a notification that waits for one. Returns `None` if none waits.
    pub(crate) fn give_up(&mut self, notify_id: &NotifyId) -> Option<NotificationRecord> {
        let index = self.index_of(notify_id)?;
        let job = self.jobs.get_mut(index).filter(|job| job.state == NotificationState::Waiting)?;
        job.state = NotificationState::Stopped;
        self.calendar.set(index, None);
        self.held.remove(&index);
        self.record(index)
    }

    fn index_of(&self, notify_id: &NotifyId) -> Option<usize> {
        self.jobs.iter().position(|job| job.notification.notify_id == *notify_id)
    }

    /// Returns the deliveries that are due, the longest due first. Held-back notifications follow the first one sent.
    pub(crate) fn due(&mut self, means: &mut DeliveryContext<'_>) -> Vec<Delivery> {
        let ready: Vec<usize> = self.calendar.due_by(means.now).collect();
        let mut deliveries = Vec::new();
        for index in ready {
            let before = deliveries.len();
            self.make(index, means, &mut deliveries);
            if deliveries.len() > before {
                let held: Vec<usize> = self.held.iter().copied().filter(|held| *held != index).collect();
                for held in held {
                    self.send(held, false, None, means, &mut deliveries);
                }
            }
        }
        deliveries
    }

    /// Adds the deliveries of one notification's round, with the faults that apply.
    fn make(&mut self, index: usize, means: &mut DeliveryContext<'_>, deliveries: &mut Vec<Delivery>) {
        // A delivery that followed another of this batch is no longer due.
        if self.calendar.due_at(index).is_none_or(|due| due > means.now) {
            return;
        }
        let Some(job) = self.jobs.get_mut(index) else { return };
        // At most one fault per round: a delivery that a fault has delayed or held back is sent as it is.
        let is_spared = job.late || self.held.contains(&index);
        let trouble = if is_spared {
            None
        } else {
            means.faults.inject(|| job.notification.fault_context(), means.now)
        };
        match trouble {
            Some(Fault::NotificationReordered) => {
                let pause = job.notification.schedule(means.settings).first().copied().unwrap_or_default();
                self.held.insert(index);
                self.calendar.set(index, Some(means.now.after(pause)));
            }
            Some(Fault::NotificationDelayed { millis }) => {
                job.late = true;
                self.calendar.set(index, Some(means.now.after(Duration::from_millis(millis))));
            }
            Some(Fault::NotificationLost) => {
                job.record_attempt(None, means.now, AttemptResult::Lost, false);
                job.start_round(means.now);
                let next = job.next_round(means);
                self.calendar.set(index, next);
            }
            Some(Fault::NotificationDuplicated) => {
                self.send(index, false, None, means, deliveries);
                self.send(index, true, None, means, deliveries);
            }
            Some(Fault::NotificationForged) => {
                let forgery = Tampering::random(means.chance);
                self.send_after(forgery, index, means, deliveries);
            }
            Some(Fault::NotificationUnknownSerial) => {
                self.send_after(Tampering::Payer, index, means, deliveries)
            }
            Some(Fault::NotificationProbe) => self.send_after(Tampering::Probe, index, means, deliveries),
            Some(Fault::NotificationStale) => self.send_after(Tampering::Stale, index, means, deliveries),
            Some(_) | None => {
                if job.notification.draw_probe(means) {
                    self.send(index, false, Some(Tampering::Probe), means, deliveries);
                }
                self.send(index, false, None, means, deliveries);
            }
        }
    }

    /// Sends a tampered copy, then the notification.
    fn send_after(
        &mut self,
        forgery: Tampering,
        index: usize,
        means: &mut DeliveryContext<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        self.send(index, false, Some(forgery), means, deliveries);
        self.send(index, false, None, means, deliveries);
    }

    fn send(
        &mut self,
        index: usize,
        overlaps: bool,
        forgery: Option<Tampering>,
        means: &mut DeliveryContext<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        let Some(job) = self.jobs.get_mut(index) else { return };
        self.last = self.last.saturating_add(1);
        let id = DeliveryId(self.last);
        self.on_the_way.insert(id, index);
        job.record_attempt(Some(id), means.now, AttemptResult::InProgress, forgery.is_some());
        if forgery.is_none() {
            if !overlaps {
                job.start_round(means.now);
            }
            job.state = NotificationState::InProgress;
            job.late = false;
            self.calendar.set(index, None);
            self.held.remove(&index);
        }
        deliveries.push(Delivery {
            id,
            out_trade_no: job.notification.number.clone(),
            made: job.notification.sign(forgery, means),
            timeout: means.settings.notify_timeout,
            overlaps,
            forged: forgery.is_some(),
        });
    }

    /// Applies the result of a delivery. Ignores a delivery that is no longer in progress.
    pub(crate) fn delivered(
        &mut self,
        id: DeliveryId,
        result: &DeliveryResult,
        means: &mut DeliveryContext<'_>,
    ) {
        let Some(index) = self.on_the_way.remove(&id) else { return };
        let Some(job) = self.jobs.get_mut(index) else { return };
        let result = job.notification.evaluate_reply(result, means);
        let Some(attempt) = job.log.iter_mut().find(|attempt| attempt.id == Some(id)) else { return };
        attempt.result = result;
        if attempt.forged {
            if result == AttemptResult::Success {
                let number = Some(job.notification.number.as_str());
                means.warnings.push(
                    means.now,
                    Kind::ForgedNotificationAccepted,
                    number,
                    "a tampered notification was accepted: verify its signature before responding",
                );
            }
            return;
        }
        if result == AttemptResult::Success {
            job.state = NotificationState::Accepted;
            self.calendar.set(index, None);
        } else if job.state == NotificationState::InProgress && !job.is_in_flight() {
            // Copies overlap: the round has failed only when the last response is in and none was a success.
            let next = job.next_round(means);
            self.calendar.set(index, next);
        }
    }
}

impl QueuedNotification {
    fn record_attempt(&mut self, id: Option<DeliveryId>, now: UnixTime, result: AttemptResult, forged: bool) {
        self.log.push(Attempt { id, at: now.as_secs(), result, forged });
    }

    fn start_round(&mut self, now: UnixTime) {
        self.rounds = self.rounds.saturating_add(1);
        self.begun = now;
    }

    fn is_in_flight(&self) -> bool {
        self.log.iter().any(|attempt| attempt.result == AttemptResult::InProgress && !attempt.forged)
    }

    /// Returns the time of the next round by the schedule, counted from the start of the last round. After the last
    /// interval there is none, and the notification is abandoned.
    fn next_round(&mut self, means: &mut DeliveryContext<'_>) -> Option<UnixTime> {
        let pause = self
            .rounds
            .checked_sub(1)
            .and_then(|round| self.notification.schedule(means.settings).get(round));
        let Some(pause) = pause else {
            self.state = NotificationState::Stopped;
            let number = Some(self.notification.number.as_str());
            let detail = "the notification was not accepted within its schedule of retries";
            means.warnings.push(means.now, Kind::RetriesExhausted, number, detail);
            return None;
        };
        self.state = NotificationState::Waiting;
        Some(self.begun.after(*pause))
    }
}
