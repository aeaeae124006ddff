//! Inputs of a command: files, standard input, keys in PEM.

use crate::Failure;
use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{Certificate, CryptoProvider as _, PrivateKey, PublicKey, pem},
    http::Method,
    secret::Secret,
};

/// The limit of an input, in bytes. No message of the protocol is longer; a pipe may never end.
const MAX_INPUT_BYTES: usize = 1024 * 1024;

/// Reads standard input to its end.
pub(crate) fn standard() -> Result<Vec<u8>, Failure> {
    let read =
        bounded(io::stdin().lock(), MAX_INPUT_BYTES).map_err(Failure::doing("cannot read standard input"))?;
    read.ok_or_else(|| too_long("the input", MAX_INPUT_BYTES))
}

/// Reads the file at `path`; `name` is the option or variable that holds the path.
pub(crate) fn file(name: &str, path: &Path) -> Result<Secret<Vec<u8>>, Failure> {
    file_up_to(name, path, MAX_INPUT_BYTES)
}

/// Reads a file of at most this many bytes.
pub(crate) fn file_up_to(name: &str, path: &Path, max: usize) -> Result<Secret<Vec<u8>>, Failure> {
    let cannot_read =
        |error: io::Error| Failure::usage(format!("{name}: cannot read {}: {error}", shown(path)));
    let open = fs::File::open(path).map_err(cannot_read)?;
    // A folder, for example, can be opened but not read.
    let bytes = bounded(open, max).map_err(cannot_read)?;
    bytes.map(Secret::new).ok_or_else(|| too_long(name, max))
}

/// Checks that the folder of a file to be written exists. It is not created: a typo would go unnoticed.
pub(crate) fn require_parent(option: &str, path: &Path) -> Result<(), Failure> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(Failure::usage(format_args!(
                "{option}: the folder {} does not exist; create it, or correct the path",
                shown(folder)
            )))
        }
        Some(_) | None => Ok(()),
    }
}

/// Renders a path for an error. A key that was given by mistake in place of its path must not reach a log.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let may_be_key = text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if may_be_key || text.len() > 1024 || text.contains("-----BEGIN") || text.chars().any(char::is_control) {
        "the file (its path looks like a key and is not shown)".to_owned()
    } else {
        text.into_owned()
    }
}

/// Reads to the end. Returns `None` if there is more than the limit.
fn bounded(from: impl io::Read, max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= max).then_some(bytes))
}

fn too_long(name: &str, max: usize) -> Failure {
    Failure::usage(format!("{name} must be at most {max} bytes"))
}

/// Reads a text file that holds a key and nothing else.
pub(crate) fn key(name: &str, path: &Path) -> Result<Secret<String>, Failure> {
    text(name, &file(name, path)?)
}

/// Returns the text of a file, trimmed: editors end files with a line break.
pub(crate) fn text(name: &str, bytes: &Secret<Vec<u8>>) -> Result<Secret<String>, Failure> {
    let text = std::str::from_utf8(bytes.expose())
        .map_err(|_| Failure::usage(format!("{name} must be a UTF-8 text file")))?;
    Ok(Secret::new(text.trim().to_owned()))
}

/// Returns whether a file holds a certificate, readable or not.
pub(crate) fn holds_certificate(file: &[u8]) -> bool {
    pem::certificate(file).is_ok() || has_section(file, "CERTIFICATE")
}

/// Returns whether a file holds a public key, readable or not.
pub(crate) fn holds_public_key(file: &[u8]) -> bool {
    pem::public_key(file).is_ok() || has_section(file, "PUBLIC KEY")
}

/// Returns whether a PEM text has a section with this label.
fn has_section(text: &[u8], label: &str) -> bool {
    let begin = format!("-----BEGIN {label}-----");
    text.windows(begin.len()).any(|window| window == begin.as_bytes())
}

/// Parses a private key. `name` is the option or variable that an error names.
pub(crate) fn private_key(name: &str, text: &[u8]) -> Result<Arc<dyn PrivateKey>, Failure> {
    let der = pem::private_key(text).map_err(|bad| Failure::usage(format!("{name}: {bad}")))?;
    AwsLc.private_key(&der).map_err(|bad| Failure::usage(format!("{name}: {bad}")))
}

/// Parses a public key into its `SubjectPublicKeyInfo` and the key.
pub(crate) fn public_key(name: &str, text: &[u8]) -> Result<(Vec<u8>, Arc<dyn PublicKey>), Failure> {
    let spki = pem::public_key(text).map_err(|bad| Failure::usage(format!("{name}: {bad}")))?;
    let key = AwsLc.public_key(&spki).map_err(|bad| Failure::usage(format!("{name}: {bad}")))?;
    Ok((spki, key))
}

/// Parses a certificate into the certificate and its public key.
pub(crate) fn certificate(name: &str, text: &[u8]) -> Result<(Certificate, Arc<dyn PublicKey>), Failure> {
    let certificate = Certificate::parse_pem(text).map_err(|bad| Failure::usage(format!("{name}: {bad}")))?;
    let key = AwsLc.public_key(certificate.spki()).map_err(|bad| Failure::usage(format!("{name}: {bad}")))?;
    Ok((certificate, key))
}

/// Parses an HTTP method, upper-case.
pub(crate) fn method(name: &str) -> Result<Method, Failure> {
    let methods = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
    let found = methods.into_iter().find(|method| method.as_str() == name);
    found.ok_or_else(|| Failure::usage("method must be GET, POST, PUT, PATCH or DELETE"))
}
