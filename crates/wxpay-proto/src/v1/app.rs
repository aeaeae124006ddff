//! The parameters for the app: seven values, with the second signature.

use super::{
    merchant::Merchant,
    signature::{self, Sha1Sign, StringToSign},
};
use crate::{
    clock::UnixTime,
    id::{AppId, PartnerId, PrepayId},
    prelude::*,
};

/// The parameters for the app, which passes them to WeChat unchanged. They serialize to seven members, all strings.
///
/// On Android they are the fields `appId, nonceStr, packageValue, partnerId, prepayId, sign, timeStamp` of `PayReq`. On
/// iOS `timeStamp` is a number. **The result that the app reports is no proof of payment.**
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct AppParams {
    /// The app.
    pub appid: AppId,
    /// A random string.
    pub noncestr: String,
    /// The literal `Sign=WXPay`.
    pub package: &'static str,
    /// The merchant's number.
    pub partnerid: PartnerId,
    /// The id of the order to pay. Its validity is not documented; later API versions have two hours.
    pub prepayid: PrepayId,
    /// The second signature.
    pub sign: Sha1Sign,
    /// The time of signing, in seconds since 1970.
    #[serde(serialize_with = "as_text")]
    pub timestamp: u64,
}

fn as_text<T: ToString, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

impl AppParams {
    /// The literal value of `package`, which names the parameter `sign` to WeChat's client.
    pub const PACKAGE: &'static str = "Sign=WXPay";

    /// Signs the parameters for the app, with the current time and a new random string.
    pub fn sign(merchant: &Merchant, prepayid: PrepayId, now: UnixTime, noncestr: String) -> Self {
        let timestamp = now.as_secs().to_string();
        let sign = signature::sha1(
            fields(merchant, &noncestr, prepayid.as_str(), &timestamp),
            merchant.pay_sign_key(),
        );
        Self {
            appid: merchant.appid().clone(),
            noncestr,
            package: Self::PACKAGE,
            partnerid: merchant.partner().clone(),
            prepayid,
            sign,
            timestamp: now.as_secs(),
        }
    }

    /// Returns the string that the second signature signs, for debugging.
    pub fn string_to_sign(&self, merchant: &Merchant) -> StringToSign {
        let timestamp = self.timestamp.to_string();
        signature::sha1_string(
            fields(merchant, &self.noncestr, self.prepayid.as_str(), &timestamp),
            merchant.pay_sign_key(),
        )
    }
}

fn fields<'a>(
    merchant: &'a Merchant,
    noncestr: &'a str,
    prepayid: &'a str,
    timestamp: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    [
        ("appid", merchant.appid().as_str()),
        ("noncestr", noncestr),
        ("package", AppParams::PACKAGE),
        ("partnerid", merchant.partner().as_str()),
        ("prepayid", prepayid),
        ("timestamp", timestamp),
    ]
    .into_iter()
}
