//! The APIv3 notification: encrypted with the APIv3 key and signed like a reply.

use super::signature::{PendingSignature, STALE_AGE, SignatureFault, probe_signature};
use crate::{
    faults::ApiVersion,
    front_end::Signature,
    merchant::MerchantRegistry,
    notifications::{Alteration, DeliveryContext, Message, Tampering, UnsignedDelivery},
    rng::{ALPHANUMERIC, HEX, Rng, UPPER_HEX},
    settings::Settings,
    time,
};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
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

impl Message for Event {
    fn api_version(&self) -> ApiVersion {
        ApiVersion::V3
    }

    fn mchid(&self) -> &str {
        self.mchid.as_str()
    }

    fn event_type(&self) -> Option<&'static str> {
        Some(self.event_type)
    }

    fn obstacle(&self, merchants: &MerchantRegistry) -> Option<&'static str> {
        let has_key = merchants.get(&self.mchid).is_some_and(|merchant| merchant.api_v3_key().is_some());
        (!has_key).then_some("no notification is sent: the merchant has no APIv3 key")
    }

    /// Generates a number in the form of a UUID.
    fn new_id(&self, rng: &mut Rng) -> String {
        let hex = rng.text(HEX, 32);
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }

    fn schedule<'a>(&'a self, settings: &'a Settings) -> &'a [Duration] {
        self.retry_schedule.as_deref().unwrap_or(&settings.v3.notify_schedule)
    }

    fn probes_per_mille(&self, settings: &Settings) -> u64 {
        u64::from(settings.v3.probes_per_mille)
    }

    /// Encrypts with the platform key and the APIv3 key that are current at the time of the delivery.
    fn prepare(
        &self,
        notify_id: &str,
        tampering: Option<Tampering>,
        context: &mut DeliveryContext<'_>,
    ) -> UnsignedDelivery {
        let key = self.api_v3_key(context);
        let is_stale = tampering == Some(Tampering::Stale);
        let fault =
            |body: &str, rng: &mut Rng| tampering.and_then(|tampering| signature_fault(tampering, body, rng));
        self.delivery(notify_id, (&key, &self.plaintext), is_stale, fault, context)
    }

    fn prepare_altered(
        &self,
        notify_id: &str,
        alteration: &Alteration,
        context: &mut DeliveryContext<'_>,
    ) -> Option<UnsignedDelivery> {
        let (mut key, mut plaintext) = (self.api_v3_key(context), self.plaintext.clone());
        match alteration {
            Alteration::OtherApiV3Key => key = context.rng.text(ALPHANUMERIC, 32),
            Alteration::Content(changes) => plaintext = changed(&plaintext, changes)?,
            Alteration::None
            | Alteration::WrongSignature
            | Alteration::WrongSignatureOf(_)
            | Alteration::Probe
            | Alteration::Stale
            | Alteration::UnknownSerial
            | Alteration::Unsigned
            | Alteration::TamperedBody => {}
        }
        let is_stale = *alteration == Alteration::Stale;
        let fault = |_: &str, rng: &mut Rng| alteration_fault(alteration, rng);
        Some(self.delivery(notify_id, (&key, &plaintext), is_stale, fault, context))
    }

    /// Accepts by the status alone.
    fn acceptance_rule(&self) -> &'static str {
        "the status must be 200 or 204"
    }

    fn is_accepted(
        &self,
        status: u16,
        _body: &[u8],
        _number: &str,
        _context: &mut DeliveryContext<'_>,
    ) -> bool {
        matches!(status, 200 | 204)
    }
}

impl Event {
    /// Returns the merchant's APIv3 key; empty if it has none.
    fn api_v3_key(&self, context: &DeliveryContext<'_>) -> String {
        let key = context.merchants.get(&self.mchid).and_then(|merchant| merchant.api_v3_key());
        key.map_or_else(String::new, |key| key.expose().clone())
    }

    /// Builds a delivery of a plaintext, encrypted with this key. `fault` returns the fault of its signature.
    fn delivery(
        &self,
        notify_id: &str,
        (key, plaintext): (&str, &[u8]),
        is_stale: bool,
        fault: impl FnOnce(&str, &mut Rng) -> Option<SignatureFault>,
        context: &mut DeliveryContext<'_>,
    ) -> UnsignedDelivery {
        let DeliveryContext { merchants, rng, now, .. } = context;
        let nonce = rng.text(ALPHANUMERIC, 12);
        let ciphertext = seal(key, &nonce, self.original_type, plaintext);
        let body = json!({
            "id": notify_id,
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
        let body = body.to_string();
        let signature_nonce = rng.text(ALPHANUMERIC, 32);
        let drawn = rng.below(1000);
        let request_id = rng.text(UPPER_HEX, 32);
        let fault = fault(&body, rng);
        let signature = merchants.get(&self.mchid).map(|merchant| -> Box<dyn Signature> {
            let requested = self.request_serial.as_deref();
            let (serial, key) = merchant.platform().notification_signer(requested, drawn, now.business);
            Box::new(PendingSignature {
                serial: serial.into(),
                key: key.clone(),
                nonce: signature_nonce,
                signed_at: if is_stale { now.wall.before(STALE_AGE) } else { now.wall },
                fault,
            })
        });
        let headers = vec![
            ("user-agent", String::from("Mozilla/4.0")),
            ("accept", String::from("*/*")),
            ("content-type", String::from("application/json")),
            ("request-id", format!("{request_id}-0")),
        ];
        UnsignedDelivery { url: self.notify_url.clone(), headers, body: body.into_bytes(), signature }
    }
}

/// Returns a plaintext with members replaced. Returns `None` if a pointer names no member.
fn changed(plaintext: &[u8], changes: &[(String, Value)]) -> Option<Vec<u8>> {
    let mut content: Value = serde_json::from_slice(plaintext).ok()?;
    for (pointer, value) in changes {
        *content.pointer_mut(pointer)? = value.clone();
    }
    Some(content.to_string().into_bytes())
}

/// Returns the fault of the signature of an altered copy.
fn alteration_fault(alteration: &Alteration, rng: &mut Rng) -> Option<SignatureFault> {
    match alteration {
        Alteration::WrongSignature => Some(SignatureFault::OtherMessage),
        Alteration::WrongSignatureOf(body) => Some(SignatureFault::OtherBody(body.clone())),
        Alteration::Probe => Some(SignatureFault::Text(probe_signature(rng))),
        Alteration::UnknownSerial => Some(SignatureFault::UnknownSerial),
        Alteration::Unsigned => Some(SignatureFault::Missing),
        Alteration::TamperedBody => Some(SignatureFault::TamperedBody),
        // The signature is valid: it covers an old timestamp, or another content.
        Alteration::None | Alteration::Stale | Alteration::OtherApiV3Key | Alteration::Content(_) => None,
    }
}

/// Returns the fault of the signature of a tampered copy.
fn signature_fault(tampering: Tampering, body: &str, rng: &mut Rng) -> Option<SignatureFault> {
    let other = |from: &str, to: &str| SignatureFault::OtherBody(body.replacen(from, to, 1).into_bytes());
    match tampering {
        Tampering::Amount => Some(other("\"ciphertext\":\"", "\"ciphertext\":\"AAAA")),
        Tampering::Number => Some(other("\"id\":\"", "\"id\":\"0")),
        Tampering::Signature => Some(SignatureFault::Text(STANDARD.encode([7; 256]))),
        Tampering::Identity => Some(SignatureFault::UnknownSerial),
        Tampering::Probe => Some(SignatureFault::Text(probe_signature(rng))),
        // The signature is valid, but its timestamp is in the past.
        Tampering::Stale => None,
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
