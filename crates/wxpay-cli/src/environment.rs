//! The merchant's configuration in the environment, under the names that `wxpay sim` exports.
//!
//! `WXPAY_BASE_URL WXPAY_MCHID WXPAY_SERIAL_NO WXPAY_PRIVATE_KEY_FILE WXPAY_CERTIFICATE_FILE WXPAY_API_V3_KEY
//! WXPAY_PUBLIC_KEY_ID WXPAY_PUBLIC_KEY_FILE WXPAY_PLATFORM_SERIAL_NO WXPAY_PLATFORM_CERTIFICATE_FILE
//! WXPAY_PLATFORM_PUBLIC_KEY_FILE WXPAY_TLS_CA_FILE`. Names that end in `_FILE` are paths.

use crate::{Failure, failure::Faults, input};
use std::{collections::BTreeMap, env, path::Path};
use wxpay_proto::secret::Secret;

/// The variables of the process and of a file. A variable in the file overrides the same one of the process.
#[derive(Default)]
pub(crate) struct Environment(BTreeMap<String, Secret<String>>);

impl Environment {
    /// Reads the variables of the process, then the file. Empty values count as absent.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, Failure> {
        let process = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let mut variables: BTreeMap<_, _> = process.map(|(name, value)| (name, Secret::new(value))).collect();
        if let Some(file) = file {
            let text = input::key("--env-file", file)?;
            let mut faults = Faults::default();
            for (number, line) in (1_usize..).zip(text.expose().lines()) {
                match assignment(line) {
                    Ok(None) => {}
                    Ok(Some((name, value))) => drop(variables.insert(name, Secret::new(value))),
                    Err(rule) => {
                        faults.push(format_args!("--env-file, line {number}: {rule}; expected NAME=value"));
                    }
                }
            }
            if !faults.is_empty() {
                return Err(faults.into());
            }
        }
        variables.retain(|_, value| !value.expose().is_empty());
        Ok(Self(variables))
    }

    /// Sets a variable from the command line.
    pub(crate) fn with(mut self, name: &str, value: String) -> Self {
        self.0.insert(name.to_owned(), Secret::new(value));
        self
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.expose().as_str())
    }

    /// Reads the file whose path the variable `name` holds, if it is set.
    pub(crate) fn file(&self, name: &str) -> Result<Option<Secret<Vec<u8>>>, Failure> {
        self.value(name).map(|path| input::file(name, Path::new(path))).transpose()
    }
}

/// Parses one shell assignment, with or without `export`. `None` for an empty line or a comment.
fn assignment(line: &str) -> Result<Option<(String, String)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, value) = line.split_once('=').ok_or("no = found")?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name {
        Ok(Some((name.to_owned(), unquoted(value)?)))
    } else {
        Err("a name must consist of letters, digits and _")
    }
}

/// Unquotes a value as a shell does: single quotes keep everything unchanged; outside them a backslash escapes the next
/// character. Text that a shell would expand is an error.
fn unquoted(text: &str) -> Result<String, &'static str> {
    const OPEN: &str = "unclosed quote";
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        match next {
            '\'' | '"' => loop {
                match chars.next().ok_or(OPEN)? {
                    end if end == next => break,
                    '\\' if next == '"' => value.push(chars.next().ok_or(OPEN)?),
                    '$' | '`' if next == '"' => {
                        return Err("a value in double quotes must not contain $ or `");
                    }
                    inner => value.push(inner),
                }
            },
            '\\' => value.push(chars.next().ok_or("a value must not end with a backslash")?),
            ' ' | '\t' | '$' | '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => {
                return Err("a value with blanks or shell characters must be in single quotes");
            }
            _ => value.push(next),
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_parsed_as_a_shell_parses_them() {
        let read = |line: &str| assignment(line).unwrap().map(|(_, value)| value);
        assert_eq!(read("export A='x y'"), Some("x y".into()));
        assert_eq!(read(r"A='it'\''s $HOME'"), Some("it's $HOME".into()));
        assert_eq!(read(r#"A="a \"b\" c""#), Some(r#"a "b" c"#.into()));
        assert_eq!(read("A=plain"), Some("plain".into()));
        assert_eq!(read("A="), Some(String::new()));
        assert_eq!((read(""), read("  # B=1")), (None, None));
    }

    #[test]
    fn text_that_a_shell_would_expand_is_rejected() {
        for line in ["A", "=1", "A-B=1", "A='x", "A=\"$B\"", "A=$B", "A=x y", "A=`x`", "A=x;y", "A=x\\"] {
            assert!(assignment(line).is_err(), "{line}");
        }
    }
}
