//! PostgreSQL servers for the tests of this process, and a pooler.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

mod pooler;

pub use pooler::Pooler;

/// The variable that makes a missing PostgreSQL a failure.
const REQUIRED: &str = "WXPAY_POSTGRES_REQUIRED";

/// Starts the server in a folder of its own, with the given language and settings; prints the folder when it is ready, and
/// stops it and removes the folder when standard input is closed: also when the process of the tests is killed.
const SCRIPT: &str = r#"
set -e
programs=$1 port=$2 language=$3
shift 3
dir=$(mktemp -d /tmp/wxpay-pg-XXXXXX)
log=$dir/log
stop() {
    trap - EXIT
    "$programs/pg_ctl" -D "$dir/data" -m fast -w stop >>"$log" 2>&1 || true
    [ -z "$failed" ] || cat "$log" >&2
    rm -rf "$dir"
}
failed=1
trap stop EXIT
trap 'exit 1' HUP INT TERM
"$programs/initdb" -D "$dir/data" -U wxpay -A trust -E UTF8 --no-sync --locale=C.UTF-8 $language >"$log" 2>&1
"$programs/pg_ctl" -D "$dir/data" -l "$log" -w -o "-k $dir -p $port -c listen_addresses=127.0.0.1 \
    -c max_connections=300 -c deadlock_timeout=200ms $*" start >>"$log" 2>&1
failed=
echo "$dir"
read -r _ || true
"#;

/// A server. It stops when it is dropped or the process ends, which closes the standard input of its script.
#[derive(Debug)]
#[non_exhaustive]
pub struct Server {
    /// The folder of the socket.
    pub dir: PathBuf,
    /// The port, on 127.0.0.1 and of the socket.
    pub port: u16,
    /// PostgreSQL's programs.
    pub programs: PathBuf,
    /// Owns the standard input.
    _script: Child,
}

/// Returns the server, or says why the test is not carried out.
///
/// # Panics
///
/// If there is none although it is required.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    // Nothing of a test outlives a crash of the machine.
    match SERVER.get_or_init(|| Server::start(&["fsync=off"])) {
        Ok(server) => Some(server),
        Err(reason) => {
            assert!(env::var_os(REQUIRED).is_none(), "PostgreSQL is required: {reason}");
            crate::not_tested(&format!("PostgreSQL: {reason}"));
            None
        }
    }
}

fn start(programs: &Path, language: &str, settings: &[&str]) -> Result<Server, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    drop(listener);
    let mut script = Command::new("sh");
    script.args(["-c", SCRIPT, "sh"]).arg(programs).arg(port.to_string()).arg(language);
    script.args(settings.iter().flat_map(|setting| ["-c", setting]));
    let mut command = as_somebody(&script)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut script = command.spawn().map_err(|error| error.to_string())?;
    let mut line = String::new();
    BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if line.is_empty() {
        let output = script.wait_with_output().unwrap();
        return Err(format!("it does not start: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let dir = PathBuf::from(line.trim());
    Ok(Server { dir, port, programs: programs.to_owned(), _script: script })
}

/// Returns a command as a user that PostgreSQL and its pooler accept: they refuse root.
///
/// # Errors
///
/// If this is root, and there is no such user.
pub fn as_somebody(command: &Command) -> Result<Command, String> {
    let id = Command::new("id").arg("-u").output().map_err(|error| error.to_string())?;
    let exists =
        |user: &&str| Command::new("id").arg(user).output().is_ok_and(|output| output.status.success());
    let mut somebody = if id.stdout == b"0\n" {
        let user = ["postgres", "nobody"].into_iter().find(exists).ok_or("there is no user to run it as")?;
        let mut somebody = Command::new("runuser");
        somebody.args(["-u", user, "--"]);
        somebody
    } else {
        Command::new("env")
    };
    somebody.arg(command.get_program()).args(command.get_args()).current_dir("/");
    Ok(somebody)
}

/// Returns the folder of PostgreSQL's programs, of the newest version.
fn programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = debian.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    folders.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = folders.into_iter().rev().chain(env::split_paths(&path));
    let mut folders = folders.filter(|folder| folder.join("initdb").is_file());
    folders.next()
}

impl Server {
    /// Starts another server than the shared one, with settings of `postgresql.conf`.
    ///
    /// # Errors
    ///
    /// If PostgreSQL is not installed, or does not start.
    pub fn start(settings: &[&str]) -> Result<Self, String> {
        let programs = programs().ok_or("there is no initdb; install postgresql")?;
        // Rows are ordered by their bytes also in a database of another language.
        start(&programs, "--locale-provider=icu --icu-locale=en-US", settings)
            .or_else(|_| start(&programs, "", settings))
    }

    /// Creates an empty database. Returns its URL.
    pub fn create(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Returns the id of its first process, the parent of the others.
    pub fn pid(&self) -> u32 {
        let file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap();
        file.lines().next().unwrap().parse().unwrap()
    }

    /// Returns the URL of a database.
    pub fn url(&self, name: &str) -> String {
        let folder = self.dir.to_str().unwrap().replace('/', "%2F");
        format!("postgres://wxpay@{folder}:{}/{name}", self.port)
    }

    /// Executes statements with `psql`. Returns what it prints.
    ///
    /// # Panics
    ///
    /// If they fail.
    pub fn execute(&self, database: &str, statements: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(&self.dir).args(["-p", &self.port.to_string(), "-U", "wxpay", "-d", database]);
        let output = psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statements]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// Writes a file in the folder of the server's data, readable by the server only.
const WRITE: &str = r#"umask 077; cat >"$1""#;

impl Server {
    fn write(&self, name: &str, text: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-c", WRITE, "sh"]).arg(self.dir.join("data").join(name));
        let mut child = as_somebody(&shell).unwrap().stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Restarts the server as after a crash: it recovers, and everything in progress is cut.
    ///
    /// # Panics
    ///
    /// If it does not start again.
    pub fn crash(&self) {
        let mut restart = Command::new(self.programs.join("pg_ctl"));
        restart.arg("-D").arg(self.dir.join("data")).arg("-l").arg(self.dir.join("log"));
        restart.args(["-m", "immediate", "-w", "restart"]);
        let output = as_somebody(&restart).unwrap().output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Puts a rule before the others of `pg_hba.conf`, by which everybody is trusted.
    pub fn add_rule(&self, rule: &str) {
        self.write("pg_hba.conf", &format!("{rule}\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n"));
        self.execute("postgres", "SELECT pg_reload_conf()");
    }

    /// Offers TLS with a certificate.
    pub fn use_tls(&self, certificate: &str, key: &str) {
        self.write("server.crt", certificate);
        self.write("server.key", key);
        self.execute("postgres", "ALTER SYSTEM SET ssl = on");
        self.execute("postgres", "SELECT pg_reload_conf()");
    }
}
