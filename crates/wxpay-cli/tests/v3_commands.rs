//! The commands for APIv3, run as a user runs them.
//!
//! Signatures and ciphertexts are OpenSSL's, by the keys in `keys/`: `printf … | openssl dgst -sha256 -sign key |
//! base64`, `printf … | openssl pkeyutl -encrypt -inkey key -pkeyopt rsa_padding_mode:oaep | base64`, and AES-256-GCM
//! through Python's `cryptography`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use support::{Running, environment, wxpay};

const API_V3_KEY: &str = "Apiv3Key000000000000000000000000";

const REQUEST: &str = "TTNXLDvD1nB8buYmtOpcZ5yJyOZhVVPSsyCZcVZQX+pqQOMrPjJTozhCwhCtGreWYlJuYnNh4ja9wGUjIjrVOyXsLmn6r46pXCPAJf883nScCiQ7aBEkop+xfpoX1ciGYG+i8On3hvFcODhphlImNYAboKEDHtPaSvF7+6OiEJPGwByNcWOBCrpksP1dfIvgnVPuwhqZSaORFB7amFRwY8vcg69/2B/cBOEVg6W15Susexnrk/X9G7jkshAhwLfOuOzGrhElavi/X0fhwcTo+ieHp0kamyx7fWhZzJGSeStfS8/v7q9huRCc/+QYhUu6S3von/+4m73jLmg+Vqx2MQ==";
const GET: &str = "etohwshoAKuP/mQ4FwB54flsz2zDwVGhCR+mJjyG3g845wdpt7vT1hySdWbF6Qgmkf5/0e1X4kVY3DMteO29THGyTH7UjmwyH1AwWItMuswrX9CrzUDQOsO8wdAkXupLjyZ/KRWP66yfWHWtI4BrPuS4PbArAE/YZz3YVSFULRzx2ORVHg2rmaSpEytq9lWFAnhVQzV7fAd/DpJSph6MSc/lp5Cselp8+/FaL6CLWBnVOwuGeuJWXIEfTpGZ+iN6HWhlJJ/h50ZWtn4ZieH4g3t01DlO17OJZ/cUs9O15dVkNvuNgJGEC3AcVDcBXOTJNcAMPENg1I4PP5kCHz0CUQ==";
const JSAPI: &str = "S3Wi06IH2EVQy2zWn2sZwpK+jhWC5pZvrk/UdQbJf48Bq49ZxccLvGoDzQRqusi98I0BBGiVGwqj/rU/ITXA91E3vcsvoUDDkbrQTwkGLugYaNj4TD2NaiCiDZzUPtHgFG9CB1A3a7idvkn5Iw1lgXqrmXRECRguSC5NTIddJiiPdcJ7G9G0Sr5zVyFFAznFo9DadC+Vq5I7IxL8+B0dAYLguOrJUZhmtcEXBoefBfRiAWYjWylTwftgssicFb/BvQy9+4NDgrwyOKf0d6jBH7Zx/yyMmRGC4YhSsnMfu4AsMv7awFC3x4f2auXcjq6nxULdbi71VjJ+7JdVXGlIvA==";
const APP: &str = "WLcxBhnOxXb5+CRbxtbha5RTvQE3hHhEQHl7SR3Rvb/yFH8LPlNUHviz/tBjAZcLjRJBwiaDnYGvNBJzRj34SD0eBu92s+QVSxMo1MxQ5gl0sbgnw5Rz0vJ8mLg2jkoWi01MrtL25/tlIxa9IoxMOVMbRySZrkV3QtoKzVbW5Ki/V94TXhepDERZYASU1a3lFHuRxjvu1hIVN5s5wbpKEULFqjC3rMu0i625kGz0faI3o35lK9g34pK3XKlsiNtBnMsBbcTSsm4R8phfTN4RbauUwKk83NYXQrQJLDTEPzONFhDabc2gP11Q0/lY8/0JMIZIVR8ZzMNGkMMANVP8aQ==";
const REPLY: &str = "QhKazH2RrQT8OrQi7Bk9P8N/DZpsQGwJWxxJRDKuk5biMoSU9kpD1hmzduSdSRNA5dIvtk2KoniDVFikK5JSvXipxZCO8/42Xz4wZYXr/+sDgu0qYCky4gDONvQt1AEjXDpwkpF67ttldxOujfKprS/RtZzZFhl1mUMAE+hBwd7b9QXVb/z1ZpgTeycErq8XSxSIOcpLisov760SlojoX3fX5q/NQu1+JNS7mUvs6yQq44tjEwBWmQkMteCyGkVnjpF9U6JpEMLbcB+oSGTO0c/hEPTDx4X5P1PXxoKEMKIh6QhlwQDAg6/z0L251RsKLHDpBESfQaItdFM9fVRmbQ==";
/// 张三
const FIELD: &str = "QrP4WS9KEXjkGqdlr0TA6YZxQYD5BDOnxkUDQ+d+DIf63YkOtt4tTeoCtEcWc/l0HqFGo4AwxXZCf0lPnx3OakR029iu6FXa+eL23nAUk32TBwstZVwq+6hBM4rObXQsw8PL7JosjrS2g1nnPBGVQUrYHLT7PRlTusepHGMChIRsuvuTWa7CnjgAngNZzwEqmEUnwby2I5+RaHHLWARfvIspvMn6nkqUSEsK5mHtLcECieJ5UfsnjXNp/fbFoB3jPL1xVAjKHL4DP5jTjtNaoJROpv8V/p9Rq7CrQzQrVFjlFJHgOKSXzpUZT86MPDJMmzow9dGLG1aBezLNTa9wVA==";

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)
}

fn merchant_key() -> PathBuf {
    key("merchant_key.pem")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs a command with a scheme and a key on an input.
fn run_scheme(command: &str, scheme: &str, key: &Path, more: &[&str], input: &str) -> Output {
    let mut wxpay = wxpay();
    run_with_input(wxpay.args([command, "--scheme", scheme, "--key-file"]).arg(key).args(more), input)
}

fn run_with_input(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that rejects its key reads no input.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn request() -> Value {
    json!({
        "method": "POST", "path": "/v3/pay/transactions/jsapi?a=%2F", "timestamp": 1_554_208_460,
        "nonce": "593BEC0C930BF1AFEB40B4A08C8FB242", "body": r#"{"x": "支付"}"#,
    })
}

fn certificates() -> Value {
    json!({"method": "GET", "path": "/v3/certificates", "timestamp": 1_554_208_460, "nonce": "593BEC0C930BF1AF"})
}

fn jsapi() -> Value {
    json!({
        "appId": "wx8888888888888888", "timeStamp": "1414561699", "nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
        "package": "prepay_id=wx201410272009395522657a690389285100", "signType": "RSA",
    })
}

fn app() -> Value {
    json!({
        "appid": "wx8888888888888888", "timestamp": "1414561699", "noncestr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
        "prepayid": "wx201410272009395522657a690389285100", "partnerid": "1900000001", "package": "Sign=WXPay",
    })
}

fn reply() -> Value {
    json!({
        "Wechatpay-Timestamp": "1554209980", "Wechatpay-Nonce": "c5ac7061fccab6bf3e254dcf98995b8c",
        "body": r#"{"a":1}"#, "Wechatpay-Signature": REPLY, "Wechatpay-Serial": "5A01",
    })
}

fn with(mut object: Value, name: &str, value: &str) -> String {
    object[name] = value.into();
    object.to_string()
}

fn without(mut object: Value, name: &str) -> String {
    object.as_object_mut().unwrap().remove(name);
    object.to_string()
}

#[test]
fn sign_equals_openssl_in_every_scheme_and_shows_the_string() {
    for (scheme, parameters, string, sign) in [
        (
            "v3-request",
            request(),
            "POST\n/v3/pay/transactions/jsapi?a=%2F\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n{\"x\": \"支付\"}\n",
            REQUEST,
        ),
        ("v3-request", certificates(), "GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AF\n\n", GET),
        (
            "v3-jsapi",
            jsapi(),
            "wx8888888888888888\n1414561699\n5K8264ILTKCH16CQ2502SI8ZNMTM67VS\nprepay_id=wx201410272009395522657a690389285100\n",
            JSAPI,
        ),
        (
            "v3-app",
            app(),
            "wx8888888888888888\n1414561699\n5K8264ILTKCH16CQ2502SI8ZNMTM67VS\nwx201410272009395522657a690389285100\n",
            APP,
        ),
    ] {
        let output = run_scheme("sign", scheme, &merchant_key(), &["--json"], &parameters.to_string());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let signed: Value = serde_json::from_slice(&output.stdout).unwrap();
        for (name, value) in
            [("string_to_sign", json!(string)), ("bytes", json!(string.len())), ("sign", json!(sign))]
        {
            assert_eq!(signed[name], value, "{scheme} {name}");
        }
    }
}

#[test]
fn sign_shows_the_string_line_by_line_and_the_authorization_header() {
    let mut parameters = certificates();
    parameters["mchid"] = "1900000001".into();
    parameters["serial_no"] = "0a00f0".into();
    let output = run_scheme("sign", "v3-request", &merchant_key(), &[], &parameters.to_string());
    let expected = format!(
        "string to sign  GET\\n\n                /v3/certificates\\n\n                1554208460\\n\n                \
         593BEC0C930BF1AF\\n\n                \\n\nbytes           50\nsign            {GET}\n\
         authorization   WECHATPAY2-SHA256-RSA2048 mchid=\"1900000001\",nonce_str=\"593BEC0C930BF1AF\",\
         signature=\"{GET}\",timestamp=\"1554208460\",serial_no=\"0A00F0\"\n"
    );
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn sign_reads_the_body_byte_for_byte_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("body");
    fs::write(&file, r#"{"x": "支付"}"#).unwrap();
    let mut parameters = request();
    parameters["body"] = "another".into();
    let file = file.to_string_lossy();
    let output = run_scheme(
        "sign",
        "v3-request",
        &merchant_key(),
        &["--json", "--body-file", &file],
        &parameters.to_string(),
    );
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["sign"], REQUEST);
}

#[test]
fn openssl_signatures_verify_with_certificate_public_key_and_private_key() {
    let authorization = format!(
        r#"WECHATPAY2-SHA256-RSA2048 mchid="1900000001",serial_no="0A00F0",nonce_str="593BEC0C930BF1AF",timestamp="1554208460",signature="{GET}""#
    );
    let from_header = json!({"method": "GET", "path": "/v3/certificates", "authorization": authorization});
    for (scheme, keys, parameters) in [
        ("v3-request", &["merchant_cert.pem", "merchant_key.pem"][..], with(request(), "signature", REQUEST)),
        ("v3-request", &["merchant_cert.pem"], from_header.to_string()),
        ("v3-jsapi", &["merchant_cert.pem"], with(jsapi(), "paySign", JSAPI)),
        ("v3-app", &["merchant_key.pem"], with(app(), "sign", APP)),
        ("v3-reply", &["platform_cert.pem", "platform_pub.pem"], reply().to_string()),
    ] {
        for name in keys {
            let output = run_scheme("verify", scheme, &key(name), &[], &parameters);
            assert!(output.status.success(), "{scheme} {name}: {}", text(&output.stderr));
            assert_eq!(text(&output.stdout), "valid\n");
        }
    }
}

#[test]
fn verify_of_a_changed_message_exits_1_with_the_reason() {
    let mismatch = "the signature does not match this string and this key";
    for (key_name, parameters, reason) in [
        ("platform_cert.pem", with(reply(), "body", r#"{"a":2}"#), mismatch),
        ("platform_cert.pem", with(reply(), "Wechatpay-Nonce", "c5"), mismatch),
        (
            "platform_pub.pem",
            with(reply(), "body", r#"{"a":2}"#),
            "does not match this string and this key; the message names serial 5A01: is --key-file the key of that serial?",
        ),
        (
            "merchant_cert.pem",
            without(reply(), "Wechatpay-Serial"),
            "--key-file is the certificate with serial 0A00F0, and the message names no serial",
        ),
        ("platform_cert.pem", with(reply(), "Wechatpay-Signature", &REPLY.replace("QhK", "QhL")), mismatch),
        ("merchant_key.pem", reply().to_string(), mismatch),
        (
            "merchant_cert.pem",
            reply().to_string(),
            "signed by serial 5A01, but --key-file is the certificate with serial 0A00F0; use the key of serial 5A01",
        ),
        (
            "platform_pub.pem",
            with(reply(), "Wechatpay-Signature", "WECHATPAY/SIGNTEST/x"),
            "a probe by WeChat Pay",
        ),
        ("platform_pub.pem", with(reply(), "Wechatpay-Signature", "x"), "the signature must be Base64"),
    ] {
        let output = run_scheme("verify", "v3-reply", &key(key_name), &[], &parameters);
        assert_eq!(output.status.code(), Some(1), "{reason}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(reason), "{stderr}");
        assert!(stderr.contains("string to sign  1554209980\\n\n"), "{stderr}");
    }
    let failed = run_scheme("verify", "v3-app", &merchant_key(), &["--json"], &with(app(), "sign", JSAPI));
    assert_eq!(failed.status.code(), Some(1));
    let verification: Value = serde_json::from_slice(&failed.stdout).unwrap();
    assert_eq!(
        (&verification["valid"], &verification["reason"], &verification["sign"]),
        (&json!(false), &json!(mismatch), &json!(APP))
    );
}

#[test]
fn invalid_inputexits_2_and_names_field_and_rule() {
    for (scheme, key_name, parameters, message) in [
        ("v3-request", "merchant_key.pem", without(request(), "method"), "method is required"),
        ("v3-request", "merchant_key.pem", with(request(), "method", "post"), "method must be GET, POST,"),
        (
            "v3-request",
            "merchant_key.pem",
            with(request(), "path", "https://x/v3"),
            "path must begin with a slash",
        ),
        ("v3-request", "merchant_key.pem", without(request(), "body"), "body is required, byte for byte"),
        (
            "v3-request",
            "merchant_key.pem",
            with(request(), "timestamp", "1e9"),
            "timestamp must be whole seconds",
        ),
        ("v3-request", "merchant_key.pem", with(request(), "nonce", "a\nb"), "must not contain a line break"),
        ("v3-request", "merchant_key.pem", with(request(), "Body", "x"), "body is given more than once"),
        (
            "v3-jsapi",
            "merchant_key.pem",
            with(jsapi(), "package", "wx2014"),
            "package must begin with prepay_id=",
        ),
        (
            "v3-app",
            "merchant_key.pem",
            with(app(), "prepayid", "prepay_id=wx2014"),
            "prepayid must be the bare id",
        ),
        (
            "v3-app",
            "merchant_cert.pem",
            app().to_string(),
            "expected a private key in PEM: found a certificate",
        ),
        ("v3-app", "README.md", app().to_string(), "expected a private key in PEM: no `-----BEGIN` line"),
    ] {
        let output = run_scheme("sign", scheme, &key(key_name), &[], &parameters);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(text(&output.stderr).contains(message), "{message}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    let unsigned = run_scheme("verify", "v3-app", &merchant_key(), &[], &app().to_string());
    assert_eq!(unsigned.status.code(), Some(2));
    assert!(text(&unsigned.stderr).contains("sign or paySign is required"));
}

#[test]
fn unknown_parameters_are_refused_with_the_names_of_the_known_ones() {
    for (scheme, parameters, message) in [
        (
            "v3-request",
            with(request(), "boddy", "x"),
            "unknown parameter boddy; the parameters of this scheme are: method, path or url, body, mchid, \
             authorization, timestamp, nonce or nonce_str, serial_no or serial, signature or sign",
        ),
        (
            "v3-jsapi",
            with(jsapi(), "prepay_id", "x"),
            "unknown parameter prepay_id; the parameters of this scheme are: appId, package, signType, timeStamp, \
             nonceStr, paySign or sign",
        ),
        (
            "v3-app",
            with(app(), "appId2", "x"),
            "unknown parameter appId2; the parameters of this scheme are: appid,",
        ),
        ("v3-reply", with(reply(), "authorization", "x"), "unknown parameter authorization; "),
        (
            "v3-reply",
            with(reply(), "timestamp", "1"),
            "Wechatpay-Timestamp or timestamp is given more than once, under different names or in different case",
        ),
    ] {
        for command in ["sign", "verify"] {
            let output = run_scheme(command, scheme, &merchant_key(), &[], &parameters);
            assert_eq!(output.status.code(), Some(2), "{command} {message}");
            assert!(text(&output.stderr).contains(message), "{message}: {}", text(&output.stderr));
        }
    }
    // The header has its own nonce: another one would be ignored.
    let both = json!({"method": "GET", "path": "/v3/certificates", "nonce": "x", "authorization": "y"});
    let output = run_scheme("sign", "v3-request", &merchant_key(), &[], &both.to_string());
    let message = "unknown parameter nonce; the parameters of this scheme are: method, path or url, body, authorization";
    assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
}

#[test]
fn verify_accepts_what_sign_prints_as_json() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("body");
    fs::write(&file, r#"{"x": "支付"}"#).unwrap();
    let binary = directory.path().join("binary");
    fs::write(&binary, [0xff, 0x00]).unwrap();
    let [file, binary] = [&file, &binary].map(|path| path.to_str().unwrap());
    let mut named = certificates();
    named["mchid"] = "1900000001".into();
    named["serial_no"] = "0a00f0".into();
    let header = format!(
        r#"WECHATPAY2-SHA256-RSA2048 mchid="1900000001",serial_no="0A00F0",nonce_str="other",timestamp="1",signature="{GET}""#
    );
    let header = json!({"method": "GET", "path": "/v3/certificates", "authorization": header});
    for (scheme, parameters, body) in [
        ("v3-request", request().to_string(), &[][..]),
        ("v3-request", with(request(), "sign", "old"), &[]),
        ("v3-request", named.to_string(), &[]),
        ("v3-request", header.to_string(), &[]),
        ("v3-request", request().to_string(), &["--body-file", file]),
        ("v3-reply", without(reply(), "Wechatpay-Serial"), &[]),
        ("v3-jsapi", jsapi().to_string(), &[]),
        ("v3-app", app().to_string(), &[]),
    ] {
        let options = [&["--json"], body].concat();
        let signed = run_scheme("sign", scheme, &merchant_key(), &options, &parameters);
        assert!(signed.status.success(), "{scheme}: {}", text(&signed.stderr));
        let signed = text(&signed.stdout);
        let verified = run_scheme("verify", scheme, &key("merchant_cert.pem"), &[], signed);
        assert_eq!(text(&verified.stdout), "valid\n", "{scheme} {signed}: {}", text(&verified.stderr));
        let again = run_scheme("sign", scheme, &merchant_key(), &["--json"], signed);
        assert_eq!(text(&again.stdout), signed, "signing the output again changes nothing");

        let other = run_scheme("verify", scheme, &key("platform_pub.pem"), &[], signed);
        assert_eq!(other.status.code(), Some(1), "{scheme}");
    }
    let options = ["--json", "--body-file", binary];
    let signed = run_scheme("sign", "v3-request", &merchant_key(), &options, &request().to_string());
    let verify = |options: &[&str]| {
        run_scheme("verify", "v3-request", &key("merchant_cert.pem"), options, text(&signed.stdout))
    };
    assert_eq!(text(&verify(&["--body-file", binary]).stdout), "valid\n");
    assert!(text(&verify(&[]).stderr).contains("body is required, byte for byte, or use --body-file"));
}

#[test]
fn verify_of_an_authorization_header_names_its_serial_number() {
    let header = format!(
        r#"WECHATPAY2-SHA256-RSA2048 mchid="1900000001",serial_no="0A00F0",nonce_str="593BEC0C930BF1AF",timestamp="1554208460",signature="{GET}""#
    );
    let parameters =
        json!({"method": "GET", "path": "/v3/certificates", "authorization": header}).to_string();
    let output = run_scheme("verify", "v3-request", &key("platform_cert.pem"), &[], &parameters);
    assert_eq!(output.status.code(), Some(1));
    let message = "signed by serial 0A00F0, but --key-file is the certificate with serial 5A01";
    assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
}

/// Writes a file with the APIv3 key and a line break, as an editor does.
fn api_v3_key(directory: &tempfile::TempDir) -> PathBuf {
    let file = directory.path().join("apiv3.key");
    fs::write(&file, format!("{API_V3_KEY}\n")).unwrap();
    file
}

#[test]
fn decrypt_opens_resources_alone_in_a_notification_and_in_the_list_of_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let key = api_v3_key(&directory);
    let resource = json!({
        "algorithm": "AEAD_AES_256_GCM", "associated_data": "transaction", "nonce": "0123456789ab",
        "ciphertext": "T+6v8mY7xIR2VogZcVJ60mpdy1ujaeelJJzJGQ65m2RPbWbygnR1en2F",
    });
    let without_data = json!({
        "algorithm": "AEAD_AES_256_GCM", "nonce": "0123456789ab",
        "ciphertext": "T+6v8mY7xIR2VogZcVJ60mpdy1ujaeelJJxc0A90Fx5RkTqen00tSehd",
    });
    let certificate = json!({
        "algorithm": "AEAD_AES_256_GCM", "associated_data": "certificate", "nonce": "0123456789ac",
        "ciphertext": "5VJDJQPAEByYO0Zlj9XT4QzGeew4hx7G/DcuoCeD3+T4doA8dF+Ca/xsBK0=",
    });
    let plain = "{\"out_trade_no\":\"ORDER-1\"}\n";
    let list = json!({"data": [{"serial_no": "5A01", "encrypt_certificate": certificate}]});
    for (input, expected) in [
        (resource.to_string(), plain),
        (without_data.to_string(), plain),
        (json!({"id": "EV-1", "resource": resource}).to_string(), plain),
        (list.to_string(), "-----BEGIN CERTIFICATE-----\n"),
    ] {
        let output = run_scheme("decrypt", "v3-resource", &key, &[], &input);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), expected);
    }

    let sealed = run_scheme(
        "encrypt",
        "v3-resource",
        &key,
        &["--nonce", "0123456789ab", "--associated-data", "transaction"],
        plain.trim_end(),
    );
    assert_eq!(serde_json::from_slice::<Value>(&sealed.stdout).unwrap(), resource);
    let random = || run_scheme("encrypt", "v3-resource", &key, &["--original-type", "refund"], "x").stdout;
    assert_ne!(random(), random());
    assert_eq!(serde_json::from_slice::<Value>(&random()).unwrap()["original_type"], "refund");
    assert_eq!(text(&run_scheme("decrypt", "v3-resource", &key, &[], text(&random())).stdout), "x\n");

    for (status, input, message) in [
        (1, with(resource.clone(), "associated_data", "refund"), "another key, nonce or associated_data"),
        (1, with(resource.clone(), "nonce", "0123456789ac"), "another key, nonce or associated_data"),
        (2, with(resource.clone(), "nonce", "0123"), "nonce must be 12 bytes"),
        (2, with(resource.clone(), "algorithm", "AES"), "algorithm must be AEAD_AES_256_GCM"),
        (2, with(resource, "ciphertext", "%"), "ciphertext must be Base64"),
        (2, "{}".to_owned(), "the input must be an object with algorithm"),
        (2, "x".to_owned(), "the input must be JSON"),
    ] {
        let output = run_scheme("decrypt", "v3-resource", &key, &[], &input);
        assert_eq!(output.status.code(), Some(status), "{message}");
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    let not_a_key = run_scheme("decrypt", "v3-resource", &merchant_key(), &[], "{}");
    assert!(text(&not_a_key.stderr).contains("--key-file must hold an APIv3 key: 32 letters and digits"));
}

#[test]
fn fields_are_encrypted_for_a_certificate_or_public_key_and_decrypted_with_the_private_key() {
    let opened = run_scheme("decrypt", "v3-field", &merchant_key(), &[], &format!("{FIELD}\n"));
    assert_eq!(text(&opened.stdout), "张三\n");
    let sealed = run_scheme("encrypt", "v3-field", &key("merchant_cert.pem"), &[], "张三\n");
    assert!(sealed.status.success(), "{}", text(&sealed.stderr));
    let opened = run_scheme("decrypt", "v3-field", &merchant_key(), &[], text(&sealed.stdout));
    assert_eq!(text(&opened.stdout), "张三\n");

    let for_another = run_scheme("encrypt", "v3-field", &key("platform_pub.pem"), &[], "张三");
    assert!(for_another.status.success());
    let opened = run_scheme("decrypt", "v3-field", &merchant_key(), &[], text(&for_another.stdout));
    assert_eq!((opened.status.code(), opened.stdout.is_empty()), (Some(1), true));
    assert!(text(&opened.stderr).contains("the field was encrypted for another key"));
    let long = run_scheme("encrypt", "v3-field", &key("platform_pub.pem"), &[], &"x".repeat(215));
    assert_eq!(long.status.code(), Some(2));
}

/// Runs `wxpay doctor` with an empty environment; `@NAME` is a file of the test keys.
fn keys(options: &[&str]) -> Output {
    let mut command = wxpay();
    command.env_clear().arg("doctor");
    for option in options {
        match option.strip_prefix('@') {
            Some(name) => command.arg(key(name)),
            None => command.arg(option),
        };
    }
    command.output().unwrap()
}

#[test]
fn matching_keys_are_shown_with_serial_numbers_and_dates() {
    let output = keys(&[
        "--key-file",
        "@merchant_key.pem",
        "--cert-file",
        "@merchant_cert.pem",
        "--serial",
        "0a00f0",
        "--mchid",
        "1900000001",
        "--platform-cert-file",
        "@platform_cert.pem",
        "--public-key-file",
        "@platform_pub.pem",
        "--public-key-id",
        "PUB_KEY_ID_01",
    ]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}");
    for line in [
        "ok     private key           RSA, 2048 bits\n",
        "ok     certificate           belongs to the private key\n",
        "ok     certificate           serial number 0A00F0, equal to WXPAY_SERIAL_NO\n",
        "ok     merchant              1900000001, equal to the certificate's\n",
        "ok     platform certificate  serial number 5A01\n",
        "ok     public key            id PUB_KEY_ID_01\n",
        "to 2126-11-01T00:43:08+08:00: expires in 3",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn keys_that_do_not_match_fail_and_exit_1() {
    for (options, message) in [
        (
            &["--key-file", "@merchant_key.pem", "--cert-file", "@platform_cert.pem"][..],
            "does not belong to the private key",
        ),
        (
            &["--cert-file", "@merchant_cert.pem", "--serial", "0A00F1"],
            "serial number 0A00F0, but WXPAY_SERIAL_NO is 0A00F1",
        ),
        (
            &["--cert-file", "@merchant_cert.pem", "--mchid", "1900000002"],
            "WXPAY_MCHID is 1900000002, but the certificate belongs to 1900000001",
        ),
        (&["--cert-file", "@merchant_key.pem"], "expected a certificate in PEM: found a private key"),
        (&["--key-file", "@merchant_cert.pem"], "expected a private key in PEM: found a certificate"),
        (&["--key-file", "@no-such-file"], "WXPAY_PRIVATE_KEY_FILE: cannot read "),
        (&["--public-key-file", "@platform_pub.pem"], "WXPAY_PUBLIC_KEY_ID is required"),
        (&["--public-key-id", "PUB_KEY_ID_01"], "WXPAY_PUBLIC_KEY_FILE is required with WXPAY_PUBLIC_KEY_ID"),
        (
            &["--public-key-id", "01", "--public-key-file", "@platform_pub.pem"],
            "WXPAY_PUBLIC_KEY_ID: public_key_id must be PUB_KEY_ID_ and 1 to 64 digits",
        ),
        (
            &["--cert-file", "@merchant_cert.pem", "--platform-cert-file", "@merchant_cert.pem"],
            "must be WeChat Pay's, but is the merchant's own",
        ),
    ] {
        let output = keys(options);
        assert_eq!(output.status.code(), Some(1), "{message}");
        let failed =
            text(&output.stdout).lines().find(|line| line.starts_with("FAIL   ")).unwrap_or_default();
        assert!(failed.contains(message), "{message}: {}", text(&output.stdout));
    }
    let nothing = keys(&[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("no key, certificate or serial number is set"));
}

/// A running simulator with its env file.
struct Simulated {
    _sim: Running,
    directory: tempfile::TempDir,
}

impl Simulated {
    fn start(keys: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = wxpay();
        command.args(["sim", "--seed", "7", "--platform-keys", keys, "--env-file"]);
        let sim = Running::start(command.arg(directory.path().join("sim.env")));
        Self { _sim: sim, directory }
    }

    fn env_file(&self) -> PathBuf {
        self.directory.path().join("sim.env")
    }

    fn value(&self, name: &str) -> String {
        environment(&self.env_file()).into_iter().find(|(known, _)| known == name).unwrap().1
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let mut command = wxpay();
        command
            .env_clear()
            .arg("call")
            .args(arguments)
            .arg("--env-file")
            .arg(self.env_file())
            .output()
            .unwrap()
    }

    fn order(&self, number: &str) -> String {
        json!({
            "appid": self.value("WXPAY_APPID"), "mchid": self.value("WXPAY_MCHID"), "description": "a staff",
            "out_trade_no": number, "notify_url": "https://shop.example/notify", "amount": {"total": 1},
        })
        .to_string()
    }
}

#[test]
fn call_verifies_the_reply_in_every_key_mode() {
    for mode in ["either", "certificates", "public-key"] {
        let sim = Simulated::start(mode);
        let placed = sim.call(&["POST", "/v3/pay/transactions/native", &sim.order("ORDER-1")]);
        assert!(placed.status.success(), "{mode}: {}", text(&placed.stderr));
        let placed: Value = serde_json::from_slice(&placed.stdout).unwrap();
        assert!(placed["code_url"].as_str().unwrap().starts_with("weixin://"), "{placed}");

        let mchid = sim.value("WXPAY_MCHID");
        let path = format!("/v3/pay/transactions/out-trade-no/ORDER-1?mchid={mchid}");
        let queried = sim.call(&["get", &path]);
        assert_eq!(serde_json::from_slice::<Value>(&queried.stdout).unwrap()["trade_state"], "NOTPAY");
        let close = json!({"mchid": mchid}).to_string();
        let closed = sim.call(&["POST", "/v3/pay/transactions/out-trade-no/ORDER-1/close", &close]);
        assert_eq!((closed.status.code(), text(&closed.stdout)), (Some(0), ""), "204 has no body");

        let mut keys = wxpay();
        let keys = keys.env_clear().arg("doctor").arg("--env-file").arg(sim.env_file()).output().unwrap();
        assert!(keys.status.success(), "{}", text(&keys.stdout));
    }
}

#[test]
fn call_reads_the_body_from_standard_inputand_the_credentials_from_the_environment() {
    let sim = Simulated::start("either");
    let mut command = wxpay();
    command.env_clear().envs(environment(&sim.env_file()));
    let placed = run_with_input(
        command.args(["call", "POST", "/v3/pay/transactions/native", "-"]),
        &sim.order("ORDER-1"),
    );
    assert!(placed.status.success(), "{}", text(&placed.stderr));
}

#[test]
fn a_refused_read_exits_4_with_fate_and_reply() {
    let sim = Simulated::start("either");
    let unknown = format!("/v3/pay/transactions/out-trade-no/ORDER-9?mchid={}", sim.value("WXPAY_MCHID"));
    let refused = sim.call(&["GET", &unknown]);
    assert_eq!((refused.status.code(), refused.stdout.is_empty()), (Some(4), true));
    let stderr = text(&refused.stderr);
    for line in [
        "fate            nothing was changed: the request is a read\n",
        "status          404\n",
        "code            ORDER_NOT_EXIST\n",
        "request-id      ",
    ] {
        assert!(stderr.contains(line), "{stderr}");
    }
    let invalid = sim.call(&["POST", "/v3/pay/transactions/native", r#"{"x":1}"#]);
    assert!(text(&invalid.stderr).contains("\nvalue           /body/x\n"), "{}", text(&invalid.stderr));

    // Another merchant's key: the error shows the string that the gateway signed.
    let mut command = wxpay();
    command.env_clear().envs(environment(&sim.env_file())).env("WXPAY_PRIVATE_KEY_FILE", merchant_key());
    let mismatched = command.args(["call", "GET", &unknown]).output().unwrap();
    let stderr = text(&mismatched.stderr);
    assert_eq!(mismatched.status.code(), Some(4));
    assert!(stderr.contains("code            SIGN_ERROR\n"), "{stderr}");
    assert!(
        stderr.contains("gateway string  GET\\n/v3/pay/transactions/out-trade-no/ORDER-9?mchid="),
        "{stderr}"
    );
    assert!(stderr.contains("gateway bytes   "), "{stderr}");
}

#[test]
fn an_unreachable_gateway_is_not_sent_and_invalid_inputsends_nothing() {
    let sim = Simulated::start("public-key");
    let call = |name: &str, value: &str, arguments: &[&str]| {
        let mut command = wxpay();
        command.env_clear().envs(environment(&sim.env_file())).env(name, value);
        command.arg("call").args(arguments).output().unwrap()
    };
    let unreachable = call("WXPAY_BASE_URL", "http://127.0.0.1:1", &["POST", "/v3/x", "{}"]);
    assert_eq!(unreachable.status.code(), Some(3));
    assert!(
        text(&unreachable.stderr).contains("fate            not sent: nothing was carried out"),
        "{}",
        text(&unreachable.stderr)
    );
    for (name, value, arguments, message) in [
        ("A", "1", &["HEAD", "/v3/x"][..], "method must be GET, POST, PUT, PATCH or DELETE"),
        ("A", "1", &["GET", "https://api.mch.weixin.qq.com/v3/x"], "path must begin with one slash"),
        ("A", "1", &["POST", "/v3/x", "{"], "body must be a JSON text"),
        ("WXPAY_API_V3_KEY", "short", &["GET", "/v3/x"], "WXPAY_API_V3_KEY must be 32 letters and digits"),
        ("WXPAY_PRIVATE_KEY_FILE", "", &["GET", "/v3/x"], "WXPAY_PRIVATE_KEY_FILE is required"),
        ("WXPAY_SERIAL_NO", "xyz", &["GET", "/v3/x"], "WXPAY_SERIAL_NO must be"),
        ("WXPAY_PUBLIC_KEY_FILE", "", &["GET", "/v3/x"], "WXPAY_PUBLIC_KEY_FILE is required"),
        ("WXPAY_PUBLIC_KEY_ID", "", &["GET", "/v3/x"], "WXPAY_PUBLIC_KEY_ID is required"),
        (
            "WXPAY_TLS_CA_FILE",
            "no-such",
            &["GET", "/v3/x"],
            "WXPAY_TLS_CA_FILE must be the path of a readable file: no-such: ",
        ),
    ] {
        let output = call(name, value, arguments);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(text(&output.stderr).contains(message), "{message}: {}", text(&output.stderr));
    }
    let absent =
        wxpay().env_clear().args(["call", "GET", "/v3/x", "--env-file", "no-such"]).output().unwrap();
    assert!(text(&absent.stderr).contains("--env-file: cannot read no-such: "));
}
