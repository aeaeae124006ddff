//! What is given to a command: files, standard input, keys in PEM.

use crate::Failure;
use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{Certificate, PrivateKey, Provider as _, PublicKey, pem},
    http::Method,
    secret::Secret,
};

/// More than any message of the protocol; a pipe that never ends is not one.
const MAX: u64 = 1024 * 1024;

/// All of standard input.
pub(crate) fn standard() -> Result<Vec<u8>, Failure> {
    bounded(io::stdin().lock(), "the input")
}

/// A file that the option `name` names.
pub(crate) fn file(name: &str, path: &Path) -> Result<Secret<Vec<u8>>, Failure> {
    let open = fs::File::open(path).map_err(|error| {
        Failure::input(format!("{name} must be a file that can be read: {}", error.kind()))
    })?;
    bounded(open, name).map(Secret::new)
}

fn bounded(from: impl io::Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    from.take(MAX.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX) {
        Ok(bytes)
    } else {
        Err(Failure::input(format!("{name} must be at most {MAX} bytes")))
    }
}

/// A file of text that holds a key and nothing else.
pub(crate) fn key(name: &str, path: &Path) -> Result<Secret<String>, Failure> {
    text(name, &file(name, path)?)
}

/// What a file says. Blank space around it is no part of it: editors end files with a line break.
pub(crate) fn text(name: &str, bytes: &Secret<Vec<u8>>) -> Result<Secret<String>, Failure> {
    let text = std::str::from_utf8(bytes.expose())
        .map_err(|_| Failure::input(format!("{name} must be a file of text in UTF-8")))?;
    Ok(Secret::new(text.trim().to_owned()))
}

/// A private key in PEM. `name` says which in an error.
pub(crate) fn private_key(name: &str, text: &[u8]) -> Result<Arc<dyn PrivateKey>, Failure> {
    let der = pem::private_key(text).map_err(|bad| Failure::input(format!("{name}: {bad}")))?;
    AwsLc.private_key(&der).map_err(|bad| Failure::input(format!("{name}: {bad}")))
}

/// A public key in PEM: its `SubjectPublicKeyInfo`, and the key.
pub(crate) fn public_key(name: &str, text: &[u8]) -> Result<(Vec<u8>, Arc<dyn PublicKey>), Failure> {
    let spki = pem::public_key(text).map_err(|bad| Failure::input(format!("{name}: {bad}")))?;
    let key = AwsLc.public_key(&spki).map_err(|bad| Failure::input(format!("{name}: {bad}")))?;
    Ok((spki, key))
}

/// A certificate in PEM, and its key.
pub(crate) fn certificate(name: &str, text: &[u8]) -> Result<(Certificate, Arc<dyn PublicKey>), Failure> {
    let certificate = Certificate::parse_pem(text).map_err(|bad| Failure::input(format!("{name}: {bad}")))?;
    let key = AwsLc.public_key(certificate.spki()).map_err(|bad| Failure::input(format!("{name}: {bad}")))?;
    Ok((certificate, key))
}

/// A method, as it is on the wire.
pub(crate) fn method(word: &str) -> Result<Method, Failure> {
    let known = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
    let found = known.into_iter().find(|method| method.as_str() == word);
    found.ok_or_else(|| Failure::input("method must be GET, POST, PUT, PATCH or DELETE"))
}
