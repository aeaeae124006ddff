//! Fault rules in the JSON form of the control interface.

use super::{
    call::Fields,
    field::{DIGITS, Field, Kind as Value, NUMBER, optional, required},
    problem::Problem,
    route::Variant,
};
use crate::faults::{ApiVersion, Fault, FaultRule, MigrationStep, Operation};
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutTradeNo},
};

/// A fault kind: its name, its parameter, and the constructor of the fault.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) parameter: Parameter,
    make: fn(&Arguments) -> Fault,
}

/// Parameter of a fault kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Nothing,
    /// `commits`, optional; false by default.
    Commits,
    /// `millis`, required.
    Millis,
    /// `millis`, optional; the value is the default.
    MillisOr(u64),
    /// `bytes`, optional; 0 by default.
    Bytes,
    /// `bytes_per_second`, required.
    Rate,
    /// `step`, required.
    Step,
}

/// Values of the parameters, defaults included.
struct Arguments {
    commits: bool,
    millis: u64,
    bytes: usize,
    bytes_per_second: u32,
    step: MigrationStep,
}

const fn kind(word: &'static str, takes: Parameter, make: fn(&Arguments) -> Fault) -> Kind {
    Kind { name: word, parameter: takes, make }
}

/// Default delay of `answer_after_client_timeout`, in milliseconds: longer than the usual client timeout.
const CLIENT_TIMEOUT_MILLIS: u64 = 60_000;

/// All fault kinds.
pub(super) const KINDS: &[Kind] = &[
    kind("connection_refused", Parameter::MillisOr(0), |said| Fault::ConnectionRefused {
        millis: said.millis,
    }),
    kind("drop_before_commit", Parameter::Nothing, |_| Fault::DropBeforeCommit),
    kind("commit_then_drop_response", Parameter::Nothing, |_| Fault::CommitThenDropResponse),
    kind("reset_before_commit", Parameter::Nothing, |_| Fault::ResetBeforeCommit),
    kind("commit_then_reset", Parameter::Nothing, |_| Fault::CommitThenReset),
    kind("delayed", Parameter::Millis, |said| Fault::Delayed { millis: said.millis }),
    kind("answer_after_client_timeout", Parameter::MillisOr(CLIENT_TIMEOUT_MILLIS), |said| {
        Fault::AnswerAfterClientTimeout { millis: said.millis }
    }),
    kind("cut", Parameter::Bytes, |said| Fault::Cut { bytes: said.bytes }),
    kind("slow", Parameter::Rate, |said| Fault::Slow { bytes_per_second: said.bytes_per_second }),
    kind("server_error", Parameter::Commits, |said| Fault::ServerError { commits: said.commits }),
    kind("bad_gateway", Parameter::Commits, |said| Fault::BadGateway { commits: said.commits }),
    kind("unavailable", Parameter::Commits, |said| Fault::Unavailable { commits: said.commits }),
    kind("garbage", Parameter::Commits, |said| Fault::Garbage { commits: said.commits }),
    kind("system_error", Parameter::Commits, |said| Fault::SystemError { commits: said.commits }),
    kind("accepted", Parameter::Commits, |said| Fault::Accepted { commits: said.commits }),
    kind("rate_limited", Parameter::Nothing, |_| Fault::RateLimited),
    kind("unsigned_reply", Parameter::Nothing, |_| Fault::UnsignedReply),
    kind("wrong_signature", Parameter::Nothing, |_| Fault::WrongSignature),
    kind("signtest_probe", Parameter::Nothing, |_| Fault::SigntestProbe),
    kind("unknown_serial", Parameter::Nothing, |_| Fault::UnknownSerial),
    kind("stale_timestamp", Parameter::Nothing, |_| Fault::StaleTimestamp),
    kind("missing_header", Parameter::Nothing, |_| Fault::MissingHeader),
    kind("tampered_body", Parameter::Nothing, |_| Fault::TamperedBody),
    kind("token_replaced", Parameter::Nothing, |_| Fault::TokenReplaced),
    kind("token_expired", Parameter::Nothing, |_| Fault::TokenExpired),
    kind("quota_used_up", Parameter::Nothing, |_| Fault::QuotaUsedUp),
    kind("early", Parameter::Nothing, |_| Fault::Early),
    kind("second_payment", Parameter::Nothing, |_| Fault::SecondPayment),
    kind("paid_during_close", Parameter::Nothing, |_| Fault::PaidDuringClose),
    kind("certificate_rotated", Parameter::Nothing, |_| Fault::CertificateRotated),
    kind("migration_step", Parameter::Step, |said| Fault::MigrationStep { step: said.step }),
    kind("notification_lost", Parameter::Nothing, |_| Fault::NotificationLost),
    kind("notification_delayed", Parameter::Millis, |said| Fault::NotificationDelayed {
        millis: said.millis,
    }),
    kind("notification_duplicated", Parameter::Nothing, |_| Fault::NotificationDoubled),
    kind("notification_reordered", Parameter::Nothing, |_| Fault::NotificationReordered),
    kind("notification_forged", Parameter::Nothing, |_| Fault::NotificationForged),
    kind("notification_unknown_serial", Parameter::Nothing, |_| Fault::NotificationUnknownSerial),
    kind("notification_probe", Parameter::Nothing, |_| Fault::NotificationProbe),
    kind("notification_stale", Parameter::Nothing, |_| Fault::NotificationStale),
];

/// Maximum delay, in milliseconds: ten minutes, longer than any client waits.
const MAX_MILLIS: u64 = 600_000;
const MAX_BYTES: u64 = 1_000_000;

impl Parameter {
    /// All variants; the default in `MillisOr` is arbitrary.
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Commits,
        Self::Millis,
        Self::MillisOr(CLIENT_TIMEOUT_MILLIS),
        Self::Bytes,
        Self::Rate,
        Self::Step,
    ];

    /// Returns the request field of the parameter.
    pub(super) const fn field(self) -> Option<Field> {
        match self {
            Self::Nothing => None,
            Self::Commits => {
                Some(optional("commits", Value::Boolean, "True to carry the request out. Default: false."))
            }
            Self::Millis => Some(required(
                "millis",
                Value::Number(0, MAX_MILLIS),
                "The duration, in milliseconds; at most ten minutes.",
            )),
            Self::MillisOr(_) => Some(optional(
                "millis",
                Value::Number(0, MAX_MILLIS),
                "The duration, in milliseconds; at most ten minutes. faults/kinds lists the default.",
            )),
            Self::Bytes => Some(optional(
                "bytes",
                Value::Number(0, MAX_BYTES),
                "The number of body bytes to send. Default: 0.",
            )),
            Self::Rate => Some(required(
                "bytes_per_second",
                Value::Number(1, MAX_BYTES),
                "The rate, in bytes per second.",
            )),
            Self::Step => Some(required("step", Value::Enum(steps), "The step of the migration.")),
        }
    }

    const fn variant(self) -> &'static str {
        match self {
            Self::Nothing => "Fault",
            Self::Commits => "FaultWithCommits",
            Self::Millis => "FaultWithMillis",
            Self::MillisOr(_) => "FaultWithDefaultMillis",
            Self::Bytes => "FaultWithBytes",
            Self::Rate => "FaultWithRate",
            Self::Step => "FaultWithStep",
        }
    }

    fn has_same_schema(self, other: Self) -> bool {
        self.variant() == other.variant()
    }
}

/// Fields of a rule that are common to all kinds: the kind, and the conditions under which the rule fires.
const CONDITIONS: [Field; 12] = [
    required("kind", Value::Enum(kinds), "The kind of fault."),
    optional("api_version", Value::Enum(|| vec!["v1", "v3"]), "Only this API version."),
    optional(
        "operation",
        Value::Enum(operations),
        "Only this operation, which must be one that the kind applies to.",
    ),
    optional("path", Value::Path, "Only paths that match this pattern; * matches any run of characters."),
    optional("mchid", Value::Text(1, 32, DIGITS), "Only this merchant: mchid, or partner for APIv1."),
    optional("out_trade_no", Value::Text(1, 32, NUMBER), "Only this order."),
    optional(
        "number",
        Value::Text(1, 128, ""),
        "Only this merchant-assigned number: of an order, a refund or a transfer.",
    ),
    optional("per_mille", Value::Number(0, 1000), "The probability, in thousandths. Default: 1000."),
    optional(
        "count",
        Value::Number(0, 4_294_967_295),
        "The maximum number of injections. Default: no limit.",
    ),
    optional(
        "seed",
        Value::Number(0, u64::MAX),
        "A seed for the rule's own randomness. Default: derived from the gateway's.",
    ),
    optional("from", Value::Number(0, u64::MAX), "Not before this second of the virtual clock."),
    optional("until", Value::Number(0, u64::MAX), "Only before this second of the virtual clock."),
];

pub(super) fn kinds() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

pub(super) fn operations() -> Vec<&'static str> {
    Operation::all().map(Operation::as_str).collect()
}

pub(super) fn steps() -> Vec<&'static str> {
    MigrationStep::ALL.map(MigrationStep::as_str).to_vec()
}

/// Returns the schemas of a rule, one for each parameter.
pub(super) fn variants() -> Vec<Variant> {
    let variants = Parameter::ALL.map(|takes| {
        let like = KINDS.iter().filter(|kind| kind.parameter.has_same_schema(takes));
        Variant {
            name: takes.variant(),
            kinds: like.map(|kind| kind.name).collect(),
            fields: CONDITIONS.into_iter().chain(takes.field()).collect(),
            exclusive: ["out_trade_no", "number"],
        }
    });
    variants.into()
}

impl Kind {
    /// Returns the fault of this kind, with its parameter at the default or at its minimum.
    pub(super) fn default_fault(&self) -> Fault {
        (self.make)(&self.details(&Fields::new(serde_json::Map::new())))
    }

    /// Returns the default of the parameter `millis`, if it has one.
    pub(super) const fn default_millis(&self) -> Option<u64> {
        if let Parameter::MillisOr(millis) = self.parameter { Some(millis) } else { None }
    }

    fn details(&self, said: &Fields) -> Arguments {
        let small = |name| said.number(name).and_then(|number| u32::try_from(number).ok());
        let has = |name: &str| self.parameter.field().is_some_and(|field| field.name == name);
        let truth = |name| has(name).then(|| said.boolean(name)).flatten();
        Arguments {
            commits: truth("commits").unwrap_or_default(),
            millis: has("millis")
                .then(|| said.number("millis"))
                .flatten()
                .or_else(|| self.default_millis())
                .unwrap_or_default(),
            bytes: has("bytes")
                .then(|| said.number("bytes"))
                .flatten()
                .and_then(|bytes| bytes.try_into().ok())
                .unwrap_or_default(),
            bytes_per_second: has("bytes_per_second")
                .then(|| small("bytes_per_second"))
                .flatten()
                .unwrap_or(1),
            step: has("step")
                .then(|| said.text("step"))
                .flatten()
                .and_then(MigrationStep::from_name)
                .unwrap_or(MigrationStep::Obtain),
        }
    }
}

/// Converts a validated request body to a rule.
pub(super) fn rule(said: &Fields) -> Result<FaultRule, Problem> {
    let word = said.text("kind").unwrap_or_default();
    let kind = KINDS.iter().find(|kind| kind.name == word);
    let kind = kind.ok_or_else(|| Problem::missing_field("kind"))?;
    let trouble = (kind.make)(&kind.details(said));
    with_conditions(FaultRule::new(trouble), trouble, said)
}

fn with_conditions(mut rule: FaultRule, trouble: Fault, said: &Fields) -> Result<FaultRule, Problem> {
    if let Some(generation) = said.text("api_version").and_then(ApiVersion::from_name) {
        rule = rule.for_api_version(generation);
    }
    if let Some(operation) = said.text("operation").and_then(Operation::from_name) {
        if !trouble.applies_to(operation) {
            return Err(Problem::invalid_field("operation", "must be one that this kind applies to"));
        }
        rule = rule.for_operation(operation);
    }
    if let Some(pattern) = said.text("path") {
        rule = rule.for_path(pattern);
    }
    if let Some(mchid) = said.optional::<MchId>("mchid")? {
        rule = rule.for_merchant(&mchid);
    }
    if let Some(number) = said.optional::<OutTradeNo>("out_trade_no")? {
        rule = rule.for_order(number);
    }
    if let Some(number) = said.text("number") {
        rule = rule.for_number(number);
    }
    let small = |name| said.number(name).and_then(|number| u32::try_from(number).ok());
    if let Some(per_mille) = small("per_mille") {
        rule = rule.per_mille(per_mille);
    }
    if let Some(count) = small("count") {
        rule = rule.at_most(count);
    }
    if let Some(seed) = said.number("seed") {
        rule = rule.with_seed(seed);
    }
    let moment = |name| said.number(name).map(UnixTime::from_secs);
    Ok(rule.between(moment("from"), moment("until")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_makes_the_trouble_of_its_word_and_can_befall_something() {
        for kind in KINDS {
            let trouble = kind.default_fault();
            assert_eq!(trouble.kind(), kind.name);
            assert!(Operation::all().any(|operation| trouble.applies_to(operation)), "{}", kind.name);
        }
        assert_eq!(kinds().into_iter().collect::<BTreeSet<_>>().len(), KINDS.len());
    }

    #[test]
    fn every_kind_is_of_one_variant() {
        let words: Vec<&str> = variants().iter().flat_map(|variant| variant.kinds.clone()).collect();
        assert_eq!(words.len(), KINDS.len());
        assert_eq!(words.into_iter().collect::<BTreeSet<_>>(), kinds().into_iter().collect());
    }
}
