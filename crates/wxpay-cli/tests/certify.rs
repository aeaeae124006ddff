//! `wxpay certify`: the payment server scores 100 %, and misuse is refused with a clear word.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod support;

use serde_json::Value;
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use support::wxpay;

/// A key of the server's API, for tests only.
const API_KEY: &str = "wxk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

const PROFILE: &str = include_str!("../../wxpay-certify/src/profiles/wxpay-server.toml");

/// Returns an address where nothing listens.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn certify(target: &str, options: &[&str]) -> Output {
    let mut command = wxpay();
    command.args(["certify", "--target", target]).args(options).env("WXPAY_API_KEY", API_KEY);
    command.output().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Writes the profile of the server with a query on request: by itself, it queries a refund after a minute only.
fn shop_file(folder: &Path) -> PathBuf {
    let query = "[query]\n\
        order = \"POST /api/orders/{out_trade_no}/query\"\n\
        refund = \"POST /api/orders/{out_trade_no}/refunds/{out_refund_no}/query\"\n";
    let path = folder.join("shop.toml");
    fs::write(&path, PROFILE.replace("[query]\n", query)).unwrap();
    path
}

/// Returns a shell command that starts the server, with a ledger in a folder.
fn start_server(address: &str, folder: &Path) -> String {
    let settings = [
        format!("listen={address}"),
        format!("public_base_url=http://{address}"),
        format!("database={}", folder.join("ledger.db").display()),
        "poll_intervals=1s".to_owned(),
    ];
    let settings = settings.map(|setting| format!(" --set '{setting}'")).concat();
    let binary = env!("CARGO_BIN_EXE_wxpay");
    // The second command keeps the shell: it must be ended with what it started.
    format!("WXPAY_BOOTSTRAP_API_KEY={API_KEY} WXPAY_LOG=off '{binary}' serve{settings}; exit 1")
}

#[test]
fn payment_server_scores_100_percent() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let (shop, start) = (shop_file(folder.path()), start_server(&address, folder.path()));
    let target = format!("http://{address}");
    let output = certify(&target, &["--shop", shop.to_str().unwrap(), "--start", &start, "--json"]);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", error(&output)));
    let passed = |check: &&Value| check["result"] == "pass";
    let checks = report["checks"].as_array().unwrap();
    let others: Vec<_> = checks.iter().filter(|check| !passed(check)).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(
        (output.status.code(), &report["score"], &report["target"]),
        (Some(0), &100.into(), &target.into())
    );
    assert_eq!(checks.len(), 23);
    assert!(TcpListener::bind(&address).is_ok(), "the server must be stopped");
}

#[test]
fn shop_without_refunds_is_incomplete() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let (path, start) = (folder.path().join("shop.toml"), start_server(&address, folder.path()));
    let (before, _) = PROFILE.split_once("[refund]").unwrap();
    fs::write(&path, before).unwrap();
    let checks = ["--check", "notification.probe", "--check", "refund.completed"];
    let options = [&["--shop", path.to_str().unwrap(), "--start", &start], checks.as_slice()].concat();
    let output = certify(&format!("http://{address}"), &options);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.contains("PASS  notification.probe") && text.contains("----  refund.completed"), "{text}");
    assert!(text.contains("not checked: the shop file has no [refund]"), "{text}");
    assert!(text.ends_with("score 50 %: 1 passed, 0 failed, 1 not checked\n"), "{text}");
    assert_eq!(output.status.code(), Some(6), "{}", error(&output));
}

#[test]
fn misuse_is_refused_with_the_rule() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (binary, other) =
        (file("binary", b"\xff\xfe\x00"), file("other.toml", b"[create]\nrequest = \"orders\"\n"));
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = format!("http://{}", busy.local_addr().unwrap());
    let free = format!("http://{}", free_address());
    let server = ["--profile", "wxpay-server"];
    for (target, options, rule) in [
        ("shop", &["--profile", "example"][..], "--target: the target must be an absolute http or https URL"),
        (&free, &["--shop", &binary], "the shop file is not UTF-8 from byte 0 on: save it as UTF-8"),
        (&free, &["--shop", &other], "missing field `state`"),
        (&free, &["--shop", "/nowhere/shop.toml"], "--shop: cannot read /nowhere/shop.toml"),
        (&free, &["--profile", "example"], "--env-file is required"),
        (
            &free,
            &["--profile", "example", "--check", "x", "--start", "true"],
            "--check: unknown check \"x\"; the checks are order.placed",
        ),
        (
            &free,
            &["--profile", "example", "--start", "exit 3"],
            "--start: the command ended (exit status: 3) before",
        ),
        (&free, &["--profile", "example", "--start", "sleep 60", "--wait", "1"], "does not answer at"),
        (&busy, &["--profile", "example", "--start", "true"], "something answers at"),
        (&free, &[], "the following required arguments were not provided"),
    ] {
        let output = certify(target, options);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {}", error(&output));
        assert!(error(&output).contains(rule), "{options:?}: {}", error(&output));
        assert!(output.stdout.is_empty(), "{options:?}");
    }
    let mut command = wxpay();
    command.args(["certify", "--target", &free]).args(server).env_remove("WXPAY_API_KEY");
    let output = command.output().unwrap();
    assert!(
        error(&output)
            .contains("--profile: headers.authorization needs the environment variable WXPAY_API_KEY")
    );
}

/// A server that speaks HTTP and is no shop: it is told, not graded.
#[test]
fn program_that_is_no_shop_is_not_graded() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let binary = env!("CARGO_BIN_EXE_wxpay");
    let start = format!("'{binary}' sim --listen {address} --log off");
    let output =
        certify(&format!("http://{address}"), &["--profile", "example", "--start", &start, "--json"]);
    let failure: Value = serde_json::from_str(error(&output).lines().last().unwrap()).unwrap();
    assert_eq!((output.status.code(), &failure["kind"]), (Some(2), &"usage".into()), "{failure}");
    let text = failure["error"].as_str().unwrap();
    assert!(text.starts_with("the shop does not place an order: POST /orders → HTTP 404"), "{text}");
    drop(folder);
}

#[test]
fn pointer_to_nothing_is_a_fault_of_the_shop_file() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let (path, start) = (folder.path().join("shop.toml"), start_server(&address, folder.path()));
    let wrong =
        PROFILE.lines().map(|line| if line.starts_with("client = ") { "client = \"/pya\"" } else { line });
    fs::write(&path, wrong.collect::<Vec<_>>().join("\n")).unwrap();
    let output =
        certify(&format!("http://{address}"), &["--shop", path.to_str().unwrap(), "--start", &start]);
    assert_eq!(output.status.code(), Some(2), "{}", error(&output));
    let rule = "nothing at create.client of the shop file: it has ";
    assert!(error(&output).contains(rule) && error(&output).contains("/pay"), "{}", error(&output));
}

/// A shop that runs already is used with the environment of an earlier run: its keys are kept.
#[test]
fn keys_of_an_environment_file_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.env");
    let environment = || {
        let output = certify(
            &format!("http://{}", free_address()),
            &["--profile", "example", "--env-file", file.to_str().unwrap(), "--wait", "1"],
        );
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        let text = fs::read_to_string(&file).unwrap();
        let kept = text.lines().filter(|line| !line.contains("_URL="));
        kept.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = environment();
    assert!(first.iter().any(|line| line.starts_with("export WXPAY_API_V3_KEY=")));
    assert_eq!(environment(), first);
}

#[test]
fn help_lists_the_exit_statuses() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wxpay"));
    let help = command.args(["certify", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("6  incomplete (certify)"), "{help}");
}
