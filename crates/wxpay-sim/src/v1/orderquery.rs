//! `POST /pay/orderquery`: queries an order.

use super::{
    Call,
    codes::{self, Errcode, Refusal},
    json,
};
use crate::{
    gateway::Gateway,
    ledger::v1::{Order, PaymentRecord, Prepay},
    time,
};
use serde::Serialize;
use wxpay_proto::{Fen, UnixTime, http::Response};

const SIGNED_MEMBERS: [&str; 3] = ["appid", "package", "timestamp"];

#[derive(Serialize)]
struct QueryReply<'a> {
    #[serde(flatten)]
    code: Errcode,
    order_info: OrderInfo<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OrderInfo<'a> {
    Found(Box<OrderDetails<'a>>),
    NotFound { ret_code: u32, ret_msg: &'static str },
}

/// The details of an order. All members but `ret_code` are strings.
#[derive(Serialize)]
struct OrderDetails<'a> {
    ret_code: u32,
    ret_msg: &'static str,
    input_charset: &'a str,
    trade_state: &'static str,
    trade_mode: &'static str,
    partner: &'a str,
    bank_type: &'a str,
    bank_billno: &'a str,
    total_fee: String,
    fee_type: &'static str,
    transaction_id: &'a str,
    out_trade_no: &'a str,
    is_split: &'static str,
    is_refund: &'static str,
    attach: &'a str,
    time_end: String,
    transport_fee: String,
    product_fee: String,
    discount: String,
    rmb_total_fee: &'static str,
}

/// The reply for an order that does not exist, with Tenpay's code. The documents do not state the reply; this is the
/// simulator's choice.
const NO_SUCH_ORDER: OrderInfo<'static> =
    OrderInfo::NotFound { ret_code: 88_221_009, ret_msg: "order does not exist" };

pub(super) fn answer(gateway: &mut Gateway, call: &Call, now: UnixTime) -> Result<Response, Refusal> {
    call.check_app_signature(&SIGNED_MEMBERS, codes::BAD_SIGNATURE)?;
    call.check_sign_method()?;
    call.check_timestamp(gateway, now)?;
    let package = call.verified_package(gateway, codes::BAD_SIGNATURE, now)?;
    package.refuse_repeated_names()?;
    let number = package.out_trade_no()?;
    let order = gateway.ledger.order(call.app.credentials().partner(), &number);
    let order_info =
        order.and_then(order_details).map_or(NO_SUCH_ORDER, |details| OrderInfo::Found(Box::new(details)));
    Ok(json(&QueryReply { code: codes::OK, order_info }))
}

fn order_details(order: &Order) -> Option<OrderDetails<'_>> {
    let payment = order.payments.first();
    let prepay = payment.map_or_else(|| order.prepays.last(), |payment| order.prepay(&payment.prepayid))?;
    Some(details_of(order, prepay, payment))
}

/// Builds the details of an order. The documents give `trade_state` 0 for a paid order and nothing for an unpaid one;
/// 1 is the simulator's choice.
fn details_of<'a>(
    order: &'a Order,
    prepay: &'a Prepay,
    payment: Option<&'a PaymentRecord>,
) -> OrderDetails<'a> {
    let goods = &prepay.goods;
    let total_fee = payment.map_or(goods.total_fee, |payment| payment.total_fee);
    let transport = goods.transport_fee.min(total_fee);
    OrderDetails {
        ret_code: 0,
        ret_msg: "",
        input_charset: &goods.input_charset,
        trade_state: if payment.is_some() { "0" } else { "1" },
        trade_mode: "1",
        partner: order.partner.as_str(),
        bank_type: payment.map_or("", |payment| &payment.bank_type),
        bank_billno: payment.and_then(|payment| payment.bank_billno.as_deref()).unwrap_or_default(),
        total_fee: total_fee.to_string(),
        fee_type: "1",
        transaction_id: payment.map_or("", |payment| payment.transaction_id.as_str()),
        out_trade_no: order.out_trade_no.as_str(),
        is_split: "false",
        is_refund: "false",
        attach: goods.attach.as_ref().map_or("", |attach| &attach.text),
        time_end: payment
            .map(|payment| time::yyyymmddhhmmss(UnixTime::from_secs(payment.time_end)))
            .unwrap_or_default(),
        transport_fee: transport.to_string(),
        product_fee: total_fee.checked_sub(transport).unwrap_or(Fen::ZERO).to_string(),
        discount: payment.map_or(Fen::ZERO, |payment| payment.discount).to_string(),
        rmb_total_fee: "",
    }
}
