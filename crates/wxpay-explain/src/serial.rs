//! Serial numbers: whether one names the key that signed, and whether it has the documented form.

use crate::{
    cause::CauseId,
    detail::Detail,
    explanation::Findings,
    keys::{Key, Keys},
};
use num_bigint::BigUint;

/// The prefix of the ids of WeChat Pay public keys.
pub(crate) const PUBLIC_KEY_PREFIX: &str = "PUB_KEY_ID_";

/// Compares a serial number with the key that signed. `other` is the cause if it names another one.
pub(crate) fn check(sent: &str, key: &Key, keys: &Keys, other: CauseId, findings: &mut Findings) {
    if key.serials().iter().any(|serial| serial == sent) {
        return;
    }
    if let Some(serial) = key.serials().iter().find(|serial| is_same(serial, sent)) {
        findings.exact(CauseId::SerialFormat, Detail::DocumentedSerial { serial: serial.clone() });
        return;
    }
    if let Some(serial) = key.serials().first() {
        findings.exact(other, Detail::SerialOfSigner { serial: serial.clone() });
        return;
    }
    let mut others = keys.iter().filter(|other| !std::ptr::eq(*other, key));
    if others.any(|other| other.serials().iter().any(|serial| is_same(serial, sent))) {
        let cause = if other == CauseId::SerialOfAnotherCertificate { CauseId::WrongKey } else { other };
        findings.exact(cause, Detail::SerialOfOtherKey);
    } else if !is_well_formed(sent) {
        findings.likely(CauseId::SerialFormat, None);
    }
}

/// Checks the form of a serial number of an unknown key.
pub(crate) fn check_form(sent: &str, known: &[&String], findings: &mut Findings) {
    let mut known = known.iter().filter(|serial| **serial == sent || is_same(serial, sent));
    match known.next() {
        Some(serial) if **serial != sent => {
            findings.exact(CauseId::SerialFormat, Detail::DocumentedSerial { serial: (*serial).clone() });
        }
        None if !is_well_formed(sent) => findings.likely(CauseId::SerialFormat, None),
        Some(_) | None => {}
    }
}

/// Returns whether both are the same number: in other case, with separators, without leading zeros or the prefix of public
/// keys, or in decimal digits.
fn is_same(serial: &str, sent: &str) -> bool {
    let reduced = |text: &str| {
        let text = text.trim().to_ascii_uppercase();
        let text = text.trim_start_matches(PUBLIC_KEY_PREFIX);
        // As `openssl x509 -serial` prints it.
        let text = text.strip_prefix("SERIAL=").unwrap_or(text);
        let text = text.strip_prefix("0X").unwrap_or(text);
        let digits: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        digits.trim_start_matches('0').to_owned()
    };
    let (one, other) = (reduced(serial), reduced(sent));
    if one == other {
        return true;
    }
    let number = |text: &str, radix| BigUint::parse_bytes(text.as_bytes(), radix);
    // The length bounds the time of the conversion.
    let is_short = one.len() <= 64 && other.len() <= 80;
    is_short && number(&one, 16).zip(number(&other, 10)).is_some_and(|(one, other)| one == other)
}

/// Returns whether a serial number has the documented form.
fn is_well_formed(sent: &str) -> bool {
    if let Some(id) = sent.strip_prefix(PUBLIC_KEY_PREFIX) {
        return !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    }
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    // X.509 allows 20 bytes.
    (2..=40).contains(&sent.len()) && sent.len().is_multiple_of(2) && sent.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_the_same_in_other_forms() {
        let serial = "0157F0B7EBA7CB4600B5E0A3E75C4AC9F6A03D54";
        for sent in [
            &serial.to_lowercase(),
            serial.trim_start_matches('0'),
            "01:57:F0:B7:EB:A7:CB:46:00:B5:E0:A3:E7:5C:4A:C9:F6:A0:3D:54",
            "0x157f0b7eba7cb4600b5e0a3e75c4ac9f6a03d54",
            &format!("serial={serial}"),
            &BigUint::parse_bytes(serial.as_bytes(), 16).unwrap().to_string(),
        ] {
            assert!(is_same(serial, sent), "{sent}");
            assert!(!is_well_formed(sent), "{sent}");
        }
        assert!(is_well_formed(serial) && is_well_formed("PUB_KEY_ID_0116"));
        assert!(
            is_same("PUB_KEY_ID_0116", "0116")
                && is_same("PUB_KEY_ID_0116", "pub_key_id_0116")
                && !is_same(serial, &serial.replace('5', "6"))
        );
    }
}
