//! Settings of APIv1.

use std::time::Duration;

/// Year whose APIv1 rules apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Era {
    /// A new token invalidates the old one at once; 200 tokens a day; a wrong secret is errcode 40001.
    #[default]
    Y2014,
    /// Old and new token overlap by five minutes; 2000 tokens a day; a wrong secret is errcode 40125.
    Y2016,
}

/// Settings of APIv1. Start from [`V1::of`] and change fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct V1 {
    /// Lifetime of an access token: 7200 s.
    pub token_ttl: Duration,
    /// Time for which a replaced token still works.
    pub token_overlap: Duration,
    /// Maximum number of tokens that an app may fetch in one day of GMT+8; `None` for no limit.
    pub token_daily_quota: Option<u32>,
    /// Errcode of an expired token.
    pub expired_token_code: ExpiredTokenCode,
    /// Errcode of a replaced token: 40001, the only one observed.
    pub replaced_token_code: ReplacedTokenCode,
    /// Errcode of a wrong secret.
    pub wrong_secret_code: WrongSecretCode,
    /// Errcode of genprepay for an invalid signature.
    pub bad_signature_code: BadSignatureCode,
    /// Meaning of `+` in a value of the package.
    pub plus: PlusSign,
    /// Lifetime of a prepayid, unless `time_expire` is earlier. Not documented.
    pub prepay_ttl: Duration,
    /// Maximum difference of a request's `timestamp` from the gateway's clock; `None` for no limit. Not documented.
    pub timestamp_tolerance: Option<Duration>,
    /// Intervals between the deliveries of a notification until the merchant responds `success`.
    pub notify_schedule: Vec<Duration>,
    /// Rule by which a response counts as `success`.
    pub success_match: SuccessMatch,
    /// Values of `package` that the payer's client accepts in the seven parameters.
    pub second_sign_package: SecondSignPackage,
    /// Treatment of an `appkey` in a request's body.
    pub leaked_key: LeakedKey,
    /// Treatment of a second genprepay with the same `out_trade_no` while the order is unpaid. A paid order is refused.
    pub reused_order_number: ReusedOrderNumber,
    /// True if a request over plain HTTP is refused with errcode 43003. Off by default, since tests listen on loopback.
    pub require_https: bool,
}

impl V1 {
    /// Returns the settings of an era.
    pub fn of(era: Era) -> Self {
        let common = Self {
            token_ttl: Duration::from_secs(7200),
            token_overlap: Duration::ZERO,
            token_daily_quota: Some(200),
            expired_token_code: ExpiredTokenCode::Expired42001,
            replaced_token_code: ReplacedTokenCode::Invalid40001,
            wrong_secret_code: WrongSecretCode::Invalid40001,
            bad_signature_code: BadSignatureCode::Long268500741,
            plus: PlusSign::Literal,
            prepay_ttl: Duration::from_secs(7200),
            timestamp_tolerance: None,
            notify_schedule: Self::nine_intervals(),
            success_match: SuccessMatch::TrimmedExact,
            second_sign_package: SecondSignPackage::AnyThatVerifies,
            leaked_key: LeakedKey::Flagged,
            reused_order_number: ReusedOrderNumber::NewPrepayid,
            require_https: false,
        };
        match era {
            Era::Y2014 => common,
            Era::Y2016 => Self {
                token_overlap: Duration::from_secs(300),
                token_daily_quota: Some(2000),
                wrong_secret_code: WrongSecretCode::Secret40125,
                ..common
            },
        }
    }

    /// Returns the nine documented intervals: ten deliveries within 27 minutes and 8 seconds.
    pub fn nine_intervals() -> Vec<Duration> {
        [8, 10, 10, 30, 30, 60, 120, 360, 1000].map(Duration::from_secs).to_vec()
    }

    /// Returns the first eight intervals. The document also states "eight times in thirty minutes".
    pub fn eight_intervals() -> Vec<Duration> {
        let mut intervals = Self::nine_intervals();
        intervals.truncate(8);
        intervals
    }
}

impl Default for V1 {
    fn default() -> Self {
        Self::of(Era::default())
    }
}

/// Errcode of an expired token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiredTokenCode {
    /// As documented.
    Expired42001,
    /// As reported by libraries of the time.
    Invalid40001,
}

/// Errcode of a replaced token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplacedTokenCode {
    /// The only code observed.
    Invalid40001,
}

/// Errcode of a wrong secret in a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WrongSecretCode {
    /// The code of the older document.
    Invalid40001,
    /// The code of later years.
    Secret40125,
}

/// Errcode of genprepay for an invalid signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadSignatureCode {
    /// The code observed in replies, 0x1000FF05.
    Long268500741,
    /// The documented code for the same text.
    Short49004,
}

/// Meaning of `+` in a value of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlusSign {
    /// A plus sign, with a warning.
    Literal,
    /// A space.
    Space,
}

/// Rule by which a notification response counts as `success`. The status must be 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuccessMatch {
    /// Exactly the seven letters, with optional surrounding white space. Similar texts give a warning.
    TrimmedExact,
    /// Any text that begins with the seven letters, in upper or lower case.
    StartsWith,
}

/// Values of `package` that the payer's client accepts in the seven parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondSignPackage {
    /// Any text, if the signature is valid. A text other than `Sign=WXPay` gives a warning.
    AnyThatVerifies,
    /// Only `Sign=WXPay`.
    Strict,
}

/// Treatment of an `appkey` in a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeakedKey {
    /// The field is ignored, with a warning.
    Flagged,
    /// The request is refused, with a warning.
    Refused,
}

/// Treatment of a second genprepay with the same `out_trade_no` while the order is unpaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReusedOrderNumber {
    /// Returns a new prepayid; the old one stays valid.
    NewPrepayid,
    /// The request is refused.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_intervals_end_after_27_minutes_and_8_seconds() {
        let mut offset = 0;
        let offsets: Vec<u64> = V1::nine_intervals()
            .iter()
            .map(|interval| {
                offset += interval.as_secs();
                offset
            })
            .collect();
        assert_eq!(offsets, [8, 18, 28, 58, 88, 148, 268, 628, 1628]);
        assert_eq!(V1::eight_intervals(), V1::nine_intervals()[..8]);
    }

    #[test]
    fn later_era_has_a_token_overlap_and_a_higher_quota() {
        let (old, new) = (V1::of(Era::Y2014), V1::of(Era::Y2016));
        assert_eq!((old.token_overlap.as_secs(), new.token_overlap.as_secs()), (0, 300));
        assert_eq!((old.token_daily_quota, new.token_daily_quota), (Some(200), Some(2000)));
    }
}
