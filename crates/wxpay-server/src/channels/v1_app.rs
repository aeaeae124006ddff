//! App in APIv1, the app payment of 2013 to 2014.

use super::{
    order::{Placement, at_path},
    prepay::PrepayCall,
};
use crate::invalid::Invalid;
use std::net::IpAddr;
use wxpay_proto::v1::Order;

pub(super) fn call(placement: &Placement<'_>) -> Result<PrepayCall, Invalid> {
    let (terms, merchant) = (placement.terms, placement.merchant);
    let v1 = merchant.v1().ok_or_else(|| Invalid::new("channel", "requires the app of APIv1"))?;
    let Some(IpAddr::V4(address)) = terms.payer_client_ip() else {
        return Err(Invalid::new("scene_info.payer_client_ip", "must be an IPv4 address in APIv1"));
    };
    let (number, total) = (terms.out_trade_no.clone(), terms.amount.total);
    let mut order = Order::builder(number, total, &terms.description, placement.notify_url.clone(), address)
        .charset(merchant.v1_charset())
        .time_expire(placement.time_expire);
    if let Some(attach) = &terms.attach {
        order = order.attach(attach);
    }
    if let Some(goods_tag) = &terms.goods_tag {
        order = order.goods_tag(goods_tag);
    }
    Ok(PrepayCall::V1(v1.prepay(order.build().map_err(at_path)?)))
}
