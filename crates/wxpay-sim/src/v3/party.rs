//! The party of a request: a direct merchant, or a partner (service provider) and its sub-merchant.
//!
//! One function answers the operations of both modes. Each operation declares the fields of its mode: `mchid` and
//! `appid`, or `sp_mchid`, `sp_appid`, `sub_mchid` and `sub_appid`.

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, bytes, optional, required, text},
};
use crate::{
    gateway::Gateway,
    ledger::{Order, SubMerchant},
    merchant::Merchant,
};
use serde::Serialize;
use wxpay_proto::id::{AppId, MchId};

/// The form of an mchid.
pub(super) const MCHID_KIND: Kind = Kind::Text(bytes(1, 32), Alphabet::Digits);
pub(super) const APPID: Field = required("appid", "公众号ID", text(32));
pub(super) const MCHID: Field = required("mchid", "直连商户号", MCHID_KIND);
pub(super) const SP_APPID: Field = required("sp_appid", "服务商公众号ID", text(32));
pub(super) const SP_MCHID: Field = required("sp_mchid", "服务商户号", MCHID_KIND);
pub(super) const SUB_APPID: Field = optional("sub_appid", "子商户公众号ID", text(32));
/// The mchid of the sub-merchant. It is required, but declared as optional: its absence has a result code of its own.
pub(super) const SUB_MCHID: Field = optional("sub_mchid", "子商户号", MCHID_KIND);

/// Checks the merchants and apps of an order to be placed. Returns the app and the sub-merchant.
pub(super) fn check_order_party(
    gateway: &Gateway,
    call: &Call,
) -> Result<(AppId, Option<SubMerchant>), Refusal> {
    if call.query_or_body("sp_mchid").is_none() {
        call.check_mchid(call.query_or_body("mchid"))?;
        return Ok((caller_app(gateway, call, call.query_or_body("appid"))?, None));
    }
    call.check_mchid(call.query_or_body("sp_mchid"))?;
    let appid = caller_app(gateway, call, call.query_or_body("sp_appid"))?;
    let sub = served_sub_merchant(
        gateway,
        &call.mchid,
        call.query_or_body("sub_mchid"),
        call.query_or_body("sub_appid"),
    )?;
    Ok((appid, Some(sub)))
}

/// Checks the merchants of a query. Returns the sub-merchant, or `None` for the caller's own order.
pub(super) fn check_query_party(gateway: &Gateway, call: &Call) -> Result<Option<MchId>, Refusal> {
    if call.query_or_body("sp_mchid").is_none() {
        call.check_mchid(call.query_or_body("mchid"))?;
        return Ok(None);
    }
    call.check_mchid(call.query_or_body("sp_mchid"))?;
    served_sub_merchant(gateway, &call.mchid, call.query_or_body("sub_mchid"), None)
        .map(|sub| Some(sub.mchid))
}

/// Returns the sub-merchant of a request in which only `sub_mchid` distinguishes the modes, after checking it.
pub(super) fn check_sub_mchid(gateway: &Gateway, call: &Call) -> Result<Option<MchId>, Refusal> {
    let Some(sub_mchid) = call.query_or_body("sub_mchid") else { return Ok(None) };
    served_sub_merchant(gateway, &call.mchid, Some(sub_mchid), None).map(|sub| Some(sub.mchid))
}

/// Checks that an order belongs to the sub-merchant of the request, or to the caller if there is none.
pub(super) fn check_order_owner(order: &Order, sub_mchid: Option<&MchId>) -> Result<(), Refusal> {
    match (order.sub_mchid(), sub_mchid) {
        (None, None) => Ok(()),
        (Some(owner), Some(requested)) if owner == requested => Ok(()),
        (Some(_), None) => Err(errors::SUB_MCHID_MISSING
            .with_reason("sub_mchid is required: the order belongs to a sub-merchant")),
        (None | Some(_), Some(_)) => {
            Err(errors::SUB_MCHID_MISMATCH.with_reason("the order does not belong to this sub_mchid"))
        }
    }
}

/// The merchants of an order and their apps, as members of an object.
#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "the names of the protocol")]
pub(super) struct PartyMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<&'a AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mchid: Option<&'a MchId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_appid: Option<&'a AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_mchid: Option<&'a MchId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_appid: Option<&'a AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a MchId>,
}

impl<'a> PartyMembers<'a> {
    /// Returns the merchants of an order and their apps.
    pub(super) fn of(order: &'a Order) -> Self {
        let merchants = Self::merchants_of(order);
        match order.sub_merchant() {
            None => Self { appid: Some(order.appid()), ..merchants },
            Some(sub) => Self { sp_appid: Some(order.appid()), sub_appid: sub.appid.as_ref(), ..merchants },
        }
    }

    /// Returns the merchants of an order without their apps.
    pub(super) fn merchants_of(order: &'a Order) -> Self {
        let (mchid, sub_mchid) = (Some(order.mchid()), order.sub_mchid());
        let (mchid, sp_mchid) = if sub_mchid.is_none() { (mchid, None) } else { (None, mchid) };
        Self { appid: None, mchid, sp_appid: None, sp_mchid, sub_appid: None, sub_mchid }
    }
}

/// Finds an app of the caller. Returns the first app if none is given, as in a partner's code payment.
pub(super) fn caller_app(gateway: &Gateway, call: &Call, requested: Option<&str>) -> Result<AppId, Refusal> {
    let mut apps = gateway.registry().get(&call.mchid).map(Merchant::appids).into_iter().flatten();
    let appid = apps.find(|known| requested.is_none_or(|requested| known.as_str() == requested));
    appid
        .cloned()
        .ok_or_else(|| errors::APPID_MCHID_NOT_MATCH.with_reason("appid does not belong to the merchant"))
}

/// Finds a sub-merchant of a partner, with one of its own apps if an appid is given.
pub(super) fn served_sub_merchant(
    gateway: &Gateway,
    mchid: &MchId,
    sub_mchid: Option<&str>,
    sub_appid: Option<&str>,
) -> Result<SubMerchant, Refusal> {
    let sub_mchid =
        sub_mchid.ok_or_else(|| errors::SUB_MCHID_MISSING.with_reason("sub_mchid is required"))?;
    if sub_mchid == mchid.as_str() {
        return Err(errors::SUB_MCHID_IS_CALLER.with_reason("sub_mchid must differ from the partner's mchid"));
    }
    let partner = gateway.registry().get(mchid);
    let not_served = || errors::NOT_SERVED.with_reason("sub_mchid is not a sub-merchant of the partner");
    let mchid = sub_mchid.parse::<MchId>().map_err(|_| not_served())?;
    let apps = partner.and_then(|partner| partner.sub_merchants().get(&mchid)).ok_or_else(not_served)?;
    let Some(sub_appid) = sub_appid else { return Ok(SubMerchant { mchid, appid: None }) };
    let appid = apps.iter().find(|appid| appid.as_str() == sub_appid).cloned();
    let mismatch =
        || errors::APPID_MCHID_NOT_MATCH.with_reason("sub_appid does not belong to the sub-merchant");
    Ok(SubMerchant { mchid, appid: Some(appid.ok_or_else(mismatch)?) })
}
