//! The published libraries of Standard Webhooks verify the deliveries: the scripts in `tests/clients`.
//!
//! `tests/run` installs the libraries and sets variables with their paths. A missing one is reported as `NOT TESTED`, or is a
//! failure if `WXPAY_CLIENTS_REQUIRED` is set.

use super::*;
use crate::ambient::System;
use serde_json::json;
use std::{
    ffi::OsString,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

#[tokio::test]
async fn standardwebhooks_of_pypi_verifies_the_deliveries() {
    let Some(python) = installed("WXPAY_CLIENTS_PYTHON_WEBHOOKS", "standardwebhooks (PyPI)") else { return };
    let mut command = Command::new(python);
    command.arg("-B").arg(driver("with_standardwebhooks.py"));
    verify(command).await;
}

#[tokio::test]
async fn standardwebhooks_of_npm_verifies_the_deliveries() {
    let Some(modules) = installed("WXPAY_CLIENTS_NODE_WEBHOOKS", "standardwebhooks (npm)") else { return };
    let mut command = Command::new("node");
    command.arg(driver("with_standardwebhooks.js")).env("WXPAY_CLIENTS_NODE_WEBHOOKS", modules);
    verify(command).await;
}

/// Delivers events, before and after a rotation of the secret, and passes them to a verifier.
async fn verify(mut verifier: Command) {
    let fixture = Fixture::new();
    // The libraries refuse a message that is older than five minutes.
    let endpoints =
        crate::webhooks::endpoints::Endpoints { ambient: Arc::new(System), ..fixture.endpoints() };
    let (endpoint, secret) = fixture.endpoint().await;
    let sender = tokio::spawn(run(Parts { ambient: Arc::new(System), ..fixture.parts() }));
    fixture.emit_all(&["A1", "A2"], 1..=1).await;
    fixture.advance(Duration::from_millis(500)).await;
    endpoints.rotate(&caller(), &endpoint).await.unwrap();
    // The rotated secret is in use within 2 s; the old one still verifies.
    fixture.advance(Duration::from_millis(2500)).await;
    fixture.emit_all(&["A1"], 2..=2).await;
    fixture.advance(Duration::from_millis(500)).await;
    assert_eq!(endpoints.test(&caller(), &endpoint).await.unwrap()["success"], true);
    let received = fixture.peer.received();
    assert_eq!(received.len(), 4);
    assert_eq!(received[2].headers.signature.split(' ').count(), 2);
    let deliveries: Vec<_> = received
        .iter()
        .map(|Received { headers, body, .. }| {
            let headers = json!({
                "webhook-id": headers.id,
                "webhook-timestamp": headers.timestamp.as_secs().to_string(),
                "webhook-signature": headers.signature,
            });
            json!({ "headers": headers, "body": body })
        })
        .collect();
    let input = json!({ "secret": secret, "deliveries": deliveries }).to_string();
    let mut child =
        verifier.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}{stderr}", output.status);
    assert!(stdout.contains("verified 4 deliveries"), "{stdout}");
    fixture.shutdown.begin_shutdown();
    sender.await.unwrap();
}

fn driver(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../tests/clients", name].iter().collect()
}

fn installed(variable: &str, client: &str) -> Option<OsString> {
    let found = std::env::var_os(variable);
    if found.is_none() {
        assert!(std::env::var_os("WXPAY_CLIENTS_REQUIRED").is_none(), "{client}: {variable} is not set");
        let line = format!(
            "tests: NOT TESTED: {client}: {variable} is not set; tests/run installs it and sets it\n"
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    found
}
