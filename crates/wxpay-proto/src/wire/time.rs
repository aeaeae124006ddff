//! Times as `yyyyMMddHHmmss` and RFC 3339, in China's time zone, whatever the zone of the machine.

use super::ParseError;
use crate::{clock::UnixTime, prelude::*};
use core::time::Duration;
use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{Offset, offset},
};

/// China's offset: GMT+8, all year.
const CHINA: Offset = offset(8);

/// Formats a time as `yyyyMMddHHmmss`. Times after the year 9999 are written as its last second.
pub fn format_compact(time: UnixTime) -> String {
    let local = china_time(time);
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    )
}

/// Parses a time of the form `yyyyMMddHHmmss`.
///
/// # Errors
///
/// Returns [`ParseError`] if the text has any other form, the day or time does not exist, or it is before 1970.
pub fn parse_compact(text: &[u8]) -> Result<UnixTime, ParseError> {
    const PROBLEM: &str = "not a time of the form yyyyMMddHHmmss";
    if text.len() != 14 {
        return Err(ParseError::new(text.len().min(14), PROBLEM));
    }
    if let Some(at) = text.iter().position(|byte| !byte.is_ascii_digit()) {
        return Err(ParseError::new(at, PROBLEM));
    }
    let number = |from: usize, to: usize| -> Option<i16> {
        core::str::from_utf8(text.get(from..to)?).ok()?.parse().ok()
    };
    let two_digits = |from: usize| -> Option<i8> { number(from, from.saturating_add(2))?.try_into().ok() };
    let parse = || {
        let date = Date::new(number(0, 4)?, two_digits(4)?, two_digits(6)?).ok()?;
        let time = Time::new(two_digits(8)?, two_digits(10)?, two_digits(12)?, 0).ok()?;
        let seconds = CHINA.to_timestamp(DateTime::from_parts(date, time)).ok()?.as_second();
        u64::try_from(seconds).ok().map(UnixTime::from_secs)
    };
    parse().ok_or(ParseError::new(0, PROBLEM))
}

/// Formats a time as RFC 3339 with China's offset, to the second: `2018-06-08T10:34:56+08:00`. Times after the year
/// 9999 are written as its last second.
pub fn format_rfc3339(time: UnixTime) -> String {
    let local = china_time(time);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+08:00",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    )
}

/// Parses an RFC 3339 time with any offset. Fractions of a second below a millisecond are dropped, and a leap second
/// counts as the second before it.
///
/// # Errors
///
/// Returns [`ParseError`] if the text has any other form, the day or time does not exist, or it is before 1970 or in
/// the last day of the year 9999.
pub fn parse_rfc3339(text: &str) -> Result<UnixTime, ParseError> {
    const PROBLEM: &str = "not a time of the form 2018-06-08T10:34:56+08:00";
    // `Timestamp` alone would accept a blank instead of the `T`, the other forms of ISO 8601, and names of time zones.
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let one_of = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|byte| allowed.contains(byte));
    let digits = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
    let well_formed = (20..=35).contains(&bytes.len())
        && digits.into_iter().all(digit)
        && one_of(4, b"-")
        && one_of(7, b"-")
        && one_of(10, b"Tt")
        && one_of(13, b":")
        && one_of(16, b":")
        && bytes.get(19..).is_some_and(is_fraction_and_offset);
    let parse = || text.parse::<Timestamp>().ok().and_then(|time| u64::try_from(time.as_millisecond()).ok());
    let millis = well_formed.then(parse).flatten().ok_or(ParseError::new(0, PROBLEM))?;
    Ok(UnixTime::from_millis(millis))
}

/// Returns whether the text after the seconds is an optional fraction and an offset of less than a day.
fn is_fraction_and_offset(text: &[u8]) -> bool {
    let offset = match text.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            fraction.get(digits..).filter(|_| digits > 0).unwrap_or_default()
        }
        None => text,
    };
    match offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', hour @ .., b':', tens, ones] => {
            hour.len() == 2 && hour <= &b"23"[..] && hour.iter().chain([tens, ones]).all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// Returns the next midnight in China, when daily quotas reset.
pub(crate) fn next_midnight(now: UnixTime) -> UnixTime {
    const DAY: u64 = 24 * 3600;
    const EIGHT_HOURS: u64 = 8 * 3600;
    let into_day = now.as_secs().saturating_add(EIGHT_HOURS).checked_rem(DAY).unwrap_or_default();
    UnixTime::from_secs(now.as_secs()).after(Duration::from_secs(DAY.saturating_sub(into_day)))
}

/// Returns the local date and time in China. Times after the year 9999 become its last second.
pub(crate) fn china_time(time: UnixTime) -> DateTime {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    CHINA.to_datetime(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn compact_time_is_in_chinas_time_zone() {
        // `TZ=Asia/Shanghai date -d @1399514976 +%Y%m%d%H%M%S`
        assert_eq!(format_compact(UnixTime::from_secs(1_399_514_976)), "20140508100936");
        assert_eq!(parse_compact(b"20140508100936"), Ok(UnixTime::from_secs(1_399_514_976)));
        assert_eq!(parse_compact(b"19700101080000"), Ok(UnixTime::EPOCH));
    }

    #[test]
    fn rfc_3339_is_formatted_with_chinas_offset_and_parsed_with_any() {
        // `TZ=Asia/Shanghai date -d @1528425296 +%FT%T%:z`
        let time = UnixTime::from_secs(1_528_425_296);
        assert_eq!(format_rfc3339(time), "2018-06-08T10:34:56+08:00");
        for text in ["2018-06-08T10:34:56+08:00", "2018-06-08T02:34:56Z", "2018-06-08T02:34:56.000+00:00"] {
            assert_eq!(parse_rfc3339(text), Ok(time), "{text}");
        }
        for text in [
            "",
            "2018-06-08",
            "2018-06-08T10:34:56",
            "2018-06-08 10:34:56+08:00",
            "20180608T103456+0800",
            "2018-02-30T10:34:56+08:00",
            "1969-06-08T10:34:56+08:00",
            "2018-06-08T10:34:56+08:00[Asia/Shanghai]",
            "2018-06-08T10:34:56+08:00[UTC]",
            "2018-06-08T10:34:56+0800",
            "2018-06-08T10:34:56+08",
            "2018-06-08T10:34:56+08:00:30",
            "2018-06-08T10:34:56+24:00",
            "2018-06-08T10:34:56,5+08:00",
            "2018-06-08T10:34:56.+08:00",
        ] {
            assert!(parse_rfc3339(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parse_compact_rejects_malformed_times() {
        let bad = [
            "",
            "1399514976",
            "2014050810093",
            "201405081009366",
            "2014050810093x",
            "20140230100936",
            "20140508240000",
            "20140508106000",
            "19691231235959",
            "+2014050810093",
        ];
        for text in bad {
            assert!(parse_compact(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn next_midnight_is_in_chinas_time_zone() {
        // `TZ=Asia/Shanghai date -d '2014-05-09 00:00:00' +%s`
        assert_eq!(next_midnight(UnixTime::from_secs(1_399_514_976)), UnixTime::from_secs(1_399_564_800));
        assert_eq!(next_midnight(UnixTime::from_secs(1_399_564_800)), UnixTime::from_secs(1_399_651_200));
    }

    proptest! {
        #[test]
        fn times_round_trip(secs in 0_u64..250_000_000_000) {
            let time = UnixTime::from_secs(secs);
            prop_assert_eq!(parse_compact(format_compact(time).as_bytes()), Ok(time));
            prop_assert_eq!(parse_rfc3339(&format_rfc3339(time)), Ok(time));
        }
    }
}
