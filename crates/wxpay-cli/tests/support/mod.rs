//! The binary as a child process, and a minimal HTTP client.

#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod clients;
pub(crate) mod load;

use serde_json::{Value, json};
use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
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
        self.ready["simulator"].as_str().unwrap()
    }

    /// Returns the API key of a server for developers.
    pub(crate) fn api_key(&self) -> &str {
        self.ready["api_key"].as_str().unwrap()
    }

    /// Returns the id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the members of the ready line.
    pub(crate) fn ready(&self) -> &Value {
        &self.ready
    }

    /// Sends a request to the API of a server for developers.
    pub(crate) fn api(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        api(method, &format!("{}{path}", self.url()), self.api_key(), body).unwrap()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Returns whether the child has ended, and its exit status.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
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

/// An order of the API, for 1 yuan.
pub(crate) fn native(number: &str) -> Value {
    json!({
        "channel": "native", "out_trade_no": number, "description": "a staff", "amount": { "total": 100 },
    })
}

/// Waits up to 20 seconds until a condition holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now().checked_add(Duration::from_secs(20)).unwrap();
    while !holds() {
        assert!(Instant::now() < until, "not within 20 seconds: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends one request over its own connection. Returns the status and the JSON body.
pub(crate) fn http(method: &str, url: &str, body: Option<&Value>) -> io::Result<(u16, Value)> {
    send(method, url, "", body)
        .map(|(status, body)| (status, serde_json::from_str(&body).unwrap_or(Value::Null)))
}

/// Sends a request with an API key. Returns the status and the JSON body.
pub(crate) fn api(method: &str, url: &str, key: &str, body: Option<&Value>) -> io::Result<(u16, Value)> {
    let headers = format!("authorization: Bearer {key}\r\n");
    send(method, url, &headers, body)
        .map(|(status, body)| (status, serde_json::from_str(&body).unwrap_or(Value::Null)))
}

/// Sends one request over its own connection, with more lines of headers. Returns the status and the body.
pub(crate) fn send(
    method: &str,
    url: &str,
    headers: &str,
    body: Option<&Value>,
) -> io::Result<(u16, String)> {
    exchange(method, url, headers, body).map(|(status, _, body)| (status, body))
}

/// Sends one request over its own connection. Returns the status, the head and the body of the response.
pub(crate) fn exchange(
    method: &str,
    url: &str,
    headers: &str,
    body: Option<&Value>,
) -> io::Result<(u16, String, String)> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         {headers}content-length: {}\r\n\r\n{body}",
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
    Ok((status, head.to_owned(), body.to_owned()))
}

/// A shop's endpoint for webhooks, in a thread. It answers 204 to each, and keeps them in the order of their arrival.
pub(crate) struct ShopListener {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A webhook as received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self
            .headers
            .lines()
            .find(|line| line.split_once(':').is_some_and(|(known, _)| known.eq_ignore_ascii_case(name)));
        line.unwrap().split_once(':').unwrap().1.trim()
    }
}

impl ShopListener {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || drop(serve_webhooks(&stream.unwrap(), &kept)));
            }
        });
        Self { url, received }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns everything that was received so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Serves one connection until the client closes it. A request that is cut is not kept.
fn serve_webhooks(stream: &TcpStream, kept: &Mutex<Vec<Received>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            headers.push_str(&line);
        }
        let length = headers.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
        });
        let mut body = vec![0; length.unwrap_or_default()];
        reader.read_exact(&mut body)?;
        kept.lock().unwrap().push(Received { headers, body: String::from_utf8(body).unwrap() });
        (&*stream).write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
}
