//! The acts of the page's forms: each is one request to the control interface.

use super::{
    PageRequest, PageResponse, see_other,
    text::{encoded, value},
    view,
};
use crate::{
    control::{ROOT, Simulation},
    traffic::TrafficLog,
};
use serde_json::{Map, Value, json};

/// A request to the control interface.
struct Call {
    method: &'static str,
    path: String,
    body: Map<String, Value>,
}

impl Call {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: Map::new() }
    }

    /// Adds a member, unless it is empty.
    fn with(mut self, name: &str, value: Value) -> Self {
        if !matches!(&value, Value::Null) && value.as_str() != Some("") {
            self.body.insert(name.into(), value);
        }
        self
    }
}

/// A form that was sent.
struct Form<'a>(&'a str);

impl Form<'_> {
    fn text(&self, name: &str) -> String {
        value(self.0, name).unwrap_or_default()
    }

    fn path(&self, name: &str) -> String {
        encoded(&self.text(name))
    }

    /// Returns a number. Another text stays one, and the interface names its rule.
    fn number(&self, name: &str) -> Value {
        let text = self.text(name);
        text.trim().parse::<u64>().map_or_else(|_| Value::String(text), Value::from)
    }

    /// Returns the path of an act on an order.
    fn order(&self, act: &str, more: &str) -> String {
        format!("orders/{}/{act}?mchid={}{more}", self.path("out_trade_no"), self.path("mchid"))
    }

    fn call(&self) -> Option<Call> {
        let post = |path: String| Call::new("POST", path);
        Some(match self.text("act").as_str() {
            "pay" => post(self.order("pay", "")),
            "cancel" => post(self.order("cancel", "")),
            "wrong_password" => post(self.order("fail", "&reason=wrong_password")),
            "not_enough" => post(self.order("fail", "&reason=not_enough")),
            "refund" => post(self.order("refund", ""))
                .with("amount", self.number("amount"))
                .with("notify_url", self.text("notify_url").into()),
            "resend" => post(format!("notifications/{}/resend", self.path("notify_id"))),
            "stop" => post(format!("notifications/{}/cancel", self.path("notify_id"))),
            "advance" => post("clock".into()).with("advance_seconds", self.number("seconds")),
            "set_clock" => Call::new("PUT", "clock").with("now", self.number("now")),
            "freeze" => post("clock/freeze".into()),
            "run" => post("clock/run".into()),
            "add_fault" => post("faults".into())
                .with("kind", self.text("kind").into())
                .with("operation", self.text("operation").into())
                .with("number", self.text("number").into())
                .with("count", self.number("count"))
                .with("millis", self.number("millis")),
            "remove_fault" => Call::new("DELETE", format!("faults/{}", self.path("id"))),
            "clear_faults" => Call::new("DELETE", "faults"),
            "add_merchant" => post("merchants".into()),
            "rotate" => post(format!("merchants/{}/platform/rotate", self.path("mchid"))),
            "issue" => post(format!("merchants/{}/certificates", self.path("mchid"))),
            "save" => Call::new("PUT", format!("snapshots/{}", self.path("name"))),
            "load" => post(format!("snapshots/{}/load", self.path("name"))),
            "delete" => Call::new("DELETE", format!("snapshots/{}", self.path("name"))),
            "reset" => post("state/reset".into()),
            _ => return None,
        })
    }

    /// Returns the first required value that is missing.
    fn missing(&self) -> Option<&'static str> {
        let required: &[&str] = match self.text("act").as_str() {
            "pay" | "cancel" | "wrong_password" | "not_enough" | "refund" => &["mchid", "out_trade_no"],
            "resend" | "stop" => &["notify_id"],
            "rotate" | "issue" => &["mchid"],
            "save" | "load" | "delete" => &["name"],
            "remove_fault" => &["id"],
            _ => &[],
        };
        required.iter().find(|name| self.text(name).is_empty()).copied()
    }

    /// Returns the path of a view of the page to return to.
    fn back(&self) -> String {
        let back = self.text("back");
        let path = back.split('?').next().unwrap_or_default();
        let is_own = super::serves(path) && path != super::ACT && !back.contains(['\r', '\n', '\\']);
        if is_own && back.is_ascii() { back } else { String::from("/") }
    }
}

/// Acts, and returns to the view. A refusal is shown in it.
pub(super) fn answer(
    simulation: &mut Simulation,
    traffic: &TrafficLog,
    request: &PageRequest<'_>,
) -> PageResponse {
    let text = String::from_utf8_lossy(request.body);
    let form = Form(&text);
    let back = form.back();
    let (path, query) = back.split_once('?').unwrap_or((&back, ""));
    let shown = PageRequest { method: "GET", path, query, body: &[], ..*request };
    let Some(call) = form.call() else {
        return view(simulation, traffic, &shown, Some(String::from("act must be one of this page's forms")));
    };
    if let Some(name) = form.missing() {
        return view(simulation, traffic, &shown, Some(format!("{name} is required")));
    }
    let body =
        if call.body.is_empty() { Vec::new() } else { Value::Object(call.body).to_string().into_bytes() };
    let response = simulation.control(call.method, &format!("{ROOT}{}", call.path), &body, request.real);
    let title = response.body.get("title").cloned().unwrap_or_default();
    // The payer of a code or a link did act, and the shop does not learn of it: that is no error here.
    let is_untold = response.status == 409 && title == json!("the command has no effect");
    if response.status >= 400 && !is_untold {
        let detail = response.body.get("detail").and_then(Value::as_str).unwrap_or_default();
        return view(simulation, traffic, &shown, Some(detail.into()));
    }
    let act = form.text("act");
    if act == "reset" || act == "load" {
        traffic.clear();
    }
    let separator = if query.is_empty() { '?' } else { '&' };
    let target =
        format!("{back}{separator}done={}{}", encoded(&act), if is_untold { "&untold=1" } else { "" });
    PageResponse { notifications_first: response.notifications_first, ..see_other(&target) }
}
