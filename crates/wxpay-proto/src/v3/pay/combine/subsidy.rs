//! What the merchant pays of the interest, if the payer pays by instalments.

use alloc::vec::Vec;

/// What the merchant pays of the interest, if the payer pays by instalments.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Subsidy {
    /// How interest is counted.
    pub subsidy_period_type: SubsidyPeriod,
    /// By numbers of instalments.
    pub subsidy_plan: Vec<SubsidyPlan>,
}

/// How interest is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum SubsidyPeriod {
    /// By days.
    Daily,
    /// By instalments.
    Period,
}

/// How much the merchant pays of the interest, with so many instalments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SubsidyPlan {
    /// How many instalments: 3, 6 or 12.
    pub subsidy_installment_num: u32,
    /// How much of the interest: 0 or 100 percent.
    pub subsidy_percent: u32,
}

impl Subsidy {
    /// By this count of interest, these plans.
    #[must_use]
    pub fn new(subsidy_period_type: SubsidyPeriod, subsidy_plan: Vec<SubsidyPlan>) -> Self {
        Self { subsidy_period_type, subsidy_plan }
    }
}

impl SubsidyPlan {
    /// With so many instalments, so much of the interest.
    #[must_use]
    pub fn new(subsidy_installment_num: u32, subsidy_percent: u32) -> Self {
        Self { subsidy_installment_num, subsidy_percent }
    }
}
