//! Months, which begin the keys of tables that grow with time.

use wxpay_proto::{UnixTime, wire::time::format_compact};

/// Returns the month of a time in China, such as 202611.
pub(crate) fn month_of(time: UnixTime) -> u64 {
    format_compact(time).get(..6).and_then(|month| month.parse().ok()).unwrap_or_default()
}

/// Returns the month after a month.
pub(crate) fn next_month(month: u64) -> u64 {
    // Of December, the first of the next year.
    month.saturating_add(if month.checked_rem(100) == Some(12) { 89 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn january_follows_december() {
        assert_eq!([next_month(202_611), next_month(202_612)], [202_612, 202_701]);
    }

    #[test]
    fn a_month_begins_at_midnight_in_china() {
        // 2026-11-30T15:59:59Z and the second after it.
        assert_eq!(month_of(UnixTime::from_secs(1_796_054_399)), 202_611);
        assert_eq!(month_of(UnixTime::from_secs(1_796_054_400)), 202_612);
    }
}
