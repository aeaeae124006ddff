//! APIv1 packages: signed over the raw values and sent escaped. Parsing one returns the signed fields.

use crate::keys::PARTNER_KEY;
use md5::{Digest, Md5};
use std::{collections::BTreeMap, fmt::Write};
use wxpay_proto::{
    v1::{Package, PartnerKey, signature::sign_md5},
    wire::{charset::Charset, form::Form},
};

/// Checks packages. The input is a form with the fields of a package; its `input_charset` selects the charset.
pub fn package(data: &[u8]) {
    let Ok(form) = Form::parse(data) else { return };
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let fields: Option<Vec<(&str, &str)>> =
        form.iter().map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    let Some(mut fields) = fields else { return };
    fields.reverse();
    let charset = form.value("input_charset").and_then(Charset::from_name).unwrap_or_default();
    let key = PartnerKey::new(PARTNER_KEY.into()).unwrap();
    let Ok(package) = Package::from_fields(&fields, charset, &key) else { return };

    let signed_fields: BTreeMap<&str, Vec<u8>> = fields
        .iter()
        .filter(|(name, value)| *name != "sign" && !value.is_empty())
        .map(|(name, value)| (*name, charset.encode(value).unwrap().into_owned()))
        .collect();
    let sign = md5(&signed_fields);
    assert_eq!(package.sign().as_str(), sign);
    assert!(package.sign().matches(sign.to_lowercase().as_bytes()));
    assert_eq!(sign_md5(&fields, charset, &key).unwrap().0, package.sign());

    let sent = package.as_str();
    assert!(sent.ends_with(&format!("sign={sign}")), "the signature must come last");
    assert!(!sent.contains(['+', ' ']), "a space must be escaped as %20");
    let parsed = Form::parse(sent.as_bytes()).unwrap();
    let parsed = parsed.iter().filter(|(name, _)| *name != b"sign");
    assert!(parsed.eq(signed_fields.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()))));
}

/// Returns the MD5 signature over all these fields, computed without the crate under test.
pub(super) fn md5(signed_fields: &BTreeMap<&str, Vec<u8>>) -> String {
    let mut preimage = Vec::new();
    for (name, value) in signed_fields {
        preimage.extend_from_slice(name.as_bytes());
        preimage.push(b'=');
        preimage.extend_from_slice(value);
        preimage.push(b'&');
    }
    preimage.extend_from_slice(format!("key={PARTNER_KEY}").as_bytes());
    upper_hex(&Md5::digest(&preimage))
}

pub(super) fn upper_hex(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in bytes {
        write!(hex, "{byte:02X}").unwrap();
    }
    hex
}
