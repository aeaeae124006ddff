//! What every [`Provider`] must satisfy: the rules, each with known answers that OpenSSL gave.
//!
//! Whoever writes a provider runs [`check`] in a test of their own:
//!
//! ```
//! use wxpay_proto::crypto::{Provider, proof};
//!
//! fn a_provider_keeps_every_rule(provider: &dyn Provider) -> Result<(), proof::Broken> {
//!     proof::check(provider)
//! }
//! ```
//!
//! A provider that passes signs, seals and opens as WeChat Pay does, and believes nothing that was made otherwise.
//! A key that lives elsewhere has no [`Provider::private_key`] of its own, so this does not reach it.

mod material;
mod rules;

use super::Provider;
use alloc::vec::Vec;
use core::{error, fmt};
use rules::RULES;

/// Checks a provider against every rule. Takes about a tenth of a second with a fast one.
///
/// # Errors
///
/// When it breaks any of them: all that it breaks.
pub fn check(provider: &dyn Provider) -> Result<(), Broken> {
    let broken: Vec<&'static str> =
        RULES.iter().filter(|(_, holds)| !holds(provider)).map(|(rule, _)| *rule).collect();
    if broken.is_empty() { Ok(()) } else { Err(Broken(broken)) }
}

/// What the rules say, in the order in which they are checked.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(rule, _)| *rule)
}

/// The rules that a provider breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(Vec<&'static str>);

impl Broken {
    /// They, as [`rules()`] gives them: at least one.
    #[must_use]
    pub fn rules(&self) -> &[&'static str] {
        &self.0
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider breaks: {}", self.0.join("; "))
    }
}

impl error::Error for Broken {}
