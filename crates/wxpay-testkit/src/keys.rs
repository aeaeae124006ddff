//! Throw-away APIv1 credentials, which belong to no merchant.

pub mod v3;

use wxpay_proto::v1::{AppSecret, Builder, Merchant, PartnerKey, PaySignKey};
use wxpay_sim::Credentials;

/// The app secret.
pub const APP_SECRET: &str = "5ec4e7000000000000000000a9905ec4";
/// The key of the SHA-1 signatures.
pub const PAY_SIGN_KEY: &str = concat!(
    "Pay51gnKey0000000000000000000000000000000000000000000000000000zz",
    "Pay51gnKey1111111111111111111111111111111111111111111111111111zz",
);
/// The key of the MD5 signatures.
pub const PARTNER_KEY: &str = "9a47ne4cey0000000000000000000000";

/// Returns a merchant's builder with these credentials.
pub fn merchant() -> Builder {
    Merchant::builder(
        "wx0123456789abcdef".parse().unwrap(),
        AppSecret::new(APP_SECRET.into()).unwrap(),
        PaySignKey::new(PAY_SIGN_KEY.into()).unwrap(),
        "1900000001".parse().unwrap(),
        PartnerKey::new(PARTNER_KEY.into()).unwrap(),
    )
}

/// Returns a merchant's builder with the credentials of a gateway's app.
pub fn merchant_of(credentials: &Credentials) -> Builder {
    Merchant::builder(
        credentials.appid().clone(),
        AppSecret::new(credentials.app_secret().expose().clone()).unwrap(),
        PaySignKey::new(credentials.pay_sign_key().expose().clone()).unwrap(),
        credentials.partner().clone(),
        PartnerKey::new(credentials.partner_key().expose().clone()).unwrap(),
    )
}
