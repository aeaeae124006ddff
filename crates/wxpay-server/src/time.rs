//! Times in RFC 3339, and the clock of this crate.

use serde::{Serialize, Serializer};
use std::{fmt, time::SystemTime};
use wxpay_proto::{
    UnixTime,
    wire::time::{format_rfc3339, parse_rfc3339},
};

/// A time in China's time zone, rendered as RFC 3339 to the second: `2014-05-08T10:10:00+08:00`.
///
/// ```
/// use wxpay_server::time::ChinaTime;
///
/// let paid = ChinaTime::from_rfc3339("2014-05-08T02:10:00Z").ok_or("not RFC 3339")?;
/// assert_eq!(paid.to_string(), "2014-05-08T10:10:00+08:00");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChinaTime(UnixTime);

impl ChinaTime {
    /// Returns the time as [`UnixTime`].
    pub const fn unix(self) -> UnixTime {
        self.0
    }

    /// Parses RFC 3339 with any offset; fractions of a second are cut off. `None` for anything else and for times
    /// before 1970.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        parse_rfc3339(text).ok().map(|time| Self(UnixTime::from_secs(time.as_secs())))
    }
}

impl From<UnixTime> for ChinaTime {
    fn from(time: UnixTime) -> Self {
        Self(time)
    }
}

impl fmt::Display for ChinaTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_rfc3339(self.0))
    }
}

impl Serialize for ChinaTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Returns the current time.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime::EPOCH.after(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rfc_3339_with_an_offset_since_1970_is_parsed() {
        for text in [
            "",
            "2014-05-08",
            "2014-05-08T10:10:00",
            "20140508101000",
            "1399514976",
            "1969-12-31T23:59:59Z",
            "2014-05-08 10:10:00+08:00",
            "2014-05-08T10:10:00+08:00[Asia/Shanghai]",
        ] {
            assert_eq!(ChinaTime::from_rfc3339(text), None, "{text}");
        }
        let cut = ChinaTime::from_rfc3339("2014-05-08T10:10:00.999+08:00").unwrap();
        assert_eq!(cut.unix(), UnixTime::from_secs(1_399_515_000));
    }

    #[test]
    fn the_greatest_time_is_printed_without_a_panic() {
        assert!(ChinaTime::from(UnixTime::from_millis(u64::MAX)).to_string().ends_with("+08:00"));
    }
}
