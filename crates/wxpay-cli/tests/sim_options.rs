//! The options of `wxpay sim`: the log, the saved keys, the control token, and CAs for notifications.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Output,
    time::{Duration, Instant},
};
use support::{Running, Simulator, environment, http, wxpay};

impl Simulator {
    /// Waits for a line that contains these texts.
    fn line(&self, parts: &[&str]) -> String {
        let started = Instant::now();
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| parts.iter().all(|part| line.contains(part))) {
                return line.to_owned();
            }
            assert!(started.elapsed() < Duration::from_secs(20), "no line contains {parts:?}:\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let mut command = wxpay();
        command.env_clear().arg("call").args(arguments).arg("--env-file").arg(self.env_file());
        command.output().unwrap()
    }

    /// Places an order, lets the payer pay it, and makes requests that are refused.
    fn run_traffic(&self, notify_url: &str) {
        let variables = environment(&self.env_file());
        let value = |wanted: &str| &variables.iter().find(|(name, _)| name == wanted).unwrap().1;
        let order = json!({
            "appid": value("WXPAY_APPID"),
            "mchid": value("WXPAY_MCHID"),
            "description": "a staff",
            "out_trade_no": "ORDER-1",
            "notify_url": notify_url,
            "amount": { "total": 1 },
        });
        let placed = self.call(&["POST", "/v3/pay/transactions/native", &order.to_string()]);
        assert!(placed.status.success(), "{placed:?}");
        http("POST", &format!("{}/_sim/v1/orders/ORDER-1/pay", self.url()), Some(&json!({}))).unwrap();
        http("GET", &format!("{}/v3/certificates", self.url()), None).unwrap();
        let secret = value("WXPAY_V1_APP_SECRET");
        let appid = value("WXPAY_V1_APPID");
        let token = format!("/cgi-bin/token?grant_type=client_credential&appid={appid}&secret=x{secret}");
        http("GET", &format!("{}{token}", self.url()), None).unwrap();
    }

    /// Panics if standard error contains a secret of the merchant.
    fn assert_no_secret_in_stderr(&self) {
        let log = self.log();
        for (name, value) in environment(&self.env_file()) {
            if ["WXPAY_API_V3_KEY", "WXPAY_V1_APP_SECRET", "WXPAY_V1_PAY_SIGN_KEY", "WXPAY_V1_PARTNER_KEY"]
                .contains(&name.as_str())
            {
                assert!(!log.contains(&value), "{name} is in\n{log}");
            }
        }
        assert!(!log.contains("PRIVATE KEY"));
    }
}

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends one request with these headers. Returns the status.
fn status(port: u16, path: &str, headers: &[&str]) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let headers: Vec<String> = headers.iter().map(|header| format!("{header}\r\n")).collect();
    write!(stream, "GET {path} HTTP/1.1\r\nConnection: close\r\n{}\r\n", headers.concat()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply.split(' ').nth(1).unwrap().parse().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn log_has_a_line_for_each_request_and_each_attempt() {
    let sim = Simulator::start(&[]);
    let port = closed_port();
    sim.run_traffic(&format!("http://127.0.0.1:{port}/notify"));
    let mchid = environment(&sim.env_file()).into_iter().find(|(name, _)| name == "WXPAY_MCHID").unwrap().1;
    let placed = sim.line(&["POST /v3/pay/transactions/native v3.pay.native", " 200 "]);
    assert!(placed.contains(&format!("mchid={mchid}")) && placed.ends_with(" ms"), "{placed}");
    sim.line(&["POST /_sim/v1/orders/ORDER-1/pay 200 "]);
    let notification = sim.line(&["notification TRANSACTION.SUCCESS attempt 1 of ORDER-1"]);
    assert!(notification.contains(&format!(" to http://127.0.0.1:{port}/notify failed ")), "{notification}");
    assert!(notification.ends_with(": connection refused; next attempt in 15 s"), "{notification}");
    let refused = sim.line(&["GET /v3/certificates", " 400 "]);
    assert!(refused.contains("INVALID_REQUEST") && refused.contains("ms: "), "{refused}");
    let token = sim.line(&["GET /cgi-bin/token v1.token", " 200 40001 "]);
    assert!(!token.contains('?'), "{token}");
    sim.assert_no_secret_in_stderr();
}

#[test]
fn json_log_has_one_object_a_line_with_the_documented_members() {
    let sim = Simulator::start(&["--log", "json"]);
    sim.run_traffic(&format!("https://127.0.0.1:{}/notify", closed_port()));
    sim.line(&["\"event\":\"notification\""]);
    sim.line(&["/cgi-bin/token"]);
    let lines: Vec<Value> = sim.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../wxpay-sim/README.md")).unwrap();
    for event in ["request", "control", "notification"] {
        let line = lines.iter().find(|line| line["event"] == event).unwrap();
        for name in line.as_object().unwrap().keys() {
            assert!(readme.contains(&format!("`{name}`")), "the README does not document {name} of {event}");
        }
    }
    let refused = lines.iter().find(|line| line["path"] == "/cgi-bin/token").unwrap();
    assert_eq!((&refused["api_version"], &refused["code"]), (&json!("v1"), &json!("40001")));
    assert!(refused["reason"].is_string() && refused["duration_us"].is_u64());
    let notification = lines.iter().find(|line| line["event"] == "notification").unwrap();
    assert_eq!(notification["reason"], "connection refused");
    assert!(notification["url"].as_str().unwrap().ends_with("/notify"), "{notification}");
    sim.assert_no_secret_in_stderr();
}

#[test]
fn log_can_be_off() {
    let sim = Simulator::start(&["--log", "off"]);
    sim.run_traffic("http://127.0.0.1:1/notify");
    assert_eq!(sim.log(), "");
}

#[test]
fn last_lines_are_written_when_the_simulator_stops() {
    let mut sim = Simulator::start(&["--seed", "7"]);
    for _ in 0..50 {
        http("GET", &format!("{}/v3/certificates", sim.url()), None).unwrap();
    }
    assert!(sim.terminate());
    assert_eq!(sim.log().lines().count(), 50);
}

#[test]
fn reader_that_stops_does_not_stop_the_gateway() {
    const REQUESTS: usize = 8000;
    let (mut reader, writer) = std::io::pipe().unwrap();
    let sim = Running::start(wxpay().args(["sim", "--seed", "7"]).stderr(writer));
    let mut stream = TcpStream::connect(sim.url().strip_prefix("http://").unwrap()).unwrap();
    let mut sender = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let request = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";
        sender.write_all(request.repeat(REQUESTS - 1).as_bytes()).unwrap();
        sender.write_all(b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    });
    let mut replies = String::new();
    // Nobody reads the log: the pipe and the log are full long before the last reply.
    stream.read_to_string(&mut replies).unwrap();
    sending.join().unwrap();
    assert_eq!(replies.matches("HTTP/1.1 404").count(), REQUESTS);
    let mut log = String::new();
    while !log.contains(" lines dropped: ") {
        let mut part = [0; 4096];
        let length = reader.read(&mut part).unwrap();
        log.push_str(text(&part[..length]));
    }
}

/// Starts a simulator with this file, stops it, and returns its variables except the URL.
fn variables(env_file: &Path, arguments: &[&str]) -> Vec<(String, String)> {
    let mut command = wxpay();
    let mut sim = Running::start(command.arg("sim").args(arguments).arg("--env-file").arg(env_file));
    assert!(sim.terminate());
    let mut variables = environment(env_file);
    variables.retain(|(name, _)| name != "WXPAY_BASE_URL");
    for (name, value) in &mut variables {
        if name.ends_with("_FILE") {
            *value = fs::read_to_string(&*value).unwrap();
        }
    }
    variables
}

#[test]
fn next_start_reuses_the_keys_unless_new_ones_are_requested() {
    let folder = tempfile::tempdir().unwrap();
    let env_file = folder.path().join("sim.env");
    let first = variables(&env_file, &[]);
    assert_eq!(variables(&env_file, &[]), first);
    let seeded = variables(&env_file, &["--seed", "7"]);
    assert_ne!(seeded, first);
    assert_eq!(variables(&env_file, &[]), first, "a start with a seed must not change the saved keys");
    let new = variables(&env_file, &["--new-keys"]);
    for (name, value) in first {
        assert!(!new.contains(&(name.clone(), value)) || name == "WXPAY_NOTIFY_URL", "{name} is not new");
    }
    assert_eq!(variables(&env_file, &[]), new);
}

#[cfg(unix)]
#[test]
fn saved_keys_are_accessible_to_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let sim = Simulator::start(&[]);
    let files: Vec<_> = fs::read_dir(sim.folder().join("sim.env.d")).unwrap().map(Result::unwrap).collect();
    assert!(files.iter().any(|file| file.file_name() == "simulator.json"));
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn damaged_keys_are_an_error_that_shows_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let env_file = folder.path().join("sim.env");
    variables(&env_file, &[]);
    let saved = folder.path().join("sim.env.d/simulator.json");
    let whole = fs::read_to_string(&saved).unwrap();
    let value: Value = serde_json::from_str(&whole).unwrap();
    let changed = |name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value.to_string()
    };
    let mut keys = value["keys"].clone();
    keys[3] = keys[3]
        .as_str()
        .unwrap()
        .replace("BEGIN PRIVATE KEY-----\nMII", "BEGIN PRIVATE KEY-----\nMIA")
        .into();
    for (text, rule) in [
        (whole.split_at(whole.len() / 2).0.to_owned(), "it is not the JSON expected"),
        (String::new(), "it is not the JSON expected"),
        (changed("seed", json!(value["seed"].as_u64().unwrap() ^ 1)), "its seed gives another merchant"),
        (changed("keys", json!([])), "a private key is missing or invalid"),
        (changed("keys", keys), "a private key is missing or invalid"),
        (changed("format", json!(2)), "it has another format"),
    ] {
        fs::write(&saved, text).unwrap();
        let output = wxpay().args(["sim", "--env-file"]).arg(&env_file).output().unwrap();
        let error = crate::text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(rule) && error.contains("--new-keys"), "{error}");
        assert!(!error.contains("PRIVATE KEY"), "{error}");
    }
    variables(&env_file, &["--new-keys"]);
}

#[test]
fn listener_outside_of_loopback_requires_a_token() {
    let sim = Simulator::start(&["--seed", "7", "--listen", "0.0.0.0:0"]);
    let port = sim.url().rsplit(':').next().unwrap().parse().unwrap();
    let warning = sim.line(&["warning: ", "is not on loopback"]);
    assert!(warning.contains("requires the control token"), "{warning}");
    let shown = sim.line(&["--control-token-file: "]);
    let token = shown.rsplit(' ').next().unwrap();
    let host = "Host: 127.0.0.1";
    assert_eq!(status(port, "/_sim/v1/clock", &[host]), 401);
    assert_eq!(status(port, "/_sim/v1/clock", &[host, "Authorization: Bearer 0123456789abcdef"]), 401);
    assert_eq!(status(port, "/_sim/v1/clock", &[host, &format!("Authorization: Bearer {token}")]), 200);
    sim.line(&["GET /_sim/v1/clock 401 ", "Authorization must be Bearer"]);
    sim.line(&["GET /_sim/v1/clock 200 "]);
    assert_eq!(sim.log().matches(token).count(), 1);
}

#[test]
fn listener_is_a_port_alone_or_an_address_with_a_port() {
    for listen in ["0", ":0", "localhost:0", "127.0.0.1:0"] {
        let sim = Simulator::start(&["--seed", "7", "--listen", listen]);
        assert!(sim.url().starts_with("http://127.0.0.1:"), "{listen}: {}", sim.url());
    }
    for listen in ["99999", "shop.example:80", "", "127.0.0.1"] {
        let output = wxpay().args(["sim", "--listen", listen]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{listen}");
        assert!(text(&output.stderr).contains("such as 127.0.0.1:8080"), "{}", text(&output.stderr));
    }
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = wxpay().args(["sim", "--listen", &busy.local_addr().unwrap().to_string()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("choose another port"), "{}", text(&output.stderr));
}

#[test]
fn environment_of_a_simulator_that_runs_is_replaced_with_a_warning() {
    let first = Simulator::start(&["--seed", "7"]);
    let file = first.env_file();
    let stderr = first.folder().join("stderr");
    let start = || {
        let mut command = wxpay();
        command
            .args(["sim", "--seed", "7", "--env-file"])
            .arg(&file)
            .stderr(fs::File::create(&stderr).unwrap());
        let running = Running::start(&mut command);
        (running, fs::read_to_string(&stderr).unwrap())
    };
    let (second, log) = start();
    let warning = format!("warning: the simulator at {} still runs; its environment in ", first.url());
    assert!(log.contains(&warning), "{log}");
    drop(second);
    let (third, log) = start();
    assert!(!log.contains("still runs"), "{log}");
    let address = third.url().strip_prefix("http://").unwrap().to_owned();
    drop(third);
    let mut again = wxpay();
    again.args(["sim", "--seed", "7", "--listen", &address, "--env-file"]).arg(&file);
    drop(Running::start(again.stderr(fs::File::create(&stderr).unwrap())));
    let log = fs::read_to_string(&stderr).unwrap();
    assert!(!log.contains("still runs"), "at the address of the last one: {log}");
}

#[test]
fn token_of_a_file_is_required_on_loopback_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "s3cr3t-s3cr3t-s3cr3t\n").unwrap();
    let path = file.to_str().unwrap();
    let sim = Simulator::start(&["--seed", "7", "--control-token-file", path, "--control-host", "sim"]);
    let port = sim.url().rsplit(':').next().unwrap().parse().unwrap();
    let token = "Authorization: Bearer s3cr3t-s3cr3t-s3cr3t";
    assert_eq!(status(port, "/_sim/v1/clock", &["Host: sim:80"]), 401);
    assert_eq!(status(port, "/_sim/v1/clock", &["Host: sim:80", token]), 200);
    assert_eq!(status(port, "/_sim/v1/clock", &["Host: evil.example", token]), 403);
    sim.line(&["GET /_sim/v1/clock 403 ", "Host must be localhost"]);
    assert!(!sim.log().contains("s3cr3t"));
    fs::write(&file, "short\n").unwrap();
    let output = wxpay().args(["sim", "--control-token-file", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let rule = "--control-token-file: the control token must have 16 to 256 visible ASCII characters";
    assert!(text(&output.stderr).contains(rule), "{}", text(&output.stderr));
}

#[test]
fn notify_ca_must_hold_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, "nothing\n").unwrap();
    let output = wxpay().args(["sim", "--notify-ca"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = format!("--notify-ca: {} holds no certificate", file.display());
    assert!(text(&output.stderr).contains(&message), "{}", text(&output.stderr));
}

#[test]
fn notification_to_an_untrusted_server_names_the_option_that_helps() {
    // The server is another simulator: its certificate is of a CA that the first one does not know.
    let server = Simulator::start(&["--tls"]);
    let url = format!("{}/notify", server.url());
    let ca =
        environment(&server.env_file()).into_iter().find(|(name, _)| name == "WXPAY_TLS_CA_FILE").unwrap().1;
    let untrusting = Simulator::start(&[]);
    untrusting.run_traffic(&url);
    untrusting.line(&["notification", "TLS: ", "pass --notify-ca"]);
    for (arguments, warns) in
        [(["--notify-ca", ca.as_str()].as_slice(), false), (&["--insecure-notify"], true)]
    {
        let sim = Simulator::start(arguments);
        sim.run_traffic(&url);
        // The other simulator responds that it has no such path.
        sim.line(&["notification", " 404 failed ", "not accepted, HTTP 404"]);
        assert_eq!(sim.log().contains("warning: --insecure-notify"), warns);
    }
}
