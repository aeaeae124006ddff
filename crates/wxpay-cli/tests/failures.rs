//! Failures of the commands: exit statuses, errors as JSON, closed pipes, configurations and paths.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use support::{Running, environment, native, wxpay};

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn with_input(command: &mut Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

/// Returns the end of a pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Returns the one line of JSON on standard error.
fn json_error(output: &Output) -> Value {
    let stderr = text(&output.stderr);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let error: Value = serde_json::from_str(stderr).unwrap();
    assert_eq!(error["exit_status"].as_i64(), output.status.code().map(i64::from), "{error}");
    error
}

/// A running simulator whose variables are passed to `wxpay call`.
struct Simulated {
    _sim: Running,
    variables: Vec<(String, String)>,
    _directory: tempfile::TempDir,
}

impl Simulated {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sim.env");
        let mut command = wxpay();
        command.args(["sim", "--seed", "7", "--platform-keys", "public-key", "--env-file"]).arg(&file);
        let sim = Running::start(&mut command);
        Self { _sim: sim, variables: environment(&file), _directory: directory }
    }

    fn call(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut command = wxpay();
        command.env_clear().envs(self.variables.iter().cloned()).envs(variables.iter().copied());
        command.arg("call").args(arguments).output().unwrap()
    }
}

#[test]
fn calls_exit_by_fate_and_print_it_as_json() {
    let sim = Simulated::start();
    let mchid = &sim.variables.iter().find(|(name, _)| name == "WXPAY_MCHID").unwrap().1;
    let close = json!({ "mchid": mchid }).to_string();
    let refused = ["POST", "/v3/pay/transactions/out-trade-no/ORDER-9/close", &close];
    let read = format!("/v3/pay/transactions/out-trade-no/ORDER-9?mchid={mchid}");
    let nobody = [("WXPAY_BASE_URL", "http://127.0.0.1:1")];

    // Reads each request and closes the connection: whether it was carried out is unknown.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            assert!(stream.unwrap().read(&mut [0; 1024]).unwrap() > 0);
        }
    });
    let silent = [("WXPAY_BASE_URL", &*silent)];

    for (status, kind, fate, variables, arguments) in [
        (1, "failed", "nothing was changed", &nobody[..], &["GET", "/v3/x", "--once"][..]),
        (2, "usage", "", &[("WXPAY_MCHID", "x")], &["GET", "/v3/x"]),
        (3, "not_sent", "not sent: ", &nobody, &["POST", "/v3/x", "{}", "--once"]),
        (4, "refused", "refused: ", &[], &refused),
        (4, "refused", "nothing was changed", &[], &["GET", &read]),
        (5, "unknown", "unknown: ", &silent, &["POST", "/v3/x", "{}", "--once"]),
    ] {
        let output = sim.call(variables, arguments);
        assert_eq!(output.status.code(), Some(status), "{kind}: {}", text(&output.stderr));
        let error = json_error(&sim.call(variables, &[arguments, &["--json"]].concat()));
        assert_eq!(error["kind"], kind, "{error}");
        assert!(error["fate"].as_str().unwrap_or_default().starts_with(fate), "{error}");
        assert!(text(&output.stderr).contains(error["error"].as_str().unwrap()), "{error}");
        assert!(output.stdout.is_empty());
    }
    let error = json_error(&sim.call(&[], &["GET", &read, "--json"]));
    assert_eq!((&error["status"], &error["code"]), (&json!(404), &json!("ORDER_NOT_EXIST")), "{error}");
    assert!(error["request_id"].is_string(), "{error}");
}

#[test]
fn errors_of_every_command_with_a_json_option_are_json() {
    let key_file = key("merchant_key.pem");
    for command in ["sign", "verify"] {
        let mut wxpay = wxpay();
        wxpay
            .args([command, "--json", "--scheme", "v3-app", "--key-file"])
            .arg(&key_file)
            .stdout(Stdio::piped());
        let error = json_error(&with_input(&mut wxpay, "{}"));
        assert_eq!((&error["kind"], &error["error"]), (&json!("usage"), &json!("prepayid is required")));
    }
    let mut verify = wxpay();
    verify.args(["verify", "--json", "--scheme", "v1-package", "--key-file"]).stdout(Stdio::piped());
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("key"), "0123456789abcdef".repeat(2)).unwrap();
    let output = with_input(verify.arg(directory.path().join("key")), r#"{"a":"1","sign":"x"}"#);
    assert_eq!(json_error(&output)["kind"], "failed");
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["valid"], false);
    let doctor = wxpay().env_clear().args(["doctor", "--json"]).output().unwrap();
    assert_eq!(json_error(&doctor)["kind"], "usage");

    // Faults of the arguments themselves.
    for arguments in [&["call", "--json"][..], &["sign", "--scheme", "v9", "--json"]] {
        let error = json_error(&wxpay().args(arguments).output().unwrap());
        assert_eq!(error["kind"], "usage", "{error}");
    }
}

#[test]
fn the_help_documents_the_exit_statuses() {
    for arguments in [&["--help"][..], &["call", "--help"], &["call", "-h"]] {
        let help = wxpay().args(arguments).output().unwrap();
        assert!(help.status.success());
        let help = text(&help.stdout);
        for line in
            ["  0  success\n", "  1  failed", "  2  usage", "  3  not sent", "  4  refused", "  5  unknown"]
        {
            assert!(help.contains(line), "{line}: {help}");
        }
    }
}

#[test]
fn a_closed_pipe_is_no_failure_and_hides_no_result() {
    let directory = tempfile::tempdir().unwrap();
    let partner_key = directory.path().join("key");
    fs::write(&partner_key, "0123456789abcdef".repeat(2)).unwrap();
    let partner_key = partner_key.to_str().unwrap();
    let certificate = key("merchant_cert.pem");
    let certificate = certificate.to_str().unwrap();
    let package = |command| [command, "--scheme", "v1-package", "--key-file", partner_key];
    for (status, arguments, input) in [
        (0, &["completions", "bash"][..], ""),
        (0, &["--help"], ""),
        (0, &["call", "--help"], ""),
        (0, &package("sign"), r#"{"a":"1"}"#),
        (0, &[&package("sign")[..], &["--json"]].concat(), r#"{"a":"1"}"#),
        (1, &[&package("verify")[..], &["--json"]].concat(), r#"{"a":"1","sign":"x"}"#),
        (0, &["doctor", "--cert-file", certificate], ""),
        (1, &["doctor", "--json", "--cert-file", certificate, "--serial", "01"], ""),
        (0, &["encrypt", "--scheme", "v3-field", "--key-file", certificate], "x"),
        (0, &["demo"], ""),
        (0, &["check-config", "--sample"], ""),
    ] {
        let output = with_input(wxpay().env_clear().args(arguments).stdout(closed_pipe()), input);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
        let without_stderr =
            wxpay().env_clear().args(arguments).stdin(Stdio::null()).stderr(closed_pipe()).output();
        assert!(without_stderr.unwrap().status.code().is_some_and(|status| status <= 2), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = wxpay().args(["completions", "bash"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot write to standard output: No space left"));
}

#[test]
fn a_server_whose_log_is_closed_continues_to_serve() {
    let mut command = wxpay();
    command
        .args(["serve", "--dev", "--json", "--listen", "127.0.0.1:0"])
        .env("WXPAY_LOG", "trace")
        .stderr(closed_pipe());
    let mut server = Running::start(&mut command);
    let placed = server.api("POST", "/api/orders", Some(&native("ORDER-1")));
    assert_eq!(placed.0, 201, "{}", placed.1);
    assert!(server.terminate());
}

#[test]
fn a_port_in_use_is_the_same_failure_in_every_command() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for arguments in [&["sim", "--listen", &address][..], &["serve", "--dev", "--listen", &address]] {
        let output = wxpay().env_clear().env("WXPAY_LOG", "off").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let message = format!("wxpay: cannot listen on {address}: Address already in use");
        assert!(text(&output.stderr).starts_with(&message), "{}", text(&output.stderr));
    }
}

#[test]
fn a_missing_folder_is_named_and_not_created() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let named = missing.display();
    for (command, file, message) in [
        (&["sim", "--env-file"][..], "sim.env", format!("--env-file: the folder {named} does not exist")),
        (&["sim", "--keys-dir"], "keys", format!("--keys-dir: the folder {named} does not exist")),
        (
            &["serve", "--dev", "--database"],
            "l.db",
            format!("database must be in a folder that exists: {named}"),
        ),
    ] {
        let output = wxpay().env_clear().args(command).arg(missing.join(file)).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(text(&output.stderr).contains(&message), "{}", text(&output.stderr));
        assert!(!missing.exists());
    }
    // An existing file where a folder is needed, and a folder where a file is needed.
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for (option, path, status) in
        [("--env-file", file.join("sim.env"), 2), ("--env-file", directory.path().to_owned(), 1)]
    {
        let output = wxpay().env_clear().args(["sim", option]).arg(&path).output().unwrap();
        assert_eq!(output.status.code(), Some(status));
        let named = if status == 2 { &file } else { &path };
        assert!(text(&output.stderr).contains(&named.display().to_string()), "{}", text(&output.stderr));
    }
}

#[test]
fn all_faults_of_a_configuration_are_reported_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let env_file = directory.path().join("shop.env");
    fs::write(
        &env_file,
        "WXPAY_MCHID=x\nWXPAY_API_V3_KEY=planted\nWXPAY_PRIVATE_KEY_FILE=no-such.pem\nWXPAY_PUBLIC_KEY_ID=1\n\
         WXPAY_TLS_CA_FILE=no-such-ca.pem\nWXPAY_PLATFORM_CERTIFICATE_FILE=no-such-cert.pem\n",
    )
    .unwrap();
    let call = |more: &[&str]| {
        wxpay()
            .env_clear()
            .args(["call", "GET", "/v3/x", "--env-file"])
            .arg(&env_file)
            .args(more)
            .output()
            .unwrap()
    };
    let output = call(&[]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("wxpay: 8 settings are invalid:\n"), "{stderr}");
    for line in [
        "\n  WXPAY_MCHID must be ",
        "\n  WXPAY_SERIAL_NO is required: set it, or WXPAY_CERTIFICATE_FILE\n",
        "\n  WXPAY_API_V3_KEY must be 32 letters and digits",
        "\n  WXPAY_PRIVATE_KEY_FILE must be the path of a readable file: no-such.pem: No such file",
        "\n  WXPAY_PUBLIC_KEY_ID must be PUB_KEY_ID_",
        "\n  WXPAY_PUBLIC_KEY_FILE is required",
        "\n  WXPAY_TLS_CA_FILE must be the path of a readable file: no-such-ca.pem: No such file",
        "\n  WXPAY_PLATFORM_CERTIFICATE_FILE must be the path of a readable file: no-such-cert.pem: No such file",
    ] {
        assert!(stderr.contains(line), "{line}: {stderr}");
    }
    assert!(!stderr.contains("planted"));
    assert_eq!(json_error(&call(&["--json"]))["faults"].as_array().unwrap().len(), 8);

    fs::write(&env_file, "A\nB=1\nC=x y\n").unwrap();
    let stderr = call(&[]).stderr;
    for line in
        ["\n  --env-file, line 1: no = found; expected NAME=value\n", "\n  --env-file, line 3: a value with"]
    {
        assert!(text(&stderr).contains(line), "{}", text(&stderr));
    }

    let mut serve = wxpay();
    serve.env_clear().env("WXPAY_V1_PARTNER", "x").env("WXPAY_CALL_ATTEMPTS", "0");
    serve.args(["serve", "--listen", "here", "--set", "nonsense=1", "--set", "ca_file=no-such-ca.pem"]);
    let output = serve.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    for line in [
        "\n  WXPAY_CALL_ATTEMPTS must be ",
        "\n  nonsense is an unknown setting: ",
        "\n  listen must be an IP address and a port, such as 127.0.0.1:8080\n",
        "\n  public_base_url is required: ",
        "\n  WXPAY_V1_APP_SECRET is required",
        "\n  WXPAY_V1_PARTNER ",
        "\n  ca_file must name a readable text file: no-such-ca.pem",
    ] {
        assert!(text(&output.stderr).contains(line), "{line}: {}", text(&output.stderr));
    }
    assert_eq!(json_error(&serve.arg("--json").output().unwrap())["kind"], "usage");
}

#[test]
fn an_unusable_ca_file_is_a_fault_of_the_configuration_in_every_command() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    fs::write(&ca, "no certificate").unwrap();
    let ca_file = format!("ca_file={}", ca.display());
    let serve = wxpay().env_clear().args(["serve", "--dev", "--set", &ca_file]).output().unwrap();
    assert_eq!(serve.status.code(), Some(2), "{}", text(&serve.stderr));
    assert!(text(&serve.stderr).contains("ca_file"), "{}", text(&serve.stderr));
    let sim = Simulated::start();
    let call = sim.call(&[("WXPAY_TLS_CA_FILE", ca.to_str().unwrap())], &["GET", "/v3/x"]);
    assert_eq!(call.status.code(), Some(2));
    assert!(text(&call.stderr).contains("WXPAY_TLS_CA_FILE must be PEM"), "{}", text(&call.stderr));
}
