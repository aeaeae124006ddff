//! The orders, and one order.

use super::{
    Frame, MAX_ROWS, Visit, order_path,
    qr::Qr,
    rendered,
    text::{encoded, is_loopback, moment, yuan},
};
use crate::{
    control::Access,
    gateway::OrderRef,
    ledger::{OrderRecord, TradeState, TradeType},
    notifications::{AttemptResult, NotificationRecord, NotificationState},
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
    /// The page of the only merchant, or the list of all.
    connect: String,
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
    let mut merchants = gateway.merchants_after(None);
    let connect = match (merchants.next(), merchants.next()) {
        (Some(only), None) => format!("/_page/merchant?mchid={}", only.mchid()),
        (_, _) => String::from("/_page/merchants"),
    };
    let base_url = visit.request.base_url.into();
    rendered(&List { f: visit.frame.clone(), rows, older: last, base_url, connect })
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
    /// The result of the latest delivery.
    result: String,
    /// The message of the latest delivery in the log.
    message: Option<u64>,
}

/// Returns the result of the latest delivery: the reason of a failure, or the HTTP status.
fn result(notification: &NotificationRecord) -> String {
    let Some(attempt) = notification.deliveries.last() else { return String::new() };
    let status = || attempt.status.map_or_else(String::new, |status| format!("HTTP {status}"));
    match (&attempt.reason, attempt.result) {
        (Some(reason), _) => reason.clone(),
        (None, AttemptResult::Lost) => String::from("lost by a fault"),
        (None, _) => status(),
    }
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
    /// The name of the handle in the reply.
    handle_name: &'static str,
    phone: String,
    phone_url: String,
    /// The hints for a phone that scans the code.
    qr_hints: Vec<&'static str>,
    qr: Option<Qr>,
    can_pay: bool,
    can_refund: bool,
    notify_url: String,
    payments: Vec<Line>,
    attempts: Vec<Line>,
    refunds: Vec<Line>,
    notifications: Vec<NotificationRow>,
}

/// Returns the path of an order's phone page, with the key for a payer who has no control token.
fn phone_path(order: &OrderRecord, access: &Access) -> String {
    let (mchid, number) = (order.mchid.as_str(), order.out_trade_no.as_str());
    let path = match &order.handle {
        Some(handle) => format!("/_pay?code={}", encoded(handle)),
        None => format!("/_pay?mchid={}&no={}", encoded(mchid), encoded(number)),
    };
    let key = access.payer_key(mchid, number).map(|key| format!("&key={key}"));
    format!("{path}{}", key.unwrap_or_default())
}

/// Returns the name under which a reply has a handle.
fn handle_name(handle: &str) -> &'static str {
    if handle.starts_with("weixin://") {
        "code_url"
    } else if handle.starts_with("https://") {
        "h5_url"
    } else {
        "prepay_id"
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
    let phone = phone_path(&order, visit.request.access);
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
        is_waiting: notification.state == NotificationState::Waiting,
        is_in_progress: notification.state == NotificationState::InProgress,
        result: result(notification),
        message: visit.traffic.latest_delivery(&notification.notify_id),
    });
    let (is_code, w) = (order.trade_type == TradeType::Micropay, visit.frame.w);
    Some(rendered(&Show {
        f: visit.frame.clone(),
        mchid: order.mchid.to_string(),
        appid: order.appid.to_string(),
        expires_at: moment(order.expires_at),
        qr: Qr::new(&phone_url).filter(|_| is_open && !is_code),
        phone,
        phone_url,
        qr_hints: std::iter::once(if is_loopback(visit.request.base_url) {
            w.qr_loopback
        } else {
            w.qr_hint
        })
        .chain(visit.request.access.requires_token().then_some(w.qr_key))
        .collect(),
        can_pay: is_open,
        can_refund: matches!(order.trade_state, TradeState::Success | TradeState::Refund)
            && order.api_version == crate::faults::ApiVersion::V3,
        notify_url: notify_url.unwrap_or_default(),
        payments: newest(payments.collect()),
        attempts: newest(attempts.collect()),
        refunds: newest(refunds.collect()),
        notifications: notifications.collect(),
        order: Summary::of(&order),
        handle_name: order.handle.as_deref().map(handle_name).unwrap_or_default(),
        handle: order.handle,
    }))
}
