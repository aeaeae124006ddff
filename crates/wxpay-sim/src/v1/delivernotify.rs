//! `POST /pay/delivernotify`: the merchant reports a delivery.

use super::{
    Call,
    codes::{self, Refusal},
    exchange::json,
};
use crate::{front_end::Draft, gateway::Gateway, ledger::DeliveryRecord};
use wxpay_proto::{UnixTime, id::OutTradeNo};

const SIGNED_MEMBERS: [&str; 7] =
    ["appid", "deliver_msg", "deliver_status", "deliver_timestamp", "openid", "out_trade_no", "transid"];

pub(super) fn answer(gateway: &mut Gateway, call: &Call, now: UnixTime) -> Result<Draft, Refusal> {
    call.check_app_signature(&SIGNED_MEMBERS, codes::BAD_SIGNATURE)?;
    call.check_sign_method()?;
    let text = |name| call.message.text(name).unwrap_or_default();
    let (openid, transid) = (text("openid"), text("transid"));
    if openid.is_empty() || transid.is_empty() {
        return Err(codes::EMPTY_OPENID.with_reason("openid and transid are required"));
    }
    let digits = |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(text("deliver_timestamp")) {
        return Err(codes::INVALID_ARGS.with_reason("deliver_timestamp must be seconds in digits"));
    }
    let delivered = match text("deliver_status") {
        "1" => true,
        "0" => false,
        _ => return Err(codes::INVALID_ARGS.with_reason("deliver_status must be 1 or 0")),
    };
    let number = call.required_member("out_trade_no", 32)?.parse::<OutTradeNo>();
    let number = number.map_err(|error| codes::INVALID_ARGS.with_reason(error.to_string()))?;
    let deliver_msg = String::from(call.required_member("deliver_msg", 1024)?);

    let order = gateway.ledger.order_mut(&(call.mchid()?, number));
    let order = order.ok_or_else(|| codes::NO_TRANSID.with_reason("the order does not exist"))?;
    let payment = order.history().payments.iter().find(|payment| payment.transaction_id.as_str() == transid);
    let payment =
        payment.ok_or_else(|| codes::NO_TRANSID.with_reason("transid is not a payment of this order"))?;
    if payment.openid.as_str() != openid {
        return Err(codes::OTHER_OPENID.with_reason("openid is not the payer's"));
    }
    let transid = payment.transaction_id.clone();
    order.history_mut().deliveries.push(DeliveryRecord {
        at: now.as_secs(),
        transid,
        delivered,
        deliver_msg,
    });
    Ok(json(&codes::OK))
}
