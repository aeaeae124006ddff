//! The merchants and their keys, and the lines by which a program is connected.

use super::{
    Frame, MAX_ROWS, Visit, rendered,
    text::{encoded, moment, quoted},
};
use crate::{environment::Environment, merchant::Merchant};
use askama::Template;
use std::fmt::Write as _;

/// Folder of the keys, in the lines for a shell.
const FOLDER: &str = "wxpay-sim.keys";

/// A merchant in the list.
struct Row {
    mchid: String,
    path: String,
    apps: String,
    certificates: usize,
    mode: String,
}

#[derive(Template)]
#[template(path = "merchants.html")]
struct List {
    f: Frame,
    rows: Vec<Row>,
    next: Option<String>,
}

/// Returns the name of the keys in use.
fn mode(merchant: &Merchant) -> String {
    format!("{:?}", merchant.platform().mode()).split([' ', '{']).next().unwrap_or_default().into()
}

/// Lists the merchants.
pub(super) fn list(visit: &mut Visit<'_>) -> String {
    let after = visit.query("after");
    let gateway = &visit.simulation.gateway;
    let mut merchants = gateway.merchants_after(after.as_deref());
    let rows: Vec<Row> = merchants
        .by_ref()
        .take(MAX_ROWS)
        .map(|merchant| Row {
            mchid: merchant.mchid().to_string(),
            path: format!("/_page/merchant?mchid={}", merchant.mchid()),
            apps: merchant.appids().iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join(", "),
            certificates: merchant.api_keys().len(),
            mode: mode(merchant),
        })
        .collect();
    let is_more = merchants.next().is_some();
    let last =
        rows.last().filter(|_| is_more).map(|row| format!("/_page/merchants?after={}", encoded(&row.mchid)));
    rendered(&List { f: visit.frame.clone(), rows, next: last })
}

/// A form of the environment, in one language.
struct Lines {
    id: &'static str,
    name: &'static str,
    text: String,
}

/// A certificate or a platform key.
struct Key {
    name: &'static str,
    serial: String,
    until: String,
}

#[derive(Template)]
#[template(path = "merchant.html")]
struct Show {
    f: Frame,
    mchid: String,
    keys: Vec<Key>,
    lines: Vec<Lines>,
}

/// Shows one merchant. `None` if it does not exist.
pub(super) fn show(visit: &mut Visit<'_>) -> Option<String> {
    let mchid = visit.query("mchid")?.parse().ok()?;
    let (gateway, w) = (&visit.simulation.gateway, visit.frame.w);
    let merchant = gateway.merchant_by_mchid(&mchid)?;
    let wall = visit.now.wall;
    let environment = Environment::of_merchant(gateway, &mchid, visit.request.base_url, wall)?;
    let own = merchant.api_keys().iter().map(|key| (w.merchant, &key.certificate));
    let platform =
        merchant.platform().certificates(wall).map(|listed| (w.platform_keys, &listed.certificate));
    let keys = own.chain(platform).map(|(name, certificate)| Key {
        name,
        serial: certificate.serial().to_string(),
        until: moment(certificate.not_after().as_secs()),
    });
    let public_key = merchant.platform().public_key().map(|key| Key {
        name: w.platform_keys,
        serial: key.id.to_string(),
        until: String::from("—"),
    });
    let keys = keys.chain(public_key).take(MAX_ROWS).collect();
    let (texts, pems) = (environment.texts(), environment.pems().ok()?);
    let lines = vec![
        Lines { id: "sh", name: "Shell", text: shell(&texts, &pems) },
        Lines { id: "powershell", name: "PowerShell", text: powershell(&texts, &pems) },
        Lines { id: "rust", name: "Rust", text: RUST.into() },
        Lines { id: "python", name: "Python", text: PYTHON.into() },
        Lines { id: "node", name: "Node.js", text: NODE.into() },
    ];
    Some(rendered(&Show { f: visit.frame.clone(), mchid: mchid.to_string(), keys, lines }))
}

/// Returns the lines for a POSIX shell, which also write the files.
fn shell(texts: &[(&str, String)], pems: &[(&str, &str, String)]) -> String {
    let mut lines = format!("mkdir -p {FOLDER} && chmod 700 {FOLDER}\n");
    for (name, file, pem) in pems {
        write!(lines, "cat > {FOLDER}/{file} <<'PEM'\n{}\nPEM\n", pem.trim_end()).ok();
        writeln!(lines, "export {name}=\"$PWD/{FOLDER}/{file}\"").ok();
    }
    for (name, value) in texts {
        writeln!(lines, "export {name}={}", quoted(value.as_bytes())).ok();
    }
    lines
}

/// Returns the lines for PowerShell, which also write the files.
fn powershell(texts: &[(&str, String)], pems: &[(&str, &str, String)]) -> String {
    let mut lines = format!("New-Item -ItemType Directory -Force {FOLDER} | Out-Null\n");
    for (name, file, pem) in pems {
        write!(lines, "@'\n{}\n'@ | Set-Content -Encoding ascii {FOLDER}/{file}\n", pem.trim_end()).ok();
        writeln!(lines, "$env:{name} = \"$PWD/{FOLDER}/{file}\"").ok();
    }
    for (name, value) in texts {
        writeln!(lines, "$env:{name} = '{}'", value.replace('\'', "''")).ok();
    }
    lines
}

/// The lines for Rust, after those for the shell.
const RUST: &str = "// wxpay-hyper, with the variables of the shell
let wxpay = wxpay_hyper::WxPay::from_env()?;
";

/// The lines for Python, after those for the shell.
const PYTHON: &str = r#"# wechatpayv3 of PyPI, with the variables of the shell
import os
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

env = os.environ
Core._gate_way = property(lambda _: env["WXPAY_BASE_URL"], lambda *_: None)
wxpay = WeChatPay(
    wechatpay_type=WeChatPayType.NATIVE, mchid=env["WXPAY_MCHID"], appid=env["WXPAY_APPID"],
    private_key=open(env["WXPAY_PRIVATE_KEY_FILE"]).read(), cert_serial_no=env["WXPAY_SERIAL_NO"],
    apiv3_key=env["WXPAY_API_V3_KEY"], public_key=open(env["WXPAY_PUBLIC_KEY_FILE"]).read(),
    public_key_id=env["WXPAY_PUBLIC_KEY_ID"], notify_url=env["WXPAY_NOTIFY_URL"])
"#;

/// The lines for Node.js, after those for the shell.
const NODE: &str = r"// wechatpay-axios-plugin of npm, with the variables of the shell
const fs = require('node:fs');
const { Wechatpay } = require('wechatpay-axios-plugin');

const { env } = process;
const wxpay = new Wechatpay({
  baseURL: env.WXPAY_BASE_URL, mchid: env.WXPAY_MCHID, serial: env.WXPAY_SERIAL_NO,
  privateKey: fs.readFileSync(env.WXPAY_PRIVATE_KEY_FILE),
  certs: { [env.WXPAY_PLATFORM_SERIAL_NO]: fs.readFileSync(env.WXPAY_PLATFORM_CERTIFICATE_FILE) },
});
";
