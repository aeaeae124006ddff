//! The sources of settings.

use super::{Setting, Settings, SettingsError, TABLE, check, files, kinds::Kind, merchants::Draft};
use crate::{invalid::Invalid, merchants::MerchantName};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};
use zeroize::Zeroizing;

/// Settings gathered from several sources. A later source overrides an earlier one.
///
/// Faults are collected, and reported together by [`check`](Self::check).
///
/// ```
/// use wxpay_server::settings::Sources;
///
/// let sources = Sources::default()
///     .file("public_base_url = 'https://pay.shop.example'\npoll_intervals = [15, 30, 60]")
///     .environment([("WXPAY_LISTEN".to_owned(), "127.0.0.1:0".to_owned())])
///     .flag("rate_limit=50");
/// let settings = sources.check()?;
/// assert!(settings.warnings().iter().any(|warning| warning.contains("no merchant is configured")));
///
/// let error = Sources::default().flag("listen=localhost").flag("colour=red").check().unwrap_err();
/// assert_eq!(error.settings().len(), 3); // those two, and public_base_url is required
/// # Ok::<(), wxpay_server::settings::SettingsError>(())
/// ```
#[derive(Default)]
#[must_use]
pub struct Sources {
    values: BTreeMap<String, Stored>,
    pub(super) drafts: BTreeMap<MerchantName, Draft>,
    pub(super) faults: Vec<Invalid>,
    pub(super) warnings: Vec<String>,
    /// The number of sources read so far: the rank of the next value.
    pub(super) rank: u32,
    pub(super) is_dev: bool,
    /// The names of the taken settings in their sources.
    names: BTreeMap<&'static str, String>,
    /// The settings with a fault of their own: rules that combine settings pass them over.
    invalid: BTreeSet<&'static str>,
}

/// A text from a source.
pub(super) struct Stored {
    /// The name in the source, for errors.
    pub(super) source: String,
    pub(super) text: Zeroizing<String>,
    pub(super) rank: u32,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("settings", &self.values.keys())
            .field("merchants", &self.drafts.keys())
            .finish_non_exhaustive()
    }
}

impl Sources {
    /// Allows no `public_base_url`, or one without TLS, as only a developer's machine may have.
    pub fn dev(self) -> Self {
        Self { is_dev: true, ..self }
    }

    /// Adds the settings of a TOML file, given as text. Unknown settings are faults.
    pub fn file(mut self, text: &str) -> Self {
        match text.parse::<toml::Table>() {
            Ok(table) => self.read_table(table),
            Err(error) => {
                // The parser's message quotes the line, which may contain a secret: report only its number.
                let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                let line = before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1);
                let remedy = "quote texts, and compare the line with `wxpay check-config --sample`";
                self.faults.push(
                    Invalid::new("the file", format!("must be TOML (error in line {line})")).remedy(remedy),
                );
            }
        }
        self.next()
    }

    fn read_table(&mut self, table: toml::Table) {
        for (name, value) in table {
            if name == "merchants" {
                self.read_merchants(value);
            } else if known(&name).is_none() {
                let remedy = "remove it, or compare its name with `wxpay check-config --sample`";
                self.faults.push(Invalid::new(name, "is an unknown setting in the file").remedy(remedy));
            } else if let Some(text) = flat(value) {
                self.put(name.clone(), name, text);
            } else {
                let rule = "must be a text, a whole number, true or false, or a list of these";
                self.faults.push(Invalid::new(name, rule));
            }
        }
    }

    /// Adds one setting from the command line, as `name=value`. Secrets are refused: any user of the machine can see the
    /// command line.
    pub fn flag(mut self, assignment: &str) -> Self {
        let (name, value) = assignment.split_once('=').unwrap_or((assignment, ""));
        match known(name) {
            None => {
                let remedy = "write --set name=value with a name of `wxpay check-config --sample`";
                // A name that is no name may be a secret in the wrong place.
                let shown = if name.len() <= 64
                    && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                {
                    name
                } else {
                    "a flag"
                };
                self.faults.push(Invalid::new(shown.to_owned(), "is an unknown setting").remedy(remedy));
            }
            Some(setting) if setting.is_secret() && name == setting.name => {
                let remedy = format!("set {name}_file, or {}", setting.variable());
                let rule = "must not be set by a flag, which any user of the machine can see";
                self.faults.push(Invalid::new(name.to_owned(), rule).remedy(remedy));
            }
            Some(_) => self.put(name.to_owned(), name.to_owned(), value.to_owned()),
        }
        self.next()
    }

    /// Validates everything.
    ///
    /// # Errors
    ///
    /// Returns all settings that are unknown, missing or invalid, or name a file that cannot be read.
    pub fn check(self) -> Result<Settings, SettingsError> {
        check::settings(self).map_err(SettingsError::new)
    }

    pub(super) fn put(&mut self, name: String, source: String, text: String) {
        // An empty text sets nothing: container tools pass unset variables so.
        if !text.is_empty() {
            self.values.insert(name, Stored { source, text: Zeroizing::new(text), rank: self.rank });
        }
    }

    pub(super) fn next(mut self) -> Self {
        self.rank = self.rank.saturating_add(1);
        self
    }

    /// Takes the value of a setting, or its default. Records the fault of an invalid one, and returns the default in its
    /// place, so that the other settings are checked, too.
    pub(super) fn value<K: Kind>(&mut self, name: &'static str, default: &str) -> Option<K::Value> {
        let (stored, file) = (self.values.remove(name), self.values.remove(&format!("{name}_file")));
        let parsed = resolve(stored, file).and_then(|resolved| {
            let Some((source, text)) = resolved else { return Ok(None) };
            self.names.insert(name, source.clone());
            K::parse(&text).map(Some).ok_or_else(|| Invalid::new(source, K::rule()))
        });
        match parsed {
            Ok(Some(value)) => Some(value),
            Ok(None) => K::parse(default),
            Err(fault) => {
                self.faults.push(fault);
                self.invalid.insert(name);
                K::parse(default)
            }
        }
    }

    /// Records a fault of a setting that was taken, under its name in the source.
    pub(super) fn reject(&mut self, fault: Invalid) {
        let name = self.names.get(fault.field()).cloned();
        self.faults.push(match name {
            Some(name) => fault.at(name),
            None => fault,
        });
    }

    /// Returns whether a setting has no fault of its own.
    pub(super) fn is_valid(&self, name: &str) -> bool {
        !self.invalid.contains(name)
    }
}

/// Returns the text of a value that may also be the content of a file: of the later source, if both are set. Returns its
/// name in the source, too.
#[allow(clippy::type_complexity, reason = "a name and a text")]
pub(super) fn resolve(
    stored: Option<Stored>,
    file: Option<Stored>,
) -> Result<Option<(String, Zeroizing<String>)>, Invalid> {
    match (stored, file) {
        (None, None) => Ok(None),
        (Some(stored), Some(file)) if stored.rank == file.rank => {
            let remedy = "remove one of them";
            Err(Invalid::new(file.source, format!("must not be set together with {}", stored.source))
                .remedy(remedy))
        }
        (Some(stored), Some(file)) if stored.rank > file.rank => Ok(Some((stored.source, stored.text))),
        (Some(stored), None) => Ok(Some((stored.source, stored.text))),
        (_, Some(file)) => {
            let text = files::read(&file.source, &file.text)?;
            Ok(Some((file.source, text)))
        }
    }
}

/// Finds a setting by its name, or that of its file.
pub(super) fn known(name: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| {
        setting.name == name || (setting.is_secret() && name.strip_suffix("_file") == Some(setting.name))
    })
}

/// Renders a value of TOML as one text; lists with commas.
pub(super) fn flat(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(values) => {
            let values: Option<Vec<_>> = values.into_iter().map(flat).collect();
            Some(values?.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
