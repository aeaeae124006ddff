//! The signatures of APIv1: MD5 and SHA-1.

use super::{KEY_FILE, Signed, Verdict};
use crate::{Failure, args::Scheme, input, parameters::Parameters};
use wxpay_proto::{
    secret::Secret,
    v1::{Package, PartnerKey, PaySignKey, signature},
    wire::charset::Charset,
};

/// The names of a SHA-1 signature: in a call, in the XML of a notification, in the app payment parameters.
const SHA1_NAMES: [&str; 3] = ["app_signature", "AppSignature", "sign"];

pub(super) fn sign(scheme: Scheme, key: &Secret<Vec<u8>>, given: Parameters) -> Result<Signed, Failure> {
    let key = input::text(KEY_FILE, key)?;
    if matches!(scheme, Scheme::V1Package) { by_md5(&key, &given) } else { by_sha1(&key, given) }
}

pub(super) fn verify(scheme: Scheme, key: &Secret<Vec<u8>>, given: Parameters) -> Result<Verdict, Failure> {
    let names: &[&str] = if matches!(scheme, Scheme::V1Package) { &["sign"] } else { &SHA1_NAMES };
    let claimed = names.iter().find_map(|name| given.value(name)).map(str::trim).map(str::to_owned);
    let claimed = claimed.ok_or_else(|| Failure::input(format!("{} is required", names.join(" or "))))?;
    let signed = sign(scheme, key, given)?;
    let valid = claimed.eq_ignore_ascii_case(&signed.sign);
    Ok(Verdict {
        valid,
        reason: (!valid).then(|| reason(&claimed, &signed.sign)),
        string_to_sign: signed.string_to_sign,
        bytes: None,
        sign: Some(signed.sign),
    })
}

fn reason(claimed: &str, expected: &str) -> String {
    if claimed.len() == expected.len() && claimed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        "the signature does not match these parameters and this key".to_owned()
    } else {
        format!("the signature must be {} hexadecimal characters", expected.len())
    }
}

fn by_md5(key: &Secret<String>, given: &Parameters) -> Result<Signed, Failure> {
    let key = PartnerKey::new(key.expose().clone()).map_err(Failure::input)?;
    let charset = match given.value("input_charset") {
        None | Some("") => Charset::Gbk,
        Some(name) => Charset::from_name(name.as_bytes())
            .ok_or_else(|| Failure::input("input_charset must be UTF-8 or GBK"))?,
    };
    let fields = given.fields();
    for (name, value) in &fields {
        charset.encode(value).map_err(|fault| {
            let charset = charset.wire_name();
            Failure::input(format!("{name} must be of characters in {charset} ({fault})"))
        })?;
    }
    let package = Package::from_fields(&fields, charset, &key).map_err(Failure::input)?;
    let (sign, string_to_sign) = signature::sign_md5(&fields, charset, &key).map_err(Failure::input)?;
    Ok(Signed {
        string_to_sign: string_to_sign.to_string(),
        sign: sign.to_string(),
        package: Some(package.as_str().to_owned()),
        ..Signed::default()
    })
}

fn by_sha1(key: &Secret<String>, given: Parameters) -> Result<Signed, Failure> {
    let key = PaySignKey::new(key.expose().clone()).map_err(Failure::input)?;
    if let Some(name) = given.duplicate_ignoring_case() {
        return Err(Failure::input(format!("{name} must occur once, whatever its case")));
    }
    let given = given.without(&SHA1_NAMES);
    let (sign, string_to_sign) = signature::sign_sha1(&given.fields(), &key);
    Ok(Signed { string_to_sign: string_to_sign.to_string(), sign: sign.to_string(), ..Signed::default() })
}
