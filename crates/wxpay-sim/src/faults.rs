//! Fault injection: rules that match by API version, operation, path, merchant, number, probability, count and time.
//!
//! Randomness is derived from a seed, so a run can be repeated.

mod fault;
mod operation;
mod rule;

pub(crate) use fault::Substitute;
pub use fault::{Fault, MigrationStep};
pub use operation::{ApiVersion, Operation};
pub(crate) use rule::FaultContext;
pub use rule::FaultRule;

use std::collections::BTreeMap;
use wxpay_proto::UnixTime;

/// The rules in force. The first rule that matches and fires decides; the rules after it are not evaluated.
#[derive(Clone, Debug)]
pub(crate) struct FaultRules {
    /// All rules, in ascending order of their numbers.
    rules: Vec<FaultRule>,
    /// The rules that can still fire, by the merchant's number that they require. A test may add a rule per order: an
    /// operation must not evaluate those of other orders.
    by_number: BTreeMap<String, Vec<u64>>,
    /// The rules that can still fire and require no number.
    for_any_number: Vec<u64>,
    seed: u64,
    last_id: u64,
}

impl FaultRules {
    pub(crate) fn new(seed: u64) -> Self {
        let (rules, by_number, for_any_number) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { rules, by_number, for_any_number, seed, last_id: 0 }
    }

    /// Adds a rule after the others. Returns its number.
    pub(crate) fn add(&mut self, rule: FaultRule) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        let id = self.last_id;
        match rule.number() {
            Some(number) => self.by_number.entry(number.into()).or_default().push(id),
            None => self.for_any_number.push(id),
        }
        self.rules.push(rule.registered(id, self.seed));
        id
    }

    /// Removes a rule. Returns whether it existed.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let Ok(index) = self.rules.binary_search_by_key(&id, FaultRule::id) else { return false };
        let rule = self.rules.remove(index);
        self.forget(id, rule.number());
        true
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
        self.by_number.clear();
        self.for_any_number.clear();
    }

    pub(crate) fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    /// Returns the fault to inject now, if a rule fires. Builds the context only if a rule can fire.
    pub(crate) fn inject(&mut self, context: impl FnOnce() -> FaultContext, now: UnixTime) -> Option<Fault> {
        if self.by_number.is_empty() && self.for_any_number.is_empty() {
            return None;
        }
        let context = context();
        let of_number = context.numbers.iter().filter_map(|number| self.by_number.get(number)).flatten();
        let mut candidates: Vec<u64> = self.for_any_number.iter().chain(of_number).copied().collect();
        candidates.sort_unstable();
        // An operation may name one number twice.
        candidates.dedup();
        candidates.into_iter().find_map(|id| self.fire(id, &context, now))
    }

    /// Returns the fault of a rule if it fires.
    fn fire(&mut self, id: u64, context: &FaultContext, now: UnixTime) -> Option<Fault> {
        let index = self.rules.binary_search_by_key(&id, FaultRule::id).ok()?;
        let rule = self.rules.get_mut(index)?;
        if !rule.fires(context, now) {
            return None;
        }
        let fault = rule.fault;
        if rule.is_used_up() {
            let number = rule.number().map(String::from);
            self.forget(id, number.as_deref());
        }
        Some(fault)
    }

    /// Removes a rule that cannot fire any more from the indexes.
    fn forget(&mut self, id: u64, number: Option<&str>) {
        let Some(number) = number else { return self.for_any_number.retain(|other| *other != id) };
        if let Some(ids) = self.by_number.get_mut(number) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_number.remove(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1000);

    fn faults(rule: FaultRule) -> FaultRules {
        let mut faults = FaultRules::new(1);
        faults.add(rule);
        faults
    }

    fn inject(
        faults: &mut FaultRules,
        operation: Operation,
        number: Option<&str>,
        now: UnixTime,
    ) -> Option<Fault> {
        let context = || FaultContext {
            api_version: ApiVersion::V1,
            operation,
            path: String::from("/pay/genprepay"),
            mchid: Some(String::from("1900000109")),
            numbers: number.map(String::from).into_iter().collect(),
        };
        faults.inject(context, now)
    }

    #[test]
    fn a_rule_applies_to_its_operation_and_order_only() {
        let rule = FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Genprepay);
        let mut faults = faults(rule.for_order("A1".parse().unwrap()));
        let injected = inject(&mut faults, Operation::Genprepay, Some("A1"), NOW);
        assert_eq!(injected, Some(Fault::CommitThenDropResponse));
        assert_eq!(inject(&mut faults, Operation::Genprepay, Some("A2"), NOW), None);
        assert_eq!(inject(&mut faults, Operation::Genprepay, None, NOW), None);
        assert_eq!(inject(&mut faults, Operation::Orderquery, Some("A1"), NOW), None);
    }

    #[test]
    fn a_rule_applies_to_its_api_version_path_and_merchant_only() {
        let rule = || FaultRule::new(Fault::DropBeforeCommit);
        let (mine, other) = ("1900000109".parse().unwrap(), "1900000110".parse().unwrap());
        for (rule, expected) in [
            (rule().for_api_version(ApiVersion::V1), true),
            (rule().for_api_version(ApiVersion::V3), false),
            (rule().for_path("/pay/*"), true),
            (rule().for_path("/v3/*"), false),
            (rule().for_merchant(&mine), true),
            (rule().for_merchant(&other), false),
        ] {
            let injected = inject(&mut faults(rule.clone()), Operation::Genprepay, None, NOW).is_some();
            assert_eq!(injected, expected, "{rule:?}");
        }
    }

    #[test]
    fn a_rule_fires_at_most_the_given_number_of_times() {
        let mut faults = faults(FaultRule::new(Fault::DropBeforeCommit).at_most(2));
        let injected = (0..5).filter(|_| inject(&mut faults, Operation::Token, None, NOW).is_some()).count();
        assert_eq!((injected, faults.rules()[0].hits()), (2, 2));
    }

    #[test]
    fn a_rule_fires_only_within_its_window() {
        let window = (Some(UnixTime::from_secs(1000)), Some(UnixTime::from_secs(1010)));
        let mut faults = faults(FaultRule::new(Fault::DropBeforeCommit).between(window.0, window.1));
        for (second, expected) in [(999, false), (1000, true), (1009, true), (1010, false)] {
            let injected = inject(&mut faults, Operation::Token, None, UnixTime::from_secs(second)).is_some();
            assert_eq!(injected, expected, "{second}");
        }
    }

    #[test]
    fn probability_is_decided_by_the_seed() {
        let run = |seed, own: Option<u64>| -> Vec<bool> {
            let mut faults = FaultRules::new(seed);
            let rule = FaultRule::new(Fault::DropBeforeCommit).per_mille(300);
            faults.add(match own {
                Some(own) => rule.with_seed(own),
                None => rule,
            });
            (0..1000).map(|_| inject(&mut faults, Operation::Token, None, NOW).is_some()).collect()
        };
        assert_eq!(run(1, None), run(1, None));
        assert_ne!(run(1, None), run(2, None));
        assert_eq!(run(1, Some(9)), run(2, Some(9)));
        assert_ne!(run(1, Some(9)), run(1, Some(8)));
        let injected = run(1, None).iter().filter(|injected| **injected).count();
        assert!((240..360).contains(&injected), "{injected}");
    }

    #[test]
    fn rules_have_independent_randomness() {
        let run = |other: Option<FaultRule>| -> Vec<bool> {
            let mut faults = FaultRules::new(1);
            faults.add(FaultRule::new(Fault::DropBeforeCommit).per_mille(300).with_seed(5));
            other.map(|rule| faults.add(rule));
            (0..100)
                .map(|_| inject(&mut faults, Operation::Token, None, NOW) == Some(Fault::DropBeforeCommit))
                .collect()
        };
        assert_eq!(run(None), run(Some(FaultRule::new(Fault::Cut { bytes: 1 }).per_mille(500))));
    }

    #[test]
    fn a_fault_is_injected_only_where_it_applies() {
        let mut faults = faults(FaultRule::new(Fault::NotificationLost).for_operation(Operation::Token));
        assert_eq!(inject(&mut faults, Operation::Token, None, NOW), None);
    }

    #[test]
    fn the_first_rule_decides_whether_it_names_a_number_or_not() {
        let mut faults = FaultRules::new(1);
        let of_order =
            |fault, number: &str| FaultRule::new(fault).for_order(number.parse().unwrap()).at_most(1);
        faults.add(of_order(Fault::DropBeforeCommit, "A1"));
        faults.add(FaultRule::new(Fault::ResetBeforeCommit).at_most(1));
        faults.add(of_order(Fault::CommitThenReset, "A1"));
        faults.add(of_order(Fault::CommitThenReset, "A2"));
        let injected: Vec<_> =
            (0..4).map(|_| inject(&mut faults, Operation::Genprepay, Some("A1"), NOW)).collect();
        let expected = [Fault::DropBeforeCommit, Fault::ResetBeforeCommit, Fault::CommitThenReset];
        assert_eq!(injected, [expected.map(Some).as_slice(), &[None]].concat());
        assert_eq!(faults.rules().len(), 4);
        faults.clear();
        assert_eq!(inject(&mut faults, Operation::Genprepay, Some("A2"), NOW), None);
    }

    #[test]
    fn removing_one_rule_keeps_the_others() {
        let mut faults = FaultRules::new(1);
        let first = faults.add(FaultRule::new(Fault::DropBeforeCommit));
        let second = faults.add(FaultRule::new(Fault::QuotaUsedUp));
        assert!(faults.remove(first) && !faults.remove(first));
        assert_eq!(faults.rules().iter().map(FaultRule::id).collect::<Vec<_>>(), [second]);
        assert_eq!(inject(&mut faults, Operation::Genprepay, None, NOW), None);
        assert_eq!(inject(&mut faults, Operation::Token, None, NOW), Some(Fault::QuotaUsedUp));
    }
}
