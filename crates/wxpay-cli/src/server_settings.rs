//! The settings of the payment server, gathered from a file, the environment and options.

use crate::{
    Failure, args,
    failure::{Faults, with_causes},
    input,
};
use std::{env, fs, path::Path};
use wxpay_server::{Settings, SettingsError, settings::Sources};

/// The options of a command that name settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    pub(crate) sources: &'a args::Sources,
    pub(crate) listen: Option<&'a str>,
    pub(crate) public_base_url: Option<&'a str>,
}

impl<'a> Options<'a> {
    /// Returns the options of a command that works on the ledger only.
    pub(crate) fn of_ledger(sources: &'a args::Sources) -> Self {
        Self { sources, listen: None, public_base_url: None }
    }

    /// Adds the file, the environment unless it is ignored, and the options; a later source overrides an earlier one.
    pub(crate) fn add_to(self, mut sources: Sources, reads_environment: bool) -> Result<Sources, Failure> {
        if let Some(path) = &self.sources.config {
            sources = sources.file(&file(path)?);
        }
        if reads_environment {
            let variables = env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
            sources = sources.environment(variables);
        }
        for setting in &self.sources.settings {
            sources = sources.flag(setting);
        }
        let named = [
            ("listen", self.listen),
            ("database", self.sources.database.as_deref()),
            ("public_base_url", self.public_base_url),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                sources = sources.flag(&format!("{name}={value}"));
            }
        }
        Ok(sources)
    }
}

fn file(path: &Path) -> Result<String, Failure> {
    let shown = input::shown(path);
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("--config: cannot read {shown}: {error}")))
}

/// Validates the settings, or reports all faults at once.
pub(crate) fn check(sources: Sources) -> Result<Settings, Failure> {
    sources.check().map_err(|error| failure(&error))
}

/// Returns the settings of a command that works on the ledger: nothing that only a listening server needs is required.
pub(crate) fn of_ledger(sources: &args::Sources) -> Result<Settings, Failure> {
    check(Options::of_ledger(sources).add_to(Sources::default().dev(), true)?)
}

pub(crate) fn failure(error: &SettingsError) -> Failure {
    let mut faults = Faults::default();
    error.settings().iter().for_each(|setting| faults.push(with_causes(setting)));
    faults.into()
}
