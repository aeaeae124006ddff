//! The date of a bill.

use crate::{clock::UnixTime, id::InvalidField, wire::time};
use core::{fmt, str::FromStr};
use jiff::civil::Date;

/// A calendar day in China (UTC+8), as `yyyy-MM-dd`.
///
/// ```
/// use wxpay_proto::{UnixTime, v3::bill::BillDate};
///
/// let day: BillDate = "2018-06-07".parse()?;
/// let next_morning = UnixTime::from_secs(1_528_425_296);
/// assert_eq!(BillDate::before(next_morning), day);
/// assert_eq!(day.to_string(), "2018-06-07");
/// assert!("2018-02-30".parse::<BillDate>().is_err());
/// # Ok::<(), wxpay_proto::id::InvalidField>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillDate(Date);

impl BillDate {
    /// Returns the day in China at this time.
    pub fn of(time: UnixTime) -> Self {
        Self(time::china_time(time).date())
    }

    /// Returns the day before [`of`](Self::of) this time: the latest day that can have a bill.
    pub fn before(time: UnixTime) -> Self {
        let Self(today) = Self::of(time);
        Self(today.yesterday().unwrap_or(today))
    }
}

/// # Errors
///
/// When the text is not `yyyy-MM-dd`, or the day does not exist.
impl FromStr for BillDate {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        const RULE: InvalidField = InvalidField::new("bill_date", "must be a date as yyyy-MM-dd");
        let date: Date = text.parse().map_err(|_| RULE)?;
        let date = Self(date);
        // jiff accepts more forms of ISO 8601 than WeChat Pay does.
        if alloc::string::ToString::to_string(&date) == text { Ok(date) } else { Err(RULE) }
    }
}

impl fmt::Display for BillDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(date) = self;
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl fmt::Debug for BillDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BillDate({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[test]
    fn a_bill_date_begins_at_midnight_in_china() {
        // `TZ=Asia/Shanghai date -d '2014-05-09 00:00:00' +%s`
        let midnight = UnixTime::from_secs(1_399_564_800);
        assert_eq!(BillDate::of(midnight).to_string(), "2014-05-09");
        assert_eq!(BillDate::before(midnight).to_string(), "2014-05-08");
        assert_eq!(BillDate::of(UnixTime::from_millis(1_399_564_799_999)).to_string(), "2014-05-08");
        assert_eq!(BillDate::before(UnixTime::EPOCH).to_string(), "1969-12-31");
    }

    #[test]
    fn an_invalid_date_is_rejected() {
        for text in
            ["", "20180607", "2018-6-7", "2018-06-07T00:00:00", "2018-02-30", "+02018-06-07", "2018-06-07 "]
        {
            let error = text.parse::<BillDate>().unwrap_err();
            assert_eq!(error.to_string(), "bill_date must be a date as yyyy-MM-dd", "{text}");
        }
    }
}
