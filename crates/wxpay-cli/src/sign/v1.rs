//! The signatures of APIv1: MD5 and SHA-1.

use super::{KEY_FILE, Signed, Verification};
use crate::{
    Failure,
    args::Scheme,
    input,
    parameters::{Parameters, is_any_of},
};
use wxpay_proto::{
    id::InvalidField,
    secret::Secret,
    v1::{Package, PartnerKey, PaySignKey, signature},
    wire::charset::Charset,
};

/// The names of a SHA-1 signature: in a call, in the XML of a notification, in the app payment parameters.
const SHA1_NAMES: [&str; 3] = ["app_signature", "AppSignature", "sign"];

pub(super) fn sign(scheme: Scheme, key: &Secret<Vec<u8>>, parameters: Parameters) -> Result<Signed, Failure> {
    let key = input::text(KEY_FILE, key)?;
    if matches!(scheme, Scheme::V1Package) { by_md5(&key, parameters) } else { by_sha1(&key, parameters) }
}

pub(super) fn verify(
    scheme: Scheme,
    key: &Secret<Vec<u8>>,
    parameters: Parameters,
) -> Result<Verification, Failure> {
    let names: &[&str] = if matches!(scheme, Scheme::V1Package) { &["sign"] } else { &SHA1_NAMES };
    let received = names.iter().find_map(|name| parameters.value(name)).map(str::trim).map(str::to_owned);
    let received = received.ok_or_else(|| Failure::usage(format!("{} is required", names.join(" or "))))?;
    let signed = sign(scheme, key, parameters)?;
    let valid = received.eq_ignore_ascii_case(&signed.sign);
    Ok(Verification {
        valid,
        reason: (!valid).then(|| reason(&received, &signed.sign)),
        string_to_sign: signed.string_to_sign,
        bytes: None,
        sign: Some(signed.sign),
    })
}

fn reason(received: &str, expected: &str) -> String {
    if received.len() == expected.len() && received.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        "the signature does not match these parameters and this key".to_owned()
    } else {
        format!("the signature must be {} hexadecimal characters", expected.len())
    }
}

/// Names the option that holds the key.
fn invalid_key(rule: &InvalidField) -> Failure {
    Failure::usage(format!("{KEY_FILE}: {rule}"))
}

fn by_md5(key: &Secret<String>, parameters: Parameters) -> Result<Signed, Failure> {
    let key = PartnerKey::new(key.expose().clone()).map_err(|rule| invalid_key(&rule))?;
    let charset = match parameters.value("input_charset") {
        None | Some("") => Charset::Gbk,
        Some(name) => Charset::from_name(name.as_bytes())
            .ok_or_else(|| Failure::usage("input_charset must be UTF-8 or GBK"))?,
    };
    let fields = parameters.fields();
    for (name, value) in &fields {
        charset.encode(value).map_err(|fault| {
            let charset = charset.wire_name();
            Failure::usage(format!("{name} must consist of characters in {charset} ({fault})"))
        })?;
    }
    let package = Package::from_fields(&fields, charset, &key).map_err(Failure::usage)?;
    let (sign, string_to_sign) = signature::sign_md5(&fields, charset, &key).map_err(Failure::usage)?;
    let package = package.as_str().to_owned();
    // Only this spelling is the signature: the scheme signs `Sign` as any other parameter.
    let parameters = parameters.without(|name| name == "sign").with("sign", sign.as_str());
    Ok(Signed {
        parameters,
        string_to_sign: string_to_sign.to_string(),
        bytes: None,
        sign: sign.to_string(),
        package: Some(package),
        authorization: None,
    })
}

fn by_sha1(key: &Secret<String>, parameters: Parameters) -> Result<Signed, Failure> {
    let key = PaySignKey::new(key.expose().clone()).map_err(|rule| invalid_key(&rule))?;
    if let Some(name) = parameters.duplicate_ignoring_case() {
        return Err(Failure::usage(format!("{name} must occur once, whatever its case")));
    }
    // An `appkey` is replaced by the key, and must not be printed.
    let parameters = parameters.without(|name| is_any_of(&SHA1_NAMES, name) || is_any_of(&["appkey"], name));
    let (sign, string_to_sign) = signature::sign_sha1(&parameters.fields(), &key);
    Ok(Signed {
        parameters: parameters.with(SHA1_NAMES[0], sign.as_str()),
        string_to_sign: string_to_sign.to_string(),
        bytes: None,
        sign: sign.to_string(),
        package: None,
        authorization: None,
    })
}
