//! The page of the simulator in a browser: the test in `tests/page`.
//!
//! `tests/run` installs Debian's chromium and the packages of npm, and sets variables with their paths. Nothing is
//! installed here; what is missing is reported as `NOT TESTED`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use std::{env, path::Path, process::Command};
use support::{Running, not_tested, wxpay};

/// Parts of the lines that the test must print, in order.
const STEPS: [&str; 14] = [
    "appears without reloading",
    "paid by the keyboard",
    "it was sent again",
    "the log explains a wrong signature",
    "a refund beyond the amount is refused",
    "advanced by an hour",
    "an injected fault hit one request",
    "the state was saved and loaded",
    "the bridge explained a wrong paySign",
    "an h5_url leads to the phone page",
    "the language was switched and is kept",
    "0 violations of axe, no horizontal scrolling",
    "an order was paid without a script",
    "no violation of the policy",
];

#[test]
fn page_is_usable_and_accessible_in_chromium() {
    let Some(modules) = env::var_os("WXPAY_CLIENTS_PAGE") else {
        return not_tested(
            "the page in a browser",
            "playwright-core is not installed; tests/run installs it",
        );
    };
    let browser = env::var_os("WXPAY_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    if !Path::new(&browser).exists() {
        return not_tested(
            "the page in a browser",
            "chromium is not installed; tests/run installs it as root on Debian",
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sim.env");
    let simulator = Running::start(
        wxpay().args(["sim", "--listen", "127.0.0.1:0", "--log", "off", "--env-file"]).arg(&file),
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/page/page.js");
    let mut node = Command::new("node");
    node.arg(script).arg(simulator.url()).arg(&file);
    node.env("WXPAY_CLIENTS_PAGE", modules).env("WXPAY_CHROMIUM", browser);
    let output = node.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), STEPS.len(), "{stdout}");
    for (line, step) in lines.into_iter().zip(STEPS) {
        assert!(line.contains(step), "{line} does not contain {step}");
    }
}
