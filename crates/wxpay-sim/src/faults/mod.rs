//! Fault injection: rules that match by API version, operation, path, merchant, number, probability, count and time.
//!
//! Randomness is derived from a seed, so that a run can be repeated.

mod operation;
mod rule;
mod trouble;

pub use operation::{Generation, Operation};
pub use rule::Rule;
pub(crate) use rule::Scene;
pub use trouble::{Step, Trouble};

use wxpay_proto::UnixTime;

/// The rules in force. The first rule that matches and fires decides; the rules after it are not evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    seed: u64,
    last: u64,
}

impl Faults {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { rules: Vec::new(), seed, last: 0 }
    }

    /// Adds a rule after the others. Returns its number.
    pub(crate) fn add(&mut self, rule: Rule) -> u64 {
        self.last = self.last.saturating_add(1);
        self.rules.push(rule.numbered(self.last, self.seed));
        self.last
    }

    /// Removes a rule. Returns whether it existed.
    pub(crate) fn end(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id() != id);
        self.rules.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the fault to inject now, if a rule fires. The context is built only if there are rules.
    pub(crate) fn strike(&mut self, scene: impl FnOnce() -> Scene, now: UnixTime) -> Option<Trouble> {
        if self.rules.is_empty() {
            return None;
        }
        let scene = scene();
        self.rules.iter_mut().find_map(|rule| rule.strikes(&scene, now).then_some(rule.trouble))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1000);

    fn faults(rule: Rule) -> Faults {
        let mut faults = Faults::new(1);
        faults.add(rule);
        faults
    }

    fn strike(
        faults: &mut Faults,
        operation: Operation,
        number: Option<&str>,
        now: UnixTime,
    ) -> Option<Trouble> {
        let scene = || Scene {
            generation: Generation::V1,
            operation,
            path: String::from("/pay/genprepay"),
            mchid: Some(String::from("1900000109")),
            numbers: number.map(String::from).into_iter().collect(),
        };
        faults.strike(scene, now)
    }

    #[test]
    fn a_rule_strikes_its_operation_and_order_alone() {
        let rule = Rule::new(Trouble::CommitThenDropResponse).on(Operation::Genprepay);
        let mut faults = faults(rule.of_order("A1".parse().unwrap()));
        let struck = strike(&mut faults, Operation::Genprepay, Some("A1"), NOW);
        assert_eq!(struck, Some(Trouble::CommitThenDropResponse));
        assert_eq!(strike(&mut faults, Operation::Genprepay, Some("A2"), NOW), None);
        assert_eq!(strike(&mut faults, Operation::Genprepay, None, NOW), None);
        assert_eq!(strike(&mut faults, Operation::Orderquery, Some("A1"), NOW), None);
    }

    #[test]
    fn a_rule_strikes_its_generation_path_and_merchant_alone() {
        let lost = || Rule::new(Trouble::DropBeforeCommit);
        let (mine, other) = ("1900000109".parse().unwrap(), "1900000110".parse().unwrap());
        for (rule, strikes) in [
            (lost().of_generation(Generation::V1), true),
            (lost().of_generation(Generation::V3), false),
            (lost().on_path("/pay/*"), true),
            (lost().on_path("/v3/*"), false),
            (lost().of_merchant(&mine), true),
            (lost().of_merchant(&other), false),
        ] {
            let struck = strike(&mut faults(rule.clone()), Operation::Genprepay, None, NOW).is_some();
            assert_eq!(struck, strikes, "{rule:?}");
        }
    }

    #[test]
    fn a_rule_strikes_as_often_as_it_was_told() {
        let mut faults = faults(Rule::new(Trouble::DropBeforeCommit).times(2));
        let struck = (0..5).filter(|_| strike(&mut faults, Operation::Token, None, NOW).is_some()).count();
        assert_eq!((struck, faults.rules()[0].struck()), (2, 2));
    }

    #[test]
    fn a_rule_strikes_within_its_window() {
        let window = (Some(UnixTime::from_secs(1000)), Some(UnixTime::from_secs(1010)));
        let mut faults = faults(Rule::new(Trouble::DropBeforeCommit).within(window.0, window.1));
        for (second, strikes) in [(999, false), (1000, true), (1009, true), (1010, false)] {
            let struck = strike(&mut faults, Operation::Token, None, UnixTime::from_secs(second)).is_some();
            assert_eq!(struck, strikes, "{second}");
        }
    }

    #[test]
    fn probability_is_decided_by_the_seed() {
        let run = |seed, own: Option<u64>| -> Vec<bool> {
            let mut faults = Faults::new(seed);
            let rule = Rule::new(Trouble::DropBeforeCommit).per_mille(300);
            faults.add(match own {
                Some(own) => rule.seeded(own),
                None => rule,
            });
            (0..1000).map(|_| strike(&mut faults, Operation::Token, None, NOW).is_some()).collect()
        };
        assert_eq!(run(1, None), run(1, None));
        assert_ne!(run(1, None), run(2, None));
        assert_eq!(run(1, Some(9)), run(2, Some(9)));
        assert_ne!(run(1, Some(9)), run(1, Some(8)));
        let struck = run(1, None).iter().filter(|struck| **struck).count();
        assert!((240..360).contains(&struck), "{struck}");
    }

    #[test]
    fn rules_do_not_disturb_each_others_chance() {
        let run = |other: Option<Rule>| -> Vec<bool> {
            let mut faults = Faults::new(1);
            faults.add(Rule::new(Trouble::DropBeforeCommit).per_mille(300).seeded(5));
            other.map(|rule| faults.add(rule));
            (0..100)
                .map(|_| strike(&mut faults, Operation::Token, None, NOW) == Some(Trouble::DropBeforeCommit))
                .collect()
        };
        assert_eq!(run(None), run(Some(Rule::new(Trouble::Cut { bytes: 1 }).per_mille(500))));
    }

    #[test]
    fn a_trouble_strikes_only_what_it_befalls() {
        let mut faults = faults(Rule::new(Trouble::NotificationLost).on(Operation::Token));
        assert_eq!(strike(&mut faults, Operation::Token, None, NOW), None);
    }

    #[test]
    fn one_rule_is_ended_and_the_others_stay() {
        let mut faults = Faults::new(1);
        let first = faults.add(Rule::new(Trouble::DropBeforeCommit));
        let second = faults.add(Rule::new(Trouble::QuotaUsedUp));
        assert!(faults.end(first) && !faults.end(first));
        assert_eq!(faults.rules().iter().map(Rule::id).collect::<Vec<_>>(), [second]);
    }
}
