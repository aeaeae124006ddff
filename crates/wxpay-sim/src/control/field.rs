//! Fields of the interface that several routes have, and the forms of their texts.

mod form;

use super::call::Fields;
use crate::ledger::NotPaidReason;

pub(super) use form::{
    APP_ID, NUMBER_CURSOR, PATH, POSITION, RECEIVER_CURSOR, SERIAL_NO, SHORT_NUMBER_CURSOR,
};
pub(super) use wxpay_openapi::{
    DIGITS, Field, Kind, LETTERS, MAX_NUMBER, VISIBLE_EXCEPT_AMPERSAND as OPENID, optional, required,
    whole_number,
};

/// Character class of order, refund and profit-sharing numbers that a merchant assigns, and of ids of notifications.
pub(super) const NUMBER: &str = "0-9A-Za-z_|*@-";

/// The reasons for which a payment fails.
pub(super) const FAIL_REASONS: [NotPaidReason; 3] =
    [NotPaidReason::Failed, NotPaidReason::WrongPassword, NotPaidReason::NotEnough];

fn fail_reasons() -> Vec<&'static str> {
    FAIL_REASONS.map(NotPaidReason::as_str).to_vec()
}

/// Query parameter of the reason for which a payment fails.
pub(super) const FAIL_REASON: Field = optional(
    "reason",
    Kind::Enum(fail_reasons),
    "The reason. After wrong_password the payer may try again: a code payment goes on waiting for its password. Default: \
     failed.",
);

/// Returns the reason in a query.
pub(super) fn fail_reason(query: &Fields) -> NotPaidReason {
    let reason = query.text("reason");
    FAIL_REASONS.into_iter().find(|known| Some(known.as_str()) == reason).unwrap_or(NotPaidReason::Failed)
}

/// Query parameter that selects the merchant, for numbers that two merchants may both use.
pub(super) const MERCHANT_FILTER: &[Field] = &[MERCHANT];

/// Query parameter that selects the merchant.
pub(super) const MERCHANT: Field = optional(
    "mchid",
    Kind::Text(1, 32, DIGITS),
    "The merchant: mchid, or partner for APIv1. Without it, the first merchant that has the number is used.",
);
