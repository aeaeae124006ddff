//! `PgBouncer` in front of a server, in transaction mode.

use super::{Server, as_somebody};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A pooler that stops when it is dropped.
#[derive(Debug)]
pub struct Pooler {
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
    /// Starts a pooler with this many connections to each database of the server, or says why there is none.
    pub fn start(server: &Server, connections: usize) -> Option<Self> {
        let program =
            ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|path| Path::new(path).is_file());
        let Some(program) = program else {
            crate::not_tested("PgBouncer: it is not installed");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = {connections}\nmax_client_conn = 1000\nlogfile =\n",
            server.port,
            dir.path().join("users").display(),
        );
        fs::write(dir.path().join("users"), "\"wxpay\" \"\"\n").unwrap();
        fs::write(dir.path().join("config"), config).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(program);
        command.arg(dir.path().join("config"));
        let mut command = as_somebody(&command).unwrap();
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { _dir: dir, process, port })
    }

    /// Returns the URL of a database through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://wxpay@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the id of the process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}
