//! Calendar and time formats of the gateway: GMT+8 without daylight saving, independent of the machine's time zone.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use std::time::Duration;
use wxpay_proto::UnixTime;

const BEIJING: Offset = Offset::constant(8);
const YYYYMMDDHHMMSS: &str = "%Y%m%d%H%M%S";

/// Formats a time as `yyyyMMddHHmmss`, like `time_end`, `time_start` and `time_expire`.
pub(crate) fn yyyymmddhhmmss(time: UnixTime) -> String {
    civil(time).strftime(YYYYMMDDHHMMSS).to_string()
}

/// Formats a day as `yyyyMMdd`, as in a `transaction_id`. The token quota is counted by this day.
pub(crate) fn yyyymmdd(time: UnixTime) -> String {
    civil(time).strftime("%Y%m%d").to_string()
}

/// Formats a day as `yymmdd`, as in a `prepayid`.
pub(crate) fn yymmdd(time: UnixTime) -> String {
    civil(time).strftime("%y%m%d").to_string()
}

/// Parses `yyyyMMddHHmmss`. Returns `None` unless the text is fourteen digits of a time since 1970.
pub(crate) fn parse_yyyymmddhhmmss(text: &str) -> Option<UnixTime> {
    let digits = text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
    let civil = digits.then(|| DateTime::strptime(YYYYMMDDHHMMSS, text).ok()).flatten()?;
    let time = civil.to_zoned(TimeZone::fixed(BEIJING)).ok()?.timestamp();
    u64::try_from(time.as_second()).ok().map(UnixTime::from_secs)
}

/// Formats a time as `yyyy-MM-dd HH:mm:ss`, as in bills.
pub(crate) fn bill_time(time: UnixTime) -> String {
    civil(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Parses a day `yyyy-MM-dd`. Returns it as `yyyyMMdd`, with its end and the time three months after its beginning.
pub(crate) fn bill_date(text: &str) -> Option<(String, UnixTime, UnixTime)> {
    let digits = text.replace('-', "");
    let midnight = parse_yyyymmddhhmmss(&format!("{digits}000000"))?;
    if format!("{}-{}-{}", digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?) != text {
        return None;
    }
    let expiry_date = civil(midnight).checked_add(jiff::Span::new().months(3)).ok()?;
    let expiry = expiry_date.to_zoned(TimeZone::fixed(BEIJING)).ok()?.timestamp().as_second();
    let expiry = u64::try_from(expiry).ok().map(UnixTime::from_secs)?;
    Some((digits, midnight.after(Duration::from_secs(86_400)), expiry))
}

/// Formats a time by RFC 3339 with the offset +08:00, as in APIv3: `2018-06-08T10:34:56+08:00`.
pub(crate) fn rfc3339(time: UnixTime) -> String {
    civil(time).strftime("%Y-%m-%dT%H:%M:%S+08:00").to_string()
}

/// Parses RFC 3339 with any offset. Returns `None` for a time before 1970.
pub(crate) fn parse_rfc3339(text: &str) -> Option<UnixTime> {
    // jiff also accepts other ISO 8601 forms, which WeChat Pay does not.
    let is_rfc3339 = text.len() >= 20
        && text.bytes().zip(*b"dddd-dd-ddTdd:dd:dd").all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            form => byte == form,
        });
    let time: Timestamp = is_rfc3339.then(|| text.parse().ok()).flatten()?;
    u64::try_from(time.as_millisecond()).ok().map(UnixTime::from_millis)
}

/// Converts a time to the calendar. A time after the calendar's end becomes 1970-01-01.
fn civil(time: UnixTime) -> DateTime {
    let seconds = i64::try_from(time.as_secs()).ok();
    let timestamp = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default();
    BEIJING.to_datetime(timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    // `TZ=Asia/Shanghai date -d @1399514976 +%Y%m%d%H%M%S` prints 20140508100936.
    const NOW: UnixTime = UnixTime::from_secs(1_399_514_976);

    #[test]
    fn times_are_formatted_in_beijing_time() {
        assert_eq!(yyyymmddhhmmss(NOW), "20140508100936");
        assert_eq!(yyyymmdd(NOW), "20140508");
        assert_eq!(yymmdd(NOW), "140508");
        assert_eq!(parse_yyyymmddhhmmss("20140508100936"), Some(NOW));
    }

    #[test]
    fn day_changes_at_beijing_midnight() {
        assert_eq!(yyyymmdd(UnixTime::from_secs(1_399_564_799)), "20140508");
        assert_eq!(yyyymmdd(UnixTime::from_secs(1_399_564_800)), "20140509");
    }

    #[test]
    fn rfc3339_is_formatted_with_plus_8_and_parsed_with_any_offset() {
        assert_eq!(rfc3339(NOW), "2014-05-08T10:09:36+08:00");
        for text in ["2014-05-08T10:09:36+08:00", "2014-05-08T02:09:36Z", "2014-05-08T02:09:36.000-00:00"] {
            assert_eq!(parse_rfc3339(text), Some(NOW), "{text}");
        }
        for text in [
            "",
            "2014-05-08",
            "2014-05-08T10:09:36",
            "2014-05-08 10:09:36Z",
            "2014-02-30T10:09:36Z",
            "1960-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn parse_yyyymmddhhmmss_rejects_other_forms_and_invalid_dates() {
        for text in [
            "",
            "1399514976",
            "2014050810093",
            "201405081009366",
            "20140230100936",
            "2014050825003６",
            "+0140508100936",
        ] {
            assert_eq!(parse_yyyymmddhhmmss(text), None, "{text}");
        }
        assert_eq!(parse_yyyymmddhhmmss("19600101000000"), None);
    }
}
