//! App payment: an order, and the signed parameters for the app.
//!
//! `POST /v3/pay/transactions/app`, `POST /v3/pay/partner/transactions/app`.

use super::{
    jsapi::PrepayReply,
    order::{Order, places_order},
};
use crate::{
    id::{AppId, MchId, PrepayId},
    v3::{message, prelude::*},
    wire::base64,
};
use core::fmt;

/// Places an order that is paid from an app. Returns the parameters for the app.
#[derive(Clone, Debug)]
pub struct AppOrder {
    pub(super) order: Order,
}

/// The parameters that the app passes to WeChat's SDK, under the names of the SDK.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct AppParams {
    /// The app that pays.
    pub appid: AppId,
    /// The merchant that receives the money: the sub-merchant in partner mode. Not signed.
    pub partnerid: MchId,
    /// The bare `prepay_id`.
    pub prepayid: PrepayId,
    /// The constant `Sign=WXPay`. Not signed.
    pub package: &'static str,
    /// The nonce.
    pub noncestr: String,
    /// The time of signing, in seconds since 1970, as text.
    pub timestamp: String,
    /// The signature, in base64.
    pub sign: String,
}

impl AppParams {
    /// Signs a `prepay_id` for the app. May be repeated within the two hours in which the `prepay_id` is valid. `appid`
    /// is that of the app that pays.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the merchant's private key is not available.
    pub fn sign(
        merchant: &Merchant,
        appid: AppId,
        partnerid: MchId,
        prepayid: PrepayId,
        now: UnixTime,
        noncestr: String,
    ) -> Result<Self, Error> {
        let timestamp = now.as_secs().to_string();
        let message = message::app(appid.as_str(), &timestamp, &noncestr, prepayid.as_str());
        let sign = base64::encode(&merchant.sign(&message)?);
        Ok(Self { appid, partnerid, prepayid, package: "Sign=WXPay", noncestr, timestamp, sign })
    }

    /// Signs the `prepay_id` of a reply.
    pub(super) fn of_reply(
        reply: Verified<'_>,
        merchant: &Merchant,
        appid: &AppId,
        partnerid: &MchId,
        world: &mut World<'_>,
    ) -> Result<Self, Error> {
        let PrepayReply { prepay_id } = reply.read()?;
        let nonce = world.entropy.nonce();
        Self::sign(merchant, appid.clone(), partnerid.clone(), prepay_id, world.now, nonce)
    }
}

impl fmt::Debug for AppParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppParams")
            .field("appid", &self.appid)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

impl AppOrder {
    /// Creates the operation from an order.
    pub fn new(order: Order) -> Self {
        Self { order }
    }
}

impl Endpoint for AppOrder {
    type Output = AppParams;

    places_order!("v3.pay.app", "/v3/pay/transactions/app", "/v3/pay/partner/transactions/app");

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<AppParams, Error> {
        let order = &self.order;
        let (appid, partnerid) = match &order.party {
            Party::Direct => (order.appid_for(merchant)?, merchant.mchid()),
            Party::Partner { sub_mchid, sub_appid: Some(sub_appid) } => (sub_appid, sub_mchid),
            Party::Partner { sub_mchid, sub_appid: None } => (order.appid_for(merchant)?, sub_mchid),
        };
        AppParams::of_reply(reply, merchant, appid, partnerid, world)
    }
}
