//! The platform's keys as used with one merchant: rotation of certificates, and migration to the WeChat Pay public
//! key.
//!
//! ```text
//!                obtain              switch                      void
//!  Certificates ────────► Obtained ────────► Switching ─────────────────────► PublicKey
//!                             ▲                  │     certificates are gone
//!                             └──── roll back ───┘
//! ```

use crate::keys::{Certificate, KeyPair};
use std::{fmt, time::Duration};
use wxpay_proto::{UnixTime, id::PublicKeyId};

/// The state of the migration, which selects the platform keys in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyMode {
    /// Certificates only; the merchant has no public key.
    Certificates,
    /// The merchant has the public key, and nothing else has changed: replies to requests that name it are signed
    /// with the certificate.
    Obtained,
    /// Replies use the key that the request's `Wechatpay-Serial` names. Notifications switch gradually: 0.1 % on the
    /// first day and all from the seventh.
    Switching {
        /// The time at which the merchant started the switch.
        since: UnixTime,
    },
    /// The public key only; there are no certificates.
    PublicKey,
    /// A mode of the simulator, not of WeChat Pay: replies use the key that the request names, and notifications the
    /// key that the order's request named. A program of either kind works without preparation.
    Either,
}

/// A platform certificate with its private key and the start of its use.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlatformCertificate {
    /// The certificate, which the merchant downloads.
    pub certificate: Certificate,
    /// The private key, which the platform keeps.
    pub key_pair: KeyPair,
    /// The time from which it signs. It is listed earlier.
    pub signs_from: UnixTime,
}

/// The WeChat Pay public key, with its private half.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlatformPublicKey {
    /// The id: `PUB_KEY_ID_` followed by digits.
    pub id: PublicKeyId,
    /// The key pair; the merchant has the public half.
    pub key_pair: KeyPair,
}

impl PlatformPublicKey {
    /// Creates a public key from its parts.
    pub const fn new(id: PublicKeyId, key_pair: KeyPair) -> Self {
        Self { id, key_pair }
    }
}

/// The platform's keys as used with one merchant.
#[derive(Clone, Debug)]
pub struct PlatformKeys {
    certificates: Vec<PlatformCertificate>,
    key: PlatformPublicKey,
    mode: KeyMode,
    /// True once the merchant has voided its certificates; a merchant that never had any has not.
    are_certificates_voided: bool,
}

/// The error for a migration step that the current mode does not allow. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationError;

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the current mode of the platform's keys does not allow this migration step")
    }
}

impl std::error::Error for MigrationError {}

/// The time between listing a new certificate and signing with it: one day.
const ACTIVATION_DELAY: Duration = Duration::from_secs(24 * 3600);

/// The share of notifications signed with the public key, in 1/1000, by the day of the switch.
const PUBLIC_KEY_PER_MILLE_BY_DAY: [u64; 7] = [1, 10, 50, 100, 200, 500, 1000];

impl PlatformKeys {
    /// Creates the keys: a public key, and one certificate, which signs from the start of its validity.
    pub fn new(certificate: Certificate, key_pair: KeyPair, key: PlatformPublicKey, mode: KeyMode) -> Self {
        let signs_from = certificate.not_before();
        let certificates = vec![PlatformCertificate { certificate, key_pair, signs_from }];
        Self { certificates, key, mode, are_certificates_voided: false }
    }

    /// Returns the current mode.
    pub const fn mode(&self) -> KeyMode {
        self.mode
    }

    /// Sets the mode at once, for the start of a test. The regular migration steps are the methods below.
    pub const fn set_mode(&mut self, mode: KeyMode) {
        self.mode = mode;
        self.are_certificates_voided = false;
    }

    /// Lets the merchant obtain the public key.
    ///
    /// # Errors
    ///
    /// Returns [`MigrationError`] unless the mode is [`KeyMode::Certificates`].
    pub fn obtain_public_key(&mut self) -> Result<(), MigrationError> {
        self.advance(|mode| matches!(mode, KeyMode::Certificates), KeyMode::Obtained)
    }

    /// Lets the merchant start the switch.
    ///
    /// # Errors
    ///
    /// Returns [`MigrationError`] without the public key, and while a certificate is being rotated.
    pub fn start_switch(&mut self, now: UnixTime) -> Result<(), MigrationError> {
        if self.certificates.iter().any(|certificate| now < certificate.signs_from) {
            return Err(MigrationError);
        }
        self.advance(|mode| matches!(mode, KeyMode::Obtained), KeyMode::Switching { since: now })
    }

    /// Lets the merchant roll the switch back.
    ///
    /// # Errors
    ///
    /// Returns [`MigrationError`] unless a switch is in progress.
    pub fn roll_back(&mut self) -> Result<(), MigrationError> {
        self.advance(|mode| matches!(mode, KeyMode::Switching { .. }), KeyMode::Obtained)
    }

    /// Lets the merchant void the certificates.
    ///
    /// # Errors
    ///
    /// Returns [`MigrationError`] until the public key signs every notification, from the seventh day on.
    pub fn void_certificates(&mut self, now: UnixTime) -> Result<(), MigrationError> {
        self.advance(
            |mode| matches!(mode, KeyMode::Switching { since } if public_key_per_mille(since, now) == 1000),
            KeyMode::PublicKey,
        )?;
        self.are_certificates_voided = true;
        Ok(())
    }

    /// Returns `true` once the merchant has voided its certificates.
    pub(crate) const fn are_certificates_voided(&self) -> bool {
        self.are_certificates_voided
    }

    /// Lists a new certificate, which signs one day after `now`, the business time.
    ///
    /// # Errors
    ///
    /// Returns [`MigrationError`] while a switch is in progress, and without certificates.
    pub fn rotate_certificate(
        &mut self,
        certificate: Certificate,
        key_pair: KeyPair,
        now: UnixTime,
    ) -> Result<(), MigrationError> {
        if matches!(self.mode, KeyMode::Switching { .. } | KeyMode::PublicKey) {
            return Err(MigrationError);
        }
        let signs_from = now.after(ACTIVATION_DELAY);
        self.certificates.push(PlatformCertificate { certificate, key_pair, signs_from });
        Ok(())
    }

    fn advance(&mut self, allowed: impl Fn(KeyMode) -> bool, to: KeyMode) -> Result<(), MigrationError> {
        if !allowed(self.mode) {
            return Err(MigrationError);
        }
        self.mode = to;
        Ok(())
    }

    /// Returns the public key, if the merchant has obtained it.
    pub fn public_key(&self) -> Option<&PlatformPublicKey> {
        (self.mode != KeyMode::Certificates).then_some(&self.key)
    }

    /// Returns the certificates that the merchant can download at this time of the wall clock.
    pub fn certificates(&self, now: UnixTime) -> impl Iterator<Item = &PlatformCertificate> {
        let has_certificates = self.mode != KeyMode::PublicKey;
        self.certificates.iter().filter(move |listed| {
            has_certificates && listed.certificate.not_before() <= now && now < listed.certificate.not_after()
        })
    }

    /// Returns the id and the key that sign the reply to a request. `requested` is the request's `Wechatpay-Serial`.
    pub(crate) fn reply_signer(&self, requested: Option<&str>, now: UnixTime) -> (&str, &KeyPair) {
        let by_key = match self.mode {
            KeyMode::Certificates | KeyMode::Obtained => false,
            KeyMode::Switching { .. } | KeyMode::Either => requested == Some(self.key.id.as_str()),
            KeyMode::PublicKey => true,
        };
        self.signer(by_key, now)
    }

    /// Returns the id and the key that sign a notification. `requested` is the `Wechatpay-Serial` of the order's
    /// request, `drawn` a random number below 1000.
    pub(crate) fn notification_signer(
        &self,
        requested: Option<&str>,
        drawn: u64,
        now: UnixTime,
    ) -> (&str, &KeyPair) {
        let by_key = match self.mode {
            KeyMode::Certificates | KeyMode::Obtained => false,
            KeyMode::Either => requested == Some(self.key.id.as_str()),
            KeyMode::Switching { since } => drawn < public_key_per_mille(since, now),
            KeyMode::PublicKey => true,
        };
        self.signer(by_key, now)
    }

    /// Returns the private key that decrypts a request's fields, at a time of the wall clock. `id` is the id of the key
    /// that encrypted them.
    pub(crate) fn decryption_key(&self, id: &str, now: UnixTime) -> Option<&KeyPair> {
        if let Some(key) = self.public_key().filter(|key| key.id.as_str() == id) {
            return Some(&key.key_pair);
        }
        let listed = self.certificates(now).find(|listed| listed.certificate.serial().as_str() == id)?;
        Some(&listed.key_pair)
    }

    /// Returns the id and the key that sign: the public key, or the newest certificate that may sign by now. If no
    /// certificate may sign yet, the first one does.
    fn signer(&self, by_key: bool, now: UnixTime) -> (&str, &KeyPair) {
        let signing = self.certificates.iter().filter(|listed| listed.signs_from <= now);
        let newest = signing.max_by_key(|listed| listed.signs_from).or_else(|| self.certificates.first());
        match newest.filter(|_| !by_key) {
            Some(listed) => (listed.certificate.serial().as_str(), &listed.key_pair),
            None => (self.key.id.as_str(), &self.key.key_pair),
        }
    }
}

/// Returns the share of notifications signed with the public key, in 1/1000.
fn public_key_per_mille(since: UnixTime, now: UnixTime) -> u64 {
    let days = now.since(since).as_secs().checked_div(86_400).unwrap_or_default();
    let day = usize::try_from(days).unwrap_or(usize::MAX);
    PUBLIC_KEY_PER_MILLE_BY_DAY.get(day).copied().unwrap_or(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::CertificateAuthority;

    const START: UnixTime = UnixTime::from_secs(1_767_225_600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn certificate(serial: &str, from: UnixTime) -> Certificate {
        let root = CertificateAuthority::new("root", KeyPair::fake("root"));
        root.certificate(serial.parse().unwrap(), "platform", KeyPair::fake(serial).public(), from)
    }

    fn platform(mode: KeyMode) -> PlatformKeys {
        let key = PlatformPublicKey::new("PUB_KEY_ID_1".parse().unwrap(), KeyPair::fake("key"));
        PlatformKeys::new(certificate("AA", START), KeyPair::fake("AA"), key, mode)
    }

    #[test]
    fn the_migration_allows_only_the_next_step_and_a_rollback() {
        let mut platform = platform(KeyMode::Certificates);
        let requested = Some("PUB_KEY_ID_1");
        assert_eq!(platform.start_switch(START), Err(MigrationError));
        assert_eq!(platform.public_key().map(|key| &key.id), None);
        platform.obtain_public_key().unwrap();
        assert_eq!(platform.reply_signer(requested, START).0, "AA");
        platform.start_switch(START).unwrap();
        assert_eq!(platform.reply_signer(requested, START).0, "PUB_KEY_ID_1");
        assert_eq!(platform.reply_signer(Some("AA"), START).0, "AA");
        assert_eq!(platform.reply_signer(None, START).0, "AA");
        platform.roll_back().unwrap();
        assert_eq!(platform.reply_signer(requested, START).0, "AA");
        platform.start_switch(START).unwrap();
        assert_eq!(platform.void_certificates(START.after(DAY)), Err(MigrationError));
        let week = START.after(DAY * 6);
        platform.void_certificates(week).unwrap();
        assert_eq!(platform.reply_signer(None, week).0, "PUB_KEY_ID_1");
        assert_eq!(platform.certificates(week).count(), 0);
        assert_eq!(platform.roll_back(), Err(MigrationError));
    }

    #[test]
    fn notifications_switch_to_the_public_key_gradually() {
        let mut platform = platform(KeyMode::Obtained);
        platform.start_switch(START).unwrap();
        for (day, expected) in [(0, 1), (1, 10), (2, 50), (3, 100), (4, 200), (5, 500), (6, 1000), (60, 1000)]
        {
            let now = START.after(DAY * day);
            let by_public_key =
                (0..1000).filter(|drawn| platform.notification_signer(None, *drawn, now).0 != "AA").count();
            assert_eq!(by_public_key, expected, "day {day}");
        }
    }

    #[test]
    fn a_new_certificate_is_listed_a_day_before_it_signs() {
        let mut platform = platform(KeyMode::Obtained);
        let listed = START.after(DAY);
        platform.rotate_certificate(certificate("BB", listed), KeyPair::fake("BB"), listed).unwrap();
        let signing = START.after(DAY * 2);
        assert_eq!(platform.certificates(START).count(), 1);
        assert_eq!(platform.certificates(listed).count(), 2);
        assert_eq!(platform.reply_signer(None, listed).0, "AA");
        assert_eq!(platform.reply_signer(None, signing).0, "BB");
        assert_eq!(platform.start_switch(listed), Err(MigrationError));
        platform.start_switch(signing).unwrap();
        assert_eq!(
            platform.rotate_certificate(certificate("CC", signing), KeyPair::fake("CC"), signing),
            Err(MigrationError)
        );
    }
}
