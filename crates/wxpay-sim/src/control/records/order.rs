//! Schemas of orders of both API versions, their payments and refunds, and combined orders.

use super::{
    super::shape::{Member, Record, Shape, always},
    notification::NOTIFICATIONS,
};

pub(in crate::control) const ORDERS: Shape = Shape::List(&ORDER);
pub(in crate::control) const ORDER: Shape = Shape::Either(&[Shape::Record(&FIRST), Shape::Record(&THIRD)]);

const FIRST: Record = Record {
    name: "V1Order",
    about: "An APIv1 order.",
    members: &[
        always("out_trade_no", Shape::Text, "The merchant's order number."),
        always("partner", Shape::Text, "The merchant."),
        always("appid", Shape::Text, "The app."),
        always("state", Shape::Word(|| vec!["ORDERED", "PAID", "EXPIRED"]), "The state of the order."),
        always("total_fee", Shape::Fen, "The amount of the latest genprepay."),
        always("body", Shape::Text, "The description of the goods."),
        always("attach", Shape::Maybe(&Shape::Text), "The merchant's attached data."),
        always("prepays", Shape::List(&Shape::Record(&PREPAY)), "Every genprepay that succeeded."),
        always("payments", Shape::List(&Shape::Record(&FIRST_PAYMENT)), "Every payment."),
        always(
            "failed_attempts",
            Shape::List(&Shape::Record(&REFUSAL)),
            "Every attempt that the payer cancelled or that failed.",
        ),
        always(
            "deliveries",
            Shape::List(&Shape::Record(&DELIVERY)),
            "Every delivernotify that was accepted.",
        ),
        always("notifications", NOTIFICATIONS, "The notifications and their deliveries."),
    ],
};
const PREPAY: Record = Record {
    name: "V1Prepay",
    about: "A genprepay request that succeeded.",
    members: &[
        always("prepayid", Shape::Text, "The prepayid that was returned."),
        always("total_fee", Shape::Fen, "The amount to pay."),
        always(
            "spbill_create_ip",
            Shape::Text,
            "The IP address of the payer's device, as the merchant sent it.",
        ),
        CREATED_AT,
        EXPIRES_AT,
    ],
};
const FIRST_PAYMENT: Record = Record {
    name: "V1Payment",
    about: "An APIv1 payment.",
    members: &[
        always("transaction_id", Shape::Text, "The gateway's payment number."),
        always("prepayid", Shape::Text, "The prepayid that was paid."),
        always("openid", Shape::Text, "The payer."),
        always("total_fee", Shape::Fen, "The amount that the payer paid."),
        always("discount", Shape::Fen, "The amount that the gateway added. The sum is the order's amount."),
        always("bank_type", Shape::Text, "The payer's bank; 0 for balance."),
        always("bank_billno", Shape::Maybe(&Shape::Text), "The bank's number; null for balance."),
        always("time_end", Shape::Seconds, "The time of the payment."),
    ],
};
const REFUSAL: Record = Record {
    name: "V1FailedAttempt",
    about: "A payment attempt that was cancelled or failed.",
    members: &[
        always("at", Shape::Seconds, "The time of the attempt."),
        always("outcome", Shape::Word(|| vec!["cancelled", "failed"]), "The outcome."),
    ],
};
const DELIVERY: Record = Record {
    name: "V1Delivernotify",
    about: "A delivery that the merchant reported by delivernotify.",
    members: &[
        always("at", Shape::Seconds, "The time of the request."),
        always("transid", Shape::Text, "The payment whose goods were delivered."),
        always("delivered", Shape::Truth, "True for deliver_status 1."),
        always("deliver_msg", Shape::Text, "The reason, or ok."),
    ],
};

const TRADE_TYPE: Shape = Shape::Word(|| vec!["JSAPI", "APP", "NATIVE", "MWEB", "MICROPAY"]);
const THIRD: Record = Record {
    name: "Transaction",
    about: "An APIv3 order.",
    members: &[
        always("out_trade_no", Shape::Text, "The merchant's order number."),
        always("mchid", Shape::Text, "The merchant that placed the order."),
        always("sub_mchid", Shape::Maybe(&Shape::Text), "The sub-merchant that the order was placed for."),
        always("sub_appid", Shape::Maybe(&Shape::Text), "The sub-merchant's app, if the order names one."),
        always(
            "combine_out_trade_no",
            Shape::Maybe(&Shape::Text),
            "The combined order that contains this order.",
        ),
        always("appid", Shape::Text, "The app."),
        always("trade_type", TRADE_TYPE, "The payment method."),
        always(
            "trade_state",
            Shape::Word(|| {
                vec!["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"]
            }),
            "The state of the order.",
        ),
        always("total", Shape::Fen, "The amount to pay."),
        always("description", Shape::Text, "The description of the goods."),
        always("attach", Shape::Maybe(&Shape::Text), "The merchant's attached data."),
        always(
            "handle",
            Shape::Maybe(&Shape::Text),
            "The value that the payer's client opens: a prepay_id, a code_url or an h5_url.",
        ),
        CREATED_AT,
        EXPIRES_AT,
        always("payments", Shape::List(&Shape::Record(&PAYMENT)), "Every payment."),
        always("refunds", Shape::List(&Shape::Record(&REFUND)), "Every refund."),
        always("notifications", NOTIFICATIONS, "The notifications and their deliveries."),
    ],
};
const PAYMENT: Record = Record {
    name: "TransactionPayment",
    about: "An APIv3 payment.",
    members: &[
        always("transaction_id", Shape::Text, "The gateway's payment number."),
        always(
            "openid",
            Shape::Text,
            "The payer's openid under the app of the merchant that placed the order.",
        ),
        always("sub_openid", Shape::Maybe(&Shape::Text), "The payer's openid under the sub-merchant's app."),
        always("payer_total", Shape::Fen, "The amount that the payer paid."),
        always("discount", Shape::Fen, "The amount that a coupon added. The sum is the order's amount."),
        always("coupon_id", Shape::Maybe(&Shape::Text), "The coupon's number."),
        always("bank_type", Shape::Text, "The payer's bank."),
        always("success_at", Shape::Seconds, "The time of the payment."),
    ],
};
pub(in crate::control) const REFUND: Record = Record {
    name: "Refund",
    about: "An APIv3 refund.",
    members: &[
        always("refund_id", Shape::Text, "The gateway's refund number."),
        always("out_refund_no", Shape::Text, "The merchant's refund number."),
        always(
            "status",
            Shape::Word(|| vec!["PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL"]),
            "The status of the refund.",
        ),
        always("refund", Shape::Fen, "The total amount of the refund."),
        always(
            "payer_refund",
            Shape::Fen,
            "The amount returned to the payer; the rest returns to the coupon.",
        ),
        CREATED_AT,
        always("success_at", Shape::Maybe(&Shape::Seconds), "The time of success."),
    ],
};

const CREATED_AT: Member = always("created_at", Shape::Seconds, "The time of the request.");
const EXPIRES_AT: Member = always("expires_at", Shape::Seconds, "The last time at which the payer can pay.");

pub(in crate::control) const COMBINED: Shape = Shape::Record(&COMBINED_RECORD);
const COMBINED_RECORD: Record = Record {
    name: "CombinedOrder",
    about: "A combined order: sub-orders of several merchants that are paid in one payment.",
    members: &[
        always("combine_out_trade_no", Shape::Text, "The merchant's number of the combined order."),
        always("combine_mchid", Shape::Text, "The merchant that placed the combined order."),
        always("combine_appid", Shape::Text, "The app."),
        always("trade_type", TRADE_TYPE, "The payment method."),
        always("handle", Shape::Text, "The value that the payer's client opens."),
        always("combine_transaction_id", Shape::Maybe(&Shape::Text), "The gateway's payment number."),
        CREATED_AT,
        EXPIRES_AT,
        always("sub_orders", Shape::List(&Shape::Record(&THIRD)), "The sub-orders."),
        always(
            "notifications",
            NOTIFICATIONS,
            "The notifications of the combined order and their deliveries.",
        ),
    ],
};
