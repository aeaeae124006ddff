//! `wxpay explain`, run as a user runs it. The messages are signed by `wxpay sign`, which shares no code with it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};
use support::wxpay;

const NONCE: &str = "593BEC0C930BF1AFEB40B4A08C8FB242";
/// The serial number and the merchant of `merchant_cert.pem`.
const SERIAL: &str = "0A00F0";
const MCHID: &str = "1900000001";

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)
}

fn run(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that rejects its arguments reads no input.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Signs a request and returns its `Authorization`.
fn authorization(method: &str, path: &str, timestamp: u64, body: &str) -> String {
    let parameters = json!({
        "method": method, "path": path, "timestamp": timestamp, "nonce": NONCE, "body": body,
        "mchid": MCHID, "serial_no": SERIAL,
    });
    let mut command = wxpay();
    command.args(["sign", "--scheme", "v3-request", "--json", "--key-file"]).arg(key("merchant_key.pem"));
    let output = run(&mut command, &parameters.to_string());
    let signed: Value = serde_json::from_slice(&output.stdout).unwrap();
    signed["authorization"].as_str().unwrap().to_owned()
}

fn explain(arguments: &[&str]) -> Command {
    let mut command = wxpay();
    command.arg("explain").args(arguments).arg("--certificate").arg(key("merchant_cert.pem"));
    command.arg("--public-key").arg(key("platform_pub.pem"));
    command
}

fn request(authorization: &str, path: &str, body: &str) -> String {
    let headers = json!({ "Authorization": authorization });
    json!({ "kind": "request", "method": "POST", "url": path, "headers": headers, "body": body }).to_string()
}

/// Returns the exit status and the ids with their certainties.
fn explained(output: &Output) -> (Option<i32>, Vec<(String, String)>) {
    let explanation: Value = serde_json::from_slice(&output.stdout).unwrap();
    let members: Vec<&String> = explanation.as_object().unwrap().keys().collect();
    assert_eq!(members, ["causes", "valid"]);
    let causes = explanation["causes"].as_array().unwrap();
    assert_eq!(explanation["valid"].as_bool(), Some(causes.is_empty()));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ids = causes.iter().map(|cause| (text(&cause["id"]), text(&cause["certainty"])));
    (output.status.code(), ids.collect())
}

fn exact(id: &str) -> (String, String) {
    (id.into(), "exact".into())
}

#[test]
fn request_with_a_right_signature_is_valid() {
    let authorization = authorization("POST", "/v3/x?a=1", now(), "{}");
    let output = run(&mut explain(&["--json"]), &request(&authorization, "/v3/x?a=1", "{}"));
    assert_eq!(explained(&output), (Some(0), Vec::new()));
    let output =
        run(&mut explain(&[]), &request(&authorization, "https://api.mch.weixin.qq.com/v3/x?a=1", "{}"));
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "valid\n"));
}

#[test]
fn request_with_another_body_is_explained_with_both_strings() {
    let authorization = authorization("POST", "/v3/x", now(), r#"{"a":1,"b":"支付"}"#);
    let message = request(&authorization, "/v3/x", r#"{"a": 1, "b": "支付"}"#);
    let output = run(&mut explain(&["--json"]), &message);
    assert_eq!(explained(&output), (Some(1), vec![exact("body_reserialized")]));
    let output = run(&mut explain(&[]), &message);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    for part in [
        "body_reserialized: ",
        "expected  {\"a\":·1,·\"b\":·\"支付\"}\\n",
        "signed    {\"a\":1,",
        "line 5, byte 6",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(
        text(&output.stderr).contains("the signature is not accepted: body_reserialized (line 5, byte 6)")
    );
}

#[test]
fn explanation_is_in_the_chosen_language() {
    let authorization = authorization("POST", "/v3/x", now(), r#"{"a":1}"#);
    let message = request(&authorization, "/v3/x", r#"{"a": 1}"#);
    let output = run(&mut explain(&["--language", "zh"]), &message);
    assert_eq!(output.status.code(), Some(1));
    for part in [
        "body_reserialized：报文主体在签名与发送之间被重新序列化：",
        "  相同      POST\\n\n",
        "  期望      {\"a\":·1}\\n\n  实际      {\"a\":1}\\n\n",
        "首个差异：第 5 行第 6 字节",
    ] {
        assert!(text(&output.stdout).contains(part), "{part}: {}", text(&output.stdout));
    }
    // Errors stay in English: logs and searches know them so.
    assert!(
        text(&output.stderr).contains("the signature is not accepted: body_reserialized (line 5, byte 6)")
    );
    let output = run(&mut explain(&["--json", "--language", "zh"]), &message);
    assert_eq!(explained(&output), (Some(1), vec![exact("body_reserialized")]));
    assert!(text(&output.stdout).contains(r#""message":"报文主体在签名与发送之间"#));
    let [english, default] = [&["--json", "--language", "en"][..], &["--json"]]
        .map(|arguments| run(&mut explain(arguments), &message).stdout);
    assert_eq!(english, default);
    assert!(text(&default).contains(r#""message":"the body was serialised again"#));
    let right = self::authorization("POST", "/v3/x", now(), "");
    let output = run(&mut explain(&["--language", "zh"]), &request(&right, "/v3/x", ""));
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "有效\n"));
}

#[test]
fn raw_http_and_curl_are_explained() {
    let authorization = authorization("POST", "/v3/x/", now(), "{}");
    let raw = format!(
        "POST /v3/x HTTP/1.1\r\nHost: h\r\nAuthorization: {authorization}\r\nContent-Length: 2\r\n\r\n{{}}\n"
    );
    let curl = format!(
        "curl -d '{{}}' -H 'Authorization: {authorization}' \\\n  https://api.mch.weixin.qq.com/v3/x"
    );
    for message in [raw, curl] {
        let output = run(&mut explain(&["--json"]), &message);
        assert_eq!(explained(&output), (Some(1), vec![exact("trailing_slash")]), "{message}");
    }
}

#[test]
fn recorded_request_is_compared_with_the_time_of_its_receipt() {
    let authorization = authorization("POST", "/v3/x", 1_554_208_460, "");
    let message = request(&authorization, "/v3/x", "");
    assert_eq!(explained(&run(&mut explain(&["--json"]), &message)), (Some(1), vec![exact("clock_skew")]));
    let output = run(&mut explain(&["--json", "--at", "1554208500"]), &message);
    assert_eq!(explained(&output), (Some(0), Vec::new()));
}

#[test]
fn signature_of_an_unknown_key_is_likely_the_wrong_key() {
    let authorization = authorization("POST", "/v3/x", now(), "");
    let mut command = wxpay();
    command.args(["explain", "--json", "--certificate"]).arg(key("platform_cert.pem"));
    let output = run(&mut command, &request(&authorization, "/v3/x", ""));
    assert_eq!(explained(&output), (Some(1), vec![("wrong_key".into(), "likely".into())]));
}

#[test]
fn keys_of_the_environment_are_used() {
    let authorization = authorization("POST", "/v3/x", now(), "");
    let message = request(&authorization, "/v3/x", "");
    let mut command = wxpay();
    command.args(["explain", "--json"]).env("WXPAY_PRIVATE_KEY_FILE", key("merchant_key.pem"));
    command.env("WXPAY_SERIAL_NO", SERIAL).env("WXPAY_MCHID", "1900007291");
    assert_eq!(explained(&run(&mut command, &message)), (Some(1), vec![exact("wrong_mchid")]));
    command.env("WXPAY_MCHID", MCHID).env("WXPAY_SERIAL_NO", SERIAL.to_lowercase());
    assert_eq!(explained(&run(&mut command, &message)), (Some(1), vec![exact("serial_format")]));
}

#[test]
fn misuse_has_status_2_and_says_what_is_required() {
    for (mut command, input, part) in [
        (explain(&["--json"]), "", "must be a JSON object, a raw HTTP request"),
        (explain(&[]), "{\"kind\":1}", "kind must be"),
        (explain(&["--key", "/no/such/file"]), "{}", "--key: cannot read"),
        (
            {
                let mut command = wxpay();
                command.arg("explain");
                command
            },
            "{}",
            "a key is required",
        ),
    ] {
        let output = run(&mut command, input);
        assert_eq!(output.status.code(), Some(2), "{input}");
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}
