//! The decryption of a notification's resource, or of a listed certificate, with the known APIv3 keys.

use crate::ordered::Json;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Returns whether one of the keys opens the resource. `None` if there is none that could be opened.
pub(crate) fn is_opened(body: &[u8], keys: &[LessSafeKey]) -> Option<bool> {
    if keys.is_empty() {
        return None;
    }
    let json = Json::parse(body)?;
    let resource = json.member("resource").or_else(|| match json.member("data")? {
        Json::List(items) => items.first()?.member("encrypt_certificate"),
        Json::Plain(_) | Json::Text(_) | Json::Object(_) => None,
    })?;
    let nonce: [u8; 12] = resource.text("nonce")?.as_bytes().try_into().ok()?;
    let sealed = STANDARD.decode(resource.text("ciphertext")?).ok()?;
    let (ciphertext, tag) = sealed.split_at_checked(sealed.len().checked_sub(AES_256_GCM.tag_len())?)?;
    let associated_data = resource.text("associated_data").unwrap_or_default();
    let mut plain = vec![0; ciphertext.len()];
    let is_opened = keys.iter().any(|key| {
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.open_separate_gather(nonce, Aad::from(associated_data), ciphertext, tag, &mut plain).is_ok()
    });
    // What was decrypted is not needed.
    plain.fill(0);
    Some(is_opened)
}
