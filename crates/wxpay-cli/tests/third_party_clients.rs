//! Merchants that use third-party clients, unmodified, run against the simulator: the drivers in `tests/clients`.
//!
//! `tests/run` installs the clients and sets variables with their paths. Nothing is installed here; a missing client is
//! reported as `NOT TESTED`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use std::process::Command;
use support::{
    Simulator,
    clients::{installed, node, node_modules, python, report, run, rust, script},
    not_tested,
};

/// Keys of the platform: a key mode of the simulator, and except for `EITHER` the argument of a driver.
const EITHER: &str = "either";
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

/// Parts of the lines that the programs `first_steps` must print, in order.
const FIRST_STEPS: [&str; 6] = [
    "started the simulator",
    "the order was placed and paid; received the notification over https",
    "the refund succeeded; received the notification over https",
    "after the clock was advanced by 25 hours, an order was placed and paid",
    "the business day of the first payment",
    "downloaded yesterday's bill",
];

#[test]
fn wechatpayv3_of_pypi_pays_by_certificates() {
    let Some(python) = python() else { return };
    drive(|| script(&python, "with_wechatpayv3.py"), CERTIFICATES, &[EITHER, CERTIFICATES]);
}

#[test]
fn wechatpayv3_of_pypi_pays_by_the_public_key() {
    let Some(python) = python() else { return };
    drive(|| script(&python, "with_wechatpayv3.py"), PUBLIC_KEY, &[EITHER, PUBLIC_KEY]);
}

#[test]
fn wechatpay_axios_plugin_of_npm_pays_by_certificates() {
    let Some(modules) = node_modules() else { return };
    drive(|| node(&modules, "with_wechatpay_axios_plugin.js"), CERTIFICATES, &[EITHER, CERTIFICATES]);
}

#[test]
fn wechatpay_axios_plugin_of_npm_pays_by_the_public_key() {
    let Some(modules) = node_modules() else { return };
    drive(|| node(&modules, "with_wechatpay_axios_plugin.js"), PUBLIC_KEY, &[EITHER, PUBLIC_KEY]);
}

#[test]
fn wxpay_rs_of_crates_io_pays_by_certificates() {
    let Some(program) = rust("with_wxpay_rs") else { return };
    drive(|| Command::new(&program), CERTIFICATES, &[EITHER, CERTIFICATES]);
}

#[test]
fn wxpay_rs_of_crates_io_pays_by_the_public_key() {
    let Some(program) = rust("with_wxpay_rs") else { return };
    drive(|| Command::new(&program), PUBLIC_KEY, &[EITHER, PUBLIC_KEY]);
}

#[test]
fn wechatpay_v3_of_crates_io_pays_by_certificates() {
    let Some(program) = rust("with_wechatpay_v3") else { return };
    drive(|| Command::new(&program), CERTIFICATES, &[EITHER, CERTIFICATES]);
}

/// The requests of this client do not name the key, so only a merchant without certificates can use it this way.
#[test]
fn wechatpay_v3_of_crates_io_pays_by_the_public_key() {
    let Some(program) = rust("with_wechatpay_v3") else { return };
    drive(|| Command::new(&program), PUBLIC_KEY, &[PUBLIC_KEY]);
}

#[test]
fn wechatpayv3_of_pypi_takes_the_first_steps() {
    let Some(python) = python() else { return };
    let stdout = run(script(&python, "first_steps.py").arg(env!("CARGO_BIN_EXE_wxpay")), String::new);
    check_steps(&stdout, &FIRST_STEPS);
}

#[test]
fn wechatpay_axios_plugin_of_npm_takes_the_first_steps() {
    let Some(modules) = node_modules() else { return };
    if let Err(error) = Command::new("openssl").arg("version").output() {
        return not_tested("first_steps.js", &format!("openssl cannot be started: {error}"));
    }
    let stdout = run(node(&modules, "first_steps.js").arg(env!("CARGO_BIN_EXE_wxpay")), String::new);
    check_steps(&stdout, &FIRST_STEPS);
}

#[test]
fn the_control_interface_conforms_to_openapi_by_openapi_spec_validator_of_pypi() {
    let Some(python) = installed("WXPAY_CLIENTS_OPENAPI", "openapi-spec-validator") else { return };
    check_interface(
        script(&python, "with_openapi_spec_validator.py"),
        &["conforms to OpenAPI 3.1", "is reported", "conform to the document", "to invalid requests"],
    );
}

#[test]
fn the_control_interface_accepts_what_its_document_allows_by_schemathesis_of_pypi() {
    let Some(python) = installed("WXPAY_CLIENTS_SCHEMATHESIS", "schemathesis") else { return };
    let mut checker = script(&python, "with_schemathesis.py");
    checker.env("WXPAY_CLI", env!("CARGO_BIN_EXE_wxpay"));
    check_interface(checker, &["about existing records conforms", "with generated numbers conforms"]);
}

/// Runs a driver that checks the control interface of a simulator, and prints its steps.
fn check_interface(mut checker: Command, steps: &[&str]) {
    let sim = Simulator::start(&["--log", "off"]);
    let stdout = run(checker.envs(sim.environment()), || sim.log());
    for step in steps {
        assert!(stdout.contains(step), "no line contains {step}:\n{stdout}");
    }
}

/// Runs a driver in each of these key modes of the simulator, before and after business time was advanced by 25 hours.
fn drive(driver: impl Fn() -> Command, keys: &str, modes: &[&str]) {
    let mut steps = STEPS;
    if keys == PUBLIC_KEY {
        steps[0] = "downloads nothing";
    }
    for mode in modes {
        let sim = Simulator::start(&["--platform-keys", mode]);
        for when in ["before the advance", "after the advance"] {
            report(&format!("--platform-keys {mode}, {when}:\n"));
            let stdout = run(driver().arg(keys).envs(sim.environment()), || sim.log());
            check_steps(&stdout, &steps);
            sim.advance_25_hours();
        }
    }
}

/// Checks that lines with these parts were printed, in order.
fn check_steps(stdout: &str, steps: &[&str]) {
    let mut lines = stdout.lines();
    for step in steps {
        assert!(lines.any(|line| line.contains(step)), "no line contains {step}:\n{stdout}");
    }
}
