//! The writer's connection, with its prepared statements.

use super::{
    file::LockedFile,
    group::Database,
    values::{bind, each_row},
};
use crate::{
    engine::{
        LedgerError, tables,
        texts::{Dialect, Texts},
    },
    ledger::{Change, Changes, Load, Mode, Rows, TableInfo, Value},
};
use rusqlite::{Connection, Statement};
use std::{borrow::Borrow, collections::BTreeMap, sync::Arc};

/// The only connection that writes.
pub(super) struct Writer<'c> {
    connection: &'c Connection,
    file: Arc<LockedFile>,
    is_removed: bool,
    begin: Statement<'c>,
    commit: Statement<'c>,
    roll_back: Statement<'c>,
    tables: BTreeMap<&'static str, Prepared<'c>>,
}

/// The statements of one table.
struct Prepared<'c> {
    select: Vec<Lazy<'c>>,
    select_first: Vec<Lazy<'c>>,
    delete: Vec<Lazy<'c>>,
    insert: Lazy<'c>,
    put: Lazy<'c>,
    replace: Option<Lazy<'c>>,
    replace_unindexed: Option<Lazy<'c>>,
}

/// A statement that is prepared when it is first used.
struct Lazy<'c> {
    text: String,
    statement: Option<Statement<'c>>,
}

impl<'c> Lazy<'c> {
    fn new(text: String) -> Self {
        Self { text, statement: None }
    }

    fn get(&mut self, connection: &'c Connection) -> Result<&mut Statement<'c>, LedgerError> {
        match &mut self.statement {
            Some(statement) => Ok(statement),
            none => Ok(none.insert(connection.prepare(&self.text)?)),
        }
    }

    /// Executes the statement. Returns the number of rows that it changed.
    fn execute(
        &mut self,
        connection: &'c Connection,
        cells: impl IntoIterator<Item: Borrow<Value>>,
    ) -> Result<usize, LedgerError> {
        let statement = self.get(connection)?;
        bind(statement, cells)?;
        Ok(statement.raw_execute()?)
    }
}

impl Prepared<'_> {
    fn new(table: &'static TableInfo) -> Self {
        let Texts { select, select_first, delete, insert, put, replace, replace_unindexed } =
            Texts::new(table, Dialect::Sqlite);
        Self {
            select: select.into_iter().map(Lazy::new).collect(),
            select_first: select_first.into_iter().map(Lazy::new).collect(),
            delete: delete.into_iter().map(Lazy::new).collect(),
            insert: Lazy::new(insert),
            put: Lazy::new(put),
            replace: replace.map(Lazy::new),
            replace_unindexed: replace_unindexed.map(Lazy::new),
        }
    }
}

impl<'c> Writer<'c> {
    pub(super) fn new(connection: &'c Connection, file: Arc<LockedFile>) -> Result<Self, LedgerError> {
        Ok(Self {
            connection,
            file,
            is_removed: false,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            roll_back: connection.prepare("ROLLBACK")?,
            tables: tables().map(|table| (table.name, Prepared::new(table))).collect(),
        })
    }

    fn apply_one(&mut self, change: &Change) -> Result<(), LedgerError> {
        let connection = self.connection;
        match change {
            Change::Write { table, values, mode } => {
                let prepared = self.tables.get_mut(table.name).ok_or_else(|| unknown(table))?;
                let changed = match mode {
                    Mode::Put => prepared.put.execute(connection, values)?,
                    Mode::Insert => prepared.insert.execute(connection, values)?,
                    Mode::Replace(seen) => prepared.replace(connection, table, values, *seen)?,
                };
                if changed == 0 { Err(LedgerError::Conflict(table.name)) } else { Ok(()) }
            }
            Change::Delete { table, prefix } => {
                let prepared = self.tables.get_mut(table.name).ok_or_else(|| unknown(table))?;
                let delete = prepared.delete.get_mut(prefix.len()).ok_or_else(|| unknown(table))?;
                delete.execute(connection, prefix).map(drop)
            }
        }
    }
}

impl<'c> Prepared<'c> {
    fn replace(
        &mut self,
        connection: &'c Connection,
        table: &'static TableInfo,
        values: &[Value],
        seen: i64,
    ) -> Result<usize, LedgerError> {
        let seen = Value::Int(seen);
        let cells = || values.iter().chain([&seen]);
        if let Some(replace) = &mut self.replace_unindexed
            && replace.execute(connection, cells())? > 0
        {
            return Ok(1);
        }
        let replace = self.replace.as_mut().ok_or_else(|| unknown(table))?;
        replace.execute(connection, cells())
    }
}

/// Returns the error for a change that the table does not support: a mistake of an operation.
fn unknown(table: &TableInfo) -> LedgerError {
    LedgerError::Conflict(table.name)
}

impl Database for Writer<'_> {
    fn begin(&mut self) -> Result<(), LedgerError> {
        if self.is_removed {
            return Err(LedgerError::FileRemoved);
        }
        self.begin.raw_execute()?;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LedgerError> {
        self.commit.raw_execute()?;
        // Checked after the commit: then nothing that went into a removed file is acknowledged.
        self.is_removed = !self.file.is_in_place();
        if self.is_removed { Err(LedgerError::FileRemoved) } else { Ok(()) }
    }

    fn roll_back(&mut self) {
        // If this fails, the transaction stays active, the next one cannot begin, and its operations fail.
        drop(self.roll_back.raw_execute());
    }

    fn is_active(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn load(&mut self, load: &Load, rows: &mut Rows) -> Result<(), LedgerError> {
        let table = load.table;
        let prepared = self.tables.get_mut(table.name).ok_or_else(|| unknown(table))?;
        let texts = if load.is_first_only { &mut prepared.select_first } else { &mut prepared.select };
        let select = texts.get_mut(load.prefix.len()).ok_or_else(|| unknown(table))?;
        let statement = select.get(self.connection)?;
        bind(statement, &load.prefix)?;
        each_row(statement, table, |row| rows.push(table, row))
    }

    fn apply(&mut self, changes: &Changes) -> Result<(), LedgerError> {
        changes.iter().try_for_each(|change| self.apply_one(change))
    }
}
