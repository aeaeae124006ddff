//! Fault rules in the JSON form of the control interface.

use super::{
    call::Fields,
    field::{DIGITS, Field, Kind as Value, NUMBER, may, must},
    problem::Problem,
    route::Variant,
};
use crate::faults::{Generation, Operation, Rule, Step, Trouble};
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutTradeNo},
};

/// A fault kind: its name, its parameter, and the constructor of the fault.
pub(super) struct Kind {
    pub(super) word: &'static str,
    pub(super) takes: Takes,
    make: fn(&Details) -> Trouble,
}

/// Parameter of a fault kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// `effect`, optional; false by default.
    Effect,
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
struct Details {
    effect: bool,
    millis: u64,
    bytes: usize,
    bytes_per_second: u32,
    step: Step,
}

const fn kind(word: &'static str, takes: Takes, make: fn(&Details) -> Trouble) -> Kind {
    Kind { word, takes, make }
}

/// Default delay of `answer_after_client_timeout`, in milliseconds: longer than the usual client timeout.
const PATIENCE_MILLIS: u64 = 60_000;

/// All fault kinds.
pub(super) const KINDS: &[Kind] = &[
    kind("connection_refused", Takes::MillisOr(0), |said| Trouble::ConnectionRefused { millis: said.millis }),
    kind("drop_before_commit", Takes::Nothing, |_| Trouble::DropBeforeCommit),
    kind("commit_then_drop_response", Takes::Nothing, |_| Trouble::CommitThenDropResponse),
    kind("reset_before_commit", Takes::Nothing, |_| Trouble::ResetBeforeCommit),
    kind("commit_then_reset", Takes::Nothing, |_| Trouble::CommitThenReset),
    kind("delayed", Takes::Millis, |said| Trouble::Delayed { millis: said.millis }),
    kind("answer_after_client_timeout", Takes::MillisOr(PATIENCE_MILLIS), |said| {
        Trouble::AnswerAfterClientTimeout { millis: said.millis }
    }),
    kind("cut", Takes::Bytes, |said| Trouble::Cut { bytes: said.bytes }),
    kind("slow", Takes::Rate, |said| Trouble::Slow { bytes_per_second: said.bytes_per_second }),
    kind("server_error", Takes::Effect, |said| Trouble::ServerError { effect: said.effect }),
    kind("bad_gateway", Takes::Effect, |said| Trouble::BadGateway { effect: said.effect }),
    kind("unavailable", Takes::Effect, |said| Trouble::Unavailable { effect: said.effect }),
    kind("garbage", Takes::Effect, |said| Trouble::Garbage { effect: said.effect }),
    kind("system_error", Takes::Effect, |said| Trouble::SystemError { effect: said.effect }),
    kind("accepted", Takes::Effect, |said| Trouble::Accepted { effect: said.effect }),
    kind("rate_limited", Takes::Nothing, |_| Trouble::RateLimited),
    kind("unsigned_reply", Takes::Nothing, |_| Trouble::UnsignedReply),
    kind("wrong_signature", Takes::Nothing, |_| Trouble::WrongSignature),
    kind("signtest_probe", Takes::Nothing, |_| Trouble::SigntestProbe),
    kind("unknown_serial", Takes::Nothing, |_| Trouble::UnknownSerial),
    kind("stale_timestamp", Takes::Nothing, |_| Trouble::StaleTimestamp),
    kind("missing_header", Takes::Nothing, |_| Trouble::MissingHeader),
    kind("tampered_body", Takes::Nothing, |_| Trouble::TamperedBody),
    kind("token_replaced", Takes::Nothing, |_| Trouble::TokenReplaced),
    kind("token_expired", Takes::Nothing, |_| Trouble::TokenExpired),
    kind("quota_used_up", Takes::Nothing, |_| Trouble::QuotaUsedUp),
    kind("early", Takes::Nothing, |_| Trouble::Early),
    kind("second_payment", Takes::Nothing, |_| Trouble::SecondPayment),
    kind("paid_during_close", Takes::Nothing, |_| Trouble::PaidDuringClose),
    kind("certificate_rotated", Takes::Nothing, |_| Trouble::CertificateRotated),
    kind("migration_step", Takes::Step, |said| Trouble::MigrationStep { step: said.step }),
    kind("notification_lost", Takes::Nothing, |_| Trouble::NotificationLost),
    kind("notification_delayed", Takes::Millis, |said| Trouble::NotificationDelayed { millis: said.millis }),
    kind("notification_duplicated", Takes::Nothing, |_| Trouble::NotificationDoubled),
    kind("notification_reordered", Takes::Nothing, |_| Trouble::NotificationReordered),
    kind("notification_forged", Takes::Nothing, |_| Trouble::NotificationForged),
    kind("notification_unknown_serial", Takes::Nothing, |_| Trouble::NotificationUnknownSerial),
    kind("notification_probe", Takes::Nothing, |_| Trouble::NotificationProbe),
    kind("notification_stale", Takes::Nothing, |_| Trouble::NotificationStale),
];

/// Maximum delay, in milliseconds: ten minutes, longer than any client waits.
const MOST_MILLIS: u64 = 600_000;
const MOST_BYTES: u64 = 1_000_000;

impl Takes {
    /// All variants; the default in `MillisOr` is arbitrary.
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Effect,
        Self::Millis,
        Self::MillisOr(PATIENCE_MILLIS),
        Self::Bytes,
        Self::Rate,
        Self::Step,
    ];

    /// Returns the request field of the parameter.
    pub(super) const fn field(self) -> Option<Field> {
        match self {
            Self::Nothing => None,
            Self::Effect => {
                Some(may("effect", Value::Truth, "True to carry the request out. Default: false."))
            }
            Self::Millis => Some(must(
                "millis",
                Value::Number(0, MOST_MILLIS),
                "The duration, in milliseconds; at most ten minutes.",
            )),
            Self::MillisOr(_) => Some(may(
                "millis",
                Value::Number(0, MOST_MILLIS),
                "The duration, in milliseconds; at most ten minutes. faults/kinds lists the default.",
            )),
            Self::Bytes => Some(may(
                "bytes",
                Value::Number(0, MOST_BYTES),
                "The number of body bytes to send. Default: 0.",
            )),
            Self::Rate => {
                Some(must("bytes_per_second", Value::Number(1, MOST_BYTES), "The rate, in bytes per second."))
            }
            Self::Step => Some(must("step", Value::OneOf(steps), "The step of the migration.")),
        }
    }

    const fn variant(self) -> &'static str {
        match self {
            Self::Nothing => "Fault",
            Self::Effect => "FaultWithEffect",
            Self::Millis => "FaultWithMillis",
            Self::MillisOr(_) => "FaultWithDefaultMillis",
            Self::Bytes => "FaultWithBytes",
            Self::Rate => "FaultWithRate",
            Self::Step => "FaultWithStep",
        }
    }

    fn is_like(self, other: Self) -> bool {
        self.variant() == other.variant()
    }
}

/// Fields of a rule that are common to all kinds: the kind, and the conditions under which the rule fires.
const MATCHING: [Field; 12] = [
    must("kind", Value::OneOf(kinds), "The kind of fault."),
    may("api_version", Value::OneOf(|| vec!["v1", "v3"]), "Only this API version."),
    may(
        "operation",
        Value::OneOf(operations),
        "Only this operation, which must be one that the kind applies to.",
    ),
    may("path", Value::Path, "Only paths that match this pattern; * matches any run of characters."),
    may("mchid", Value::Text(1, 32, DIGITS), "Only this merchant: mchid, or partner for APIv1."),
    may("out_trade_no", Value::Text(1, 32, NUMBER), "Only this order."),
    may(
        "number",
        Value::Text(1, 128, ""),
        "Only this merchant-assigned number: of an order, a refund or a transfer.",
    ),
    may("per_mille", Value::Number(0, 1000), "The probability, in thousandths. Default: 1000."),
    may("count", Value::Number(0, 4_294_967_295), "The maximum number of injections. Default: no limit."),
    may(
        "seed",
        Value::Number(0, u64::MAX),
        "A seed for the rule's own randomness. Default: derived from the gateway's.",
    ),
    may("from", Value::Number(0, u64::MAX), "Not before this second of the virtual clock."),
    may("until", Value::Number(0, u64::MAX), "Only before this second of the virtual clock."),
];

pub(super) fn kinds() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.word).collect()
}

pub(super) fn operations() -> Vec<&'static str> {
    Operation::all().map(Operation::as_str).collect()
}

pub(super) fn steps() -> Vec<&'static str> {
    Step::ALL.map(Step::as_str).to_vec()
}

/// Returns the schemas of a rule, one for each parameter.
pub(super) fn variants() -> Vec<Variant> {
    let variants = Takes::ALL.map(|takes| {
        let like = KINDS.iter().filter(|kind| kind.takes.is_like(takes));
        Variant {
            name: takes.variant(),
            words: like.map(|kind| kind.word).collect(),
            fields: MATCHING.into_iter().chain(takes.field()).collect(),
            never_both: ["out_trade_no", "number"],
        }
    });
    variants.into()
}

impl Kind {
    /// Returns the fault of this kind, with its parameter at the default or at its minimum.
    pub(super) fn plain(&self) -> Trouble {
        (self.make)(&self.details(&Fields::new(serde_json::Map::new())))
    }

    /// Returns the default of the parameter `millis`, if it has one.
    pub(super) const fn millis(&self) -> Option<u64> {
        if let Takes::MillisOr(millis) = self.takes { Some(millis) } else { None }
    }

    fn details(&self, said: &Fields) -> Details {
        let small = |name| said.number(name).and_then(|number| u32::try_from(number).ok());
        let has = |name: &str| self.takes.field().is_some_and(|field| field.name == name);
        let truth = |name| has(name).then(|| said.truth(name)).flatten();
        Details {
            effect: truth("effect").unwrap_or_default(),
            millis: has("millis")
                .then(|| said.number("millis"))
                .flatten()
                .or_else(|| self.millis())
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
                .and_then(Step::named)
                .unwrap_or(Step::Obtain),
        }
    }
}

/// Converts a validated request body to a rule.
pub(super) fn rule(said: &Fields) -> Result<Rule, Problem> {
    let word = said.text("kind").unwrap_or_default();
    let kind = KINDS.iter().find(|kind| kind.word == word);
    let kind = kind.ok_or_else(|| Problem::missing_field("kind"))?;
    let trouble = (kind.make)(&kind.details(said));
    matching(Rule::new(trouble), trouble, said)
}

fn matching(mut rule: Rule, trouble: Trouble, said: &Fields) -> Result<Rule, Problem> {
    if let Some(generation) = said.text("api_version").and_then(Generation::named) {
        rule = rule.of_generation(generation);
    }
    if let Some(operation) = said.text("operation").and_then(Operation::named) {
        if !trouble.befalls(operation) {
            return Err(Problem::field("operation", "must be one that this kind applies to"));
        }
        rule = rule.on(operation);
    }
    if let Some(pattern) = said.text("path") {
        rule = rule.on_path(pattern);
    }
    if let Some(mchid) = said.parsed::<MchId>("mchid")? {
        rule = rule.of_merchant(&mchid);
    }
    if let Some(number) = said.parsed::<OutTradeNo>("out_trade_no")? {
        rule = rule.of_order(number);
    }
    if let Some(number) = said.text("number") {
        rule = rule.of_number(number);
    }
    let small = |name| said.number(name).and_then(|number| u32::try_from(number).ok());
    if let Some(per_mille) = small("per_mille") {
        rule = rule.per_mille(per_mille);
    }
    if let Some(count) = small("count") {
        rule = rule.times(count);
    }
    if let Some(seed) = said.number("seed") {
        rule = rule.seeded(seed);
    }
    let moment = |name| said.number(name).map(UnixTime::from_secs);
    Ok(rule.within(moment("from"), moment("until")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_makes_the_trouble_of_its_word_and_can_befall_something() {
        for kind in KINDS {
            let trouble = kind.plain();
            assert_eq!(trouble.kind(), kind.word);
            assert!(Operation::all().any(|operation| trouble.befalls(operation)), "{}", kind.word);
        }
        assert_eq!(kinds().into_iter().collect::<BTreeSet<_>>().len(), KINDS.len());
    }

    #[test]
    fn every_kind_is_of_one_variant() {
        let words: Vec<&str> = variants().iter().flat_map(|variant| variant.words.clone()).collect();
        assert_eq!(words.len(), KINDS.len());
        assert_eq!(words.into_iter().collect::<BTreeSet<_>>(), kinds().into_iter().collect());
    }
}
