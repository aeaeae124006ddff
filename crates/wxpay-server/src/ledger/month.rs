//! Months, which begin the keys of tables that grow with time.

use wxpay_proto::{UnixTime, wire::time::format_compact};

/// Returns the month of a time in China, such as 202611.
pub(crate) fn month_of(time: UnixTime) -> u64 {
    format_compact(time).get(..6).and_then(|month| month.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_in_china() {
        // 2026-11-30T15:59:59Z and the second after it.
        assert_eq!(month_of(UnixTime::from_secs(1_796_054_399)), 202_611);
        assert_eq!(month_of(UnixTime::from_secs(1_796_054_400)), 202_612);
    }
}
