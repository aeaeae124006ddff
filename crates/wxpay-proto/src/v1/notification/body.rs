//! The signed XML body of a notification, which describes the payer.

use super::error::{Reason, invalid};
use crate::{
    id::AppId,
    v1::{merchant::Merchant, signature},
    wire::xml::FlatXml,
};

/// A body whose signature was verified. Only [`verify`](Self::verify) creates it.
pub(super) struct SignedBody<'a> {
    pub(super) appid: &'a str,
    pub(super) is_subscribe: &'a str,
    pub(super) openid: &'a str,
    pub(super) timestamp: &'a str,
}

impl<'a> SignedBody<'a> {
    /// Verifies the SHA-1 signature over the trimmed elements, with their names in lower case.
    ///
    /// Exactly the seven documented elements are accepted, in the spelling of the document. Other messages under the
    /// same key have other elements, or leave some unsigned, and cannot be taken for a notification.
    pub(super) fn verify(merchant: &Merchant, body: &'a FlatXml<'_>) -> Result<Self, Reason> {
        const ELEMENTS: usize = 7;
        let element = |name: &'static str| match body.value(name).map(str::trim) {
            Some(value) if signature::has_one_reading(value.as_bytes()) => Ok(value),
            Some(_) => Err(invalid(name, "must have no &, which separates the signed fields")),
            None => Err(invalid(name, "is required")),
        };
        let claimed = element("AppSignature")?;
        if !element("SignMethod")?.eq_ignore_ascii_case("sha1") {
            return Err(invalid("SignMethod", "must be sha1"));
        }
        let [appid, is_subscribe, openid] = [element("AppId")?, element("IsSubscribe")?, element("OpenId")?];
        let [nonce, timestamp] = [element("NonceStr")?, element("TimeStamp")?];
        // Each name occurs once, so that one more element than the required ones is one that is not documented.
        if body.iter().count() != ELEMENTS {
            return Err(invalid("body", "must have only the documented elements"));
        }
        let signed = [
            ("appid", appid),
            ("issubscribe", is_subscribe),
            ("noncestr", nonce),
            ("openid", openid),
            ("timestamp", timestamp),
        ];
        if signature::sha1(signed.into_iter(), merchant.pay_sign_key()).matches(claimed.as_bytes()) {
            Ok(Self { appid, is_subscribe, openid, timestamp })
        } else {
            Err(Reason::BodySignature)
        }
    }

    /// Requires that the payer paid in this app.
    pub(super) fn require_app(&self, appid: &AppId) -> Result<(), Reason> {
        let is_own = self.appid == appid.as_str();
        if is_own { Ok(()) } else { Err(invalid("AppId", "must be the merchant's own app")) }
    }
}
