//! Storing messages: notifications that change no order, and calls to WeChat Pay.

use super::{
    Changes, Context, Corrupt, Decision, Load, Operation, Prefix, Rows,
    rows::inbox::{CallRow, InboxRow},
};

impl InboxRow {
    /// Returns the read of the row that an earlier receipt wrote.
    pub(crate) fn load(&self) -> Load {
        Prefix::of_row(self).load()
    }

    /// Returns the row to write: the first receipt's, counted up, if there was one.
    pub(crate) fn received_again(&self, earlier: Option<Self>) -> Self {
        earlier.map_or_else(
            || self.clone(),
            |earlier| Self { count: earlier.count.saturating_add(1), ..earlier },
        )
    }
}

/// Stores a verified notification that changes nothing else.
#[derive(Clone, Debug)]
pub(crate) struct RecordNotification {
    /// The notification.
    pub(crate) inbox: InboxRow,
}

impl Operation for RecordNotification {
    type Output = InboxRow;

    fn loads(&self) -> Vec<Load> {
        vec![self.inbox.load()]
    }

    fn decide(&self, rows: &Rows, _: &Context) -> Result<Decision<InboxRow>, Corrupt> {
        let row = self.inbox.received_again(rows.one()?);
        let mut changes = Changes::default();
        changes.put(&row);
        Ok(Decision { changes, output: row })
    }
}

/// Stores calls to WeChat Pay.
#[derive(Clone, Debug)]
pub(crate) struct RecordCalls {
    /// The calls.
    pub(crate) calls: Vec<CallRow>,
}

impl Operation for RecordCalls {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        Vec::new()
    }

    fn decide(&self, _: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        let mut changes = Changes::default();
        for call in &self.calls {
            changes.put(call);
        }
        Ok(Decision { changes, output: () })
    }
}

#[cfg(test)]
mod tests;
