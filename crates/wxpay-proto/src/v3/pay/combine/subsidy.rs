//! Interest subsidies of the merchant for payment by instalments.

use crate::prelude::*;

/// The interest subsidies that the merchant pays if the payer pays by instalments.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Subsidy {
    /// The period by which interest is calculated.
    pub subsidy_period_type: SubsidyPeriod,
    /// The subsidies, one for each number of instalments.
    pub subsidy_plan: Vec<SubsidyPlan>,
}

/// The period by which interest is calculated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum SubsidyPeriod {
    /// A day.
    Daily,
    /// An instalment.
    Period,
}

/// The subsidy for one number of instalments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SubsidyPlan {
    /// The number of instalments: 3, 6 or 12.
    pub subsidy_installment_num: u32,
    /// The part of the interest that the merchant pays: 0 or 100 percent.
    pub subsidy_percent: u32,
}

impl Subsidy {
    /// Creates the subsidies from their period and plans.
    pub fn new(subsidy_period_type: SubsidyPeriod, subsidy_plan: Vec<SubsidyPlan>) -> Self {
        Self { subsidy_period_type, subsidy_plan }
    }
}

impl SubsidyPlan {
    /// Creates a plan from the number of instalments and the percentage of the interest.
    pub fn new(subsidy_installment_num: u32, subsidy_percent: u32) -> Self {
        Self { subsidy_installment_num, subsidy_percent }
    }
}
