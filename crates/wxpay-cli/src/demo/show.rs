//! Printed messages and signed strings, with every secret masked.

use super::tap::Exchange;
use crate::{Failure, output};
use wxpay_proto::{
    v1::{PartnerKey, PaySignKey, signature},
    v3::message,
    wire::{charset::Charset, form::Form},
};

/// Names of values that are masked in queries and bodies.
const SECRET: [&str; 2] = ["secret", "access_token"];

pub(crate) fn title(step: &str, words: &str) -> Result<(), Failure> {
    output::line(format_args!("\n━━ {step}  {words}"))
}

pub(crate) fn line(name: &str, value: impl std::fmt::Display) -> Result<(), Failure> {
    output::line(format_args!("   {name:<15} {value}"))
}

/// Prints a request and its reply.
pub(crate) fn exchange(exchange: &Exchange) -> Result<(), Failure> {
    let query = masked_query(&exchange.query);
    let separator = if query.is_empty() { "" } else { "?" };
    line("→", format_args!("{} {}{separator}{query}", exchange.method, exchange.path))?;
    if !exchange.body.is_empty() {
        line("", masked_body(&exchange.body))?;
    }
    line("←", format_args!("{} {}", exchange.status, masked_body(&exchange.reply)))
}

fn masked_query(query: &str) -> String {
    let masked = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if SECRET.contains(&name) => format!("{name}=[secret]"),
        Some(_) | None => pair.to_owned(),
    });
    masked.collect::<Vec<_>>().join("&")
}

fn masked_body(body: &[u8]) -> String {
    let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(body) else {
        return String::from_utf8_lossy(body).replace('\n', "\n                   ");
    };
    for name in SECRET {
        if let Some(value) = json.get_mut(name) {
            *value = "[secret]".into();
        }
    }
    json.to_string()
}

/// Prints the SHA-1 signature of a call or of the app payment parameters, computed again from the sent message.
///
/// # Errors
///
/// If it differs from the signature in the message.
pub(crate) fn sha1(message: &serde_json::Value, sign: &str, key: &PaySignKey) -> Result<(), Failure> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let members = message.as_object().into_iter().flatten();
    let fields: Vec<(&str, String)> =
        members.filter(|(name, _)| *name != sign).map(|(name, value)| (name.as_str(), text(value))).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (computed, string) = signature::sign_sha1(&fields, key);
    line("SHA-1 of", &string)?;
    line(sign, computed)?;
    same(sign, message.get(sign).and_then(serde_json::Value::as_str), computed.as_str())
}

/// Prints the MD5 signature of a package, computed again from the sent message.
///
/// # Errors
///
/// If it differs from the signature in the package.
pub(crate) fn md5(package: &str, key: &PartnerKey) -> Result<(), Failure> {
    let form = Form::parse(package.as_bytes()).map_err(Failure::usage)?;
    let charset = form.value("input_charset").and_then(Charset::from_name).unwrap_or(Charset::Utf8);
    let mut fields = Vec::new();
    for (name, value) in form.iter() {
        let name = String::from_utf8_lossy(name).into_owned();
        fields.push((name, charset.decode(value).map_err(Failure::usage)?.into_owned()));
    }
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (computed, string) = signature::sign_md5(&fields, charset, key).map_err(Failure::usage)?;
    line("MD5 of", &string)?;
    line("sign", computed)?;
    line("package", package)?;
    same("sign", form.value("sign").and_then(|sign| core::str::from_utf8(sign).ok()), computed.as_str())
}

/// Prints a string to sign of APIv3, with the ends of its lines visible.
pub(crate) fn string_to_sign(name: &str, string: &[u8]) -> Result<(), Failure> {
    let shown = message::printable(string);
    line(name, shown.trim_end_matches('\n').replace('\n', "\n                   "))
}

/// Prints the headers with these names, of those that are there.
pub(crate) fn headers(headers: &hyper::HeaderMap, names: &[&str]) -> Result<(), Failure> {
    for name in names {
        if let Some(value) = headers.get(*name).and_then(|value| value.to_str().ok()) {
            line("", format_args!("{name}: {value}"))?;
        }
    }
    Ok(())
}

fn same(name: &str, sent: Option<&str>, computed: &str) -> Result<(), Failure> {
    if sent == Some(computed) {
        Ok(())
    } else {
        Err(Failure::failed(format!("{name} in the message differs from the computed signature")))
    }
}
