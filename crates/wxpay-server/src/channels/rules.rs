//! The rules of each channel: which fields it requires, and which it does not have.

use super::{
    channel::{ApiVersion, Channel},
    terms::{Payer, StoreInfo, Terms},
};
use crate::{
    invalid::Invalid,
    merchants::{App, SubMerchant},
};
use std::net::IpAddr;
use wxpay_proto::v3::pay::AuthCode;

/// Checks the terms by the rules of their channel. The rules of single fields, such as lengths, are the core's.
pub(super) fn check(
    terms: &Terms,
    app: &App,
    auth_code: Option<&AuthCode>,
    sub_merchant: Option<&SubMerchant>,
) -> Result<(), Invalid> {
    match auth_code {
        Some(_) if terms.channel != Channel::Code => return Err(unexpected("auth_code", terms.channel)),
        None if terms.channel == Channel::Code => return Err(required("auth_code", terms.channel)),
        Some(_) | None => {}
    }
    match app.api_version {
        ApiVersion::V1 => check_v1(terms),
        ApiVersion::V3 => check_v3(terms, sub_merchant),
    }
}

fn check_v3(terms: &Terms, sub_merchant: Option<&SubMerchant>) -> Result<(), Invalid> {
    let channel = terms.channel;
    let scene = terms.scene_info.as_ref();
    let needs_payer = matches!(channel, Channel::Jsapi | Channel::MiniProgram);
    match &terms.payer {
        None if needs_payer => return Err(required("payer", channel)),
        Some(_) if !needs_payer => return Err(unexpected("payer", channel)),
        Some(Payer::SubOpenId(_)) if sub_merchant.is_none_or(|sub| sub.sub_appid.is_none()) => {
            let rule = "requires a sub_mchid whose sub_appid is configured";
            let remedy = "set payer.openid, or sub_appid in the merchant's sub_merchants";
            return Err(Invalid::new("payer.sub_openid", rule).remedy(remedy));
        }
        Some(Payer::OpenId(_) | Payer::SubOpenId(_)) | None => {}
    }
    if channel == Channel::H5 {
        if terms.payer_client_ip().is_none() {
            return Err(required("scene_info.payer_client_ip", channel));
        }
        if scene.is_none_or(|scene| scene.h5_info.is_none()) {
            return Err(required("scene_info.h5_info.type", channel));
        }
    } else if scene.is_some_and(|scene| scene.h5_info.is_some()) {
        return Err(unexpected("scene_info.h5_info", channel));
    }
    let store = scene.and_then(|scene| scene.store_info.as_ref());
    if channel == Channel::Code { check_counter(terms, store) } else { check_store(store, channel) }
}

/// Checks the place of a code payment: WeChat Pay requires the number of the store, its own or the merchant's.
fn check_counter(terms: &Terms, store: Option<&StoreInfo>) -> Result<(), Invalid> {
    if terms.payer_client_ip().is_some() {
        return Err(unexpected("scene_info.payer_client_ip", Channel::Code));
    }
    let Some(store) = store else { return Err(required("scene_info.store_info", Channel::Code)) };
    match (&store.id, &store.out_id) {
        (None, None) => {
            return Err(Invalid::new(
                "scene_info.store_info.id",
                "is required for the channel code, or out_id",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(Invalid::new("scene_info.store_info.out_id", "must not be set together with id"));
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    let absent = [
        ("scene_info.store_info.name", store.name.is_some()),
        ("scene_info.store_info.area_code", store.area_code.is_some()),
        ("scene_info.store_info.address", store.address.is_some()),
    ];
    match absent.into_iter().find(|(_, is_set)| *is_set) {
        Some((field, _)) => Err(unexpected(field, Channel::Code)),
        None => Ok(()),
    }
}

fn check_store(store: Option<&StoreInfo>, channel: Channel) -> Result<(), Invalid> {
    match store {
        Some(store) if store.out_id.is_some() => Err(unexpected("scene_info.store_info.out_id", channel)),
        Some(store) if store.id.is_none() => Err(Invalid::new("scene_info.store_info.id", "is required")),
        Some(_) | None => Ok(()),
    }
}

fn check_v1(terms: &Terms) -> Result<(), Invalid> {
    match terms.payer_client_ip() {
        Some(IpAddr::V4(_)) => {}
        Some(IpAddr::V6(_)) => {
            return Err(Invalid::new("scene_info.payer_client_ip", "must be an IPv4 address in APIv1"));
        }
        None => return Err(Invalid::new("scene_info.payer_client_ip", "is required in APIv1")),
    }
    let scene = terms.scene_info.as_ref();
    let absent = [
        ("sub_mchid", terms.sub_mchid.is_some()),
        ("payer", terms.payer.is_some()),
        ("scene_info.store_info", scene.is_some_and(|scene| scene.store_info.is_some())),
        ("scene_info.h5_info", scene.is_some_and(|scene| scene.h5_info.is_some())),
        ("detail", terms.detail.is_some()),
        ("profit_sharing", terms.profit_sharing),
        ("support_fapiao", terms.support_fapiao),
    ];
    match absent.into_iter().find(|(_, is_set)| *is_set) {
        Some((field, _)) => Err(Invalid::new(field, "must not be set: APIv1 does not have it")),
        None => Ok(()),
    }
}

fn required(field: &'static str, channel: Channel) -> Invalid {
    Invalid::new(field, format!("is required for the channel {channel}"))
}

fn unexpected(field: &'static str, channel: Channel) -> Invalid {
    Invalid::new(field, format!("must not be set for the channel {channel}"))
}
