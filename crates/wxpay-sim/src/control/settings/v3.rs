//! Settings of APIv3, and those that both API versions share.

use super::setting::{Setting, boolean, choice, per_mille, seconds};
use crate::settings::{
    CatalogueCheck, CloseUnknownOrder, GzipPlace, LengthUnit, NoCertificateMessage, RefundOutcome,
    UserPayingReply,
};

pub(super) static TABLE: &[Setting] = &[
    boolean(
        "rate_limits",
        "True if the documented rate limits apply: further requests in a second return 429.",
        |settings| &mut settings.v3.rate_limits,
    ),
    per_mille(
        "probes_per_mille",
        "The share of replies and notifications with a probe's signature, which is invalid, in thousandths.",
        |settings| &mut settings.v3.probes_per_mille,
    ),
    choice!(
        "refund_outcome",
        "The default final state of new refunds; PROCESSING keeps them pending.",
        |settings| settings.v3.refund_outcome,
        RefundOutcome { "SUCCESS" => Success, "CLOSED" => Closed, "ABNORMAL" => Abnormal, "PROCESSING" => Processing },
    ),
    choice!(
        "close_unknown_order",
        "The reply to closing an unknown order: not_found (404) or no_content (204).",
        |settings| settings.v3.close_unknown_order,
        CloseUnknownOrder { "not_found" => NotFound, "no_content" => NoContent },
    ),
    choice!(
        "user_paying",
        "The reply to a code payment while the payer enters the password: \
         accepted_transaction (202 with the transaction), transaction (200) or code (202 \
         USERPAYING).",
        |settings| settings.v3.user_paying,
        UserPayingReply { "accepted_transaction" => AcceptedTransaction, "transaction" => Transaction, "code" => Code },
    ),
    choice!(
        "length_unit",
        "The unit of the lengths of texts for which no public reply shows it, such as \
         description.",
        |settings| settings.v3.length_unit,
        LengthUnit { "characters" => Characters, "bytes" => Bytes },
    ),
    boolean("sign_unauthorized", "True if 401 replies of APIv3 are signed.", |settings| {
        &mut settings.v3.sign_unauthorized
    }),
    boolean(
        "compression",
        "True if replies of APIv3 are compressed for requests that offer it.",
        |settings| &mut settings.v3.compression,
    ),
    choice!(
        "sub_merchant_bill_gzip",
        "The place of the gzip of a sub-merchant's fund flow bill: inside or outside its \
         cipher.",
        |settings| settings.v3.sub_merchant_bill_gzip,
        GzipPlace { "inside_cipher" => InsideCipher, "outside_cipher" => OutsideCipher },
    ),
    choice!(
        "no_certificate_message",
        "The message of the 404 reply of /v3/certificates: the advice to use the public key, \
         or 证书不存在.",
        |settings| settings.v3.no_certificate_message,
        NoCertificateMessage { "use_public_key" => UsePublicKey, "not_found" => NotFound },
    ),
    choice!(
        "catalogue_check",
        "The treatment of requests that break the description of their operation in the catalogue: warn or refuse.",
        |settings| settings.v3.catalogue_check,
        CatalogueCheck { "warn" => Warn, "refuse" => Refuse },
    ),
    seconds(
        "timestamp_tolerance_seconds",
        "The maximum difference of a request's timestamp from the clock.",
        |settings| &mut settings.v3.timestamp_tolerance,
    ),
    seconds("prepay_ttl_seconds", "The lifetime of a prepay_id or a code_url.", |settings| {
        &mut settings.v3.prepay_ttl
    }),
    seconds("order_ttl_seconds", "The time after which an unpaid order is closed.", |settings| {
        &mut settings.v3.order_ttl
    }),
    seconds(
        "password_delay_seconds",
        "The time that the payer of a code payment takes for the password.",
        |settings| &mut settings.v3.password_delay,
    ),
    seconds("refund_duration_seconds", "The time that a refund is PROCESSING.", |settings| {
        &mut settings.v3.refund_duration
    }),
    seconds("refund_window_seconds", "The time after a payment in which it can be refunded.", |settings| {
        &mut settings.v3.refund_window
    }),
    seconds(
        "profitsharing_duration_seconds",
        "The time that receiver amounts are PENDING and returns PROCESSING.",
        |settings| &mut settings.v3.profitsharing_duration,
    ),
    seconds("receipt_duration_seconds", "The time that a receipt is GENERATING.", |settings| {
        &mut settings.v3.receipt_duration
    }),
    seconds("transfer_duration_seconds", "The time that a transfer is ACCEPTED.", |settings| {
        &mut settings.v3.transfer_duration
    }),
    seconds(
        "transfer_confirm_window_seconds",
        "The time in which the payee can confirm a transfer.",
        |settings| &mut settings.v3.transfer_confirm_window,
    ),
    seconds("transfer_cancel_duration_seconds", "The time that a transfer is CANCELING.", |settings| {
        &mut settings.v3.transfer_cancel_duration
    }),
    seconds("bill_delay_seconds", "The time from the end of a day until its bill is ready.", |settings| {
        &mut settings.v3.bill_delay
    }),
    seconds("download_ttl_seconds", "The lifetime of a bill's download_url.", |settings| {
        &mut settings.v3.download_ttl
    }),
    seconds(
        "notify_delay_seconds",
        "The time from a payment to its notification, in both API versions.",
        |settings| &mut settings.notify_delay,
    ),
    seconds(
        "notify_timeout_seconds",
        "The timeout of a notification delivery, in both API versions.",
        |settings| &mut settings.notify_timeout,
    ),
];
