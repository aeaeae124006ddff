//! API keys: tokens, their digests, scopes and merchants.

mod merchants;
mod scope;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
pub(crate) use merchants::Merchants;
pub(crate) use scope::{Scope, Scopes};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;
use wxpay_proto::{UnixTime, secret::Secret};
use zeroize::Zeroizing;

/// Prefix of every token, by which scanners for leaked secrets find it.
const PREFIX: &str = "wxk_";
/// Length of the random part of a token, in bytes.
const RANDOM_BYTES: usize = 32;
/// Length of the random part of a token, in base64url without padding.
const ENCODED_LENGTH: usize = 43;
/// Number of hexadecimal digits of the digest that a key's id has.
const ID_DIGITS: usize = 16;

/// The token of an API key: `wxk_` and 32 random bytes in base64url. It is shown once and never stored.
pub(crate) struct Token(Secret<String>);

impl Token {
    /// Creates a token from 32 bytes of fresh randomness.
    pub(crate) fn new(random: &Zeroizing<[u8; RANDOM_BYTES]>) -> Self {
        Self(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&random[..]))))
    }

    /// Parses the `Authorization` header. `None` if it is not `Bearer` and a token.
    pub(crate) fn from_authorization(header: &[u8]) -> Option<Self> {
        let (scheme, token) = header.split_at_checked(7)?;
        let token = std::str::from_utf8(token).ok().filter(|_| scheme.eq_ignore_ascii_case(b"bearer "))?;
        Self::parse(token)
    }

    /// Parses a token. `None` if the text does not have its form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| encoded.len() == ENCODED_LENGTH)?;
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).ok()?);
        (decoded.len() == RANDOM_BYTES).then(|| Self(Secret::new(text.into())))
    }

    /// Returns the text, to show it once.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Returns the SHA-256 of the token in lower-case hexadecimal digits: the only form in which it is stored.
    pub(crate) fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.0.expose().as_bytes()))
    }

    /// Returns the id of the key, by which it is found, listed and logged: `key_` and the beginning of the digest.
    pub(crate) fn key_id(&self) -> String {
        let digest = self.digest();
        format!("key_{}", digest.get(..ID_DIGITS).unwrap_or_default())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// An API key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiKey {
    /// The id, derived from the digest.
    pub(crate) key_id: String,
    /// The SHA-256 of the token in lower-case hexadecimal digits.
    pub(crate) digest: String,
    /// The name that its owner gave it.
    pub(crate) name: String,
    /// The operations that it allows.
    pub(crate) scopes: Scopes,
    /// The merchants that it is for.
    pub(crate) merchants: Merchants,
    /// The time from which it is invalid.
    pub(crate) expires_at: Option<UnixTime>,
    /// The time at which it was revoked.
    pub(crate) revoked_at: Option<UnixTime>,
}

impl ApiKey {
    /// Returns whether the token belongs to this key and is valid now. The comparison takes the same time wherever the
    /// digests differ.
    pub(crate) fn accepts(&self, token: &Token, now: UnixTime) -> bool {
        let is_same = bool::from(self.digest.as_bytes().ct_eq(token.digest().as_bytes()));
        is_same && self.revoked_at.is_none() && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(seed: u8) -> Token {
        Token::new(&Zeroizing::new([seed; 32]))
    }

    fn key(token: &Token) -> ApiKey {
        ApiKey {
            key_id: token.key_id(),
            digest: token.digest(),
            name: "shop".into(),
            scopes: Scopes::default(),
            merchants: Merchants::All,
            expires_at: Some(UnixTime::from_secs(100)),
            revoked_at: None,
        }
    }

    #[test]
    fn token_has_a_prefix_and_survives_parsing() {
        let token = token(255);
        assert_eq!(token.expose(), format!("wxk_{}8", "_".repeat(42)));
        let header = format!("bearer {}", token.expose());
        let parsed = Token::from_authorization(header.as_bytes()).unwrap();
        assert_eq!((parsed.digest(), parsed.key_id()), (token.digest(), token.key_id()));
        assert_eq!(token.digest().len(), 64);
        assert_eq!(token.key_id().len(), 20);
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn only_a_bearer_token_of_the_right_form_is_parsed() {
        let good = token(7);
        let text = good.expose();
        for header in [
            String::new(),
            "Bearer".into(),
            "Bearer ".into(),
            text.into(),
            format!("Basic {text}"),
            format!("Bearer {text} "),
            format!("Bearer  {text}"),
            format!("Bearer {text}A"),
            format!("Bearer {}", text.replacen("wxk_", "wxp_", 1)),
            // The last character encodes four bits and two zeros: another one is no canonical encoding.
            format!("Bearer wxk_{}9", "_".repeat(42)),
            format!("Bearer wxk_{}", "单".repeat(15)),
        ] {
            assert!(Token::from_authorization(header.as_bytes()).is_none(), "{header}");
        }
    }

    #[test]
    fn key_accepts_only_its_own_token_until_it_expires_or_is_revoked() {
        let (own, other) = (token(1), token(2));
        let key = key(&own);
        assert!(key.accepts(&own, UnixTime::from_secs(99)));
        assert!(!key.accepts(&other, UnixTime::from_secs(99)));
        assert!(!key.accepts(&own, UnixTime::from_secs(100)));
        let revoked = ApiKey { revoked_at: Some(UnixTime::from_secs(1)), ..key.clone() };
        assert!(!revoked.accepts(&own, UnixTime::from_secs(99)));
        let unlimited = ApiKey { expires_at: None, ..key };
        assert!(unlimited.accepts(&own, UnixTime::from_secs(u64::MAX / 1000)));
    }
}
