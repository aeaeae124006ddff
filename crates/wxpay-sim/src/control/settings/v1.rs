//! Settings of APIv1.

use super::setting::{Setting, boolean, choice, seconds};
use crate::settings::{LeakedKey, PlusSign, ReusedOrderNumber, SecondSignPackage, SuccessMatch};

pub(super) static TABLE: &[Setting] = &[
    seconds("v1_token_ttl_seconds", "APIv1: the lifetime of an access token.", |settings| {
        &mut settings.v1.token_ttl
    }),
    seconds(
        "v1_token_overlap_seconds",
        "APIv1: the time for which a replaced access token still works.",
        |settings| &mut settings.v1.token_overlap,
    ),
    seconds("v1_prepay_ttl_seconds", "APIv1: the lifetime of a prepayid.", |settings| {
        &mut settings.v1.prepay_ttl
    }),
    boolean("v1_require_https", "APIv1: true if plain HTTP is refused.", |settings| {
        &mut settings.v1.require_https
    }),
    choice!(
        "v1_plus",
        "APIv1: the meaning of + in a value of the package.",
        |settings| settings.v1.plus,
        PlusSign { "literal" => Literal, "space" => Space },
    ),
    choice!(
        "v1_success_match",
        "APIv1: the notification responses that count as success.",
        |settings| settings.v1.success_match,
        SuccessMatch { "trimmed_exact" => TrimmedExact, "starts_with" => StartsWith },
    ),
    choice!(
        "v1_second_sign_package",
        "APIv1: the values of package that the payer's client accepts.",
        |settings| settings.v1.second_sign_package,
        SecondSignPackage { "any_that_verifies" => AnyThatVerifies, "strict" => Strict },
    ),
    choice!(
        "v1_leaked_key",
        "APIv1: the treatment of an appkey in a request body.",
        |settings| settings.v1.leaked_key,
        LeakedKey { "flagged" => Flagged, "refused" => Refused },
    ),
    choice!(
        "v1_reuse",
        "APIv1: the treatment of a second genprepay with the same out_trade_no.",
        |settings| settings.v1.reused_order_number,
        ReusedOrderNumber { "new_prepayid" => NewPrepayid, "refused" => Refused },
    ),
];
