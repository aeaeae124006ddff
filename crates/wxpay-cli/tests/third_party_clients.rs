//! Merchants that use third-party clients, unmodified, run against the simulator: the drivers in `tests/clients`.
//!
//! `tests/run` installs the clients and sets variables with their paths. Nothing is installed here; a missing client is
//! reported as `NOT TESTED`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use std::{
    ffi::OsString,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};
use support::{Running, environment, not_tested, wxpay};

/// The source of the platform's keys: the argument of a driver.
const CERTIFICATES: &str = "certificates";
const PUBLIC_KEY: &str = "public-key";

/// Parts of the lines that each driver must print, in order.
const STEPS: [&str; 10] = [
    "platform certificates",
    "placed the JSAPI order",
    "the order query returned NOTPAY",
    "signed the payment parameters; the payer's client accepted them",
    "the order was paid; received the notification",
    "the order query returned SUCCESS",
    "rejected the notification after one letter was changed",
    "and closed it",
    "the refund succeeded; received the notification",
    "the refund query returned SUCCESS",
];

#[test]
fn wechatpayv3_of_pypi_pays_by_certificates() {
    drive_python(CERTIFICATES);
}

#[test]
fn wechatpayv3_of_pypi_pays_by_the_public_key() {
    drive_python(PUBLIC_KEY);
}

#[test]
fn wechatpay_axios_plugin_of_npm_pays_by_certificates() {
    drive_node(CERTIFICATES);
}

#[test]
fn wechatpay_axios_plugin_of_npm_pays_by_the_public_key() {
    drive_node(PUBLIC_KEY);
}

#[test]
fn wxpay_rs_of_crates_io_pays_by_certificates() {
    drive_rust("with_wxpay_rs", CERTIFICATES);
}

#[test]
fn wxpay_rs_of_crates_io_pays_by_the_public_key() {
    drive_rust("with_wxpay_rs", PUBLIC_KEY);
}

#[test]
fn wechatpay_v3_of_crates_io_pays_by_certificates() {
    drive_rust("with_wechatpay_v3", CERTIFICATES);
}

/// The requests of this client do not name the key, so only a merchant without certificates can use it this way.
#[test]
fn wechatpay_v3_of_crates_io_pays_by_the_public_key() {
    let Some(mut driver) = rust("with_wechatpay_v3") else { return };
    drive(&mut driver, PUBLIC_KEY, &["--platform-keys", "public-key"]);
}

#[test]
fn the_control_interface_conforms_to_openapi_by_openapi_spec_validator_of_pypi() {
    let Some(python) = installed("WXPAY_CLIENTS_OPENAPI", "openapi-spec-validator") else { return };
    let directory = tempfile::tempdir().unwrap();
    let env_file = directory.path().join("sim.env");
    let _sim = Running::start(wxpay().args(["sim", "--env-file"]).arg(&env_file));
    let mut checker = Command::new(python);
    checker.arg("-B").arg(driver("with_openapi_spec_validator.py")).envs(environment(&env_file));
    let output = checker.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}{stderr}", output.status);
    for step in ["conforms to OpenAPI 3.1", "is reported", "conform to the document", "to invalid requests"] {
        assert!(stdout.contains(step), "no line contains {step}:\n{stdout}");
    }
    std::io::stderr().write_all(&output.stdout).unwrap();
}

fn drive_python(keys: &str) {
    let Some(python) = installed("WXPAY_CLIENTS_PYTHON", "wechatpayv3") else { return };
    drive(Command::new(python).arg("-B").arg(driver("with_wechatpayv3.py")), keys, &[]);
}

fn drive_node(keys: &str) {
    let Some(modules) = installed("WXPAY_CLIENTS_NODE", "wechatpay-axios-plugin") else { return };
    let mut node = Command::new("node");
    drive(node.arg(driver("with_wechatpay_axios_plugin.js")).env("WXPAY_CLIENTS_NODE", modules), keys, &[]);
}

fn drive_rust(name: &str, keys: &str) {
    let Some(mut driver) = rust(name) else { return };
    drive(&mut driver, keys, &[]);
}

fn rust(name: &str) -> Option<Command> {
    let folder = installed("WXPAY_CLIENTS_RUST", name)?;
    Some(Command::new(Path::new(&folder).join(name)))
}

/// Returns the path of an installed client from its variable, or reports that it was not tested.
fn installed(variable: &str, client: &str) -> Option<OsString> {
    let found = std::env::var_os(variable);
    if found.is_none() {
        not_tested(client, &format!("{variable} is not set; tests/run installs the client and sets it"));
    }
    found
}

fn driver(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../tests/clients", name].iter().collect()
}

/// Runs a driver against its own simulator, checks its steps and prints them.
fn drive(driver: &mut Command, keys: &str, options: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let env_file = directory.path().join("sim.env");
    let _sim = Running::start(wxpay().args(["sim", "--env-file"]).arg(&env_file).args(options));
    let output = driver.arg(keys).envs(environment(&env_file)).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}{stderr}", output.status);
    let first = if keys == PUBLIC_KEY { "downloads nothing" } else { STEPS[0] };
    let steps = std::iter::once(first).chain(STEPS[1..].iter().copied());
    let mut lines = stdout.lines();
    for step in steps {
        assert!(lines.any(|line| line.contains(step)), "no line contains {step}:\n{stdout}");
    }
    std::io::stderr().write_all(&output.stdout).unwrap();
}
