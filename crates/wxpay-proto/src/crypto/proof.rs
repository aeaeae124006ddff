//! The rules that every [`CryptoProvider`] must satisfy, each with known answers computed by OpenSSL.
//!
//! Authors of a provider run [`check`] in a test of their own:
//!
//! ```
//! use wxpay_proto::crypto::{CryptoProvider, proof};
//!
//! fn provider_satisfies_every_rule(provider: &dyn CryptoProvider) -> Result<(), proof::ProofError> {
//!     proof::check(provider)
//! }
//! ```
//!
//! A provider that passes is compatible with WeChat Pay, and rejects invalid signatures and ciphertexts. The rules do
//! not cover a key in a KMS or HSM, which is not created by [`CryptoProvider::private_key`].

mod material;
mod rules;

use super::CryptoProvider;
use crate::prelude::*;
use core::{error, fmt};
use rules::RULES;

/// Checks a provider against every rule. A fast provider takes about a tenth of a second.
///
/// # Errors
///
/// Returns all violated rules, if there are any.
pub fn check(provider: &dyn CryptoProvider) -> Result<(), ProofError> {
    let violated: Vec<&'static str> =
        RULES.iter().filter(|(_, holds)| !holds(provider)).map(|(rule, _)| *rule).collect();
    if violated.is_empty() { Ok(()) } else { Err(ProofError(violated)) }
}

/// Returns the texts of the rules, in the order in which they are checked.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(rule, _)| *rule)
}

/// The error of a provider that violates rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofError(Vec<&'static str>);

impl ProofError {
    /// Returns the violated rules, at least one, in the texts of [`rules()`].
    pub fn rules(&self) -> &[&'static str] {
        &self.0
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider violates: {}", self.0.join("; "))
    }
}

impl error::Error for ProofError {}
