//! Tables: a row type is declared once, with the `table!` macro, for every engine.

use std::{error, fmt, str::FromStr};
use wxpay_proto::{Fen, UnixTime};

/// The value of one cell. The order is that of an index: null, then numbers, then texts by their bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// No value.
    Null,
    /// A number, an amount in fen, a time in milliseconds since 1970, or a truth value (0 or 1).
    Int(i64),
    /// A text.
    Text(Box<str>),
}

/// Prints the kind and the length only: a cell may hold personal data or a sealed secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Int(number) => write!(f, "Int({number})"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
        }
    }
}

/// The kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    /// `BIGINT`, or `INTEGER` in SQLite.
    Int,
    /// `TEXT`.
    Text,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: ColumnKind,
    pub(crate) is_nullable: bool,
}

/// An index of a table. Its entries are ordered by these columns, then by the primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
}

/// The description of a table, which engines derive their statements from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TableInfo {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    /// The number of leading columns that form the primary key.
    pub(crate) key: usize,
    pub(crate) indexes: &'static [Index],
}

impl TableInfo {
    /// Returns the columns of the primary key.
    pub(crate) fn key_columns(&self) -> &'static [Column] {
        self.columns.get(..self.key).unwrap_or(self.columns)
    }

    /// Returns whether the rows are kept by month: then their key begins with it, and PostgreSQL has a partition for each.
    pub(crate) fn is_monthly(&self) -> bool {
        self.columns.first().is_some_and(|column| column.name == "month")
    }

    /// Returns the position of a column.
    pub(crate) fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|each| each.name == column)
    }

    /// Returns the columns that order an index, or the primary key for the name `""`: the index's own, then those of
    /// the key that it does not have.
    pub(crate) fn order(&self, index: &str) -> Vec<&'static str> {
        let named = self.indexes.iter().find(|each| each.name == index);
        let mut columns: Vec<&'static str> = named.map(|index| index.columns.to_vec()).unwrap_or_default();
        for column in self.key_columns() {
            if !columns.contains(&column.name) {
                columns.push(column.name);
            }
        }
        columns
    }
}

/// The type of the rows of a table.
pub(crate) trait Table: Clone + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The description.
    const INFO: &'static TableInfo;

    /// Returns the cells, in the order of the columns.
    fn values(&self) -> Vec<Value>;

    /// Reads a row.
    ///
    /// # Errors
    ///
    /// If a cell breaks the rule of its column: a file that was edited by hand may hold anything.
    fn from_values(values: Vec<Value>) -> Result<Self, Corrupt>;

    /// Returns the cells of the primary key.
    fn key_values(&self) -> Vec<Value> {
        let mut values = self.values();
        values.truncate(Self::INFO.key);
        values
    }
}

/// The error for a stored value that breaks the rule of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt {
    /// The table.
    pub(crate) table: &'static str,
    /// The column.
    pub(crate) column: &'static str,
}

impl Corrupt {
    /// Creates the error for a value of this column.
    pub(crate) const fn new(table: &'static str, column: &'static str) -> Self {
        Self { table, column }
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ledger holds an invalid value in {}.{}", self.table, self.column)
    }
}

impl error::Error for Corrupt {}

/// A type that is stored in one cell.
pub(crate) trait Cell: Sized {
    /// The kind of the column.
    const KIND: ColumnKind;
    /// Whether the column may be null.
    const IS_NULLABLE: bool = false;

    /// Converts to a cell.
    fn to_value(&self) -> Value;

    /// Converts from a cell. `None` if the cell breaks the rule of the type.
    fn from_value(value: Value) -> Option<Self>;
}

impl<T: Cell> Cell for Option<T> {
    const KIND: ColumnKind = T::KIND;
    const IS_NULLABLE: bool = true;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            Value::Int(_) | Value::Text(_) => T::from_value(value).map(Some),
        }
    }
}

impl Cell for String {
    const KIND: ColumnKind = ColumnKind::Text;

    fn to_value(&self) -> Value {
        Value::Text(self.as_str().into())
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.into_string()),
            Value::Null | Value::Int(_) => None,
        }
    }
}

impl Cell for i64 {
    const KIND: ColumnKind = ColumnKind::Int;

    fn to_value(&self) -> Value {
        Value::Int(*self)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(number),
            Value::Null | Value::Text(_) => None,
        }
    }
}

impl Cell for u64 {
    const KIND: ColumnKind = ColumnKind::Int;

    fn to_value(&self) -> Value {
        // A column holds at most 2^63 - 1; no counter or amount of this server comes near.
        Value::Int(i64::try_from(*self).unwrap_or(i64::MAX))
    }

    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).and_then(|number| Self::try_from(number).ok())
    }
}

impl Cell for bool {
    const KIND: ColumnKind = ColumnKind::Int;

    fn to_value(&self) -> Value {
        Value::Int(i64::from(*self))
    }

    fn from_value(value: Value) -> Option<Self> {
        match i64::from_value(value)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Cell for UnixTime {
    const KIND: ColumnKind = ColumnKind::Int;

    fn to_value(&self) -> Value {
        self.as_millis().to_value()
    }

    fn from_value(value: Value) -> Option<Self> {
        u64::from_value(value).map(Self::from_millis)
    }
}

impl Cell for Fen {
    const KIND: ColumnKind = ColumnKind::Int;

    fn to_value(&self) -> Value {
        self.get().to_value()
    }

    fn from_value(value: Value) -> Option<Self> {
        u64::from_value(value).map(Self::new)
    }
}

/// Converts a text cell to a value that is parsed.
pub(crate) fn parsed<T: FromStr>(value: Value) -> Option<T> {
    match value {
        Value::Text(text) => text.parse().ok(),
        Value::Null | Value::Int(_) => None,
    }
}

/// Implements [`Cell`] for types with `as_str` and `FromStr`.
macro_rules! text_cells {
    ($($type:ty)+) => {$(
        impl $crate::ledger::table::Cell for $type {
            const KIND: $crate::ledger::table::ColumnKind = $crate::ledger::table::ColumnKind::Text;

            fn to_value(&self) -> $crate::ledger::Value {
                $crate::ledger::Value::Text(self.as_str().into())
            }

            fn from_value(value: $crate::ledger::Value) -> Option<Self> {
                $crate::ledger::table::parsed(value)
            }
        }
    )+};
}

/// Declares an enumeration that is stored and shown by name: `as_str`, `FromStr`, `Display`, [`Cell`] and `ALL`.
macro_rules! named {
    (
        $(#[$doc:meta])*
        $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $type { $($(#[$variant_doc])* $variant,)+ }

        impl $type {
            /// Every value.
            #[allow(dead_code, reason = "not every enumeration is listed")]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($name => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(|()| serde::de::Error::custom(concat!("unknown ", stringify!($type))))
            }
        }

        $crate::ledger::table::text_cells!($type);
    };
}

/// Declares a row type and its table. The columns of `key` come first and form the primary key.
macro_rules! table {
    (
        $(#[$doc:meta])*
        $row:ident = $table:literal {
            key { $($(#[$key_doc:meta])* $key:ident: $key_type:ty,)+ }
            columns { $($(#[$column_doc:meta])* $column:ident: $column_type:ty,)* }
            indexes { $($index:ident($($by:ident),+),)* }
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub(crate) struct $row {
            $($(#[$key_doc])* pub(crate) $key: $key_type,)+
            $($(#[$column_doc])* pub(crate) $column: $column_type,)*
        }

        impl $crate::ledger::Table for $row {
            const INFO: &'static $crate::ledger::TableInfo = &$crate::ledger::TableInfo {
                name: $table,
                columns: &[
                    $($crate::ledger::table::Column {
                        name: stringify!($key),
                        kind: <$key_type as $crate::ledger::table::Cell>::KIND,
                        is_nullable: <$key_type as $crate::ledger::table::Cell>::IS_NULLABLE,
                    },)+
                    $($crate::ledger::table::Column {
                        name: stringify!($column),
                        kind: <$column_type as $crate::ledger::table::Cell>::KIND,
                        is_nullable: <$column_type as $crate::ledger::table::Cell>::IS_NULLABLE,
                    },)*
                ],
                key: [$(stringify!($key)),+].len(),
                indexes: &[$($crate::ledger::table::Index {
                    name: stringify!($index),
                    columns: &[$(stringify!($by)),+],
                },)*],
            };

            fn values(&self) -> Vec<$crate::ledger::Value> {
                use $crate::ledger::table::Cell as _;
                vec![$(self.$key.to_value(),)+ $(self.$column.to_value(),)*]
            }

            fn from_values(values: Vec<$crate::ledger::Value>) -> Result<Self, $crate::ledger::Corrupt> {
                let mut values = values.into_iter();
                Ok(Self {
                    $($key: values
                        .next()
                        .and_then(<$key_type as $crate::ledger::table::Cell>::from_value)
                        .ok_or($crate::ledger::Corrupt::new($table, stringify!($key)))?,)+
                    $($column: values
                        .next()
                        .and_then(<$column_type as $crate::ledger::table::Cell>::from_value)
                        .ok_or($crate::ledger::Corrupt::new($table, stringify!($column)))?,)*
                })
            }
        }

        /// Prints the key only: the other columns may hold personal data or a sealed secret.
        impl std::fmt::Debug for $row {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($row))
                    $(.field(stringify!($key), &self.$key))+
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use {named, table, text_cells};

text_cells! {
    crate::merchants::MerchantName
    wxpay_proto::id::OutTradeNo
    wxpay_proto::id::OutRefundNo
    wxpay_proto::id::TransactionId
    wxpay_proto::id::RefundId
    wxpay_proto::id::MchId
    wxpay_proto::id::AppId
    wxpay_proto::id::OpenId
}
