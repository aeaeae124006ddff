//! `POST /pay/orderquery`: queries an order.

use super::{
    Call,
    codes::{self, Errcode, Refusal},
    exchange::json,
    form::{Form, fee_type},
};
use crate::{clock::Now, front_end::Draft, gateway::Gateway, ledger::Order, time};
use serde::Serialize;
use wxpay_proto::{Fen, UnixTime};

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

pub(super) fn answer(gateway: &mut Gateway, call: &Call, now: Now) -> Result<Draft, Refusal> {
    call.check_app_signature(&SIGNED_MEMBERS, codes::BAD_SIGNATURE)?;
    call.check_sign_method()?;
    call.check_timestamp(gateway, now.wall)?;
    let package = call.verified_package(gateway, codes::BAD_SIGNATURE, now.business)?;
    package.refuse_repeated_names()?;
    let number = package.out_trade_no()?;
    let order = gateway.ledger.order(&(call.mchid()?, number));
    let order_info = order.map_or(NO_SUCH_ORDER, |order| OrderInfo::Found(Box::new(details(order))));
    Ok(json(&QueryReply { code: codes::OK, order_info }))
}

/// Builds the details of an order, of whatever API version. The documents give `trade_state` 0 for a paid order and
/// nothing for an unpaid one; 1 is the simulator's choice.
fn details(order: &Order) -> OrderDetails<'_> {
    let (terms, payment) = (order.terms(), order.payment());
    let form = terms.form.of::<Form>();
    let total_fee = payment.map_or(terms.total, |payment| payment.payer_total);
    let transport = form.map_or(Fen::ZERO, |form| form.transport_fee).min(total_fee);
    OrderDetails {
        ret_code: 0,
        ret_msg: "",
        input_charset: form.map_or("UTF-8", |form| &form.input_charset),
        trade_state: if payment.is_some() { "0" } else { "1" },
        trade_mode: "1",
        partner: order.mchid().as_str(),
        bank_type: payment.map_or("", |payment| &payment.bank_type),
        bank_billno: payment.and_then(|payment| payment.bank_billno.as_deref()).unwrap_or_default(),
        total_fee: total_fee.to_string(),
        fee_type: fee_type(terms.currency),
        transaction_id: payment.map_or("", |payment| payment.transaction_id.as_str()),
        out_trade_no: order.out_trade_no.as_str(),
        is_split: "false",
        is_refund: if order.history().refunds.is_empty() { "false" } else { "true" },
        attach: terms.attach.as_deref().unwrap_or_default(),
        time_end: payment
            .map(|payment| time::yyyymmddhhmmss(UnixTime::from_secs(payment.success_at)))
            .unwrap_or_default(),
        transport_fee: transport.to_string(),
        product_fee: total_fee.checked_sub(transport).unwrap_or(Fen::ZERO).to_string(),
        discount: payment.map_or(Fen::ZERO, |payment| payment.discount).to_string(),
        rmb_total_fee: "",
    }
}
