//! What the documents leave open or changed over the years, as switches.
//!
//! The defaults are the rules of 2014, and of 2026 for the [third generation](V3). Each field says what it decides; where the documents say nothing, the
//! default is a choice and its comment says so.

mod v3;

pub use v3::{RefundFate, UnknownClose, UserPaying, V3};

use std::time::Duration;

/// The year whose rules hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Era {
    /// A new token kills the old one at once; 200 tokens a day; a wrong secret is errcode 40001.
    #[default]
    Y2014,
    /// Old and new token overlap by five minutes; 2000 tokens a day; a wrong secret is errcode 40125.
    Y2016,
}

/// Every switch of the gateway. Start from [`Settings::of`] and change fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Lifetime of an access token: 7200 s.
    pub token_ttl: Duration,
    /// How long a replaced token still works.
    pub token_overlap: Duration,
    /// Tokens that an app may fetch in one day of GMT+8; `None` for as many as it likes.
    pub token_daily_quota: Option<u32>,
    /// The errcode of an expired token.
    pub expired_token_code: ExpiredTokenCode,
    /// The errcode of a replaced token: 40001, the only one seen.
    pub replaced_token_code: ReplacedTokenCode,
    /// The errcode of a wrong secret.
    pub wrong_secret_code: WrongSecretCode,
    /// The errcode of genprepay for a signature that does not match.
    pub bad_signature_code: BadSignatureCode,
    /// What `+` means in a value of the package.
    pub plus: Plus,
    /// How long a prepayid can be paid, unless `time_expire` ends it sooner. Not documented in this generation.
    pub prepay_ttl: Duration,
    /// How far a request's `timestamp` may be from the gateway's clock; `None` for any. Not documented.
    pub timestamp_tolerance: Option<Duration>,
    /// From payment to the first delivery of its notice.
    pub notify_delay: Duration,
    /// The pauses between deliveries of a notice that was not answered `success`.
    pub notify_schedule: Vec<Duration>,
    /// How long a delivery waits for its answer. Not documented.
    pub notify_timeout: Duration,
    /// What counts as `success`.
    pub success_match: SuccessMatch,
    /// What the phone takes as `package` of its seven parameters.
    pub second_sign_package: SecondSignPackage,
    /// What an `appkey` in a request's body does.
    pub leaked_key: LeakedKey,
    /// What a second genprepay under one `out_trade_no` does while the order is unpaid. A paid one is refused.
    pub reuse: Reuse,
    /// Whether a request over plain HTTP is refused by errcode 43003. Off, since tests listen on loopback.
    pub require_https: bool,
    /// The third generation's own. From payment to notice, and how long a delivery waits, is for both.
    pub v3: V3,
}

impl Settings {
    /// The rules of an era.
    #[must_use]
    pub fn of(era: Era) -> Self {
        let common = Self {
            token_ttl: Duration::from_secs(7200),
            token_overlap: Duration::ZERO,
            token_daily_quota: Some(200),
            expired_token_code: ExpiredTokenCode::Expired42001,
            replaced_token_code: ReplacedTokenCode::Invalid40001,
            wrong_secret_code: WrongSecretCode::Invalid40001,
            bad_signature_code: BadSignatureCode::Long268500741,
            plus: Plus::Literal,
            prepay_ttl: Duration::from_secs(7200),
            timestamp_tolerance: None,
            notify_delay: Duration::ZERO,
            notify_schedule: Self::nine_pauses(),
            notify_timeout: Duration::from_secs(5),
            success_match: SuccessMatch::TrimmedExact,
            second_sign_package: SecondSignPackage::AnyThatVerifies,
            leaked_key: LeakedKey::Flagged,
            reuse: Reuse::NewPrepayid,
            require_https: false,
            v3: V3::default(),
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

    /// The nine documented pauses: ten deliveries within 27 minutes and 8 seconds.
    #[must_use]
    pub fn nine_pauses() -> Vec<Duration> {
        [8, 10, 10, 30, 30, 60, 120, 360, 1000].map(Duration::from_secs).to_vec()
    }

    /// The first eight of them, for the document's other sentence: eight times in thirty minutes.
    #[must_use]
    pub fn eight_pauses() -> Vec<Duration> {
        let mut pauses = Self::nine_pauses();
        pauses.truncate(8);
        pauses
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(Era::default())
    }
}

/// The errcode of an expired token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiredTokenCode {
    /// As documented.
    Expired42001,
    /// As libraries of the time report.
    Invalid40001,
}

/// The errcode of a replaced token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplacedTokenCode {
    /// The only one seen.
    Invalid40001,
}

/// The errcode of a wrong secret in the token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WrongSecretCode {
    /// The older text puts it here.
    Invalid40001,
    /// Later years.
    Secret40125,
}

/// The errcode of genprepay for a signature that does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadSignatureCode {
    /// The one seen on the wire, 0x1000FF05.
    Long268500741,
    /// The table's code for the same text.
    Short49004,
}

/// What `+` means in a value of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plus {
    /// A plus sign; the order is flagged.
    Literal,
    /// A space.
    Space,
}

/// What counts as `success` in the answer to a notice; the status must be 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuccessMatch {
    /// The seven letters, white space around them allowed; looser forms are flagged.
    TrimmedExact,
    /// Whatever begins with them, in any case of letters.
    StartsWith,
}

/// What the phone takes as `package` of its seven parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondSignPackage {
    /// Any text whose signature verifies; anything but `Sign=WXPay` is flagged.
    AnyThatVerifies,
    /// `Sign=WXPay` alone.
    Strict,
}

/// What an `appkey` in a request's body does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeakedKey {
    /// It is ignored, and the leak flagged.
    Flagged,
    /// The request is refused, and the leak flagged.
    Refused,
}

/// What a second genprepay under one `out_trade_no` does while the order is unpaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reuse {
    /// A new prepayid; the old one stays good.
    NewPrepayid,
    /// It is refused.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nine_pauses_end_after_27_minutes_and_8_seconds() {
        let mut offset = 0;
        let offsets: Vec<u64> = Settings::nine_pauses()
            .iter()
            .map(|pause| {
                offset += pause.as_secs();
                offset
            })
            .collect();
        assert_eq!(offsets, [8, 18, 28, 58, 88, 148, 268, 628, 1628]);
        assert_eq!(Settings::eight_pauses(), Settings::nine_pauses()[..8]);
    }

    #[test]
    fn the_later_era_is_milder_with_tokens() {
        let (old, new) = (Settings::of(Era::Y2014), Settings::of(Era::Y2016));
        assert_eq!((old.token_overlap.as_secs(), new.token_overlap.as_secs()), (0, 300));
        assert_eq!((old.token_daily_quota, new.token_daily_quota), (Some(200), Some(2000)));
    }
}
