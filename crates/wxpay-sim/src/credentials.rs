//! APIv1 credentials: an app, its merchant, and their three secrets.

use crate::rng::{ALPHANUMERIC, DIGITS, HEX, Rng};
use std::sync::Arc;
use wxpay_proto::{
    id::{AppId, InvalidField, PartnerId},
    secret::Secret,
};

/// APIv1 credentials, as WeChat Pay mails them to a merchant. Clones share one copy; `Debug` prints only the appid and
/// the partner.
#[derive(Clone, Debug)]
pub struct Credentials(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    appid: AppId,
    partner: PartnerId,
    app_secret: Secret<String>,
    pay_sign_key: Secret<String>,
    partner_key: Secret<String>,
}

impl Credentials {
    /// Creates credentials from given values.
    pub fn new(
        appid: AppId,
        app_secret: String,
        pay_sign_key: String,
        partner: PartnerId,
        partner_key: String,
    ) -> Self {
        Self(Arc::new(Inner {
            appid,
            partner,
            app_secret: Secret::new(app_secret),
            pay_sign_key: Secret::new(pay_sign_key),
            partner_key: Secret::new(partner_key),
        }))
    }

    /// Generates credentials of the documented lengths: 18, 32, 128, 10 and 32 characters.
    ///
    /// # Errors
    ///
    /// Never in practice: the generated values follow the grammar that they are parsed by.
    pub(crate) fn generate(rng: &mut Rng) -> Result<Self, InvalidField> {
        Ok(Self::new(
            format!("wx{}", rng.text(HEX, 16)).parse()?,
            rng.text(HEX, 32),
            rng.text(ALPHANUMERIC, 128),
            format!("19{}", rng.text(DIGITS, 8)).parse()?,
            rng.text(HEX, 32),
        ))
    }

    /// Returns the appid.
    pub fn appid(&self) -> &AppId {
        &self.0.appid
    }

    /// Returns the merchant's partner id.
    pub fn partner(&self) -> &PartnerId {
        &self.0.partner
    }

    /// Returns the app secret. It is sent in the query of token requests.
    pub fn app_secret(&self) -> &Secret<String> {
        &self.0.app_secret
    }

    /// Returns the key of the SHA-1 signatures (`appkey`, `paySignKey`). It is never sent.
    pub fn pay_sign_key(&self) -> &Secret<String> {
        &self.0.pay_sign_key
    }

    /// Returns the key of the MD5 signatures. It is never sent.
    pub fn partner_key(&self) -> &Secret<String> {
        &self.0.partner_key
    }
}

/// An APIv1 app registered with the gateway.
#[derive(Clone, Debug)]
pub struct App {
    credentials: Credentials,
    permission: Permission,
}

/// Permission of an app to use the payment interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permission {
    /// The app may use the payment interfaces.
    Granted,
    /// The app is not approved: errcode 48001.
    NotApproved,
    /// The app is approved, but not for payment: errcode 43008.
    NoPayment,
}

impl App {
    /// Creates an app with the permission [`Permission::Granted`].
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, permission: Permission::Granted }
    }

    /// Sets the permission.
    #[must_use]
    pub fn with_permission(self, permission: Permission) -> Self {
        Self { permission, ..self }
    }

    /// Returns the app's credentials.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the app's permission.
    pub fn permission(&self) -> Permission {
        self.permission
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_has_no_secret() {
        let credentials = Credentials::generate(&mut Rng::new(1, "credentials")).unwrap();
        let printed = format!("{:?}", App::new(credentials.clone()));
        for secret in [credentials.app_secret(), credentials.pay_sign_key(), credentials.partner_key()] {
            assert!(!printed.contains(secret.expose().as_str()));
        }
        assert!(printed.contains(credentials.appid().as_str()));
    }

    #[test]
    fn generated_credentials_have_the_documented_lengths() {
        let credentials = Credentials::generate(&mut Rng::new(9, "credentials")).unwrap();
        assert_eq!(credentials.app_secret().expose().len(), 32);
        assert_eq!(credentials.pay_sign_key().expose().len(), 128);
        assert_eq!(credentials.partner_key().expose().len(), 32);
    }
}
