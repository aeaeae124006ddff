//! Fault rules in the JSON form of the control interface.

mod variants;

use super::{
    call::Fields,
    field::{DIGITS, Field, Kind as FieldKind, MAX_NUMBER, NUMBER, PATH, optional, required},
    problem::Problem,
};
use crate::faults::{ApiVersion, Fault, FaultRule, MigrationStep, Operation};
pub(super) use variants::variants;
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
    None,
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

const fn kind(name: &'static str, parameter: Parameter, make: fn(&Arguments) -> Fault) -> Kind {
    Kind { name, parameter, make }
}

/// Default delay of `answer_after_client_timeout`, in milliseconds: longer than the usual client timeout.
const CLIENT_TIMEOUT_MILLIS: u64 = 60_000;

/// All fault kinds.
pub(super) const KINDS: &[Kind] = &[
    kind("connection_refused", Parameter::MillisOr(0), |arguments| Fault::ConnectionRefused {
        millis: arguments.millis,
    }),
    kind("drop_before_commit", Parameter::None, |_| Fault::DropBeforeCommit),
    kind("commit_then_drop_response", Parameter::None, |_| Fault::CommitThenDropResponse),
    kind("reset_before_commit", Parameter::None, |_| Fault::ResetBeforeCommit),
    kind("commit_then_reset", Parameter::None, |_| Fault::CommitThenReset),
    kind("delayed", Parameter::Millis, |arguments| Fault::Delayed { millis: arguments.millis }),
    kind("answer_after_client_timeout", Parameter::MillisOr(CLIENT_TIMEOUT_MILLIS), |arguments| {
        Fault::AnswerAfterClientTimeout { millis: arguments.millis }
    }),
    kind("cut", Parameter::Bytes, |arguments| Fault::Cut { bytes: arguments.bytes }),
    kind("slow", Parameter::Rate, |arguments| Fault::Slow { bytes_per_second: arguments.bytes_per_second }),
    kind("server_error", Parameter::Commits, |arguments| Fault::ServerError { commits: arguments.commits }),
    kind("bad_gateway", Parameter::Commits, |arguments| Fault::BadGateway { commits: arguments.commits }),
    kind("unavailable", Parameter::Commits, |arguments| Fault::Unavailable { commits: arguments.commits }),
    kind("garbage", Parameter::Commits, |arguments| Fault::Garbage { commits: arguments.commits }),
    kind("system_error", Parameter::Commits, |arguments| Fault::SystemError { commits: arguments.commits }),
    kind("accepted", Parameter::Commits, |arguments| Fault::Accepted { commits: arguments.commits }),
    kind("rate_limited", Parameter::None, |_| Fault::RateLimited),
    kind("unsigned_reply", Parameter::None, |_| Fault::UnsignedReply),
    kind("wrong_signature", Parameter::None, |_| Fault::WrongSignature),
    kind("signtest_probe", Parameter::None, |_| Fault::SigntestProbe),
    kind("unknown_serial", Parameter::None, |_| Fault::UnknownSerial),
    kind("stale_timestamp", Parameter::None, |_| Fault::StaleTimestamp),
    kind("missing_header", Parameter::None, |_| Fault::MissingHeader),
    kind("tampered_body", Parameter::None, |_| Fault::TamperedBody),
    kind("token_replaced", Parameter::None, |_| Fault::TokenReplaced),
    kind("token_expired", Parameter::None, |_| Fault::TokenExpired),
    kind("quota_used_up", Parameter::None, |_| Fault::QuotaUsedUp),
    kind("early", Parameter::None, |_| Fault::Early),
    kind("second_payment", Parameter::None, |_| Fault::SecondPayment),
    kind("paid_during_close", Parameter::None, |_| Fault::PaidDuringClose),
    kind("certificate_rotated", Parameter::None, |_| Fault::CertificateRotated),
    kind("migration_step", Parameter::Step, |arguments| Fault::MigrationStep { step: arguments.step }),
    kind("notification_lost", Parameter::None, |_| Fault::NotificationLost),
    kind("notification_delayed", Parameter::Millis, |arguments| Fault::NotificationDelayed {
        millis: arguments.millis,
    }),
    kind("notification_duplicated", Parameter::None, |_| Fault::NotificationDuplicated),
    kind("notification_reordered", Parameter::None, |_| Fault::NotificationReordered),
    kind("notification_forged", Parameter::None, |_| Fault::NotificationForged),
    kind("notification_unknown_serial", Parameter::None, |_| Fault::NotificationUnknownSerial),
    kind("notification_probe", Parameter::None, |_| Fault::NotificationProbe),
    kind("notification_stale", Parameter::None, |_| Fault::NotificationStale),
];

/// Maximum delay, in milliseconds: ten minutes, longer than any client waits.
const MAX_MILLIS: u64 = 600_000;
const MAX_BYTES: u64 = 1_000_000;

impl Parameter {
    /// Returns the request field of the parameter.
    pub(super) const fn field(self) -> Option<Field> {
        match self {
            Self::None => None,
            Self::Commits => Some(optional(
                "commits",
                FieldKind::Boolean,
                "True to carry the request out. Default: false.",
            )),
            Self::Millis => Some(required(
                "millis",
                FieldKind::Number(0, MAX_MILLIS),
                "The duration, in milliseconds; at most ten minutes.",
            )),
            Self::MillisOr(_) => Some(optional(
                "millis",
                FieldKind::Number(0, MAX_MILLIS),
                "The duration, in milliseconds; at most ten minutes. faults/kinds lists the default.",
            )),
            Self::Bytes => Some(optional(
                "bytes",
                FieldKind::Number(0, MAX_BYTES),
                "The number of body bytes to send. Default: 0.",
            )),
            Self::Rate => Some(required(
                "bytes_per_second",
                FieldKind::Number(1, MAX_BYTES),
                "The rate, in bytes per second.",
            )),
            Self::Step => Some(required("step", FieldKind::Enum(steps), "The step of the migration.")),
        }
    }
}

/// Fields of a rule that are common to all kinds: the kind, and the conditions under which the rule fires.
const CONDITIONS: [Field; 12] = [
    required("kind", FieldKind::Enum(kinds), "The kind of fault."),
    optional(
        "api_version",
        FieldKind::Enum(api_versions),
        "Only this API version, which must be that of the operation.",
    ),
    optional(
        "operation",
        FieldKind::Enum(operations),
        "Only this operation, which must be one that the kind applies to.",
    ),
    optional(
        "path",
        FieldKind::Form(&PATH),
        "Only paths that match this pattern; * matches any run of characters.",
    ),
    optional("mchid", FieldKind::Text(1, 32, DIGITS), "Only this merchant: mchid, or partner for APIv1."),
    optional("out_trade_no", FieldKind::Text(1, 32, NUMBER), "Only this order."),
    optional(
        "number",
        FieldKind::Text(1, 128, ""),
        "Only this merchant-assigned number: of an order, a refund or a transfer.",
    ),
    optional("per_mille", FieldKind::Number(1, 1000), "The probability, in thousandths. Default: 1000."),
    optional(
        "count",
        FieldKind::Number(1, 4_294_967_295),
        "The maximum number of injections. Default: no limit.",
    ),
    optional(
        "seed",
        FieldKind::Number(0, MAX_NUMBER),
        "A seed for the rule's own randomness. Default: derived from the gateway's.",
    ),
    optional("from", FieldKind::Number(0, MAX_NUMBER), "Not before this second of the business clock."),
    optional(
        "until",
        FieldKind::Number(0, MAX_NUMBER),
        "Only before this second of the business clock, which must be later than from.",
    ),
];

pub(super) fn kinds() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

pub(super) fn api_versions() -> Vec<&'static str> {
    vec!["v1", "v3"]
}

pub(super) fn operations() -> Vec<&'static str> {
    Operation::all().map(Operation::as_str).collect()
}

pub(super) fn steps() -> Vec<&'static str> {
    MigrationStep::ALL.map(MigrationStep::as_str).to_vec()
}

impl Kind {
    /// Returns the fault of this kind, with its parameter at the default or at its minimum.
    pub(super) fn default_fault(&self) -> Fault {
        (self.make)(&self.arguments(&Fields::new(serde_json::Map::new())))
    }

    /// Returns the default of the parameter `millis`, if it has one.
    pub(super) const fn default_millis(&self) -> Option<u64> {
        if let Parameter::MillisOr(millis) = self.parameter { Some(millis) } else { None }
    }

    fn arguments(&self, body: &Fields) -> Arguments {
        let u32_field = |name| body.number(name).and_then(|number| u32::try_from(number).ok());
        // Reads only the parameter of this kind: a test compares the fields that are read with the declared ones.
        let has = |name: &str| self.parameter.field().is_some_and(|field| field.name == name);
        let boolean = |name| has(name).then(|| body.boolean(name)).flatten();
        Arguments {
            commits: boolean("commits").unwrap_or_default(),
            millis: has("millis")
                .then(|| body.number("millis"))
                .flatten()
                .or_else(|| self.default_millis())
                .unwrap_or_default(),
            bytes: has("bytes")
                .then(|| body.number("bytes"))
                .flatten()
                .and_then(|bytes| bytes.try_into().ok())
                .unwrap_or_default(),
            bytes_per_second: has("bytes_per_second")
                .then(|| u32_field("bytes_per_second"))
                .flatten()
                .unwrap_or(1),
            step: has("step")
                .then(|| body.text("step"))
                .flatten()
                .and_then(MigrationStep::from_name)
                .unwrap_or(MigrationStep::Obtain),
        }
    }
}

/// Converts a validated request body to a rule.
pub(super) fn rule(body: &Fields) -> Result<FaultRule, Problem> {
    let name = body.text("kind").unwrap_or_default();
    let kind = KINDS.iter().find(|kind| kind.name == name);
    let kind = kind.ok_or_else(|| Problem::missing_field("kind"))?;
    let fault = (kind.make)(&kind.arguments(body));
    with_conditions(FaultRule::new(fault), body)
}

fn with_conditions(mut rule: FaultRule, body: &Fields) -> Result<FaultRule, Problem> {
    let operation = body.text("operation").and_then(Operation::from_name);
    if let Some(name) = body.text("api_version") {
        if operation.is_some_and(|operation| !variants::is_of_version(operation, name)) {
            return Err(Problem::unprocessable("api_version", "must be that of the operation"));
        }
        if let Some(api_version) = ApiVersion::from_name(name) {
            rule = rule.for_api_version(api_version);
        }
    }
    if let Some(operation) = operation {
        rule = rule.for_operation(operation);
    }
    if let Some(pattern) = body.text("path") {
        rule = rule.for_path(pattern);
    }
    if let Some(mchid) = body.optional::<MchId>("mchid")? {
        rule = rule.for_merchant(&mchid);
    }
    if let Some(number) = body.optional::<OutTradeNo>("out_trade_no")? {
        rule = rule.for_order(number);
    }
    if let Some(number) = body.text("number") {
        rule = rule.for_number(number);
    }
    let u32_field = |name| body.number(name).and_then(|number| u32::try_from(number).ok());
    if let Some(per_mille) = u32_field("per_mille") {
        rule = rule.per_mille(per_mille);
    }
    if let Some(count) = u32_field("count") {
        rule = rule.at_most(count);
    }
    if let Some(seed) = body.number("seed") {
        rule = rule.with_seed(seed);
    }
    let (from, until) = (body.number("from"), body.number("until"));
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        return Err(Problem::unprocessable("until", "must be later than from"));
    }
    Ok(rule.between(from.map(UnixTime::from_secs), until.map(UnixTime::from_secs)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_fault_kind_maps_to_its_name_and_applies_to_an_operation() {
        for kind in KINDS {
            let fault = kind.default_fault();
            assert_eq!(fault.kind(), kind.name);
            assert!(Operation::all().any(|operation| fault.applies_to(operation)), "{}", kind.name);
        }
        assert_eq!(kinds().into_iter().collect::<BTreeSet<_>>().len(), KINDS.len());
    }

    #[test]
    fn every_fault_kind_belongs_to_one_variant() {
        let words: Vec<&str> = variants().iter().flat_map(|variant| variant.kinds.clone()).collect();
        assert_eq!(words.len(), KINDS.len());
        assert_eq!(words.into_iter().collect::<BTreeSet<_>>(), kinds().into_iter().collect());
    }
}
