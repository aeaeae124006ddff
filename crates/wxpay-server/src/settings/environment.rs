//! Settings from the environment.

use super::{
    TABLE,
    merchants::{self, Draft},
    sources::{Sources, Stored},
};
use crate::merchants::{AppSettings, MerchantName};
use zeroize::Zeroizing;

/// Ignored variables: of the `wxpay` command, and those that `wxpay sim` exports for other programs.
const IGNORED: [&str; 6] = [
    "WXPAY_API_V2_KEY",
    "WXPAY_CERTIFICATE_P12_FILE",
    "WXPAY_CONFIG",
    "WXPAY_LOG",
    "WXPAY_PLATFORM_PUBLIC_KEY_FILE",
    "WXPAY_PLATFORM_SERIAL_NO",
];

/// The maximum number of warnings about variables: Kubernetes sets seven per service.
const MAX_WARNINGS: usize = 20;

impl Sources {
    /// Adds the settings of the environment. Variables without the prefix `WXPAY_` are ignored; unknown ones with it
    /// cause a warning, because some platforms set variables by themselves.
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut unknown = 0_usize;
        for (variable, value) in variables {
            if !variable.starts_with("WXPAY_") || IGNORED.contains(&&*variable) {
                continue;
            }
            if variable == "WXPAY_NOTIFY_URL" {
                let warning = "WXPAY_NOTIFY_URL is ignored: notifications arrive under public_base_url";
                self.warnings.push(warning.to_owned());
            } else if let Some(name) = global(&variable) {
                self.put(name, variable, value);
            } else if !self.read_merchant_variable(&variable, &value) {
                unknown = unknown.saturating_add(1);
                if unknown <= MAX_WARNINGS {
                    self.warnings.push(format!("{} is ignored: it is no setting", shown(&variable)));
                }
            }
        }
        let rest = unknown.saturating_sub(MAX_WARNINGS);
        if rest > 0 {
            self.warnings.push(format!("{rest} more variables with the prefix WXPAY_ are ignored"));
        }
        self.next()
    }

    /// Reads a variable of the merchant `default`. Returns whether it is one.
    fn read_merchant_variable(&mut self, variable: &str, value: &str) -> bool {
        let rank = self.rank;
        let stored = Stored { source: variable.to_owned(), text: Zeroizing::new(value.to_owned()), rank };
        let is_app = variable == "WXPAY_APPID";
        let is_certificate = variable == "WXPAY_PLATFORM_CERTIFICATE_FILE";
        let field = merchants::by_variable(variable);
        if !is_app && !is_certificate && field.is_none() {
            return false;
        }
        let Ok(name) = MerchantName::DEFAULT.parse::<MerchantName>() else { return false };
        if value.is_empty() {
            return true;
        }
        let draft = self.drafts.entry(name).or_default();
        draft.note_variables(rank);
        if is_app {
            draft.apps = vec![AppSettings { appid: value.to_owned(), ..AppSettings::default() }];
        } else if is_certificate {
            draft.certificate_files = vec![(variable.to_owned(), value.to_owned())];
        } else if let Some((field, is_file)) = field {
            draft.put(field, is_file, stored);
        }
        true
    }
}

/// Returns the name of the setting that a variable sets, with `_file` for a file.
fn global(variable: &str) -> Option<String> {
    TABLE.iter().find_map(|setting| {
        let own = setting.variable();
        let is_file = setting.is_secret() && variable.strip_suffix("_FILE") == Some(&own);
        match (own == variable, is_file) {
            (true, _) => Some(setting.name.to_owned()),
            (false, true) => Some(format!("{}_file", setting.name)),
            (false, false) => None,
        }
    })
}

fn shown(variable: &str) -> &str {
    let is_short = variable.len() <= 64 && variable.bytes().all(|byte| byte.is_ascii_graphic());
    if is_short { variable } else { "a variable with the prefix WXPAY_" }
}

impl Draft {
    /// Notes that variables define the merchant, so that errors name those that are missing.
    fn note_variables(&mut self, rank: u32) {
        if self.is_empty() {
            self.variables_since = Some(rank);
        }
    }
}
