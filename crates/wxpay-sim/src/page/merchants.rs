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

/// The lines for programs, after those for a shell: id, name and text.
pub(super) const PROGRAMS: [(&str, &str, &str); 6] = [
    ("rust", "Rust", include_str!("../../assets/setup/rust.txt")),
    ("java", "Java", include_str!("../../assets/setup/java.txt")),
    ("go", "Go", include_str!("../../assets/setup/go.txt")),
    ("php", "PHP", include_str!("../../assets/setup/php.txt")),
    ("python", "Python", include_str!("../../assets/setup/python.txt")),
    ("node", "Node.js", include_str!("../../assets/setup/node.txt")),
];

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
    let shells = [
        Lines { id: "sh", name: "Shell", text: shell(&texts, &pems) },
        Lines { id: "powershell", name: "PowerShell", text: powershell(&texts, &pems) },
    ];
    let programs = PROGRAMS.map(|(id, name, text)| Lines { id, name, text: text.into() });
    let lines = shells.into_iter().chain(programs).collect();
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
