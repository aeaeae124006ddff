//! Signed strings and explanations of recorded messages, for the page.

use super::{authorization::Authorization, cause, multipart::Upload};
use crate::{front_end::Directory, merchant::Merchant};
use wxpay_explain::{Explainer, Explanation, Key, Keys, Message, Owner};
use wxpay_proto::UnixTime;

/// Returns the string that the signature of a request covers: of an upload, the part `meta` only. `target` is path and
/// query. `None` if `Authorization` cannot be parsed.
pub(crate) fn signed_by_request(message: &Message, target: &str, authorization: &str) -> Option<Vec<u8>> {
    let Authorization { timestamp, nonce_str, .. } = Authorization::parse(authorization)?;
    let mut headers = message.headers.iter();
    let content_type = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let upload = Upload::of(content_type.map(|(_, value)| value.as_str()), &message.body).ok().flatten();
    let body = upload.map_or(message.body.as_slice(), |upload| upload.meta);
    let mut string = format!("{}\n{target}\n{timestamp}\n{nonce_str}\n", message.method).into_bytes();
    string.extend_from_slice(body);
    string.push(b'\n');
    Some(string)
}

/// Returns the string that the signature of a reply or a notification covers.
pub(crate) fn signed_by_platform(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut string = format!("{timestamp}\n{nonce}\n").into_bytes();
    string.extend_from_slice(body);
    string.push(b'\n');
    string
}

/// Explains the signature of a request. `None` if the simulator knows no RSA key of the caller.
pub(crate) fn explain_request(
    message: &Message,
    authorization: Option<&str>,
    directory: &Directory,
    wall: UnixTime,
) -> Option<Explanation> {
    let authorization = authorization.and_then(Authorization::parse);
    cause::explain(message, authorization.as_ref(), directory, Some(wall.as_secs()))
}

/// Explains the signature of a notification, by the platform keys of a merchant. `None` without an RSA key.
pub(crate) fn explain_delivery(
    message: &Message,
    merchant: &Merchant,
    wall: UnixTime,
) -> Option<Explanation> {
    let platform = merchant.platform();
    let certificates = platform.certificates(wall).map(|listed| {
        let certificate = &listed.certificate;
        (certificate.public_key().der(), certificate.serial().to_string())
    });
    let public_key = platform.public_key().map(|key| (key.key_pair.public().der(), key.id.to_string()));
    let mut keys = Keys::default();
    for (der, serial) in certificates.chain(public_key) {
        if let Ok(key) = Key::from_spki(&der) {
            keys.add(key.with_serial(serial).owned_by(Owner::Platform));
        }
    }
    (!keys.is_empty()).then(|| Explainer::new(keys).explain(message, Some(wall.as_secs())))
}
