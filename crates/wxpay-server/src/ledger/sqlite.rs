//! SQLite: one writer with group commit, and a few readers.
//!
//! A durable commit costs one fsync, whatever it contains. Writes queued during one commit share the next one, so every
//! answered write is on disk, and 64 callers may share one fsync.

use super::{
    Failure,
    group::{self, Database, Queue},
};
use rusqlite::{Connection, OpenFlags};
use std::{
    fs::{self, File},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::Semaphore;

mod embedded {
    refinery::embed_migrations!("src/ledger/migrations");
}

/// Limit of writes in one commit.
const MAX_GROUP: usize = 256;
/// Capacity of the write queue; further callers wait.
const QUEUE_CAPACITY: usize = 1024;
/// Number of reader connections, the limit of concurrent reads.
const READERS: usize = 4;

/// A handle to the writer: the queue of the only connection that writes.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: Queue<Connection>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Opens the file, or creates it (readable by its owner only: it contains personal data), migrates its schema, and
    /// starts the writer thread.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let lock = lock(path)?;
        let mut db = Connection::open(path)?;
        configure(&db)?;
        // Grouped: a migration and its record are one transaction. Otherwise a failure between the two would leave a file
        // that can never be opened again.
        embedded::migrations::runner().set_grouped(true).run(&mut db).map_err(Failure::migration)?;
        sync_directory(path)?;
        let (queue, messages) = group::queue(QUEUE_CAPACITY);
        let commits = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&commits);
        let write = move || {
            let closing = messages.run(&db, MAX_GROUP, &counter);
            drop((db, lock));
            if let Some(closing) = closing {
                closing.confirm();
            }
        };
        thread::Builder::new().name("ledger".to_owned()).spawn(write).map_err(Failure::file)?;
        Ok(Self { queue, commits })
    }

    /// Returns the number of commits since the file was opened.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// See [`Queue::write`].
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.queue.write(job).await
    }

    /// Commits queued writes, closes the file and stops the thread.
    pub(super) async fn close(&self) {
        self.queue.close().await;
    }
}

/// Locks the ledger: two servers on one file would both poll its orders and emit its events.
fn lock(path: &Path) -> Result<File, Failure> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // The database is created here with mode 0600, because SQLite gives its write-ahead log the mode of the database.
    drop(options.open(path).map_err(Failure::file)?);
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock = options.open(lock_path).map_err(Failure::file)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(Failure::IN_USE),
        Err(fs::TryLockError::Error(error)) => Err(Failure::file(error)),
    }
}

/// Makes the creation of the ledger's files, and the deletion of a rollback journal, durable. SQLite ignores a failure of
/// this; after a power cut the journal would come back and undo what was committed since.
#[cfg(unix)]
fn sync_directory(path: &Path) -> Result<(), Failure> {
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(Failure::file)
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Configures the connection. `FULL` syncs at every commit, which is enough in WAL mode only: with a rollback journal, a
/// power cut can undo the last commit. In WAL mode readers do not wait for the writer either.
fn configure(db: &Connection) -> Result<(), Failure> {
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // If the switch fails, SQLite keeps the other mode, although it has answered `wal`. So read from the file, then ask.
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Failure::NO_WAL);
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

impl Database for Connection {
    fn begin(&self) -> Result<(), Failure> {
        Ok(self.execute_batch("BEGIN IMMEDIATE")?)
    }

    fn commit(&self) -> Result<(), Failure> {
        Ok(self.execute_batch("COMMIT")?)
    }

    fn roll_back(&self) {
        // If this fails, the transaction stays active, the next one cannot begin, and its writes fail.
        drop(self.execute_batch("ROLLBACK"));
    }

    fn is_active(&self) -> bool {
        !self.is_autocommit()
    }

    fn in_savepoint<T>(&self, job: impl FnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure> {
        self.execute_batch("SAVEPOINT job")?;
        let outcome = job(self);
        // Without a transaction there is no savepoint: SQLite has rolled all of the group back.
        if !self.is_active() {
            return outcome.and(Err(Failure::ROLLED_BACK));
        }
        let end = if outcome.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        if let Err(failure) = self.execute_batch(end) {
            // The changes of a failed job must not be committed with the group.
            self.roll_back();
            return outcome.and(Err(failure.into()));
        }
        outcome
    }
}

/// A pool of read-only connections.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let open = || -> Result<Connection, Failure> {
            let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            db.busy_timeout(Duration::from_secs(5))?;
            db.set_prepared_statement_cache_capacity(64);
            Ok(db)
        };
        let idle = (0..READERS).map(|_| open()).collect::<Result<_, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits: Arc::new(Semaphore::new(READERS)) })
    }

    /// Runs `job` on a consistent snapshot of the committed data.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Failure::CLOSED)?;
        let idle = Arc::clone(&self.idle);
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let pop = || idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let db = pop().ok_or(Failure::CLOSED)?;
            let outcome = db
                .unchecked_transaction()
                .map_err(Failure::from)
                .and_then(|view| job(&view).and_then(|read| Ok(view.commit().map(|()| read)?)));
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
            outcome
        });
        read.await.unwrap_or(Err(Failure::CLOSED))
    }

    /// Waits for active reads, then closes the connections.
    pub(super) async fn close(&self) {
        let all = u32::try_from(READERS).unwrap_or(u32::MAX);
        if let Ok(permits) = self.permits.acquire_many(all).await {
            self.permits.close();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
            drop(permits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, Writer, Readers) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        let writer = Writer::open(&path).unwrap();
        let readers = Readers::open(&path).unwrap();
        (dir, writer, readers)
    }

    fn insert_event(db: &Connection, kind: &str) -> Result<(), Failure> {
        db.execute(
            "INSERT INTO events (happened_at, kind, out_trade_no, data) VALUES (0, ?1, 'n', '{}')",
            [kind],
        )?;
        Ok(())
    }

    async fn count_events(readers: &Readers) -> i64 {
        let count = |db: &Connection| Ok(db.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?);
        readers.read(count).await.unwrap()
    }

    #[tokio::test]
    async fn a_failed_write_undoes_only_its_own_changes() {
        let (_dir, writer, readers) = scratch();
        let jobs = (0..20).map(|n| {
            let writer = writer.clone();
            tokio::spawn(async move {
                writer
                    .write(move |db| {
                        insert_event(db, "written")?;
                        if n % 2 == 0 { Err(Failure::corrupt("planned")) } else { Ok(()) }
                    })
                    .await
            })
        });
        let mut failed = 0;
        for job in jobs.collect::<Vec<_>>() {
            failed += i64::from(job.await.unwrap().is_err());
        }
        assert_eq!((failed, count_events(&readers).await), (10, 10));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sixty_four_writers_share_few_commits() {
        let (_dir, writer, readers) = scratch();
        let before = writer.commits();
        let blocker = writer.clone();
        let slow = tokio::spawn(async move {
            blocker
                .write(|_| {
                    thread::sleep(Duration::from_millis(200));
                    Ok(())
                })
                .await
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let jobs: Vec<_> = (0..64)
            .map(|_| {
                let writer = writer.clone();
                tokio::spawn(async move { writer.write(|db| insert_event(db, "written")).await })
            })
            .collect();
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        slow.await.unwrap().unwrap();
        assert_eq!(count_events(&readers).await, 64);
        let commits = writer.commits() - before;
        assert!((1..=8).contains(&commits), "{commits} commits");
    }

    #[tokio::test]
    async fn a_confirmed_write_is_there_after_the_file_is_opened_again() {
        let (dir, writer, readers) = scratch();
        writer.write(|db| insert_event(db, "written")).await.unwrap();
        writer.close().await;
        readers.close().await;
        assert!(writer.write(|db| insert_event(db, "late")).await.is_err());
        let path = dir.path().join("ledger.db");
        let _writer = Writer::open(&path).unwrap();
        assert_eq!(count_events(&Readers::open(&path).unwrap()).await, 1);
    }

    #[tokio::test]
    async fn a_transaction_rolled_back_by_a_job_fails_the_whole_group() {
        let (_dir, writer, readers) = scratch();
        let rollback = writer.write(|db| {
            insert_event(db, "lost")?;
            Ok(db.execute_batch("ROLLBACK")?)
        });
        assert!(rollback.await.is_err());
        writer.write(|db| insert_event(db, "kept")).await.unwrap();
        assert_eq!(count_events(&readers).await, 1);
    }

    #[tokio::test]
    async fn a_ledger_in_use_is_not_opened_twice() {
        let (dir, _writer, _readers) = scratch();
        let again = Writer::open(&dir.path().join("ledger.db")).unwrap_err();
        assert_eq!(again.to_string(), "the ledger is in use by another process");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_ledger_files_are_readable_by_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, writer, _readers) = scratch();
        writer.write(|db| insert_event(db, "written")).await.unwrap();
        for file in fs::read_dir(dir.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
        }
    }
}
