//! The texts of statements, derived from the description of a table, in the dialect of an engine.

use crate::{
    engine::scan::RawScan,
    ledger::{Load, TableInfo, Value, table::Column},
};
use std::fmt::Write as _;

/// The dialect of an engine. Everything else is the same text for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Returns a parameter. SQLite takes `$1` for a name.
    fn parameter(self, number: usize) -> String {
        match self {
            Self::Sqlite => format!("?{number}"),
            Self::Postgres => format!("${number}"),
        }
    }

    /// Returns the operator by which null is equal to null.
    fn is(self) -> &'static str {
        match self {
            Self::Sqlite => "IS",
            Self::Postgres => "IS NOT DISTINCT FROM",
        }
    }

    /// Returns the order of a column, where null is less than every value. In PostgreSQL it is greater, unless the text
    /// says otherwise; but then only an index that says the same is used, so that it is not said in vain.
    fn order(self, column: Column, is_descending: bool) -> String {
        let direction = if is_descending { " DESC" } else { "" };
        let nulls = match (self, column.is_nullable, is_descending) {
            (Self::Postgres, true, false) => " NULLS FIRST",
            (Self::Postgres, true, true) => " NULLS LAST",
            (Self::Postgres, false, _) | (Self::Sqlite, _, _) => "",
        };
        format!("{}{direction}{nulls}", column.name)
    }
}

/// The texts for one table. Parameters are numbered as the columns are; the one after the last is the version that was
/// seen.
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

    pub(super) fn new(table: &'static TableInfo, dialect: Dialect) -> Self {
        let parameter = |column: &Column| {
            let position = table.position(column.name).unwrap_or_default();
            dialect.parameter(position.saturating_add(1))
        };
        let equals = |column: &Column| {
            let sign = if column.is_nullable { dialect.is() } else { "=" };
            format!("{} {sign} {}", column.name, parameter(column))
        };
        let name = table.name;
        let columns = names(table.columns);
        let rest = table.columns.get(table.key..).unwrap_or_default();
        let parameters = join(table.columns.iter().map(&parameter), ", ");
        let key = names(table.key_columns());
        let insert = format!("INSERT INTO {name} ({columns}) VALUES ({parameters}) ON CONFLICT ({key}) DO");
        let excluded = join(rest.iter().map(|column| format!("{0} = excluded.{0}", column.name)), ", ");
        let by_prefix = |start: &str| -> Vec<String> {
            let prefix = |count: usize| {
                let columns = table.key_columns().iter().take(count);
                let terms = join(columns.map(&equals), " AND ");
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
            let set = |column: &Column| format!("{} = {}", column.name, parameter(column));
            let sets = join(columns.iter().map(set), ", ");
            let terms = join(table.key_columns().iter().chain(fixed).map(&equals), " AND ");
            let seen = dialect.parameter(table.columns.len().saturating_add(1));
            format!("UPDATE {name} SET {sets} WHERE {terms} AND version = {seen}")
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

/// A text, as its parameters are bound.
struct Binding<'a> {
    dialect: Dialect,
    /// None of them is null.
    bound: Vec<&'a Value>,
}

/// Returns the text of a scan and the cells to bind. None of them is null.
pub(super) fn scan(scan: &RawScan, dialect: Dialect) -> (String, Vec<&Value>) {
    let table = scan.table;
    let columns: Vec<Column> = table
        .order(scan.index)
        .iter()
        .filter_map(|name| table.columns.iter().find(|column| column.name == *name).copied())
        .collect();
    let start = format!("SELECT {} FROM {}", names(table.columns), table.name);
    let mut binding = Binding { dialect, bound: Vec::new() };
    let mut terms: Vec<String> = Vec::new();
    for (column, cell) in columns.iter().zip(&scan.equal) {
        terms.push(binding.equal(*column, cell));
    }
    let rest = columns.get(scan.equal.len()..).unwrap_or_default();
    if let (Some(column), Some(until)) = (rest.first(), &scan.until) {
        terms.push(binding.until(*column, until));
    }
    let ordering = join(rest.iter().map(|column| dialect.order(*column, scan.is_descending)), ", ");
    let beyond = match &scan.after {
        Some(after) => binding.beyond(rest.get(..after.len()).unwrap_or(rest), after, scan.is_descending),
        None => Vec::new(),
    };
    let part = |beyond: Option<&String>| {
        let mut text = start.clone();
        let terms = join(terms.iter().chain(beyond), " AND ");
        for (keyword, clause) in [(" WHERE ", &terms), (" ORDER BY ", &ordering)] {
            if !clause.is_empty() {
                text.push_str(keyword);
                text.push_str(clause);
            }
        }
        // Writing to a string cannot fail.
        let _ = write!(text, " LIMIT {}", scan.limit);
        text
    };
    let text = match beyond.as_slice() {
        [] => part(None),
        [beyond] => part(Some(beyond)),
        parts => {
            let parts = join(parts.iter().map(|beyond| format!("({})", part(Some(beyond)))), " UNION ALL ");
            format!("{parts} ORDER BY {ordering} LIMIT {}", scan.limit)
        }
    };
    (text, binding.bound)
}

impl<'a> Binding<'a> {
    fn bind(&mut self, cell: &'a Value) -> String {
        self.bound.push(cell);
        self.dialect.parameter(self.bound.len())
    }

    /// Returns the condition that a column is equal to a cell. A null is equal to null.
    fn equal(&mut self, column: Column, cell: &'a Value) -> String {
        match cell {
            Value::Null => format!("{} IS NULL", column.name),
            Value::Int(_) | Value::Text(_) => format!("{} = {}", column.name, self.bind(cell)),
        }
    }

    /// Returns the condition that a column is at most a cell. It never holds for null.
    fn until(&mut self, column: Column, cell: &'a Value) -> String {
        match cell {
            Value::Null => "FALSE".to_owned(),
            Value::Int(_) | Value::Text(_) => format!("{} <= {}", column.name, self.bind(cell)),
        }
    }

    /// Returns the conditions of the rows beyond a position. Each such row meets exactly one of them.
    fn beyond(&mut self, order: &[Column], after: &'a [Value], is_descending: bool) -> Vec<String> {
        if order.iter().any(|column| column.is_nullable) {
            return vec![self.beyond_nullable(order, after, is_descending)];
        }
        let parameters: Vec<String> = after.iter().map(|cell| self.bind(cell)).collect();
        let sign = if is_descending { "<" } else { ">" };
        let beyond = |order: &[Column], parameters: &[String]| {
            format!("({}) {sign} ({})", names(order), parameters.join(", "))
        };
        match (self.dialect, order, parameters.as_slice()) {
            // PostgreSQL leaves out no partition by a comparison of rows; and by one beside a bound of the month it
            // would read an index from the start of the month.
            (Dialect::Postgres, [month, columns @ ..], [first, others @ ..])
                if month.name == "month" && !columns.is_empty() =>
            {
                vec![
                    format!("month = {first} AND {}", beyond(columns, others)),
                    format!("month {sign} {first}"),
                ]
            }
            _ => vec![beyond(order, &parameters)],
        }
    }

    /// Returns the condition of the rows beyond a position, where null is less than every value.
    fn beyond_nullable(&mut self, order: &[Column], after: &'a [Value], is_descending: bool) -> String {
        let mut equal = String::new();
        let mut alternatives = Vec::new();
        let last = after.len().saturating_sub(1);
        for (number, (column, cell)) in order.iter().zip(after).enumerate() {
            let name = column.name;
            let beyond = match (cell, is_descending) {
                (Value::Null, false) => format!("{name} IS NOT NULL"),
                (Value::Null, true) => "FALSE".to_owned(),
                (Value::Int(_) | Value::Text(_), false) => format!("{name} > {}", self.bind(cell)),
                (Value::Int(_) | Value::Text(_), true) => {
                    format!("({name} < {} OR {name} IS NULL)", self.bind(cell))
                }
            };
            alternatives.push(format!("({equal}{beyond})"));
            if number < last {
                equal.push_str(&self.equal(*column, cell));
                equal.push_str(" AND ");
            }
        }
        format!("({})", alternatives.join(" OR "))
    }
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
