//! `wxpay sign` and `wxpay verify`.

use crate::{
    Failure,
    args::{Scheme, Sign},
    parameters::Parameters,
};
use serde::Serialize;
use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::Path,
};
use wxpay_proto::secret::Secret;
use wxpay_proto::{
    v1::{Package, PartnerKey, PaySignKey, signature},
    wire::charset::Charset,
};

/// Where a SHA-1 signature stands in a message: a call, an XML body, the phone's parameters.
const SHA1_NAMES: [&str; 3] = ["app_signature", "AppSignature", "sign"];
/// More than any message of the protocol; a pipe that never ends is not one.
const MAX_INPUT: u64 = 1024 * 1024;

#[derive(Serialize)]
struct Signed {
    /// The key shows as `[secret]`.
    string_to_sign: String,
    sign: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<String>,
}

pub(crate) fn sign(args: &Sign) -> Result<(), Failure> {
    let key = read_key(&args.key_file)?;
    let signed = Signed::of(args.scheme, &key, read_input()?)?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &signed)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "string to sign  {}", signed.string_to_sign)?;
    writeln!(out, "sign            {}", signed.sign)?;
    if let Some(package) = &signed.package {
        writeln!(out, "package         {package}")?;
    }
    Ok(())
}

pub(crate) fn verify(args: &Sign) -> Result<(), Failure> {
    let key = read_key(&args.key_file)?;
    let given = read_input()?;
    let names: &[&str] = match args.scheme {
        Scheme::V1Package => &["sign"],
        Scheme::V1Sha1 => &SHA1_NAMES,
    };
    let claimed = names.iter().find_map(|name| given.value(name)).map(str::trim).map(str::to_owned);
    let claimed = claimed.ok_or_else(|| Failure::input(format!("{} must be there", names.join(" or "))))?;
    let signed = Signed::of(args.scheme, &key, given)?;
    let good = claimed.eq_ignore_ascii_case(&signed.sign);
    let reason = (!good).then(|| reason(&claimed, &signed.sign));
    let mut out = io::stdout().lock();
    if args.json {
        let verdict = serde_json::json!({
            "valid": good, "reason": reason, "string_to_sign": signed.string_to_sign, "sign": signed.sign,
        });
        writeln!(out, "{verdict}")?;
    } else if good {
        writeln!(out, "valid")?;
    }
    match reason {
        None => Ok(()),
        Some(reason) => Err(Failure::unverified(format!(
            "not valid: {reason}\nstring to sign  {}\nexpected sign   {}",
            signed.string_to_sign, signed.sign
        ))),
    }
}

fn reason(claimed: &str, expected: &str) -> String {
    if claimed.len() == expected.len() && claimed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        "the signature is not that of these parameters with this key".to_owned()
    } else {
        format!("the signature must be {} hexadecimal characters", expected.len())
    }
}

impl Signed {
    fn of(scheme: Scheme, key: &Secret<String>, given: Parameters) -> Result<Self, Failure> {
        match scheme {
            Scheme::V1Package => {
                let key = PartnerKey::new(key.expose().clone()).map_err(Failure::input)?;
                let charset = match given.value("input_charset") {
                    None | Some("") => Charset::Gbk,
                    Some(name) => Charset::named(name.as_bytes())
                        .ok_or_else(|| Failure::input("input_charset must be UTF-8 or GBK"))?,
                };
                let fields = given.fields();
                for (name, value) in &fields {
                    charset.encode(value).map_err(|fault| {
                        let charset = charset.wire_name();
                        Failure::input(format!("{name} must be in characters of {charset} ({fault})"))
                    })?;
                }
                let package = Package::of_fields(&fields, charset, &key).map_err(Failure::input)?;
                let (sign, string_to_sign) =
                    signature::md5_of(&fields, charset, &key).map_err(Failure::input)?;
                Ok(Self {
                    string_to_sign: string_to_sign.to_string(),
                    sign: sign.to_string(),
                    package: Some(package.as_str().to_owned()),
                })
            }
            Scheme::V1Sha1 => {
                let key = PaySignKey::new(key.expose().clone()).map_err(Failure::input)?;
                if let Some(name) = given.twice_in_any_case() {
                    return Err(Failure::input(format!("{name} must come once, in any case of letters")));
                }
                let given = given.without(&SHA1_NAMES);
                let (sign, string_to_sign) = signature::sha1_of(&given.fields(), &key);
                Ok(Self { string_to_sign: string_to_sign.to_string(), sign: sign.to_string(), package: None })
            }
        }
    }
}

/// Blank space around the key is no part of it: editors end files with a line break.
fn read_key(path: &Path) -> Result<Secret<String>, Failure> {
    let text = Secret::new(fs::read_to_string(path).map_err(|error| {
        Failure::input(format!("--key-file must be a file of text that can be read: {}", error.kind()))
    })?);
    Ok(Secret::new(text.expose().trim().to_owned()))
}

fn read_input() -> Result<Parameters, Failure> {
    let mut text = Vec::new();
    io::stdin().lock().take(MAX_INPUT).read_to_end(&mut text)?;
    Parameters::parse(&text).map_err(Failure::input)
}
