//! Combined orders by payment method.
//!
//! `POST /v3/combine-transactions/{app|h5|jsapi|miniprogram|native}`. The parameters for the payer's client are those
//! of single orders, with `combine_appid` and `combine_mchid`.

use super::order::Order;
use crate::{
    id::AppId,
    v3::{
        pay::{
            AppParams, H5Info, JsapiParams, h5::Reply as H5Reply, native::Reply as NativeReply,
            order::places_order,
        },
        prelude::*,
    },
};

/// Places a combined order that is paid from an app. Returns the parameters for the app.
#[derive(Clone, Debug)]
pub struct AppOrder {
    order: Order,
}

/// Places a combined order that is paid from a browser outside WeChat. Returns the URL to navigate to.
#[derive(Clone, Debug)]
pub struct H5Order {
    order: Order,
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
pub struct MiniProgramOrder {
    order: Order,
}

/// Places a combined order that is paid by scanning a QR code. Returns the code's content.
#[derive(Clone, Debug)]
pub struct NativeOrder {
    order: Order,
}

impl AppOrder {
    /// Creates the operation from a combined order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order has an openid. An identity is accepted.
    pub fn new(order: Order) -> Result<Self, InvalidField> {
        order.reject_fields(&["openid", "sub_openid"])?;
        Ok(Self { order })
    }
}

impl H5Order {
    /// Creates the operation from a combined order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order lacks `payer_client_ip` or `device_id`, or has fields that this payment
    /// method does not accept.
    pub fn new(mut order: Order, h5_info: H5Info) -> Result<Self, InvalidField> {
        order.reject_fields(&["detail", "individual_auth_id", "trade_scenario", "subsidy_info"])?;
        let scene = &mut order.scene_info;
        if scene.payer_client_ip.is_none() {
            return Err(InvalidField::new("payer_client_ip", "is required for H5"));
        }
        if scene.device_id.is_none() {
            return Err(InvalidField::new("device_id", "is required for combined H5"));
        }
        scene.h5_info = Some(h5_info);
        Ok(Self { order })
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
    pub fn new(mut order: Order) -> Result<Self, InvalidField> {
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
        if order.sub_orders.iter().any(|sub_order| sub_order.individual.is_none()) {
            return Err(InvalidField::new(
                "individual_auth_id",
                "is required for a trade between individuals",
            ));
        }
        for sub_order in &mut order.sub_orders {
            sub_order.order_service_type = Some("INDIVIDUALTRADE");
        }
        Ok(Self { order })
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
        Ok(Self { order })
    }
}

impl Endpoint for AppOrder {
    type Output = AppParams;

    places_order!("v3.combine.app", "/v3/combine-transactions/app");

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<AppParams, Error> {
        AppParams::of_reply(reply, merchant, self.order.appid_for(merchant)?, merchant.mchid(), world)
    }
}

impl Endpoint for H5Order {
    type Output = String;

    places_order!("v3.combine.h5", "/v3/combine-transactions/h5");

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let H5Reply { h5_url } = reply.read()?;
        Ok(h5_url)
    }
}

impl Endpoint for JsapiOrder {
    type Output = JsapiParams;

    places_order!("v3.combine.jsapi", "/v3/combine-transactions/jsapi");

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<JsapiParams, Error> {
        let appid = match &self.payers_sub_appid {
            Some(sub_appid) => sub_appid,
            None => self.order.appid_for(merchant)?,
        };
        JsapiParams::of_reply(reply, merchant, appid, world)
    }
}

impl Endpoint for MiniProgramOrder {
    type Output = JsapiParams;

    places_order!("v3.combine.miniprogram", "/v3/combine-transactions/miniprogram");

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<JsapiParams, Error> {
        JsapiParams::of_reply(reply, merchant, self.order.appid_for(merchant)?, world)
    }
}

impl Endpoint for NativeOrder {
    type Output = String;

    places_order!("v3.combine.native", "/v3/combine-transactions/native");

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let NativeReply { code_url } = reply.read()?;
        Ok(code_url)
    }
}

#[cfg(test)]
mod tests;
