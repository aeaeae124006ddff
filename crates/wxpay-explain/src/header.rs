//! The headers that carry a signature: `Authorization`, and `Wechatpay-*`.

use crate::{
    detail::{Detail, Names},
    message::Message,
};

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
/// The scheme of brands, which has `brand_id` in place of `mchid`.
const BRAND_SCHEME: &str = "WECHATPAY-BRAND-SHA256-RSA2048";

/// The values that belong to a signature, as received. A missing one is `None`.
#[derive(Default)]
pub(crate) struct SignatureValues {
    pub(crate) mchid: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) timestamp: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) signature: Option<String>,
    /// The violated rule, if the header is missing or malformed.
    pub(crate) fault: Option<Detail>,
}

/// Reads `Authorization`: by its grammar, or as far as possible if it breaks it.
pub(crate) fn authorization(message: &Message) -> SignatureValues {
    let Some(header) = message.header("authorization") else {
        return SignatureValues {
            fault: Some(Detail::MissingHeaders { names: Names(vec!["Authorization"]) }),
            ..Default::default()
        };
    };
    strict(header).unwrap_or_else(|rule| SignatureValues { fault: Some(rule), ..lenient(header) })
}

/// Reads `Wechatpay-*`.
pub(crate) fn wechatpay(message: &Message) -> SignatureValues {
    let value = |name: &str| message.header(name).filter(|value| !value.is_empty()).map(String::from);
    let values = SignatureValues {
        mchid: None,
        serial: value("wechatpay-serial"),
        timestamp: value("wechatpay-timestamp"),
        nonce: value("wechatpay-nonce"),
        signature: value("wechatpay-signature"),
        fault: None,
    };
    let required = [
        ("Wechatpay-Timestamp", &values.timestamp),
        ("Wechatpay-Nonce", &values.nonce),
        ("Wechatpay-Signature", &values.signature),
        ("Wechatpay-Serial", &values.serial),
    ];
    let missing: Vec<_> =
        required.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    let fault = match &values.timestamp {
        _ if missing.len() == required.len() => Some(Detail::NoWechatpayHeaders),
        _ if !missing.is_empty() => Some(Detail::MissingHeaders { names: Names(missing) }),
        Some(text) if !is_digits(text) => Some(Detail::WechatpayTimestampNotSeconds),
        Some(_) | None => None,
    };
    SignatureValues { fault, ..values }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the whole seconds of a timestamp that has a fraction.
pub(crate) fn whole_seconds(text: &str) -> Option<&str> {
    let (seconds, fraction) = text.split_once('.')?;
    (is_digits(seconds) && fraction.bytes().all(|byte| byte.is_ascii_digit())).then_some(seconds)
}

/// Parses the header by its grammar. Quotes around the values and spaces around the commas are optional, as the gateway
/// accepts both.
fn strict(header: &str) -> Result<SignatureValues, Detail> {
    let brand = header.strip_prefix(BRAND_SCHEME);
    let rest = brand.or_else(|| header.strip_prefix(SCHEME));
    let rest = rest.ok_or(Detail::OtherScheme { scheme: SCHEME })?;
    let rest = rest.strip_prefix(' ').ok_or(Detail::NoSpaceAfterScheme)?;
    let mut values = SignatureValues::default();
    for pair in rest.split(',') {
        let pair = pair.trim_matches(' ');
        let (name, value) = pair.split_once('=').ok_or(Detail::NoPairs)?;
        let quoted = value.strip_prefix('"');
        let unquoted = quoted.map_or(Some(value), |value| value.strip_suffix('"'));
        // Within double quotes, a single one belongs to the value.
        let unquoted =
            unquoted.filter(|value| !value.contains('"') && (quoted.is_some() || !value.contains('\'')));
        let unquoted = unquoted.ok_or_else(|| Detail::WithoutQuotes { name: shown(name) })?;
        let Some(place) = values.place(name) else {
            if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && !is_alias(name) {
                continue;
            }
            return Err(Detail::UnknownName { name: shown(name) });
        };
        if place.replace(unquoted.to_owned()).is_some() {
            return Err(Detail::NameTwice { name: name.to_owned() });
        }
    }
    let required = [
        ("mchid", &values.mchid),
        ("nonce_str", &values.nonce),
        ("signature", &values.signature),
        ("timestamp", &values.timestamp),
        ("serial_no", &values.serial),
    ];
    for (name, value) in required.into_iter().filter(|(name, _)| brand.is_none() || *name != "mchid") {
        if value.as_ref().is_none_or(String::is_empty) {
            return Err(Detail::MissingName { name });
        }
    }
    match values.timestamp.as_deref() {
        Some(text) if is_digits(text) => {}
        Some(text) if whole_seconds(text).is_some() => return Err(Detail::TimestampWithFraction),
        Some(_) | None => return Err(Detail::TimestampNotSeconds),
    }
    Ok(values)
}

impl SignatureValues {
    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "mchid" => Some(&mut self.mchid),
            "serial_no" => Some(&mut self.serial),
            "timestamp" => Some(&mut self.timestamp),
            "nonce_str" => Some(&mut self.nonce),
            "signature" => Some(&mut self.signature),
            _ => None,
        }
    }
}

/// Other spellings of the names, as they occur in broken programs.
const ALIASES: [(&str, &[&str]); 5] = [
    ("mchid", &["mchid", "mch_id", "mchId"]),
    ("serial_no", &["serial_no", "serialNo", "serial_number", "serial"]),
    ("timestamp", &["timestamp", "timeStamp", "time_stamp"]),
    ("nonce_str", &["nonce_str", "nonceStr", "noncestr", "nonce"]),
    ("signature", &["signature", "sign"]),
];

fn is_alias(name: &str) -> bool {
    ALIASES.iter().any(|(_, spellings)| spellings.contains(&name))
}

/// Finds the values in a malformed header.
fn lenient(header: &str) -> SignatureValues {
    // Without a space after it, the scheme would be a part of the first name.
    let header = match header.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
        Some(_) | None => header,
    };
    let mut values = SignatureValues::default();
    for (name, spellings) in ALIASES {
        let found = spellings.iter().find_map(|spelling| value_after(header, spelling));
        if let Some(place) = values.place(name) {
            *place = found.filter(|value| !value.is_empty());
        }
    }
    values
}

/// Returns the value after the first occurrence of `name` that stands alone and is followed by `=` or `:`.
fn value_after(header: &str, name: &str) -> Option<String> {
    let is_part = |found: char| found.is_ascii_alphanumeric() || found == '_';
    header.match_indices(name).find_map(|(at, _)| {
        if header.get(..at)?.chars().next_back().is_some_and(is_part) {
            return None;
        }
        let rest = header.get(at..)?.strip_prefix(name)?.trim_start_matches(['"', '\'', ' ']);
        let rest = rest.strip_prefix(['=', ':'])?.trim_start_matches(' ');
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let value = match quote {
            // An unclosed quote ends with the pair.
            Some(quote) => rest.strip_prefix(quote)?.split([quote, ',', ';']).next()?,
            None => rest.split([',', ';', ' ', '"', '\'', '&']).next()?,
        };
        Some(value.trim().to_owned())
    })
}

/// Renders a name for an error, without control characters and not longer than a name is.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(24).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="n",signature="a+/=",timestamp="5",serial_no="AB""#;

    #[test]
    fn authorization_that_follows_the_grammar_has_no_fault() {
        for header in [
            GOOD.to_owned(),
            GOOD.replace("\",", "\", "),
            GOOD.replace("2048 ", "2048  "),
            GOOD.replace('"', ""),
            GOOD.replace("WECHATPAY2-", "WECHATPAY-BRAND-").replace("mchid", "brand_id"),
            GOOD.replace("\"n\"", "\"b'n'\""),
            "WECHATPAY2-SHA256-RSA2048 serial_no=AB, timestamp=5,signature=a+/=, nonce_str=n,mchid=1900000001".into(),
        ] {
            let values = strict(&header).unwrap_or_else(|rule| panic!("{header}: {rule:?}"));
            assert_eq!(values.signature.as_deref(), Some("a+/="));
        }
    }

    #[test]
    fn malformed_authorization_is_read_as_far_as_possible() {
        for header in [
            GOOD.replace("WECHATPAY2-SHA256-RSA2048 ", ""),
            GOOD.replace("WECHATPAY2-SHA256-RSA2048 ", "Bearer "),
            GOOD.replace("2048 ", "2048"),
            GOOD.replace(',', ";"),
            GOOD.replace(',', " "),
            GOOD.replace('"', "'"),
            GOOD.replace('=', ":").replace("a+/:", "a+/="),
            GOOD.replace("nonce_str", "nonce"),
            GOOD.replace("serial_no", "serialNo"),
            GOOD.replace("mchid", "mch_id"),
            GOOD.replace("signature=\"a+/=\"", "signature=\"a+/="),
            GOOD.to_lowercase().replace("ab", "AB"),
        ] {
            let rule = strict(&header).err();
            let values = lenient(&header);
            assert!(rule.is_some(), "{header}");
            let found = (values.mchid.as_deref(), values.nonce.as_deref(), values.signature.as_deref());
            assert_eq!(found, (Some("1900000001"), Some("n"), Some("a+/=")), "{header}");
            assert_eq!(
                (values.timestamp.as_deref(), values.serial.as_deref()),
                (Some("5"), Some("AB")),
                "{header}"
            );
        }
    }
}
