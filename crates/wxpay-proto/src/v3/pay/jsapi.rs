//! JSAPI and mini program payment: an order for a known payer, and the signed parameters for the page or mini program.
//!
//! `POST /v3/pay/transactions/jsapi`, `POST /v3/pay/partner/transactions/jsapi`, `…/miniprogram`.

use super::{
    order::{Order, places_order},
    payer::Payer,
};
use crate::{
    id::{AppId, PrepayId},
    v3::{message, prelude::*},
    wire::base64,
};
use core::fmt;

/// Places a JSAPI order. Returns the parameters for `wx.requestPayment` or `WeixinJSBridge`.
#[derive(Clone, Debug)]
pub struct JsapiOrder {
    pub(super) order: Order,
    pub(super) path: &'static str,
}

/// The parameters that a page passes to `WeixinJSBridge` or `wx.chooseWXPay`, or a mini program to `wx.requestPayment`,
/// which needs no `appId`. `wx.chooseWXPay` expects `timeStamp` under the name `timestamp`.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JsapiParams {
    /// The app that the payer's openid belongs to.
    pub app_id: AppId,
    /// The time of signing, in seconds since 1970, as text.
    pub time_stamp: String,
    /// The nonce.
    pub nonce_str: String,
    /// The order: `prepay_id=…`.
    pub package: String,
    /// The constant `RSA`. Not signed.
    pub sign_type: &'static str,
    /// The signature, in base64.
    pub pay_sign: String,
}

impl JsapiParams {
    /// Signs a `prepay_id` for the payer's client. May be repeated within the two hours in which the `prepay_id` is
    /// valid. `appid` is that of the app that the payer's openid belongs to.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the merchant's private key is not available.
    pub fn sign(
        merchant: &Merchant,
        appid: AppId,
        prepay_id: &PrepayId,
        now: UnixTime,
        nonce_str: String,
    ) -> Result<Self, Error> {
        let (time_stamp, package) = (now.as_secs().to_string(), format!("prepay_id={prepay_id}"));
        let message = message::jsapi(appid.as_str(), &time_stamp, &nonce_str, &package);
        let pay_sign = base64::encode(&merchant.sign(&message)?);
        Ok(Self { app_id: appid, time_stamp, nonce_str, package, sign_type: "RSA", pay_sign })
    }

    /// Signs the `prepay_id` of a reply.
    pub(super) fn of_reply(
        reply: Verified<'_>,
        merchant: &Merchant,
        appid: &AppId,
        world: &mut World<'_>,
    ) -> Result<Self, Error> {
        let PrepayReply { prepay_id } = reply.read()?;
        Self::sign(merchant, appid.clone(), &prepay_id, world.now, world.entropy.nonce())
    }
}

impl fmt::Debug for JsapiParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsapiParams")
            .field("app_id", &self.app_id)
            .field("time_stamp", &self.time_stamp)
            .finish_non_exhaustive()
    }
}

impl JsapiOrder {
    pub(super) const LABEL: &'static str = "v3.pay.jsapi";

    /// Creates the operation from an order that this payer pays on a page inside WeChat.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the payer's openid belongs to the sub-merchant's app, and the order has no
    /// `sub_appid`.
    pub fn new(order: Order, payer: Payer) -> Result<Self, InvalidField> {
        let path = order.party.choose("/v3/pay/transactions/jsapi", "/v3/pay/partner/transactions/jsapi");
        Ok(Self { order: order.payer(payer)?, path })
    }

    /// Creates the operation from an order that this payer pays in a mini program. A direct merchant uses the same
    /// operation as for a page; a partner uses a separate one, which accepts fewer fields.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] in the cases of [`new`](Self::new). For a sub-merchant also if the order has
    /// `limit_pay`, the store has fields other than `id`, or the payer has an identity.
    pub fn mini_program(order: Order, payer: Payer) -> Result<Self, InvalidField> {
        let path =
            order.party.choose("/v3/pay/transactions/jsapi", "/v3/pay/partner/transactions/miniprogram");
        let order = order.payer(payer)?;
        if order.party != Party::Direct {
            order.reject_fields(&["limit_pay", "identity"])?;
            if order.scene_info.store.as_ref().is_some_and(|store| !store.is_number_only()) {
                return Err(InvalidField::new(
                    "store_info",
                    "must have only id for a sub-merchant's mini program",
                ));
            }
        }
        Ok(Self { order, path })
    }

    /// Returns the app that the payer's openid belongs to; the parameters are signed for it.
    fn payers_appid<'a>(&'a self, merchant: &'a Merchant) -> Result<&'a AppId, Error> {
        match self.order.party.sub_appid() {
            Some(sub_appid) if self.order.payer.sub_openid.is_some() => Ok(sub_appid),
            _ => self.order.appid_for(merchant),
        }
    }
}

object! {
    /// The reply `{"prepay_id"}` to JSAPI, mini program and app orders.
    pub(super) struct PrepayReply {
        pub(super) prepay_id: PrepayId,
    }
}

impl Endpoint for JsapiOrder {
    type Output = JsapiParams;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        writer.post(Self::LABEL, self.path, &self.order)
    }

    places_order!();

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<JsapiParams, Error> {
        JsapiParams::of_reply(reply, merchant, self.payers_appid(merchant)?, world)
    }
}
