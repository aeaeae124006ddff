//! The ledger file: its lock, its identity, and the refusal of other files.

use super::migrate::APPLICATION_ID;
use crate::engine::LedgerError;
use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf, absolute},
};

/// The first bytes of every SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// The place of the application's id in the header.
const APPLICATION_ID_AT: usize = 68;
/// A table that only version 0.1.0 of this server had.
const OLD_TABLE: &[u8] = b"refinery_schema_history";
/// Limit of the bytes that are searched for [`OLD_TABLE`]. The schema is at the beginning.
const MAX_SEARCHED: u64 = 1 << 20;

/// The ledger file, locked: two servers on one file would both do its background work.
///
/// On Linux this is the only descriptor of the file besides those of SQLite. It is opened before every connection and
/// closed after all of them: closing any descriptor of a file releases the POSIX locks of the process on it, and SQLite
/// relies on them.
#[derive(Debug)]
pub(super) struct LockedFile {
    path: PathBuf,
    file: File,
    identity: (u64, u64),
    /// The locked file beside it, where a lock of the file itself would lock SQLite out.
    _lock: Option<File>,
}

/// The purpose of opening a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// To serve: one process at a time.
    Server,
    /// For an operator's command, beside a server or without one. SQLite's own locks order the transactions of both.
    Beside,
}

impl LockedFile {
    /// Opens the file, or creates it empty, and locks it for a server.
    pub(super) fn open(path: &Path, access: Access) -> Result<Self, LedgerError> {
        let path = absolute(path)?;
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            options.create(true).truncate(false).read(true).write(true);
            // SQLite gives its write-ahead log the mode of the database.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(path)
        };
        // A lock of the file follows it under every name. Elsewhere than on Linux such a lock excludes SQLite's own.
        let lock = if cfg!(target_os = "linux") { None } else { Some(open(&beside(&path, ".lock"))?) };
        let file = open(&path)?;
        if access == Access::Server {
            acquire(lock.as_ref().unwrap_or(&file))?;
        }
        let identity = identity(&file.metadata()?);
        let locked = Self { path, file, identity, _lock: lock };
        if locked.is_in_place() { Ok(locked) } else { Err(LedgerError::FileRemoved) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the path still names the file that was opened.
    pub(super) fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity)
    }

    /// Returns whether the file is new. SQLite is kept from opening a file that is not ours: it might change it.
    ///
    /// # Errors
    ///
    /// If it is not a ledger of this server.
    pub(super) fn check_header(&self) -> Result<bool, LedgerError> {
        let start = read_start(&self.file)?;
        if start.is_empty() {
            return Ok(true);
        }
        let id = start.get(APPLICATION_ID_AT..).and_then(|rest| rest.first_chunk()).copied();
        if start.starts_with(MAGIC) && id.map(i32::from_be_bytes) == Some(APPLICATION_ID) {
            return Ok(false);
        }
        let contains = |bytes: &[u8]| bytes.windows(OLD_TABLE.len()).any(|window| window == OLD_TABLE);
        let is_old = contains(&start) || contains(&read_beside(&self.path, "-wal")?);
        if is_old {
            return Err(LedgerError::OldServerFile);
        }
        // Creating a ledger was interrupted: SQLite rolls it back when it opens the file.
        if read_beside(&self.path, "-journal")?.is_empty() { Err(LedgerError::NotALedger) } else { Ok(true) }
    }
}

fn acquire(file: &File) -> Result<(), LedgerError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(LedgerError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Returns the first bytes of a file, without closing it.
fn read_start(mut file: &File) -> Result<Vec<u8>, LedgerError> {
    let mut start = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(MAX_SEARCHED).read_to_end(&mut start)?;
    Ok(start)
}

/// Returns the first bytes of the file with this ending. Empty if there is none.
fn read_beside(path: &Path, ending: &str) -> Result<Vec<u8>, LedgerError> {
    match File::open(beside(path, ending)) {
        Ok(file) => read_start(&file),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    // An open file cannot be removed there.
    (0, 0)
}

/// Makes the creation of files, and the deletion of a rollback journal, durable. SQLite ignores a failure of this; after
/// a power cut the journal would come back and undo what was committed since.
#[cfg(unix)]
pub(super) fn sync_directory(path: &Path) -> Result<(), LedgerError> {
    let parent = path.parent().unwrap_or(path);
    Ok(File::open(parent).and_then(|directory| directory.sync_all())?)
}

#[cfg(not(unix))]
pub(super) fn sync_directory(_: &Path) -> Result<(), LedgerError> {
    Ok(())
}
