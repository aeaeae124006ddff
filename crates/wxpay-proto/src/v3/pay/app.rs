//! App payment: an order, and the signed parameters for the app.
//!
//! `POST /v3/pay/transactions/app`, `POST /v3/pay/partner/transactions/app`.

use super::{jsapi::PrepayReply, order::Order};
use crate::{
    clock::UnixTime,
    error::{Error, PendingOperation},
    id::{AppId, MchId, PrepayId},
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        message,
        party::Party,
        seal::RequestWriter,
        verify::Verified,
    },
    wire::base64,
    world::World,
};
use core::fmt;

/// Places an order that is paid from an app. Returns the parameters for the app.
#[derive(Clone, Debug)]
pub struct AppOrder(Order);

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
        Self(order)
    }
}

impl Endpoint for AppOrder {
    type Output = AppParams;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let path = order.party().choose("/v3/pay/transactions/app", "/v3/pay/partner/transactions/app");
        let body = order.body(writer, None, order.scene_info())?;
        Ok(Draft::post("v3.pay.app", path, &body))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<AppParams, Error> {
        let Self(order) = self;
        let PrepayReply { prepay_id } = reply.read()?;
        let (appid, partnerid) = match order.party() {
            Party::Direct => (order.appid_for(merchant)?, merchant.mchid()),
            Party::Partner { sub_mchid, sub_appid: Some(sub_appid) } => (sub_appid, sub_mchid),
            Party::Partner { sub_mchid, sub_appid: None } => (order.appid_for(merchant)?, sub_mchid),
        };
        let nonce = world.entropy.nonce();
        AppParams::sign(merchant, appid.clone(), partnerid.clone(), prepay_id, world.now, nonce)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.0.pending_operation())
    }
}
