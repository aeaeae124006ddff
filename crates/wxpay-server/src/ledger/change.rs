//! Changes: the writes that an operation decided on, as data.

use super::{
    load::Prefix,
    table::{Table, TableInfo, Value},
};

/// The condition under which a row is written. If it does not hold, somebody else was first: the engine applies nothing,
/// and runs the operation again on the rows as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Inserts the row, or replaces the row with its key.
    Put,
    /// Inserts the row. Its key must be absent.
    Insert,
    /// Replaces the row with its key. Its column `version` must have this value.
    Replace(i64),
}

/// A write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Writes a row.
    Write {
        /// The table.
        table: &'static TableInfo,
        /// The cells, in the order of the columns.
        values: Vec<Value>,
        /// The condition.
        mode: Mode,
    },
    /// Deletes the rows with these cells at the beginning of the primary key.
    Delete {
        /// The table.
        table: &'static TableInfo,
        /// The leading cells of the key.
        prefix: Vec<Value>,
    },
}

impl Change {
    /// Returns the table.
    pub(crate) fn table(&self) -> &'static TableInfo {
        match self {
            Self::Write { table, .. } | Self::Delete { table, .. } => table,
        }
    }
}

/// The writes of one transaction, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    /// Inserts a row, or replaces the row with its key.
    pub(crate) fn put<T: Table>(&mut self, row: &T) {
        self.write(row, Mode::Put);
    }

    /// Inserts a row. Its key must be absent.
    pub(crate) fn insert<T: Table>(&mut self, row: &T) {
        self.write(row, Mode::Insert);
    }

    /// Writes a versioned row: inserts it if it was absent, otherwise replaces the version that was seen.
    pub(crate) fn root<T: Table>(&mut self, row: &T, seen: Option<u64>) {
        let mode =
            seen.map_or(Mode::Insert, |version| Mode::Replace(i64::try_from(version).unwrap_or(i64::MAX)));
        self.write(row, mode);
    }

    /// Deletes the rows with this prefix of the key.
    pub(crate) fn delete<T: Table>(&mut self, prefix: Prefix<T>) {
        let load = prefix.load();
        self.0.push(Change::Delete { table: load.table, prefix: load.prefix });
    }

    /// Returns whether nothing is written.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the writes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    fn write<T: Table>(&mut self, row: &T, mode: Mode) {
        self.0.push(Change::Write { table: T::INFO, values: row.values(), mode });
    }
}

impl From<Vec<Change>> for Changes {
    fn from(changes: Vec<Change>) -> Self {
        Self(changes)
    }
}
