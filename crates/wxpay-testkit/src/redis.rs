//! Redis or Valkey servers for the tests of this process.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The variable that makes a missing Redis a failure.
const REQUIRED: &str = "WXPAY_REDIS_REQUIRED";

/// Starts the server in a folder of its own, prints its process id and the folder, and kills it and removes the folder
/// when standard input is closed: also when the process of the tests is killed.
const SCRIPT: &str = r#"
dir=$(mktemp -d /tmp/wxpay-redis-XXXXXX)
program=$1
shift
cd "$dir" || exit 1
"$program" --bind 127.0.0.1 --save '' --appendonly no --logfile "$dir/log" "$@" </dev/null >/dev/null 2>&1 &
echo "$! $dir"
read -r _
kill -KILL $! 2>/dev/null
rm -rf "$dir"
"#;

/// A server without persistence. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    /// The port, on 127.0.0.1.
    pub port: u16,
    options: Vec<String>,
    pid: String,
    script: Child,
}

/// Starts a server with these options, or says why the test is not carried out.
///
/// # Panics
///
/// If there is none although it is required.
pub fn start(options: &[&str]) -> Option<Server> {
    let port = free_port();
    let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
    let started = program()
        .ok_or_else(|| "there is no redis-server; install redis-server or valkey-server".to_owned())
        .and_then(|program| run(&program, port, &options));
    match started {
        Ok((pid, script)) => Some(Server { port, options, pid, script }),
        Err(reason) => {
            assert!(env::var_os(REQUIRED).is_none(), "Redis is required: {reason}");
            crate::not_tested(&format!("Redis: {reason}"));
            None
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let named =
        |name: &str| env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    named("redis-server").or_else(|| named("valkey-server"))
}

/// Returns the process id, and the script that owns it.
fn run(program: &Path, port: u16, options: &[String]) -> Result<(String, Child), String> {
    let port_text = port.to_string();
    let is_encrypted = options.iter().any(|option| option == "--tls-cert-file");
    let ports = if is_encrypted {
        ["--port", "0", "--tls-port", &port_text].to_vec()
    } else {
        ["--port", &port_text].to_vec()
    };
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh"]).arg(program).args(ports).args(options);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = command.spawn().map_err(|error| error.to_string())?;
    let mut line = String::new();
    BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (pid, folder) = line.trim().split_once(' ').ok_or("the script that starts it failed")?;
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if began.elapsed() > Duration::from_secs(20) {
            let log = std::fs::read_to_string(Path::new(folder).join("log")).unwrap_or_default();
            return Err(format!("it does not start: {log}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok((pid.to_owned(), script))
}

impl Server {
    /// Returns the URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command, and returns what the server answers, in its protocol.
    pub fn command(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Kills the server.
    pub fn kill(&self) {
        self.signal("KILL");
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts the server again, empty, after it was killed.
    pub fn restart(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().unwrap();
        (self.pid, self.script) = run(&program().unwrap(), self.port, &self.options).unwrap();
    }

    /// Freezes the server: it accepts connections, and does not answer.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        drop(self.script.wait());
    }
}
