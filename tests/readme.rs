//! The first example of the README: the same in both languages, short, and run against the simulator.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{path::Path, process::Command};
use tokio::net::TcpListener;
use wxpay_sim::{Clock, Gateway, Settings, environment::Environment, serve::Server};

const EXAMPLE: &str = include_str!("../crates/wxpay-hyper/examples/native_order.rs");

/// Returns the code of the first block that is a whole program.
fn first_example(readme: &str) -> &str {
    let (_, rest) = readme.split_once("```rust,no_run\n").unwrap();
    rest.split_once("```\n").unwrap().0
}

#[test]
fn first_example_is_the_same_in_both_languages_and_in_the_examples() {
    let code = first_example(include_str!("../README.md"));
    assert_eq!(code, first_example(include_str!("../README.zh-CN.md")));
    let (header, example) = EXAMPLE.split_once("\n\n").unwrap();
    assert!(header.lines().all(|line| line.starts_with("//!") || line.starts_with("#![")), "{header}");
    assert_eq!(code, example);
}

#[test]
fn first_example_is_short() {
    let code = first_example(include_str!("../README.md"));
    assert!(code.lines().count() <= 15, "{code}");
    assert!(code.matches('?').count() - code.matches("{:?}").count() <= 9, "{code}");
    assert!(!code.contains("unwrap") && !code.contains("expect"), "{code}");
    let imports = code.lines().filter_map(|line| line.strip_prefix("use "));
    let names: usize = imports.map(|path| path.matches(',').count() + 1).sum();
    assert!(names <= 6, "{code}");
}

/// Runs the example in a shell that has sourced the file which `wxpay sim --env-file` writes.
fn run_example(env_file: &Path) -> std::process::Output {
    let script = format!(". '{}' && exec '{}'", env_file.display(), env!("CARGO_BIN_EXE_native_order"));
    Command::new("sh").args(["-c", &script]).env_clear().output().unwrap()
}

#[tokio::test]
async fn first_example_places_and_queries_an_order_at_the_simulator() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(listener, Gateway::new(Settings::default(), 7), Clock::running()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let env_file = folder.path().join("sim.env");
    let environment = server.with(|simulation, now| Environment::of(&simulation.gateway, &server.url(), now));
    environment.files(folder.path()).unwrap().write(&env_file).unwrap();
    let output = tokio::task::spawn_blocking(move || run_example(&env_file)).await.unwrap();
    let (printed, failed) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{failed}");
    let lines: Vec<_> = printed.lines().collect();
    let [link, found] = lines[..] else { panic!("{printed}") };
    assert!(link.starts_with("link for the QR code: weixin://wxpay/bizpayurl"), "{printed}");
    assert!(found.starts_with("Found(") && found.contains("ORDER-0001"), "{printed}");
}

#[test]
fn first_example_without_an_environment_names_every_variable_that_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_native_order")).env_clear().output().unwrap();
    let failed = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    for name in ["WXPAY_MCHID", "WXPAY_PRIVATE_KEY_FILE", "WXPAY_API_V3_KEY", "WXPAY_SERIAL_NO"] {
        assert!(failed.contains(name), "{name}: {failed}");
    }
}
