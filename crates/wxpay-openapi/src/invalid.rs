//! The error of a request that breaks a declared rule.

use std::{borrow::Cow, error, fmt};

/// A field that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalid {
    /// The path of the field: `amount.total`, `goods_detail[3].quantity`; `body` for the whole body. The name of an
    /// unknown field is that of the request.
    pub field: String,
    /// The rule, as the end of a sentence that begins with the field.
    pub rule: Cow<'static, str>,
    /// The class of the error.
    pub violation: Violation,
}

/// The class of an [`Invalid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// The field is required and absent.
    Missing,
    /// The request has a field that is not declared.
    Unknown,
    /// The field's value breaks the field's rule.
    Value,
}

impl Invalid {
    /// Creates the error of a field that breaks its rule.
    pub fn value(field: impl Into<String>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), rule: rule.into(), violation: Violation::Value }
    }

    /// Creates the error of a required field that is absent.
    pub fn missing(field: impl Into<String>) -> Self {
        Self { violation: Violation::Missing, ..Self::value(field, "is required") }
    }

    /// Creates the error of a field that is not declared.
    pub fn unknown(field: impl Into<String>) -> Self {
        Self { violation: Violation::Unknown, ..Self::value(field, "is an unknown field") }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)
    }
}

impl error::Error for Invalid {}
