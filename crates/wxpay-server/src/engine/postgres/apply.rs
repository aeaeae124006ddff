//! Changes, applied in the open transaction of a decision.

use super::{
    failure::Kind,
    partitions::Partition,
    session::{Reply, Request, Session},
    texts::AllTexts,
    transaction::Stopped,
};
use crate::{
    engine::LedgerError,
    ledger::{Change, Changes, Load, Mode, Rows, TableInfo, Value},
};
use std::collections::BTreeSet;

/// The loads and rows that a decision was made on.
#[derive(Clone, Copy)]
pub(super) struct Applied<'a> {
    pub(super) loads: &'a [Load],
    pub(super) rows: &'a Rows,
    pub(super) texts: &'a AllTexts,
}

/// A statement that applies a change.
struct Statement<'a> {
    table: &'static TableInfo,
    text: &'a str,
    cells: &'a [Value],
    /// The version that was seen, as the last parameter.
    seen: Option<Value>,
    /// Whether it is a conflict if no row is changed.
    must_change: bool,
}

impl Applied<'_> {
    /// Applies changes in their order.
    pub(super) async fn apply(self, session: &Session, changes: &Changes) -> Result<(), Stopped> {
        let mut written = BTreeSet::new();
        let mut statements = Vec::new();
        for change in changes.iter() {
            statements.push(match change {
                Change::Write { table, values, mode } => {
                    let key = values.get(..table.key).unwrap_or(values);
                    let is_first = written.insert((table.name, key));
                    let was_absent = is_first && self.was_absent(table, key);
                    self.write(table, values, *mode, was_absent)?
                }
                Change::Delete { table, prefix } => self.delete(table, prefix)?,
            });
        }
        if statements.is_empty() {
            return Ok(());
        }
        let requests = statements.iter().map(|statement| {
            Request::execute(statement.text, statement.table, statement.cells, statement.seen.as_ref())
        });
        let replies = match session.send(requests.collect()).await {
            Ok(replies) => replies,
            Err(failure) if failure.kind == Kind::NoPartition => {
                return Err(Stopped::NoPartition(partitions(changes), failure));
            }
            Err(failure) => return Err(failure.into()),
        };
        for (statement, reply) in statements.iter().zip(replies) {
            if statement.must_change && !matches!(reply, Reply::Changed(1..)) {
                return Err(conflict(statement.table));
            }
        }
        Ok(())
    }

    /// Returns whether a row was loaded in vain.
    fn was_absent(self, table: &'static TableInfo, key: &[Value]) -> bool {
        let loads = |load: &Load| {
            load.table.name == table.name && !load.is_first_only && key.starts_with(&load.prefix)
        };
        self.loads.iter().any(loads) && !self.rows.contain(table, key)
    }

    fn write<'a>(
        &self,
        table: &'static TableInfo,
        cells: &'a [Value],
        mode: Mode,
        was_absent: bool,
    ) -> Result<Statement<'a>, Stopped>
    where
        Self: 'a,
    {
        let texts = self.texts.of(table).map_err(Stopped::Refused)?;
        let statement = |text, seen, must_change| Statement { table, text, cells, seen, must_change };
        Ok(match mode {
            Mode::Insert => statement(&*texts.plain.insert, None, true),
            Mode::Put if was_absent => statement(&*texts.plain.insert, None, true),
            Mode::Put => statement(&*texts.plain.put, None, false),
            Mode::Replace(seen) => {
                let replace = texts.plain.replace.as_ref().ok_or_else(|| conflict(table))?;
                statement(replace, Some(Value::Int(seen)), true)
            }
        })
    }

    fn delete<'a>(&self, table: &'static TableInfo, prefix: &'a [Value]) -> Result<Statement<'a>, Stopped>
    where
        Self: 'a,
    {
        let texts = self.texts.of(table).map_err(Stopped::Refused)?;
        let text = texts.plain.delete.get(prefix.len()).ok_or_else(|| conflict(table))?;
        Ok(Statement { table, text, cells: prefix, seen: None, must_change: false })
    }
}

/// Returns the partitions that changes write to.
fn partitions(changes: &Changes) -> Vec<Partition> {
    let partition = |change: &Change| match change {
        Change::Write { table, values, .. } if table.is_monthly() => match values.first() {
            Some(Value::Int(month)) => Some((table.name, u64::try_from(*month).ok()?)),
            Some(Value::Null | Value::Text(_)) | None => None,
        },
        Change::Write { .. } | Change::Delete { .. } => None,
    };
    let partitions: BTreeSet<Partition> = changes.iter().filter_map(partition).collect();
    partitions.into_iter().collect()
}

/// Returns the error for a change that another transaction came before; or that the table does not support, by a mistake
/// of the operation.
fn conflict(table: &TableInfo) -> Stopped {
    Stopped::Conflict(LedgerError::Conflict(table.name))
}
