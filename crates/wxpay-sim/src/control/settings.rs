//! Routes of the settings that can be changed while the gateway runs.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{Field, Kind, optional},
    route::{Body, Route, RouteGroup},
    schema::Schema,
};
use crate::settings::{
    LeakedKey, PlusSign, RefundOutcome, Reuse, SecondSignPackage, Settings, SuccessMatch, UnknownClose,
    UserPaying,
};
use serde_json::{Map, Value};
use std::time::Duration;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "settings",
    about: "The settings that can be changed while the gateway runs.",
    routes: &[
        Route::get("settings", "show_settings", "Returns the settings.", SETTINGS, |simulation, _| {
            Ok(ControlResponse::ok(shown(simulation.gateway.settings())))
        }),
        Route::post(
            "settings",
            "change_settings",
            "Changes the settings that the body names.",
            SETTINGS,
            |simulation, call| Ok(change(simulation, call)),
        )
        .method("PATCH")
        .with_body(Body::Settings(fields)),
    ],
};

pub(super) const SETTINGS: Schema = Schema::Switches("Settings", fields);

/// A setting: its schema, and access to its value.
struct Setting {
    field: Field,
    of: Access,
}

enum Access {
    Seconds(fn(&mut Settings) -> &mut Duration),
    Truth(fn(&mut Settings) -> &mut bool),
    PerMille(fn(&mut Settings) -> &mut u32),
    Word(Get, Set),
}

/// Returns the current choice of a setting.
type Get = fn(&Settings) -> &'static str;
/// Sets a setting to a choice.
type Set = fn(&mut Settings, &str);

/// Maximum duration, in seconds: ten years.
const MOST_SECONDS: u64 = 315_360_000;

const fn seconds(name: &'static str, about: &'static str, at: fn(&mut Settings) -> &mut Duration) -> Setting {
    Setting { field: optional(name, Kind::Number(0, MOST_SECONDS), about), of: Access::Seconds(at) }
}

const fn boolean(name: &'static str, about: &'static str, at: fn(&mut Settings) -> &mut bool) -> Setting {
    Setting { field: optional(name, Kind::Boolean, about), of: Access::Truth(at) }
}

const fn choice(
    name: &'static str,
    words: fn() -> Vec<&'static str>,
    about: &'static str,
    (show, turn): (Get, Set),
) -> Setting {
    Setting { field: optional(name, Kind::Enum(words), about), of: Access::Word(show, turn) }
}

static SETTINGS_TABLE: &[Setting] = &[
    boolean(
        "rate_limits",
        "Whether the documented rate limits apply: further requests in a second return 429.",
        |all| &mut all.v3.rate_limits,
    ),
    Setting {
        field: optional(
            "probes_per_mille",
            Kind::Number(0, 1000),
            "The share of replies and notifications with an invalid signature on purpose, in thousandths.",
        ),
        of: Access::PerMille(|all| &mut all.v3.probes_per_mille),
    },
    choice(
        "refund_outcome",
        || vec!["SUCCESS", "CLOSED", "ABNORMAL", "PROCESSING"],
        "The default final state of new refunds; PROCESSING keeps them pending.",
        (
            |all| match all.v3.refund_outcome {
                RefundOutcome::Succeeds => "SUCCESS",
                RefundOutcome::IsClosed => "CLOSED",
                RefundOutcome::IsAbnormal => "ABNORMAL",
                RefundOutcome::Stays => "PROCESSING",
            },
            |all, word| {
                all.v3.refund_outcome = match word {
                    "CLOSED" => RefundOutcome::IsClosed,
                    "ABNORMAL" => RefundOutcome::IsAbnormal,
                    "PROCESSING" => RefundOutcome::Stays,
                    _ => RefundOutcome::Succeeds,
                };
            },
        ),
    ),
    choice(
        "close_unknown_order",
        || vec!["not_found", "no_content"],
        "The reply to closing an unknown order: not_found (404) or no_content (204).",
        (
            |all| {
                if all.v3.close_unknown_order == UnknownClose::NotFound { "not_found" } else { "no_content" }
            },
            |all, word| {
                let not_found = word == "not_found";
                all.v3.close_unknown_order =
                    if not_found { UnknownClose::NotFound } else { UnknownClose::NoContent };
            },
        ),
    ),
    choice(
        "user_paying",
        || vec!["transaction", "code"],
        "The reply to a code payment while the payer enters the password: transaction (200) or code (202 \
         USERPAYING).",
        (
            |all| if all.v3.user_paying == UserPaying::Code { "code" } else { "transaction" },
            |all, word| {
                let is_code = word == "code";
                all.v3.user_paying = if is_code { UserPaying::Code } else { UserPaying::Transaction };
            },
        ),
    ),
    seconds(
        "timestamp_tolerance_seconds",
        "The maximum difference of a request's timestamp from the clock.",
        |all| &mut all.v3.timestamp_tolerance,
    ),
    seconds("prepay_ttl_seconds", "The lifetime of a prepay_id or a code_url.", |all| &mut all.v3.prepay_ttl),
    seconds("order_ttl_seconds", "The time after which an unpaid order is closed.", |all| {
        &mut all.v3.order_ttl
    }),
    seconds(
        "password_delay_seconds",
        "The time that the payer of a code payment takes for the password.",
        |all| &mut all.v3.password_takes,
    ),
    seconds("refund_duration_seconds", "The time that a refund is PROCESSING.", |all| {
        &mut all.v3.refund_duration
    }),
    seconds("refund_window_seconds", "The time after a payment in which it can be refunded.", |all| {
        &mut all.v3.refund_window
    }),
    seconds(
        "profitsharing_duration_seconds",
        "The time that receiver amounts are PENDING and returns PROCESSING.",
        |all| &mut all.v3.sharing_takes,
    ),
    seconds("receipt_duration_seconds", "The time that a receipt is GENERATING.", |all| {
        &mut all.v3.receipt_takes
    }),
    seconds("transfer_duration_seconds", "The time that a transfer is ACCEPTED.", |all| {
        &mut all.v3.transfer_takes
    }),
    seconds(
        "transfer_confirm_window_seconds",
        "The time in which the payee can confirm a transfer.",
        |all| &mut all.v3.transfer_confirm_window,
    ),
    seconds("transfer_cancel_duration_seconds", "The time that a transfer is CANCELING.", |all| {
        &mut all.v3.cancel_takes
    }),
    seconds("bill_delay_seconds", "The time from the end of a day until its bill is ready.", |all| {
        &mut all.v3.bill_takes
    }),
    seconds("download_ttl_seconds", "The lifetime of a bill's download_url.", |all| &mut all.v3.download_ttl),
    seconds(
        "notify_delay_seconds",
        "The time from a payment to its notification, in both API versions.",
        |all| &mut all.notify_delay,
    ),
    seconds(
        "notify_timeout_seconds",
        "The timeout of a notification delivery, in both API versions.",
        |all| &mut all.notify_timeout,
    ),
    seconds("v1_token_ttl_seconds", "APIv1: the lifetime of an access token.", |all| &mut all.token_ttl),
    seconds(
        "v1_token_overlap_seconds",
        "APIv1: the time for which a replaced access token still works.",
        |all| &mut all.token_overlap,
    ),
    seconds("v1_prepay_ttl_seconds", "APIv1: the lifetime of a prepayid.", |all| &mut all.prepay_ttl),
    boolean("v1_require_https", "APIv1: whether plain HTTP is refused.", |all| &mut all.require_https),
    choice(
        "v1_plus",
        || vec!["literal", "space"],
        "APIv1: the meaning of + in a value of the package.",
        (
            |all| if all.plus == PlusSign::Space { "space" } else { "literal" },
            |all, word| all.plus = if word == "space" { PlusSign::Space } else { PlusSign::Literal },
        ),
    ),
    choice(
        "v1_success_match",
        || vec!["trimmed_exact", "starts_with"],
        "APIv1: the notification responses that count as success.",
        (
            |all| if all.success_match == SuccessMatch::StartsWith { "starts_with" } else { "trimmed_exact" },
            |all, word| {
                let is_loose = word == "starts_with";
                all.success_match =
                    if is_loose { SuccessMatch::StartsWith } else { SuccessMatch::TrimmedExact };
            },
        ),
    ),
    choice(
        "v1_second_sign_package",
        || vec!["any_that_verifies", "strict"],
        "APIv1: the values of package that the payer's client accepts.",
        (
            |all| {
                let is_strict = all.second_sign_package == SecondSignPackage::Strict;
                if is_strict { "strict" } else { "any_that_verifies" }
            },
            |all, word| {
                let is_strict = word == "strict";
                all.second_sign_package =
                    if is_strict { SecondSignPackage::Strict } else { SecondSignPackage::AnyThatVerifies };
            },
        ),
    ),
    choice(
        "v1_leaked_key",
        || vec!["flagged", "refused"],
        "APIv1: the treatment of an appkey in a request body.",
        (
            |all| if all.leaked_key == LeakedKey::Refused { "refused" } else { "flagged" },
            |all, word| {
                all.leaked_key = if word == "refused" { LeakedKey::Refused } else { LeakedKey::Flagged };
            },
        ),
    ),
    choice(
        "v1_reuse",
        || vec!["new_prepayid", "refused"],
        "APIv1: the treatment of a second genprepay with the same out_trade_no.",
        (
            |all| if all.reused_order_number == Reuse::Refused { "refused" } else { "new_prepayid" },
            |all, word| {
                all.reused_order_number = if word == "refused" { Reuse::Refused } else { Reuse::NewPrepayid }
            },
        ),
    ),
];

fn fields() -> Vec<Field> {
    SETTINGS_TABLE.iter().map(|switch| switch.field).collect()
}

/// Returns the value of every setting.
pub(super) fn shown(settings: &Settings) -> Value {
    let mut settings = settings.clone();
    let mut members = Map::new();
    for switch in SETTINGS_TABLE {
        let value: Value = match switch.of {
            Access::Seconds(at) => at(&mut settings).as_secs().into(),
            Access::Truth(at) => (*at(&mut settings)).into(),
            Access::PerMille(at) => (*at(&mut settings)).into(),
            Access::Word(show, _) => show(&settings).into(),
        };
        members.insert(switch.field.name.into(), value);
    }
    Value::Object(members)
}

fn change(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    let settings = simulation.gateway.settings_mut();
    for switch in SETTINGS_TABLE {
        let (name, body) = (switch.field.name, &call.body);
        match switch.of {
            Access::Seconds(at) => {
                if let Some(seconds) = body.number(name) {
                    *at(settings) = Duration::from_secs(seconds);
                }
            }
            Access::Truth(at) => {
                if let Some(truth) = body.boolean(name) {
                    *at(settings) = truth;
                }
            }
            Access::PerMille(at) => {
                if let Some(share) = body.number(name).and_then(|share| u32::try_from(share).ok()) {
                    *at(settings) = share;
                }
            }
            Access::Word(_, turn) => {
                if let Some(word) = body.text(name) {
                    turn(settings, word);
                }
            }
        }
    }
    ControlResponse::ok(shown(settings))
}
