//! Fields of the interface that several routes have, and the forms of their texts.

mod form;

pub(super) use form::{
    APP_ID, NUMBER_CURSOR, PATH, POSITION, RECEIVER_CURSOR, SERIAL_NO, SHORT_NUMBER_CURSOR,
};
pub(super) use wxpay_openapi::{
    DIGITS, Field, Kind, LETTERS, MAX_NUMBER, VISIBLE_EXCEPT_AMPERSAND as OPENID, optional, required,
    whole_number,
};

/// Character class of order, refund and profit-sharing numbers that a merchant assigns, and of ids of notifications.
pub(super) const NUMBER: &str = "0-9A-Za-z_|*@-";

/// Query parameter that selects the merchant, for numbers that two merchants may both use.
pub(super) const MERCHANT_FILTER: &[Field] = &[optional(
    "mchid",
    Kind::Text(1, 32, DIGITS),
    "The merchant: mchid, or partner for APIv1. Without it, the first merchant that has the number is used.",
)];
