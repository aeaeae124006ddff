//! The body of a combined order, as on the wire.

use super::{order::Order, sub_order::SubOrderBody, subsidy::Subsidy};
use crate::{
    error::Error,
    id::{AppId, MchId, NotifyUrl, OpenId, OutTradeNo},
    prelude::*,
    v3::{
        pay::{jsapi::IdentityBody, order::LimitPay},
        seal::RequestWriter,
    },
    wire::time,
};

/// The body of a combined order, as on the wire. `S` is the type of `scene_info`, which depends on the payment method.
#[derive(serde::Serialize)]
pub(super) struct Body<'a, S> {
    combine_appid: &'a AppId,
    combine_mchid: &'a MchId,
    combine_out_trade_no: &'a OutTradeNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<S>,
    sub_orders: Vec<SubOrderBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    combine_payer_info: Option<PayerInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_expire: Option<String>,
    notify_url: &'a NotifyUrl,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade_scenario: Option<&'a str>,
    #[serde(skip_serializing_if = "<[LimitPay]>::is_empty")]
    limit_pay: &'a [LimitPay],
    #[serde(skip_serializing_if = "Option::is_none")]
    subsidy_info: Option<SubsidyInfo<'a>>,
}

#[derive(serde::Serialize)]
struct PayerInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityBody>,
}

#[derive(serde::Serialize)]
struct SubsidyInfo<'a> {
    subsidy_detail: &'a [Subsidy],
}

/// The object `scene_info`, as on the wire of most payment methods.
#[derive(serde::Serialize)]
pub(super) struct SceneInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    payer_client_ip: String,
}

impl Order {
    /// Returns the body of the combined order. `order_service_type` is set in each sub-order if the payment method has
    /// it.
    #[allow(single_use_lifetimes, reason = "the bound of 'm needs its name")]
    pub(super) fn body<'a, 'm: 'a, S>(
        &'a self,
        writer: &mut RequestWriter<'m, '_>,
        scene_info: Option<S>,
        order_service_type: Option<&'static str>,
    ) -> Result<Body<'a, S>, Error> {
        let merchant = writer.merchant();
        // Before the payer is sealed, which may fetch a key: nothing is sent for an order that lacks a field.
        let combine_appid = self.appid_for(merchant)?;
        let notify_url = merchant.notify_url_or_default(self.notify_url.as_ref())?;
        Ok(Body {
            combine_appid,
            combine_mchid: merchant.mchid(),
            combine_out_trade_no: &self.combine_out_trade_no,
            scene_info,
            sub_orders: self.sub_orders.iter().map(|order| order.body(order_service_type)).collect(),
            combine_payer_info: self.payer_info(writer)?,
            time_start: self.time_start.map(time::format_rfc3339),
            time_expire: self.time_expire.map(time::format_rfc3339),
            notify_url,
            trade_scenario: self.trade_scenario.as_deref(),
            limit_pay: &self.limit_pay,
            subsidy_info: (!self.subsidy_detail.is_empty())
                .then_some(SubsidyInfo { subsidy_detail: &self.subsidy_detail }),
        })
    }

    fn payer_info(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Option<PayerInfo<'_>>, Error> {
        let identity = self.identity.as_ref().map(|identity| identity.body(writer)).transpose()?;
        let (openid, sub_openid) = (self.openid.as_ref(), self.sub_openid.as_ref());
        let is_present = openid.is_some() || sub_openid.is_some() || identity.is_some();
        let (openid, sub_openid) = (openid.map(OpenId::as_str), sub_openid.map(OpenId::as_str));
        Ok(is_present.then_some(PayerInfo { openid, sub_openid, identity }))
    }

    pub(super) fn scene_info(&self) -> Option<SceneInfo<'_>> {
        let device_id = self.device_id.as_deref();
        self.payer_client_ip.map(|address| SceneInfo { device_id, payer_client_ip: address.to_string() })
    }
}
