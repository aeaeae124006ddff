//! The party of a request: a direct merchant, or a partner (service provider) and its sub-merchant.
//!
//! One function answers an operation in both modes. The operation declares the fields of its mode: `mchid` and `appid`,
//! or `sp_mchid`, `sp_appid`, `sub_mchid` and `sub_appid`.

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, may, must, text},
};
use crate::{
    gateway::Gateway,
    ledger::v3::{Order, Sub},
    merchant::Merchant,
};
use serde_json::{Map, Value, json};
use wxpay_proto::id::{AppId, MchId};

/// The form of a merchant's number.
pub(super) const NUMBER: Kind = Kind::Text(1, 32, Alphabet::Digits);
pub(super) const APPID: Field = must("appid", text(32));
pub(super) const MCHID: Field = must("mchid", NUMBER);
pub(super) const SP_APPID: Field = must("sp_appid", text(32));
pub(super) const SP_MCHID: Field = must("sp_mchid", NUMBER);
pub(super) const SUB_APPID: Field = may("sub_appid", text(32));
/// The sub-merchant's number. Declared as optional, although it is required, because its absence has its own result
/// code.
pub(super) const SUB_MCHID: Field = may("sub_mchid", NUMBER);

/// Checks the merchants and apps of an order to be placed. Returns the app and the sub-merchant.
pub(super) fn placing(gateway: &Gateway, call: &Call) -> Result<(AppId, Option<Sub>), Refusal> {
    if call.said("sp_mchid").is_none() {
        call.is_from(call.said("mchid"))?;
        return Ok((own_app(gateway, call, call.said("appid"))?, None));
    }
    call.is_from(call.said("sp_mchid"))?;
    let appid = own_app(gateway, call, call.said("sp_appid"))?;
    let sub = served(gateway, &call.mchid, call.said("sub_mchid"), call.said("sub_appid"))?;
    Ok((appid, Some(sub)))
}

/// Checks the merchants of a query. Returns the sub-merchant, or `None` for the caller's own order.
pub(super) fn asking(gateway: &Gateway, call: &Call) -> Result<Option<MchId>, Refusal> {
    if call.said("sp_mchid").is_none() {
        call.is_from(call.said("mchid"))?;
        return Ok(None);
    }
    call.is_from(call.said("sp_mchid"))?;
    served(gateway, &call.mchid, call.said("sub_mchid"), None).map(|sub| Some(sub.mchid))
}

/// Returns the sub-merchant of a request in which only `sub_mchid` distinguishes the modes, after checking it.
pub(super) fn asking_by_sub(gateway: &Gateway, call: &Call) -> Result<Option<MchId>, Refusal> {
    let Some(said) = call.said("sub_mchid") else { return Ok(None) };
    served(gateway, &call.mchid, Some(said), None).map(|sub| Some(sub.mchid))
}

/// Checks that an order belongs to the sub-merchant of the request, or to the caller if there is none.
pub(super) fn is_of(order: &Order, sub_mchid: Option<&MchId>) -> Result<(), Refusal> {
    match (order.sub_mchid(), sub_mchid) {
        (None, None) => Ok(()),
        (Some(own), Some(said)) if own == said => Ok(()),
        (Some(_), None) => {
            Err(errors::SUB_MISSING.because("sub_mchid is required: the order belongs to a sub-merchant"))
        }
        (None | Some(_), Some(_)) => {
            Err(errors::OTHER_SUB.because("the order does not belong to this sub_mchid"))
        }
    }
}

/// Returns the members with the merchants of an order.
pub(super) fn mchids(order: &Order) -> Map<String, Value> {
    let shown = match order.sub_mchid() {
        None => json!({ "mchid": order.mchid }),
        Some(sub_mchid) => json!({ "sp_mchid": order.mchid, "sub_mchid": sub_mchid }),
    };
    shown.as_object().cloned().unwrap_or_default()
}

/// Returns the members with the merchants and apps of an order.
pub(super) fn shown(order: &Order) -> Map<String, Value> {
    let apps = match &order.sub {
        None => json!({ "appid": order.appid }),
        Some(Sub { appid: None, .. }) => json!({ "sp_appid": order.appid }),
        Some(Sub { appid: Some(sub_appid), .. }) => {
            json!({ "sp_appid": order.appid, "sub_appid": sub_appid })
        }
    };
    let mut shown = mchids(order);
    shown.extend(apps.as_object().cloned().unwrap_or_default());
    shown
}

/// Finds an app of the caller. Returns the first app if none is given, as in a partner's code payment.
pub(super) fn own_app(gateway: &Gateway, call: &Call, said: Option<&str>) -> Result<AppId, Refusal> {
    let mut apps = gateway.v3.merchants.get(&call.mchid).map(Merchant::appids).into_iter().flatten();
    let found = apps.find(|appid| said.is_none_or(|said| appid.as_str() == said));
    found
        .cloned()
        .ok_or_else(|| errors::APPID_MCHID_NOT_MATCH.because("appid does not belong to the merchant"))
}

/// Finds a sub-merchant of a partner, with one of its own apps if an appid is given.
pub(super) fn served(
    gateway: &Gateway,
    mchid: &MchId,
    sub_mchid: Option<&str>,
    sub_appid: Option<&str>,
) -> Result<Sub, Refusal> {
    let said = sub_mchid.ok_or_else(|| errors::SUB_MISSING.because("sub_mchid is required"))?;
    if said == mchid.as_str() {
        return Err(errors::SUB_IS_SELF.because("sub_mchid must not be the partner's own number"));
    }
    let provider = gateway.v3.merchants.get(mchid);
    let stranger = || errors::NOT_SERVED.because("sub_mchid is not a sub-merchant of the partner");
    let mchid = said.parse::<MchId>().map_err(|_| stranger())?;
    let apps = provider.and_then(|provider| provider.subs().get(&mchid)).ok_or_else(stranger)?;
    let Some(said) = sub_appid else { return Ok(Sub { mchid, appid: None }) };
    let appid = apps.iter().find(|appid| appid.as_str() == said).cloned();
    let others = || errors::APPID_MCHID_NOT_MATCH.because("sub_appid does not belong to the sub-merchant");
    Ok(Sub { mchid, appid: Some(appid.ok_or_else(others)?) })
}
