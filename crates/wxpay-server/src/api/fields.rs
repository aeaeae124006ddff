//! Request fields that several routes have.

use super::{cursor::CURSOR, idempotency, time::TIME};
use std::net::IpAddr;
use wxpay_openapi::{DIGITS, Field, Form, Kind, VISIBLE, VISIBLE_EXCEPT_AMPERSAND, optional, required};

/// Character class of the numbers that a merchant assigns.
pub(crate) const NUMBER: &str = "0-9A-Za-z_|*@-";
/// Character class of the names of merchants.
pub(crate) const NAME: &str = "a-z0-9_-";
/// Character class of texts that people read.
pub(crate) use wxpay_openapi::TEXT;
/// Maximum amount in fen, which is WeChat Pay's.
pub(crate) const MAX_FEN: u64 = 2_147_483_647;

pub(crate) const MERCHANT: Kind = Kind::Text(1, 32, NAME);
pub(crate) const OPENID: Kind = Kind::Text(1, 128, VISIBLE_EXCEPT_AMPERSAND);
pub(crate) const TRANSACTION_ID: Kind = Kind::Text(1, 64, VISIBLE_EXCEPT_AMPERSAND);
pub(crate) const MCHID: Kind = Kind::Text(1, 32, DIGITS);
pub(crate) const TIMES: Kind = Kind::Form(&TIME);

/// The IP address of a device.
pub(crate) const IP_ADDRESS: Form = Form {
    pattern: "^[0-9A-Fa-f:.]{2,45}$",
    format: "",
    max_json_bytes: 45,
    rule: "must be an IPv4 or IPv6 address, such as 203.0.113.7",
    accepts: |text| text.len() <= 45 && text.parse::<IpAddr>().is_ok(),
    sample: "203.0.113.7",
};

/// Path parameters of every route.
pub(crate) const PARAMETERS: &[Field] = &[
    required("out_trade_no", Kind::Text(1, 32, NUMBER), "The shop's number of the order."),
    required("out_refund_no", Kind::Text(1, 64, NUMBER), "The shop's number of the refund."),
    required("endpoint", Kind::Text(1, 64, ID), "The id of the webhook endpoint."),
    required("case_id", Kind::Text(1, 64, ID), "The id of the case."),
    required("merchant", MERCHANT, "The name of the merchant."),
    required("key_id", Kind::Text(1, 64, ID), "The id of the API key."),
    required("kind", Kind::Enum(|| vec!["payment", "refund", "v1"]), "The kind of notification."),
];
/// Character class of the server's ids.
const ID: &str = "0-9A-Za-z_-";

/// Selects the merchant, for numbers that two merchants may both use.
pub(crate) const MERCHANT_OF_NUMBER: &[Field] = &[optional(
    "merchant",
    MERCHANT,
    "The merchant. Required unless the API key is for exactly one merchant: two merchants may use the same number.",
)];
/// Restricts a list to one merchant.
pub(crate) const MERCHANT_FILTER: Field =
    optional("merchant", MERCHANT, "Only this merchant. Default: all merchants of the API key.");

/// Maximum number of records on a page.
pub(crate) const MAX_LIMIT: u64 = 200;
/// Number of records on a page of a request that sets none.
pub(crate) const DEFAULT_LIMIT: u64 = 50;
/// Query parameters of every list.
pub(crate) const PAGE: &[Field] = &[
    optional("cursor", Kind::Form(&CURSOR), "The next_cursor of the previous page. Default: the first page."),
    optional("limit", Kind::Number(1, MAX_LIMIT), "The maximum number of records. Default: 50."),
];

/// Request headers of every route.
pub(crate) const REQUEST_ID: Field = optional(
    "Request-Id",
    Kind::Text(0, 512, ""),
    "An id of the request, of 1 to 64 of A-Z a-z 0-9 . _ -, which the response and the logs repeat. Any other is replaced.",
);
/// Request headers of routes that read.
pub(crate) const READ_HEADERS: &[Field] = &[REQUEST_ID];
/// Request headers of routes that write.
pub(crate) const WRITE_HEADERS: &[Field] = &[
    REQUEST_ID,
    optional(
        idempotency::HEADER,
        idempotency::KIND,
        "A key of the client's choice. The same request with the same key within 72 hours returns the same response. \
        Not needed for orders and refunds: their numbers suffice.",
    ),
];

/// Types of events.
pub(crate) fn event_types() -> Vec<&'static str> {
    vec![
        "order.created",
        "order.paid",
        "order.closed",
        "order.reversed",
        "order.anomalous",
        "refund.succeeded",
        "refund.closed",
        "refund.abnormal",
        "case.opened",
        "case.resolved",
        "endpoint.disabled",
    ]
}

/// The pattern of one type of events.
macro_rules! event_type {
    () => {
        "(order[.](created|paid|closed|reversed|anomalous)|refund[.](succeeded|closed|abnormal)|case[.](opened|resolved)|endpoint[.]disabled)"
    };
}

/// A list of types of events, separated by commas, as in a query.
pub(crate) const EVENT_TYPES: Form = Form {
    pattern: concat!("^", event_type!(), "(,", event_type!(), "){0,15}$"),
    format: "",
    max_json_bytes: 512,
    rule: "must be types of events, separated by commas, such as order.paid,refund.succeeded",
    accepts: |text| {
        text.split(',').count() <= 16 && text.split(',').all(|kind| event_types().contains(&kind))
    },
    sample: "order.paid,refund.succeeded",
};

/// An absolute https URL, or http for development.
pub(crate) const URL: Form = Form {
    pattern: "^https?://[!-~]{1,500}$",
    format: "uri",
    max_json_bytes: 3048,
    rule: "must be an absolute https URL of at most 508 visible ASCII characters",
    accepts: |text| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        rest.is_some_and(|rest| wxpay_openapi::is_of(rest, 1, 500, VISIBLE))
    },
    sample: "https://shop.example/webhooks",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_of_event_types_names_every_type_and_form_accepts_lists_of_them() {
        let pattern = event_type!();
        for kind in event_types() {
            let (object, change) = kind.split_once('.').unwrap();
            assert!(pattern.contains(&format!("{object}[.]")) && pattern.contains(change), "{kind}");
            assert!((EVENT_TYPES.accepts)(kind), "{kind}");
        }
        let words = pattern.split(['(', ')', '|', '[', ']', '.']).filter(|word| !word.is_empty());
        assert_eq!(words.count(), event_types().len() + 4, "the types, and four objects");
        assert!((EVENT_TYPES.accepts)("order.paid,case.opened"));
        for other in
            ["", "order", "order.eaten", "order.paid,", "order.paid case.opened", &"order.paid,".repeat(16)]
        {
            assert!(!(EVENT_TYPES.accepts)(other), "{other}");
        }
    }

    #[test]
    fn samples_have_their_forms_and_other_texts_do_not() {
        for (form, others) in [
            (&IP_ADDRESS, ["", "localhost", "1.2.3", "::g"]),
            (&URL, ["https://", "ftp://a", "shop.example", "https://a b"]),
        ] {
            assert!((form.accepts)(form.sample), "{}", form.sample);
            for other in others {
                assert!(!(form.accepts)(other), "{other}");
            }
        }
    }
}
