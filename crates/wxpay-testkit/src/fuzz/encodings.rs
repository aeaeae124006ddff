//! Base64 and RFC 3339, compared with plain readings of both documents.

use std::str;
use wxpay_proto::{
    UnixTime,
    wire::{
        base64::{decode, encode},
        time::{format_rfc3339, parse_rfc3339},
    },
};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Checks Base64: the input is decoded like a plain reading of RFC 4648, and encoded.
pub fn base64(data: &[u8]) {
    let decoded = decode(data);
    assert_eq!(decoded.as_ref().ok(), decode_plainly(data).as_ref());
    match decoded {
        Ok(bytes) => assert_eq!(encode(&bytes).as_bytes(), data, "a value must have one spelling"),
        Err(error) => assert!(error.offset <= data.len()),
    }
    let encoded = encode(data);
    assert_eq!(encoded.len(), data.len().div_ceil(3) * 4);
    assert_eq!(decode(encoded.as_bytes()).as_deref(), Ok(data));
}

/// Decodes groups of four characters. Only the last may be padded, and its unused bits must be zero.
fn decode_plainly(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::new();
    let groups = text.chunks(4);
    let count = groups.len();
    for (index, group) in groups.enumerate() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 < count) {
            return None;
        }
        let mut bits = 0_usize;
        for byte in &group[..4 - padding] {
            bits = bits << 6 | ALPHABET.iter().position(|character| character == byte)?;
        }
        bits <<= 6 * padding;
        let [.., first, second, third] = bits.to_be_bytes();
        let group = [first, second, third];
        let (kept, unused) = group.split_at(3 - padding);
        if unused.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(kept);
    }
    Some(bytes)
}

/// Checks RFC 3339: the input is parsed like a plain reading of the grammar, and a time made of it round-trips.
pub fn rfc3339(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        let parsed = parse_rfc3339(text).ok();
        assert_eq!(parsed.map(UnixTime::as_millis), parse_plainly(data), "{text}");
        if let Some(time) = parsed {
            let seconds = UnixTime::from_secs(time.as_secs());
            assert_eq!(parse_rfc3339(&format_rfc3339(time)), Ok(seconds));
        }
    }
    if let Some(bytes) = data.first_chunk() {
        let formatted = format_rfc3339(UnixTime::from_millis(u64::from_le_bytes(*bytes)));
        let parsed = parse_rfc3339(&formatted).unwrap();
        assert_eq!(format_rfc3339(parsed), formatted);
        assert_eq!(Some(parsed.as_millis()), parse_plainly(formatted.as_bytes()));
    }
}

/// Parses a time by the grammar of RFC 3339, section 5.6. Returns milliseconds, or `None` before 1970. A leap second
/// counts as the second before it.
fn parse_plainly(text: &[u8]) -> Option<u64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
        str::from_utf8(digits).ok()?.parse().ok()
    };
    let is = |at: usize, allowed: &[u8]| text.get(at).filter(|byte| allowed.contains(byte)).map(|_| ());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    [(4, &b"-"[..]), (7, b"-"), (10, b"Tt"), (13, b":"), (16, b":")]
        .into_iter()
        .try_for_each(|(at, allowed)| is(at, allowed))?;
    let days = days_before(year, month, day)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = &text[19..];
    let mut millis = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&length) {
            return None;
        }
        let (digits, end) = fraction.split_at(length);
        let padded = [digits, b"00"].concat();
        millis = str::from_utf8(&padded[..3]).ok()?.parse().ok()?;
        rest = end;
    }
    let offset = match rest {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let two = |tens: u8, ones: u8| {
                [tens, ones]
                    .iter()
                    .all(u8::is_ascii_digit)
                    .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
            };
            let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'+' { 60 } else { -60 }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second.min(59) - offset;
    let time = seconds * 1000 + millis;
    // jiff has no later times, so that each has a date in the year 9999, whatever the time zone.
    u64::try_from(time).ok().filter(|_| seconds <= 253_402_207_200)
}

/// Counts the days from 1970-01-01 to a date, one month after the other. Returns `None` if the date does not exist.
fn days_before(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = |month: i64| match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=12).contains(&month) || !(1..=length(month)).contains(&day) {
        return None;
    }
    let leap_days = |year: i64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    // Before the year 1 the formula does not hold, and no such time can be told.
    let years = if year == 0 {
        return Some(-719_528);
    } else {
        (year - 1970) * 365 + leap_days(year) - leap_days(1970)
    };
    Some(years + (1..month).map(length).sum::<i64>() + day - 1)
}
