//! Settings of APIv3.

use crate::keys::KeySource;
use std::time::Duration;
use wxpay_proto::UnixTime;

/// Settings of APIv3: figures of the documents, and behaviour that the documents leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct V3 {
    /// Source of the keys.
    pub key_source: KeySource,
    /// Start of validity of the first certificates, which are valid for five years.
    pub certificates_since: UnixTime,
    /// Maximum difference of a request's timestamp from the gateway's clock: 300 s.
    pub timestamp_tolerance: Duration,
    /// True if the documented rate limits apply: further requests in a second return 429.
    pub rate_limits: bool,
    /// Lifetime of a `prepay_id` or a `code_url`: 2 h.
    pub prepay_ttl: Duration,
    /// Time after which an unpaid order is closed: 7 days.
    pub order_ttl: Duration,
    /// Time for which a refund is `PROCESSING`. Not documented.
    pub refund_duration: Duration,
    /// Default final state of new refunds: success.
    pub refund_outcome: RefundOutcome,
    /// Time after a payment in which it can be refunded: 365 days.
    pub refund_window: Duration,
    /// Time for which a receiver amount is `PENDING` and a return `PROCESSING`. Not documented.
    pub profitsharing_duration: Duration,
    /// Time for which a transfer is `ACCEPTED` before the payee can confirm: zero.
    pub transfer_duration: Duration,
    /// Time in which the payee can confirm a transfer: 24 h.
    pub transfer_confirm_window: Duration,
    /// Time for which a transfer is `CANCELING`. Not documented.
    pub transfer_cancel_duration: Duration,
    /// Time for which a receipt of a transfer is `GENERATING`. Not documented.
    pub receipt_duration: Duration,
    /// Time from the end of a day until its bill is ready: 10 h, so at ten in the morning.
    pub bill_delay: Duration,
    /// Lifetime of a bill's `download_url`: 5 min; 30 s in the older documents.
    pub download_ttl: Duration,
    /// Intervals between the deliveries of a notification until the merchant responds 200 or 204.
    pub notify_schedule: Vec<Duration>,
    /// Share of replies and notifications with a probe's signature (`WECHATPAY/SIGNTEST/`), which is invalid, in
    /// thousandths.
    /// WeChat Pay documents "a small share"; the default is 0.
    pub probes_per_mille: u32,
    /// Reply to closing an unknown order.
    pub close_unknown_order: CloseUnknownOrder,
    /// Reply to a code payment while the payer enters the password.
    pub user_paying: UserPayingReply,
    /// Unit in which the field check counts the lengths of texts for which no public reply shows it, such as
    /// `description`. The documents say characters.
    pub length_unit: LengthUnit,
    /// True if 401 replies are signed. No public source shows it.
    pub sign_unauthorized: bool,
    /// True if replies are compressed for requests that offer it.
    pub compression: bool,
    /// Place of the gzip of a sub-merchant's fund flow bill. Public reports disagree.
    pub sub_merchant_bill_gzip: GzipPlace,
    /// Message of the 404 reply of `/v3/certificates` to a merchant without certificates.
    pub no_certificate_message: NoCertificateMessage,
    /// Time that the payer of a code payment takes for the password, if the `auth_code` requires one.
    pub password_delay: Duration,
    /// Treatment of requests that break the description of their operation in the catalogue.
    pub catalogue_check: CatalogueCheck,
}

impl V3 {
    /// Returns the fifteen documented intervals: sixteen deliveries within 24 hours and 4 minutes.
    pub fn fifteen_intervals() -> Vec<Duration> {
        [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600]
            .map(Duration::from_secs)
            .to_vec()
    }
}

impl Default for V3 {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            key_source: KeySource::Fixed,
            // 2026-01-01 00:00 in China.
            certificates_since: UnixTime::from_secs(1_767_196_800),
            timestamp_tolerance: Duration::from_secs(300),
            rate_limits: false,
            prepay_ttl: Duration::from_secs(7200),
            order_ttl: DAY.saturating_mul(7),
            refund_duration: Duration::from_secs(3),
            refund_outcome: RefundOutcome::Success,
            refund_window: DAY.saturating_mul(365),
            profitsharing_duration: Duration::from_secs(3),
            transfer_duration: Duration::ZERO,
            transfer_confirm_window: DAY,
            transfer_cancel_duration: Duration::from_secs(3),
            receipt_duration: Duration::from_secs(3),
            bill_delay: Duration::from_secs(10 * 3600),
            download_ttl: Duration::from_secs(300),
            notify_schedule: Self::fifteen_intervals(),
            probes_per_mille: 0,
            close_unknown_order: CloseUnknownOrder::NotFound,
            user_paying: UserPayingReply::AcceptedTransaction,
            length_unit: LengthUnit::Characters,
            sign_unauthorized: true,
            compression: true,
            sub_merchant_bill_gzip: GzipPlace::InsideCipher,
            no_certificate_message: NoCertificateMessage::UsePublicKey,
            password_delay: Duration::from_secs(10),
            catalogue_check: CatalogueCheck::Warn,
        }
    }
}

/// Final state of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefundOutcome {
    /// The payer receives the refund: `SUCCESS`.
    Success,
    /// The refund is closed: `CLOSED`.
    Closed,
    /// The payer's account cannot receive money: `ABNORMAL`.
    Abnormal,
    /// The refund stays pending: `PROCESSING`.
    Processing,
}

/// Reply to closing an unknown order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseUnknownOrder {
    /// 404 `ORDER_NOT_EXIST`, as documented.
    NotFound,
    /// 204, as reported by a developer.
    NoContent,
}

/// Reply to a code payment while the payer enters the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserPayingReply {
    /// 202 with the transaction and the `trade_state` `USERPAYING`, as in public captures.
    AcceptedTransaction,
    /// 200 with the transaction and the `trade_state` `USERPAYING`, as in the newer documents.
    Transaction,
    /// 202 with the code `USERPAYING`, as in the table of errors.
    Code,
}

/// Unit of the length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LengthUnit {
    /// Unicode characters.
    Characters,
    /// Bytes in UTF-8.
    Bytes,
}

/// Place of the gzip of an encrypted bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GzipPlace {
    /// The bill is compressed, then encrypted.
    InsideCipher,
    /// The bill is encrypted, then compressed.
    OutsideCipher,
}

/// Message of the 404 reply of `/v3/certificates`. Public captures show both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoCertificateMessage {
    /// 无可用的平台证书, with the advice to apply for the WeChat Pay public key.
    UsePublicKey,
    /// 证书不存在
    NotFound,
}

/// Treatment of requests that break the description of their operation.
///
/// About one in eleven of the official samples breaks the community's description, so the default is a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogueCheck {
    /// The request is answered, and a warning names what it breaks.
    Warn,
    /// The request is refused, as WeChat Pay refuses what breaks its own rules.
    Refuse,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_intervals_sum_to_24_hours_and_4_minutes() {
        let all: Duration = V3::fifteen_intervals().iter().sum();
        assert_eq!(all, Duration::from_secs(24 * 3600 + 4 * 60));
        assert_eq!(V3::fifteen_intervals().len(), 15);
    }
}
