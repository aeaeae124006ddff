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
    entries: Vec<QueuedNotification>,
    /// The time of the next round of each waiting notification.
    due_times: DueQueue,
    /// The notifications held back until another was sent.
    held_back: BTreeSet<usize>,
    /// The notifications by the merchant's number that each is about.
    numbers: BTreeMap<String, Vec<usize>>,
    in_progress: BTreeMap<DeliveryId, usize>,
    last_id: u64,
}

#[derive(Clone, Debug)]
struct QueuedNotification {
    notification: Notification,
    state: NotificationState,
    /// The start of the last round. The intervals count from this time.
    round_started_at: UnixTime,
    rounds: usize,
    /// True if a fault has delayed this round already.
    was_delayed: bool,
    attempts: Vec<Attempt>,
}

impl Notifications {
    pub(crate) fn add(&mut self, notification: Notification, due: UnixTime) {
        let index = self.entries.len();
        self.due_times.set(index, Some(due));
        self.numbers.entry(notification.number.clone()).or_default().push(index);
        let (state, attempts) = (NotificationState::Waiting, Vec::new());
        self.entries.push(QueuedNotification {
            notification,
            state,
            round_started_at: due,
            rounds: 0,
            was_delayed: false,
            attempts,
        });
    }

    pub(crate) fn next_due(&self) -> Option<UnixTime> {
        self.due_times.first()
    }

    /// Returns the matching notifications. Scans all of them.
    pub(crate) fn records(&self, wanted: impl Fn(&Notification) -> bool) -> Vec<NotificationRecord> {
        let all = self.entries.iter().enumerate().filter(|(_, entry)| wanted(&entry.notification));
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
        let is_wanted =
            |index: &usize| self.entries.get(*index).is_some_and(|entry| wanted(&entry.notification));
        about.into_iter().filter(is_wanted).filter_map(|index| self.record(index)).collect()
    }

    fn record(&self, index: usize) -> Option<NotificationRecord> {
        let QueuedNotification { notification, state, attempts, .. } = self.entries.get(index)?;
        Some(NotificationRecord {
            notify_id: notification.notify_id.clone(),
            mchid: notification.mchid(),
            out_trade_no: notification.number.clone(),
            event_type: notification.event_type(),
            state: *state,
            next_at: self.due_times.due_at(index).map(UnixTime::as_secs),
            deliveries: attempts.clone(),
        })
    }

    /// Makes a notification due now. Returns `None` if it does not exist or is being delivered.
    pub(crate) fn resend(&mut self, notify_id: &NotifyId, now: UnixTime) -> Option<NotificationRecord> {
        let index = self.index_of(notify_id)?;
        let entry =
            self.entries.get_mut(index).filter(|entry| entry.state != NotificationState::InProgress)?;
        entry.state = NotificationState::Waiting;
        self.due_times.set(index, Some(now));
        self.record(index)
    }

    /// Cancels the retries of a waiting notification. Returns `None` if it does not exist or is not waiting.
    pub(crate) fn cancel(&mut self, notify_id: &NotifyId) -> Option<NotificationRecord> {
        let index = self.index_of(notify_id)?;
        let entry = self.entries.get_mut(index).filter(|entry| entry.state == NotificationState::Waiting)?;
        entry.state = NotificationState::Stopped;
        self.due_times.set(index, None);
        self.held_back.remove(&index);
        self.record(index)
    }

    fn index_of(&self, notify_id: &NotifyId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.notification.notify_id == *notify_id)
    }

    /// Returns the deliveries that are due, the longest due first. A held-back notification follows the next one
    /// sent.
    pub(crate) fn due(&mut self, context: &mut DeliveryContext<'_>) -> Vec<Delivery> {
        let ready: Vec<usize> = self.due_times.due_by(context.now).collect();
        let mut deliveries = Vec::new();
        for index in ready {
            let before = deliveries.len();
            self.deliver_round(index, context, &mut deliveries);
            if deliveries.len() > before {
                let held_back: Vec<usize> =
                    self.held_back.iter().copied().filter(|held| *held != index).collect();
                for held in held_back {
                    self.send(held, false, None, context, &mut deliveries);
                }
            }
        }
        deliveries
    }

    /// Adds the deliveries of one round of a notification, changed by a fault if a rule fires.
    fn deliver_round(
        &mut self,
        index: usize,
        context: &mut DeliveryContext<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        // A held-back notification that was sent after another one of this batch is no longer due.
        if self.due_times.due_at(index).is_none_or(|due| due > context.now) {
            return;
        }
        let Some(entry) = self.entries.get_mut(index) else { return };
        // At most one fault per round: a delivery that a fault has delayed or held back is sent without another fault.
        let had_its_fault = entry.was_delayed || self.held_back.contains(&index);
        let fault = if had_its_fault {
            None
        } else {
            context.faults.inject(|| entry.notification.fault_context(), context.now)
        };
        match fault {
            Some(Fault::NotificationReordered) => {
                let interval =
                    entry.notification.schedule(context.settings).first().copied().unwrap_or_default();
                self.held_back.insert(index);
                self.due_times.set(index, Some(context.now.after(interval)));
            }
            Some(Fault::NotificationDelayed { millis }) => {
                entry.was_delayed = true;
                self.due_times.set(index, Some(context.now.after(Duration::from_millis(millis))));
            }
            Some(Fault::NotificationLost) => {
                entry.record_attempt(None, context.now, AttemptResult::Lost, false);
                entry.start_round(context.now);
                let next = entry.next_round(context);
                self.due_times.set(index, next);
            }
            Some(Fault::NotificationDuplicated) => {
                self.send(index, false, None, context, deliveries);
                self.send(index, true, None, context, deliveries);
            }
            Some(Fault::NotificationForged) => {
                let tampering = Tampering::random(context.rng);
                self.send_with_copy(tampering, index, context, deliveries);
            }
            Some(Fault::NotificationUnknownSerial) => {
                self.send_with_copy(Tampering::Identity, index, context, deliveries);
            }
            Some(Fault::NotificationProbe) => {
                self.send_with_copy(Tampering::Probe, index, context, deliveries);
            }
            Some(Fault::NotificationStale) => {
                self.send_with_copy(Tampering::Stale, index, context, deliveries);
            }
            Some(_) | None => {
                if entry.notification.draw_probe(context) {
                    self.send(index, false, Some(Tampering::Probe), context, deliveries);
                }
                self.send(index, false, None, context, deliveries);
            }
        }
    }

    /// Sends a tampered copy, then the notification.
    fn send_with_copy(
        &mut self,
        tampering: Tampering,
        index: usize,
        context: &mut DeliveryContext<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        self.send(index, false, Some(tampering), context, deliveries);
        self.send(index, false, None, context, deliveries);
    }

    fn send(
        &mut self,
        index: usize,
        overlaps: bool,
        tampering: Option<Tampering>,
        context: &mut DeliveryContext<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        self.last_id = self.last_id.saturating_add(1);
        let id = DeliveryId(self.last_id);
        self.in_progress.insert(id, index);
        entry.record_attempt(Some(id), context.now, AttemptResult::InProgress, tampering.is_some());
        // A tampered copy changes nothing else: the notification itself follows.
        if tampering.is_none() {
            // A duplicate belongs to the round of the delivery before it.
            if !overlaps {
                entry.start_round(context.now);
            }
            entry.state = NotificationState::InProgress;
            entry.was_delayed = false;
            self.due_times.set(index, None);
            self.held_back.remove(&index);
        }
        deliveries.push(Delivery {
            id,
            out_trade_no: entry.notification.number.clone(),
            signed: entry.notification.sign(tampering, context),
            timeout: context.settings.notify_timeout,
            overlaps,
            forged: tampering.is_some(),
        });
    }

    /// Applies the result of a delivery. Ignores a delivery that is no longer in progress.
    pub(crate) fn record_delivery(
        &mut self,
        id: DeliveryId,
        result: &DeliveryResult,
        context: &mut DeliveryContext<'_>,
    ) {
        let Some(index) = self.in_progress.remove(&id) else { return };
        let Some(entry) = self.entries.get_mut(index) else { return };
        let result = entry.notification.evaluate_response(result, context);
        let Some(attempt) = entry.attempts.iter_mut().find(|attempt| attempt.id == Some(id)) else { return };
        attempt.result = result;
        if attempt.forged {
            if result == AttemptResult::Success {
                let number = Some(entry.notification.number.as_str());
                context.warnings.push(
                    context.now,
                    Kind::ForgedNotificationAccepted,
                    number,
                    "a tampered notification was accepted: verify its signature before responding",
                );
            }
            return;
        }
        if result == AttemptResult::Success {
            entry.state = NotificationState::Accepted;
            self.due_times.set(index, None);
        } else if entry.state == NotificationState::InProgress && !entry.has_delivery_in_progress() {
            // Duplicates overlap: the round has failed only when the last response has arrived and none was a success.
            let next = entry.next_round(context);
            self.due_times.set(index, next);
        }
    }
}

impl QueuedNotification {
    fn record_attempt(&mut self, id: Option<DeliveryId>, now: UnixTime, result: AttemptResult, forged: bool) {
        self.attempts.push(Attempt { id, at: now.as_secs(), result, forged });
    }

    fn start_round(&mut self, now: UnixTime) {
        self.rounds = self.rounds.saturating_add(1);
        self.round_started_at = now;
    }

    fn has_delivery_in_progress(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.result == AttemptResult::InProgress && !attempt.forged)
    }

    /// Returns the time of the next round by the schedule. Stops the notification after the last interval.
    fn next_round(&mut self, context: &mut DeliveryContext<'_>) -> Option<UnixTime> {
        let interval = self
            .rounds
            .checked_sub(1)
            .and_then(|round| self.notification.schedule(context.settings).get(round));
        let Some(interval) = interval else {
            self.state = NotificationState::Stopped;
            let number = Some(self.notification.number.as_str());
            let detail = "the notification was not accepted within its schedule of retries";
            context.warnings.push(context.now, Kind::RetriesExhausted, number, detail);
            return None;
        };
        self.state = NotificationState::Waiting;
        Some(self.round_started_at.after(*interval))
    }
}
