//! Cells to and from PostgreSQL.
//!
//! A text of PostgreSQL cannot contain the character U+0000, which a text of the ledger may. It is stored as U+0001
//! U+0001, and U+0001 as U+0001 U+0002: unambiguous, and texts keep the order of their bytes.

use super::failure::Failure;
use crate::ledger::{
    Corrupt, TableInfo, Value,
    table::{Column, ColumnKind},
};
use bytes::{BufMut as _, BytesMut};
use std::{borrow::Cow, error};
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

type ConversionError = Box<dyn error::Error + Sync + Send>;

/// A parameter.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, ConversionError> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Int(number) => out.put_i64(*number),
            Value::Text(text) => out.put_slice(encode(text).as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT].contains(kind)
    }

    to_sql_checked!();
}

/// Returns the type of the parameter for a column.
pub(super) fn type_of_column(column: &Column) -> Type {
    match column.kind {
        ColumnKind::Int => Type::INT8,
        ColumnKind::Text => Type::TEXT,
    }
}

/// Returns the type of the parameter for a cell that is not null.
pub(super) fn type_of(cell: &Value) -> Type {
    match cell {
        Value::Int(_) => Type::INT8,
        Value::Text(_) | Value::Null => Type::TEXT,
    }
}

struct Cell(Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, ConversionError> {
        Ok(Self(match *kind {
            Type::INT2 => Value::Int(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Value::Int(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Value::Int(i64::from_sql(kind, raw)?),
            _ => Value::Text(decode(<&str>::from_sql(kind, raw)?).ok_or("an invalid escape")?.into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, ConversionError> {
        Ok(Self(Value::Null))
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT2, Type::INT4, Type::INT8, Type::TEXT].contains(kind)
    }
}

/// Returns the cells of a row of a table.
pub(super) fn cells(row: &Row, table: &'static TableInfo) -> Result<Vec<Value>, Failure> {
    let cell = |(number, column): (usize, &Column)| match row.try_get::<_, Cell>(number) {
        Ok(Cell(value)) => Ok(value),
        Err(_) => Err(Failure::corrupt(Corrupt::new(table.name, column.name))),
    };
    table.columns.iter().enumerate().map(cell).collect()
}

fn encode(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\u{1}']) {
        Cow::Owned(text.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// `None` if the text was not encoded by this server.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('\u{1}') {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        decoded.push(match character {
            '\u{1}' => match characters.next()? {
                '\u{1}' => '\0',
                '\u{2}' => '\u{1}',
                _ => return None,
            },
            other => other,
        });
    }
    Some(Cow::Owned(decoded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unknown_escape_is_no_text() {
        assert_eq!(decode("a\u{1}\u{3}"), None);
        assert_eq!(decode("a\u{1}"), None);
    }

    proptest! {
        #[test]
        fn encoded_texts_have_no_nul_and_keep_value_and_order(one in "[\0\u{1}\u{2}a]{0,6}", other in "[\0\u{1}\u{2}a]{0,6}") {
            prop_assert!(!encode(&one).contains('\0'));
            let encoded = encode(&one);
            prop_assert_eq!(decode(&encoded).unwrap(), one.as_str());
            prop_assert_eq!(encode(&one).as_bytes().cmp(encode(&other).as_bytes()), one.cmp(&other));
        }
    }
}
