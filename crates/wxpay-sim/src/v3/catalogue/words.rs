//! The meaning of names and states: descriptions have no other.

use wxpay_catalogue::{Operation, Schema, Type};

/// The parts of a path that are about money.
const MONEY_PATHS: [&str; 19] = [
    "transaction",
    "order",
    "refund",
    "transfer",
    "profitsharing",
    "profit-sharing",
    "authorization",
    "balance",
    "withdraw",
    "recharge",
    "deduct",
    "repayment",
    "batches",
    "bill-no",
    "redpacket",
    "compensat",
    "amounts",
    "income",
    "fund",
];

/// The names of amounts.
const MONEY_NAMES: [&str; 6] = ["amount", "balance", "total_fee", "refund_fee", "money", "payer_total"];

/// Returns whether a query is about money: about a payment, a refund, a transfer or a balance.
pub(super) fn is_money_query(operation: &Operation) -> bool {
    let path = operation.path.to_lowercase();
    let literal = || path.split('/').filter(|part| !part.starts_with('{'));
    literal().any(|part| MONEY_PATHS.iter().any(|word| part.contains(word)))
        && operation.reply.schema.as_ref().is_some_and(|schema| has_amount(schema, 8))
}

fn has_amount(schema: &Schema, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let mut properties = schema.properties.iter();
    properties.any(|(name, property)| {
        MONEY_NAMES.iter().any(|word| name.contains(word)) || has_amount(&property.schema, depth)
    }) || schema.items.as_ref().is_some_and(|items| has_amount(items, depth))
}

/// Returns whether a name is that of a merchant's own number: `out_trade_no`, `combine_out_trade_no` and similar.
pub(super) fn is_own_number(name: &str) -> bool {
    name.starts_with("out_") || name.contains("_out_") || ["business_code", "fapiao_apply_id"].contains(&name)
}

/// Returns whether a name is that of any number: the merchant's own, or one of WeChat Pay.
pub(super) fn is_number(name: &str) -> bool {
    let ends = ["_id", "_no", "_code", "_number"].iter().any(|end| name.ends_with(end));
    (is_own_number(name) || ends) && !is_merchant(name) && !is_app(name) && !name.contains("bank")
}

/// Returns whether a name is that of a merchant's mchid, the caller's or another's.
pub(super) fn is_merchant(name: &str) -> bool {
    name.ends_with("mchid") || name.ends_with("mch_id")
}

/// Returns whether a name is that of the caller's mchid.
pub(super) fn is_caller(name: &str) -> bool {
    ["mchid", "mch_id", "sp_mchid", "sp_mch_id", "combine_mchid"].contains(&name)
}

/// Returns whether a name is that of an app.
pub(super) fn is_app(name: &str) -> bool {
    name.ends_with("appid") || name.ends_with("app_id")
}

/// The outcome that a state tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Under way.
    Pending,
    /// Carried out.
    Success,
    /// Ended without or after success: closed, cancelled, expired.
    Ended,
    /// Failed or rejected.
    Failure,
}

/// The words of failures, ends and successes, in this precedence.
const STATES: [(Outcome, &[&str]); 3] = [
    (
        Outcome::Failure,
        &[
            "FAIL",
            "REJECT",
            "PAYERROR",
            "EXCEPT",
            "ABNORMAL",
            "DECLINE",
            "ERROR",
            "NOT_APPROVE",
            "INVALID",
            "FREEZE",
            "FROZEN",
            "PUNISH",
        ],
    ),
    (
        Outcome::Ended,
        &[
            "CLOSE",
            "CANCEL",
            "REVOKE",
            "EXPIRE",
            "TERMINAT",
            "DEACTIVAT",
            "DELETE",
            "REFUND",
            "STOP",
            "RETURN",
            "DISABLE",
            "OFFLINE",
        ],
    ),
    (
        Outcome::Success,
        &[
            "SUCCE",
            "FINISH",
            "DONE",
            "PAID",
            "COMPLETE",
            "APPROVED",
            "EFFECTIVE",
            "USED",
            "PASSED",
            "CONFIRMED",
            "ACTIVE",
            "NORMAL",
            "SIGNED",
            "ISSUED",
            "ONLINE",
            "PUBLISHED",
        ],
    ),
];

/// Returns the outcome that a state tells.
pub(super) fn outcome(state: &str) -> Outcome {
    let state = state.to_uppercase();
    let is_negated = ["UN", "NOT_", "NOTPAY", "NO_", "WAIT", "TO_BE"]
        .iter()
        .any(|word| state.starts_with(word) || state.contains(&format!("_{word}")));
    let found = STATES.iter().find(|(_, words)| words.iter().any(|word| state.contains(word)));
    match found {
        Some((outcome, _)) if !is_negated || *outcome == Outcome::Failure => *outcome,
        _ => Outcome::Pending,
    }
}

/// Returns whether a name is that of a state.
pub(super) fn is_state(name: &str) -> bool {
    ["state", "status", "result"].iter().any(|word| name == *word || name.ends_with(&format!("_{word}")))
}

/// Returns whether a field tells the cause of a failure.
pub(super) fn is_failure(name: &str) -> bool {
    ["fail", "reject", "error", "err_", "abnormal"].iter().any(|word| name.contains(word))
}

/// Returns whether a field tells the cause of an end, such as `close_reason`.
pub(super) fn is_end_reason(name: &str) -> bool {
    let is_reason = name.ends_with("reason") || name.ends_with("_reason_desc");
    is_reason
        && ["close", "cancel", "deactivate", "invalid", "block", "terminate"]
            .iter()
            .any(|word| name.contains(word))
}

/// Returns whether a field tells the time of a success.
pub(super) fn is_success_time(name: &str) -> bool {
    is_time(name)
        && ["success", "finish", "paid", "pay_time", "complete", "arrive", "used_time", "use_time"]
            .iter()
            .any(|word| name.contains(word))
}

/// Returns whether a field tells the time of an end, such as `close_time`.
pub(super) fn is_end_time(name: &str) -> bool {
    is_time(name)
        && ["close", "cancel", "terminat", "delete", "deactivate", "invalid", "stop", "revoke", "return"]
            .iter()
            .any(|word| name.contains(word))
}

/// Returns whether a name is that of a time or a date.
pub(super) fn is_time(name: &str) -> bool {
    ["time", "date", "expire"].iter().any(|word| name.contains(word))
}

/// Returns whether a name is that of the beginning of a period.
pub(super) fn is_beginning(name: &str) -> bool {
    ["begin", "start", "effective"].iter().any(|word| name.contains(word))
}

/// Returns whether a name is that of the end of a period.
pub(super) fn is_ending(name: &str) -> bool {
    ["end_", "_end", "expire", "expir", "over_time", "deadline"].iter().any(|word| name.contains(word))
}

/// Returns whether a field counts the items of the list beside it.
pub(super) fn is_count(name: &str) -> bool {
    ["total_count", "count", "total_num", "data_count"].contains(&name)
}

/// Returns a content type that lives as long as the program.
pub(super) fn static_content_type(name: &str) -> &'static str {
    let known =
        ["application/pdf", "text/plain", "application/x-gzip", "image/png", "image/jpeg", "application/zip"];
    known.into_iter().find(|known| *known == name).unwrap_or("application/octet-stream")
}

/// Returns whether a schema is that of a text that identifies something and is not for people.
pub(super) fn is_identifier(name: &str, schema: &Schema) -> bool {
    let ends = ["id", "no", "code", "token", "ticket", "number", "serial", "package", "key"];
    let is_named = ends.iter().any(|end| name == *end || name.ends_with(end));
    is_named && schema.allows(Type::String)
}
