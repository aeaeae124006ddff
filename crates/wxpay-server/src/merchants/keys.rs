//! The secret part of a merchant.

use serde::{Deserialize, Serialize};
use wxpay_proto::secret::Secret;

/// The secret part of a merchant. It is stored sealed, and never printed.
#[derive(Debug, Default)]
pub(crate) struct MerchantKeys {
    /// The private key of the API certificate, in PEM.
    pub(crate) private_key: Option<Secret<String>>,
    /// The APIv3 key.
    pub(crate) api_v3_key: Option<Secret<String>>,
    /// The APIv3 key before the last change.
    pub(crate) previous_api_v3_key: Option<Secret<String>>,
    /// The `appsecret` of APIv1.
    pub(crate) app_secret: Option<Secret<String>>,
    /// The `paySignKey` of APIv1.
    pub(crate) pay_sign_key: Option<Secret<String>>,
    /// The `partnerKey` of APIv1.
    pub(crate) partner_key: Option<Secret<String>>,
}

/// The keys as JSON. Not a part of [`MerchantKeys`], so that they are serialized in one place only.
#[derive(Serialize)]
struct Exposed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_v3_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_api_v3_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_sign_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_key: Option<&'a str>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parsed {
    private_key: Option<String>,
    api_v3_key: Option<String>,
    previous_api_v3_key: Option<String>,
    app_secret: Option<String>,
    pay_sign_key: Option<String>,
    partner_key: Option<String>,
}

impl MerchantKeys {
    /// Returns the JSON to seal.
    ///
    /// # Errors
    ///
    /// Returns the error of the serializer, which has none for these types.
    pub(crate) fn to_json(&self) -> Result<Secret<String>, serde_json::Error> {
        let exposed = Exposed {
            private_key: exposed(self.private_key.as_ref()),
            api_v3_key: exposed(self.api_v3_key.as_ref()),
            previous_api_v3_key: exposed(self.previous_api_v3_key.as_ref()),
            app_secret: exposed(self.app_secret.as_ref()),
            pay_sign_key: exposed(self.pay_sign_key.as_ref()),
            partner_key: exposed(self.partner_key.as_ref()),
        };
        serde_json::to_string(&exposed).map(Secret::new)
    }

    /// Parses the JSON of [`to_json`](Self::to_json), or of a request. Unknown fields are refused.
    ///
    /// # Errors
    ///
    /// Returns the line and column of the fault. The parser's own message may quote a value.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self, (usize, usize)> {
        let parsed: Parsed = serde_json::from_slice(json).map_err(|error| (error.line(), error.column()))?;
        Ok(Self {
            private_key: parsed.private_key.map(Secret::new),
            api_v3_key: parsed.api_v3_key.map(Secret::new),
            previous_api_v3_key: parsed.previous_api_v3_key.map(Secret::new),
            app_secret: parsed.app_secret.map(Secret::new),
            pay_sign_key: parsed.pay_sign_key.map(Secret::new),
            partner_key: parsed.partner_key.map(Secret::new),
        })
    }

    /// Returns the names of the keys that are set.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let keys = [
            ("private_key", &self.private_key),
            ("api_v3_key", &self.api_v3_key),
            ("previous_api_v3_key", &self.previous_api_v3_key),
            ("app_secret", &self.app_secret),
            ("pay_sign_key", &self.pay_sign_key),
            ("partner_key", &self.partner_key),
        ];
        keys.into_iter().filter_map(|(name, key)| key.is_some().then_some(name)).collect()
    }

    /// Returns these keys, completed from `older` where one is not set. A new APIv3 key keeps the old one as the
    /// previous one, because notifications in flight are still encrypted with it.
    pub(crate) fn or(self, older: Self) -> Self {
        let is_new = match (&self.api_v3_key, &older.api_v3_key) {
            (Some(new), Some(old)) => new.expose() != old.expose(),
            (Some(_) | None, None) | (None, Some(_)) => false,
        };
        let (old_current, old_previous) = (older.api_v3_key, older.previous_api_v3_key);
        let (api_v3_key, replaced) = if is_new {
            (self.api_v3_key, old_current)
        } else {
            (self.api_v3_key.or(old_current), old_previous)
        };
        Self {
            private_key: self.private_key.or(older.private_key),
            api_v3_key,
            previous_api_v3_key: self.previous_api_v3_key.or(replaced),
            app_secret: self.app_secret.or(older.app_secret),
            pay_sign_key: self.pay_sign_key.or(older.pay_sign_key),
            partner_key: self.partner_key.or(older.partner_key),
        }
    }
}

fn exposed(secret: Option<&Secret<String>>) -> Option<&str> {
    secret.map(|secret| secret.expose().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(api_v3_key: &str) -> MerchantKeys {
        MerchantKeys { api_v3_key: Some(Secret::new(api_v3_key.into())), ..MerchantKeys::default() }
    }

    #[test]
    fn keys_survive_json_and_are_not_printed() {
        let all = MerchantKeys {
            private_key: Some(Secret::new("planted-1".into())),
            previous_api_v3_key: Some(Secret::new("planted-2".into())),
            app_secret: Some(Secret::new("planted-3".into())),
            pay_sign_key: Some(Secret::new("planted-4".into())),
            partner_key: Some(Secret::new("planted-5".into())),
            ..keys("planted-6")
        };
        assert!(!format!("{all:?}").contains("planted"));
        let json = all.to_json().unwrap();
        let read = MerchantKeys::from_json(json.expose().as_bytes()).unwrap();
        assert_eq!(read.to_json().unwrap().expose(), json.expose());
        assert_eq!(exposed(read.partner_key.as_ref()), Some("planted-5"));
        assert_eq!(MerchantKeys::default().to_json().unwrap().expose(), "{}");
    }

    #[test]
    fn malformed_keys_are_reported_by_position_only() {
        assert_eq!(MerchantKeys::from_json(b"{\"private_key\":1}").unwrap_err(), (1, 16));
        assert!(MerchantKeys::from_json(b"{\"colour\":\"planted\"}").is_err());
    }

    #[test]
    fn a_new_api_v3_key_keeps_the_old_one_as_the_previous_one() {
        let rotated = keys("new").or(keys("old"));
        assert_eq!(exposed(rotated.api_v3_key.as_ref()), Some("new"));
        assert_eq!(exposed(rotated.previous_api_v3_key.as_ref()), Some("old"));
        let same = keys("old").or(keys("old"));
        assert_eq!(exposed(same.previous_api_v3_key.as_ref()), None);
        let kept = MerchantKeys::default().or(keys("new").or(keys("old")));
        assert_eq!(exposed(kept.api_v3_key.as_ref()), Some("new"));
        assert_eq!(exposed(kept.previous_api_v3_key.as_ref()), Some("old"));
    }
}
