//! Percent-decoding of URLs.

/// Decodes a text. `None` if the result is not UTF-8. A percent sign without two digits stands for itself.
pub(crate) fn decode(text: &str) -> Option<String> {
    String::from_utf8(bytes(text)).ok()
}

/// Decodes a text. Bytes that are not UTF-8 become replacement characters.
pub(crate) fn decode_lossy(text: &str) -> String {
    String::from_utf8_lossy(&bytes(text)).into_owned()
}

fn bytes(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            decoded.push((high << 4) | low);
            rest = after.get(2..).unwrap_or_default();
        } else {
            decoded.push(*first);
            rest = after;
        }
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_percent_sign_with_two_digits_is_decoded() {
        for (text, decoded) in [
            ("a%20b", "a b"),
            ("%E5%8D%95", "单"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%2541", "%41"),
            ("+", "+"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(decoded), "{text}");
        }
        assert_eq!(decode("%ff"), None);
        assert_eq!(decode_lossy("a%ff"), "a\u{fffd}");
    }
}
