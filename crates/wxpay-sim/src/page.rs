//! The page of the simulator: orders, messages, clock, faults, merchants and state, and the phone page of the payer.
//!
//! Pure, like the control interface, whose acts it uses: a form becomes a request to that interface. It works without a
//! script; the script adds live updates, copying and shortcuts. Everything that it shows is escaped and bounded.
//!
//! The bridge stands in for the payer's client in a shop's own page: it verifies the signed payment parameters. It is
//! the only part that pages of other sites may call, because the merchant's signature is what allows its acts.

mod acts;
mod bridge;
mod clock;
mod faults;
mod log;
mod merchants;
mod message;
mod orders;
mod phone;
mod qr;
mod state;
mod text;
mod words;

#[cfg(test)]
mod tests;

use crate::{
    clock::Now,
    control::{Access, ControlResponse, Simulation},
    traffic::TrafficLog,
};
use askama::Template;
use text::{encoded, value};
use words::Words;
use wxpay_explain::Language;
use wxpay_proto::UnixTime;

/// Path of the stream of events.
pub(crate) const EVENTS: &str = "/_page/events";
/// Path to which the bridge sends payment parameters.
pub(crate) const BRIDGE: &str = "/_pay/bridge";
/// Path to which the token is sent.
pub(crate) const SIGN_IN: &str = "/_page/sign-in";
/// Path to which all other forms are sent.
const ACT: &str = "/_page/do";
/// Path of the phone page.
const PHONE: &str = "/_pay";
/// Path of WeChat Pay's own H5 page.
const H5: &str = "/cgi-bin/mmpayweb-bin/checkmweb";

/// Name of the cookie of a visitor who has signed in.
pub(crate) const SESSION: &str = "wxpay_sim_session";
/// Name of the cookie of the language.
const LANGUAGE: &str = "wxpay_sim_lang";

/// Maximum number of records that one view shows.
const MAX_ROWS: usize = 50;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A request to the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Origin of the request URL.
    pub(crate) base_url: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) cookie: &'a str,
    pub(crate) accept_language: &'a str,
    pub(crate) signed_in: bool,
    pub(crate) access: &'a Access,
    /// The real time.
    pub(crate) real: UnixTime,
}

/// A response of the page.
#[derive(Debug, Default)]
pub(crate) struct PageResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) notifications_first: bool,
    /// The answer of the control interface, if the payer's client refused payment parameters.
    pub(crate) refused_parameters: Option<ControlResponse>,
}

/// Returns whether a path belongs to the page.
pub(crate) fn serves(path: &str) -> bool {
    path == "/"
        || path == H5
        || path == PHONE
        || path == "/bridge.js"
        || is_below(path, "/_page")
        || is_below(path, PHONE)
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the value of a cookie.
pub(crate) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
}

/// The parts of every view.
#[derive(Clone, Debug)]
struct Frame {
    w: &'static Words,
    language: Language,
    /// The path of the current section.
    section: &'static str,
    /// Path and query of this view, to return to after an act.
    here: String,
    other_language: Language,
    /// Path and query of this view in the other language.
    other: String,
    /// The refusal of an act.
    alert: Option<String>,
    /// The confirmation of an act.
    notice: bool,
}

impl Frame {
    /// Returns `page` for the current section, for `aria-current`.
    fn current(&self, section: &str) -> bool {
        self.section == section
    }
}

/// A view to render: the simulation, and the request for it.
struct Visit<'a> {
    simulation: &'a mut Simulation,
    traffic: &'a TrafficLog,
    request: PageRequest<'a>,
    now: Now,
    frame: Frame,
    /// The status of the response.
    status: u16,
}

impl Visit<'_> {
    fn query(&self, name: &str) -> Option<String> {
        value(self.request.query, name)
    }
}

/// Answers a request of a visitor.
pub(crate) fn answer(
    simulation: &mut Simulation,
    traffic: &TrafficLog,
    request: &PageRequest<'_>,
) -> PageResponse {
    let is_reading = matches!(request.method, "GET" | "HEAD");
    if let Some(asset) = asset(request.path).filter(|_| is_reading) {
        return asset;
    }
    let now = simulation.clock.now(request.real);
    simulation.gateway.run_due_tasks(now.business);
    match request.path {
        BRIDGE => bridge::answer(simulation, request),
        ACT if request.method == "POST" && (request.signed_in || phone::allows_act(request)) => {
            acts::answer(simulation, traffic, request)
        }
        _ if !request.signed_in && !is_reading => sign_in_page(request, None),
        _ if is_reading => view(simulation, traffic, request, None),
        _ => plain(405, "the method must be GET; forms are sent to /_page/do"),
    }
}

/// Renders a view, with the refusal of an act if there was one. A visitor who has not signed in sees only the phone page
/// of an order whose key the request has.
fn view(
    simulation: &mut Simulation,
    traffic: &TrafficLog,
    request: &PageRequest<'_>,
    alert: Option<String>,
) -> PageResponse {
    let (now, status) = (simulation.clock.now(request.real), if alert.is_some() { 409 } else { 200 });
    if !request.signed_in && !phone::allows(&simulation.gateway, request, now.business) {
        return sign_in_page(request, None);
    }
    let frame = frame(request, alert);
    let mut visit = Visit { simulation, traffic, request: *request, now, frame, status };
    let html = match request.path {
        "/" => Some(orders::list(&mut visit)),
        "/_page/order" => orders::show(&mut visit),
        "/_page/log" => Some(log::list(&mut visit)),
        "/_page/message" => message::show(&mut visit),
        "/_page/clock" => Some(clock::show(&mut visit)),
        "/_page/faults" => Some(faults::show(&mut visit)),
        "/_page/merchants" => Some(merchants::list(&mut visit)),
        "/_page/merchant" => merchants::show(&mut visit),
        "/_page/state" => Some(state::show(&mut visit)),
        PHONE | H5 => Some(phone::show(&mut visit)),
        _ => None,
    };
    let response = html.map_or_else(|| not_found(request), |html| page(visit.status, html));
    with_language(response, request)
}

/// Keeps the language that the query chooses.
fn with_language(mut response: PageResponse, request: &PageRequest<'_>) -> PageResponse {
    let chosen = value(request.query, "lang");
    if let Some(language) = chosen.as_deref().and_then(words::named) {
        let name = words::name(language);
        let cookie = format!("{LANGUAGE}={name}; Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly");
        response.headers.push(("set-cookie", cookie));
    }
    response
}

fn frame(request: &PageRequest<'_>, alert: Option<String>) -> Frame {
    let chosen = value(request.query, "lang");
    let language =
        words::choose(chosen.as_deref(), cookie(request.cookie, LANGUAGE), request.accept_language);
    let other_language = if language == Language::English { Language::Chinese } else { Language::English };
    let is_kept = |pair: &&str| !pair.is_empty() && !pair.starts_with("lang=") && !pair.starts_with("done=");
    let kept: Vec<&str> = request.query.split('&').filter(is_kept).collect();
    let query = |more: &[&str]| {
        let all = [kept.as_slice(), more].concat().join("&");
        if all.is_empty() { String::from(request.path) } else { format!("{}?{all}", request.path) }
    };
    let section = match request.path {
        "/" | "/_page/order" => "/",
        "/_page/log" | "/_page/message" => "/_page/log",
        "/_page/clock" => "/_page/clock",
        "/_page/faults" => "/_page/faults",
        "/_page/merchants" | "/_page/merchant" => "/_page/merchants",
        "/_page/state" => "/_page/state",
        _ => "",
    };
    Frame {
        w: words::words(language),
        language,
        other_language,
        section,
        here: query(&[]),
        other: query(&[&format!("lang={}", words::name(other_language))]),
        alert,
        notice: value(request.query, "done").is_some(),
    }
}

/// Renders a template. Writing to a string cannot fail, and the templates contain no other failure.
fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    f: Frame,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound {
    f: Frame,
}

fn not_found(request: &PageRequest<'_>) -> PageResponse {
    page(404, rendered(&NotFound { f: frame(request, None) }))
}

fn sign_in_page(request: &PageRequest<'_>, alert: Option<String>) -> PageResponse {
    let request = PageRequest { path: "/", query: "", ..*request };
    page(401, rendered(&SignIn { f: frame(&request, alert) }))
}

/// Signs a visitor in who sends the control token.
pub(crate) fn sign_in(request: &PageRequest<'_>, access: &Access) -> PageResponse {
    let form = String::from_utf8_lossy(request.body);
    match value(&form, "token").and_then(|token| access.sign_in(&token)) {
        None => {
            let wrong = frame(request, None).w.token_wrong;
            sign_in_page(request, Some(wrong.into()))
        }
        Some(session) => {
            let mut response = see_other("/");
            response
                .headers
                .push(("set-cookie", format!("{SESSION}={session}; Path=/; SameSite=Strict; HttpOnly")));
            response
        }
    }
}

fn see_other(location: &str) -> PageResponse {
    let mut response = plain(303, "");
    response.headers.push(("location", location.into()));
    response
}

/// A page of HTML, under the policy.
fn page(status: u16, html: String) -> PageResponse {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    let headers = headers.map(|(name, value)| (name, String::from(value))).to_vec();
    PageResponse { status, headers, body: html.into_bytes(), ..PageResponse::default() }
}

/// A response of plain text.
pub(crate) fn plain(status: u16, text: &str) -> PageResponse {
    let headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ];
    let headers = headers.map(|(name, value)| (name, String::from(value))).to_vec();
    PageResponse { status, headers, body: text.as_bytes().to_vec(), ..PageResponse::default() }
}

/// A request that the access rules refuse.
pub(crate) fn refused(refusal: &ControlResponse) -> PageResponse {
    plain(refusal.status, refusal.body.get("detail").and_then(|detail| detail.as_str()).unwrap_or_default())
}

/// A request for events of a visitor who has not signed in.
pub(crate) fn unauthorized() -> PageResponse {
    plain(401, "sign in first")
}

/// Returns a style sheet or a script.
fn asset(path: &str) -> Option<PageResponse> {
    let (kind, text, sharing) = match path {
        "/_page/page.css" => ("text/css; charset=utf-8", include_str!("../assets/page.css"), "same-origin"),
        "/_page/page.js" => {
            ("text/javascript; charset=utf-8", include_str!("../assets/page.js"), "same-origin")
        }
        // Shops' own pages load it.
        "/bridge.js" => {
            ("text/javascript; charset=utf-8", include_str!("../assets/bridge.js"), "cross-origin")
        }
        "/_page/icon.svg" => ("image/svg+xml", include_str!("../assets/icon.svg"), "same-origin"),
        _ => return None,
    };
    let mut response = plain(200, text);
    response.headers.retain(|(name, _)| *name != "content-type");
    response.headers.push(("content-type", kind.into()));
    response.headers.push(("cross-origin-resource-policy", sharing.into()));
    Some(response)
}

/// The path of the view of an order.
fn order_path(mchid: &str, number: &str) -> String {
    format!("/_page/order?mchid={}&out_trade_no={}", encoded(mchid), encoded(number))
}
