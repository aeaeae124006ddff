//! One message of the log: its text, the strings to be signed, the explanation of its signature, and a curl command.

use super::{
    Frame, Visit, rendered,
    text::{moment, quoted},
    words::Words,
};
use crate::{
    merchant::{KeyMode, Merchant},
    traffic::{Captured, KeptBody, Traffic, TrafficEntry},
    v3::inspect,
};
use askama::Template;
use std::fmt::Write as _;
use wxpay_explain::{Certainty, Explanation, Kind, Layout, Message, visible};
use wxpay_proto::UnixTime;

/// Headers that concern one connection. They are not shown.
const HOP_BY_HOP: [&str; 7] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// A part of a message: its text and the string to be signed.
struct Part {
    title: &'static str,
    /// The heading of the text, and what the text leaves out.
    label: &'static str,
    hint: Option<&'static str>,
    raw: String,
    /// The content encoding in which the body was sent, and its length in that encoding.
    encoding: Option<(&'static str, usize)>,
    /// The complete length of a body that was cut, in bytes.
    cut: Option<usize>,
    /// True if the text has escapes in place of bytes.
    has_escapes: bool,
    signed: Option<String>,
    signer: Option<Signer>,
}

/// The platform key that signed a reply or a notification.
struct Signer {
    serial: String,
    name: &'static str,
    /// The variable of the file that holds the key.
    variable: Option<&'static str>,
    /// The header that selects the public key instead, if the merchant's mode lets a request select it.
    header: Option<String>,
}

impl Signer {
    /// Finds the key of a signature among the keys of a merchant, at a time of the wall clock.
    fn of(captured: &Captured, merchant: &Merchant, wall: UnixTime, w: &Words) -> Option<Self> {
        let serial = captured.header("wechatpay-serial")?;
        let platform = merchant.platform();
        let public_key = platform.public_key().map(|key| key.id.as_str());
        let mut certificates =
            platform.certificates(wall).map(|listed| listed.certificate.serial().to_string());
        let (name, variable, is_certificate) = if public_key == Some(serial) {
            (w.by_public_key, Some("WXPAY_PUBLIC_KEY_FILE"), false)
        } else {
            match certificates.position(|known| known == serial) {
                // The environment has the first certificate of the list.
                Some(0) => (w.by_certificate, Some("WXPAY_PLATFORM_CERTIFICATE_FILE"), true),
                Some(_) => (w.by_other_certificate, None, true),
                None => (w.by_unknown, None, false),
            }
        };
        let selects = is_certificate && platform.mode() == KeyMode::Either;
        let header = public_key.filter(|_| selects).map(|id| format!("Wechatpay-Serial: {id}"));
        Some(Self { serial: lines(serial.as_bytes()), name, variable, header })
    }
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
    /// The sentence before the header that selects the public key.
    select_key: &'static str,
}

/// Renders bytes line by line.
fn lines(bytes: &[u8]) -> String {
    visible(bytes, Layout::Lines)
}

/// Writes a message as HTTP/1.1 that `wxpay explain` reads: with the decoded body, and with its length, by which the
/// line feed that an editor adds is removed.
fn written(captured: &Captured, start: &str) -> Vec<u8> {
    let is_shown = |name: &str| {
        let name = name.to_ascii_lowercase();
        !HOP_BY_HOP.contains(&name.as_str())
            && name != "content-length"
            && (captured.encoding.is_none() || name != "content-encoding")
    };
    let mut text = format!("{start}\n");
    for (name, value) in captured.headers.iter().filter(|(name, _)| is_shown(name)) {
        writeln!(text, "{name}: {value}").ok();
    }
    if captured.body.length > 0 {
        writeln!(text, "content-length: {}", captured.body.length).ok();
    }
    text.push('\n');
    [text.as_bytes(), &captured.body.bytes].concat()
}

fn part(title: &'static str, captured: &Captured, start: &str, signed: Option<Vec<u8>>, w: &Words) -> Part {
    let cut = (!captured.body.is_whole()).then_some(captured.body.length);
    let signed = signed.filter(|_| cut.is_none()).map(|signed| visible(&signed, Layout::LinesWithEnds));
    let written = written(captured, start);
    let raw = lines(&written);
    Part {
        title,
        label: w.http,
        hint: Some(w.http_hint),
        has_escapes: raw.as_bytes() != written,
        raw,
        encoding: captured.encoding,
        cut,
        signed,
        signer: None,
    }
}

/// Returns a part that is no complete HTTP message.
fn fragment(
    title: &'static str,
    label: &'static str,
    hint: Option<&'static str>,
    head: &str,
    body: &KeptBody,
) -> Part {
    let raw = format!("{head}{}", lines(&body.bytes));
    Part {
        title,
        label,
        hint,
        has_escapes: lines(&body.bytes).as_bytes() != body.bytes,
        raw,
        encoding: None,
        cut: (!body.is_whole()).then_some(body.length),
        signed: None,
        signer: None,
    }
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
            Some(Show {
                title: String::from("paySign"),
                kind: w.refused_parameters,
                at: moment(entry.at.as_secs()),
                reason: Some(refused.reason.clone()),
                is_valid: false,
                is_cut: false,
                causes,
                parts: vec![fragment(w.parameters, w.raw, None, "", &refused.parameters)],
                curl: None,
                notify_id: None,
                select_key: "",
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
    let signed = authorization.and_then(|header| inspect::signed_by_request(&message, target, header));
    let mut parts = vec![part(w.request, captured, &format!("{} HTTP/1.1", captured.start), signed, w)];
    let gateway = &visit.simulation.gateway;
    // The reply to an unknown merchant is signed with the platform key of the default merchant.
    let merchant = record.mchid.as_ref().and_then(|mchid| gateway.merchant_by_mchid(&mchid.parse().ok()?));
    let merchant = merchant.unwrap_or_else(|| gateway.merchant());
    parts.extend(traffic.reply.as_ref().map(|reply| Part {
        signer: Signer::of(reply, merchant, entry.wall, w),
        ..part(w.reply, reply, &format!("HTTP/1.1 {}", reply.start), signed_by_platform(reply), w)
    }));
    let fault = record.fault.map(|fault| format!("{}: {fault}", w.fault));
    // The words of the log are English.
    let is_unauthorized = record.status == 401;
    let refused = explanation.as_ref().filter(|explanation| is_unauthorized && !explanation.valid);
    let refused = refused.map(|explanation| format!("{} {}", w.signature_refused, explanation.summary()));
    Some(Show {
        f: visit.frame.clone(),
        title: captured.start.clone(),
        kind: w.request,
        at: moment(entry.at.as_secs()),
        reason: refused.or_else(|| record.reason.clone()).or(fault),
        is_valid: explanation.as_ref().is_some_and(|explanation| explanation.valid),
        is_cut,
        causes: explanation.map(|explanation| causes(&explanation, &visit.frame)).unwrap_or_default(),
        curl: curl(method, &message.url, captured),
        parts,
        notify_id: None,
        select_key: w.select_key_of_reply,
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
        .as_ref()
        .filter(|_| is_v3 && captured.body.is_whole())
        .and_then(|merchant| inspect::explain_delivery(&message, merchant, entry.wall));
    let start = format!("{} HTTP/1.1", captured.start);
    let mut parts = vec![Part {
        signer: merchant.as_ref().and_then(|merchant| Signer::of(captured, merchant, entry.wall, w)),
        ..part(w.notification, captured, &start, signed_by_platform(captured), w)
    }];
    parts.extend(traffic.response.as_ref().map(|(status, body)| {
        fragment(w.response, w.http, Some(w.no_headers), &format!("HTTP/1.1 {status}\n\n"), body)
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
        select_key: w.select_key_of_notification,
    })
}
