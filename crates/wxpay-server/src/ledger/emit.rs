//! Events of an order: numbered within the order, and written into the outbox with the change that they report.

use super::{
    Changes, Shard, Subject,
    order::OrderState,
    rows::event::{EventType, OutboxRow},
    rows::refund::RefundRow,
};
use crate::merchants::MerchantName;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wxpay_proto::UnixTime;

impl OrderState {
    /// Emits an event with the order as its object. Call it after the change that it reports.
    pub(crate) fn emit(&mut self, changes: &mut Changes, event_type: EventType, now: UnixTime) {
        self.emit_object(changes, event_type, now, Self::to_json);
    }

    /// Emits an event with a refund of the order as its object.
    pub(crate) fn emit_refund(
        &mut self,
        changes: &mut Changes,
        event_type: EventType,
        refund: &RefundRow,
        now: UnixTime,
    ) {
        self.emit_object(changes, event_type, now, |state| state.refund_json(refund));
    }

    /// Emits an event with another object, under the order's subject.
    pub(crate) fn emit_object(
        &mut self,
        changes: &mut Changes,
        event_type: EventType,
        now: UnixTime,
        object: impl FnOnce(&Self) -> Value,
    ) {
        self.order.seq = self.order.seq.saturating_add(1);
        self.order.updated_at = now;
        let key = self.order.key();
        let event =
            event(key.shard(), key.subject(), self.order.seq, key.merchant, event_type, &object(self), now);
        changes.insert(&event);
    }
}

/// Creates an event for the outbox.
pub(crate) fn event(
    shard: Shard,
    subject: Subject,
    seq: u64,
    merchant: MerchantName,
    event_type: EventType,
    data: &Value,
    at: UnixTime,
) -> OutboxRow {
    let id = event_id(&subject, seq, at);
    OutboxRow { shard, subject, seq, id, merchant, event_type, data: data.to_string(), at }
}

/// Returns the id of an event: its time in milliseconds, then a digest. Ids of one time are neighbours in the index: a
/// commit of many events writes few of its pages.
fn event_id(subject: &Subject, seq: u64, at: UnixTime) -> String {
    let digest = digest(&[subject.as_str(), &seq.to_string()]);
    format!("evt_{:012x}{}", at.as_millis(), hex::encode(digest.get(..10).unwrap_or_default()))
}

/// Returns an id: a prefix, and 128 bits of the digest of its parts. The same parts give the same id.
pub(crate) fn digest_id(prefix: &str, parts: &[&str]) -> String {
    format!("{prefix}_{}", hex::encode(digest(parts).get(..16).unwrap_or_default()))
}

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize().into()
}
