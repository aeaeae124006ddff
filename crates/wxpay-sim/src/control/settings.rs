//! Routes of the settings that can be changed while the gateway runs.

use super::{
    Answer, Simulation,
    call::Call,
    field::{Field, Kind, may},
    route::{Body, Room, Route},
    shape::Shape,
};
use crate::settings::{
    LeakedKey, Plus, RefundFate, Reuse, SecondSignPackage, Settings, SuccessMatch, UnknownClose, UserPaying,
};
use serde_json::{Map, Value};
use std::time::Duration;

pub(super) const ROOM: Room = Room {
    name: "settings",
    about: "The settings that can be changed while the gateway runs.",
    routes: &[
        Route::get("settings", "show_settings", "Returns the settings.", SETTINGS, |simulation, _| {
            Ok(Answer::ok(shown(simulation.gateway.settings())))
        }),
        Route::post(
            "settings",
            "change_settings",
            "Changes the settings that the body names.",
            SETTINGS,
            |simulation, call| Ok(change(simulation, call)),
        )
        .by("PATCH")
        .taking(Body::Switches(fields)),
    ],
};

pub(super) const SETTINGS: Shape = Shape::Switches("Settings", fields);

/// A setting: its schema, and access to its value.
struct Switch {
    field: Field,
    of: Of,
}

enum Of {
    Seconds(fn(&mut Settings) -> &mut Duration),
    Truth(fn(&mut Settings) -> &mut bool),
    PerMille(fn(&mut Settings) -> &mut u32),
    Word(Show, Turn),
}

/// Returns the current choice of a setting.
type Show = fn(&Settings) -> &'static str;
/// Sets a setting to a choice.
type Turn = fn(&mut Settings, &str);

/// Maximum duration, in seconds: ten years.
const MOST_SECONDS: u64 = 315_360_000;

const fn seconds(name: &'static str, about: &'static str, at: fn(&mut Settings) -> &mut Duration) -> Switch {
    Switch { field: may(name, Kind::Number(0, MOST_SECONDS), about), of: Of::Seconds(at) }
}

const fn truth(name: &'static str, about: &'static str, at: fn(&mut Settings) -> &mut bool) -> Switch {
    Switch { field: may(name, Kind::Truth, about), of: Of::Truth(at) }
}

const fn word(
    name: &'static str,
    words: fn() -> Vec<&'static str>,
    about: &'static str,
    (show, turn): (Show, Turn),
) -> Switch {
    Switch { field: may(name, Kind::OneOf(words), about), of: Of::Word(show, turn) }
}

static SWITCHES: &[Switch] = &[
    truth(
        "rate_limits",
        "Whether the documented rate limits apply: further requests in a second return 429.",
        |all| &mut all.v3.rate_limits,
    ),
    Switch {
        field: may(
            "probes_per_mille",
            Kind::Number(0, 1000),
            "The share of replies and notifications with an invalid signature on purpose, in thousandths.",
        ),
        of: Of::PerMille(|all| &mut all.v3.probes_per_mille),
    },
    word(
        "refund_outcome",
        || vec!["SUCCESS", "CLOSED", "ABNORMAL", "PROCESSING"],
        "The default final state of new refunds; PROCESSING keeps them pending.",
        (
            |all| match all.v3.refund_becomes {
                RefundFate::Succeeds => "SUCCESS",
                RefundFate::IsClosed => "CLOSED",
                RefundFate::IsAbnormal => "ABNORMAL",
                RefundFate::Stays => "PROCESSING",
            },
            |all, word| {
                all.v3.refund_becomes = match word {
                    "CLOSED" => RefundFate::IsClosed,
                    "ABNORMAL" => RefundFate::IsAbnormal,
                    "PROCESSING" => RefundFate::Stays,
                    _ => RefundFate::Succeeds,
                };
            },
        ),
    ),
    word(
        "close_unknown_order",
        || vec!["not_found", "no_content"],
        "The reply to closing an unknown order: not_found (404) or no_content (204).",
        (
            |all| if all.v3.unknown_close == UnknownClose::NotFound { "not_found" } else { "no_content" },
            |all, word| {
                let not_found = word == "not_found";
                all.v3.unknown_close =
                    if not_found { UnknownClose::NotFound } else { UnknownClose::NoContent };
            },
        ),
    ),
    word(
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
        |all| &mut all.v3.window,
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
        &mut all.v3.refund_takes
    }),
    seconds("refund_window_seconds", "The time after a payment in which it can be refunded.", |all| {
        &mut all.v3.refundable
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
        |all| &mut all.v3.transfer_confirmable,
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
    truth("v1_require_https", "APIv1: whether plain HTTP is refused.", |all| &mut all.require_https),
    word(
        "v1_plus",
        || vec!["literal", "space"],
        "APIv1: the meaning of + in a value of the package.",
        (
            |all| if all.plus == Plus::Space { "space" } else { "literal" },
            |all, word| all.plus = if word == "space" { Plus::Space } else { Plus::Literal },
        ),
    ),
    word(
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
    word(
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
    word(
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
    word(
        "v1_reuse",
        || vec!["new_prepayid", "refused"],
        "APIv1: the treatment of a second genprepay with the same out_trade_no.",
        (
            |all| if all.reuse == Reuse::Refused { "refused" } else { "new_prepayid" },
            |all, word| all.reuse = if word == "refused" { Reuse::Refused } else { Reuse::NewPrepayid },
        ),
    ),
];

fn fields() -> Vec<Field> {
    SWITCHES.iter().map(|switch| switch.field).collect()
}

/// Returns the value of every setting.
pub(super) fn shown(settings: &Settings) -> Value {
    let mut settings = settings.clone();
    let mut members = Map::new();
    for switch in SWITCHES {
        let value: Value = match switch.of {
            Of::Seconds(at) => at(&mut settings).as_secs().into(),
            Of::Truth(at) => (*at(&mut settings)).into(),
            Of::PerMille(at) => (*at(&mut settings)).into(),
            Of::Word(show, _) => show(&settings).into(),
        };
        members.insert(switch.field.name.into(), value);
    }
    Value::Object(members)
}

fn change(simulation: &mut Simulation, call: &Call<'_>) -> Answer {
    let settings = simulation.gateway.settings_mut();
    for switch in SWITCHES {
        let (name, body) = (switch.field.name, &call.body);
        match switch.of {
            Of::Seconds(at) => {
                if let Some(seconds) = body.number(name) {
                    *at(settings) = Duration::from_secs(seconds);
                }
            }
            Of::Truth(at) => {
                if let Some(truth) = body.truth(name) {
                    *at(settings) = truth;
                }
            }
            Of::PerMille(at) => {
                if let Some(share) = body.number(name).and_then(|share| u32::try_from(share).ok()) {
                    *at(settings) = share;
                }
            }
            Of::Word(_, turn) => {
                if let Some(word) = body.text(name) {
                    turn(settings, word);
                }
            }
        }
    }
    Answer::ok(shown(settings))
}
