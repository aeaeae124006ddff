//! From terms to the core's order.

use super::{
    app,
    channel::{ApiVersion, Channel},
    code, h5, jsapi, mini_program, native,
    prepay::PrepayCall,
    rules,
    terms::{Detail, Goods, Payer, StoreInfo, Terms},
    v1_app,
};
use crate::{
    invalid::Invalid,
    merchants::{App, Merchant, SubMerchant},
};
use wxpay_proto::{
    UnixTime,
    id::{AppId, InvalidField, NotifyUrl},
    v3::{
        self, Party,
        pay::{self, AuthCode},
    },
};

/// An order to place: all that the files of the channels need.
pub(super) struct Placement<'a> {
    pub(super) merchant: &'a Merchant,
    pub(super) terms: &'a Terms,
    pub(super) appid: &'a AppId,
    pub(super) sub_merchant: Option<SubMerchant>,
    pub(super) notify_url: &'a NotifyUrl,
    pub(super) time_expire: UnixTime,
}

/// Creates the call that places an order at WeChat Pay. Sends nothing: an order with invalid terms must not reach the
/// ledger, so call this first.
///
/// `auth_code` is the payer's code, for the channel `code` only. `time_expire` is the time of [`Terms::expires_at`].
///
/// # Errors
///
/// Returns the path of the first field that violates a rule of its channel or of the protocol.
pub(crate) fn request(
    merchant: &Merchant,
    app: &App,
    terms: &Terms,
    auth_code: Option<&AuthCode>,
    notify_url: &NotifyUrl,
    time_expire: UnixTime,
) -> Result<PrepayCall, Invalid> {
    // In APIv1 there are no partners: the rules refuse `sub_mchid` by themselves.
    let sub_merchant = match app.api_version {
        ApiVersion::V1 => None,
        ApiVersion::V3 => merchant.sub_merchant(terms.sub_mchid.as_ref())?,
    };
    rules::check(terms, app, auth_code, sub_merchant.as_ref())?;
    let placement = Placement { merchant, terms, appid: &app.appid, sub_merchant, notify_url, time_expire };
    match (app.api_version, terms.channel) {
        (ApiVersion::V1, _) => v1_app::call(&placement),
        (ApiVersion::V3, Channel::Native) => native::call(&placement),
        (ApiVersion::V3, Channel::Jsapi) => jsapi::call(&placement),
        (ApiVersion::V3, Channel::MiniProgram) => mini_program::call(&placement),
        (ApiVersion::V3, Channel::App) => app::call(&placement),
        (ApiVersion::V3, Channel::H5) => h5::call(&placement),
        (ApiVersion::V3, Channel::Code) => code::call(&placement, auth_code),
    }
}

/// The greatest length of `attach` in APIv3.
const MAX_ATTACH_BYTES: usize = 128;

impl Placement<'_> {
    /// Returns the core's merchant of APIv3.
    pub(super) fn v3(&self) -> Result<&v3::Merchant, Invalid> {
        let remedy = "set mchid and the keys of APIv3 in the merchant's settings";
        self.merchant.v3().ok_or_else(|| Invalid::new("channel", "requires APIv3").remedy(remedy))
    }

    /// Creates the order of APIv3.
    pub(super) fn order(&self) -> Result<pay::Order, Invalid> {
        let order = self.order_at_counter()?;
        let mut order = order.notify_url(self.notify_url.clone()).time_expire(self.time_expire);
        if let Some(scene) = &self.terms.scene_info {
            if let Some(address) = scene.payer_client_ip {
                order = order.payer_client_ip(address);
            }
            if let Some(store) = &scene.store_info {
                order =
                    order.store(self::store(store).map_err(|error| under("scene_info.store_info", &error))?);
            }
        }
        Ok(order)
    }

    /// Creates the order of APIv3 without the members that a code payment does not have: WeChat Pay sends no notification
    /// of it, and ends it by its reversal only.
    pub(super) fn order_at_counter(&self) -> Result<pay::Order, Invalid> {
        let terms = self.terms;
        let order = pay::Order::new(terms.out_trade_no.clone(), terms.amount.total, &terms.description);
        let mut order = order.map_err(at_path)?.appid(self.appid.clone()).party(self.party());
        if let Some(attach) = &terms.attach {
            // The document of the gateway says 128, its check of fields counts bytes.
            if attach.len() > MAX_ATTACH_BYTES {
                return Err(Invalid::new("attach", "must be at most 128 bytes in UTF-8")
                    .remedy("shorten it, or keep the data in metadata, which stays in this server"));
            }
            order = order.attach(attach).map_err(at_path)?;
        }
        if let Some(goods_tag) = &terms.goods_tag {
            order = order.goods_tag(goods_tag).map_err(at_path)?;
        }
        if terms.support_fapiao {
            order = order.support_fapiao(true);
        }
        if terms.profit_sharing {
            order = order.profit_sharing(true);
        }
        if let Some(detail) = &terms.detail {
            order = order.detail(self::detail(detail)?);
        }
        Ok(order)
    }

    fn party(&self) -> Party {
        match self.sub_merchant.clone() {
            None => Party::Direct,
            Some(SubMerchant { sub_mchid, sub_appid }) => Party::Partner { sub_mchid, sub_appid },
        }
    }

    /// Returns the payer, which the rules of the channel require.
    pub(super) fn payer(&self) -> Result<pay::Payer, Invalid> {
        match &self.terms.payer {
            Some(Payer::OpenId(id)) => Ok(pay::Payer::new(id.clone())),
            Some(Payer::SubOpenId(id)) => Ok(pay::Payer::under_sub_appid(id.clone())),
            None => Err(Invalid::new("payer", "is required")),
        }
    }
}

fn store(info: &StoreInfo) -> Result<pay::order::Store, InvalidField> {
    let mut store = pay::order::Store::new(info.id.as_deref().unwrap_or_default())?;
    if let Some(name) = &info.name {
        store = store.name(name)?;
    }
    if let Some(area_code) = &info.area_code {
        store = store.area_code(area_code)?;
    }
    if let Some(address) = &info.address {
        store = store.address(address)?;
    }
    Ok(store)
}

fn detail(terms: &Detail) -> Result<pay::order::Detail, Invalid> {
    let goods = terms.goods_detail.iter().enumerate().map(|(index, goods)| {
        self::goods(goods).map_err(|error| under(&format!("detail.goods_detail[{index}]"), &error))
    });
    let mut detail = pay::order::Detail::new(goods.collect::<Result<_, _>>()?);
    if let Some(cost_price) = terms.cost_price {
        detail = detail.cost_price(cost_price);
    }
    if let Some(invoice_id) = &terms.invoice_id {
        detail = detail.invoice_id(invoice_id).map_err(|error| under("detail", &error))?;
    }
    Ok(detail)
}

fn goods(terms: &Goods) -> Result<pay::order::Goods, InvalidField> {
    let mut goods = pay::order::Goods::new(&terms.merchant_goods_id, terms.quantity, terms.unit_price)?;
    if let Some(id) = &terms.wechatpay_goods_id {
        goods = goods.wechatpay_goods_id(id)?;
    }
    if let Some(name) = &terms.goods_name {
        goods = goods.goods_name(name)?;
    }
    Ok(goods)
}

/// Names a field of the core by its path in the API.
#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(super) fn at_path(error: InvalidField) -> Invalid {
    let path = match error.field() {
        "total" | "total_fee" => "amount.total",
        "body" => "description",
        "payer_client_ip" | "spbill_create_ip" => "scene_info.payer_client_ip",
        "store_info" => "scene_info.store_info",
        "sub_openid" => "payer.sub_openid",
        other => other,
    };
    Invalid::new(path, error.rule())
}

/// Names a field of the core by its path under an object.
pub(super) fn under(object: &str, error: &InvalidField) -> Invalid {
    let name = error.field().rsplit('.').next().unwrap_or_default();
    Invalid::new(format!("{object}.{name}"), error.rule())
}
