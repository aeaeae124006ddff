//! The credentials as `export NAME=value` lines, so that any program can be pointed at the simulator.

use crate::credentials::Credentials;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Writes the lines to a file that its owner alone can read (mode 0600).
///
/// The file is written beside its place and moved there, so that no reader sees half of it and an older file's
/// wider mode does not stay.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write(path: &Path, base_url: &str, credentials: &Credentials) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = create(&beside)
        .and_then(|mut file| {
            file.write_all(lines(base_url, credentials).as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is left of it holds secrets.
        fs::remove_file(&beside).ok();
    }
    written
}

/// The one JSON line that says the simulator is ready, without a line end.
#[must_use]
pub fn ready_line(base_url: &str) -> String {
    serde_json::json!({ "ready": true, "url": base_url }).to_string()
}

/// The lines themselves. **They hold secrets.**
#[must_use]
pub fn lines(base_url: &str, credentials: &Credentials) -> String {
    [
        ("WXPAY_BASE_URL", base_url),
        ("V1_APPID", credentials.appid().as_str()),
        ("V1_APP_SECRET", credentials.app_secret().expose()),
        ("V1_PAY_SIGN_KEY", credentials.pay_sign_key().expose()),
        ("V1_PARTNER", credentials.partner().as_str()),
        ("V1_PARTNER_KEY", credentials.partner_key().expose()),
    ]
    .map(|(name, value)| format!("export {name}={}\n", quoted(value)))
    .concat()
}

/// In single quotes, so that a shell takes every sign as it is.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    #[test]
    fn a_value_is_quoted_for_the_shell() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }

    #[test]
    fn a_shell_reads_back_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sim.env");
        fs::write(&path, "old").unwrap();
        let credentials = Credentials::thrown_away(&mut Chance::new(1, "credentials")).unwrap();
        write(&path, "http://127.0.0.1:1", &credentials).unwrap();
        let script = format!(". {}; printf %s \"$V1_PARTNER_KEY $WXPAY_BASE_URL\"", path.display());
        let shell = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let expected = format!("{} http://127.0.0.1:1", credentials.partner_key().expose());
        assert_eq!(String::from_utf8(shell.stdout).unwrap(), expected);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sim.env");
        fs::write(&path, "old").unwrap();
        let credentials = Credentials::thrown_away(&mut Chance::new(1, "credentials")).unwrap();
        write(&path, "http://127.0.0.1:1", &credentials).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_ready_line_is_one_line_of_json() {
        assert_eq!(ready_line("http://127.0.0.1:80"), r#"{"ready":true,"url":"http://127.0.0.1:80"}"#);
    }
}
