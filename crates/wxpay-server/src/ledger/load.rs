//! Reads: the rows that an operation needs, and scans of an index.

use super::table::{Cell, Corrupt, Table, TableInfo, Value};
use std::{fmt, marker::PhantomData};

/// The leading cells of a primary key. All cells name one row, fewer name all rows that begin with them.
pub(crate) struct Prefix<T> {
    values: Vec<Value>,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Prefix<T> {
    /// Creates an empty prefix, of all rows.
    pub(crate) fn all() -> Self {
        Self { values: Vec::new(), table: PhantomData }
    }

    /// Creates the prefix that names one row: its whole key.
    pub(crate) fn of_row(row: &T) -> Self {
        Self { values: row.key_values(), table: PhantomData }
    }

    /// Adds the next cell of the key.
    pub(crate) fn and(mut self, cell: &impl Cell) -> Self {
        self.values.push(cell.to_value());
        self
    }

    /// Returns the read of these rows, for an operation.
    pub(crate) fn load(self) -> Load {
        Load { table: T::INFO, prefix: self.values, is_first_only: false, is_parent: false }
    }

    /// Returns the read of the first of these rows.
    pub(crate) fn load_first(self) -> Load {
        Load { is_first_only: true, ..self.load() }
    }

    /// Returns the read of a row that must go on existing until the operation is committed. The operation depends on
    /// nothing else of it, and does not write it: those that do the same need not wait for each other.
    pub(crate) fn load_parent(self) -> Load {
        Load { is_parent: true, ..self.load() }
    }
}

impl<T> Clone for Prefix<T> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), table: PhantomData }
    }
}

impl<T: Table> fmt::Debug for Prefix<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(T::INFO.name).field(&self.values).finish()
    }
}

/// The rows of a table with a prefix of the primary key, or the first of them.
///
/// An operation may rely on what it did not find, too: if it puts a row that it loaded in vain, the row is still absent
/// when it is written. It may not rely on the first of several rows, nor on its absence, unless every operation that
/// adds such a row loads the same row as this one.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) table: &'static TableInfo,
    pub(crate) prefix: Vec<Value>,
    pub(crate) is_first_only: bool,
    /// See [`Prefix::load_parent`].
    pub(crate) is_parent: bool,
}

/// The rows that an engine loaded for an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows(Vec<(&'static str, Vec<Value>)>);

impl Rows {
    /// Adds a row of a table.
    pub(crate) fn push(&mut self, table: &'static TableInfo, values: Vec<Value>) {
        self.0.push((table.name, values));
    }

    /// Returns whether the row with this key was loaded.
    pub(crate) fn contain(&self, table: &'static TableInfo, key: &[Value]) -> bool {
        self.0.iter().any(|(name, values)| *name == table.name && values.starts_with(key))
    }

    /// Adds rows that were loaded later.
    pub(crate) fn append(&mut self, mut later: Self) {
        self.0.append(&mut later.0);
    }

    /// Returns all loaded rows of a table, in the order of the loads, and of the primary key within one.
    ///
    /// # Errors
    ///
    /// If a row is corrupt.
    pub(crate) fn all<T: Table>(&self) -> Result<Vec<T>, Corrupt> {
        let rows = self.0.iter().filter(|(table, _)| *table == T::INFO.name);
        rows.map(|(_, values)| T::from_values(values.clone())).collect()
    }

    /// Returns the first loaded row of a table: the only one, for operations that load one.
    ///
    /// # Errors
    ///
    /// If the row is corrupt.
    pub(crate) fn one<T: Table>(&self) -> Result<Option<T>, Corrupt> {
        let row = self.0.iter().find(|(table, _)| *table == T::INFO.name);
        row.map(|(_, values)| T::from_values(values.clone())).transpose()
    }
}

/// A scan: rows in the order of an index, equal in its leading columns.
pub(crate) struct Scan<T> {
    pub(crate) index: &'static str,
    pub(crate) equal: Vec<Value>,
    /// The largest value of the column after the equal ones.
    pub(crate) until: Option<Value>,
    /// The position of the last row of the previous page, exclusive. See [`Scan::position`].
    pub(crate) after: Option<Vec<Value>>,
    pub(crate) is_descending: bool,
    pub(crate) limit: usize,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Scan<T> {
    /// Creates a scan in the order of an index (`""`: the primary key), of at most `limit` rows.
    pub(crate) fn of(index: &'static str, limit: usize) -> Self {
        Self {
            index,
            equal: Vec::new(),
            until: None,
            after: None,
            is_descending: false,
            limit,
            table: PhantomData,
        }
    }

    /// Requires the next column of the index to be equal to this.
    pub(crate) fn equal(mut self, cell: &impl Cell) -> Self {
        self.equal.push(cell.to_value());
        self
    }

    /// Requires the column after the equal ones to be at most this.
    pub(crate) fn until(self, cell: &impl Cell) -> Self {
        Self { until: Some(cell.to_value()), ..self }
    }

    /// Continues after the row at this position.
    pub(crate) fn after(self, position: Vec<Value>) -> Self {
        Self { after: Some(position), ..self }
    }

    /// Scans from the last row to the first.
    pub(crate) fn descending(self) -> Self {
        Self { is_descending: true, ..self }
    }

    /// Returns the columns that order the rows, after the equal ones.
    pub(crate) fn order(&self) -> Vec<&'static str> {
        T::INFO.order(self.index).split_off(self.equal.len())
    }

    /// Returns the position of a row: the cells that order it, after the equal ones.
    pub(crate) fn position(&self, row: &T) -> Vec<Value> {
        let values = row.values();
        let cell = |column| T::INFO.position(column).and_then(|position| values.get(position).cloned());
        self.order().into_iter().filter_map(cell).collect()
    }
}

impl<T> Clone for Scan<T> {
    fn clone(&self) -> Self {
        Self {
            index: self.index,
            equal: self.equal.clone(),
            until: self.until.clone(),
            after: self.after.clone(),
            is_descending: self.is_descending,
            limit: self.limit,
            table: PhantomData,
        }
    }
}

impl<T: Table> fmt::Debug for Scan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(T::INFO.name)
            .field("index", &self.index)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
