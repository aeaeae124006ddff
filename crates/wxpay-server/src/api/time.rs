//! Times of the interface: RFC 3339, rendered in China's time zone to the second.

use wxpay_openapi::Form;
use wxpay_proto::{UnixTime, wire::time::parse_rfc3339};

/// The form of times in requests: any offset, fractions of a second are cut off.
pub(crate) const TIME: Form = Form {
    pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
    format: "date-time",
    max_json_bytes: 35,
    rule: "must be a time in RFC 3339 with an offset, such as 2026-11-29T17:00:00+08:00",
    accepts: |text| {
        let is_upper = !text.contains(['t', 'z']);
        let fraction = text.split_once('.').map_or("0", |(_, rest)| rest);
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        is_upper && digits <= 9 && parse(text).is_some()
    },
    sample: "2026-11-29T17:00:00+08:00",
};

/// Parses a time to the second. `None` if the text is not RFC 3339, or before 1970.
pub(crate) fn parse(text: &str) -> Option<UnixTime> {
    parse_rfc3339(text).ok().map(|time| UnixTime::from_secs(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_any_offset_is_parsed_and_rendered_in_china() {
        let time = parse("2026-11-29T09:00:00.999Z").unwrap();
        assert_eq!(wxpay_proto::wire::time::format_rfc3339(time), "2026-11-29T17:00:00+08:00");
        assert!((TIME.accepts)(TIME.sample));
        for text in [
            "2026-11-29",
            "2026-11-29T17:00:00",
            "2026-02-30T17:00:00Z",
            "2026-11-29 17:00:00Z",
            "2026-11-29t17:00:00z",
            "1969-12-31T23:59:59Z",
            "2026-11-29T17:00:00.1234567890Z",
            "1764406800",
        ] {
            assert!(!(TIME.accepts)(text), "{text}");
        }
    }
}
