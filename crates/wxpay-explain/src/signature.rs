//! The text of a signature: standard Base64, and the texts that broken programs send in its place.

use crate::detail::Detail;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use percent_encoding::percent_decode_str;

/// Accepts Base64 with and without padding.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A reading of the text.
pub(crate) struct Reading {
    pub(crate) bytes: Vec<u8>,
    /// The difference of the text from standard Base64; `None` if there is none.
    pub(crate) fault: Option<Detail>,
}

/// Returns the readings of a signature, the standard one first.
pub(crate) fn readings(text: &str) -> Vec<Reading> {
    let mut readings = Vec::new();
    if let Ok(bytes) = STANDARD.decode(text) {
        readings.push(Reading { bytes, fault: None });
    }
    if let Some(bytes) = hexadecimal(text.trim()) {
        readings.push(Reading { bytes, fault: Some(Detail::Hexadecimal) });
    }
    if let Some(twice) = readings.first().and_then(|reading| STANDARD.decode(&reading.bytes).ok()) {
        readings.push(Reading { bytes: twice, fault: Some(Detail::EncodedTwice) });
    }
    if readings.is_empty()
        && let Some((bytes, fault)) = repaired(text)
    {
        readings.push(Reading { bytes, fault: Some(fault) });
    }
    let reversed: Option<Vec<u8>> =
        readings.first().map(|reading| reading.bytes.iter().rev().copied().collect());
    readings.extend(reversed.map(|bytes| Reading { bytes, fault: Some(Detail::Reversed) }));
    readings
}

/// Decodes a text after all usual damage is repaired. Returns the most telling fault.
fn repaired(text: &str) -> Option<(Vec<u8>, Detail)> {
    let mut fault = Detail::WrongPadding;
    let literal = text.trim().strip_prefix("b'").and_then(|text| text.strip_suffix('\''));
    if literal.is_some() {
        fault = Detail::PythonBytes;
    }
    let mut text = literal.unwrap_or(text).trim().trim_matches(['"', '\'']).to_owned();
    if text.contains('%') {
        text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        fault = Detail::PercentEncoded;
    }
    if text.contains(['\r', '\n', '\t']) || text.contains("\\n") || text.contains("\\r") {
        text = text.replace("\\r", "").replace("\\n", "").replace(['\r', '\n', '\t'], "");
        fault = Detail::LineBreaks;
        text.retain(|letter| letter != ' ');
    }
    if text.contains(' ') {
        text = text.replace(' ', "+");
        fault = Detail::PlusIsBlank;
    }
    if text.contains(['-', '_']) {
        text = text.replace('-', "+").replace('_', "/");
        fault = Detail::UrlSafe;
    }
    let bytes = TOLERANT.decode(text.trim_end_matches('=')).ok()?;
    Some((bytes, fault))
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    if text.len() < 256 || !text.len().is_multiple_of(2) {
        return None;
    }
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let pairs = digits?;
    let bytes = pairs.chunks_exact(2).map(|pair| match pair {
        [high, low] => high.wrapping_shl(4) | low,
        _ => 0,
    });
    Some(bytes.collect())
}

/// Returns whether the text is a hash in hexadecimal digits, as APIv2 signs, or in Base64.
pub(crate) fn is_apiv2(text: &str) -> bool {
    let is_hexadecimal = matches!(text.len(), 32 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hexadecimal || STANDARD.decode(text).is_ok_and(|bytes| matches!(bytes.len(), 16 | 32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa::hex;
    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

    #[test]
    fn signatures_are_read_in_all_usual_encodings() {
        let bytes: Vec<u8> = (0..256_usize).map(|index| u8::try_from(index * 7 % 256).unwrap()).collect();
        let standard = STANDARD.encode(&bytes);
        let wrapped =
            standard.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>();
        for text in [
            standard.clone(),
            URL_SAFE.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
            standard.trim_end_matches('=').into(),
            wrapped.join("\n"),
            wrapped.join("\r\n"),
            wrapped.join("\n") + "\n",
            hex(&bytes),
            hex(&bytes).to_uppercase(),
            STANDARD.encode(&standard),
            standard.replace('+', " "),
            standard.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
            format!("\"{standard}\""),
            format!("b'{standard}'"),
        ] {
            let readings = readings(&text);
            let found =
                readings.iter().find(|reading| reading.bytes == bytes).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(found.fault.is_none(), text == standard, "{text}");
        }
    }
}
