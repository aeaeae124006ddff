//! Third-party clients: where `tests/run` has installed them, and how the drivers in `tests/clients` are run.

use super::not_tested;
use std::{
    ffi::{OsStr, OsString},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) fn python() -> Option<OsString> {
    installed("WXPAY_CLIENTS_PYTHON", "wechatpayv3")
}

pub(crate) fn script(python: &OsStr, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg("-B").arg(driver(name));
    command
}

pub(crate) fn node_modules() -> Option<OsString> {
    installed("WXPAY_CLIENTS_NODE", "wechatpay-axios-plugin")
}

pub(crate) fn node(modules: &OsStr, name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(driver(name)).env("WXPAY_CLIENTS_NODE", modules);
    command
}

pub(crate) fn rust(name: &str) -> Option<PathBuf> {
    Some(Path::new(&installed("WXPAY_CLIENTS_RUST", name)?).join(name))
}

/// Returns the path of an installed client from its variable, or reports that it was not tested.
pub(crate) fn installed(variable: &str, client: &str) -> Option<OsString> {
    let found = std::env::var_os(variable);
    if found.is_none() {
        not_tested(client, &format!("{variable} is not set; tests/run installs the client and sets it"));
    }
    found
}

fn driver(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../tests/clients", name].iter().collect()
}

/// Runs a program, which must succeed, and prints its output. Returns the output.
pub(crate) fn run(program: &mut Command, log: impl FnOnce() -> String) -> String {
    let output = program.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}{stderr}{}", output.status, log());
    report(&stdout);
    stdout.into_owned()
}

/// Prints directly to standard error, since the test harness hides the output of passing tests.
pub(crate) fn report(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}
