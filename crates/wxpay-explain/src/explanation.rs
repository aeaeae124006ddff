//! The result: the causes, with their comparison.

use crate::{
    cause::{CauseId, Certainty},
    comparison::Comparison,
    detail::Detail,
    language::{In, Language},
    verified::Verified,
};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use std::fmt::{self, Write as _};

/// A cause that was found.
///
/// Serialised, it is `{"id":…,"certainty":…,"message":…}`, with the message in English.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// The cause.
    pub id: CauseId,
    /// The certainty: proved, or likely.
    pub certainty: Certainty,
    detail: Option<Detail>,
    comparison: Option<Comparison>,
}

impl Cause {
    /// Returns the description with its detail, the remedy and the comparison. It may contain a part of the
    /// body.
    pub fn message(&self, language: Language) -> String {
        In(self, language).to_string()
    }
}

impl fmt::Display for In<'_, Cause> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let In(cause, language) = *self;
        f.write_str(cause.id.description(language))?;
        if let Some(detail) = &cause.detail {
            let (open, close) = (language.pick(" (", "（"), language.pick(")", "）"));
            write!(f, "{open}{}{close}", In(detail, language))?;
        }
        let remedy = cause.detail.as_ref().and_then(|detail| detail.remedy(language));
        let remedy = remedy.unwrap_or_else(|| cause.id.remedy(language));
        write!(f, "{}{remedy}", language.pick(": ", "："))?;
        cause.comparison.as_ref().map_or(Ok(()), |comparison| write!(f, "\n{}", In(comparison, language)))
    }
}

impl Serialize for In<'_, Cause> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let In(cause, language) = self;
        let mut members = serializer.serialize_struct("Cause", 3)?;
        members.serialize_field("id", &cause.id)?;
        members.serialize_field("certainty", &cause.certainty)?;
        members.serialize_field("message", &cause.message(*language))?;
        members.end()
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        In(self, Language::default()).serialize(serializer)
    }
}

/// The verdict on a signature and, if it is not accepted, the causes.
///
/// Serialised, it is `{"valid":bool,"causes":[{"id":…,"certainty":…,"message":…}]}`, with the messages in English.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// True if the signature is valid and everything around it right. This is a diagnosis: a program must decide by its
    /// own verification.
    pub valid: bool,
    /// The causes, the best first. Proved ones are causes together; of likely ones, one is enough.
    pub causes: Vec<Cause>,
    /// The expected and the signed string, if the latter was found and differs.
    pub comparison: Option<Comparison>,
    /// The key and the string of a valid signature. They are not serialised.
    pub verified: Option<Verified>,
}

impl Serialize for In<'_, Explanation> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let In(explanation, language) = *self;
        let causes: Vec<_> = explanation.causes.iter().map(|cause| In(cause, language)).collect();
        let mut members = serializer.serialize_struct("Explanation", 2)?;
        members.serialize_field("valid", &explanation.valid)?;
        members.serialize_field("causes", &causes)?;
        members.end()
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        In(self, Language::default()).serialize(serializer)
    }
}

/// Prints `valid`, or the messages of the causes in English, one below another.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.valid {
            return f.write_str("valid");
        }
        let messages = self.causes.iter().map(|cause| cause.message(Language::default()));
        f.write_str(&messages.collect::<Vec<_>>().join("\n"))
    }
}

impl Explanation {
    /// Returns the explanation as it is serialised, with the messages in a language.
    pub fn in_language(&self, language: Language) -> impl Serialize {
        In(self, language)
    }

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
    /// The signed string with its key, as if nothing else were wrong.
    pub(crate) verified: Option<Verified>,
}

impl Findings {
    /// Adds a cause, if it was not found before. `detail` is the part of it that the message shows.
    pub(crate) fn add(&mut self, id: CauseId, certainty: Certainty, detail: impl Into<Option<Detail>>) {
        if !self.has(id) {
            self.causes.push(Cause { id, certainty, detail: detail.into(), comparison: None });
        }
    }

    pub(crate) fn exact(&mut self, id: CauseId, detail: impl Into<Option<Detail>>) {
        self.add(id, Certainty::Exact, detail);
    }

    pub(crate) fn likely(&mut self, id: CauseId, detail: impl Into<Option<Detail>>) {
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
            cause.comparison = Some(comparison.clone());
        }
        self.comparison = Some(comparison);
    }

    pub(crate) fn finish(mut self) -> Explanation {
        // The sort is stable: causes of the same certainty stay in their order.
        self.causes.sort_by_key(|cause| cause.certainty == Certainty::Likely);
        let valid = self.causes.is_empty();
        let verified = self.verified.filter(|_| valid);
        Explanation { valid, causes: self.causes, comparison: self.comparison, verified }
    }
}
