//! `POST /pay/genprepay`: places an order and returns a prepayid. The package and the request are signed separately.

use super::{
    Call,
    codes::{self, Refusal},
    exchange::json,
    form::Form,
    package::OrderData,
};
use crate::{
    clock::Now,
    front_end::Draft,
    gateway::Gateway,
    ledger::{Currency, NewOrder, Order, Party, PlacedFor, RequestDigest, Terms, TradeType},
    rng::HEX,
    settings::ReusedOrderNumber,
    time,
    warnings::Kind,
};
use serde::Serialize;
use std::sync::Arc;
use wxpay_proto::UnixTime;

/// The reply. The order of its members is part of the protocol: merchants' programs of 2013 cut the text at fixed
/// positions.
#[derive(Serialize)]
struct OrderReply<'a> {
    prepayid: &'a str,
    errcode: i64,
    errmsg: &'static str,
}

/// The signed members. `traceid` is signed if it is present, even if it is empty.
const SIGNED_MEMBERS: [&str; 5] = ["appid", "noncestr", "package", "timestamp", "traceid"];

pub(super) fn answer(gateway: &mut Gateway, call: &Call, now: Now) -> Result<Draft, Refusal> {
    let signature_error = gateway.settings().v1.bad_prepay_signature();
    call.check_app_signature(&SIGNED_MEMBERS, signature_error)?;
    call.check_sign_method()?;
    call.required_member("noncestr", 32)?;
    call.check_timestamp(gateway, now.wall)?;
    let package = call.verified_package(gateway, signature_error, now.business)?;
    let data = OrderData::read(&package)?;
    let key = (call.mchid()?, data.out_trade_no.clone());
    let request = RequestDigest(digest(&data));
    let existing = gateway.ledger.order(&key);
    let reuse = gateway.settings().v1.reused_order_number;
    let differs = existing.map(|order| check_reuse(order, request, reuse)).transpose()?;
    warn_of_doubtful_forms(gateway, &data, differs == Some(true), now.business);

    let prepayid = format!("1101000000{}{}", time::yymmdd(now.business), gateway.rng.text(HEX, 16));
    let latest_expiry = now.business.after(gateway.settings().v1.prepay_ttl);
    // An expired time is allowed: the order cannot be paid then.
    let requested = data.time_expire.map(|expire| now.business_time_of(expire).unwrap_or(now.business));
    let order = NewOrder {
        party: Party { mchid: key.0, appid: call.app.credentials().appid().clone(), sub_merchant: None },
        out_trade_no: key.1,
        combined: None,
        trade_type: TradeType::App,
        handle: Some(prepayid.clone()),
        expires_at: requested.map_or(latest_expiry, |expire| expire.min(latest_expiry)),
        closes_at: now.business.after(gateway.settings().v3.order_ttl),
        awaits_password: false,
        terms: Terms {
            total: data.total_fee,
            currency: Currency::Cny,
            description: data.body.text.as_str().into(),
            attach: data.attach.as_ref().map(|attach| attach.text.as_str().into()),
            device_id: None,
            placed_for: PlacedFor::default(),
            is_profit_sharing: false,
            notify_url: Some(Arc::from(data.notify_url.as_str())),
            request,
            form: Arc::new(Form::new(call.app.credentials().clone(), &data)),
        },
    };
    gateway.place(order, now.business);
    Ok(json(&OrderReply { prepayid: &prepayid, errcode: 0, errmsg: "Success" }))
}

/// Returns the digest of an order's data: repetitions of an order have the same.
fn digest(data: &OrderData) -> [u8; 32] {
    use aws_lc_rs::digest::{SHA256, digest};
    let hash = digest(&SHA256, format!("{data:?}").as_bytes());
    hash.as_ref().try_into().unwrap_or_default()
}

/// Checks that the order may be placed again. Returns `true` if it differs from the previous one.
fn check_reuse(order: &Order, request: RequestDigest, reuse: ReusedOrderNumber) -> Result<bool, Refusal> {
    if !order.history().payments.is_empty() {
        return Err(codes::INVALID_ARGS.with_reason("out_trade_no belongs to an order that is already paid"));
    }
    match reuse {
        ReusedOrderNumber::Refused => {
            Err(codes::INVALID_ARGS.with_reason("out_trade_no has already been used"))
        }
        ReusedOrderNumber::NewPrepayid => Ok(order.prepay.terms.request != request),
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
