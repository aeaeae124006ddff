//! The tables of the model.

use super::table::{Cells, Interval, Rows as TableRows, successor};
use crate::{
    engine::scan::RawScan,
    ledger::{
        Change, Changes, Context, Corrupt, Decision, Load, Mode, Operation, Prefix, Rows, Scan, Table,
        TableInfo, Value,
    },
};
use std::collections::BTreeMap;

/// All rows, by table and primary key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    tables: BTreeMap<&'static str, TableRows>,
}

/// Two stores are equal if their rows are.
impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        let rows = |store: &Self| -> Vec<(&'static str, Cells)> {
            let all =
                store.tables.iter().flat_map(|(name, table)| table.all().map(|row| (*name, row.clone())));
            all.collect()
        };
        rows(self) == rows(other)
    }
}

/// The error for a change of this table whose [`Mode`] does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict(pub(crate) &'static str);

/// A row as it was before a change.
struct Undo {
    table: &'static TableInfo,
    key: Cells,
    row: Option<Cells>,
}

impl Store {
    /// Runs an operation.
    ///
    /// # Panics
    ///
    /// If a change conflicts: nobody else can have been first.
    pub(crate) fn run<O: Operation>(
        &mut self,
        operation: &O,
        context: &Context,
    ) -> Result<O::Output, Corrupt> {
        let decision = self.decide(operation, context)?;
        self.apply(&decision.changes).expect("an operation must not conflict with itself");
        Ok(decision.output)
    }

    /// Decides an operation without applying it.
    pub(super) fn decide<O: Operation>(
        &self,
        operation: &O,
        context: &Context,
    ) -> Result<Decision<O::Output>, Corrupt> {
        let mut rows = Rows::default();
        for load in operation.loads() {
            self.load_into(&load, &mut rows);
        }
        operation.decide(&rows, context)
    }

    /// Returns the rows with a prefix of the key.
    pub(crate) fn load<T: Table>(&self, prefix: Prefix<T>) -> Vec<T> {
        let mut rows = Rows::default();
        self.load_into(&prefix.load(), &mut rows);
        rows.all().unwrap()
    }

    /// Returns the rows of a scan.
    pub(crate) fn scan<T: Table>(&self, scan: &Scan<T>) -> Vec<T> {
        let rows = self.scan_raw(&scan.clone().into());
        rows.into_iter().map(|row| T::from_values(row).unwrap()).collect()
    }

    pub(super) fn scan_raw(&self, scan: &RawScan) -> Vec<Cells> {
        let Some(table) = self.tables.get(scan.table.name) else { return Vec::new() };
        let beginning = |more: &[Value]| [&scan.equal, more].concat();
        let mut interval = Interval::of_prefix(&scan.equal);
        if let Some(until) = &scan.until {
            // As in SQL, a comparison with null holds for no row.
            interval.lower = successor(&beginning(&[Value::Null])).unwrap();
            interval.upper = if *until == Value::Null {
                Some(Vec::new())
            } else {
                successor(&beginning(std::slice::from_ref(until)))
            };
        }
        if let Some(after) = &scan.after {
            if scan.is_descending {
                let upper = beginning(after);
                interval.upper =
                    Some(interval.upper.map_or_else(|| upper.clone(), |other| other.min(upper.clone())));
            } else if let Some(lower) = successor(&beginning(after)) {
                interval.lower = interval.lower.max(lower);
            }
        }
        let rows = table.in_order(scan.index, &interval);
        if scan.is_descending {
            rows.rev().take(scan.limit).cloned().collect()
        } else {
            rows.take(scan.limit).cloned().collect()
        }
    }

    /// Applies changes: all of them, or none.
    pub(crate) fn apply(&mut self, changes: &Changes) -> Result<(), Conflict> {
        let mut undo = Vec::new();
        let applied = changes.iter().try_for_each(|change| self.apply_one(change, &mut undo));
        if applied.is_err() {
            for Undo { table, key, row } in undo.into_iter().rev() {
                self.table(table).set(&key, row);
            }
        }
        applied
    }

    fn apply_one(&mut self, change: &Change, undo: &mut Vec<Undo>) -> Result<(), Conflict> {
        match change {
            Change::Write { table, values, mode } => {
                let rows = self.table(table);
                let key = &values[..table.key];
                let holds = match (mode, rows.get(key)) {
                    (Mode::Put, _) | (Mode::Insert, None) => true,
                    (Mode::Insert, Some(_)) | (Mode::Replace(_), None) => false,
                    (Mode::Replace(version), Some(row)) => {
                        row[table.position("version").unwrap()] == Value::Int(*version)
                    }
                };
                if !holds {
                    return Err(Conflict(table.name));
                }
                let row = rows.set(key, Some(values.clone()));
                undo.push(Undo { table, key: key.to_vec(), row });
            }
            Change::Delete { table, prefix } => {
                let rows = self.table(table);
                let keys: Vec<Cells> = rows.with_prefix(prefix).map(|(key, _)| key.clone()).collect();
                for key in keys {
                    let row = rows.set(&key, None);
                    undo.push(Undo { table, key, row });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn load_into(&self, load: &Load, rows: &mut Rows) {
        let Some(table) = self.tables.get(load.table.name) else { return };
        let limit = if load.is_first_only { 1 } else { usize::MAX };
        for (_, row) in table.with_prefix(&load.prefix).take(limit) {
            rows.push(load.table, row.clone());
        }
    }

    fn table(&mut self, table: &'static TableInfo) -> &mut TableRows {
        self.tables.entry(table.name).or_insert_with(|| TableRows::new(table))
    }
}
