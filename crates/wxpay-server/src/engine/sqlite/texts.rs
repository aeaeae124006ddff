//! The texts of statements, derived from the description of a table.

use crate::{
    engine::scan::RawScan,
    ledger::{Load, TableInfo, Value, table::Column},
};
use std::fmt::Write as _;

/// The texts for one table. Parameters are numbered as the columns are; `?n` after the last is the version that was seen.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// By the number of leading cells of the key.
    pub(super) select: Vec<String>,
    /// Selects the first row only. By the number of leading cells of the key.
    pub(super) select_first: Vec<String>,
    /// By the number of leading cells of the key.
    pub(super) delete: Vec<String>,
    /// Changes no row if the key exists.
    pub(super) insert: String,
    pub(super) put: String,
    /// `None` without a column `version`.
    pub(super) replace: Option<String>,
    /// Replaces the columns that are in no index, if the others are as they were: the indexes are not touched. `None` if
    /// that is the same as `replace`.
    pub(super) replace_unindexed: Option<String>,
}

impl Texts {
    /// Returns the text of a load.
    pub(super) fn load(&self, load: &Load) -> Option<&String> {
        let texts = if load.is_first_only { &self.select_first } else { &self.select };
        texts.get(load.prefix.len())
    }

    pub(super) fn new(table: &'static TableInfo) -> Self {
        let name = table.name;
        let columns = names(table.columns);
        let rest = table.columns.get(table.key..).unwrap_or_default();
        let parameters = join(table.columns.iter().map(|column| parameter(table, column)), ", ");
        let key = names(table.key_columns());
        let insert = format!("INSERT INTO {name} ({columns}) VALUES ({parameters}) ON CONFLICT ({key}) DO");
        let excluded = join(rest.iter().map(|column| format!("{0} = excluded.{0}", column.name)), ", ");
        let by_prefix = |start: &str| -> Vec<String> {
            let prefix = |count: usize| {
                let columns = table.key_columns().iter().take(count);
                let terms = join(columns.map(|column| equals(table, column)), " AND ");
                if terms.is_empty() { start.to_owned() } else { format!("{start} WHERE {terms}") }
            };
            (0..=table.key).map(prefix).collect()
        };
        let is_indexed =
            |column: &Column| table.indexes.iter().any(|index| index.columns.contains(&column.name));
        let is_versioned = table.position("version").is_some();
        let (indexed, unindexed): (Vec<Column>, Vec<Column>) =
            rest.iter().copied().partition(|column| is_indexed(column));
        let replace = |columns: &[Column], fixed: &[Column]| {
            let sets = join(columns.iter().map(|column| equals(table, column).replace(" IS ", " = ")), ", ");
            let terms =
                join(table.key_columns().iter().chain(fixed).map(|column| equals(table, column)), " AND ");
            let seen = table.columns.len().saturating_add(1);
            format!("UPDATE {name} SET {sets} WHERE {terms} AND version = ?{seen}")
        };
        let select: Vec<String> = by_prefix(&format!("SELECT {columns} FROM {name}"))
            .into_iter()
            .map(|text| format!("{text} ORDER BY {key}"))
            .collect();
        Self {
            select_first: select.iter().map(|text| format!("{text} LIMIT 1")).collect(),
            select,
            delete: by_prefix(&format!("DELETE FROM {name}")),
            put: if rest.is_empty() {
                format!("{insert} NOTHING")
            } else {
                format!("{insert} UPDATE SET {excluded}")
            },
            insert: format!("{insert} NOTHING"),
            replace: is_versioned.then(|| replace(rest, &[])),
            replace_unindexed: (is_versioned && !indexed.is_empty()).then(|| replace(&unindexed, &indexed)),
        }
    }
}

/// Returns the text of a scan and the cells to bind.
pub(super) fn scan(scan: &RawScan) -> (String, Vec<&Value>) {
    let table = scan.table;
    let order = table.order(scan.index);
    let column = |name: &str| table.columns.iter().find(|column| column.name == name).copied();
    let mut text = format!("SELECT {} FROM {}", names(table.columns), table.name);
    let mut bound: Vec<&Value> = Vec::new();
    let mut terms: Vec<String> = Vec::new();
    for (name, cell) in order.iter().zip(&scan.equal) {
        terms.push(compare(name, "=", cell, &mut bound));
    }
    let rest = order.get(scan.equal.len()..).unwrap_or_default();
    if let (Some(name), Some(until)) = (rest.first(), &scan.until) {
        bound.push(until);
        terms.push(format!("{name} <= ?{}", bound.len()));
    }
    if let Some(after) = &scan.after {
        let is_nullable =
            rest.iter().take(after.len()).any(|name| column(name).is_some_and(|each| each.is_nullable));
        terms.push(if is_nullable {
            beyond_nullable(rest, after, scan.is_descending, &mut bound)
        } else {
            let first = bound.len();
            bound.extend(after);
            let numbers = (1..=after.len()).map(|number| format!("?{}", first.saturating_add(number)));
            let sign = if scan.is_descending { "<" } else { ">" };
            let names = join(rest.iter().take(after.len()), ", ");
            format!("({names}) {sign} ({})", join(numbers, ", "))
        });
    }
    if !terms.is_empty() {
        text.push_str(" WHERE ");
        text.push_str(&terms.join(" AND "));
    }
    let direction = if scan.is_descending { " DESC" } else { "" };
    let ordering = join(rest.iter().map(|name| format!("{name}{direction}")), ", ");
    if !ordering.is_empty() {
        text.push_str(" ORDER BY ");
        text.push_str(&ordering);
    }
    // Writing to a string cannot fail.
    let _ = write!(text, " LIMIT {}", scan.limit);
    (text, bound)
}

/// Returns the condition of the rows beyond a position, where null is less than every value.
fn beyond_nullable<'a>(
    names: &[&'static str],
    after: &'a [Value],
    is_descending: bool,
    bound: &mut Vec<&'a Value>,
) -> String {
    let mut equal = String::new();
    let mut alternatives = Vec::new();
    let last = after.len().saturating_sub(1);
    for (number, (name, cell)) in names.iter().zip(after).enumerate() {
        let beyond = match (cell, is_descending) {
            (Value::Null, false) => format!("{name} IS NOT NULL"),
            (Value::Null, true) => "0".to_owned(),
            (Value::Int(_) | Value::Text(_), false) => compare(name, ">", cell, bound),
            (Value::Int(_) | Value::Text(_), true) => {
                format!("({} OR {name} IS NULL)", compare(name, "<", cell, bound))
            }
        };
        alternatives.push(format!("({equal}{beyond})"));
        if number < last {
            equal.push_str(&compare(name, "=", cell, bound));
            equal.push_str(" AND ");
        }
    }
    format!("({})", alternatives.join(" OR "))
}

/// Returns a comparison with a cell. A null is equal to null.
fn compare<'a>(name: &str, sign: &str, cell: &'a Value, bound: &mut Vec<&'a Value>) -> String {
    match cell {
        Value::Null => format!("{name} IS NULL"),
        Value::Int(_) | Value::Text(_) => {
            bound.push(cell);
            format!("{name} {sign} ?{}", bound.len())
        }
    }
}

fn equals(table: &TableInfo, column: &Column) -> String {
    let sign = if column.is_nullable { "IS" } else { "=" };
    format!("{} {sign} {}", column.name, parameter(table, column))
}

fn parameter(table: &TableInfo, column: &Column) -> String {
    let position = table.position(column.name).unwrap_or_default();
    format!("?{}", position.saturating_add(1))
}

fn names(columns: &[Column]) -> String {
    join(columns.iter().map(|column| column.name), ", ")
}

fn join(parts: impl Iterator<Item: AsRef<str>>, separator: &str) -> String {
    let mut text = String::new();
    for part in parts {
        if !text.is_empty() {
            text.push_str(separator);
        }
        text.push_str(part.as_ref());
    }
    text
}
