//! The phone page of the payer, which a code leads to.

use super::{Frame, H5, PHONE, PageRequest, Visit, order_path, rendered, text::value, text::yuan};
use crate::{
    gateway::{Gateway, OrderRef},
    ledger::TradeState,
};
use askama::Template;
use wxpay_proto::{Fen, UnixTime};

/// The payer's acts.
const ACTS: [&str; 4] = ["pay", "wrong_password", "not_enough", "cancel"];

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
    /// The key of the order, which its forms repeat.
    key: String,
    is_signed_in: bool,
}

/// Returns the reference to the order, by its code or by its number.
fn selected(request: &PageRequest<'_>) -> Option<OrderRef> {
    let query = |name| value(request.query, name);
    if request.path == H5 {
        let (id, package) = (query("prepay_id")?, query("package")?);
        return Some(OrderRef::Handle(format!("{H5_HOST}{H5}?prepay_id={id}&package={package}")));
    }
    if let Some(code) = query("code") {
        // A shop adds the address to return to.
        let code = code.split("&redirect_url=").next().unwrap_or_default().trim();
        let code = code.strip_prefix("prepay_id=").unwrap_or(code);
        return Some(OrderRef::Handle(code.into()));
    }
    Some(OrderRef::OfMerchant(query("mchid")?.parse().ok()?, query("no")?.parse().ok()?))
}

/// Returns whether a visitor who has not signed in may see a view: the phone page of the order whose key the query has.
pub(super) fn allows(gateway: &Gateway, request: &PageRequest<'_>, now: UnixTime) -> bool {
    let order = selected(request)
        .filter(|_| matches!(request.path, PHONE | H5))
        .and_then(|order_ref| gateway.order(&order_ref, now));
    let key = value(request.query, "key");
    order.zip(key).is_some_and(|(order, key)| {
        request.access.is_payer(&key, order.mchid.as_str(), order.out_trade_no.as_str())
    })
}

/// Returns whether a visitor who has not signed in may send a form: an act of the payer of the order whose key it has.
pub(super) fn allows_act(request: &PageRequest<'_>) -> bool {
    let form = String::from_utf8_lossy(request.body);
    let text = |name| value(&form, name).unwrap_or_default();
    ACTS.contains(&text("act").as_str())
        && request.access.is_payer(&text("key"), &text("mchid"), &text("out_trade_no"))
}

/// Returns the address to return to: the `redirect_url` of an H5 link.
fn redirect(visit: &Visit<'_>) -> Option<String> {
    let named = visit.query("redirect_url").or_else(|| {
        let code = visit.query("code")?;
        code.split_once("&redirect_url=").and_then(|(_, url)| value(&format!("u={url}"), "u"))
    });
    named.filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

/// Shows the payment request of an order, and the payer's choices.
pub(super) fn show(visit: &mut Visit<'_>) -> String {
    let now = visit.now.business;
    let gateway = &visit.simulation.gateway;
    let order = selected(&visit.request).and_then(|order_ref| {
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
    if order.is_none() {
        visit.status = 404;
    }
    rendered(&Phone {
        f: visit.frame.clone(),
        order,
        key: visit.query("key").unwrap_or_default(),
        is_signed_in: visit.request.signed_in,
        done: visit.query("done").unwrap_or_default(),
        is_untold: visit.query("untold").is_some(),
        redirect: redirect(visit),
    })
}
