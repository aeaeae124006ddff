//! `wxpay explain`, run as a user runs it. The messages are signed by `wxpay sign`, which shares no code with it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    fs,
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
    run_with(command, input.as_bytes())
}

fn run_with(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that rejects its arguments reads no input.
    drop(child.stdin.take().unwrap().write_all(input));
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

/// Returns the string that a POST signs.
fn string_of_post(timestamp: u64, path: &str, body: &str) -> String {
    format!("POST\n{path}\n{timestamp}\n{NONCE}\n{body}\n")
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
fn request_with_a_right_signature_is_valid_with_its_key_and_string() {
    let now = now();
    let authorization = authorization("POST", "/v3/x?a=1", now, "{}");
    let output = run(&mut explain(&["--json"]), &request(&authorization, "/v3/x?a=1", "{}"));
    assert_eq!(explained(&output), (Some(0), Vec::new()));
    assert_eq!(text(&output.stdout), "{\"valid\":true,\"causes\":[]}\n");
    let output =
        run(&mut explain(&[]), &request(&authorization, "https://api.mch.weixin.qq.com/v3/x?a=1", "{}"));
    let length = string_of_post(now, "/v3/x?a=1", "{}").len();
    let expected = format!(
        "valid\n  key       {SERIAL} (of merchant {MCHID})\n  verified  POST\\n\n  verified  /v3/x?a=1\\n\n  verified  {now}\\n\n  \
         verified  {NONCE}\\n\n  verified  {{}}\\n\n  {length} bytes\n"
    );
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), expected.as_str()));
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
    assert_eq!(output.status.code(), Some(0));
    let start = format!("有效\n  密钥      {SERIAL}（商户 {MCHID}）\n  签名串    POST\\n\n");
    assert!(text(&output.stdout).starts_with(&start), "{}", text(&output.stdout));
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
fn message_is_read_from_a_file_or_from_standard_input() {
    let authorization = authorization("POST", "/v3/x/", now(), "{}");
    let message = format!("POST /v3/x\nAuthorization: {authorization}\n\n{{}}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("request.http");
    fs::write(&file, &message).unwrap();
    let outputs = [(file.to_str().unwrap(), ""), ("-", message.as_str())]
        .map(|(argument, input)| run(&mut explain(&["--json", argument]), input));
    fs::remove_file(&file).unwrap();
    for output in outputs {
        assert_eq!(explained(&output), (Some(1), vec![exact("trailing_slash")]));
    }
    let output = run(&mut explain(&[file.to_str().unwrap()]), &message);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("FILE: cannot read"), "{}", text(&output.stderr));
}

#[test]
fn compressed_reply_is_explained_or_refused() {
    const GZIPPED: &str = "H4sIAAAAAAACA6tWSs5PSY0vLcpRslIqT82syMyz0tcvryhIrNSvUKoFAD2XB0gfAAAA";
    let (timestamp, body) = (now(), r#"{"code_url":"weixin://wxpay/x"}"#);
    let parameters = json!({
        "Wechatpay-Timestamp": timestamp.to_string(), "Wechatpay-Nonce": NONCE, "body": body,
    });
    let mut command = wxpay();
    command.args(["sign", "--scheme", "v3-reply", "--json", "--key-file"]).arg(key("merchant_key.pem"));
    let signed: Value = serde_json::from_slice(&run(&mut command, &parameters.to_string()).stdout).unwrap();
    let signature = signed["sign"].as_str().unwrap();
    let reply = |encoding: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nWechatpay-Timestamp: {timestamp}\r\nWechatpay-Nonce: {NONCE}\r\n\
             Wechatpay-Serial: PUB_KEY_ID_0116\r\nWechatpay-Signature: {signature}\r\n\r\n"
        );
        let mut command = wxpay();
        command.arg("explain").env("WXPAY_PUBLIC_KEY_FILE", key("merchant_key.pem"));
        command.env("WXPAY_PUBLIC_KEY_ID", "PUB_KEY_ID_0116");
        run_with(&mut command, &[head.as_bytes(), body].concat())
    };
    let output = reply("gzip", &STANDARD.decode(GZIPPED).unwrap());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).starts_with("valid\n  key       PUB_KEY_ID_0116 (of WeChat Pay)\n"));
    assert_eq!(reply("br", body.as_bytes()).status.code(), Some(0));
    let output = reply("br", b"\x0b\x02\x80{}\x03");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("the body is compressed with br: decode it first"));
}

#[test]
fn host_of_the_base_url_in_the_env_file_is_tried() {
    let authorization = authorization("POST", "//127.0.0.1:8080/v3/x", now(), "{}");
    let message = request(&authorization, "/v3/x", "{}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sim.env");
    fs::write(&file, "WXPAY_BASE_URL=http://127.0.0.1:8080\n").unwrap();
    let output = run(&mut explain(&["--json", "--env-file", file.to_str().unwrap()]), &message);
    assert_eq!(explained(&output), (Some(1), vec![exact("host_in_url")]));
    assert_eq!(explained(&run(&mut explain(&["--json"]), &message)).1[0].1, "likely");
}

#[test]
fn expected_merchant_is_named_once() {
    let authorization = authorization("POST", "/v3/x", now(), "{}").replace(MCHID, "1900007291");
    let mut command = explain(&[]);
    command.env("WXPAY_MCHID", MCHID);
    let output = run(&mut command, &request(&authorization, "/v3/x", "{}"));
    let printed = text(&output.stdout);
    assert!(printed.contains("(sent 1900007291, expected 1900000001):"), "{printed}");
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
        (explain(&[]), "[1,2]", "must be a JSON object with kind, method, url, headers and body"),
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
