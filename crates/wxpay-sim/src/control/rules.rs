//! Rules of trouble as a caller of the interface writes them.

use super::{
    input::{self, Fields},
    problem::Problem,
};
use crate::faults::{Generation, Operation, Rule, Step, Trouble};
use wxpay_proto::UnixTime;

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
    kind("notice_lost", Takes::Nothing, |_| Trouble::NoticeLost),
    kind("notice_delayed", Takes::Millis, |said| Trouble::NoticeDelayed { millis: said.millis }),
    kind("notice_doubled", Takes::Nothing, |_| Trouble::NoticeDoubled),
    kind("notice_reordered", Takes::Nothing, |_| Trouble::NoticeReordered),
    kind("notice_forged", Takes::Nothing, |_| Trouble::NoticeForged),
    kind("notice_unknown_serial", Takes::Nothing, |_| Trouble::NoticeUnknownSerial),
    kind("notice_probe", Takes::Nothing, |_| Trouble::NoticeProbe),
    kind("notice_stale", Takes::Nothing, |_| Trouble::NoticeStale),
];

impl Takes {
    /// The field that it is said in.
    pub(super) const fn field(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Effect => Some("effect"),
            Self::Millis | Self::MillisOr(_) => Some("millis"),
            Self::Bytes => Some("bytes"),
            Self::Rate => Some("bytes_per_second"),
            Self::Step => Some("step"),
        }
    }

    const fn is_required(self) -> bool {
        matches!(self, Self::Millis | Self::Rate | Self::Step)
    }
}

/// The fields of a rule that say when it strikes.
pub(super) const MATCHING: [&str; 11] = [
    "generation",
    "operation",
    "path",
    "mchid",
    "out_trade_no",
    "number",
    "per_mille",
    "count",
    "seed",
    "from",
    "until",
];

/// Ten minutes at most: an answer that nobody waits for.
pub(super) const MOST_MILLIS: u64 = 600_000;
pub(super) const MOST_BYTES: u64 = 1_000_000;

pub(super) fn rule(fields: &Fields) -> Result<Rule, Problem> {
    let word = fields.text("kind")?.ok_or_else(|| Problem::field("kind", "must be there"))?;
    let kind = KINDS.iter().find(|kind| kind.word == word);
    let kind =
        kind.ok_or_else(|| Problem::field("kind", "must be a kind of trouble that the README lists"))?;
    let known: Vec<&str> = MATCHING.into_iter().chain(["kind"]).chain(kind.takes.field()).collect();
    fields.refuse_all_but(&known)?;
    let trouble = (kind.make)(&details(kind, fields)?);
    matching(Rule::new(trouble), trouble, fields)
}

fn details(kind: &Kind, fields: &Fields) -> Result<Details, Problem> {
    if let Some(field) = kind.takes.field().filter(|field| kind.takes.is_required() && !fields.has(field)) {
        return Err(Problem::field(field, "must be there"));
    }
    let default = if let Takes::MillisOr(millis) = kind.takes { millis } else { 0 };
    let step = fields.text("step")?.map(input::step).transpose()?;
    let number = |name, range| fields.number(name, range);
    Ok(Details {
        effect: fields.truth("effect")?.unwrap_or_default(),
        millis: number("millis", 0..=MOST_MILLIS)?.unwrap_or(default),
        bytes: number("bytes", 0..=MOST_BYTES)?.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
        bytes_per_second: number("bytes_per_second", 1..=MOST_BYTES)?
            .and_then(|rate| rate.try_into().ok())
            .unwrap_or(1),
        step: step.unwrap_or(Step::Obtain),
    })
}

fn matching(mut rule: Rule, trouble: Trouble, fields: &Fields) -> Result<Rule, Problem> {
    if let Some(word) = fields.text("generation")? {
        let generation = Generation::named(word);
        rule =
            rule.of_generation(generation.ok_or_else(|| Problem::field("generation", "must be v1 or v3"))?);
    }
    if let Some(word) = fields.text("operation")? {
        let operation = Operation::named(word).ok_or_else(|| {
            Problem::field("operation", "must be one that the README names: genprepay, v3.pay.jsapi, notice")
        })?;
        if !trouble.befalls(operation) {
            return Err(Problem::field("operation", "must be one that this kind can befall"));
        }
        rule = rule.on(operation);
    }
    if let Some(pattern) = fields.text("path")? {
        if !pattern.starts_with(['/', '*']) {
            return Err(Problem::field("path", "must begin with / or *"));
        }
        rule = rule.on_path(pattern);
    }
    if let Some(mchid) = fields.text("mchid")? {
        rule = rule.of_merchant(&input::mchid(mchid)?);
    }
    rule = match (fields.text("out_trade_no")?, fields.text("number")?) {
        (Some(_), Some(_)) => return Err(Problem::field("number", "must not be there beside out_trade_no")),
        (Some(number), None) => rule.of_order(input::order_number(number)?),
        (None, Some("")) => return Err(Problem::field("number", "must not be empty")),
        (None, Some(number)) => rule.of_number(number),
        (None, None) => rule,
    };
    if let Some(per_mille) = fields.number("per_mille", 0..=1000)? {
        rule = rule.per_mille(u32::try_from(per_mille).unwrap_or(1000));
    }
    if let Some(count) = fields.number("count", 0..=u64::from(u32::MAX))? {
        rule = rule.times(u32::try_from(count).unwrap_or(u32::MAX));
    }
    if let Some(seed) = fields.number("seed", 0..=u64::MAX)? {
        rule = rule.seeded(seed);
    }
    let moment = |name| fields.number(name, 0..=u64::MAX).map(|second| second.map(UnixTime::from_secs));
    Ok(rule.within(moment("from")?, moment("until")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_makes_the_trouble_of_its_word_and_can_befall_something() {
        for kind in KINDS {
            let body = match kind.takes {
                Takes::Millis => r#","millis":1"#,
                Takes::Rate => r#","bytes_per_second":1"#,
                Takes::Step => r#","step":"void""#,
                Takes::Nothing | Takes::Effect | Takes::MillisOr(_) | Takes::Bytes => "",
            };
            let body = format!(r#"{{"kind":"{}"{body}}}"#, kind.word);
            let said = details(kind, &Fields::required(body.as_bytes()).ok().unwrap()).ok().unwrap();
            let trouble = (kind.make)(&said);
            assert_eq!(trouble.kind(), kind.word);
            assert!(Operation::all().any(|operation| trouble.befalls(operation)), "{}", kind.word);
        }
        let words: std::collections::BTreeSet<_> = KINDS.iter().map(|kind| kind.word).collect();
        assert_eq!(words.len(), KINDS.len());
    }
}
