//! The merchant and its credentials. Each operation's module adds the method that calls it.

use crate::{
    id::{AppId, InvalidField, PartnerId, absolute_url},
    prelude::*,
    retry::Policy,
    secret::Secret,
};
use core::fmt;

/// Defines the type of a key: validated, never printed, wiped on drop. Each key has its own type, because `appsecret` and
/// `partnerkey` have the same form and could be confused.
macro_rules! key {
    ($(#[$doc:meta])* $name:ident = $field:literal, $rule:literal, $length:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Secret<String>);

        impl $name {
            /// Creates the key from its text.
            ///
            /// # Errors
            ///
            /// When the text does not have the length and the characters of this key.
            pub fn new(text: String) -> Result<Self, InvalidField> {
                let secret = Secret::new(text);
                let text = secret.expose();
                let is_valid = text.len() == $length && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if is_valid { Ok(Self(secret)) } else { Err(InvalidField::new($field, $rule)) }
            }

            pub(crate) fn expose(&self) -> &str {
                self.0.expose()
            }
        }
    };
}

key! {
    /// The `appsecret`: 32 letters and digits. It is sent to fetch the access token.
    AppSecret = "appsecret", "must be 32 letters and digits", 32
}

key! {
    /// The `paySignKey`, also called `appkey`: 128 letters and digits. It makes the SHA-1 signatures, and is never
    /// sent.
    PaySignKey = "paysignkey", "must be 128 letters and digits", 128
}

key! {
    /// The `partnerKey`: 32 letters and digits. It makes the MD5 signatures, and is never sent.
    PartnerKey = "partnerkey", "must be 32 letters and digits", 32
}

/// A merchant of APIv1. Clones share one set of credentials, and one process may use many merchants.
///
/// ```
/// use core::net::Ipv4Addr;
/// use wxpay_proto::{Fen, v1::{AppSecret, Merchant, Order, PartnerKey, PaySignKey}};
///
/// let merchant = Merchant::builder(
///     "wxd930ea5d5a258f4f".parse()?,
///     AppSecret::new("0123456789abcdef".repeat(2))?,
///     PaySignKey::new("0123456789abcdef".repeat(8))?,
///     "1900000109".parse()?,
///     PartnerKey::new("fedcba9876543210".repeat(2))?,
/// )
/// .build();
///
/// let notify_url = "https://shop.example/notify".parse()?;
/// let payer_ip = Ipv4Addr::new(203, 0, 113, 7);
/// let order = Order::builder("20140508001".parse()?, Fen::new(1999), "千足金箍棒", notify_url, payer_ip).build()?;
/// let flow = merchant.prepay(order); // for `Step::begin`, or an adapter's `run`
/// assert!(!format!("{flow:?} {merchant:?}").contains("0123456789abcdef"));
/// # Ok::<(), wxpay_proto::id::InvalidField>(())
/// ```
#[derive(Clone)]
pub struct Merchant(Arc<Inner>);

struct Inner {
    appid: AppId,
    app_secret: AppSecret,
    pay_sign_key: PaySignKey,
    partner: PartnerId,
    partner_key: PartnerKey,
    base_url: String,
    retry: Policy,
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchant")
            .field("appid", &self.0.appid)
            .field("partner", &self.0.partner)
            .finish_non_exhaustive()
    }
}

/// The builder of a merchant; see [`Merchant::builder`].
#[derive(Debug)]
#[must_use]
pub struct Builder(Inner);

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("base_url", &self.base_url)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Sets the gateway's URL: a simulator, or your own proxy. The default is `https://api.weixin.qq.com`.
    ///
    /// # Errors
    ///
    /// When the URL is not an absolute `http` or `https` URL, or has a user, a query or a fragment.
    pub fn base_url(mut self, base_url: &str) -> Result<Self, InvalidField> {
        let rule = InvalidField::new(
            "base_url",
            "must be an absolute http or https URL without user, query or fragment",
        );
        self.0.base_url = absolute_url(base_url, rule)?.trim_end_matches('/').into();
        Ok(self)
    }

    /// Sets the retry policy of calls.
    pub fn retry(mut self, policy: Policy) -> Self {
        self.0.retry = policy;
        self
    }

    /// Builds the merchant.
    pub fn build(self) -> Merchant {
        Merchant(Arc::new(self.0))
    }
}

impl Merchant {
    /// Returns a builder with the merchant's five credentials, as WeChat Pay mailed them.
    pub fn builder(
        appid: AppId,
        app_secret: AppSecret,
        pay_sign_key: PaySignKey,
        partner: PartnerId,
        partner_key: PartnerKey,
    ) -> Builder {
        let base_url = String::from("https://api.weixin.qq.com");
        let retry = Policy::default();
        Builder(Inner { appid, app_secret, pay_sign_key, partner, partner_key, base_url, retry })
    }

    /// Returns the app.
    pub fn appid(&self) -> &AppId {
        &self.0.appid
    }

    /// Returns the merchant's number.
    pub fn partner(&self) -> &PartnerId {
        &self.0.partner
    }

    pub(crate) fn app_secret(&self) -> &AppSecret {
        &self.0.app_secret
    }

    pub(crate) fn pay_sign_key(&self) -> &PaySignKey {
        &self.0.pay_sign_key
    }

    pub(crate) fn partner_key(&self) -> &PartnerKey {
        &self.0.partner_key
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.0.base_url
    }

    pub(crate) fn retry(&self) -> Policy {
        self.0.retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_kind_is_rejected() {
        assert!(PaySignKey::new("k".repeat(32)).is_err());
        assert!(PartnerKey::new("k".repeat(128)).is_err());
        let broken_line = alloc::format!("{} {}", "k".repeat(63), "k".repeat(64));
        let error = PaySignKey::new(broken_line).unwrap_err();
        assert_eq!(error.to_string(), "paysignkey must be 128 letters and digits");
    }
}
