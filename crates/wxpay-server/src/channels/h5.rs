//! H5: the payer pays from a browser outside WeChat.

use super::{
    order::{Placement, at_path, under},
    prepay::PrepayCall,
    terms::H5Info,
};
use crate::invalid::Invalid;
use serde_json::{Value, json};
use wxpay_proto::{
    id::InvalidField,
    v3::pay::{self, H5Order},
};

pub(super) fn call(placement: &Placement<'_>) -> Result<PrepayCall, Invalid> {
    let info = placement.terms.scene_info.as_ref().and_then(|scene| scene.h5_info.as_ref());
    let info = info.ok_or_else(|| Invalid::new("scene_info.h5_info.type", "is required"))?;
    let info = h5_info(info).map_err(|error| under("scene_info.h5_info", &error))?;
    let order = H5Order::new(placement.order()?, info).map_err(at_path)?;
    Ok(PrepayCall::H5(placement.v3()?.call(order)))
}

pub(super) fn pay(h5_url: &str) -> Value {
    json!({"kind": "h5", "h5_url": h5_url})
}

fn h5_info(terms: &H5Info) -> Result<pay::H5Info, InvalidField> {
    let mut info = match terms.kind {
        "iOS" => pay::H5Info::ios(),
        "Android" => pay::H5Info::android(),
        _ => pay::H5Info::wap(),
    };
    if let Some(app_name) = &terms.app_name {
        info = info.app_name(app_name)?;
    }
    if let Some(app_url) = &terms.app_url {
        info = info.app_url(app_url)?;
    }
    if let Some(bundle_id) = &terms.bundle_id {
        info = info.bundle_id(bundle_id)?;
    }
    if let Some(package_name) = &terms.package_name {
        info = info.package_name(package_name)?;
    }
    Ok(info)
}
