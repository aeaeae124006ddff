//! Combined orders by payment method.
//!
//! `POST /v3/combine-transactions/{app|h5|jsapi|miniprogram|native}`. The parameters for the payer's client are those
//! of single orders, with `combine_appid` and `combine_mchid`.

use super::{body::SceneInfo, order::Order};
use crate::{
    error::{Error, PendingOperation},
    id::{AppId, InvalidField},
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        pay::{AppParams, H5Info, JsapiParams, jsapi::PrepayReply},
        seal::RequestWriter,
        verify::Verified,
    },
    wire::json::object,
    world::World,
};

/// Places a combined order that is paid from an app. Returns the parameters for the app.
#[derive(Clone, Debug)]
pub struct AppOrder(Order);

/// Places a combined order that is paid from a browser outside WeChat. Returns the URL to navigate to.
#[derive(Clone, Debug)]
pub struct H5Order {
    order: Order,
    h5_info: H5Info,
}

/// Places a combined order that is paid on a page inside WeChat or in a mini program. Returns the parameters for
/// `wx.requestPayment` or `WeixinJSBridge`.
#[derive(Clone, Debug)]
pub struct JsapiOrder {
    order: Order,
    /// The sub-merchants' app, if the payer's openid belongs to it.
    payers_sub_appid: Option<AppId>,
}

/// Places a combined order in a mini program for trades between individuals. Returns the parameters for
/// `wx.requestPayment`. Other mini programs use [`JsapiOrder`].
#[derive(Clone, Debug)]
pub struct MiniProgramOrder(Order);

/// Places a combined order that is paid by scanning a QR code. Returns the code's content.
#[derive(Clone, Debug)]
pub struct NativeOrder(Order);

impl AppOrder {
    /// Creates the operation from a combined order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order has an openid. An identity is accepted.
    pub fn new(order: Order) -> Result<Self, InvalidField> {
        order.reject_fields(&["openid", "sub_openid"])?;
        Ok(Self(order))
    }
}

impl H5Order {
    /// Creates the operation from a combined order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order lacks `payer_client_ip` or `device_id`, or has fields that this payment
    /// method does not accept.
    pub fn new(order: Order, h5_info: H5Info) -> Result<Self, InvalidField> {
        order.reject_fields(&["detail", "individual_auth_id", "trade_scenario", "subsidy_info"])?;
        match order.scene() {
            (Some(_), Some(_)) => Ok(Self { order, h5_info }),
            (None, _) => Err(InvalidField::new("payer_client_ip", "is required for H5")),
            (Some(_), None) => Err(InvalidField::new("device_id", "is required for combined H5")),
        }
    }
}

impl JsapiOrder {
    /// Creates the operation from a combined order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order has no openid, or has `sub_openid` without exactly one `sub_appid` in its
    /// sub-orders, or has fields that this payment method does not accept.
    pub fn new(order: Order) -> Result<Self, InvalidField> {
        order.reject_fields(&["individual_auth_id", "trade_scenario"])?;
        let payers_sub_appid = order.payers_sub_appid()?;
        Ok(Self { order, payers_sub_appid })
    }
}

impl MiniProgramOrder {
    /// Creates the operation from a combined order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order has no openid, a sub-order has no `individual`, or the order has fields
    /// that this payment method does not accept.
    pub fn new(order: Order) -> Result<Self, InvalidField> {
        order.reject_fields(&[
            "sub_openid",
            "identity",
            "time_start",
            "limit_pay",
            "subsidy_info",
            "sub_mchid",
            "sub_appid",
            "detail",
            "goods_tag",
            "settle_info",
        ])?;
        order.payers_sub_appid()?;
        if order.sub_orders.iter().all(|order| order.individual.is_some()) {
            Ok(Self(order))
        } else {
            Err(InvalidField::new("individual_auth_id", "is required for a trade between individuals"))
        }
    }
}

impl NativeOrder {
    /// Creates the operation from a combined order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order has fields that this payment method does not accept.
    pub fn new(order: Order) -> Result<Self, InvalidField> {
        order.reject_fields(&["detail", "individual_auth_id", "trade_scenario", "subsidy_info"])?;
        Ok(Self(order))
    }
}

#[derive(serde::Serialize)]
struct Scene<'a> {
    #[serde(flatten)]
    scene: Option<SceneInfo<'a>>,
    h5_info: &'a H5Info,
}

object! {
    struct H5Reply {
        h5_url: String,
    }
}

object! {
    struct NativeReply {
        code_url: String,
    }
}

impl Endpoint for AppOrder {
    type Output = AppParams;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let body = order.body(writer, order.scene_info(), None)?;
        Ok(Draft::post("v3.combine.app", "/v3/combine-transactions/app", &body))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<AppParams, Error> {
        let PrepayReply { prepay_id } = reply.read()?;
        let (appid, nonce) = (self.0.appid_for(merchant)?.clone(), world.entropy.nonce());
        AppParams::sign(merchant, appid, merchant.mchid().clone(), prepay_id, world.now, nonce)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.0.pending_operation())
    }
}

impl Endpoint for H5Order {
    type Output = String;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let Self { order, h5_info } = self;
        let body = order.body(writer, Some(Scene { scene: order.scene_info(), h5_info }), None)?;
        Ok(Draft::post("v3.combine.h5", "/v3/combine-transactions/h5", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let H5Reply { h5_url } = reply.read()?;
        Ok(h5_url)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.order.pending_operation())
    }
}

impl Endpoint for JsapiOrder {
    type Output = JsapiParams;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let body = self.order.body(writer, self.order.scene_info(), None)?;
        Ok(Draft::post("v3.combine.jsapi", "/v3/combine-transactions/jsapi", &body))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<JsapiParams, Error> {
        let PrepayReply { prepay_id } = reply.read()?;
        let appid = match &self.payers_sub_appid {
            Some(sub_appid) => sub_appid,
            None => self.order.appid_for(merchant)?,
        };
        let nonce = world.entropy.nonce();
        JsapiParams::sign(merchant, appid.clone(), &prepay_id, world.now, nonce)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.order.pending_operation())
    }
}

impl Endpoint for MiniProgramOrder {
    type Output = JsapiParams;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let body = order.body(writer, order.scene_info(), Some("INDIVIDUALTRADE"))?;
        Ok(Draft::post("v3.combine.miniprogram", "/v3/combine-transactions/miniprogram", &body))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<JsapiParams, Error> {
        let PrepayReply { prepay_id } = reply.read()?;
        let (appid, nonce) = (self.0.appid_for(merchant)?.clone(), world.entropy.nonce());
        JsapiParams::sign(merchant, appid, &prepay_id, world.now, nonce)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.0.pending_operation())
    }
}

impl Endpoint for NativeOrder {
    type Output = String;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let body = order.body(writer, order.scene_info(), None)?;
        Ok(Draft::post("v3.combine.native", "/v3/combine-transactions/native", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let NativeReply { code_url } = reply.read()?;
        Ok(code_url)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.0.pending_operation())
    }
}

#[cfg(test)]
mod tests;
