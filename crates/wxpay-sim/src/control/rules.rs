//! Rules of trouble as a caller of the interface writes them.

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

/// A kind of trouble: its word, and what must or may be said besides.
pub(super) struct Kind {
    pub(super) word: &'static str,
    pub(super) takes: Takes,
    make: fn(&Details) -> Trouble,
}

/// What a kind takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// `effect`; false if it is not said.
    Effect,
    /// `millis`, which must be said.
    Millis,
    /// `millis`; this many if it is not said.
    MillisOr(u64),
    /// `bytes`; 0 if it is not said.
    Bytes,
    /// `bytes_per_second`, which must be said.
    Rate,
    /// `step`, which must be said.
    Step,
}

/// What was said.
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

/// Longer than clients of ordinary patience wait.
const PATIENCE_MILLIS: u64 = 60_000;

/// Every kind.
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
    kind("notice_lost", Takes::Nothing, |_| Trouble::NotificationLost),
    kind("notice_delayed", Takes::Millis, |said| Trouble::NotificationDelayed { millis: said.millis }),
    kind("notice_doubled", Takes::Nothing, |_| Trouble::NotificationDoubled),
    kind("notice_reordered", Takes::Nothing, |_| Trouble::NotificationReordered),
    kind("notice_forged", Takes::Nothing, |_| Trouble::NotificationForged),
    kind("notice_unknown_serial", Takes::Nothing, |_| Trouble::NotificationUnknownSerial),
    kind("notice_probe", Takes::Nothing, |_| Trouble::NotificationProbe),
    kind("notice_stale", Takes::Nothing, |_| Trouble::NotificationStale),
];

/// Ten minutes at most: an answer that nobody waits for.
const MOST_MILLIS: u64 = 600_000;
const MOST_BYTES: u64 = 1_000_000;

impl Takes {
    /// All, the default of what may be left out aside.
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Effect,
        Self::Millis,
        Self::MillisOr(PATIENCE_MILLIS),
        Self::Bytes,
        Self::Rate,
        Self::Step,
    ];

    /// The field that it is said in.
    pub(super) const fn field(self) -> Option<Field> {
        match self {
            Self::Nothing => None,
            Self::Effect => {
                Some(may("effect", Value::Truth, "Whether the request is carried out; it is not."))
            }
            Self::Millis => Some(must(
                "millis",
                Value::Number(0, MOST_MILLIS),
                "So many milliseconds; ten minutes at most.",
            )),
            Self::MillisOr(_) => Some(may(
                "millis",
                Value::Number(0, MOST_MILLIS),
                "So many milliseconds; ten minutes at most. faults/kinds has what counts if it is not said.",
            )),
            Self::Bytes => {
                Some(may("bytes", Value::Number(0, MOST_BYTES), "After so many bytes of the body; none."))
            }
            Self::Rate => {
                Some(must("bytes_per_second", Value::Number(1, MOST_BYTES), "So many bytes in a second."))
            }
            Self::Step => Some(must("step", Value::OneOf(steps), "Which step.")),
        }
    }

    const fn variant(self) -> &'static str {
        match self {
            Self::Nothing => "Fault",
            Self::Effect => "FaultWithEffect",
            Self::Millis => "FaultWithMillis",
            Self::MillisOr(_) => "FaultWithOwnMillis",
            Self::Bytes => "FaultWithBytes",
            Self::Rate => "FaultWithRate",
            Self::Step => "FaultWithStep",
        }
    }

    fn is_like(self, other: Self) -> bool {
        self.variant() == other.variant()
    }
}

/// The fields of a rule that say when it strikes.
const MATCHING: [Field; 12] = [
    must("kind", Value::OneOf(kinds), "What goes wrong."),
    may("generation", Value::OneOf(|| vec!["v1", "v3"]), "In this generation alone."),
    may(
        "operation",
        Value::OneOf(operations),
        "With this operation alone, which must be one that the kind befalls.",
    ),
    may("path", Value::Path, "On paths of this pattern alone; a star stands for any run of characters."),
    may(
        "mchid",
        Value::Text(1, 32, DIGITS),
        "With this merchant alone; in the first generation its partner.",
    ),
    may("out_trade_no", Value::Text(1, 32, NUMBER), "With this order alone."),
    may(
        "number",
        Value::Text(1, 128, ""),
        "With this number of the merchant's alone: an order's, a refund's, a transfer's.",
    ),
    may("per_mille", Value::Number(0, 1000), "In so many of a thousand cases; in all."),
    may("count", Value::Number(0, 4_294_967_295), "So often at most; for ever."),
    may("seed", Value::Number(0, u64::MAX), "With chance of its own; it follows from the gateway's."),
    may("from", Value::Number(0, u64::MAX), "From this second of the virtual clock on."),
    may("until", Value::Number(0, u64::MAX), "Until before this second of the virtual clock."),
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

/// What a rule may say, by what its kind takes.
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
    /// The trouble that it stands for; what is not said is as little as can be.
    pub(super) fn plain(&self) -> Trouble {
        (self.make)(&self.details(&Fields::new(serde_json::Map::new())))
    }

    /// How many milliseconds count if none are said.
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

/// The rule that a body says, which has been held to its variant.
pub(super) fn rule(said: &Fields) -> Result<Rule, Problem> {
    let word = said.text("kind").unwrap_or_default();
    let kind = KINDS.iter().find(|kind| kind.word == word);
    let kind = kind.ok_or_else(|| Problem::missing_field("kind"))?;
    let trouble = (kind.make)(&kind.details(said));
    matching(Rule::new(trouble), trouble, said)
}

fn matching(mut rule: Rule, trouble: Trouble, said: &Fields) -> Result<Rule, Problem> {
    if let Some(generation) = said.text("generation").and_then(Generation::named) {
        rule = rule.of_generation(generation);
    }
    if let Some(operation) = said.text("operation").and_then(Operation::named) {
        if !trouble.befalls(operation) {
            return Err(Problem::field("operation", "must be one that this kind can befall"));
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
