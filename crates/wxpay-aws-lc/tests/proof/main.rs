//! The provider must pass the proof, and the proof must detect providers that each break a rule.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::type_complexity,
    reason = "a test fails by panicking, and a fault has a function for each operation"
)]

mod faults;
mod faulty;

use faulty::{Faulty, NO_FAULT};
use std::collections::BTreeSet;
use wxpay_aws_lc::AwsLc;
use wxpay_proto::crypto::proof;

#[test]
fn aws_lc_passes_the_proof() {
    assert_eq!(proof::check(&AwsLc), Ok(()));
    assert_eq!(proof::check(&Faulty::new(NO_FAULT)), Ok(()), "the provider without a fault must pass");
}

#[test]
fn proof_detects_a_fault_for_every_rule() {
    let mut broken_rules = BTreeSet::new();
    for (rule, fault) in faults::breaking_one_rule() {
        let violations = proof::check(&Faulty::new(fault)).expect_err(rule);
        assert_eq!(violations.rules(), [rule]);
        broken_rules.insert(rule);
    }
    for (rule, fault) in faults::breaking_several_rules() {
        let violations = proof::check(&Faulty::new(fault)).expect_err(rule);
        assert!(violations.rules().contains(&rule), "{rule}: {violations}");
        broken_rules.insert(rule);
    }
    assert_eq!(broken_rules, proof::rules().collect(), "every rule must have a fault");
}
