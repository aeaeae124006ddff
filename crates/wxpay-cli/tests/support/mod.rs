//! The binary as a child process, and a minimal HTTP client.

#![allow(dead_code, reason = "each test file uses a part")]

use serde_json::{Value, json};
use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

pub(crate) fn wxpay() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wxpay"))
}

/// A child process that has printed its ready line. Killed on drop.
pub(crate) struct Running {
    child: Child,
    ready: Value,
    /// Held open: the child would fail to print to a closed pipe.
    _stdout: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("no ready line: {error}: {line}"));
        assert_eq!(ready["ready"], true);
        Self { child, ready, _stdout: stdout }
    }

    pub(crate) fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    pub(crate) fn sim_url(&self) -> &str {
        self.ready["sim"].as_str().unwrap()
    }

    /// Kills the child with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM and waits. Returns whether the exit status is 0.
    pub(crate) fn terminate(&mut self) -> bool {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A running `wxpay sim`, with its environment and its log in files of a temporary folder.
pub(crate) struct Simulator {
    running: Running,
    folder: TempDir,
}

impl Simulator {
    pub(crate) fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut sim = wxpay();
        sim.arg("sim").args(options).arg("--env-file").arg(folder.path().join("sim.env")).stderr(log);
        Self { running: Running::start(&mut sim), folder }
    }

    pub(crate) fn url(&self) -> &str {
        self.running.url()
    }

    /// Returns the folder of the file `sim.env`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn env_file(&self) -> PathBuf {
        self.folder.path().join("sim.env")
    }

    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        environment(&self.env_file())
    }

    /// Returns the lines on standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Sends SIGTERM and waits. Returns whether the exit status is 0.
    pub(crate) fn terminate(&mut self) -> bool {
        self.running.terminate()
    }

    /// Sends a request to the control interface, which must succeed.
    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, reply) = http(method, &format!("{}/_sim/v1/{path}", self.url()), Some(body)).unwrap();
        assert_eq!(status, 200, "{path}: {reply}");
        reply
    }

    /// Advances business time by 25 hours, which is longer than the retries of a notification.
    pub(crate) fn advance_25_hours(&self) {
        self.control("POST", "clock", &json!({ "advance_seconds": 90_000 }));
    }
}

/// Parses `export NAME='value'` lines. None of the simulator's values contains a quote.
pub(crate) fn environment(file: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| {
            let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('\'').to_owned())
        })
        .collect()
}

/// Reports that a program was not tested, directly to standard error, since the test harness hides the output of
/// passing tests.
///
/// # Panics
///
/// If `WXPAY_CLIENTS_REQUIRED` is set.
pub(crate) fn not_tested(program: &str, reason: &str) {
    assert!(std::env::var_os("WXPAY_CLIENTS_REQUIRED").is_none(), "{program} is required: {reason}");
    io::stderr().write_all(format!("NOT TESTED: {program}: {reason}\n").as_bytes()).unwrap();
}

/// Sends one request over its own connection. Returns the status and the JSON body.
pub(crate) fn http(method: &str, url: &str, body: Option<&Value>) -> io::Result<(u16, Value)> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let truncated = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = reply.split_once("\r\n\r\n").ok_or_else(truncated)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(truncated)?;
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
    });
    if length.is_some_and(|length| length != body.len()) {
        return Err(truncated());
    }
    Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}
