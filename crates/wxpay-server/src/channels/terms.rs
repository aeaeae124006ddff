//! The terms of an order.

mod difference;
mod parse;

use super::channel::Channel;
use crate::{
    invalid::Invalid,
    merchants::{App, Merchant, MerchantName},
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::{fmt, net::IpAddr};
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OpenId, OutTradeNo},
    wire::time::format_rfc3339,
};

/// The terms of an order: the fields of `POST /api/orders` that decide what is sold, to whom, and how it is paid.
/// Requests with equal terms are the same order.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Terms {
    /// The merchant; set once it is [resolved](Self::resolved).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) merchant: Option<MerchantName>,
    /// The app, by id or name; its id once it is [resolved](Self::resolved).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<String>,
    /// The sub-merchant of a partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sub_mchid: Option<MchId>,
    /// The channel.
    pub(crate) channel: Channel,
    /// The shop's number of the order.
    pub(crate) out_trade_no: OutTradeNo,
    /// The description that the payer sees.
    pub(crate) description: String,
    /// The price.
    pub(crate) amount: Amount,
    /// The payer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payer: Option<Payer>,
    /// The place in which the order is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scene_info: Option<SceneInfo>,
    /// The goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<Detail>,
    /// The time until which the order can be paid, to the second.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_rfc3339")]
    pub(crate) time_expire: Option<UnixTime>,
    /// Data of the shop, returned in notifications and queries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attach: Option<String>,
    /// The paid amount is frozen for profit sharing.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) profit_sharing: bool,
    /// The coupon tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) goods_tag: Option<String>,
    /// The payer may request an electronic invoice (fapiao).
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) support_fapiao: bool,
}

/// The price (`amount`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Amount {
    /// The price, in fen.
    pub(crate) total: Fen,
    /// The currency: always `CNY`.
    pub(crate) currency: &'static str,
}

/// The payer (`payer`), by one of the two ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payer {
    /// The payer's id under the order's app.
    OpenId(OpenId),
    /// The payer's id under the sub-merchant's app.
    SubOpenId(OpenId),
}

/// The place in which the order is paid (`scene_info`). Never empty.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SceneInfo {
    /// The IP address of the payer's device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payer_client_ip: Option<IpAddr>,
    /// The store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store_info: Option<StoreInfo>,
    /// The environment of the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) h5_info: Option<H5Info>,
}

/// A store of the merchant (`store_info`).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StoreInfo {
    /// WeChat Pay's number of the store, or the merchant's; which of the two, the channel decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// The merchant's own number of the store, for the channel `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) out_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) area_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
}

/// The environment of the browser (`h5_info`).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct H5Info {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bundle_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) package_name: Option<String>,
}

/// The goods (`detail`).
#[allow(clippy::struct_field_names, reason = "the names are those on the wire")]
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_price: Option<Fen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) invoice_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) goods_detail: Vec<Goods>,
}

/// A kind of goods.
#[allow(clippy::struct_field_names, reason = "the names are those on the wire")]
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Goods {
    pub(crate) merchant_goods_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wechatpay_goods_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) goods_name: Option<String>,
    pub(crate) quantity: u32,
    pub(crate) unit_price: Fen,
}

impl Terms {
    /// Parses the fields of a request, without those that are no terms (`metadata`). Unknown fields are refused.
    ///
    /// # Errors
    ///
    /// Returns the path of the first invalid field. The rules of the channel are checked by
    /// [`request`](super::request).
    pub(crate) fn parse(fields: Map<String, Value>) -> Result<Self, Invalid> {
        parse::terms(fields)
    }

    /// Parses stored terms, the text of [`to_json`](Self::to_json).
    ///
    /// # Errors
    ///
    /// Returns the path of the first invalid field, or the field `terms` if the text is no JSON object.
    pub(crate) fn from_json(json: &str) -> Result<Self, Invalid> {
        let fields = serde_json::from_str(json);
        Self::parse(fields.map_err(|_| Invalid::new("terms", "must be a JSON object"))?)
    }

    /// Returns the canonical JSON: equal terms have equal texts.
    ///
    /// # Errors
    ///
    /// Returns the error of the serializer, which has none for these types.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Returns the SHA-256 of the canonical JSON, in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// Returns the error of [`to_json`](Self::to_json).
    pub(crate) fn digest(&self) -> Result<String, serde_json::Error> {
        self.to_json().map(|json| hex::encode(Sha256::digest(json.as_bytes())))
    }

    /// Returns the first field in which these terms differ from those of an order placed under the same number.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        difference::first(self, other)
    }

    /// Returns the terms with the merchant and the app that were found for them, so that a request that names them and
    /// one that does not are the same order.
    pub(crate) fn resolved(self, merchant: &Merchant, app: &App) -> Self {
        Self { merchant: Some(merchant.name().clone()), app: Some(app.appid.to_string()), ..self }
    }

    /// Returns the time until which the order can be paid: its own, or `lifetime` from now.
    ///
    /// # Errors
    ///
    /// Returns the field `time_expire` if it is not in the future.
    pub(crate) fn expires_at(
        &self,
        now: UnixTime,
        lifetime: std::time::Duration,
    ) -> Result<UnixTime, Invalid> {
        match self.time_expire {
            Some(time) if time <= now => Err(Invalid::new("time_expire", "must be in the future")),
            Some(time) => Ok(time),
            None => Ok(UnixTime::from_secs(now.after(lifetime).as_secs())),
        }
    }

    /// Returns the payer's id.
    pub(crate) fn payer_id(&self) -> Option<&OpenId> {
        self.payer.as_ref().map(Payer::id)
    }

    /// Returns the IP address of the payer's device.
    pub(crate) fn payer_client_ip(&self) -> Option<IpAddr> {
        self.scene_info.as_ref().and_then(|scene| scene.payer_client_ip)
    }
}

impl Payer {
    /// Returns the id.
    pub(crate) fn id(&self) -> &OpenId {
        match self {
            Self::OpenId(id) | Self::SubOpenId(id) => id,
        }
    }
}

impl Serialize for Payer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match self {
            Self::OpenId(_) => "openid",
            Self::SubOpenId(_) => "sub_openid",
        };
        serializer.collect_map([(name, self.id().as_str())])
    }
}

/// Prints number, channel and price only: the rest may contain personal data.
impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("merchant", &self.merchant)
            .field("out_trade_no", &self.out_trade_no)
            .field("channel", &self.channel)
            .field("total", &self.amount.total)
            .finish_non_exhaustive()
    }
}

/// Implements `Debug` without any field: all may be personal data or long.
macro_rules! hidden {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

hidden! { SceneInfo StoreInfo H5Info Detail Goods }

#[allow(clippy::ref_option, reason = "the signature that serde requires")]
fn as_rfc3339<S: Serializer>(time: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.map(format_rfc3339).unwrap_or_default())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
pub(super) mod tests;
