//! The switches that can be turned while the gateway runs.

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
    about: "The switches that can be turned while the gateway runs.",
    routes: &[
        Route::get("settings", "show_settings", "How the switches stand.", SETTINGS, |simulation, _| {
            Ok(Answer::ok(shown(simulation.gateway.settings())))
        }),
        Route::post(
            "settings",
            "change_settings",
            "Turns the switches that are named.",
            SETTINGS,
            |simulation, call| Ok(change(simulation, call)),
        )
        .by("PATCH")
        .taking(Body::Switches(fields)),
    ],
};

pub(super) const SETTINGS: Shape = Shape::Switches("Settings", fields);

/// A switch: what it may be, how it stands, how it is turned.
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

/// Tells the word of a switch.
type Show = fn(&Settings) -> &'static str;
/// Turns a switch to a word.
type Turn = fn(&mut Settings, &str);

/// Ten years are enough for any pause.
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
        "Whether the documented limits hold: more calls in a second are answered 429.",
        |all| &mut all.v3.rate_limits,
    ),
    Switch {
        field: may(
            "probes_per_mille",
            Kind::Number(0, 1000),
            "How many in a thousand replies and notices are signed wrongly on purpose.",
        ),
        of: Of::PerMille(|all| &mut all.v3.probes_per_mille),
    },
    word(
        "refund_becomes",
        || vec!["SUCCESS", "CLOSED", "ABNORMAL", "PROCESSING"],
        "What becomes of a refund by itself; one that becomes PROCESSING stays on its way.",
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
        "unknown_close",
        || vec!["not_found", "no_content"],
        "What the close of an unknown order is answered: 404, or 204.",
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
        "What a code pay is answered while the payer types the password: the transaction, or 202 USERPAYING.",
        (
            |all| if all.v3.user_paying == UserPaying::Code { "code" } else { "transaction" },
            |all, word| {
                let is_code = word == "code";
                all.v3.user_paying = if is_code { UserPaying::Code } else { UserPaying::Transaction };
            },
        ),
    ),
    seconds("window_seconds", "How far a request's timestamp may be from the gateway's clock.", |all| {
        &mut all.v3.window
    }),
    seconds("prepay_ttl_seconds", "How long a prepay_id or a code_url can be paid.", |all| {
        &mut all.v3.prepay_ttl
    }),
    seconds("order_ttl_seconds", "After how long an unpaid order closes by itself.", |all| {
        &mut all.v3.order_ttl
    }),
    seconds("password_takes_seconds", "How long the payer of a code pay takes over the password.", |all| {
        &mut all.v3.password_takes
    }),
    seconds("refund_takes_seconds", "How long a refund is PROCESSING.", |all| &mut all.v3.refund_takes),
    seconds("refundable_seconds", "How long after a payment it can be refunded.", |all| {
        &mut all.v3.refundable
    }),
    seconds(
        "sharing_takes_seconds",
        "How long the parts of a sharing, and returns, are on their way.",
        |all| &mut all.v3.sharing_takes,
    ),
    seconds("receipt_takes_seconds", "How long the making of a receipt takes.", |all| {
        &mut all.v3.receipt_takes
    }),
    seconds("transfer_takes_seconds", "How long a transfer is ACCEPTED.", |all| &mut all.v3.transfer_takes),
    seconds("transfer_confirmable_seconds", "How long the payee may confirm a transfer.", |all| {
        &mut all.v3.transfer_confirmable
    }),
    seconds("cancel_takes_seconds", "How long a transfer is CANCELING.", |all| &mut all.v3.cancel_takes),
    seconds("bill_takes_seconds", "How long after the end of its day a bill is ready.", |all| {
        &mut all.v3.bill_takes
    }),
    seconds("download_ttl_seconds", "How long a bill's download_url works.", |all| &mut all.v3.download_ttl),
    seconds("notify_delay_seconds", "From a payment to its notice, in both generations.", |all| {
        &mut all.notify_delay
    }),
    seconds(
        "notify_timeout_seconds",
        "How long a delivery waits for its answer, in both generations.",
        |all| &mut all.notify_timeout,
    ),
    seconds("v1_token_ttl_seconds", "The first generation: how long a token works.", |all| {
        &mut all.token_ttl
    }),
    seconds(
        "v1_token_overlap_seconds",
        "The first generation: how long a replaced token still works.",
        |all| &mut all.token_overlap,
    ),
    seconds("v1_prepay_ttl_seconds", "The first generation: how long a prepayid can be paid.", |all| {
        &mut all.prepay_ttl
    }),
    truth("v1_require_https", "The first generation: whether plain HTTP is refused.", |all| {
        &mut all.require_https
    }),
    word(
        "v1_plus",
        || vec!["literal", "space"],
        "The first generation: what + means in a value of the package.",
        (
            |all| if all.plus == Plus::Space { "space" } else { "literal" },
            |all, word| all.plus = if word == "space" { Plus::Space } else { Plus::Literal },
        ),
    ),
    word(
        "v1_success_match",
        || vec!["trimmed_exact", "starts_with"],
        "The first generation: what counts as success in the answer to a notice.",
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
        "The first generation: what the phone takes as package of its seven parameters.",
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
        "The first generation: what an appkey in a request's body does.",
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
        "The first generation: what a second genprepay under one out_trade_no does.",
        (
            |all| if all.reuse == Reuse::Refused { "refused" } else { "new_prepayid" },
            |all, word| all.reuse = if word == "refused" { Reuse::Refused } else { Reuse::NewPrepayid },
        ),
    ),
];

fn fields() -> Vec<Field> {
    SWITCHES.iter().map(|switch| switch.field).collect()
}

/// How every switch stands.
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
