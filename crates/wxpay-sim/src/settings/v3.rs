//! The third generation's switches.

use crate::keys::Ring;
use std::time::Duration;
use wxpay_proto::UnixTime;

/// What the documents of the third generation leave open, or say of figures.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct V3 {
    /// Where the keys come from.
    pub ring: Ring,
    /// From when the first certificates are valid; for five years.
    pub certificates_since: UnixTime,
    /// How far a request's timestamp may be from the gateway's clock: 300 s.
    pub window: Duration,
    /// Whether the documented limits hold: more calls in a second are answered 429.
    pub rate_limits: bool,
    /// How long a `prepay_id` or a `code_url` can be paid: 2 h.
    pub prepay_ttl: Duration,
    /// After how long an unpaid order closes by itself: 7 days.
    pub order_ttl: Duration,
    /// How long a refund is `PROCESSING`. Not documented.
    pub refund_takes: Duration,
    /// What becomes of a refund by itself: success.
    pub refund_becomes: RefundFate,
    /// How long after a payment it can be refunded: 365 days.
    pub refundable: Duration,
    /// How long a part of a sharing is `PENDING`, and a return `PROCESSING`. Not documented.
    pub sharing_takes: Duration,
    /// How long a transfer is `ACCEPTED` before the payee may confirm: not at all.
    pub transfer_takes: Duration,
    /// How long the payee may confirm: 24 h.
    pub transfer_confirmable: Duration,
    /// How long a transfer is `CANCELING`. Not documented.
    pub cancel_takes: Duration,
    /// How long a receipt of a transfer is `GENERATING`. Not documented.
    pub receipt_takes: Duration,
    /// How long after the end of its day a bill is ready: 10 h, so at ten in the morning.
    pub bill_takes: Duration,
    /// How long a bill's `download_url` works: 5 min; the older documents say 30 s.
    pub download_ttl: Duration,
    /// The pauses between deliveries of a notice that was not answered 200 or 204.
    pub notify_schedule: Vec<Duration>,
    /// How many in a thousand replies and notices are signed wrongly on purpose (`WECHATPAY/SIGNTEST/`). WeChat Pay
    /// says "a small share"; none unless asked for.
    pub probes_per_mille: u32,
    /// What the close of an unknown order is answered.
    pub unknown_close: UnknownClose,
    /// What a code pay is answered while the payer types the password.
    pub user_paying: UserPaying,
    /// How long the payer of a code pay takes over the password, where the code says that it is asked for.
    pub password_takes: Duration,
}

impl V3 {
    /// The fifteen documented pauses: sixteen deliveries within 24 hours and 4 minutes.
    #[must_use]
    pub fn fifteen_pauses() -> Vec<Duration> {
        [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600]
            .map(Duration::from_secs)
            .to_vec()
    }
}

impl Default for V3 {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            ring: Ring::Fixed,
            // The first of January 2026 in China.
            certificates_since: UnixTime::from_secs(1_767_196_800),
            window: Duration::from_secs(300),
            rate_limits: false,
            prepay_ttl: Duration::from_secs(7200),
            order_ttl: DAY.saturating_mul(7),
            refund_takes: Duration::from_secs(3),
            refund_becomes: RefundFate::Succeeds,
            refundable: DAY.saturating_mul(365),
            sharing_takes: Duration::from_secs(3),
            transfer_takes: Duration::ZERO,
            transfer_confirmable: DAY,
            cancel_takes: Duration::from_secs(3),
            receipt_takes: Duration::from_secs(3),
            bill_takes: Duration::from_secs(10 * 3600),
            download_ttl: Duration::from_secs(300),
            notify_schedule: Self::fifteen_pauses(),
            probes_per_mille: 0,
            unknown_close: UnknownClose::NotFound,
            user_paying: UserPaying::Transaction,
            password_takes: Duration::from_secs(10),
        }
    }
}

/// What becomes of a refund by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefundFate {
    /// The payer has it: `SUCCESS`.
    Succeeds,
    /// It is ended: `CLOSED`.
    IsClosed,
    /// The payer's account takes no money: `ABNORMAL`.
    IsAbnormal,
    /// It stays on its way: `PROCESSING`.
    Stays,
}

/// What the close of an unknown order is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownClose {
    /// 404 `ORDER_NOT_EXIST`, as documented.
    NotFound,
    /// 204, as a developer reports.
    NoContent,
}

/// What a code pay is answered while the payer types the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserPaying {
    /// 200 with the transaction, its `trade_state` `USERPAYING`: the newer documents.
    Transaction,
    /// 202 with the code `USERPAYING`: the table of errors.
    Code,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifteen_pauses_are_24_hours_and_4_minutes() {
        let all: Duration = V3::fifteen_pauses().iter().sum();
        assert_eq!(all, Duration::from_secs(24 * 3600 + 4 * 60));
        assert_eq!(V3::fifteen_pauses().len(), 15);
    }
}
