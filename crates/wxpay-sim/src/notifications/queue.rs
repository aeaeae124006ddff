//! All notifications, and the order in which they are delivered.

use super::{
    Alteration, AttemptResult, Delivery, DeliveryContext, DeliveryId, DeliveryResult, Message,
    NotificationCopy, NotificationRecord, NotificationState, Tampering, delivery::LazilySigned,
    due::DueQueue, queued::QueuedNotification,
};
use crate::{faults::Fault, warnings::Kind};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
    time::Duration,
};
use wxpay_proto::{UnixTime, id::NotifyId};

/// The maximum number of notifications that one call takes: the gateway is locked meanwhile.
const MAX_BATCH: usize = 500;

/// All notifications, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notifications {
    entries: BTreeMap<u64, QueuedNotification>,
    last_entry: u64,
    /// The time of the next round of each waiting notification.
    due_times: DueQueue,
    /// The notifications held back until another was sent.
    held_back: BTreeSet<u64>,
    /// The notifications by the merchant's number that each is about.
    numbers: BTreeMap<String, Vec<u64>>,
    ids: BTreeMap<NotifyId, u64>,
    in_progress: BTreeMap<DeliveryId, u64>,
    last_id: u64,
}

impl Notifications {
    pub(crate) fn add(
        &mut self,
        number: &str,
        notify_id: NotifyId,
        message: Arc<dyn Message>,
        due: UnixTime,
    ) {
        self.last_entry = self.last_entry.saturating_add(1);
        let entry = self.last_entry;
        self.due_times.set(entry, Some(due));
        self.numbers.entry(number.into()).or_default().push(entry);
        self.ids.insert(notify_id.clone(), entry);
        let notification = QueuedNotification {
            number: number.into(),
            notify_id,
            message,
            state: NotificationState::Waiting,
            round_due_at: due,
            rounds: 0,
            was_delayed: false,
            attempts: Vec::new(),
        };
        self.entries.insert(entry, notification);
    }

    /// Continues the numbers of earlier notifications, so that a late result of one of theirs is ignored.
    pub(crate) fn continue_after(&mut self, earlier: &Self) {
        (self.last_entry, self.last_id) = (earlier.last_entry, earlier.last_id);
    }

    /// Resumes a saved queue in place of the current one: deliveries that were in progress when it was saved are due
    /// again, and numbers of deliveries are not used twice.
    pub(crate) fn resume_after(&mut self, current: &Self, now: UnixTime) {
        self.last_id = self.last_id.max(current.last_id);
        for index in std::mem::take(&mut self.in_progress).into_values() {
            let Some(entry) = self.entries.get_mut(&index) else { continue };
            for attempt in &mut entry.attempts {
                if attempt.result == AttemptResult::InProgress {
                    attempt.result = AttemptResult::NoResponse;
                    attempt.reason = Some(String::from("interrupted: a saved state was loaded"));
                }
            }
            if entry.state == NotificationState::InProgress {
                entry.state = NotificationState::Waiting;
                self.due_times.set(index, Some(now));
            }
        }
    }

    pub(crate) fn next_due(&self) -> Option<UnixTime> {
        self.due_times.first()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns all notifications.
    pub(crate) fn records(&self) -> impl ExactSizeIterator<Item = NotificationRecord> {
        self.entries.iter().map(|(entry, notification)| self.record(*entry, notification))
    }

    /// Returns the notifications after this entry, each with its entry.
    pub(crate) fn records_after(&self, after: u64) -> impl Iterator<Item = (u64, NotificationRecord)> {
        let rest = self.entries.range((Bound::Excluded(after), Bound::Unbounded));
        rest.map(|(entry, notification)| (*entry, self.record(*entry, notification)))
    }

    /// Returns the notifications about a number after this entry, each with its entry.
    pub(crate) fn records_of_number(
        &self,
        number: &str,
        after: u64,
    ) -> impl Iterator<Item = (u64, NotificationRecord)> {
        let entries = self.numbers.get(number).into_iter().flatten().copied();
        entries.filter(move |entry| *entry > after).filter_map(|entry| Some((entry, self.record_of(entry)?)))
    }

    /// Returns the notifications to a merchant about its number whose event type is wanted. Those without a type are
    /// given as an empty text.
    pub(crate) fn records_about(
        &self,
        mchid: &str,
        number: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Vec<NotificationRecord> {
        let entries = self.numbers.get(number).into_iter().flatten();
        let entries = entries.filter_map(|entry| Some((*entry, self.entries.get(entry)?)));
        let wanted = entries.filter(|(_, notification)| {
            notification.message.mchid() == mchid
                && is_wanted(notification.message.event_type().unwrap_or_default())
        });
        wanted.map(|(entry, notification)| self.record(entry, notification)).collect()
    }

    /// Returns the notification with this id.
    pub(crate) fn by_id(&self, notify_id: &NotifyId) -> Option<NotificationRecord> {
        self.record_of(*self.ids.get(notify_id)?)
    }

    fn record_of(&self, entry: u64) -> Option<NotificationRecord> {
        self.entries.get(&entry).map(|notification| self.record(entry, notification))
    }

    fn record(&self, entry: u64, notification: &QueuedNotification) -> NotificationRecord {
        NotificationRecord {
            notify_id: notification.notify_id.clone(),
            mchid: notification.message.mchid().into(),
            out_trade_no: notification.number.clone(),
            event_type: notification.message.event_type(),
            state: notification.state,
            next_at: self.due_times.due_at(entry).map(UnixTime::as_secs),
            deliveries: notification.attempts.clone(),
        }
    }

    /// Forgets the notifications to a merchant about its number whose event type is wanted.
    pub(crate) fn forget(&mut self, mchid: &str, number: &str, is_wanted: impl Fn(&str) -> bool) {
        let Some(entries) = self.numbers.get_mut(number) else { return };
        let is_theirs = |entry: &u64| {
            self.entries.get(entry).is_some_and(|notification| {
                notification.message.mchid() == mchid
                    && is_wanted(notification.message.event_type().unwrap_or_default())
            })
        };
        let (forgotten, kept): (Vec<u64>, Vec<u64>) = entries.iter().copied().partition(is_theirs);
        *entries = kept;
        if entries.is_empty() {
            self.numbers.remove(number);
        }
        for entry in forgotten {
            let Some(notification) = self.entries.remove(&entry) else { continue };
            self.ids.remove(&notification.notify_id);
            self.due_times.set(entry, None);
            self.held_back.remove(&entry);
            for attempt in &notification.attempts {
                if let Some(id) = attempt.id {
                    self.in_progress.remove(&id);
                }
            }
        }
    }

    /// Makes a notification due now. Returns `None` if it does not exist or is being delivered.
    pub(crate) fn resend(&mut self, notify_id: &NotifyId, now: UnixTime) -> Option<NotificationRecord> {
        let index = *self.ids.get(notify_id)?;
        let entry =
            self.entries.get_mut(&index).filter(|entry| entry.state != NotificationState::InProgress)?;
        entry.state = NotificationState::Waiting;
        self.due_times.set(index, Some(now));
        self.record_of(index)
    }

    /// Cancels the retries of a waiting notification. Returns `None` if it does not exist or is not waiting.
    pub(crate) fn cancel(&mut self, notify_id: &NotifyId) -> Option<NotificationRecord> {
        let index = *self.ids.get(notify_id)?;
        let entry = self.entries.get_mut(&index).filter(|entry| entry.state == NotificationState::Waiting)?;
        entry.state = NotificationState::Stopped;
        self.due_times.set(index, None);
        self.held_back.remove(&index);
        self.record_of(index)
    }

    /// Returns a copy of a notification. Changes no record. Returns `None` if there is no such notification, or if the
    /// alteration does not apply to it.
    pub(crate) fn altered_copy(
        &self,
        notify_id: &NotifyId,
        alteration: &Alteration,
        context: &mut DeliveryContext<'_>,
    ) -> Option<NotificationCopy> {
        let entry = self.entries.get(self.ids.get(notify_id)?)?;
        let unsigned = entry.message.prepare_altered(notify_id.as_str(), alteration, context)?;
        Some(NotificationCopy::new(unsigned))
    }

    /// Returns the deliveries that are due, the longest due first: a bounded number of notifications at a time. A
    /// held-back notification follows the next one sent.
    pub(crate) fn due(&mut self, context: &mut DeliveryContext<'_>) -> Vec<Delivery> {
        let ready: Vec<u64> = self.due_times.due_by(context.now.business).take(MAX_BATCH).collect();
        let mut deliveries = Vec::new();
        for index in ready {
            let before = deliveries.len();
            self.deliver_round(index, context, &mut deliveries);
            if deliveries.len() > before {
                let held_back: Vec<u64> =
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
        index: u64,
        context: &mut DeliveryContext<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        // A held-back notification that was sent after another one of this batch is no longer due.
        let Some(due_at) = self.due_times.due_at(index).filter(|due| *due <= context.now.business) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(&index) else { return };
        // At most one fault per round: a delivery that a fault has delayed or held back is sent without another fault.
        let had_its_fault = entry.was_delayed || self.held_back.contains(&index);
        let fault = if had_its_fault {
            None
        } else {
            context.faults.inject(|| entry.fault_context(), context.now.business)
        };
        match fault {
            Some(Fault::NotificationReordered) => {
                let interval = entry.message.schedule(context.settings).first().copied().unwrap_or_default();
                self.held_back.insert(index);
                self.due_times.set(index, Some(context.now.business.after(interval)));
            }
            Some(Fault::NotificationDelayed { millis }) => {
                entry.was_delayed = true;
                self.due_times.set(index, Some(context.now.business.after(Duration::from_millis(millis))));
            }
            Some(Fault::NotificationLost) => {
                entry.record_attempt(None, due_at, AttemptResult::Lost, false);
                if let Some(attempt) = entry.attempts.last_mut() {
                    attempt.reason = Some(String::from("lost by the fault notification_lost"));
                }
                entry.start_round(due_at);
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
                // Randomness is drawn only if probes are configured: otherwise the same seed would give other data.
                let probes = entry.message.probes_per_mille(context.settings);
                if probes > 0 && context.rng.below(1000) < probes {
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
        index: u64,
        context: &mut DeliveryContext<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        self.send(index, false, Some(tampering), context, deliveries);
        self.send(index, false, None, context, deliveries);
    }

    fn send(
        &mut self,
        index: u64,
        overlaps: bool,
        tampering: Option<Tampering>,
        context: &mut DeliveryContext<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        let is_held_back = self.held_back.contains(&index);
        let Some(entry) = self.entries.get_mut(&index) else { return };
        self.last_id = self.last_id.saturating_add(1);
        let id = DeliveryId(self.last_id);
        self.in_progress.insert(id, index);
        entry.record_attempt(Some(id), context.now.business, AttemptResult::InProgress, tampering.is_some());
        // A tampered copy changes nothing else: the notification itself follows.
        if tampering.is_none() {
            // A duplicate belongs to the round of the delivery before it.
            if !overlaps {
                let due_at = self.due_times.due_at(index).unwrap_or(context.now.business);
                entry.start_round(due_at.min(context.now.business));
            }
            entry.state = NotificationState::InProgress;
            entry.was_delayed = false;
            self.due_times.set(index, None);
            self.held_back.remove(&index);
        }
        deliveries.push(Delivery {
            id,
            out_trade_no: entry.number.clone(),
            request: Arc::new(LazilySigned::new(entry.message.prepare(
                entry.notify_id.as_str(),
                tampering,
                context,
            ))),
            timeout: context.settings.notify_timeout,
            overlaps,
            is_held_back,
            forged: tampering.is_some(),
        });
    }

    /// Applies the result of a delivery and returns the record of its notification. Ignores a delivery that is no
    /// longer in progress.
    pub(crate) fn record_delivery(
        &mut self,
        id: DeliveryId,
        result: &DeliveryResult,
        context: &mut DeliveryContext<'_>,
    ) -> Option<NotificationRecord> {
        let index = self.in_progress.remove(&id)?;
        self.apply_result(index, id, result, context);
        self.record_of(index)
    }

    fn apply_result(
        &mut self,
        index: u64,
        id: DeliveryId,
        response: &DeliveryResult,
        context: &mut DeliveryContext<'_>,
    ) {
        let Some(entry) = self.entries.get_mut(&index) else { return };
        let result = entry.evaluate(response, context);
        let rule = entry.message.acceptance_rule();
        let Some(attempt) = entry.attempts.iter_mut().find(|attempt| attempt.id == Some(id)) else { return };
        attempt.complete(result, response, rule);
        if attempt.forged {
            if result == AttemptResult::Success {
                let number = Some(entry.number.as_str());
                context.warnings.push(
                    context.now.business,
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
