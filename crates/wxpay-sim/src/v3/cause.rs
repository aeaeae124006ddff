//! The cause of a refused signature, for the log and the records. It does not decide anything.

use super::authorization::Authorization;
use crate::{front_end::Directory, merchant::Merchant};
use wxpay_explain::{Explainer, Explanation, Key, Keys, Kind, Message, Owner};
use wxpay_proto::{http::Request, id::MchId};

/// The merchants whose keys are tried if a request does not name one. Each key takes some 30 microseconds.
const MAX_MERCHANTS: usize = 8;

/// Names the cause: ids and the place of the first difference, nothing of the request. `None` if the simulator knows no
/// RSA key of the caller, or no cause. `now` is the time, if the timestamp was refused.
pub(super) fn of(
    request: &Request,
    authorization: Option<&Authorization<'_>>,
    directory: &Directory,
    now: Option<u64>,
) -> Option<String> {
    let explanation = explain(&message(request), authorization, directory, now)?;
    (!explanation.valid).then(|| explanation.summary())
}

/// Returns a request as a message to explain.
fn message(request: &Request) -> Message {
    let headers =
        request.headers().iter().map(|(name, value)| (String::from(*name), value.clone().into_owned()));
    Message {
        kind: Kind::Request,
        method: request.method().as_str().into(),
        url: request.url().into(),
        headers: headers.collect(),
        body: request.body().to_vec(),
    }
}

/// Explains the signature of a request, by the keys of its caller. `None` if the simulator knows no RSA key of it.
pub(super) fn explain(
    message: &Message,
    authorization: Option<&Authorization<'_>>,
    directory: &Directory,
    now: Option<u64>,
) -> Option<Explanation> {
    let named = authorization.and_then(|authorization| {
        let mchid = authorization.mchid.parse::<MchId>().ok()?;
        directory.merchants.get(&mchid)
    });
    // An unknown mchid with a known certificate: the caller is the merchant of the certificate.
    let certified = authorization.and_then(|authorization| {
        directory.merchants.0.values().find(|merchant| merchant.public_key(authorization.serial_no).is_some())
    });
    let mut keys = Keys::default();
    // A malformed header names nobody for certain, and an unknown mchid with an unknown certificate names nobody.
    let is_anonymous = authorization.is_none() || named.or(certified).is_none();
    let all = directory.merchants.0.values().take(if is_anonymous { MAX_MERCHANTS } else { 0 });
    for merchant in named.into_iter().chain(certified).chain(all) {
        add_keys(&mut keys, merchant);
    }
    if keys.is_empty() {
        return None;
    }
    let mut explainer = Explainer::new(keys);
    if let Some(merchant) = named.or(certified) {
        explainer = explainer.with_mchid(merchant.mchid().as_str());
    }
    Some(explainer.explain(message, now))
}

/// Adds the keys of a merchant's certificates. Those of the fake scheme are not RSA.
pub(crate) fn add_keys(keys: &mut Keys, merchant: &Merchant) {
    for api_key in merchant.api_keys() {
        let certificate = &api_key.certificate;
        if let Ok(key) = Key::from_spki(&certificate.public_key().der()) {
            keys.add(key.with_serial(certificate.serial().as_str()).owned_by(Owner::Merchant));
        }
    }
}
