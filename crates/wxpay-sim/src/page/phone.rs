//! The phone page of the payer, which a code leads to.

use super::{Frame, H5, Visit, order_path, rendered, text::yuan};
use crate::{gateway::OrderRef, ledger::TradeState};
use askama::Template;
use wxpay_proto::Fen;

/// The host of `h5_url`. The simulator returns it as WeChat Pay does; the path is served here.
const H5_HOST: &str = "https://wx.tenpay.com";

/// The order that the payer sees.
struct Shown {
    mchid: String,
    number: String,
    description: String,
    amount: String,
    can_pay: bool,
    is_paid: bool,
    path: String,
}

#[derive(Template)]
#[template(path = "phone.html")]
struct Phone {
    f: Frame,
    order: Option<Shown>,
    done: String,
    is_untold: bool,
    redirect: Option<String>,
}

/// Returns the reference to the order, by its code or by its number.
fn selected(visit: &Visit<'_>) -> Option<OrderRef> {
    if visit.request.path == H5 {
        let (id, package) = (visit.query("prepay_id")?, visit.query("package")?);
        return Some(OrderRef::Handle(format!("{H5_HOST}{H5}?prepay_id={id}&package={package}")));
    }
    if let Some(code) = visit.query("code") {
        // A shop adds the address to return to.
        let code = code.split("&redirect_url=").next().unwrap_or_default().trim();
        let code = code.strip_prefix("prepay_id=").unwrap_or(code);
        return Some(OrderRef::Handle(code.into()));
    }
    Some(OrderRef::OfMerchant(visit.query("mchid")?.parse().ok()?, visit.query("no")?.parse().ok()?))
}

/// Returns the address to return to: the `redirect_url` of an H5 link.
fn redirect(visit: &Visit<'_>) -> Option<String> {
    let named = visit.query("redirect_url").or_else(|| {
        let code = visit.query("code")?;
        code.split_once("&redirect_url=").and_then(|(_, url)| super::text::value(&format!("u={url}"), "u"))
    });
    named.filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

/// Shows the payment request of an order, and the payer's choices.
pub(super) fn show(visit: &mut Visit<'_>) -> String {
    let now = visit.now.business;
    let gateway = &visit.simulation.gateway;
    let order = selected(visit).and_then(|order_ref| {
        let order = gateway.order(&order_ref, now)?;
        let combined = gateway.combined(&order_ref, now);
        let total = combined.map_or(order.total, |combined| {
            let sum = |sum: u64, order: &crate::ledger::OrderRecord| sum.saturating_add(order.total.get());
            Fen::new(combined.sub_orders.iter().fold(0, sum))
        });
        Some(Shown {
            mchid: order.mchid.to_string(),
            number: order.out_trade_no.to_string(),
            amount: yuan(total),
            can_pay: matches!(order.trade_state, TradeState::NotPay | TradeState::UserPaying),
            is_paid: matches!(order.trade_state, TradeState::Success | TradeState::Refund),
            path: order_path(order.mchid.as_str(), order.out_trade_no.as_str()),
            description: order.description,
        })
    });
    rendered(&Phone {
        f: visit.frame.clone(),
        order,
        done: visit.query("done").unwrap_or_default(),
        is_untold: visit.query("untold").is_some(),
        redirect: redirect(visit),
    })
}
