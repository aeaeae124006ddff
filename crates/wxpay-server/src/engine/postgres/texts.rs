//! The texts of statements with the locks of PostgreSQL.

use super::{plan::Lock, session::Request};
use crate::{
    engine::{
        LedgerError, tables,
        texts::{Dialect, Texts},
    },
    ledger::{Load, TableInfo},
};
use std::collections::BTreeMap;

/// The texts for all tables, by name.
#[derive(Debug)]
pub(super) struct AllTexts(BTreeMap<&'static str, TableTexts>);

impl AllTexts {
    pub(super) fn new() -> Self {
        Self(tables().map(|table| (table.name, TableTexts::new(table))).collect())
    }

    /// Returns the texts for one table.
    pub(super) fn of(&self, table: &TableInfo) -> Result<&TableTexts, LedgerError> {
        self.0.get(table.name).ok_or(LedgerError::Conflict(table.name))
    }

    /// Returns the request of a load, with a lock.
    pub(super) fn select<'a>(&'a self, load: &'a Load, lock: Lock) -> Result<Request<'a>, LedgerError> {
        let text = self.of(load.table)?.load(load, lock);
        let text = text.ok_or(LedgerError::Conflict(load.table.name))?;
        Ok(Request::select(text, load.table, &load.prefix))
    }
}

/// The texts for one table.
#[derive(Debug)]
pub(super) struct TableTexts {
    pub(super) plain: Texts,
    /// Selects and locks rows. By the number of leading cells of the key.
    select_for_update: Vec<String>,
    /// Selects rows and keeps them from being deleted. By the number of leading cells of the key.
    select_as_parent: Vec<String>,
}

impl TableTexts {
    fn new(table: &'static TableInfo) -> Self {
        let plain = Texts::new(table, Dialect::Postgres);
        let locked = |lock: &str| plain.select.iter().map(|text| format!("{text} {lock}")).collect();
        Self {
            select_for_update: locked("FOR UPDATE"),
            // The lock of a foreign key's check: it does not wait for changes of the row's other columns.
            select_as_parent: locked("FOR KEY SHARE"),
            plain,
        }
    }

    /// Returns the text of a load with this lock.
    fn load(&self, load: &Load, lock: Lock) -> Option<&String> {
        match lock {
            Lock::None => self.plain.load(load),
            Lock::Parent => self.select_as_parent.get(load.prefix.len()),
            Lock::Update => self.select_for_update.get(load.prefix.len()),
        }
    }
}
