//! Ordering together, by each way of paying.
//!
//! `POST /v3/combine-transactions/{app|h5|jsapi|miniprogram|native}`. The client's parameters are those of single orders,
//! with `combine_appid` and `combine_mchid`: `protocol/v3` section 8.

use super::{body::SceneInfo, order::Order};
use crate::{
    error::{Debt, Error},
    id::{AppId, Invalid},
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        pay::{AppParams, H5Info, JsapiParams, jsapi::Prepaid},
        seal::Pen,
        verify::Verified,
    },
    world::World,
};
use alloc::string::String;

/// For an app; comes to the parameters for the phone.
#[derive(Clone, Debug)]
pub struct App(Order);

/// For a browser outside WeChat; comes to the URL to go to.
#[derive(Clone, Debug)]
pub struct H5 {
    order: Order,
    h5_info: H5Info,
}

/// For a page inside WeChat, or for a mini program; comes to the parameters for it.
#[derive(Clone, Debug)]
pub struct Jsapi {
    order: Order,
    payers_appid: AppId,
}

/// For a mini program in which people trade with each other; comes to the parameters for it. Other mini programs order
/// [like a page](Jsapi).
#[derive(Clone, Debug)]
pub struct MiniProgram(Order);

/// For a QR code; comes to the link in it.
#[derive(Clone, Debug)]
pub struct Native(Order);

impl App {
    /// Orders that will be paid from an app.
    ///
    /// # Errors
    ///
    /// When they tell who the payer is, but by an identity.
    pub fn new(order: Order) -> Result<Self, Invalid> {
        order.without(&["openid", "sub_openid"])?;
        Ok(Self(order))
    }
}

impl H5 {
    /// Orders that will be paid from a browser.
    ///
    /// # Errors
    ///
    /// When they do not tell the payer's address and the merchant's device, or tell what this way of paying does not take.
    pub fn new(order: Order, h5_info: H5Info) -> Result<Self, Invalid> {
        order.without(&["detail", "individual_auth_id", "trade_scenario", "subsidy_info"])?;
        match order.scene() {
            (Some(_), Some(_)) => Ok(Self { order, h5_info }),
            (None, _) => Err(Invalid::new("payer_client_ip", "must be told for H5")),
            (Some(_), None) => Err(Invalid::new("device_id", "must be told for combined H5")),
        }
    }
}

impl Jsapi {
    /// Orders that will be paid on a page inside WeChat, or in a mini program.
    ///
    /// # Errors
    ///
    /// When they do not tell who the payer is, or the payer is under the sub-merchants' app and that is not one; or when they
    /// tell what this way of paying does not take.
    pub fn new(order: Order) -> Result<Self, Invalid> {
        order.without(&["individual_auth_id", "trade_scenario"])?;
        let payers_appid = order.payers_appid()?;
        Ok(Self { order, payers_appid })
    }
}

impl MiniProgram {
    /// Orders that will be paid in a mini program in which people trade with each other.
    ///
    /// # Errors
    ///
    /// When they do not tell who the payer is, or whose trade each is, or tell what this way of paying does not take.
    pub fn new(order: Order) -> Result<Self, Invalid> {
        order.without(&[
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
        order.payers_appid()?;
        if order.sub_orders.iter().all(|order| order.individual.is_some()) {
            Ok(Self(order))
        } else {
            Err(Invalid::new("individual_auth_id", "must be told for a trade between people"))
        }
    }
}

impl Native {
    /// Orders that will be paid by scanning.
    ///
    /// # Errors
    ///
    /// When they tell what this way of paying does not take.
    pub fn new(order: Order) -> Result<Self, Invalid> {
        order.without(&["detail", "individual_auth_id", "trade_scenario", "subsidy_info"])?;
        Ok(Self(order))
    }
}

#[derive(serde::Serialize)]
struct Scene<'a> {
    #[serde(flatten)]
    scene: Option<SceneInfo<'a>>,
    h5_info: &'a H5Info,
}

#[derive(serde::Deserialize)]
struct H5Reply {
    h5_url: String,
}

#[derive(serde::Deserialize)]
struct NativeReply {
    code_url: String,
}

impl Endpoint for App {
    type Output = AppParams;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let body = order.body(pen, order.scene_info(), None)?;
        Ok(Draft::post("v3.combine.app", "/v3/combine-transactions/app", &body))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, world: &mut World<'_>) -> Result<AppParams, Error> {
        let Prepaid { prepay_id } = reply.parse()?;
        let (appid, nonce) = (self.0.combine_appid.clone(), world.entropy.nonce());
        AppParams::sign(me, appid, me.mchid().clone(), prepay_id, world.now, nonce)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.0.debt())
    }
}

impl Endpoint for H5 {
    type Output = String;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let Self { order, h5_info } = self;
        let body = order.body(pen, Some(Scene { scene: order.scene_info(), h5_info }), None)?;
        Ok(Draft::post("v3.combine.h5", "/v3/combine-transactions/h5", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let H5Reply { h5_url } = reply.parse()?;
        Ok(h5_url)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.order.debt())
    }
}

impl Endpoint for Jsapi {
    type Output = JsapiParams;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let body = self.order.body(pen, self.order.scene_info(), None)?;
        Ok(Draft::post("v3.combine.jsapi", "/v3/combine-transactions/jsapi", &body))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, world: &mut World<'_>) -> Result<JsapiParams, Error> {
        let Prepaid { prepay_id } = reply.parse()?;
        let nonce = world.entropy.nonce();
        JsapiParams::sign(me, self.payers_appid.clone(), &prepay_id, world.now, nonce)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.order.debt())
    }
}

impl Endpoint for MiniProgram {
    type Output = JsapiParams;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let body = order.body(pen, order.scene_info(), Some("INDIVIDUALTRADE"))?;
        Ok(Draft::post("v3.combine.miniprogram", "/v3/combine-transactions/miniprogram", &body))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, world: &mut World<'_>) -> Result<JsapiParams, Error> {
        let Prepaid { prepay_id } = reply.parse()?;
        let nonce = world.entropy.nonce();
        JsapiParams::sign(me, self.0.combine_appid.clone(), &prepay_id, world.now, nonce)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.0.debt())
    }
}

impl Endpoint for Native {
    type Output = String;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let body = order.body(pen, order.scene_info(), None)?;
        Ok(Draft::post("v3.combine.native", "/v3/combine-transactions/native", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let NativeReply { code_url } = reply.parse()?;
        Ok(code_url)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.0.debt())
    }
}

#[cfg(test)]
mod tests;
