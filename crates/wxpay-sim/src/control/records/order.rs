//! Schemas of orders of both API versions, their payments and refunds, and combined orders.

use super::{
    super::{
        field::FAIL_REASONS,
        schema::{Member, Record, SECONDS, Schema, required_member},
    },
    notification::NOTIFICATIONS,
};
use crate::ledger::NotPaidReason;

pub(in crate::control) const ORDERS: Schema = Schema::List(&ORDER);
pub(in crate::control) const ORDER: Schema = Schema::Record(&ORDER_RECORD);

const PREPAY: Record = Record {
    name: "Prepay",
    description: "A request that returned a handle to pay by.",
    members: &[
        required_member("handle", Schema::Nullable(&Schema::Text), "The handle."),
        required_member("total", Schema::Fen, "The amount to pay."),
        CREATED_AT,
        EXPIRES_AT,
    ],
};
const FAILED_ATTEMPT: Record = Record {
    name: "FailedAttempt",
    description: "A payment attempt that was cancelled or failed.",
    members: &[
        required_member("at", SECONDS, "The time of the attempt."),
        required_member("outcome", Schema::Enum(outcomes), "The outcome."),
    ],
};

/// Every outcome of an attempt that led to no payment.
fn outcomes() -> Vec<&'static str> {
    [NotPaidReason::Cancelled].into_iter().chain(FAIL_REASONS).map(NotPaidReason::as_str).collect()
}

const DELIVERY: Record = Record {
    name: "DeliveryReport",
    description: "A delivery of goods that the merchant reported; APIv1 only.",
    members: &[
        required_member("at", SECONDS, "The time of the request."),
        required_member("transid", Schema::Text, "The payment whose goods were delivered."),
        required_member("delivered", Schema::Boolean, "True for deliver_status 1."),
        required_member("deliver_msg", Schema::Text, "The reason, or ok."),
    ],
};

const TRADE_TYPE: Schema = Schema::Enum(|| vec!["JSAPI", "APP", "NATIVE", "MWEB", "MICROPAY"]);
const ORDER_RECORD: Record = Record {
    name: "Order",
    description: "An order of any API version.",
    members: &[
        required_member(
            "api_version",
            Schema::Enum(|| vec!["v1", "v3"]),
            "The API version of the request that placed the order.",
        ),
        required_member("out_trade_no", Schema::Text, "The merchant's order number."),
        required_member("mchid", Schema::Text, "The merchant that placed the order."),
        required_member(
            "sub_mchid",
            Schema::Nullable(&Schema::Text),
            "The sub-merchant that the order was placed for.",
        ),
        required_member(
            "sub_appid",
            Schema::Nullable(&Schema::Text),
            "The sub-merchant's app, if the order names one.",
        ),
        required_member(
            "combine_out_trade_no",
            Schema::Nullable(&Schema::Text),
            "The combined order that contains this order.",
        ),
        required_member("appid", Schema::Text, "The app."),
        required_member("trade_type", TRADE_TYPE, "The payment method."),
        required_member(
            "trade_state",
            Schema::Enum(|| {
                vec!["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"]
            }),
            "The state of the order.",
        ),
        required_member("total", Schema::Fen, "The amount to pay."),
        required_member("currency", Schema::Enum(|| vec!["CNY"]), "The currency of the amounts."),
        required_member("description", Schema::Text, "The description of the goods."),
        required_member("attach", Schema::Nullable(&Schema::Text), "The merchant's attached data."),
        required_member(
            "handle",
            Schema::Nullable(&Schema::Text),
            "The value that the payer's client opens: a prepay_id, a code_url or an h5_url.",
        ),
        CREATED_AT,
        EXPIRES_AT,
        required_member("prepays", Schema::List(&Schema::Record(&PREPAY)), "Every prepay, the latest last."),
        required_member("payments", Schema::List(&Schema::Record(&PAYMENT)), "Every payment."),
        required_member(
            "failed_attempts",
            Schema::List(&Schema::Record(&FAILED_ATTEMPT)),
            "Every attempt that the payer cancelled or that failed.",
        ),
        required_member(
            "deliveries",
            Schema::List(&Schema::Record(&DELIVERY)),
            "Every delivery of goods that the merchant reported; APIv1 only.",
        ),
        required_member("refunds", Schema::List(&Schema::Record(&REFUND)), "Every refund."),
        required_member("notifications", NOTIFICATIONS, "The notifications and their deliveries."),
    ],
};
const PAYMENT: Record = Record {
    name: "Payment",
    description: "A payment.",
    members: &[
        required_member("transaction_id", Schema::Text, "The gateway's payment number."),
        required_member(
            "openid",
            Schema::Text,
            "The payer's openid under the app of the merchant that placed the order.",
        ),
        required_member(
            "sub_openid",
            Schema::Nullable(&Schema::Text),
            "The payer's openid under the sub-merchant's app.",
        ),
        required_member("payer_total", Schema::Fen, "The amount that the payer paid."),
        required_member(
            "discount",
            Schema::Fen,
            "The discount by a coupon. payer_total and discount add up to the order's amount.",
        ),
        required_member("coupon_id", Schema::Nullable(&Schema::Text), "The coupon's number."),
        required_member("bank_type", Schema::Text, "The payer's bank."),
        required_member(
            "bank_billno",
            Schema::Nullable(&Schema::Text),
            "The bank's number of the payment; APIv1 only, and null for a payment from the balance.",
        ),
        required_member("handle", Schema::Nullable(&Schema::Text), "The handle that was paid."),
        required_member("success_at", SECONDS, "The time of the payment."),
    ],
};
pub(in crate::control) const REFUND: Record = Record {
    name: "Refund",
    description: "A refund.",
    members: &[
        required_member("refund_id", Schema::Text, "The gateway's refund number."),
        required_member("out_refund_no", Schema::Text, "The merchant's refund number."),
        required_member(
            "status",
            Schema::Enum(|| vec!["PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL"]),
            "The status of the refund.",
        ),
        required_member("refund", Schema::Fen, "The total amount of the refund."),
        required_member(
            "payer_refund",
            Schema::Fen,
            "The amount returned to the payer; the rest returns to the coupon.",
        ),
        CREATED_AT,
        required_member("success_at", Schema::Nullable(&SECONDS), "The time of success."),
    ],
};

const CREATED_AT: Member = required_member("created_at", SECONDS, "The time of the request.");
const EXPIRES_AT: Member =
    required_member("expires_at", SECONDS, "The last time at which the payer can pay.");

pub(in crate::control) const COMBINED: Schema = Schema::Record(&COMBINED_ORDER);
const COMBINED_ORDER: Record = Record {
    name: "CombinedOrder",
    description: "A combined order: sub-orders of several merchants that are paid in one payment.",
    members: &[
        required_member("combine_out_trade_no", Schema::Text, "The merchant's number of the combined order."),
        required_member("combine_mchid", Schema::Text, "The merchant that placed the combined order."),
        required_member("combine_appid", Schema::Text, "The app."),
        required_member("trade_type", TRADE_TYPE, "The payment method."),
        required_member("handle", Schema::Text, "The value that the payer's client opens."),
        required_member(
            "combine_transaction_id",
            Schema::Nullable(&Schema::Text),
            "The gateway's payment number.",
        ),
        CREATED_AT,
        EXPIRES_AT,
        required_member("sub_orders", Schema::List(&Schema::Record(&ORDER_RECORD)), "The sub-orders."),
        required_member(
            "notifications",
            NOTIFICATIONS,
            "The notifications of the combined order and their deliveries.",
        ),
    ],
};
