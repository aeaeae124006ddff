//! Routes of refunds.

use super::{Group, NO_ORDER, NOT_SENT, UNKNOWN, orders::GOODS_ID, orders::MAX_GOODS, read, write};
use crate::api::{
    fields::{MAX_FEN, MERCHANT_OF_NUMBER, NUMBER, PAGE, TEXT, TRANSACTION_ID},
    keys::Scope,
    operation::Operation,
    records::{REFUND, REFUNDS},
};
use wxpay_openapi::{Body, Field, Kind, optional, required};

const NO_REFUND: (u16, &str) = (404, "There is no such order or refund, or the merchant is not configured.");

pub(super) const GROUP: Group = Group {
    name: "refunds",
    description: "Refunds. The shop's number identifies a refund: the same request again returns the same refund.",
    routes: &[
        write(
            "api/orders/{out_trade_no}/refunds",
            "create_refund",
            "Refunds the order's payment, in whole or in part.",
            REFUND,
            Scope::RefundsWrite,
            |input| input.create_refund().map(Operation::CreateRefund),
        )
        .created()
        .with_other_statuses(&[(200, "The refund existed, with the same terms.")])
        .with_query(MERCHANT_OF_NUMBER)
        .with_body(Body::Required(TERMS))
        .with_problems(&[
            NO_ORDER,
            (409, "The number is used with other terms, the order is not paid, or the amount exceeds what is left."),
            NOT_SENT,
            UNKNOWN,
        ]),
        read(
            "api/orders/{out_trade_no}/refunds",
            "list_refunds",
            "Lists the order's refunds, oldest first.",
            REFUNDS,
            Scope::OrdersRead,
            |input| input.list_refunds().map(Operation::ListRefunds),
        )
        .with_query(MERCHANT_OF_NUMBER)
        .paged(PAGE)
        .with_problems(&[NO_ORDER]),
        read(
            "api/orders/{out_trade_no}/refunds/{out_refund_no}",
            "get_refund",
            "Returns the refund.",
            REFUND,
            Scope::OrdersRead,
            |input| input.refund().map(Operation::GetRefund),
        )
        .with_query(MERCHANT_OF_NUMBER)
        .with_problems(&[NO_REFUND]),
        write(
            "api/orders/{out_trade_no}/refunds/{out_refund_no}/query",
            "query_refund",
            "Queries the refund at WeChat Pay now, and returns it.",
            REFUND,
            Scope::RefundsWrite,
            |input| input.refund().map(Operation::QueryRefund),
        )
        .with_query(MERCHANT_OF_NUMBER)
        .with_problems(&[NO_REFUND, NOT_SENT]),
    ],
};

const TERMS: &[Field] = &[
    required(
        "out_refund_no",
        Kind::Text(1, 64, NUMBER),
        "The shop's number of the refund; unique per merchant.",
    ),
    required(
        "amount",
        Kind::Object(&[
            required("refund", Kind::Fen(1, MAX_FEN), "The amount in fen."),
            optional("currency", Kind::Enum(|| vec!["CNY"]), "The currency. Default: CNY."),
        ]),
        "The amount.",
    ),
    optional("reason", Kind::Text(1, 80, TEXT), "The reason that the payer reads."),
    optional(
        "transaction_id",
        TRANSACTION_ID,
        "WeChat Pay's number of the payment. Required if the order has several payments.",
    ),
    optional(
        "detail",
        Kind::Object(&[required("goods_detail", Kind::List(&Kind::Object(GOODS), MAX_GOODS), "The goods.")]),
        "The returned goods.",
    ),
];
const GOODS: &[Field] = &[
    required("merchant_goods_id", GOODS_ID, "The merchant's number of the goods."),
    optional("wechatpay_goods_id", Kind::Text(1, 32, TEXT), "WeChat Pay's number of the goods."),
    optional("goods_name", Kind::Text(1, 256, TEXT), "The name."),
    required("unit_price", Kind::Fen(1, MAX_FEN), "The price of one, in fen."),
    required("refund_amount", Kind::Fen(1, MAX_FEN), "The amount that is refunded for the goods, in fen."),
    required("refund_quantity", Kind::Number(1, MAX_FEN), "The quantity that is returned."),
];
