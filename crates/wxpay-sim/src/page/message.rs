//! One message of the log: its bytes, the signed strings, the explanation of its signature, and a curl command.

use super::{
    Frame, Visit, rendered,
    text::{moment, quoted},
};
use crate::{
    traffic::{Captured, KeptBody, Traffic, TrafficEntry},
    v3::inspect,
};
use askama::Template;
use std::fmt::Write as _;
use wxpay_explain::{Certainty, Explanation, Kind, Layout, Message, visible};

/// A part of a message: its bytes and the signed string.
struct Part {
    title: &'static str,
    raw: String,
    /// The complete length of a body that was cut, in bytes.
    cut: Option<usize>,
    signed: Option<String>,
}

/// A cause in the explanation.
struct Cause {
    id: String,
    certainty: &'static str,
    message: String,
}

#[derive(Template)]
#[template(path = "message.html")]
struct Show {
    f: Frame,
    title: String,
    kind: &'static str,
    at: String,
    reason: Option<String>,
    is_valid: bool,
    is_cut: bool,
    causes: Vec<Cause>,
    parts: Vec<Part>,
    curl: Option<String>,
    notify_id: Option<String>,
}

/// Renders bytes line by line.
fn lines(bytes: &[u8]) -> String {
    visible(bytes, Layout::Lines)
}

/// Renders a message with its first line and headers.
fn raw(captured: &Captured, start: &str) -> String {
    let mut text = format!("{}\n", lines(start.as_bytes()));
    for (name, value) in &captured.headers {
        writeln!(text, "{}: {}", lines(name.as_bytes()), lines(value.as_bytes())).ok();
    }
    text.push('\n');
    text.push_str(&lines(&captured.body.bytes));
    text
}

fn part(title: &'static str, captured: &Captured, start: &str, signed: Option<Vec<u8>>) -> Part {
    let cut = (!captured.body.is_whole()).then_some(captured.body.length);
    let signed = signed.filter(|_| cut.is_none()).map(|signed| visible(&signed, Layout::LinesWithEnds));
    Part { title, raw: raw(captured, start), cut, signed }
}

/// Returns the string that the platform signed, if the message has the headers of a signature.
fn signed_by_platform(captured: &Captured) -> Option<Vec<u8>> {
    let (time, nonce) = (captured.header("wechatpay-timestamp")?, captured.header("wechatpay-nonce")?);
    Some(inspect::signed_by_platform(time, nonce, &captured.body.bytes))
}

fn to_message(kind: Kind, method: &str, url: &str, captured: &Captured) -> Message {
    Message {
        kind,
        method: method.into(),
        url: url.into(),
        headers: captured.headers.clone(),
        body: captured.body.bytes.clone(),
    }
}

/// Returns a curl command that sends a message again.
fn curl(method: &str, url: &str, captured: &Captured) -> Option<String> {
    if !captured.body.is_whole() {
        return None;
    }
    let mut command = format!("curl -i -X {} {}", quoted(method.as_bytes()), quoted(url.as_bytes()));
    for (name, value) in &captured.headers {
        if !["host", "content-length", "connection", "transfer-encoding", "accept-encoding", "expect"]
            .contains(&name.to_ascii_lowercase().as_str())
        {
            write!(command, " \\\n  -H {}", quoted(format!("{name}: {value}").as_bytes())).ok();
        }
    }
    // A command line cannot hold a zero byte.
    if captured.body.bytes.contains(&0) {
        return None;
    }
    if !captured.body.bytes.is_empty() {
        write!(command, " \\\n  --data-binary {}", quoted(&captured.body.bytes)).ok();
    }
    Some(command)
}

fn causes(explanation: &Explanation, frame: &Frame) -> Vec<Cause> {
    let causes = explanation.causes.iter().map(|cause| Cause {
        id: cause.id.as_str().into(),
        certainty: if cause.certainty == Certainty::Exact { frame.w.proved } else { frame.w.likely },
        message: lines(cause.message(frame.language).as_bytes()),
    });
    causes.collect()
}

/// Shows one message. `None` if it is not kept.
pub(super) fn show(visit: &mut Visit<'_>) -> Option<String> {
    let entry = visit.traffic.entry(visit.query("id")?.parse().ok()?)?;
    let (f, w) = (visit.frame.clone(), visit.frame.w);
    let view = match &entry.traffic {
        Traffic::Request(_) => request(visit, &entry),
        Traffic::Delivery(_) => delivery(visit, &entry),
        Traffic::Parameters(refused) => {
            let causes = refused.causes.iter().map(|cause| Cause {
                id: cause.id.into(),
                certainty: if cause.is_proved { w.proved } else { w.likely },
                message: lines(cause.message_in(visit.frame.language).as_bytes()),
            });
            let causes: Vec<Cause> = causes.collect();
            let KeptBody { bytes, length } = &refused.parameters;
            let cut = (!refused.parameters.is_whole()).then_some(*length);
            Some(Show {
                title: String::from("paySign"),
                kind: w.refused_parameters,
                at: moment(entry.at.as_secs()),
                reason: Some(refused.reason.clone()),
                is_valid: false,
                is_cut: false,
                causes,
                parts: vec![Part { title: w.raw, raw: lines(bytes), cut, signed: None }],
                curl: None,
                notify_id: None,
                f,
            })
        }
    };
    view.map(|view| rendered(&view))
}

fn request(visit: &Visit<'_>, entry: &TrafficEntry) -> Option<Show> {
    let Traffic::Request(traffic) = &entry.traffic else { return None };
    let (w, captured, record) = (visit.frame.w, &traffic.request, &traffic.record);
    let (method, target) = captured.start.split_once(' ')?;
    let authorization = captured.header("authorization");
    let is_cut = !captured.body.is_whole();
    let message = to_message(Kind::Request, method, &format!("{}{target}", visit.request.base_url), captured);
    let directory = visit.simulation.gateway.directory();
    let is_v3 = target.starts_with("/v3/");
    let explanation = (is_v3 && !is_cut)
        .then(|| inspect::explain_request(&message, authorization, &directory, entry.wall))
        .flatten();
    let signed = authorization
        .and_then(|header| inspect::signed_by_request(method, target, header, &captured.body.bytes));
    let mut parts = vec![part(w.request, captured, &captured.start, signed)];
    parts.extend(
        traffic.reply.as_ref().map(|reply| {
            part(w.reply, reply, &format!("HTTP/1.1 {}", reply.start), signed_by_platform(reply))
        }),
    );
    let fault = record.fault.map(|fault| format!("{}: {fault}", w.fault));
    Some(Show {
        f: visit.frame.clone(),
        title: captured.start.clone(),
        kind: w.request,
        at: moment(entry.at.as_secs()),
        reason: record.reason.clone().or(fault),
        is_valid: explanation.as_ref().is_some_and(|explanation| explanation.valid),
        is_cut,
        causes: explanation.map(|explanation| causes(&explanation, &visit.frame)).unwrap_or_default(),
        curl: curl(method, &message.url, captured),
        parts,
        notify_id: None,
    })
}

fn delivery(visit: &Visit<'_>, entry: &TrafficEntry) -> Option<Show> {
    let Traffic::Delivery(traffic) = &entry.traffic else { return None };
    let (w, captured) = (visit.frame.w, &traffic.request);
    let message = to_message(Kind::Notification, "POST", &traffic.url, captured);
    let notification = traffic.notification.as_ref();
    let merchant = notification.and_then(|notification| notification.mchid.parse().ok());
    let merchant = merchant.and_then(|mchid| visit.simulation.gateway.merchant_by_mchid(&mchid).cloned());
    let is_v3 = captured.header("wechatpay-timestamp").is_some();
    let explanation = merchant
        .filter(|_| is_v3 && captured.body.is_whole())
        .and_then(|merchant| inspect::explain_delivery(&message, &merchant, entry.wall));
    let mut parts = vec![part(w.notification, captured, &captured.start, signed_by_platform(captured))];
    parts.extend(traffic.response.as_ref().map(|(status, body)| Part {
        title: w.response,
        raw: format!("HTTP {status}\n\n{}", lines(&body.bytes)),
        cut: (!body.is_whole()).then_some(body.length),
        signed: None,
    }));
    let event = notification.and_then(|notification| notification.event_type).unwrap_or("APIv1");
    let forged = if traffic.is_forged { format!(" ({})", w.forged) } else { String::new() };
    Some(Show {
        f: visit.frame.clone(),
        title: format!("{event} {}{forged}", traffic.out_trade_no),
        kind: w.notification,
        at: moment(entry.at.as_secs()),
        reason: traffic.reason.clone(),
        is_valid: explanation.as_ref().is_some_and(|explanation| explanation.valid),
        is_cut: !captured.body.is_whole(),
        causes: explanation.map(|explanation| causes(&explanation, &visit.frame)).unwrap_or_default(),
        curl: curl("POST", &traffic.url, captured),
        parts,
        notify_id: notification.map(|notification| notification.notify_id.to_string()),
    })
}
