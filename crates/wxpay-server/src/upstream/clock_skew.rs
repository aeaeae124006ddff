//! The difference between the local clock and WeChat Pay's, by the `Date` header of its replies.

use std::{collections::VecDeque, time::SystemTime};
use wxpay_proto::UnixTime;

/// The number of replies that count. One proxy with a wrong clock must not decide.
const REPLIES: usize = 5;
/// The header has whole seconds: it is half a second late on average.
const HALF_SECOND: u64 = 500;

/// The differences of the last replies, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct ClockSkew(VecDeque<i64>);

impl ClockSkew {
    /// Adds a reply that arrived at `now`. Ignores an unreadable header.
    pub(super) fn observe(&mut self, date: &[u8], now: UnixTime) {
        let Some(date) = parse(date) else { return };
        let theirs = i64::try_from(date.as_millis().saturating_add(HALF_SECOND)).unwrap_or(i64::MAX);
        let ours = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        if self.0.len() >= REPLIES {
            self.0.pop_front();
        }
        self.0.push_back(ours.saturating_sub(theirs));
    }

    /// Returns the median. `None` before the first reply.
    pub(super) fn millis(&self) -> Option<i64> {
        let mut sorted: Vec<i64> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len().checked_div(2)?).copied()
    }
}

fn parse(date: &[u8]) -> Option<UnixTime> {
    let date = httpdate::parse_http_date(std::str::from_utf8(date).ok()?).ok()?;
    let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(UnixTime::EPOCH.after(since_epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skew_is_the_median_of_the_last_five_replies() {
        let mut skew = ClockSkew::default();
        assert_eq!(skew.millis(), None);
        // `date -u -d @784111777`
        let date = b"Sun, 06 Nov 1994 08:49:37 GMT";
        let at = |millis: u64| UnixTime::from_millis(784_111_777_500 + millis);
        skew.observe(date, at(86_400_000));
        assert_eq!(skew.millis(), Some(86_400_000));
        for millis in [2_000, 2_100, 2_200] {
            skew.observe(date, at(millis));
        }
        skew.observe(b"yesterday", at(0));
        assert_eq!(skew.millis(), Some(2_200));
        skew.observe(date, at(1_900));
        assert_eq!(skew.millis(), Some(2_100), "one wrong clock does not decide");
    }
}
