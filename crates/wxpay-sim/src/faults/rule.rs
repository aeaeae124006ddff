//! Fault rules: a fault with its conditions, probability and limits.

use super::{ApiVersion, Fault, Operation};
use crate::rng::Rng;
use serde::Serialize;
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutTradeNo},
};

/// A fault rule. Without conditions it injects its fault into every operation that the fault applies to, without a
/// limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use]
pub struct FaultRule {
    /// The rule's number, assigned when the rule is added; 0 before.
    id: u64,
    #[serde(flatten)]
    pub(super) fault: Fault,
    api_version: Option<ApiVersion>,
    operation: Option<Operation>,
    path: Option<String>,
    mchid: Option<String>,
    number: Option<String>,
    per_mille: u32,
    seed: Option<u64>,
    remaining: Option<u32>,
    from: Option<u64>,
    until: Option<u64>,
    /// The number of injections so far.
    hits: u64,
    #[serde(skip)]
    rng: Option<Rng>,
}

/// The properties of an operation that fault rules match.
pub(crate) struct FaultContext {
    pub(crate) api_version: ApiVersion,
    pub(crate) operation: Operation,
    /// The request's path; empty if the operation is not a call.
    pub(crate) path: String,
    /// The merchant's number: `mchid`, or `partner` in APIv1.
    pub(crate) mchid: Option<String>,
    /// The merchant's numbers (of orders, refunds, transfers) that the operation names.
    pub(crate) numbers: Vec<String>,
}

impl FaultRule {
    /// Creates a rule for every operation that the fault applies to.
    pub const fn new(fault: Fault) -> Self {
        Self {
            id: 0,
            fault,
            api_version: None,
            operation: None,
            path: None,
            mchid: None,
            number: None,
            per_mille: 1000,
            seed: None,
            remaining: None,
            from: None,
            until: None,
            hits: 0,
            rng: None,
        }
    }

    /// Limits the rule to one API version.
    pub fn for_api_version(self, api_version: ApiVersion) -> Self {
        Self { api_version: Some(api_version), ..self }
    }

    /// Limits the rule to one operation. If the fault does not apply to the operation, the rule never fires.
    pub fn for_operation(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// Limits the rule to calls with a matching path. `*` matches any run of characters: `/v3/pay/transactions/*`.
    pub fn for_path(self, pattern: &str) -> Self {
        Self { path: Some(pattern.into()), ..self }
    }

    /// Limits the rule to one merchant; in APIv1 the number is its `partner`.
    pub fn for_merchant(self, mchid: &MchId) -> Self {
        Self { mchid: Some(mchid.to_string()), ..self }
    }

    /// Limits the rule to one order.
    #[allow(clippy::needless_pass_by_value, reason = "consistent with the other setters of a rule")]
    pub fn for_order(self, number: OutTradeNo) -> Self {
        Self { number: Some(number.to_string()), ..self }
    }

    /// Limits the rule to one of the merchant's numbers: of an order, a refund or a transfer.
    pub fn for_number(self, number: &str) -> Self {
        Self { number: Some(number.into()), ..self }
    }

    /// Sets the probability of an injection, in 1/1000.
    pub fn per_mille(self, per_mille: u32) -> Self {
        Self { per_mille, ..self }
    }

    /// Sets a seed for the rule's randomness. By default it is derived from the gateway's seed and the rule's number.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Limits the number of injections.
    pub fn at_most(self, times: u32) -> Self {
        Self { remaining: Some(times), ..self }
    }

    /// Limits the rule to a time window of the business clock, in whole seconds: from `from` on, and before `until`.
    pub fn between(self, from: Option<UnixTime>, until: Option<UnixTime>) -> Self {
        Self { from: from.map(UnixTime::as_secs), until: until.map(UnixTime::as_secs), ..self }
    }

    /// Returns the rule's number, which identifies it for removal; 0 until the rule is added.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Returns the fault that the rule injects.
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// Returns the number of injections so far.
    pub const fn hits(&self) -> u64 {
        self.hits
    }

    /// Returns the merchant's number that the rule requires.
    pub(super) fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// Returns whether the rule has fired as often as it may.
    pub(super) fn is_used_up(&self) -> bool {
        self.remaining == Some(0)
    }

    /// Returns the rule with its number and its own randomness, ready to be used.
    pub(super) fn registered(self, id: u64, seed: u64) -> Self {
        let rng = match self.seed {
            Some(seed) => Rng::new(seed, "fault"),
            None => Rng::new(seed, &format!("fault {id}")),
        };
        Self { id, rng: Some(rng), ..self }
    }

    /// Returns whether every condition of the rule holds, except the probability.
    fn matches(&self, context: &FaultContext, now: UnixTime) -> bool {
        let second = now.as_secs();
        let is_unset_or = |wanted: &Option<String>, given: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| given == Some(wanted))
        };
        let is_named = |wanted: &String| context.numbers.contains(wanted);
        self.fault.applies_to(context.operation)
            && (context.api_version == ApiVersion::V3 || !self.fault.is_v3_only())
            && self.api_version.is_none_or(|wanted| wanted == context.api_version)
            && self.operation.is_none_or(|wanted| wanted == context.operation)
            && self.path.as_deref().is_none_or(|pattern| matches_pattern(pattern, &context.path))
            && is_unset_or(&self.mchid, context.mchid.as_deref())
            && self.number.as_ref().is_none_or(is_named)
            && self.remaining != Some(0)
            && self.from.is_none_or(|from| from <= second)
            && self.until.is_none_or(|until| second < until)
    }

    /// Returns whether the rule fires, and counts the injection if it does.
    ///
    /// Randomness is drawn only if the rule matches and its probability is below one. Each rule has its own sequence,
    /// so rules do not disturb each other.
    pub(super) fn fires(&mut self, context: &FaultContext, now: UnixTime) -> bool {
        let per_mille = u64::from(self.per_mille);
        let fires = self.matches(context, now)
            && (per_mille >= 1000 || self.rng.as_mut().is_some_and(|rng| rng.below(1000) < per_mille));
        if fires {
            self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(1));
            self.hits = self.hits.saturating_add(1);
        }
        fires
    }
}

/// Returns whether a text matches a pattern in which `*` stands for any run of characters.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').map_or((None, rest), |(middle, end)| (Some(middle), end));
    let Some(mut text) = text.strip_suffix(end) else { return false };
    for part in middle.into_iter().flat_map(|middle| middle.split('*')) {
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, matching, other) in [
            ("/v3/pay/*", "/v3/pay/transactions/jsapi", "/v3/refund/domestic/refunds"),
            ("*", "/anything", ""),
            ("*/close", "/v3/pay/transactions/out-trade-no/A1/close", "/v3/pay/transactions/out-trade-no/A1"),
            (
                "/v3/*/out-trade-no/*/close",
                "/v3/pay/transactions/out-trade-no/A1/close",
                "/v3/out-trade-no/close",
            ),
            ("/v3/certificates", "/v3/certificates", "/v3/certificates/1"),
            ("ab*ba", "abba", "aba"),
        ] {
            assert!(matches_pattern(pattern, matching), "{pattern} {matching}");
            assert!(other.is_empty() || !matches_pattern(pattern, other), "{pattern} {other}");
        }
    }
}
