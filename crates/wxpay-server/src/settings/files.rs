//! The reading of files that settings name.

use crate::invalid::Invalid;
use std::{fs, io::Read as _};
use zeroize::Zeroizing;

/// The maximum length of a file with a key or certificates. Such a file has a few KiB.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads a text file. White space at its end is removed.
pub(super) fn read(setting: &str, path: &str) -> Result<Zeroizing<String>, Invalid> {
    let invalid = |cause: String| {
        let rule = format!("must name a readable text file: {}: {cause}", shown(path));
        Invalid::new(setting.to_owned(), rule)
    };
    let file = fs::File::open(path).map_err(|cause| invalid(cause.to_string()))?;
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE_BYTES.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|cause| invalid(cause.to_string()))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(invalid("longer than 1 MiB".to_owned()));
    }
    let length = text.trim_end().len();
    text.truncate(length);
    Ok(text)
}

/// Renders a path for an error. A key that was set by mistake in place of its path must not reach a log.
pub(super) fn shown(path: &str) -> &str {
    let may_be_key = path.len() >= 32 && path.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if may_be_key || path.len() > 1024 || path.contains("-----BEGIN") || path.chars().any(char::is_control) {
        "the path looks like a key and is not shown"
    } else {
        path
    }
}
