//! The log of messages.

use super::{Frame, MAX_ROWS, Visit, rendered, text::moment};
use crate::{
    notifications::AttemptResult,
    traffic::{Traffic, TrafficEntry},
};
use askama::Template;

/// A row of the log.
struct Row {
    id: u64,
    at: String,
    kind: &'static str,
    text: String,
    status: String,
    tone: &'static str,
    reason: Option<String>,
    notify_id: Option<String>,
}

#[derive(Template)]
#[template(path = "log.html")]
struct List {
    f: Frame,
    rows: Vec<Row>,
    older: Option<String>,
}

fn row(entry: &TrafficEntry, frame: &Frame) -> Row {
    let w = frame.w;
    let (kind, text, status, tone, reason, notify_id) = match &entry.traffic {
        Traffic::Request(traffic) => {
            let record = &traffic.record;
            let tone = match record.status {
                0 => "warn",
                200..400 => "good",
                _ => "bad",
            };
            let status = traffic.reply.as_ref().map_or_else(|| w.dropped.into(), |reply| reply.start.clone());
            let fault = record.fault.map(|fault| format!("{}: {fault}", w.fault));
            let code = record.code.as_deref().map(|code| format!("{code} "));
            let reason =
                record.reason.as_deref().map(|reason| format!("{}{reason}", code.unwrap_or_default()));
            (w.request, traffic.request.start.clone(), status, tone, reason.or(fault), None)
        }
        Traffic::Delivery(traffic) => {
            let tone = match traffic.result {
                Some(AttemptResult::Success) => "good",
                Some(AttemptResult::InProgress) | None => "open",
                Some(AttemptResult::Rejected(_) | AttemptResult::NoResponse | AttemptResult::Lost) => "bad",
            };
            let status =
                traffic.response.as_ref().map_or_else(|| "—".into(), |(status, _)| status.to_string());
            let event = traffic.notification.as_ref().and_then(|notification| notification.event_type);
            let forged = if traffic.is_forged { format!(" ({})", w.forged) } else { String::new() };
            let text = format!("{} {}{forged}", event.unwrap_or("APIv1"), traffic.out_trade_no);
            let id = traffic.notification.as_ref().map(|notification| notification.notify_id.to_string());
            (w.notification, text, status, tone, traffic.reason.clone(), id)
        }
        Traffic::Parameters(refused) => (
            w.refused_parameters,
            String::from("paySign"),
            w.refused.into(),
            "bad",
            Some(refused.reason.clone()),
            None,
        ),
    };
    Row { id: entry.id, at: moment(entry.at.as_secs()), kind, text, status, tone, reason, notify_id }
}

/// Shows the newest messages.
pub(super) fn list(visit: &mut Visit<'_>) -> String {
    let before = visit.query("before").and_then(|before| before.parse().ok()).unwrap_or(u64::MAX);
    let entries = visit.traffic.before(before, MAX_ROWS.saturating_add(1));
    let last = entries.get(MAX_ROWS.saturating_sub(1)).filter(|_| entries.len() > MAX_ROWS);
    let older = last.map(|entry| format!("/_page/log?before={}", entry.id));
    let rows = entries.iter().take(MAX_ROWS).map(|entry| row(entry, &visit.frame)).collect();
    rendered(&List { f: visit.frame.clone(), rows, older })
}
