//! The error for an invalid value: field, rule and remedy, never the value.

use std::{borrow::Cow, error, fmt};
use wxpay_proto::id::InvalidField;

/// The error for a value that violates its rule. `Display` prints `FIELD RULE: REMEDY`, and never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    field: Cow<'static, str>,
    rule: Cow<'static, str>,
    remedy: Option<Cow<'static, str>>,
}

impl Invalid {
    /// Creates the error from the field's path, such as `amount.total`, and the rule, as the end of a sentence that
    /// begins with the field.
    pub(crate) fn new(field: impl Into<Cow<'static, str>>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), rule: rule.into(), remedy: None }
    }

    /// Sets the remedy, as an imperative sentence in lower case.
    pub(crate) fn remedy(self, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// Replaces the field.
    pub(crate) fn at(self, field: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), ..self }
    }

    /// Returns the path of the field.
    pub(crate) fn field(&self) -> &str {
        &self.field
    }

    /// Returns the rule that the value violates.
    #[cfg(test)]
    pub(crate) fn rule(&self) -> &str {
        &self.rule
    }

    /// Returns the rule and the remedy, as the end of a sentence that begins with the field.
    pub(crate) fn advice(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}: {remedy}", self.rule),
            None => self.rule.to_string(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.advice())
    }
}

impl error::Error for Invalid {}

impl From<InvalidField> for Invalid {
    fn from(invalid: InvalidField) -> Self {
        Self::new(invalid.field(), invalid.rule())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_value_is_printed_as_field_rule_and_remedy() {
        let invalid = Invalid::new("listen", "must be an address and a port").remedy("write 127.0.0.1:8080");
        assert_eq!(invalid.to_string(), "listen must be an address and a port: write 127.0.0.1:8080");
        assert_eq!(invalid.at("metrics_listen").field(), "metrics_listen");
        let invalid = Invalid::from(InvalidField::new("mchid", "must be 1 to 32 digits"));
        assert_eq!((invalid.field(), invalid.rule()), ("mchid", "must be 1 to 32 digits"));
    }
}
