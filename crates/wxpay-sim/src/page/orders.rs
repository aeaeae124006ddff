//! The orders, and one order.

use super::{
    Frame, MAX_ROWS, Visit, order_path,
    qr::Qr,
    rendered,
    text::{encoded, moment, yuan},
};
use crate::{
    gateway::OrderRef,
    ledger::{OrderRecord, TradeState, TradeType},
};
use askama::Template;

/// An order, as the list and its own view show it.
struct Summary {
    number: String,
    path: String,
    description: String,
    amount: String,
    trade_type: &'static str,
    state: &'static str,
    tone: &'static str,
    placed_at: String,
}

impl Summary {
    fn of(order: &OrderRecord) -> Self {
        Self {
            number: order.out_trade_no.to_string(),
            path: order_path(order.mchid.as_str(), order.out_trade_no.as_str()),
            description: order.description.clone(),
            amount: yuan(order.total),
            trade_type: order.trade_type.as_str(),
            state: order.trade_state.as_str(),
            tone: tone(order.trade_state),
            placed_at: moment(order.created_at),
        }
    }
}

#[derive(Template)]
#[template(path = "orders.html")]
struct List {
    f: Frame,
    rows: Vec<Summary>,
    older: Option<String>,
    base_url: String,
}

/// Returns the style of a state.
fn tone(state: TradeState) -> &'static str {
    match state {
        TradeState::Success => "good",
        TradeState::Refund | TradeState::UserPaying => "warn",
        TradeState::NotPay => "open",
        TradeState::Closed | TradeState::Revoked | TradeState::PayError => "bad",
    }
}

/// Shows the newest orders.
pub(super) fn list(visit: &mut Visit<'_>) -> String {
    let before = visit.query("before").and_then(|before| before.parse().ok());
    let gateway = &visit.simulation.gateway;
    let found: Vec<_> =
        gateway.orders_before(before, visit.now.business).take(MAX_ROWS.saturating_add(1)).collect();
    let is_more = found.len() > MAX_ROWS;
    let last =
        found.get(MAX_ROWS.saturating_sub(1)).filter(|_| is_more).map(|(id, _)| format!("/?before={id}"));
    let rows = found.iter().take(MAX_ROWS).map(|(_, order)| Summary::of(order)).collect();
    rendered(&List { f: visit.frame.clone(), rows, older: last, base_url: visit.request.base_url.into() })
}

/// Records shown beneath an order, as texts.
struct Line(Vec<String>);

/// A notification of the order.
pub(super) struct NotificationRow {
    pub(super) id: String,
    pub(super) event: &'static str,
    pub(super) state: &'static str,
    pub(super) deliveries: usize,
    pub(super) next: String,
    pub(super) is_waiting: bool,
    pub(super) is_in_progress: bool,
}

#[derive(Template)]
#[template(path = "order.html")]
struct Show {
    f: Frame,
    order: Summary,
    mchid: String,
    appid: String,
    expires_at: String,
    handle: Option<String>,
    phone: String,
    phone_url: String,
    qr: Option<Qr>,
    can_pay: bool,
    can_refund: bool,
    notify_url: String,
    payments: Vec<Line>,
    attempts: Vec<Line>,
    refunds: Vec<Line>,
    notifications: Vec<NotificationRow>,
}

/// Returns the path of an order's phone page.
fn phone_path(order: &OrderRecord) -> String {
    match &order.handle {
        Some(handle) => format!("/_pay?code={}", encoded(handle)),
        None => format!(
            "/_pay?mchid={}&no={}",
            encoded(order.mchid.as_str()),
            encoded(order.out_trade_no.as_str())
        ),
    }
}

/// Returns the reference to the order that a view is about.
fn selected(visit: &Visit<'_>) -> Option<OrderRef> {
    let (mchid, number) = (visit.query("mchid")?.parse().ok()?, visit.query("out_trade_no")?.parse().ok()?);
    Some(OrderRef::OfMerchant(mchid, number))
}

/// Shows one order. `None` if it does not exist.
pub(super) fn show(visit: &mut Visit<'_>) -> Option<String> {
    let order_ref = selected(visit)?;
    let gateway = &visit.simulation.gateway;
    let order = gateway.order(&order_ref, visit.now.business)?;
    let notify_url = gateway.find_order(&order_ref)?.terms().notify_url.as_deref().map(String::from);
    let phone = phone_path(&order);
    let phone_url = format!("{}{phone}", visit.request.base_url);
    let is_open = matches!(order.trade_state, TradeState::NotPay | TradeState::UserPaying);
    let newest = |lines: Vec<Line>| lines.into_iter().rev().take(MAX_ROWS).collect::<Vec<_>>();
    let payments = order.payments.iter().map(|payment| {
        Line(vec![
            payment.transaction_id.to_string(),
            yuan(payment.payer_total),
            payment.openid.as_str().into(),
            moment(payment.success_at),
        ])
    });
    let attempts = order
        .failed_attempts
        .iter()
        .map(|attempt| Line(vec![moment(attempt.at), attempt.outcome.as_str().into()]));
    let refunds = order.refunds.iter().map(|refund| {
        let number = refund.out_refund_no.to_string();
        Line(vec![number, yuan(refund.refund), refund.status.as_str().into(), moment(refund.created_at)])
    });
    let notifications = order.notifications.iter().rev().take(MAX_ROWS).map(|notification| NotificationRow {
        id: notification.notify_id.to_string(),
        event: notification.event_type.unwrap_or("APIv1"),
        state: notification.state.as_str(),
        deliveries: notification.deliveries.len(),
        next: notification.next_at.map(moment).unwrap_or_default(),
        is_waiting: notification.state == crate::notifications::NotificationState::Waiting,
        is_in_progress: notification.state == crate::notifications::NotificationState::InProgress,
    });
    let is_code = order.trade_type == TradeType::Micropay;
    Some(rendered(&Show {
        f: visit.frame.clone(),
        mchid: order.mchid.to_string(),
        appid: order.appid.to_string(),
        expires_at: moment(order.expires_at),
        qr: Qr::new(&phone_url).filter(|_| is_open && !is_code),
        phone,
        phone_url,
        can_pay: is_open,
        can_refund: matches!(order.trade_state, TradeState::Success | TradeState::Refund)
            && order.api_version == crate::faults::ApiVersion::V3,
        notify_url: notify_url.unwrap_or_default(),
        payments: newest(payments.collect()),
        attempts: newest(attempts.collect()),
        refunds: newest(refunds.collect()),
        notifications: notifications.collect(),
        order: Summary::of(&order),
        handle: order.handle,
    }))
}
