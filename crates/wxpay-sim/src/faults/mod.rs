//! Fault injection: rules that match by API version, operation, path, merchant, number, probability, count and time.
//!
//! Randomness is derived from a seed, so a run can be repeated.

mod fault;
mod operation;
mod rule;

pub use fault::{Fault, MigrationStep};
pub use operation::{ApiVersion, Operation};
pub(crate) use rule::FaultContext;
pub use rule::FaultRule;

use wxpay_proto::UnixTime;

/// The rules in force. The first rule that matches and fires decides; the rules after it are not evaluated.
#[derive(Clone, Debug)]
pub(crate) struct FaultRules {
    rules: Vec<FaultRule>,
    seed: u64,
    last_id: u64,
}

impl FaultRules {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { rules: Vec::new(), seed, last_id: 0 }
    }

    /// Adds a rule after the others. Returns its number.
    pub(crate) fn add(&mut self, rule: FaultRule) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.rules.push(rule.registered(self.last_id, self.seed));
        self.last_id
    }

    /// Removes a rule. Returns whether it existed.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id() != id);
        self.rules.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    /// Returns the fault to inject now, if a rule fires. Builds the context only if there are rules.
    pub(crate) fn inject(&mut self, context: impl FnOnce() -> FaultContext, now: UnixTime) -> Option<Fault> {
        if self.rules.is_empty() {
            return None;
        }
        let context = context();
        self.rules.iter_mut().find_map(|rule| rule.fires(&context, now).then_some(rule.fault))
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
    fn removing_one_rule_keeps_the_others() {
        let mut faults = FaultRules::new(1);
        let first = faults.add(FaultRule::new(Fault::DropBeforeCommit));
        let second = faults.add(FaultRule::new(Fault::QuotaUsedUp));
        assert!(faults.remove(first) && !faults.remove(first));
        assert_eq!(faults.rules().iter().map(FaultRule::id).collect::<Vec<_>>(), [second]);
    }
}
