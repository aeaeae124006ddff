//! `PgBouncer` in front of the database, in transaction mode.

#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

use super::*;
use std::process::{Child, Command, Stdio};

/// A pooler that stops when it is dropped.
struct Pooler {
    _dir: tempfile::TempDir,
    process: Child,
    port: u16,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Pooler {
    /// Starts a pooler with two connections to the database.
    fn start(server: &testing::Server) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .into_iter()
            .find(|path| std::path::Path::new(path).is_file());
        let Some(program) = program else {
            eprintln!("NOT TESTED: PgBouncer: it is not installed");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = 2\nlogfile =\n",
            server.port,
            dir.path().join("users").display(),
        );
        std::fs::write(dir.path().join("users"), "\"wxpay\" \"\"\n").unwrap();
        std::fs::write(dir.path().join("config"), config).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = Command::new(program);
        command.arg(dir.path().join("config"));
        let mut command = testing::as_somebody(&command).unwrap();
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { _dir: dir, process, port })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_reads_and_migrations_work_through_a_pooler_in_transaction_mode() {
    let Some(server) = server() else { return };
    let name = server.create().rsplit('/').next().unwrap().to_owned();
    let Some(pooler) = Pooler::start(server) else { return };
    let settings = settings(&format!("postgres://wxpay@127.0.0.1:{}/{name}", pooler.port));
    let begun = Instant::now();
    let ledger = loop {
        match Postgres::connect(&settings).await {
            Ok(postgres) => break Ledger::from(postgres),
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(20), "{error:?} {}", error.cause()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // More connections than the pooler has: each transaction may run on another one.
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let tasks: Vec<_> = names
        .map(|name| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                for expected in 1..=25 {
                    assert_eq!(ledger.run(Count(name), CONTEXT).await.unwrap(), expected);
                    let rows =
                        ledger.read(vec![LeaseRow::of(name).load(), LeaseRow::of("a").load()]).await.unwrap();
                    assert!(rows.one::<LeaseRow>().unwrap().is_some());
                }
            })
        })
        .into_iter()
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(versions(&ledger).await, names.map(|name| (name.to_owned(), 25)));
    ledger.close().await;
}
