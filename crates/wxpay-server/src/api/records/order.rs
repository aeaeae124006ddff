//! Orders, their payments, and the parameters for the payer's client.

use super::list;
use crate::channels::Channel;
use wxpay_openapi::{Member, Record, Schema, optional_member, required_member};

/// Returns the statuses of orders that the interface shows.
pub(crate) fn statuses() -> Vec<&'static str> {
    vec![
        "unplaced",
        "open",
        "closing",
        "closed",
        "paid",
        "reversing",
        "reversed",
        "failed",
        "expired",
        "anomalous",
    ]
}

/// Returns the channels.
pub(crate) fn channels() -> Vec<&'static str> {
    Channel::ALL.map(Channel::name).into()
}

pub(crate) const ORDER: Schema = Schema::Record(&Record {
    name: "Order",
    description: "An order. Webhooks contain the same object.",
    members: ORDER_MEMBERS,
});
list!(
    /// A page of orders.
    ORDERS, "OrderList", ORDER
);
/// The order and the parameters for the payer's client.
pub(crate) const PAYABLE_ORDER: Schema = Schema::Record(&Record {
    name: "PayableOrder",
    description: "An order and what the payer's client needs to pay it.",
    members: &[
        required_member("order", ORDER, "The order."),
        optional_member(
            "pay",
            PAY,
            "The parameters for the payer's client; absent once the order is not open.",
        ),
    ],
});

const ORDER_MEMBERS: &[Member] = &[
    required_member("object", Schema::Enum(|| vec!["order"]), "The type of the object."),
    required_member("merchant", Schema::Text, "The merchant."),
    required_member("out_trade_no", Schema::Text, "The shop's number of the order."),
    required_member(
        "channel",
        Schema::Nullable(&Schema::Enum(channels)),
        "The channel; null for an order that only a payment is known of.",
    ),
    required_member(
        "api_version",
        Schema::Nullable(&Schema::Enum(|| vec!["v3", "v1"])),
        "WeChat Pay's API version.",
    ),
    required_member("status", Schema::Enum(statuses), "The status."),
    required_member("amount", Schema::Record(&AMOUNT), "The price."),
    required_member(
        "payments",
        Schema::List(&Schema::Record(&PAYMENT)),
        "The payments; usually at most one.",
    ),
    required_member("refunds", Schema::Record(&REFUND_TOTALS), "The sums of the refunds."),
    required_member("attach", Schema::Nullable(&Schema::Text), "The shop's data, as sent to WeChat Pay."),
    required_member("payer", Schema::Nullable(&Schema::Text), "The payer's openid, once it is known."),
    required_member("metadata", Schema::StringMap, "The shop's data, which stays in this server."),
    required_member(
        "time_expire",
        Schema::Nullable(&Schema::Time),
        "The time until which the order can be paid.",
    ),
    required_member("created_at", Schema::Time, "The time of the first request."),
    required_member("updated_at", Schema::Time, "The time of the last change."),
    required_member("seq", Schema::Count, "The number of the order's last event."),
];
const AMOUNT: Record = Record {
    name: "Amount",
    description: "An amount with its currency.",
    members: &[
        required_member("total", Schema::Nullable(&Schema::Fen), "The price in fen."),
        required_member("currency", Schema::Enum(|| vec!["CNY"]), "The currency."),
    ],
};
const PAYMENT: Record = Record {
    name: "Payment",
    description: "A payment that WeChat Pay confirmed under its signature.",
    members: &[
        required_member("transaction_id", Schema::Text, "WeChat Pay's number of the payment."),
        required_member("total", Schema::Fen, "The amount of the order in fen, coupons included."),
        required_member(
            "payer_total",
            Schema::Nullable(&Schema::Fen),
            "The amount that the payer paid, in fen.",
        ),
        required_member("success_time", Schema::Time, "The time of the payment."),
    ],
};
const REFUND_TOTALS: Record = Record {
    name: "RefundTotals",
    description: "The sums of an order's refunds.",
    members: &[
        required_member("reserved", Schema::Fen, "The sum of refunds in progress, in fen."),
        required_member("succeeded", Schema::Fen, "The sum of successful refunds, in fen."),
    ],
};

const PAY: Schema = Schema::AnyOf(&[
    Schema::Record(&Record {
        name: "PayNative",
        description: "Show the URL as a QR code.",
        members: &[
            required_member("kind", Schema::Enum(|| vec!["native"]), "The channel."),
            required_member("code_url", Schema::Text, "The content of the QR code."),
        ],
    }),
    Schema::Record(&Record {
        name: "PayJsapi",
        description: "Pass the parameters to `WeixinJSBridge` or `wx.requestPayment`.",
        members: &[
            required_member("kind", Schema::Enum(|| vec!["jsapi", "mini_program"]), "The channel."),
            required_member("params", Schema::StringMap, "The parameters, signed for this response."),
        ],
    }),
    Schema::Record(&Record {
        name: "PayApp",
        description: "Pass the parameters to the `OpenSDK`.",
        members: &[
            required_member("kind", Schema::Enum(|| vec!["app"]), "The channel."),
            required_member("params", Schema::StringMap, "The parameters, signed for this response."),
        ],
    }),
    Schema::Record(&Record {
        name: "PayH5",
        description: "Open the URL in the payer's browser within five minutes.",
        members: &[
            required_member("kind", Schema::Enum(|| vec!["h5"]), "The channel."),
            required_member("h5_url", Schema::Text, "The URL."),
        ],
    }),
    Schema::Record(&Record {
        name: "PayCode",
        description: "The status of a code payment. Unless it is paid, it is queried until it is, and reversed 45 seconds after \
            its charge; a webhook tells which.",
        members: &[
            required_member("kind", Schema::Enum(|| vec!["code"]), "The channel."),
            required_member(
                "status",
                Schema::Enum(|| vec!["paid", "user_paying", "unknown"]),
                "Paid: deliver the goods. User_paying: the payer is entering the password. Unknown: the outcome of the charge \
                    is not known yet.",
            ),
        ],
    }),
]);
