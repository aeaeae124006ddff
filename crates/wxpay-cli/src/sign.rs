//! `wxpay sign` and `wxpay verify`: signatures with the strings that were signed.

mod v1;
mod v3;

use crate::{
    Failure,
    args::{Scheme, Sign},
    input, output,
    parameters::Parameters,
};
use serde::Serialize;

const KEY_FILE: &str = "--key-file";

/// A signature and the string that was signed.
#[derive(Serialize)]
struct Signed {
    /// The parameters with their signature: the input of `verify`.
    parameters: Parameters,
    /// The signed string; a key in it is shown as `[secret]`.
    string_to_sign: String,
    /// The length of the string in bytes, for APIv3. The gateway reports the length of its own string, to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    sign: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<String>,
}

/// The result of a verification.
#[derive(Serialize)]
struct Verification {
    valid: bool,
    reason: Option<String>,
    string_to_sign: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// The expected signature, if the key can sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<String>,
}

pub(crate) fn sign(args: &Sign) -> Result<(), Failure> {
    let key = input::file(KEY_FILE, &args.key_file)?;
    let signed = match args.scheme {
        Scheme::V1Package | Scheme::V1Sha1 => v1::sign(args.scheme, &key, parameters()?)?,
        Scheme::V3Request | Scheme::V3Reply | Scheme::V3Jsapi | Scheme::V3App => {
            v3::sign(args, &key, parameters()?)?
        }
    };
    if args.json {
        return output::json(&signed);
    }
    let lines = crate::failure::labelled([
        ("string to sign", Some(rendered(&signed.string_to_sign, signed.bytes))),
        ("bytes", signed.bytes.map(|bytes| bytes.to_string())),
        ("sign", Some(signed.sign)),
        ("package", signed.package),
        ("authorization", signed.authorization),
    ]);
    output::line(lines.trim_start())
}

pub(crate) fn verify(args: &Sign) -> Result<(), Failure> {
    let key = input::file(KEY_FILE, &args.key_file)?;
    let verification = match args.scheme {
        Scheme::V1Package | Scheme::V1Sha1 => v1::verify(args.scheme, &key, parameters()?)?,
        Scheme::V3Request | Scheme::V3Reply | Scheme::V3Jsapi | Scheme::V3App => {
            v3::verify(args, &key, &parameters()?)?
        }
    };
    if args.json {
        output::json(&verification)?;
    } else if verification.valid {
        output::line("valid")?;
    }
    let Some(reason) = verification.reason else { return Ok(()) };
    let failure = Failure::failed(format_args!("invalid signature: {reason}"));
    Err(if args.json {
        failure
    } else {
        failure.with([
            ("string to sign", Some(rendered(&verification.string_to_sign, verification.bytes).into())),
            ("bytes", verification.bytes.map(Into::into)),
            ("expected sign", verification.sign.map(Into::into)),
        ])
    })
}

fn parameters() -> Result<Parameters, Failure> {
    Parameters::parse(&input::standard()?).map_err(Failure::usage)
}

/// Renders the signed string as text. An APIv3 string is shown line by line, with visible line feeds.
fn rendered(string: &str, bytes: Option<usize>) -> String {
    match bytes {
        Some(_) => {
            let lines: Vec<String> =
                string.split_inclusive('\n').map(|line| line.replace('\n', "\\n")).collect();
            lines.join("\n                ")
        }
        None => string.to_owned(),
    }
}
