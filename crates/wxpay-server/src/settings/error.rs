//! The errors of settings.

use crate::invalid::Invalid;
use std::{error, fmt};

/// An invalid setting: its name, the rule that it breaks, and a remedy. It never shows a value, except a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError(Invalid);

/// All invalid settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(Vec<SettingError>);

impl From<Invalid> for SettingError {
    fn from(invalid: Invalid) -> Self {
        Self(invalid)
    }
}

impl SettingError {
    /// Returns the name of the setting, as in its source.
    pub fn setting(&self) -> &str {
        self.0.field()
    }

    /// Returns the rule and the remedy, as the end of a sentence that begins with the setting.
    pub fn rule(&self) -> String {
        self.0.advice()
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for SettingError {}

impl SettingsError {
    pub(super) fn new(faults: Vec<Invalid>) -> Self {
        Self(faults.into_iter().map(SettingError).collect())
    }

    /// Returns the invalid settings. There is at least one.
    pub fn settings(&self) -> &[SettingError] {
        &self.0
    }
}

/// Prints all invalid settings on one line.
impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, setting) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{setting}")?;
        }
        Ok(())
    }
}

impl error::Error for SettingsError {}
