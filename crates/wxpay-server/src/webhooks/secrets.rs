//! The signing secrets of an endpoint, sealed at rest.

use super::signature::{SecretError, SigningSecret};
use std::{error, fmt, time::Duration};
use wxpay_proto::{UnixTime, secret::Secret};
use zeroize::Zeroizing;

/// The time for which the previous secret signs after a rotation.
pub(crate) const PREVIOUS_SECRET_LIFETIME: Duration = Duration::from_hours(24);

/// The largest number of secrets. A rotation beyond it drops the oldest before its time.
const MAX_SECRETS: usize = 3;

/// Seals the secrets of endpoints, and opens them. A sealed text opens for its endpoint only.
pub(crate) trait SecretBox: fmt::Debug + Send + Sync {
    /// Seals a text. The nonce must be fresh random bytes.
    ///
    /// # Errors
    ///
    /// If there is no sealing key.
    fn seal(&self, endpoint: &str, plain: &[u8], nonce: [u8; 12]) -> Result<String, SealingError>;

    /// Opens a text.
    ///
    /// # Errors
    ///
    /// If its sealing key is missing, or it is not the text that was sealed.
    fn open(&self, endpoint: &str, sealed: &str) -> Result<Secret<Vec<u8>>, SealingError>;
}

/// The error of secrets that cannot be sealed or opened. Its text contains no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealingError(pub(crate) String);

impl fmt::Display for SealingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for SealingError {}

/// The secrets of an endpoint, the newest first.
#[derive(Debug)]
pub(crate) struct EndpointSecrets(Vec<StoredSecret>);

#[derive(Debug)]
struct StoredSecret {
    secret: SigningSecret,
    /// The end of its time. `None` for the newest.
    until: Option<UnixTime>,
}

impl EndpointSecrets {
    /// Creates the secrets of a new endpoint.
    pub(super) fn new(secret: SigningSecret) -> Self {
        Self(vec![StoredSecret { secret, until: None }])
    }

    /// Adds a secret. The one before it signs for [`PREVIOUS_SECRET_LIFETIME`]; returns the end of that time.
    pub(super) fn rotate(&mut self, secret: SigningSecret, now: UnixTime) -> UnixTime {
        let until = now.after(PREVIOUS_SECRET_LIFETIME);
        self.0.retain(|known| known.until.is_none_or(|until| until > now));
        for known in &mut self.0 {
            known.until.get_or_insert(until);
        }
        self.0.insert(0, StoredSecret { secret, until: None });
        self.0.truncate(MAX_SECRETS);
        until
    }

    /// Returns the secrets that sign now, the newest first.
    pub(super) fn active(&self, now: UnixTime) -> impl Iterator<Item = &SigningSecret> {
        let is_active = move |known: &&StoredSecret| known.until.is_none_or(|until| until > now);
        self.0.iter().filter(is_active).map(|known| &known.secret)
    }

    /// Seals the secrets of an endpoint.
    pub(super) fn seal(
        &self,
        seals: &dyn SecretBox,
        endpoint: &str,
        nonce: [u8; 12],
    ) -> Result<String, SealingError> {
        // One line each. A buffer that grows would leave copies behind.
        let mut plain = Zeroizing::new(String::with_capacity(MAX_SECRETS.saturating_mul(128)));
        for StoredSecret { secret, until } in &self.0 {
            plain.push_str(&secret.reveal());
            if let Some(until) = until {
                plain.push(' ');
                plain.push_str(&until.as_millis().to_string());
            }
            plain.push('\n');
        }
        seals.seal(endpoint, plain.as_bytes(), nonce)
    }

    /// Opens the secrets of an endpoint.
    pub(super) fn open(seals: &dyn SecretBox, endpoint: &str, sealed: &str) -> Result<Self, SealingError> {
        let malformed = || SealingError("the sealed text holds no signing secrets".into());
        let plain = seals.open(endpoint, sealed)?;
        let text = std::str::from_utf8(plain.expose()).map_err(|_| malformed())?;
        let secrets: Result<Vec<_>, _> =
            text.lines().map(|line| parse_line(line).ok_or_else(malformed)).collect();
        let secrets = secrets?;
        if secrets.is_empty() { Err(malformed()) } else { Ok(Self(secrets)) }
    }
}

fn parse_line(line: &str) -> Option<StoredSecret> {
    let (secret, until) = match line.split_once(' ') {
        Some((secret, until)) => (secret, Some(UnixTime::from_millis(until.parse().ok()?))),
        None => (line, None),
    };
    let secret: Result<_, SecretError> = SigningSecret::parse(secret);
    Some(StoredSecret { secret: secret.ok()?, until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::testing::{NOW, PlainBox, secret};

    fn texts(secrets: &EndpointSecrets, now: UnixTime) -> Vec<String> {
        secrets.active(now).map(|secret| secret.reveal().to_string()).collect()
    }

    #[test]
    fn previous_secret_signs_for_a_day() {
        let mut secrets = EndpointSecrets::new(secret(1));
        let until = secrets.rotate(secret(2), NOW);
        assert_eq!(until.since(NOW), Duration::from_hours(24));
        let (one, two) = (secret(1).reveal().to_string(), secret(2).reveal().to_string());
        assert_eq!(texts(&secrets, until.before(Duration::from_millis(1))), [two.clone(), one]);
        assert_eq!(texts(&secrets, until), [two]);
    }

    #[test]
    fn rotation_again_keeps_the_time_of_the_secret_before() {
        let mut secrets = EndpointSecrets::new(secret(1));
        let until = secrets.rotate(secret(2), NOW);
        secrets.rotate(secret(3), NOW.after(Duration::from_hours(1)));
        assert_eq!(secrets.active(NOW.after(Duration::from_hours(2))).count(), 3);
        assert_eq!(secrets.active(until).count(), 2);
        secrets.rotate(secret(4), NOW.after(Duration::from_hours(2)));
        assert_eq!(secrets.0.len(), MAX_SECRETS);
    }

    #[test]
    fn sealed_secrets_are_opened_with_their_times() {
        let mut secrets = EndpointSecrets::new(secret(1));
        secrets.rotate(secret(2), NOW);
        let sealed = secrets.seal(&PlainBox, "we_1", [0; 12]).unwrap();
        let opened = EndpointSecrets::open(&PlainBox, "we_1", &sealed).unwrap();
        for now in [NOW, NOW.after(Duration::from_hours(24))] {
            assert_eq!(texts(&opened, now), texts(&secrets, now));
        }
        assert!(EndpointSecrets::open(&PlainBox, "we_2", &sealed).is_err());
        for plain in ["", "whsec_x", "x\n"] {
            let sealed = PlainBox.seal("we_1", plain.as_bytes(), [0; 12]).unwrap();
            let error = EndpointSecrets::open(&PlainBox, "we_1", &sealed).unwrap_err();
            assert!(!error.to_string().contains("whsec"), "{error}");
        }
    }
}
