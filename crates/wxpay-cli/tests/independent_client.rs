//! Merchants that share no code with this workspace, run against the simulator: `tests/clients/v1.py` and `v3.py`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use std::process::Command;
use support::{Simulator, not_tested};

#[test]
fn a_python_merchant_completes_a_v1_payment() {
    run("v1.py", "was placed, paid, notified, queried and delivered", &["either"]);
}

#[test]
fn a_python_merchant_completes_a_v3_payment_and_refund() {
    let modes = ["either", "certificates", "public-key"];
    run("v3.py", "was placed, queried (NOTPAY), paid, notified, queried (SUCCESS) and refunded", &modes);
}

/// Runs a driver in each of these key modes, before and after business time was advanced.
fn run(name: &str, last_line: &str, modes: &[&str]) {
    let script = format!("{}/../../tests/clients/{name}", env!("CARGO_MANIFEST_DIR"));
    for mode in modes {
        let sim = Simulator::start(&["--platform-keys", mode]);
        for when in ["before the advance", "after the advance"] {
            let mut python = Command::new("python3");
            let output = match python.arg("-B").arg(&script).envs(sim.environment()).output() {
                Ok(output) => output,
                Err(error) => return not_tested(name, &format!("python3 cannot be started: {error}")),
            };
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{mode}, {when}: {stderr}{}", sim.log());
            assert!(String::from_utf8_lossy(&output.stdout).contains(last_line));
            sim.advance_25_hours();
        }
    }
}
