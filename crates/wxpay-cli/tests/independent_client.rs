//! The simulator serves a merchant that shares no code with this workspace: `tests/clients/v1.py`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say aloud what they leave out"
)]

mod support;

use std::process::Command;
use support::{Running, environment, wxpay};

#[test]
fn a_merchant_in_python_takes_a_payment_from_order_to_delivery() {
    let directory = tempfile::tempdir().unwrap();
    let env_file = directory.path().join("sim.env");
    let _sim = Running::start(wxpay().args(["sim", "--env-file"]).arg(&env_file));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/v1.py");
    let output = match Command::new("python3").arg(script).envs(environment(&env_file)).output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("WXPAY_CLIENTS_REQUIRED").is_none(), "no python3: {error}");
            eprintln!("there is no python3 here: the independent client was NOT run");
            return;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("was placed, paid, heard of, queried and delivered")
    );
}
