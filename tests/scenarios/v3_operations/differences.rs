//! Where we differ from `operations.json`, and why.

use std::collections::BTreeSet;

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Difference {
    /// A member of requests is documented there, and no builder of ours can send it.
    Unsent,
    /// We can send a member that is not documented there.
    Undocumented,
    /// A member of requests is required there, and we can leave it out.
    Optional,
    /// A member of replies is documented there, and our type does not tell it.
    Unread,
    /// We read a member of replies that is not documented there.
    ReadUndocumented,
    /// A member of replies is optional there, and we need it.
    Needed,
    /// A member of replies is not documented there, and we need it.
    Lacking,
}

use Difference::{Lacking, Needed, Optional, ReadUndocumented, Undocumented, Unread, Unsent};

impl Difference {
    pub(super) fn is_of_requests(self) -> bool {
        matches!(self, Unsent | Undocumented | Optional)
    }

    pub(super) fn is_of_replies(self) -> bool {
        !self.is_of_requests()
    }
}

/// Operations (with a `*` for any text), how, which members (with what they hold), why.
type Row = (&'static str, Difference, &'static [&'static str], &'static str);

const TABLE: &[Row] = &[
    ("POST /v3/pay/*/app", Unsent, &["payer", "subsidy_info"], LATER),
    ("POST /v3/pay/*/jsapi", Unsent, &["subsidy_info"], LATER),
    ("POST /v3/pay/*/h5", Unsent, &["payer"], LATER),
    ("POST /v3/pay/*/native", Unsent, &["payer"], LATER),
    ("POST /v3/pay/partner/transactions/*", Unsent, &["settle_info.subsidy_amount"], LATER),
    (
        "POST /v3/pay/*/h5",
        Undocumented,
        &["scene_info.payer_client_ip", "scene_info.device_id", "scene_info.store_info"],
        "v3-endpoints.md has them, and requires the first",
    ),
    (
        "POST /v3/pay/partner/transactions/jsapi",
        Optional,
        &["payer.sp_openid"],
        "v3-endpoints.md: one of sp_openid and sub_openid",
    ),
    (
        "POST /v3/pay/partner/transactions/miniprogram",
        Unsent,
        &["scene_info.store_info.out_id"],
        "an order's store is told by WeChat Pay's number of it",
    ),
    ("GET /v3/pay/*", Unread, ORDERED, "it repeats the order; what became of it is what is asked"),
    ("GET /v3/pay/*", Unread, &["settle_info", "installment_info"], LATER),
    ("GET /v3/pay/*/out-trade-no/{out_trade_no}", Lacking, &["amount.total"], PRICE),
    ("GET /v3/pay/partner/transactions/id/{transaction_id}", Lacking, &["amount.total"], PRICE),
    ("GET /v3/pay/*", Needed, &["trade_state"], "without it nothing is said"),
    (
        "GET /v3/pay/*/id/{transaction_id}",
        Needed,
        &["transaction_id"],
        "the answer must be about what was asked; whatever has this number is paid",
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
        "one transaction for both modes, queries, code pay and notices, by v3-endpoints.md; each is documented for some",
    ),
    (
        "POST /v3/pay/*/reverse",
        Unread,
        &["appid", "mchid", "sp_appid", "sp_mchid", "sub_appid", "sub_mchid"],
        "it repeats the request",
    ),
    ("POST /v3/combine-transactions/app", Unsent, &["contract_info"], LATER),
    ("POST /v3/combine-transactions/app", Unread, &["contract_result"], LATER),
    ("POST /v3/combine-transactions/app", Unsent, &["prepay_id"], "it is what the answer brings"),
    (
        "POST /v3/combine-transactions/*",
        Unsent,
        &["sub_orders[].profit_sharing"],
        "settle_info.profit_sharing says the same, for all ways of paying",
    ),
    (
        "GET /v3/combine-transactions/*",
        Unread,
        &["sub_orders[].individual_name"],
        "a person's name, which the merchant told itself",
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
        "one transaction for both queries and notices; each is documented for the other query",
    ),
    (
        "GET /v3/certificates",
        Unsent,
        &["?algorithm_type"],
        "without it they are of RSA, which is spoken here",
    ),
    (
        "GET /v3/certificates",
        Unread,
        &["data[].effective_time", "data[].expire_time"],
        "the certificate says so itself, and what it says is proved",
    ),
    (
        "GET /v3/certificates",
        Needed,
        &[
            "data[].serial_no",
            "data[].encrypt_certificate",
            "data[].encrypt_certificate.algorithm",
            "data[].encrypt_certificate.associated_data",
            "data[].encrypt_certificate.ciphertext",
            "data[].encrypt_certificate.nonce",
        ],
        "a certificate that is not there cannot be opened",
    ),
    (
        "POST /v3/security/echo",
        Needed,
        &["encrypted_echo_message"],
        "what was told sealed must come back sealed",
    ),
    (
        "GET /v3/bill/sub-merchant-fundflowbill",
        Needed,
        &["download_bill_list"],
        "there must be as many parts as are counted",
    ),
    (
        "POST /v3/profitsharing/receivers/*",
        Unread,
        &["custom_relation", "name", "relation_type", "sub_mchid"],
        "it repeats the request; that it is of this receiver is checked",
    ),
    (
        "POST /v3/fund-app/mch-transfer/elecsign/*",
        ReadUndocumented,
        &["download_url", "fail_reason", "hash_type", "hash_value", "update_time"],
        "one receipt for asking for it and after it; each is documented for the latter",
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
        "one transfer for all of them; each is documented for some",
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
        "one authorization for all of them and for notices; each is documented for some",
    ),
];

const LATER: &str = "a permission of its own, or a product of a later tier; it goes through Raw";
const PRICE: &str = "v3-endpoints.md and the notices have it; of a payment without a price nothing follows";

/// What a query repeats of an order.
const ORDERED: &[&str] = &[
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

/// The table, and which of its rows were met.
pub(super) struct Differences<'a> {
    operations: &'a [String],
    kind: fn(Difference) -> bool,
    met: BTreeSet<(usize, usize)>,
    missing: BTreeSet<String>,
}

impl<'a> Differences<'a> {
    pub(super) fn new(operations: &'a [String], kind: fn(Difference) -> bool) -> Self {
        Self { operations, kind, met: BTreeSet::new(), missing: BTreeSet::new() }
    }

    /// There is a difference: it must be in the table.
    pub(super) fn expect(&mut self, operation: &str, how: Difference, path: &str) {
        let mut known = false;
        let fits = |listed: &str| {
            path.strip_prefix(listed).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let rows = TABLE.iter().enumerate();
        for (row, (_, _, paths, _)) in rows.filter(|(_, row)| row.1 == how && matches(row.0, operation)) {
            let fitting = (0..paths.len()).filter(|at| fits(paths[*at]));
            self.met.extend(fitting.map(|at| (row, at)));
            known |= paths.iter().any(|listed| fits(listed));
        }
        if !known {
            self.missing.insert(format!("{operation}: {how:?} {path}"));
        }
    }

    /// There is something that no table explains.
    pub(super) fn complain(&mut self, complaint: String) {
        self.missing.insert(complaint);
    }

    /// All differences were listed, and what is listed is one.
    pub(super) fn finish(self) {
        assert!(self.missing.is_empty(), "differences that the table does not explain: {:#?}", self.missing);
        for (row, (pattern, how, paths, why)) in TABLE.iter().enumerate() {
            assert!(!why.is_empty());
            assert!(self.operations.iter().any(|operation| matches(pattern, operation)), "{pattern} is none");
            for (at, path) in paths.iter().enumerate() {
                let is_met = self.met.contains(&(row, at));
                assert!(is_met || !(self.kind)(*how), "{pattern}: {how:?} {path} is no difference any more");
            }
        }
    }
}

/// What is listed of an operation.
pub(super) fn paths(operation: &str, how: Difference) -> Vec<&'static str> {
    let rows = TABLE.iter().filter(|(pattern, listed, ..)| *listed == how && matches(pattern, operation));
    rows.flat_map(|(_, _, paths, _)| paths.iter().copied()).collect()
}

/// Whether a name is of a pattern in which each `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|name| {
            (0..=name.len()).any(|at| name.get(at..).is_some_and(|name| matches(rest, name)))
        }),
    }
}
