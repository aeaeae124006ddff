//! The report: one finding for each check, and a score.

use crate::check::Check;
use serde_json::{Value, json};
use std::fmt::{self, Write as _};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The shop met the demand.
    Pass,
    /// The shop did something else.
    Fail,
    /// The shop does not offer a feature that the check needs, or does not show its result.
    NotChecked,
}

impl Verdict {
    /// Returns the name in the JSON report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotChecked => "not_checked",
        }
    }
}

/// The result of one check, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// The result.
    pub verdict: Verdict,
    /// The evidence: requests, answers and the records of the gateway. The last line is the reason, unless the
    /// check passed. Secrets of the merchant are masked.
    pub evidence: Vec<String>,
}

impl Finding {
    /// Returns the finding as lines of text.
    pub fn text(&self) -> String {
        let Self { check, verdict, evidence } = self;
        let mark = match verdict {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::NotChecked => "----",
        };
        let mut text = format!("{mark}  {:<32} {}\n", check.id(), check.demand());
        let mut line = |line: fmt::Arguments<'_>| {
            // Writing to a text cannot fail.
            let _written = writeln!(text, "      {line}");
        };
        match verdict {
            Verdict::Pass => {}
            Verdict::NotChecked => {
                let reason = evidence.last().map_or("", String::as_str);
                line(format_args!("not checked: {reason}"));
            }
            Verdict::Fail => {
                for evidence in evidence {
                    line(format_args!("{evidence}"));
                }
                line(format_args!("remedy: {}", check.remedy()));
                line(format_args!("source: {}", check.source()));
            }
        }
        text
    }
}

/// The findings about one shop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The base URL of the shop.
    pub target: String,
    /// The findings, in the order of the checks.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Returns how many findings have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// Returns the share of the checks that passed, in percent, rounded down. A check that was not made has not passed.
    pub fn score(&self) -> u64 {
        let (passed, all) = (self.count(Verdict::Pass), self.findings.len());
        let percent = passed.saturating_mul(100).checked_div(all).unwrap_or_default();
        u64::try_from(percent).unwrap_or_default()
    }

    /// Returns the last line of the text: the score and the counts.
    pub fn summary(&self) -> String {
        let (pass, fail) = (self.count(Verdict::Pass), self.count(Verdict::Fail));
        let not_checked = self.count(Verdict::NotChecked);
        format!("score {} %: {pass} passed, {fail} failed, {not_checked} not checked", self.score())
    }

    /// Returns the report as JSON: `target`, `score`, and `checks` with `id`, `result`, `evidence`, `remedy`, `source`.
    pub fn json(&self) -> Value {
        let checks = self.findings.iter().map(|finding| {
            json!({
                "id": finding.check.id(),
                "result": finding.verdict.as_str(),
                "evidence": finding.evidence,
                "remedy": finding.check.remedy(),
                "source": finding.check.source(),
            })
        });
        json!({ "target": self.target, "score": self.score(), "checks": checks.collect::<Vec<_>>() })
    }
}

/// The report as text: all findings and the score.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| f.write_str(&finding.text()))?;
        f.write_str(&self.summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdicts: &[Verdict]) -> Report {
        let finding = |(check, verdict): (&Check, &Verdict)| Finding {
            check: *check,
            verdict: *verdict,
            evidence: vec!["sent".into(), "the reason".into()],
        };
        let findings = Check::ALL.iter().zip(verdicts).map(finding).collect();
        Report { target: "http://shop".into(), findings }
    }

    #[test]
    fn what_was_not_checked_has_not_passed() {
        use Verdict::{Fail, NotChecked, Pass};
        assert_eq!(report(&[Pass, Pass, Pass]).score(), 100);
        assert_eq!(report(&[Pass, NotChecked, Fail]).score(), 33);
        assert_eq!(report(&[]).score(), 0);
        let summary = report(&[Pass, NotChecked, Fail]).summary();
        assert_eq!(summary, "score 33 %: 1 passed, 1 failed, 1 not checked");
    }

    #[test]
    fn json_has_the_documented_members() {
        let json = report(&[Verdict::Fail]).json();
        let members: Vec<_> = json["checks"][0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["evidence", "id", "remedy", "result", "source"]);
        assert_eq!((&json["score"], &json["checks"][0]["result"]), (&json!(0), &json!("fail")));
    }

    #[test]
    fn text_shows_evidence_and_remedy_of_a_failure_only() {
        let text = report(&[Verdict::Pass, Verdict::Fail, Verdict::NotChecked]).to_string();
        assert_eq!(text.matches("remedy: ").count(), 1, "{text}");
        assert_eq!(
            (text.matches("      sent\n").count(), text.matches("not checked: the reason").count()),
            (1, 1)
        );
    }
}
