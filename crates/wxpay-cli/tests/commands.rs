//! The commands for APIv1, the simulator and the server, run as a user runs them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Output, Stdio},
};
use support::{Running, environment, http, wxpay};
use tempfile::TempDir;

/// Invented, like all values below. The signatures are OpenSSL's:
/// `printf %s "$STRING_WITH_KEY" | openssl md5` (or `sha1`).
const PARTNER_KEY: &str = "0123456789abcdef0123456789abcdef";
const PAY_SIGN_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct Scratch {
    directory: TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, command: &str, scheme: &str, key: &str, more: &[&str], input: &str) -> Output {
        let key = self.file("key", key);
        let mut child = wxpay()
            .args([command, "--scheme", scheme, "--key-file"])
            .arg(key)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that rejects its key reads no input.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        child.wait_with_output().unwrap()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn sign_of_a_package_shows_its_string_with_the_key_masked() {
    let input =
        r#"{"total_fee":1,"body":"测试","bank_type":"WX","input_charset":"GBK","attach":"","sign":"old"}"#;
    let output = Scratch::new().run("sign", "v1-package", &format!("{PARTNER_KEY}\n"), &["--json"], input);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let signed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(signed["string_to_sign"], "bank_type=WX&body=测试&input_charset=GBK&total_fee=1&key=[secret]");
    // printf 'bank_type=WX&body=\xb2\xe2\xca\xd4&input_charset=GBK&total_fee=1&key=…' | openssl md5
    assert_eq!(signed["sign"], "6FF14DBA7006F9D17B09F0631304EA40");
    let package = signed["package"].as_str().unwrap();
    assert!(package.starts_with("bank_type=WX&body=%B2%E2%CA%D4&input_charset=GBK&total_fee=1&sign="));
}

#[test]
fn sign_of_a_call_uses_lower_case_names_with_the_key_among_them() {
    let input =
        r#"{"timeStamp":1399514976,"appId":"wx0123456789abcdef","app_signature":"old","sign_method":"sha1"}"#;
    let output = Scratch::new().run("sign", "v1-sha1", PAY_SIGN_KEY, &["--json"], input);
    let signed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(signed["string_to_sign"], "appid=wx0123456789abcdef&appkey=[secret]&timestamp=1399514976");
    assert_eq!(signed["sign"], "e82f7106c3f7e6a5506c39d49e111112f85e7417");
    assert!(!text(&output.stdout).contains(PAY_SIGN_KEY));
}

#[test]
fn verify_accepts_a_valid_signature_and_exits_1_with_the_reason_otherwise() {
    let scratch = Scratch::new();
    let signed = scratch.run("sign", "v1-package", PARTNER_KEY, &["--json"], r#"{"a":"1","b":"2"}"#);
    let sign = serde_json::from_slice::<Value>(&signed.stdout).unwrap()["sign"].as_str().unwrap().to_owned();
    let verify = |a: &str, sign: &str| {
        scratch.run(
            "verify",
            "v1-package",
            PARTNER_KEY,
            &[],
            &json!({"a": a, "b": "2", "sign": sign}).to_string(),
        )
    };
    let valid = verify("1", &sign);
    assert!(valid.status.success());
    assert_eq!(text(&valid.stdout), "valid\n");
    assert!(verify("1", &sign.to_ascii_lowercase()).status.success());

    let changed = verify("9", &sign);
    assert_eq!(changed.status.code(), Some(1));
    assert!(text(&changed.stderr).contains("the signature does not match these parameters and this key"));
    assert!(text(&changed.stderr).contains("a=9&b=2&key=[secret]"));
    let short = verify("1", "abc");
    assert_eq!(short.status.code(), Some(1));
    assert!(text(&short.stderr).contains("must be 32 hexadecimal characters"));
}

#[test]
fn verify_accepts_what_sign_prints_as_json() {
    let scratch = Scratch::new();
    for (scheme, key, input) in [
        (
            "v1-package",
            PARTNER_KEY,
            r#"{"total_fee":1,"body":"测试","attach":"","Sign":"signed","sign":"old"}"#,
        ),
        (
            "v1-sha1",
            PAY_SIGN_KEY,
            r#"{"timeStamp":1399514976,"appId":"wx0123456789abcdef","AppSignature":"old"}"#,
        ),
        ("v1-sha1", PAY_SIGN_KEY, &format!(r#"{{"appId":"wx0123456789abcdef","appKey":"{PAY_SIGN_KEY}"}}"#)),
    ] {
        let signed = scratch.run("sign", scheme, key, &["--json"], input);
        assert!(signed.status.success(), "{}", text(&signed.stderr));
        let signed = text(&signed.stdout);
        assert!(!signed.contains(key), "{signed}");
        let verified = scratch.run("verify", scheme, key, &[], signed);
        assert_eq!(text(&verified.stdout), "valid\n", "{signed}: {}", text(&verified.stderr));
        let other = if key == PARTNER_KEY { key.replace('0', "1") } else { key.replace('f', "e") };
        assert_eq!(scratch.run("verify", scheme, &other, &[], signed).status.code(), Some(1));
    }
}

#[test]
fn invalid_input_exits_2_and_names_field_and_rule() {
    let scratch = Scratch::new();
    for (scheme, key, input, message) in [
        ("v1-package", PAY_SIGN_KEY, "{}", "partnerkey must be 32 letters and digits"),
        ("v1-sha1", PARTNER_KEY, "{}", "paysignkey must be 128 letters and digits"),
        ("v1-package", PARTNER_KEY, r#"{"total_fee":19.99}"#, "total_fee must be a string or a whole number"),
        ("v1-package", PARTNER_KEY, r#"{"a":"1","a":"2"}"#, "a must occur once"),
        ("v1-package", PARTNER_KEY, r#"{"input_charset":"BIG5"}"#, "input_charset must be UTF-8 or GBK"),
        (
            "v1-package",
            PARTNER_KEY,
            r#"{"body":"😀"}"#,
            "body must consist of characters in GBK (character not in the charset at byte 0)",
        ),
        ("v1-sha1", PAY_SIGN_KEY, r#"{"appid":"1","appId":"2"}"#, "must occur once, whatever its case"),
        ("v1-package", PARTNER_KEY, "not json", "the input must be one JSON object"),
    ] {
        let output = scratch.run("sign", scheme, key, &[], input);
        assert_eq!(output.status.code(), Some(2), "{input}");
        assert!(text(&output.stderr).contains(message), "{input}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
        assert!(!text(&output.stderr).contains(key));
    }
    let unsigned = scratch.run("verify", "v1-package", PARTNER_KEY, &[], r#"{"a":"1"}"#);
    assert_eq!(unsigned.status.code(), Some(2));
    assert!(text(&unsigned.stderr).contains("sign is required"));
    let output =
        wxpay().args(["sign", "--scheme", "v1-sha1", "--key-file", "no-such-file"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("--key-file: cannot read no-such-file: "),
        "{}",
        text(&output.stderr)
    );
    let folder = scratch.directory.path();
    let output = wxpay().args(["sign", "--scheme", "v1-sha1", "--key-file"]).arg(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains(&format!("--key-file: cannot read {}: ", folder.display())));
}

#[test]
fn help_lists_every_command_and_completions_are_generated() {
    for shell in ["bash", "zsh", "fish"] {
        let output = wxpay().args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && text(&output.stdout).contains("wxpay"), "{shell}");
    }
    let help = wxpay().arg("--help").output().unwrap();
    for command in [
        "demo",
        "serve",
        "check-config",
        "api-key",
        "merchant",
        "webhook",
        "backup",
        "audit",
        "sim",
        "sign",
        "verify",
        "encrypt",
        "decrypt",
        "call",
        "doctor",
        "completions",
    ] {
        assert!(text(&help.stdout).contains(command), "{command}");
    }
}

#[test]
fn demo_shows_one_payment_with_its_signatures_and_no_secret() {
    let output = wxpay().arg("demo").output().unwrap();
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", text(&output.stderr));
    for step in 1..=7 {
        assert!(shown.contains(&format!("{step} of 7")), "step {step}: {shown}");
    }
    for part in [
        "Authorization: WECHATPAY2-SHA256-RSA2048 ",
        "POST\\n\n",
        "/v3/pay/transactions/native\\n\n",
        "wechatpay-signature",
        "\"trade_state\":\"SUCCESS\"",
        "webhook-signature: v1,",
        "\"refund_status\":\"SUCCESS\"",
        "the ledger",
    ] {
        assert!(shown.to_lowercase().contains(&part.to_lowercase()), "{part}: {shown}");
    }
    assert!(!shown.contains("wxk_") && !shown.contains("whsec_"));
    assert!(shown.matches("[secret]").count() >= 4);
}

#[test]
fn demo_of_the_app_payment_runs_all_steps_and_shows_no_secret() {
    let output = wxpay().args(["demo", "--api", "v1"]).output().unwrap();
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", text(&output.stderr));
    for step in 1..=8 {
        assert!(shown.contains(&format!("{step} of 8")), "step {step}");
    }
    assert!(shown.contains("the ledger") && shown.contains("\"paid\""));
    assert!(shown.contains("secret=[secret]") && shown.contains("\"access_token\":\"[secret]\""));
    let masked = shown.matches("[secret]").count();
    assert!(masked >= 10, "{masked}");
    // A paySignKey is the one text of 128 letters and digits; a token the one of 64 or more.
    let longest = shown.split(|sign: char| !sign.is_ascii_alphanumeric()).map(str::len).max();
    assert!(longest < Some(128), "{longest:?}");
    assert!(
        !shown.contains("access_token=")
            || shown.matches("access_token=").count() == shown.matches("access_token=[secret]").count()
    );
}

#[test]
fn sim_prints_its_url_and_writes_a_private_env_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sim.env");
    let sim = Running::start(wxpay().args(["sim", "--seed", "7", "--env-file"]).arg(&file));
    let variables = environment(&file);
    let names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "WXPAY_BASE_URL",
        "WXPAY_V1_APPID",
        "WXPAY_V1_APP_SECRET",
        "WXPAY_V1_PAY_SIGN_KEY",
        "WXPAY_V1_PARTNER",
        "WXPAY_V1_PARTNER_KEY",
    ]
    .into_iter()
    .chain([
        "WXPAY_MCHID",
        "WXPAY_APPID",
        "WXPAY_NOTIFY_URL",
        "WXPAY_SERIAL_NO",
        "WXPAY_API_V3_KEY",
        "WXPAY_PLATFORM_SERIAL_NO",
        "WXPAY_PUBLIC_KEY_ID",
    ]) {
        assert!(names.contains(&name), "{name}");
    }
    for name in [
        "WXPAY_PRIVATE_KEY_FILE",
        "WXPAY_CERTIFICATE_FILE",
        "WXPAY_PLATFORM_CERTIFICATE_FILE",
        "WXPAY_PLATFORM_PUBLIC_KEY_FILE",
        "WXPAY_PUBLIC_KEY_FILE",
    ] {
        let (_, path) = variables.iter().find(|(known, _)| known == name).unwrap();
        assert!(path.starts_with(directory.path().to_str().unwrap()), "{path}");
        assert!(fs::read_to_string(path).unwrap().starts_with("-----BEGIN "), "{name}");
    }
    let value = |wanted: &str| &variables.iter().find(|(name, _)| name == wanted).unwrap().1;
    assert_eq!(value("WXPAY_BASE_URL"), sim.url());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let token = format!(
        "{}/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
        sim.url(),
        value("WXPAY_V1_APPID"),
        value("WXPAY_V1_APP_SECRET")
    );
    let (status, granted) = http("GET", &token, None).unwrap();
    assert_eq!((status, &granted["expires_in"]), (200, &json!(7200)));
    let (status, problem) =
        http("POST", &format!("{}/_sim/v1/orders/nobody/pay", sim.url()), Some(&json!({}))).unwrap();
    assert!((400..500).contains(&status), "{status} {problem}");
}

#[test]
fn sim_without_env_file_prints_exports_after_the_ready_line() {
    let mut sim = wxpay().arg("sim").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(sim.stdout.take().unwrap()).lines().take(7).map(Result::unwrap);
    let lines: Vec<String> = lines.collect();
    sim.kill().unwrap();
    sim.wait().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&lines[0]).unwrap()["ready"], true);
    assert!(lines[1..].iter().all(|line| line.starts_with("export ")), "{lines:?}");
}

#[test]
fn serve_without_settings_names_the_missing_one() {
    let output = wxpay().arg("serve").env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is required"), "{}", text(&output.stderr));
    let output = wxpay().args(["serve", "--set", "nonsense=1"]).env_clear().output().unwrap();
    assert!(text(&output.stderr).contains("nonsense is an unknown setting"), "{}", text(&output.stderr));
    let scratch = Scratch::new();
    let file = scratch.file("wxpay.toml", "nonsense = 1");
    let output = wxpay().args(["serve", "--config"]).arg(&file).env_clear().output().unwrap();
    assert!(
        text(&output.stderr).contains("\n  nonsense is an unknown setting in the file: "),
        "{}",
        text(&output.stderr)
    );
    let file = scratch.file("broken.toml", "listen = ");
    let output = wxpay().args(["serve", "--config"]).arg(&file).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = "the file must be TOML (error in line 1)";
    assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    let database = scratch.directory.path();
    let mut serve = wxpay();
    serve.env_clear().args(["serve", "--dev", "--listen", "127.0.0.1:0", "--database"]).arg(database);
    let output = serve.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = format!("the ledger {} cannot be opened: ", database.display());
    assert!(text(&output.stderr).contains(&message), "{}", text(&output.stderr));
}
