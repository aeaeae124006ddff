//! `POST /pay/genprepay`: places an order and returns a prepayid. The package and the request are signed separately.

use super::{
    Call,
    codes::{self, Refusal},
    json,
    package::OrderData,
};
use crate::{
    gateway::Gateway,
    ledger::v1::{Order, Prepay},
    rng::HEX,
    settings::ReusedOrderNumber,
    time,
    warnings::Kind,
};
use serde::Serialize;
use wxpay_proto::{UnixTime, http::Response, id::PrepayId};

/// The reply. The order of its members is part of the protocol: merchants' programs of 2013 cut the text at fixed
/// positions.
#[derive(Serialize)]
struct OrderReply<'a> {
    prepayid: &'a PrepayId,
    errcode: i64,
    errmsg: &'static str,
}

/// The signed members. `traceid` is signed if it is present, even if it is empty.
const SIGNED_MEMBERS: [&str; 5] = ["appid", "noncestr", "package", "timestamp", "traceid"];

pub(super) fn answer(gateway: &mut Gateway, call: &Call, now: UnixTime) -> Result<Response, Refusal> {
    let signature_error = gateway.settings.bad_prepay_signature();
    call.check_app_signature(&SIGNED_MEMBERS, signature_error)?;
    call.check_sign_method()?;
    call.required_member("noncestr", 32)?;
    call.check_timestamp(gateway, now)?;
    let package = call.verified_package(gateway, signature_error, now)?;
    let goods = OrderData::read(&package)?;
    let partner = call.app.credentials().partner().clone();
    let existing = gateway.ledger.order(&partner, &goods.out_trade_no);
    let differs =
        existing.map(|order| check_reuse(order, &goods, gateway.settings.reused_order_number)).transpose()?;
    warn_of_doubtful_forms(gateway, &goods, differs == Some(true), now);

    let prepayid = format!("1101000000{}{}", time::yymmdd(now), gateway.ids.text(HEX, 16));
    let prepayid: PrepayId =
        prepayid.parse().map_err(|_| codes::SYSTEM_ERROR.with_reason("cannot generate a prepayid"))?;
    let latest_expiry = now.after(gateway.settings.prepay_ttl);
    let expires_at = goods.time_expire.map_or(latest_expiry, |expire| expire.min(latest_expiry));
    let prepay = Prepay { prepayid: prepayid.clone(), goods, created_at: now, expires_at };
    gateway.ledger.add_prepay(&call.app, prepay);
    Ok(json(&OrderReply { prepayid: &prepayid, errcode: 0, errmsg: "Success" }))
}

/// Returns the prepayid of a reply, if it has one.
pub(crate) fn prepayid_in_reply(body: &[u8]) -> Option<PrepayId> {
    super::message::JsonMembers::parse(body).ok()?.text("prepayid")?.parse().ok()
}

/// Checks that the order may be placed again. Returns `true` if it differs from the previous one.
fn check_reuse(order: &Order, goods: &OrderData, reuse: ReusedOrderNumber) -> Result<bool, Refusal> {
    if !order.payments.is_empty() {
        return Err(codes::INVALID_ARGS.with_reason("out_trade_no belongs to an order that is already paid"));
    }
    match reuse {
        ReusedOrderNumber::Refused => {
            Err(codes::INVALID_ARGS.with_reason("out_trade_no has already been used"))
        }
        ReusedOrderNumber::NewPrepayid => {
            Ok(order.prepays.last().is_some_and(|prepay| prepay.goods != *goods))
        }
    }
}

/// Adds a warning for each form that this gateway accepts and others may reject.
fn warn_of_doubtful_forms(gateway: &mut Gateway, goods: &OrderData, differs: bool, now: UnixTime) {
    let long_attach = goods.attach.as_ref().is_some_and(|attach| attach.bytes.len() > 127);
    let warnings = [
        (differs, "out_trade_no was used before for an order with different data"),
        (!goods.out_trade_no.is_alphanumeric(), "out_trade_no is documented as letters and digits alone"),
        (
            goods.notify_url.contains('?'),
            "notify_url has a query; the parameters of the notification are appended to it",
        ),
        (long_attach, "attach has 128 bytes; the documents of the notification allow 127"),
        (goods.spbill_create_ip == "127.0.0.1", "spbill_create_ip is a loopback address, not the payer's"),
    ];
    for (_, detail) in warnings.into_iter().filter(|(applies, _)| *applies) {
        gateway.warn(now, Kind::Nonportable, Some(goods.out_trade_no.as_str()), detail);
    }
}
