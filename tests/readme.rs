//! The first example of the README: the same in both languages, and short. `examples.rs` runs it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::Command;

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

#[test]
fn first_example_without_an_environment_names_every_variable_that_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_native_order")).env_clear().output().unwrap();
    let failed = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    for name in ["WXPAY_MCHID", "WXPAY_PRIVATE_KEY_FILE", "WXPAY_API_V3_KEY", "WXPAY_SERIAL_NO"] {
        assert!(failed.contains(name), "{name}: {failed}");
    }
}
