//! Routes of the settings that can be changed while the gateway runs.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{Field, Kind, optional},
    route::{Body, Route, RouteGroup},
    schema::Schema,
};
use crate::settings::{
    CloseUnknownOrder, GzipPlace, LeakedKey, LengthUnit, NoCertificateMessage, PlusSign, RefundOutcome,
    ReusedOrderNumber, SecondSignPackage, Settings, SuccessMatch, UserPayingReply,
};
use serde_json::{Map, Value};
use std::time::Duration;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "settings",
    description: "The settings that can be changed while the gateway runs.",
    routes: &[
        Route::get("settings", "show_settings", "Returns the settings.", SETTINGS, |simulation, _| {
            Ok(ControlResponse::ok(values(simulation.gateway.settings())))
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

pub(super) const SETTINGS: Schema = Schema::Settings("Settings", fields);

/// A setting: its schema, and access to its value.
struct Setting {
    field: Field,
    access: Access,
}

enum Access {
    Seconds(fn(&mut Settings) -> &mut Duration),
    Boolean(fn(&mut Settings) -> &mut bool),
    PerMille(fn(&mut Settings) -> &mut u32),
    Choice(Get, Set),
}

/// Returns the current choice of a setting.
type Get = fn(&Settings) -> &'static str;
/// Sets a setting to a choice.
type Set = fn(&mut Settings, &str);

/// Maximum duration, in seconds: ten years.
const MAX_SECONDS: u64 = 315_360_000;

const fn seconds(
    name: &'static str,
    description: &'static str,
    field_mut: fn(&mut Settings) -> &mut Duration,
) -> Setting {
    Setting {
        field: optional(name, Kind::Number(0, MAX_SECONDS), description),
        access: Access::Seconds(field_mut),
    }
}

const fn boolean(
    name: &'static str,
    description: &'static str,
    field_mut: fn(&mut Settings) -> &mut bool,
) -> Setting {
    Setting { field: optional(name, Kind::Boolean, description), access: Access::Boolean(field_mut) }
}

const fn choice(
    name: &'static str,
    names: fn() -> Vec<&'static str>,
    description: &'static str,
    (get, set): (Get, Set),
) -> Setting {
    Setting { field: optional(name, Kind::Enum(names), description), access: Access::Choice(get, set) }
}

static SETTINGS_TABLE: &[Setting] = &[
    boolean(
        "rate_limits",
        "True if the documented rate limits apply: further requests in a second return 429.",
        |settings| &mut settings.v3.rate_limits,
    ),
    Setting {
        field: optional(
            "probes_per_mille",
            Kind::Number(0, 1000),
            "The share of replies and notifications with a probe's signature, which is invalid, in thousandths.",
        ),
        access: Access::PerMille(|settings| &mut settings.v3.probes_per_mille),
    },
    choice(
        "refund_outcome",
        || vec!["SUCCESS", "CLOSED", "ABNORMAL", "PROCESSING"],
        "The default final state of new refunds; PROCESSING keeps them pending.",
        (
            |settings| match settings.v3.refund_outcome {
                RefundOutcome::Success => "SUCCESS",
                RefundOutcome::Closed => "CLOSED",
                RefundOutcome::Abnormal => "ABNORMAL",
                RefundOutcome::Processing => "PROCESSING",
            },
            |settings, value| {
                settings.v3.refund_outcome = match value {
                    "CLOSED" => RefundOutcome::Closed,
                    "ABNORMAL" => RefundOutcome::Abnormal,
                    "PROCESSING" => RefundOutcome::Processing,
                    _ => RefundOutcome::Success,
                };
            },
        ),
    ),
    choice(
        "close_unknown_order",
        || vec!["not_found", "no_content"],
        "The reply to closing an unknown order: not_found (404) or no_content (204).",
        (
            |settings| {
                if settings.v3.close_unknown_order == CloseUnknownOrder::NotFound {
                    "not_found"
                } else {
                    "no_content"
                }
            },
            |settings, value| {
                let not_found = value == "not_found";
                settings.v3.close_unknown_order =
                    if not_found { CloseUnknownOrder::NotFound } else { CloseUnknownOrder::NoContent };
            },
        ),
    ),
    choice(
        "user_paying",
        || vec!["accepted_transaction", "transaction", "code"],
        "The reply to a code payment while the payer enters the password: accepted_transaction (202 with the \
         transaction), transaction (200) or code (202 USERPAYING).",
        (
            |settings| match settings.v3.user_paying {
                UserPayingReply::AcceptedTransaction => "accepted_transaction",
                UserPayingReply::Transaction => "transaction",
                UserPayingReply::Code => "code",
            },
            |settings, value| {
                settings.v3.user_paying = match value {
                    "transaction" => UserPayingReply::Transaction,
                    "code" => UserPayingReply::Code,
                    _ => UserPayingReply::AcceptedTransaction,
                };
            },
        ),
    ),
    choice(
        "length_unit",
        || vec!["characters", "bytes"],
        "The unit of the lengths of texts for which no public reply shows it, such as description.",
        (
            |settings| {
                if settings.v3.length_unit == LengthUnit::Bytes { "bytes" } else { "characters" }
            },
            |settings, value| {
                let is_bytes = value == "bytes";
                settings.v3.length_unit = if is_bytes { LengthUnit::Bytes } else { LengthUnit::Characters };
            },
        ),
    ),
    boolean("sign_unauthorized", "True if 401 replies of APIv3 are signed.", |settings| {
        &mut settings.v3.sign_unauthorized
    }),
    boolean(
        "compression",
        "True if replies of APIv3 are compressed for requests that offer it.",
        |settings| &mut settings.v3.compression,
    ),
    choice(
        "sub_merchant_bill_gzip",
        || vec!["inside_cipher", "outside_cipher"],
        "The place of the gzip of a sub-merchant's fund flow bill: inside or outside its cipher.",
        (
            |settings| {
                let is_outside = settings.v3.sub_merchant_bill_gzip == GzipPlace::OutsideCipher;
                if is_outside { "outside_cipher" } else { "inside_cipher" }
            },
            |settings, value| {
                let is_outside = value == "outside_cipher";
                settings.v3.sub_merchant_bill_gzip =
                    if is_outside { GzipPlace::OutsideCipher } else { GzipPlace::InsideCipher };
            },
        ),
    ),
    choice(
        "no_certificate_message",
        || vec!["use_public_key", "not_found"],
        "The message of the 404 reply of /v3/certificates: the advice to use the public key, or 证书不存在.",
        (
            |settings| {
                let is_short = settings.v3.no_certificate_message == NoCertificateMessage::NotFound;
                if is_short { "not_found" } else { "use_public_key" }
            },
            |settings, value| {
                settings.v3.no_certificate_message = if value == "not_found" {
                    NoCertificateMessage::NotFound
                } else {
                    NoCertificateMessage::UsePublicKey
                };
            },
        ),
    ),
    seconds(
        "timestamp_tolerance_seconds",
        "The maximum difference of a request's timestamp from the clock.",
        |settings| &mut settings.v3.timestamp_tolerance,
    ),
    seconds("prepay_ttl_seconds", "The lifetime of a prepay_id or a code_url.", |settings| {
        &mut settings.v3.prepay_ttl
    }),
    seconds("order_ttl_seconds", "The time after which an unpaid order is closed.", |settings| {
        &mut settings.v3.order_ttl
    }),
    seconds(
        "password_delay_seconds",
        "The time that the payer of a code payment takes for the password.",
        |settings| &mut settings.v3.password_delay,
    ),
    seconds("refund_duration_seconds", "The time that a refund is PROCESSING.", |settings| {
        &mut settings.v3.refund_duration
    }),
    seconds("refund_window_seconds", "The time after a payment in which it can be refunded.", |settings| {
        &mut settings.v3.refund_window
    }),
    seconds(
        "profitsharing_duration_seconds",
        "The time that receiver amounts are PENDING and returns PROCESSING.",
        |settings| &mut settings.v3.profitsharing_duration,
    ),
    seconds("receipt_duration_seconds", "The time that a receipt is GENERATING.", |settings| {
        &mut settings.v3.receipt_duration
    }),
    seconds("transfer_duration_seconds", "The time that a transfer is ACCEPTED.", |settings| {
        &mut settings.v3.transfer_duration
    }),
    seconds(
        "transfer_confirm_window_seconds",
        "The time in which the payee can confirm a transfer.",
        |settings| &mut settings.v3.transfer_confirm_window,
    ),
    seconds("transfer_cancel_duration_seconds", "The time that a transfer is CANCELING.", |settings| {
        &mut settings.v3.transfer_cancel_duration
    }),
    seconds("bill_delay_seconds", "The time from the end of a day until its bill is ready.", |settings| {
        &mut settings.v3.bill_delay
    }),
    seconds("download_ttl_seconds", "The lifetime of a bill's download_url.", |settings| {
        &mut settings.v3.download_ttl
    }),
    seconds(
        "notify_delay_seconds",
        "The time from a payment to its notification, in both API versions.",
        |settings| &mut settings.notify_delay,
    ),
    seconds(
        "notify_timeout_seconds",
        "The timeout of a notification delivery, in both API versions.",
        |settings| &mut settings.notify_timeout,
    ),
    seconds("v1_token_ttl_seconds", "APIv1: the lifetime of an access token.", |settings| {
        &mut settings.token_ttl
    }),
    seconds(
        "v1_token_overlap_seconds",
        "APIv1: the time for which a replaced access token still works.",
        |settings| &mut settings.token_overlap,
    ),
    seconds("v1_prepay_ttl_seconds", "APIv1: the lifetime of a prepayid.", |settings| {
        &mut settings.prepay_ttl
    }),
    boolean("v1_require_https", "APIv1: true if plain HTTP is refused.", |settings| {
        &mut settings.require_https
    }),
    choice(
        "v1_plus",
        || vec!["literal", "space"],
        "APIv1: the meaning of + in a value of the package.",
        (
            |settings| if settings.plus == PlusSign::Space { "space" } else { "literal" },
            |settings, value| {
                settings.plus = if value == "space" { PlusSign::Space } else { PlusSign::Literal }
            },
        ),
    ),
    choice(
        "v1_success_match",
        || vec!["trimmed_exact", "starts_with"],
        "APIv1: the notification responses that count as success.",
        (
            |settings| {
                if settings.success_match == SuccessMatch::StartsWith {
                    "starts_with"
                } else {
                    "trimmed_exact"
                }
            },
            |settings, value| {
                let is_prefix = value == "starts_with";
                settings.success_match =
                    if is_prefix { SuccessMatch::StartsWith } else { SuccessMatch::TrimmedExact };
            },
        ),
    ),
    choice(
        "v1_second_sign_package",
        || vec!["any_that_verifies", "strict"],
        "APIv1: the values of package that the payer's client accepts.",
        (
            |settings| {
                let is_strict = settings.second_sign_package == SecondSignPackage::Strict;
                if is_strict { "strict" } else { "any_that_verifies" }
            },
            |settings, value| {
                let is_strict = value == "strict";
                settings.second_sign_package =
                    if is_strict { SecondSignPackage::Strict } else { SecondSignPackage::AnyThatVerifies };
            },
        ),
    ),
    choice(
        "v1_leaked_key",
        || vec!["flagged", "refused"],
        "APIv1: the treatment of an appkey in a request body.",
        (
            |settings| if settings.leaked_key == LeakedKey::Refused { "refused" } else { "flagged" },
            |settings, value| {
                settings.leaked_key =
                    if value == "refused" { LeakedKey::Refused } else { LeakedKey::Flagged };
            },
        ),
    ),
    choice(
        "v1_reuse",
        || vec!["new_prepayid", "refused"],
        "APIv1: the treatment of a second genprepay with the same out_trade_no.",
        (
            |settings| {
                if settings.reused_order_number == ReusedOrderNumber::Refused {
                    "refused"
                } else {
                    "new_prepayid"
                }
            },
            |settings, value| {
                settings.reused_order_number = if value == "refused" {
                    ReusedOrderNumber::Refused
                } else {
                    ReusedOrderNumber::NewPrepayid
                }
            },
        ),
    ),
];

fn fields() -> Vec<Field> {
    SETTINGS_TABLE.iter().map(|setting| setting.field).collect()
}

/// Returns the value of every setting.
pub(super) fn values(settings: &Settings) -> Value {
    let mut settings = settings.clone();
    let mut members = Map::new();
    for setting in SETTINGS_TABLE {
        let value: Value = match setting.access {
            Access::Seconds(field_mut) => field_mut(&mut settings).as_secs().into(),
            Access::Boolean(field_mut) => (*field_mut(&mut settings)).into(),
            Access::PerMille(field_mut) => (*field_mut(&mut settings)).into(),
            Access::Choice(get, _) => get(&settings).into(),
        };
        members.insert(setting.field.name.into(), value);
    }
    Value::Object(members)
}

fn change(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    let settings = simulation.gateway.settings_mut();
    for setting in SETTINGS_TABLE {
        let (name, body) = (setting.field.name, &call.body);
        match setting.access {
            Access::Seconds(field_mut) => {
                if let Some(seconds) = body.number(name) {
                    *field_mut(settings) = Duration::from_secs(seconds);
                }
            }
            Access::Boolean(field_mut) => {
                if let Some(value) = body.boolean(name) {
                    *field_mut(settings) = value;
                }
            }
            Access::PerMille(field_mut) => {
                if let Some(value) = body.number(name).and_then(|value| u32::try_from(value).ok()) {
                    *field_mut(settings) = value;
                }
            }
            Access::Choice(_, set) => {
                if let Some(value) = body.text(name) {
                    set(settings, value);
                }
            }
        }
    }
    ControlResponse::ok(values(settings))
}
