//! Cells to and from SQLite.

use crate::{
    engine::LedgerError,
    ledger::{Corrupt, TableInfo, Value},
};
use rusqlite::{
    Connection, Row, Statement, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use std::borrow::Borrow;

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// Binds cells to the parameters from `?1`.
pub(super) fn bind(
    statement: &mut Statement<'_>,
    cells: impl IntoIterator<Item: Borrow<Value>>,
) -> Result<(), LedgerError> {
    for (number, cell) in (1_usize..).zip(cells) {
        statement.raw_bind_parameter(number, Bound(cell.borrow()))?;
    }
    Ok(())
}

/// Passes the rows of a bound statement on.
pub(super) fn each_row(
    statement: &mut Statement<'_>,
    table: &'static TableInfo,
    mut receive: impl FnMut(Vec<Value>),
) -> Result<(), LedgerError> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        receive(cells(row, table)?);
    }
    Ok(())
}

fn cells(row: &Row<'_>, table: &'static TableInfo) -> Result<Vec<Value>, LedgerError> {
    let mut cells = Vec::with_capacity(table.columns.len());
    for (number, column) in table.columns.iter().enumerate() {
        let corrupt = || LedgerError::Corrupt(Corrupt::new(table.name, column.name));
        cells.push(match row.get_ref(number)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Int(number),
            ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).map_err(|_| corrupt())?.into()),
            ValueRef::Real(_) | ValueRef::Blob(_) => return Err(corrupt()),
        });
    }
    Ok(cells)
}

/// Returns the only number of the only row.
pub(super) fn scalar(connection: &Connection, text: &str) -> Result<i64, LedgerError> {
    Ok(connection.query_row(text, [], |row| row.get(0))?)
}
