//! Routes of orders.

use super::{Group, NO_MERCHANT, NO_ORDER, NOT_SENT, Route, UNKNOWN, read, write};
use crate::api::{
    fields::{
        IP_ADDRESS, MAX_FEN, MCHID, MERCHANT, MERCHANT_FILTER, MERCHANT_OF_NUMBER, NUMBER, OPENID, PAGE,
        TEXT, TIMES, TRANSACTION_ID,
    },
    keys::Scope,
    operation::Operation,
    records::{ORDER, ORDERS, PAYABLE_ORDER, channels, order_statuses},
};
use wxpay_openapi::{Body, Field, Kind, StringMap, optional, required};

pub(super) const GROUP: Group = Group {
    name: "orders",
    description: "Orders. The shop's number identifies an order: the same request again returns the same order, and \
        another one under the number is refused.",
    routes: &[
        CREATE,
        read(
            "api/orders",
            "list_orders",
            "Lists orders, newest first.",
            ORDERS,
            Scope::OrdersRead,
            |input| input.list_orders().map(Operation::ListOrders),
        )
        .with_query(FILTERS)
        .paged(PAGE)
        .with_problems(&[NO_MERCHANT]),
        read(
            "api/orders/{out_trade_no}",
            "get_order",
            "Returns the order.",
            ORDER,
            Scope::OrdersRead,
            |input| input.order().map(Operation::GetOrder),
        )
        .with_query(MERCHANT_OF_NUMBER)
        .with_problems(&[NO_ORDER]),
        write(
            "api/orders/{out_trade_no}/query",
            "query_order",
            "Queries the order at WeChat Pay now, and returns it.",
            ORDER,
            Scope::OrdersWrite,
            |input| input.order().map(Operation::QueryOrder),
        )
        .with_query(MERCHANT_OF_NUMBER)
        .with_problems(&[NO_ORDER, NOT_SENT]),
        write(
            "api/orders/{out_trade_no}/close",
            "close_order",
            "Closes the order, unless it is paid. A code payment is reversed instead.",
            ORDER,
            Scope::OrdersWrite,
            |input| input.order().map(Operation::CloseOrder),
        )
        .with_query(MERCHANT_OF_NUMBER)
        .with_other_statuses(&[(202, "The order is being closed; the outcome is not known yet.")])
        .with_problems(&[
            NO_ORDER,
            (
                409,
                "The order is paid, or anomalous: it has a payment that a case is about, and WeChat Pay closes no order with \
                    a payment. Decide the case.",
            ),
            NOT_SENT,
            UNKNOWN,
        ]),
        write(
            "api/orders/{out_trade_no}/reverse",
            "reverse_order",
            "Reverses a code payment that is not paid: a payment that is not known yet is returned, and the order never becomes \
                paid.",
            ORDER,
            Scope::OrdersWrite,
            |input| input.order().map(Operation::ReverseOrder),
        )
        .with_query(MERCHANT_OF_NUMBER)
        .with_other_statuses(&[(
            202,
            "The decision is written, and the order is reversing: WeChat Pay has not confirmed it yet, or does not accept it in \
                the first 15 seconds of a charge. It is repeated until it is known; order.reversed tells its end.",
        )])
        .with_problems(&[
            NO_ORDER,
            (409, "The order is paid (refund it), anomalous (decide its case), or not a code payment (close it)."),
        ]),
        write(
            "api/orders/{out_trade_no}/pay",
            "pay_order",
            "Returns the parameters for the payer's client, signed anew; of a code payment, its status.",
            PAYABLE_ORDER,
            Scope::OrdersWrite,
            |input| input.order().map(Operation::PayOrder),
        )
        .with_query(MERCHANT_OF_NUMBER)
        .with_problems(&[
            NO_ORDER,
            (409, "The order is not open, or a code payment needs a new auth_code."),
            NOT_SENT,
            UNKNOWN,
        ]),
        write(
            "api/orders/{out_trade_no}/delivered",
            "report_delivery",
            "Reports to WeChat Pay whether the goods were delivered. APIv1 only.",
            ORDER,
            Scope::OrdersWrite,
            |input| input.report_delivery().map(Operation::ReportDelivery),
        )
        .with_query(MERCHANT_OF_NUMBER)
        .with_body(Body::Required(DELIVERY))
        .with_problems(&[
            NO_ORDER,
            (409, "The order is not paid, or not of APIv1."),
            NOT_SENT,
            UNKNOWN,
        ]),
    ],
};

const CREATE: Route = write(
    "api/orders",
    "create_order",
    "Places an order, and returns what the payer's client needs to pay it.",
    PAYABLE_ORDER,
    Scope::OrdersWrite,
    |input| input.create_order().map(Operation::CreateOrder),
)
.created()
.with_other_statuses(&[(200, "The order existed, with the same terms.")])
.with_body(Body::Required(TERMS))
.with_problems(&[
    NO_MERCHANT,
    (409, "The number is used with other terms (field names the first one that differs), or the order is not open."),
    NOT_SENT,
    UNKNOWN,
]);

const FILTERS: &[Field] = &[
    MERCHANT_FILTER,
    optional("status", Kind::Enum(order_statuses), "Only orders of this status."),
    optional("created_from", TIMES, "Only orders created at this time or later."),
    optional("created_until", TIMES, "Only orders created before this time."),
    optional("payer", OPENID, "Only orders of this payer: an openid."),
    optional("transaction_id", TRANSACTION_ID, "Only the order with this payment."),
];

/// Maximum number of goods: with it, every valid body fits into the limit of bodies.
pub(super) const MAX_GOODS: usize = 20;

const TERMS: &[Field] = &[
    optional("merchant", MERCHANT, "The merchant. Required unless the API key is for exactly one."),
    optional(
        "app",
        Kind::Text(1, 32, "0-9A-Za-z_-"),
        "The app: its appid or its name. Required if several apps of the merchant fit the channel.",
    ),
    optional("sub_mchid", MCHID, "The sub-merchant of a partner."),
    required("channel", Kind::Enum(channels), "The way in which the order is paid."),
    required(
        "out_trade_no",
        Kind::Text(1, 32, NUMBER),
        "The shop's number of the order; unique per merchant.",
    ),
    required("description", Kind::Text(1, 127, TEXT), "The description that the payer sees."),
    required(
        "amount",
        Kind::Object(&[
            required("total", Kind::Fen(1, MAX_FEN), "The price in fen."),
            optional("currency", Kind::Enum(|| vec!["CNY"]), "The currency. Default: CNY."),
        ]),
        "The price.",
    ),
    optional(
        "payer",
        Kind::Object(&[
            optional("openid", OPENID, "The payer's openid under the app."),
            optional("sub_openid", OPENID, "The payer's openid under the sub-merchant's app."),
        ]),
        "The payer, by exactly one of the two. Required for jsapi and mini_program.",
    ),
    optional(
        "auth_code",
        Kind::Text(1, 64, "!-~"),
        "The content of the payer's code, for a code payment: required for code, and for no other channel. It is no term, and \
            is not stored. While the outcome of a charge is not known, a request with another code charges nothing.",
    ),
    optional(
        "scene_info",
        Kind::Object(SCENE),
        "The place in which the order is paid. Required for h5 and code.",
    ),
    optional("detail", Kind::Object(DETAIL), "The goods, for coupons on single goods."),
    optional("time_expire", TIMES, "The time until which the order can be paid. Default: 2 hours from now."),
    optional(
        "attach",
        Kind::Text(0, 128, TEXT),
        "Data of the shop, sent to WeChat Pay and returned by it: at most 128 bytes in UTF-8; for APIv1, 127 bytes in \
        its charset.",
    ),
    optional("goods_tag", Kind::Text(0, 32, TEXT), "The coupon tag."),
    optional(
        "profit_sharing",
        Kind::Boolean,
        "True to freeze the amount for profit sharing. Default: false.",
    ),
    optional("support_fapiao", Kind::Boolean, "True to offer an electronic invoice. Default: false."),
    optional(
        "metadata",
        Kind::Map(&StringMap {
            max_members: 16,
            max_name: 40,
            name_class: "0-9A-Za-z_.-",
            max_value: 128,
            value_class: TEXT,
        }),
        "Data of the shop, which stays in this server. It is no term of the order.",
    ),
];
const SCENE: &[Field] = &[
    optional(
        "payer_client_ip",
        Kind::Form(&IP_ADDRESS),
        "The IP address of the payer's device. Required for h5.",
    ),
    optional(
        "store_info",
        Kind::Object(&[
            optional(
                "id",
                Kind::Text(1, 32, TEXT),
                "The number of the store: WeChat Pay's for code, otherwise the merchant's. Required unless out_id is set.",
            ),
            optional(
                "out_id",
                Kind::Text(1, 128, TEXT),
                "The merchant's own number of the store, in place of id. For code only.",
            ),
            optional("name", Kind::Text(1, 256, TEXT), "The name."),
            optional("area_code", Kind::Text(1, 32, TEXT), "The code of the area."),
            optional("address", Kind::Text(1, 512, TEXT), "The street address."),
        ]),
        "The store. Required for code, which has its number only.",
    ),
    optional(
        "h5_info",
        Kind::Object(&[
            required("type", Kind::Enum(|| vec!["Wap", "iOS", "Android"]), "The environment."),
            optional("app_name", Kind::Text(1, 64, TEXT), "The name of the application."),
            optional("app_url", Kind::Text(1, 128, TEXT), "The URL of the site."),
            optional("bundle_id", Kind::Text(1, 128, TEXT), "The bundle id of an iOS application."),
            optional("package_name", Kind::Text(1, 128, TEXT), "The package name of an Android application."),
        ]),
        "The environment of the browser. Required for h5.",
    ),
];
const DETAIL: &[Field] = &[
    optional("cost_price", Kind::Fen(1, MAX_FEN), "The price before discounts, in fen."),
    optional("invoice_id", Kind::Text(1, 32, TEXT), "The number of the receipt."),
    optional("goods_detail", Kind::List(&Kind::Object(GOODS), MAX_GOODS), "The goods."),
];
const GOODS: &[Field] = &[
    required("merchant_goods_id", GOODS_ID, "The merchant's number of the goods."),
    optional("wechatpay_goods_id", Kind::Text(1, 32, TEXT), "WeChat Pay's number of the goods."),
    optional("goods_name", Kind::Text(1, 256, TEXT), "The name."),
    required("quantity", Kind::Number(1, MAX_FEN), "The quantity."),
    required("unit_price", Kind::Fen(1, MAX_FEN), "The price of one, in fen."),
];
/// Number of goods, as WeChat Pay allows it.
pub(super) const GOODS_ID: Kind = Kind::Text(1, 32, "0-9A-Za-z_-");

const DELIVERY: &[Field] = &[
    required("status", Kind::Enum(|| vec!["ok", "failed"]), "The outcome of the delivery."),
    optional("message", Kind::Text(1, 64, TEXT), "The reason. Required if the status is failed."),
    optional("openid", OPENID, "The payer. Required if no notification has named the payer."),
];
