//! Third-party clients, broken from outside as developers break such clients: the drivers `broken_*` in `tests/clients`.
//!
//! The simulator must refuse each broken message, and both its log and `wxpay explain` must name the cause first. A
//! missing client is reported as `NOT TESTED`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    process::{Command, Stdio},
};
use support::{
    Simulator,
    clients::{node, node_modules, python, report, rust, script},
    wxpay,
};

/// The fewest causes that each client must show.
const MIN_CAUSES: usize = 20;

/// A line of a driver.
#[derive(Deserialize)]
struct Shown {
    client: String,
    breakage: String,
    /// The cause; `None` if nothing is broken.
    expected: Option<String>,
    certainty: String,
    /// The status of the reply, or the merchant's answer to a notification.
    status: u16,
    /// The message as `wxpay explain` reads it.
    message: Value,
    /// The `Request-ID` of the reply.
    request_id: Option<String>,
    /// The causes by which the payer's client refused payment parameters, each with its certainty.
    causes: Option<Vec<Answer>>,
    /// Variables of the merchant that differ from those of the simulator.
    #[serde(default)]
    environment: BTreeMap<String, String>,
}

/// A cause and its certainty.
type Answer = (String, String);

#[test]
fn causes_of_a_broken_wechatpayv3_of_pypi_are_named() {
    let Some(python) = python() else { return };
    check(script(&python, "broken_wechatpayv3.py"));
}

#[test]
fn causes_of_a_broken_wechatpay_axios_plugin_of_npm_are_named() {
    let Some(modules) = node_modules() else { return };
    check(node(&modules, "broken_wechatpay_axios_plugin.js"));
}

#[test]
fn causes_of_a_broken_wxpay_rs_of_crates_io_are_named() {
    let Some(program) = rust("broken_wxpay_rs") else { return };
    check(Command::new(program));
}

/// Runs a driver, compares the answers to each of its messages, and prints them.
fn check(mut driver: Command) {
    let sim = Simulator::start(&["--platform-keys", "either"]);
    let output = driver.envs(sim.environment()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}{stderr}{}", output.status, sim.log());
    let logged = logged(&sim);
    let (mut table, mut wrong, mut causes) = (String::new(), Vec::new(), BTreeSet::new());
    for line in stdout.lines() {
        let shown: Shown = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let explained = explain(&sim, &shown);
        let refused = match (&shown.request_id, &shown.causes) {
            (Some(id), _) => logged.get(id).unwrap_or_else(|| panic!("{id} is not logged")).clone(),
            (None, Some(causes)) => causes.first().cloned(),
            // Notifications are refused by the client, and not by the simulator.
            (None, None) => explained.clone(),
        };
        let row = row(&shown, refused.as_ref(), explained.as_ref());
        let expected = shown.expected.clone().map(|cause| (cause, shown.certainty.clone()));
        let is_refused = shown.status >= 400;
        if is_refused != expected.is_some() || refused != expected || explained != expected {
            wrong.push(row.clone());
        }
        table.push_str(&row);
        causes.extend(shown.expected);
    }
    report(&table);
    assert!(wrong.is_empty(), "{} of {} answers:\n{}", wrong.len(), table.lines().count(), wrong.concat());
    assert!(causes.len() >= MIN_CAUSES, "only {} causes: {causes:?}", causes.len());
}

/// A row of the table: client, breakage, expected cause, the simulator's first answer, and that of `wxpay explain`.
fn row(shown: &Shown, refused: Option<&Answer>, explained: Option<&Answer>) -> String {
    let answer = |answer: Option<&Answer>| {
        answer.map_or_else(|| "none".to_owned(), |(cause, certainty)| format!("{cause} ({certainty})"))
    };
    let (refused, explained) = (answer(refused), answer(explained));
    let other = if refused == explained { String::new() } else { format!(", but explained as {explained}") };
    let Shown { client, breakage, status, .. } = shown;
    let expected = shown.expected.as_deref().unwrap_or("none");
    format!("{client} | {breakage} | {expected} | {status} {refused}{other}\n")
}

/// Returns the first cause in the simulator's log of each request, by its `Request-ID`.
fn logged(sim: &Simulator) -> BTreeMap<String, Option<Answer>> {
    let requests = sim.control("GET", "requests", &json!({}));
    let requests = requests.as_array().unwrap().iter();
    requests
        .map(|request| {
            let id = request["request_id"].as_str().unwrap().to_owned();
            (id, request["reason"].as_str().and_then(first_of_summary))
        })
        .collect()
}

/// Returns the first cause of a reason such as `…: likely wrong_key or sha1 (line 5, byte 6)`. `None` if it has none.
fn first_of_summary(reason: &str) -> Option<Answer> {
    let (_, summary) = reason.rsplit_once(": ")?;
    let (certainty, causes) =
        summary.strip_prefix("likely ").map_or(("exact", summary), |likely| ("likely", likely));
    let cause = causes.split([' ', ',']).next()?;
    Some((cause.to_owned(), certainty.to_owned()))
}

/// Runs `wxpay explain` with the merchant's environment. Returns the first cause; `None` if the message is valid.
fn explain(sim: &Simulator, shown: &Shown) -> Option<Answer> {
    let mut command = wxpay();
    command.args(["explain", "--json"]).envs(sim.environment()).envs(&shown.environment);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(shown.message.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let explanation: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{}: {error}: {}", shown.breakage, String::from_utf8_lossy(&output.stderr))
    });
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let first = explanation["causes"].as_array().unwrap().first();
    assert_eq!(explanation["valid"].as_bool(), Some(first.is_none()), "{}", shown.breakage);
    first.map(|cause| (text(&cause["id"]), text(&cause["certainty"])))
}
