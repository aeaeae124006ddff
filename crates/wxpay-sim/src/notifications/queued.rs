//! A notification in the queue: its message, its state and its rounds.

use super::{
    Attempt, AttemptResult, DeliveryContext, DeliveryId, DeliveryResult, Message, NotificationState,
};
use crate::{
    faults::{FaultContext, Operation},
    warnings::Kind,
};
use std::sync::Arc;
use wxpay_proto::{UnixTime, id::NotifyId};

/// A notification as queued.
#[derive(Clone, Debug)]
pub(super) struct QueuedNotification {
    /// The order's number, or the merchant's number of the subject if the notification is not about an order.
    pub(super) number: String,
    pub(super) notify_id: NotifyId,
    pub(super) message: Arc<dyn Message>,
    pub(super) state: NotificationState,
    /// The time at which the last round was due. The intervals count from it, so that rounds that business time skipped
    /// follow one another at once.
    pub(super) round_due_at: UnixTime,
    pub(super) rounds: usize,
    /// True if a fault has delayed this round already.
    pub(super) was_delayed: bool,
    pub(super) attempts: Vec<Attempt>,
}

impl QueuedNotification {
    pub(super) fn record_attempt(
        &mut self,
        id: Option<DeliveryId>,
        now: UnixTime,
        result: AttemptResult,
        forged: bool,
    ) {
        self.attempts.push(Attempt { id, at: now.as_secs(), result, status: None, reason: None, forged });
    }

    pub(super) fn start_round(&mut self, due_at: UnixTime) {
        self.rounds = self.rounds.saturating_add(1);
        self.round_due_at = due_at;
    }

    pub(super) fn fault_context(&self) -> FaultContext {
        FaultContext {
            api_version: self.message.api_version(),
            operation: Operation::Notification,
            path: String::new(),
            mchid: Some(self.message.mchid().into()),
            numbers: vec![self.number.clone()],
        }
    }

    pub(super) fn evaluate(
        &self,
        result: &DeliveryResult,
        context: &mut DeliveryContext<'_>,
    ) -> AttemptResult {
        match result {
            DeliveryResult::Failed { .. } => AttemptResult::NoResponse,
            DeliveryResult::Response { status, body } => {
                if self.message.is_accepted(*status, body, &self.number, context) {
                    AttemptResult::Success
                } else {
                    AttemptResult::Rejected(*status)
                }
            }
        }
    }

    pub(super) fn has_delivery_in_progress(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.result == AttemptResult::InProgress && !attempt.forged)
    }

    /// Returns the time of the next round by the schedule. Stops the notification after the last interval.
    pub(super) fn next_round(&mut self, context: &mut DeliveryContext<'_>) -> Option<UnixTime> {
        let interval =
            self.rounds.checked_sub(1).and_then(|round| self.message.schedule(context.settings).get(round));
        let Some(interval) = interval else {
            self.state = NotificationState::Stopped;
            let number = Some(self.number.as_str());
            let detail = "the notification was not accepted within its schedule of retries";
            context.warnings.push(context.now.business, Kind::RetriesExhausted, number, detail);
            return None;
        };
        self.state = NotificationState::Waiting;
        Some(self.round_due_at.after(*interval))
    }
}
