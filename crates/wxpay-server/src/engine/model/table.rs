//! A table of the model: the rows by key, and a map for each index.

use crate::ledger::{TableInfo, Value};
use std::collections::BTreeMap;

/// The cells of a row, or of a key.
pub(super) type Cells = Vec<Value>;

/// The rows of a table, and its indexes.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    by_key: BTreeMap<Cells, Cells>,
    indexes: Vec<OneIndex>,
}

#[derive(Clone, Debug)]
struct OneIndex {
    name: &'static str,
    /// The positions of the columns that order it.
    columns: Vec<usize>,
    keys: BTreeMap<Cells, Cells>,
}

impl OneIndex {
    fn cells(&self, row: &[Value]) -> Cells {
        self.columns.iter().map(|&column| row[column].clone()).collect()
    }
}

/// An interval of cells: from `lower`, which is in it, to `upper`, which is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) lower: Cells,
    pub(super) upper: Option<Cells>,
}

impl Interval {
    /// Returns the interval of all cells that begin with a prefix.
    pub(super) fn of_prefix(prefix: &[Value]) -> Self {
        Self { lower: prefix.to_vec(), upper: successor(prefix) }
    }

    fn entries<'a>(
        &self,
        map: &'a BTreeMap<Cells, Cells>,
    ) -> Box<dyn DoubleEndedIterator<Item = (&'a Cells, &'a Cells)> + 'a> {
        match &self.upper {
            Some(upper) if *upper <= self.lower => Box::new(std::iter::empty()),
            Some(upper) => Box::new(map.range(self.lower.clone()..upper.clone())),
            None => Box::new(map.range(self.lower.clone()..)),
        }
    }
}

/// Returns the least cells that are greater than all that begin with a prefix. `None` if there are none.
pub(super) fn successor(prefix: &[Value]) -> Option<Cells> {
    let (last, first) = prefix.split_last()?;
    let next = match last {
        Value::Null => Value::Int(i64::MIN),
        Value::Int(i64::MAX) => Value::Text("".into()),
        Value::Int(number) => Value::Int(number.saturating_add(1)),
        Value::Text(text) => Value::Text(format!("{text}\0").into()),
    };
    Some(first.iter().cloned().chain([next]).collect())
}

impl Rows {
    pub(super) fn new(table: &'static TableInfo) -> Self {
        let index = |name: &'static str| OneIndex {
            name,
            columns: table.order(name).iter().map(|column| table.position(column).unwrap()).collect(),
            keys: BTreeMap::new(),
        };
        let indexes = table.indexes.iter().map(|each| index(each.name)).collect();
        Self { by_key: BTreeMap::new(), indexes }
    }

    pub(super) fn get(&self, key: &[Value]) -> Option<&Cells> {
        self.by_key.get(key)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Cells> {
        self.by_key.values()
    }

    /// Writes or removes a row. Returns the row as it was.
    pub(super) fn set(&mut self, key: &[Value], row: Option<Cells>) -> Option<Cells> {
        for index in &mut self.indexes {
            if let Some(before) = self.by_key.get(key) {
                index.keys.remove(&index.cells(before));
            }
            if let Some(row) = &row {
                index.keys.insert(index.cells(row), key.to_vec());
            }
        }
        match row {
            Some(row) => self.by_key.insert(key.to_vec(), row),
            None => self.by_key.remove(key),
        }
    }

    /// Returns the rows with a prefix of the key.
    pub(super) fn with_prefix(&self, prefix: &[Value]) -> impl Iterator<Item = (&Cells, &Cells)> {
        Interval::of_prefix(prefix).entries(&self.by_key)
    }

    /// Returns rows in the order of an index, or of the key for the name `""`.
    pub(super) fn in_order<'a>(
        &'a self,
        index: &str,
        interval: &Interval,
    ) -> Box<dyn DoubleEndedIterator<Item = &'a Cells> + 'a> {
        if index.is_empty() {
            return Box::new(interval.entries(&self.by_key).map(|(_, row)| row));
        }
        let index = self.indexes.iter().find(|each| each.name == index).expect("the index must be declared");
        Box::new(interval.entries(&index.keys).map(|(_, key)| &self.by_key[key]))
    }
}
