//! The APIv3 notification: encrypted with the APIv3 key and signed like a reply.

use super::{
    MerchantRegistry,
    reply::{self, STALE_AGE, UNKNOWN_SERIAL},
};
use crate::{
    notifications::{SignedNotification, Tampering},
    rng::{ALPHANUMERIC, Rng, UPPER_HEX},
    time,
};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::time::Duration;
use wxpay_proto::{UnixTime, id::MchId};

/// The content and recipient of a notification.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names, reason = "event_type is the name in the protocol")]
pub(crate) struct Event {
    pub(crate) mchid: MchId,
    pub(crate) notify_url: String,
    pub(crate) created_at: UnixTime,
    pub(crate) event_type: &'static str,
    pub(crate) summary: &'static str,
    /// The kind of the resource (`transaction`, `refund`, …). It is also the associated data of the encryption.
    pub(crate) original_type: &'static str,
    /// The content before encryption.
    pub(crate) plaintext: Vec<u8>,
    /// The `Wechatpay-Serial` of the request that caused the event. It may select the signing key.
    pub(crate) request_serial: Option<String>,
    /// The intervals between deliveries, if they differ from the documented fifteen.
    pub(crate) retry_schedule: Option<Vec<Duration>>,
}

impl Event {
    /// Prepares one delivery. Each is encrypted and signed anew, with the platform key and the APIv3 key that are
    /// current at that time.
    pub(crate) fn prepare(
        &self,
        id: &str,
        tampering: Option<Tampering>,
        merchants: &MerchantRegistry,
        rng: &mut Rng,
        now: UnixTime,
    ) -> SignedNotification {
        let merchant = merchants.get(&self.mchid);
        let key = merchant.and_then(|merchant| merchant.api_v3_key()).map_or("", |key| key.expose());
        let nonce = rng.text(ALPHANUMERIC, 12);
        let ciphertext = seal(key, &nonce, self.original_type, &self.plaintext);
        let body = json!({
            "id": id,
            "create_time": time::rfc3339(self.created_at),
            "resource_type": "encrypt-resource",
            "event_type": self.event_type,
            "summary": self.summary,
            "resource": {
                "original_type": self.original_type,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": ciphertext,
                "associated_data": self.original_type,
                "nonce": nonce,
            },
        });
        let mut body = body.to_string();
        let (nonce, random) = (rng.text(ALPHANUMERIC, 32), rng.below(1000));
        let signer = merchant.map(|merchant| {
            merchant.platform().notification_signer(self.request_serial.as_deref(), random, now)
        });
        let signed_at = if tampering == Some(Tampering::Stale) { now.before(STALE_AGE) } else { now };
        let signature_headers =
            signer.map(|signer| reply::sign_headers(body.as_bytes(), signer, &nonce, signed_at));
        let mut headers = vec![
            ("user-agent", String::from("Mozilla/4.0")),
            ("accept", String::from("*/*")),
            ("content-type", String::from("application/json")),
            ("request-id", format!("{}-0", rng.text(UPPER_HEX, 32))),
        ];
        headers.extend(signature_headers.into_iter().flatten());
        if let Some(tampering) = tampering {
            tamper(tampering, &mut headers, &mut body, rng);
        }
        SignedNotification { url: self.notify_url.clone(), headers, body: body.into_bytes() }
    }
}

fn tamper(tampering: Tampering, headers: &mut [(&'static str, String)], body: &mut String, rng: &mut Rng) {
    let mut set = |name: &str, value: String| {
        for (_, current) in headers.iter_mut().filter(|(key, _)| *key == name) {
            current.clone_from(&value);
        }
    };
    match tampering {
        Tampering::Amount => *body = body.replacen("\"ciphertext\":\"", "\"ciphertext\":\"AAAA", 1),
        Tampering::Number => *body = body.replacen("\"id\":\"", "\"id\":\"0", 1),
        Tampering::Signature => set("wechatpay-signature", STANDARD.encode([7; 256])),
        Tampering::Identity => set("wechatpay-serial", String::from(UNKNOWN_SERIAL)),
        Tampering::Probe => set("wechatpay-signature", reply::probe_signature(rng)),
        // The signature is valid, but its timestamp is in the past.
        Tampering::Stale => {}
    }
}

/// Encrypts with AES-256-GCM under the APIv3 key. Returns Base64 of the ciphertext and the tag, or an empty string if
/// the key or the nonce has the wrong length.
pub(super) fn seal(key: &str, nonce: &str, associated_data: &str, plaintext: &[u8]) -> String {
    let Ok(key) = UnboundKey::new(&AES_256_GCM, key.as_bytes()) else { return String::new() };
    let Ok(nonce) = Nonce::try_assume_unique_for_key(nonce.as_bytes()) else { return String::new() };
    let mut text = plaintext.to_vec();
    match LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::from(associated_data), &mut text) {
        Ok(()) => STANDARD.encode(text),
        Err(_) => String::new(),
    }
}
