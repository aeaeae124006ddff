//! Merchants that share no code with this workspace, run against the simulator: `tests/clients/v1.py` and `v3.py`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use std::process::Command;
use support::{Running, environment, not_tested, wxpay};

#[test]
fn a_python_merchant_completes_a_v1_payment() {
    run("v1.py", "was placed, paid, notified, queried and delivered");
}

#[test]
fn a_python_merchant_completes_a_v3_payment_and_refund() {
    run("v3.py", "was placed, queried (NOTPAY), paid, notified, queried (SUCCESS) and refunded");
}

fn run(name: &str, last_line: &str) {
    let directory = tempfile::tempdir().unwrap();
    let env_file = directory.path().join("sim.env");
    let _sim = Running::start(wxpay().args(["sim", "--env-file"]).arg(&env_file));
    let script = format!("{}/../../tests/clients/{name}", env!("CARGO_MANIFEST_DIR"));
    let output = match Command::new("python3").arg("-B").arg(script).envs(environment(&env_file)).output() {
        Ok(output) => output,
        Err(error) => return not_tested(name, &format!("python3 cannot be started: {error}")),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains(last_line));
}
