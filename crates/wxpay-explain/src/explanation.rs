//! The result: the causes, with their comparison.

use crate::{
    cause::{CauseId, Certainty},
    comparison::Comparison,
};
use serde::Serialize;
use std::fmt::Write as _;

/// A cause that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cause {
    /// The cause.
    pub id: CauseId,
    /// Whether it is proved.
    pub certainty: Certainty,
    /// The description, with what the message shows, the remedy and the comparison. It may contain a part of the body.
    pub message: String,
}

/// Whether a signature is accepted and, if it is not, why.
///
/// Serialised, it is `{"valid":bool,"causes":[{"id":…,"certainty":…,"message":…}]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Whether the signature is valid and everything around it right. This is a diagnosis: a program must decide by its
    /// own verification.
    pub valid: bool,
    /// The causes, the best first. Proved ones are causes together; of likely ones, one is enough.
    pub causes: Vec<Cause>,
    /// The expected and the signed string, if the latter was found and differs.
    #[serde(skip)]
    pub comparison: Option<Comparison>,
}

impl Explanation {
    /// Returns the ids with the place of the first difference, for a log: nothing of the message is in it.
    pub fn summary(&self) -> String {
        let exact: Vec<&str> = self.ids(Certainty::Exact);
        let likely: Vec<&str> = self.ids(Certainty::Likely);
        let mut summary = exact.join(" and ");
        if !likely.is_empty() {
            summary.push_str(if exact.is_empty() { "likely " } else { ", likely " });
            summary.push_str(&likely.join(" or "));
        }
        if let Some(comparison) = &self.comparison {
            write!(summary, " ({})", comparison.first_difference()).ok();
        }
        summary
    }

    fn ids(&self, certainty: Certainty) -> Vec<&'static str> {
        let causes = self.causes.iter().filter(|cause| cause.certainty == certainty);
        causes.map(|cause| cause.id.as_str()).collect()
    }
}

/// The causes that are being collected.
#[derive(Default)]
pub(crate) struct Findings {
    causes: Vec<Cause>,
    pub(crate) comparison: Option<Comparison>,
}

impl Findings {
    /// Adds a cause, if it was not found before. `detail` is what the message shows of it.
    pub(crate) fn add(&mut self, id: CauseId, certainty: Certainty, detail: &str) {
        if self.has(id) {
            return;
        }
        let (description, remedy) = (id.description(), id.remedy());
        let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
        self.causes.push(Cause { id, certainty, message: format!("{description}{detail}: {remedy}") });
    }

    pub(crate) fn exact(&mut self, id: CauseId, detail: &str) {
        self.add(id, Certainty::Exact, detail);
    }

    pub(crate) fn likely(&mut self, id: CauseId, detail: &str) {
        self.add(id, Certainty::Likely, detail);
    }

    pub(crate) fn has(&self, id: CauseId) -> bool {
        self.causes.iter().any(|cause| cause.id == id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.causes.is_empty()
    }

    /// Adds the comparison to the message of a cause.
    pub(crate) fn compare(&mut self, id: CauseId, comparison: Comparison) {
        if let Some(cause) = self.causes.iter_mut().find(|cause| cause.id == id) {
            write!(cause.message, "\n{comparison}").ok();
        }
        self.comparison = Some(comparison);
    }

    pub(crate) fn finish(mut self) -> Explanation {
        // The sort is stable: causes of the same certainty stay in their order.
        self.causes.sort_by_key(|cause| cause.certainty == Certainty::Likely);
        Explanation { valid: self.causes.is_empty(), causes: self.causes, comparison: self.comparison }
    }
}
