//! Orders of both generations, what was paid and given back of them, and combined orders.

use super::{
    super::shape::{Member, Record, Shape, always},
    notification::NOTIFICATIONS,
};

pub(in crate::control) const ORDERS: Shape = Shape::List(&ORDER);
pub(in crate::control) const ORDER: Shape = Shape::Either(&[Shape::Record(&FIRST), Shape::Record(&THIRD)]);

const FIRST: Record = Record {
    name: "Order",
    about: "An order of the first generation.",
    members: &[
        always("out_trade_no", Shape::Text, "The merchant's number."),
        always("partner", Shape::Text, "The merchant."),
        always("appid", Shape::Text, "The app."),
        always("state", Shape::Word(|| vec!["ORDERED", "PAID", "EXPIRED"]), "Where it stands."),
        always("total_fee", Shape::Fen, "What is to be paid, by the latest genprepay."),
        always("body", Shape::Text, "What is bought."),
        always("attach", Shape::Maybe(&Shape::Text), "The merchant's own remark."),
        always("prepays", Shape::List(&Shape::Record(&PREPAY)), "Each genprepay that succeeded."),
        always("payments", Shape::List(&Shape::Record(&FIRST_PAYMENT)), "Each payment."),
        always("refusals", Shape::List(&Shape::Record(&REFUSAL)), "What the payer did besides paying."),
        always("deliveries", Shape::List(&Shape::Record(&DELIVERY)), "Each delivernotify that was accepted."),
        always("notices", NOTIFICATIONS, "The notices and how they were answered."),
    ],
};
const PREPAY: Record = Record {
    name: "Prepay",
    about: "One genprepay.",
    members: &[
        always("prepayid", Shape::Text, "What it was answered with."),
        always("total_fee", Shape::Fen, "What it asks the payer for."),
        always(
            "spbill_create_ip",
            Shape::Text,
            "The address of the payer's device, as the merchant gave it.",
        ),
        CREATED_AT,
        EXPIRES_AT,
    ],
};
const FIRST_PAYMENT: Record = Record {
    name: "OrderPayment",
    about: "One payment of the first generation.",
    members: &[
        always("transaction_id", Shape::Text, "The gateway's number."),
        always("prepayid", Shape::Text, "By which prepayid."),
        always("openid", Shape::Text, "The payer."),
        always("total_fee", Shape::Fen, "What the payer paid."),
        always("discount", Shape::Fen, "What the gateway added; both together are the ordered amount."),
        always("bank_type", Shape::Text, "The payer's bank; 0 for balance."),
        always("bank_billno", Shape::Maybe(&Shape::Text), "The bank's number; none for balance."),
        always("time_end", Shape::Seconds, "When."),
    ],
};
const REFUSAL: Record = Record {
    name: "Refusal",
    about: "A tap that led to no payment.",
    members: &[
        always("at", Shape::Seconds, "When."),
        always("outcome", Shape::Word(|| vec!["cancelled", "failed"]), "What happened."),
    ],
};
const DELIVERY: Record = Record {
    name: "Delivernotify",
    about: "A delivery that the merchant told of.",
    members: &[
        always("at", Shape::Seconds, "When it came."),
        always("transid", Shape::Text, "What was delivered."),
        always("delivered", Shape::Truth, "Whether it was: deliver_status 1."),
        always("deliver_msg", Shape::Text, "The reason, or ok."),
    ],
};

const TRADE_TYPE: Shape = Shape::Word(|| vec!["JSAPI", "APP", "NATIVE", "MWEB", "MICROPAY"]);
const THIRD: Record = Record {
    name: "Transaction",
    about: "An order of the third generation.",
    members: &[
        always("out_trade_no", Shape::Text, "The merchant's number."),
        always("mchid", Shape::Text, "Who placed it."),
        always("sub_mchid", Shape::Maybe(&Shape::Text), "The sub-merchant that it was placed for."),
        always(
            "sub_appid",
            Shape::Maybe(&Shape::Text),
            "That sub-merchant's own app, if the order names one.",
        ),
        always(
            "combine_out_trade_no",
            Shape::Maybe(&Shape::Text),
            "The combined order that it is a part of.",
        ),
        always("appid", Shape::Text, "The app."),
        always("trade_type", TRADE_TYPE, "How it is paid."),
        always(
            "trade_state",
            Shape::Word(|| {
                vec!["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"]
            }),
            "Where it stands.",
        ),
        always("total", Shape::Fen, "What is to be paid."),
        always("description", Shape::Text, "What is bought."),
        always("attach", Shape::Maybe(&Shape::Text), "The merchant's own remark."),
        always(
            "handle",
            Shape::Maybe(&Shape::Text),
            "Its name on the phone: a prepay_id, a code_url, an h5_url.",
        ),
        CREATED_AT,
        EXPIRES_AT,
        always("payments", Shape::List(&Shape::Record(&PAYMENT)), "Each payment."),
        always("refunds", Shape::List(&Shape::Record(&REFUND)), "Each refund."),
        always("notices", NOTIFICATIONS, "The notices and how they were answered."),
    ],
};
const PAYMENT: Record = Record {
    name: "TransactionPayment",
    about: "One payment of the third generation.",
    members: &[
        always("transaction_id", Shape::Text, "The gateway's number."),
        always("openid", Shape::Text, "The payer, under the app of whoever placed the order."),
        always("sub_openid", Shape::Maybe(&Shape::Text), "The same payer under the sub-merchant's app."),
        always("payer_total", Shape::Fen, "What the payer paid."),
        always("discount", Shape::Fen, "What a coupon added; both together are the ordered amount."),
        always("coupon_id", Shape::Maybe(&Shape::Text), "The number of that coupon."),
        always("bank_type", Shape::Text, "The payer's bank."),
        always("success_at", Shape::Seconds, "When."),
    ],
};
pub(in crate::control) const REFUND: Record = Record {
    name: "Refund",
    about: "One refund of the third generation.",
    members: &[
        always("refund_id", Shape::Text, "The gateway's number."),
        always("out_refund_no", Shape::Text, "The merchant's number."),
        always(
            "status",
            Shape::Word(|| vec!["PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL"]),
            "Where it stands.",
        ),
        always("refund", Shape::Fen, "What is given back in all."),
        always("payer_refund", Shape::Fen, "What of it the payer gets; the rest goes back to the coupon."),
        CREATED_AT,
        always("success_at", Shape::Maybe(&Shape::Seconds), "When it succeeded."),
    ],
};

const CREATED_AT: Member = always("created_at", Shape::Seconds, "When it was asked for.");
const EXPIRES_AT: Member = always("expires_at", Shape::Seconds, "Until when it can be paid.");

pub(in crate::control) const COMBINED: Shape = Shape::Record(&COMBINED_RECORD);
const COMBINED_RECORD: Record = Record {
    name: "CombinedOrder",
    about: "Orders of several merchants that are paid at once.",
    members: &[
        always("combine_out_trade_no", Shape::Text, "The number of the whole."),
        always("combine_mchid", Shape::Text, "Who placed it."),
        always("combine_appid", Shape::Text, "The app."),
        always("trade_type", TRADE_TYPE, "How it is paid."),
        always("handle", Shape::Text, "The name of the whole on the phone."),
        always("combine_transaction_id", Shape::Maybe(&Shape::Text), "The gateway's number of the payment."),
        always("created_at", Shape::Seconds, "When it was placed."),
        always("expires_at", Shape::Seconds, "Until when it can be paid."),
        always("sub_orders", Shape::List(&Shape::Record(&THIRD)), "Each merchant's order."),
        always("notices", NOTIFICATIONS, "The notices of the whole and how they were answered."),
    ],
};
