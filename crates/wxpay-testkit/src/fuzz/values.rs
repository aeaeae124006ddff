//! Value types: parsing and printing round-trip.

use jiff::{
    Timestamp,
    tz::{TimeZone, offset},
};
use std::{fmt::Display, str::FromStr};
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, NotifyId, NotifyUrl, OpenId, OutTradeNo, PartnerId, PrepayId, TransactionId},
    wire::time::{format_compact, parse_compact},
};

/// Checks every id and amount type.
pub fn ids(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_round_trip::<AppId>(text);
    assert_round_trip::<NotifyId>(text);
    assert_round_trip::<NotifyUrl>(text);
    assert_round_trip::<OutTradeNo>(text);
    assert_round_trip::<PartnerId>(text);
    assert_round_trip::<PrepayId>(text);
    assert_round_trip::<TransactionId>(text);
    if let Ok(payer) = text.parse::<OpenId>() {
        assert_eq!(payer.as_str(), text);
        let tail = text.len().checked_sub(2).and_then(|start| text.get(start..)).unwrap_or_default();
        assert_eq!(format!("{payer:?}"), format!("OpenId(…{tail})"), "an openid must be printed shortened");
    }
    if let Ok(fen) = text.parse::<Fen>() {
        assert_eq!(fen.to_string(), if fen == Fen::ZERO { "0" } else { text.trim_start_matches('0') });
    }
    if let Ok(fen) = Fen::from_yuan(text) {
        assert_eq!(Fen::from_yuan(&fen.yuan().to_string()), Ok(fen));
        assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    }
}

fn assert_round_trip<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}

/// Checks times of fourteen digits in China's time zone against jiff.
pub fn time(data: &[u8]) {
    let parsed = parse_compact(data);
    let expected = parse_with_jiff(data).and_then(|time| u64::try_from(time.as_second()).ok());
    assert_eq!(parsed.ok().map(UnixTime::as_secs), expected);
    if let Ok(time) = parsed {
        assert_eq!(format_compact(time).as_bytes(), data);
    }
    if let Some(secs) = data.first_chunk().copied().map(u64::from_le_bytes)
        && let Ok(time) = Timestamp::from_second((secs >> 24).cast_signed())
    {
        let local = time.to_zoned(TimeZone::fixed(offset(8)));
        let formatted = format_compact(UnixTime::from_secs(secs >> 24));
        assert_eq!(formatted, local.strftime("%Y%m%d%H%M%S").to_string());
        assert!(local.year() > 9999 || parse_compact(formatted.as_bytes()).is_ok());
    }
}

/// Parses the digits with jiff, as RFC 3339. Rejects a leap second, which jiff accepts and the crate under test
/// rejects.
fn parse_with_jiff(data: &[u8]) -> Option<Timestamp> {
    let is_digits = data.len() == 14 && data.iter().all(u8::is_ascii_digit);
    if !is_digits || data.ends_with(b"60") {
        return None;
    }
    let mut text = String::from_utf8(data.into()).ok()?;
    for (at, sign) in [(12, ':'), (10, ':'), (8, 'T'), (6, '-'), (4, '-')] {
        text.insert(at, sign);
    }
    (text + "+08:00").parse().ok()
}
