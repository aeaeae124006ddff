//! A copy of a ledger, made while a server uses it.

use super::{connect, file::sync_directory, migrate::APPLICATION_ID, values::scalar};
use crate::engine::LedgerError;
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use std::{
    fs::{self, OpenOptions},
    path::{Path, absolute},
    thread,
    time::Duration,
};

/// The pause before a step is tried again, while the file is locked.
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// Limit of tries.
const MAX_TRIES: u32 = 200;

/// Copies a ledger, as of one moment, into a new file, readable by its owner only. A server may use the ledger
/// meanwhile.
///
/// # Errors
///
/// If the source is no ledger, or the target exists or cannot be written. A target that was begun is removed.
pub(crate) fn backup(source: &Path, target: &Path) -> Result<(), LedgerError> {
    let source = connect(source, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if scalar(&source, "PRAGMA application_id")? != i64::from(APPLICATION_ID) {
        return Err(LedgerError::NotALedger);
    }
    let target = absolute(target)?;
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(&target)?);
    let copied = copy(&source, &target).and_then(|()| sync_directory(&target));
    if copied.is_err() {
        drop(fs::remove_file(&target));
    }
    copied
}

fn copy(source: &Connection, target: &Path) -> Result<(), LedgerError> {
    let mut target = connect(target, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    target.pragma_update(None, "synchronous", "FULL")?;
    let backup = Backup::new(source, &mut target)?;
    for _ in 0..MAX_TRIES {
        // All pages in one step: a step reads one snapshot, and in WAL mode the writer does not wait for it.
        if backup.step(-1)? == StepResult::Done {
            return Ok(());
        }
        thread::sleep(RETRY_DELAY);
    }
    Err(LedgerError::InUse)
}
