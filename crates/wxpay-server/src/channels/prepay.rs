//! The reply of WeChat Pay to an order, stored, and the part of it for the payer's client.

use super::{
    channel::Channel,
    h5, native,
    terms::{Payer, Terms},
};
use crate::merchants::Merchant;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{error, fmt, time::Duration};
use wxpay_hyper::Client;
use wxpay_proto::{
    Error, UnixTime,
    id::{AppId, PrepayId},
    v1,
    v3::{self, pay},
};

/// The call that places an order.
#[derive(Debug)]
pub(crate) enum PrepayCall {
    /// Returns the content of a QR code.
    Native(v3::Call<pay::NativeOrder>),
    /// Returns a `prepay_id`: JSAPI, mini program, app.
    PrepayId(v3::Call<pay::PrepayOrder>),
    /// Returns a URL for the browser.
    H5(v3::Call<pay::H5Order>),
    /// Returns a `prepay_id` of APIv1.
    V1(v1::Call<v1::CreatePrepay>),
    /// Charges the payer's code.
    Code(Box<v3::Call<pay::CodePayment>>),
}

/// The reply to the call that places an order.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The result that the payer's client pays with.
    Prepay(Prepay),
    /// The reply to a charge.
    Charge(pay::CodePaymentReply),
}

/// The result that the payer's client pays with. It serializes to the JSON that is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Prepay {
    /// A `prepay_id`, to be signed.
    PrepayId(PrepayId),
    /// A `prepay_id` of APIv1, to be signed.
    V1PrepayId(PrepayId),
    /// The content of a QR code.
    CodeUrl(String),
    /// A URL for the browser.
    H5Url(String),
}

/// Prints the kind only: who has the value may pay with it.
impl fmt::Debug for Prepay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrepayId(_) => "PrepayId(..)",
            Self::V1PrepayId(_) => "V1PrepayId(..)",
            Self::CodeUrl(_) => "CodeUrl(..)",
            Self::H5Url(_) => "H5Url(..)",
        })
    }
}

/// The error for a stored reply that cannot be signed for the payer's client.
#[derive(Debug)]
pub(crate) enum PayError {
    /// The merchant does not have the app, the sub-merchant or the API version of the order any more.
    NotConfigured,
    /// The private key is not available.
    Sign(Error),
}

impl fmt::Display for PayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => f.write_str(
                "the merchant's settings do not have the app or the sub-merchant of this order any more",
            ),
            Self::Sign(error) => error.fmt(f),
        }
    }
}

impl error::Error for PayError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::NotConfigured => None,
            Self::Sign(error) => error.source(),
        }
    }
}

impl PrepayCall {
    /// Runs the call to its end.
    ///
    /// # Errors
    ///
    /// Returns the error of the call. Its [fate](Error::fate) states whether the order may exist at WeChat Pay.
    pub(crate) async fn run(self, client: &Client) -> Result<Reply, Error> {
        let prepay = match self {
            Self::Native(call) => client.run(call).await.map(Prepay::CodeUrl),
            Self::PrepayId(call) => client.run(call).await.map(Prepay::PrepayId),
            Self::H5(call) => client.run(call).await.map(Prepay::H5Url),
            Self::V1(call) => client.run(call).await.map(|params| Prepay::V1PrepayId(params.prepayid)),
            Self::Code(call) => return client.run(*call).await.map(Reply::Charge),
        };
        prepay.map(Reply::Prepay)
    }
}

impl Prepay {
    /// Returns the time for which the reply is valid: five minutes for an `h5_url`, two hours for the others.
    pub(crate) fn lifetime(&self) -> Duration {
        match self {
            Self::H5Url(_) => Duration::from_mins(5),
            Self::PrepayId(_) | Self::V1PrepayId(_) | Self::CodeUrl(_) => Duration::from_hours(2),
        }
    }

    /// Returns the JSON to store.
    ///
    /// # Errors
    ///
    /// Returns the error of the serializer, which has none for this type.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Parses the JSON of [`to_json`](Self::to_json).
    ///
    /// # Errors
    ///
    /// Returns the error of the parser.
    pub(crate) fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// Returns the object `pay` of the API, for the payer's client. Parameters are signed with this time and this random
    /// string, so that a payer who returns after a while gets fresh ones for the same order.
    ///
    /// `terms` are [resolved](Terms::resolved).
    ///
    /// # Errors
    ///
    /// Returns [`PayError`] if the merchant's settings do not fit the order any more, or its private key is not
    /// available.
    pub(crate) fn pay(
        &self,
        merchant: &Merchant,
        terms: &Terms,
        now: UnixTime,
        nonce: String,
    ) -> Result<Value, PayError> {
        match self {
            Self::CodeUrl(url) => Ok(native::pay(url)),
            Self::H5Url(url) => Ok(h5::pay(url)),
            Self::PrepayId(id) => sign_v3(merchant, terms, id, now, nonce),
            Self::V1PrepayId(id) => {
                let v1 = merchant.v1().ok_or(PayError::NotConfigured)?;
                if terms.app.as_deref() != Some(v1.appid().as_str()) {
                    return Err(PayError::NotConfigured);
                }
                let params = v1::AppParams::sign(v1, id.clone(), now, nonce);
                Ok(json!({"kind": "app", "params": params}))
            }
        }
    }
}

fn sign_v3(
    merchant: &Merchant,
    terms: &Terms,
    id: &PrepayId,
    now: UnixTime,
    nonce: String,
) -> Result<Value, PayError> {
    let not_configured = || PayError::NotConfigured;
    let v3 = merchant.v3().ok_or_else(not_configured)?;
    let sub_merchant = merchant.sub_merchant(terms.sub_mchid.as_ref()).map_err(|_| not_configured())?;
    let sub_appid = sub_merchant.as_ref().and_then(|sub| sub.sub_appid.clone());
    let appid = terms.app.as_deref().and_then(|app| app.parse::<AppId>().ok()).ok_or_else(not_configured)?;
    match terms.channel {
        Channel::App => {
            // The sub-merchant's own app pays, if it has one.
            let appid = sub_appid.unwrap_or(appid);
            let partnerid = sub_merchant.map_or_else(|| v3.mchid().clone(), |sub| sub.sub_mchid);
            let params = pay::AppParams::sign(v3, appid, partnerid, id.clone(), now, nonce);
            Ok(json!({"kind": "app", "params": params.map_err(PayError::Sign)?}))
        }
        Channel::Jsapi | Channel::MiniProgram | Channel::Native | Channel::H5 | Channel::Code => {
            let appid = match &terms.payer {
                Some(Payer::SubOpenId(_)) => sub_appid.ok_or_else(not_configured)?,
                Some(Payer::OpenId(_)) | None => appid,
            };
            let params = pay::JsapiParams::sign(v3, appid, id, now, nonce).map_err(PayError::Sign)?;
            Ok(json!({"kind": terms.channel.name(), "params": params}))
        }
    }
}

#[cfg(test)]
mod tests;
