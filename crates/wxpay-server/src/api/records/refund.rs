//! Refunds.

use super::list;
use wxpay_openapi::{Record, Schema, required_member};

pub(crate) const REFUND: Schema = Schema::Record(&Record {
    name: "Refund",
    description: "A refund. Webhooks contain the same object.",
    members: &[
        required_member("object", Schema::Enum(|| vec!["refund"]), "The type of the object."),
        required_member("merchant", Schema::Text, "The merchant."),
        required_member("out_trade_no", Schema::Text, "The shop's number of the order."),
        required_member("out_refund_no", Schema::Text, "The shop's number of the refund."),
        required_member("transaction_id", Schema::Text, "WeChat Pay's number of the refunded payment."),
        required_member(
            "refund_id",
            Schema::Nullable(&Schema::Text),
            "WeChat Pay's number of the refund, once known.",
        ),
        required_member(
            "status",
            Schema::Enum(statuses),
            "The status. `pending`: not accepted by WeChat Pay yet.",
        ),
        required_member("amount", Schema::Record(&AMOUNT), "The amount."),
        required_member(
            "source",
            Schema::Enum(|| vec!["api", "wechat"]),
            "`api`: requested through this server. `wechat`: learned from WeChat Pay, such as one of its console.",
        ),
        required_member("reason", Schema::Nullable(&Schema::Text), "The reason that the payer reads."),
        required_member(
            "success_time",
            Schema::Nullable(&Schema::Time),
            "The time at which the payer has the money.",
        ),
        required_member("created_at", Schema::Time, "The time of the first request."),
        required_member("updated_at", Schema::Time, "The time of the last change."),
        required_member("seq", Schema::Count, "The number of the order's last event."),
    ],
});
list!(
    /// A page of refunds.
    REFUNDS, "RefundList", REFUND
);
const AMOUNT: Record = Record {
    name: "RefundAmount",
    description: "The amount of a refund.",
    members: &[
        required_member("refund", Schema::Fen, "The amount in fen."),
        required_member("currency", Schema::Enum(|| vec!["CNY"]), "The currency."),
    ],
};

fn statuses() -> Vec<&'static str> {
    vec!["pending", "processing", "success", "closed", "abnormal"]
}
