//! Signatures of Standard Webhooks: <https://www.standardwebhooks.com>.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::{error, fmt};
use wxpay_proto::{UnixTime, secret::Secret};
use zeroize::Zeroizing;

/// The prefix of a secret's text.
const PREFIX: &str = "whsec_";

/// The bounds of a secret in bytes, set by Standard Webhooks.
const MIN_SECRET_BYTES: usize = 24;
const MAX_SECRET_BYTES: usize = 64;

/// The length of the base64 text of the longest secret.
const MAX_SECRET_CHARS: usize = 88;

/// A secret shared with one endpoint: the key of its signatures.
#[derive(Debug)]
pub(crate) struct SigningSecret(Secret<Vec<u8>>);

impl SigningSecret {
    /// Creates a secret from fresh bytes of the operating system.
    pub(crate) fn from_random(random: &Zeroizing<[u8; 32]>) -> Self {
        Self(Secret::new(random.to_vec()))
    }

    /// Parses `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    ///
    /// If the prefix is missing, the rest is not base64, or the secret is too short or too long.
    pub(crate) fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        if encoded.len() > MAX_SECRET_CHARS {
            return Err(SecretError::Length);
        }
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| SecretError::Encoding)?);
        if !(MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&bytes.len()) {
            return Err(SecretError::Length);
        }
        Ok(Self(Secret::new(bytes.to_vec())))
    }

    /// Returns the text of the secret: for the reply that shows it once, and to seal it.
    pub(crate) fn reveal(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(self.0.expose()));
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len().saturating_add(encoded.len())));
        text.push_str(PREFIX);
        text.push_str(&encoded);
        text
    }

    /// Returns `v1,` and the base64 of the HMAC-SHA256 of `{id}.{timestamp}.{body}`.
    fn sign(&self, id: &str, timestamp: UnixTime, body: &[u8]) -> Option<String> {
        // HMAC takes a key of any length, so this never fails. No signature is better than an unkeyed one if it did.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose()).ok()?;
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.as_secs().to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The three headers of a signed webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebhookHeaders {
    /// `webhook-id`: the event id, the same for all tries.
    pub(crate) id: String,
    /// `webhook-timestamp`: the time of this try, sent in seconds.
    pub(crate) timestamp: UnixTime,
    /// `webhook-signature`: the signatures of all secrets, separated by a blank.
    pub(crate) signature: String,
}

impl WebhookHeaders {
    /// Signs a body. During a rotation there are several secrets, the newest first.
    #[expect(single_use_lifetimes, reason = "`impl Trait` in an argument requires a name")]
    pub(crate) fn sign<'a>(
        secrets: impl IntoIterator<Item = &'a SigningSecret>,
        id: &str,
        timestamp: UnixTime,
        body: &[u8],
    ) -> Self {
        let signatures: Vec<_> =
            secrets.into_iter().filter_map(|secret| secret.sign(id, timestamp, body)).collect();
        Self { id: id.to_owned(), timestamp, signature: signatures.join(" ") }
    }
}

/// The error of a secret's text. It does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretError {
    Prefix,
    Encoding,
    Length,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "a webhook secret must begin with whsec_",
            Self::Encoding => "a webhook secret must be whsec_ and standard base64 with padding",
            Self::Length => "a webhook secret must have 24 to 64 bytes, base64-encoded after whsec_",
        })
    }
}

impl error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: UnixTime = UnixTime::from_secs(1_785_000_000);

    fn of_bytes(bytes: std::ops::Range<u8>) -> SigningSecret {
        SigningSecret::parse(&format!("whsec_{}", STANDARD.encode(bytes.collect::<Vec<_>>()))).unwrap()
    }

    /// The example in the tests of the reference libraries of Standard Webhooks, such as
    /// <https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py>.
    #[test]
    fn signature_equals_the_example_of_the_reference_libraries() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers = WebhookHeaders::sign(
            &[secret],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            UnixTime::from_secs(1_614_265_330),
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(headers.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(headers.id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
    }

    /// The expected values are those of Python's `hmac`.
    #[test]
    fn signature_equals_that_of_python() {
        let body = r#"{"id":"evt_1","data":{"attach":"支付"}}"#.as_bytes();
        for (secret, body, signature) in [
            (of_bytes(0..32), body, "v1,1twqZGxmCITZ9i5EJfCUUDDQEm6cKUFjmHutpcmSTcM="),
            (of_bytes(0..64), body, "v1,1GPeUpN7Ub7FdoxTdC3nHDlY2DHyzRwQEJJTIQzw5ms="),
            (of_bytes(0..32), b"", "v1,aHnOnTXt5ugX3rZkTAlqK8cREaoQvEuKwBGghzTwEeM="),
        ] {
            assert_eq!(WebhookHeaders::sign(&[secret], "evt_1", TIME, body).signature, signature);
        }
    }

    #[test]
    fn rotation_signs_with_every_secret_in_order() {
        let both = WebhookHeaders::sign(&[of_bytes(0..64), of_bytes(0..32)], "evt_1", TIME, b"");
        let newest = WebhookHeaders::sign(&[of_bytes(0..64)], "evt_1", TIME, b"").signature;
        assert_eq!(both.signature, format!("{newest} v1,aHnOnTXt5ugX3rZkTAlqK8cREaoQvEuKwBGghzTwEeM="));
    }

    #[test]
    fn milliseconds_of_the_time_do_not_change_the_signature() {
        let later = TIME.after(std::time::Duration::from_millis(999));
        assert_eq!(
            WebhookHeaders::sign(&[of_bytes(0..32)], "evt_1", later, b"x").signature,
            WebhookHeaders::sign(&[of_bytes(0..32)], "evt_1", TIME, b"x").signature
        );
    }

    #[test]
    fn generated_secret_is_parsed_again() {
        let secret = SigningSecret::from_random(&Zeroizing::new(std::array::from_fn(|_| 0xfb)));
        let text = secret.reveal();
        assert_eq!(text.len(), 50);
        assert!(text.starts_with("whsec_+/v7"), "{}", *text);
        assert_eq!(SigningSecret::parse(&text).unwrap().0.expose(), secret.0.expose());
        assert_eq!(format!("{secret:?}"), "SigningSecret([secret])");
    }

    #[test]
    fn secret_has_24_to_64_bytes() {
        for (len, accepted) in [(0, false), (23, false), (24, true), (64, true), (65, false), (66, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; len]));
            assert_eq!(
                SigningSecret::parse(&text).err(),
                (!accepted).then_some(SecretError::Length),
                "{len}"
            );
        }
        assert_eq!(
            SigningSecret::parse(&format!("whsec_{}", "A".repeat(10_000))).err(),
            Some(SecretError::Length)
        );
    }

    #[test]
    fn malformed_secret_is_refused() {
        let valid = STANDARD.encode([7; 32]);
        for (text, error) in [
            (valid.clone(), SecretError::Prefix),
            (format!("WHSEC_{valid}"), SecretError::Prefix),
            (String::new(), SecretError::Prefix),
            (format!("whsec_{}", valid.trim_end_matches('=')), SecretError::Encoding),
            (format!("whsec_{valid} "), SecretError::Encoding),
            (format!("whsec_{}", STANDARD.encode([0xfb; 32]).replace('+', "-")), SecretError::Encoding),
        ] {
            assert_eq!(SigningSecret::parse(&text).err(), Some(error), "{text}");
        }
    }
}
