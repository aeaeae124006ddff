//! The cause of a notification's wrong signature, for the log. It does not decide anything.

use super::Incoming;
use crate::merchants::Merchant;
use wxpay_explain::{Explainer, Key, Keys, Kind, Message, Owner};
use wxpay_proto::{UnixTime, crypto::pem};

/// Names the cause: ids and the place of the first difference, nothing of the notification. `None` if the settings have no
/// key of WeChat Pay: fetched certificates are not asked for.
pub(super) fn of(merchant: &Merchant, incoming: &Incoming, now: UnixTime) -> Option<String> {
    let settings = merchant.settings();
    let mut keys = Keys::default();
    let public_key = settings.public_key.as_ref().and_then(|file| pem::public_key(file.as_bytes()).ok());
    if let Some(key) = public_key.and_then(|spki| Key::from_spki(&spki).ok()) {
        keys.add(key.with_serial(settings.public_key_id.clone()?).owned_by(Owner::Platform));
    }
    for file in &settings.trusted_certificates {
        let certificate = pem::certificate(file.as_bytes()).ok();
        if let Some(key) = certificate.and_then(|der| Key::from_certificate(&der).ok()) {
            keys.add(key.owned_by(Owner::Platform));
        }
    }
    if keys.is_empty() {
        return None;
    }
    let headers = incoming
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), std::str::from_utf8(value).ok()?.to_owned())));
    let message = Message {
        kind: Kind::Notification,
        method: String::new(),
        url: String::new(),
        headers: headers.collect(),
        body: incoming.body.clone(),
    };
    let explanation = Explainer::new(keys).explain(&message, Some(now.as_secs()));
    (!explanation.valid).then(|| explanation.summary())
}

#[cfg(test)]
mod tests;
