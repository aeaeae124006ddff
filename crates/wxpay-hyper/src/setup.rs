//! The error of an invalid set-up.

use std::{borrow::Cow, error, fmt};

type BoxError = Box<dyn error::Error + Send + Sync>;

/// The error of an invalid set-up: every invalid setting, by its name and the rule that it breaks, never the value.
pub struct SetupError {
    /// Never empty.
    faults: Vec<SetupFault>,
}

/// An invalid setting: its name and the rule that it breaks.
#[derive(Debug)]
pub struct SetupFault {
    setting: &'static str,
    rule: Cow<'static, str>,
    cause: Option<BoxError>,
}

impl SetupError {
    pub(crate) fn new(faults: Vec<SetupFault>) -> Self {
        Self { faults }
    }

    /// Returns the invalid settings. There is at least one.
    pub fn faults(&self) -> &[SetupFault] {
        &self.faults
    }

    pub(crate) fn into_faults(self) -> Vec<SetupFault> {
        self.faults
    }
}

impl From<SetupFault> for SetupError {
    fn from(fault: SetupFault) -> Self {
        Self::new(vec![fault])
    }
}

impl SetupFault {
    pub(crate) const fn new(setting: &'static str, rule: &'static str) -> Self {
        Self { setting, rule: Cow::Borrowed(rule), cause: None }
    }

    /// Creates a fault whose rule is not a fixed text. `rule` must not contain the value.
    pub(crate) fn with_rule(setting: &'static str, rule: String) -> Self {
        Self { setting, rule: Cow::Owned(rule), cause: None }
    }

    pub(crate) fn with_source(self, cause: impl Into<BoxError>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// Replaces the name of the setting: by that of the variable which set it.
    pub(crate) fn renamed(self, setting: &'static str) -> Self {
        Self { setting, ..self }
    }

    /// Returns the name of the setting: an environment variable, a builder's method, or a parameter such as `path`.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// Returns the broken rule, as the end of a sentence that begins with the setting's name.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

impl fmt::Display for SetupFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.setting, self.rule)
    }
}

impl error::Error for SetupFault {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.cause.as_deref().map(|cause| -> &(dyn error::Error + 'static) { cause })
    }
}

/// Prints each fault on a line of its own: a `main` that returns the error shows it so.
impl fmt::Debug for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// Prints all faults, separated by semicolons.
impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

/// Returns the cause of the first fault.
impl error::Error for SetupError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.faults.first().and_then(error::Error::source)
    }
}
