//! The deviations of the typed operations from `operations.json`, and their reasons.

use std::collections::BTreeSet;

/// A kind of deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deviation {
    /// A documented field of requests that no builder can send.
    Unsent,
    /// An undocumented field of requests that a builder can send.
    Undocumented,
    /// A required field of requests that a builder can omit.
    Omittable,
    /// A documented field of replies that the type does not have.
    Unread,
    /// An undocumented field of replies that the type reads.
    ReadUndocumented,
    /// An optional field of replies that the type requires.
    RequiredOptional,
    /// An undocumented field of replies that the type requires.
    RequiredUndocumented,
}

use Deviation::{
    Omittable, ReadUndocumented, RequiredOptional, RequiredUndocumented, Undocumented, Unread, Unsent,
};

impl Deviation {
    pub(super) fn is_of_requests(self) -> bool {
        matches!(self, Unsent | Undocumented | Omittable)
    }

    pub(super) fn is_of_replies(self) -> bool {
        !self.is_of_requests()
    }
}

/// Operations (`*` matches any text), the kind of deviation, the fields (with all fields below them), the reason.
type Row = (&'static str, Deviation, &'static [&'static str], &'static str);

const TABLE: &[Row] = &[
    ("POST /v3/pay/*/app", Unsent, &["payer", "subsidy_info"], NO_TYPE),
    ("POST /v3/pay/*/jsapi", Unsent, &["subsidy_info"], NO_TYPE),
    ("POST /v3/pay/*/h5", Unsent, &["payer"], NO_TYPE),
    ("POST /v3/pay/*/native", Unsent, &["payer"], NO_TYPE),
    ("POST /v3/pay/partner/transactions/*", Unsent, &["settle_info.subsidy_amount"], NO_TYPE),
    (
        "POST /v3/pay/*/h5",
        Undocumented,
        &["scene_info.payer_client_ip", "scene_info.device_id", "scene_info.store_info"],
        "v3-endpoints.md has them, and requires the first",
    ),
    (
        "POST /v3/pay/partner/transactions/jsapi",
        Omittable,
        &["payer.sp_openid"],
        "v3-endpoints.md: one of sp_openid and sub_openid",
    ),
    (
        "POST /v3/pay/partner/transactions/miniprogram",
        Unsent,
        &["scene_info.store_info.out_id"],
        "the store of an order is identified by WeChat Pay's number",
    ),
    ("GET /v3/pay/*", Unread, ORDER_FIELDS, "these fields repeat the order; a query is for its status"),
    ("GET /v3/pay/*", Unread, &["settle_info", "installment_info"], NO_TYPE),
    ("GET /v3/pay/*/out-trade-no/{out_trade_no}", RequiredUndocumented, &["amount.total"], HAS_AMOUNT),
    (
        "GET /v3/pay/partner/transactions/id/{transaction_id}",
        RequiredUndocumented,
        &["amount.total"],
        HAS_AMOUNT,
    ),
    ("GET /v3/pay/*", RequiredOptional, &["trade_state"], "a reply without the status is useless"),
    (
        "GET /v3/pay/*/id/{transaction_id}",
        RequiredOptional,
        &["transaction_id"],
        "the reply must be about the queried number; an order with this number is paid",
    ),
    (
        "* /v3/pay/*",
        ReadUndocumented,
        &[
            "appid",
            "mchid",
            "sp_appid",
            "sp_mchid",
            "sub_appid",
            "sub_mchid",
            "payer",
            "amount",
            "promotion_detail",
            "scene_info",
        ],
        "one type for both modes, queries, code payments and notifications; each field is documented for some",
    ),
    (
        "POST /v3/pay/*/reverse",
        Unread,
        &["appid", "mchid", "sp_appid", "sp_mchid", "sub_appid", "sub_mchid"],
        "these fields repeat the request",
    ),
    ("POST /v3/combine-transactions/app", Unsent, &["contract_info"], NO_TYPE),
    ("POST /v3/combine-transactions/app", Unread, &["contract_result"], NO_TYPE),
    ("POST /v3/combine-transactions/app", Unsent, &["prepay_id"], "the reply contains it, not the request"),
    (
        "POST /v3/combine-transactions/*",
        Unsent,
        &["sub_orders[].profit_sharing"],
        "settle_info.profit_sharing means the same, for all payment methods",
    ),
    (
        "GET /v3/combine-transactions/*",
        Unread,
        &["sub_orders[].individual_name"],
        "a person's name, which the merchant sent itself",
    ),
    (
        "GET /v3/combine-transactions/id/{combine_transaction_id}",
        ReadUndocumented,
        &[
            "installment_info",
            "sub_orders[].promotion_detail",
            "sub_orders[].sub_appid",
            "sub_orders[].sub_mchid",
            "sub_orders[].sub_openid",
        ],
        "one type for both queries and notifications; each field is documented for the other query",
    ),
    (
        "GET /v3/certificates",
        Unsent,
        &["?algorithm_type"],
        "the default is RSA, the only supported algorithm",
    ),
    (
        "GET /v3/certificates",
        Unread,
        &["data[].effective_time", "data[].expire_time"],
        "the certificate itself has these times, and is authenticated",
    ),
    (
        "GET /v3/certificates",
        RequiredOptional,
        &[
            "data[].serial_no",
            "data[].encrypt_certificate",
            "data[].encrypt_certificate.algorithm",
            "data[].encrypt_certificate.associated_data",
            "data[].encrypt_certificate.ciphertext",
            "data[].encrypt_certificate.nonce",
        ],
        "required to decrypt the certificate",
    ),
    (
        "POST /v3/security/echo",
        RequiredOptional,
        &["encrypted_echo_message"],
        "an encrypted message must be returned encrypted",
    ),
    (
        "GET /v3/bill/sub-merchant-fundflowbill",
        RequiredOptional,
        &["download_bill_list"],
        "the number of parts must match the count",
    ),
    (
        "POST /v3/profitsharing/receivers/*",
        Unread,
        &["custom_relation", "name", "relation_type", "sub_mchid"],
        "these fields repeat the request; the receiver is checked",
    ),
    (
        "POST /v3/fund-app/mch-transfer/elecsign/*",
        ReadUndocumented,
        &["download_url", "fail_reason", "hash_type", "hash_value", "update_time"],
        "one type for applying and querying; each field is documented for the query",
    ),
    (
        "* /v3/fund-app/mch-transfer/transfer-*",
        ReadUndocumented,
        &[
            "appid",
            "create_time",
            "fail_reason",
            "mch_id",
            "mchid",
            "openid",
            "out_authorization_no",
            "package_info",
            "transfer_amount",
            "transfer_remark",
            "update_time",
            "user_display_name",
            "user_name",
            "user_qq",
        ],
        "one type for all of them; each field is documented for some",
    ),
    (
        "* /v3/fund-app/mch-transfer/user-confirm-authorization*",
        ReadUndocumented,
        &[
            "appid",
            "authorization_id",
            "authorize_time",
            "close_info",
            "mch_id",
            "mchid",
            "openid",
            "package_info",
            "transfer_scene_id",
            "user_display_name",
            "user_recv_perception",
        ],
        "one type for all of them and for notifications; each field is documented for some",
    ),
];

const NO_TYPE: &str = "requires a permission of its own, or belongs to a product without types; use Raw";
const HAS_AMOUNT: &str =
    "v3-endpoints.md and the notifications have it; a payment without an amount is not evidence";

/// The fields of an order that a query repeats.
const ORDER_FIELDS: &[&str] = &[
    "description",
    "detail",
    "goods_tag",
    "limit_pay",
    "notify_url",
    "scene_info.payer_client_ip",
    "scene_info.store_info",
    "support_fapiao",
    "time_expire",
];

/// The deviations found so far, and the entries of the table that explain them.
pub(super) struct Deviations<'a> {
    operations: &'a [String],
    is_relevant: fn(Deviation) -> bool,
    used: BTreeSet<(usize, usize)>,
    unexplained: BTreeSet<String>,
}

impl<'a> Deviations<'a> {
    pub(super) fn new(operations: &'a [String], is_relevant: fn(Deviation) -> bool) -> Self {
        Self { operations, is_relevant, used: BTreeSet::new(), unexplained: BTreeSet::new() }
    }

    /// Records a deviation, which must be in the table.
    pub(super) fn expect(&mut self, operation: &str, deviation: Deviation, path: &str) {
        let mut is_explained = false;
        let covers = |listed: &str| {
            path.strip_prefix(listed).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let rows = TABLE.iter().enumerate();
        for (row, (_, _, paths, _)) in rows.filter(|(_, row)| row.1 == deviation && matches(row.0, operation))
        {
            let covering = (0..paths.len()).filter(|at| covers(paths[*at]));
            self.used.extend(covering.map(|at| (row, at)));
            is_explained |= paths.iter().any(|listed| covers(listed));
        }
        if !is_explained {
            self.unexplained.insert(format!("{operation}: {deviation:?} {path}"));
        }
    }

    /// Records a deviation that the table cannot explain.
    pub(super) fn report(&mut self, deviation: String) {
        self.unexplained.insert(deviation);
    }

    /// Asserts that the table explains every deviation, and that every entry of the table is a deviation.
    pub(super) fn assert_explained(self) {
        assert!(self.unexplained.is_empty(), "deviations that are not in the table: {:#?}", self.unexplained);
        for (row, (pattern, deviation, paths, reason)) in TABLE.iter().enumerate() {
            assert!(!reason.is_empty());
            assert!(
                self.operations.iter().any(|operation| matches(pattern, operation)),
                "{pattern} matches no operation"
            );
            for (at, path) in paths.iter().enumerate() {
                let is_used = self.used.contains(&(row, at));
                assert!(
                    is_used || !(self.is_relevant)(*deviation),
                    "{pattern}: {deviation:?} {path} is no longer a deviation; remove it from the table"
                );
            }
        }
    }
}

/// Returns the fields in the table for an operation.
pub(super) fn paths(operation: &str, deviation: Deviation) -> Vec<&'static str> {
    let rows =
        TABLE.iter().filter(|(pattern, listed, ..)| *listed == deviation && matches(pattern, operation));
    rows.flat_map(|(_, _, paths, _)| paths.iter().copied()).collect()
}

/// Returns whether a name matches a pattern; each `*` matches any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|name| {
            (0..=name.len()).any(|at| name.get(at..).is_some_and(|name| matches(rest, name)))
        }),
    }
}
