//! The search for the string that was signed: single changes, then pairs, within a budget.

use crate::{
    cause::CauseId,
    draft::{Draft, Variant},
    rsa::Recovered,
    variants::Part,
};
use std::borrow::Borrow;

/// The bytes that may be hashed in one search, which bounds its time: a millisecond hashes about 1.6 MB. The overhead of
/// a candidate counts as [`OVERHEAD`] bytes.
pub(crate) const BUDGET: usize = 1_000_000;
/// The limit of a search that may take longer.
pub(crate) const THOROUGH_BUDGET: usize = 40 * BUDGET;
const OVERHEAD: usize = 150;
/// The bytes of a body whose preparation in all forms the budget allows for. That of each further byte, up to
/// [`MAX_PREPARED`], takes as long as hashing [`PREPARATION`] bytes.
const SHORT: usize = 1024;
const MAX_PREPARED: usize = 4096;
const PREPARATION: usize = 133;

/// The changes that may be combined, and those that are tried alone.
pub(crate) struct Space<'a> {
    pub(crate) parts: Vec<Part>,
    /// Long series of single changes, made when they are tried.
    pub(crate) near: Box<dyn Iterator<Item = Variant> + 'a>,
    pub(crate) far: Box<dyn Iterator<Item = Variant> + 'a>,
}

/// A string that was signed, and the changes that lead to it.
pub(crate) struct Found {
    pub(crate) causes: Vec<CauseId>,
    pub(crate) signed: Vec<u8>,
}

/// Searches for the signed string within a budget. The unchanged draft is tried first: it has no causes.
pub(crate) fn search<'s>(
    recovered: &Recovered,
    draft: Draft<'_>,
    budget: usize,
    space: impl FnOnce() -> Space<'s>,
) -> Option<Found> {
    let further = draft.body.len().min(MAX_PREPARED).saturating_sub(SHORT);
    let preparation = further.saturating_mul(PREPARATION);
    let remaining = budget.saturating_sub(preparation);
    let mut search = Search { recovered, buffer: Vec::with_capacity(1024), remaining };
    if search.matches(draft) {
        return Some(search.found(&[]));
    }
    search.run(draft, space())
}

struct Search<'a> {
    recovered: &'a Recovered,
    buffer: Vec<u8>,
    remaining: usize,
}

impl Search<'_> {
    fn run(&mut self, draft: Draft<'_>, space: Space<'_>) -> Option<Found> {
        let Space { parts, near, far } = space;
        self.singles(draft, parts.iter().flatten())
            .or_else(|| self.pairs(draft, &parts, |one, other| one.is_common && other.is_common))
            .or_else(|| self.singles(draft, near))
            .or_else(|| self.pairs(draft, &parts, |one, other| one.is_common != other.is_common))
            .or_else(|| self.singles(draft, far))
            .or_else(|| self.pairs(draft, &parts, |one, other| !one.is_common && !other.is_common))
    }

    fn singles(
        &mut self,
        draft: Draft<'_>,
        variants: impl IntoIterator<Item = impl Borrow<Variant>>,
    ) -> Option<Found> {
        for variant in variants {
            if self.remaining == 0 {
                return None;
            }
            let variant = variant.borrow();
            if self.matches(draft.with(&variant.change)) {
                return Some(self.found(&[variant]));
            }
        }
        None
    }

    /// Tries pairs. The parts of the body come first in the list, so that a changed body is encoded once.
    fn pairs(
        &mut self,
        draft: Draft<'_>,
        parts: &[Part],
        is_wanted: impl Fn(&Variant, &Variant) -> bool,
    ) -> Option<Found> {
        for (index, part) in parts.iter().enumerate() {
            for one in part {
                let changed = draft.with(&one.change);
                let body = changed.encoded_body();
                let settled = changed.settled(&body);
                let others = parts.iter().skip(index.saturating_add(1)).flatten();
                for other in others.filter(|other| is_wanted(one, other)) {
                    if self.remaining == 0 {
                        return None;
                    }
                    let base = if other.change.is_of_body() { changed } else { settled };
                    if self.matches(base.with(&other.change)) {
                        return Some(self.found(&[one, other]));
                    }
                }
            }
        }
        None
    }

    fn matches(&mut self, draft: Draft<'_>) -> bool {
        draft.write(&mut self.buffer);
        self.remaining = self.remaining.saturating_sub(self.buffer.len().saturating_add(OVERHEAD));
        self.recovered.is_over(&self.buffer)
    }

    /// Takes the string in the buffer as the result.
    fn found(&mut self, variants: &[&Variant]) -> Found {
        let mut causes: Vec<CauseId> = Vec::with_capacity(2);
        for variant in variants {
            if !causes.contains(&variant.cause) {
                causes.push(variant.cause);
            }
        }
        Found { causes, signed: std::mem::take(&mut self.buffer) }
    }
}
