//! The control interface: its effects, and that invalid input changes nothing. Every response is validated against the
//! interface's own OpenAPI document.

mod clock;
mod document;
mod faults;
mod merchants;
mod notifications;
mod orders;
mod payer;
mod profitsharing;
mod refunds;
mod requests;
mod schema;
mod settings;
mod state;
mod tokens;
mod transfers;

use crate::support::{START, Shop};
use schema::Document;
use serde_json::Value;
use std::sync::Arc;
use wxpay_proto::UnixTime;
use wxpay_sim::{
    Clock, Gateway, Settings,
    control::{ControlResponse, Simulation},
};

/// A simulation and the document of its interface.
#[derive(Clone)]
pub struct Control {
    pub simulation: Simulation,
    pub document: Arc<Document>,
}

impl Control {
    pub fn of(gateway: Gateway, now: UnixTime) -> Self {
        let mut simulation = Simulation { gateway, clock: Clock::frozen(now) };
        let answer = simulation.control("GET", "/_sim/v1/openapi.json", b"", now);
        assert_eq!((answer.status, answer.content_type()), (200, "application/json"));
        Self { simulation, document: Arc::new(Document(answer.body)) }
    }

    pub fn call(&mut self, method: &str, path: &str, body: &Value) -> ControlResponse {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.simulation.control(method, &format!("/_sim/v1/{path}"), body.as_bytes(), START);
        self.document.assert_conforms(method, path, &answer);
        answer
    }

    pub fn show(&mut self, path: &str) -> Value {
        let answer = self.call("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    pub fn done(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.call(method, path, body);
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        answer.body
    }

    /// Sends a request that must be rejected without any change. Returns the status and the invalid field.
    pub fn refused(&mut self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let before = format!("{:?}", self.simulation);
        let answer = self.call(method, path, body);
        assert!(answer.status >= 400, "{method} {path} must be rejected: {}", answer.body);
        assert_eq!(answer.content_type(), "application/problem+json");
        assert_eq!(format!("{:?}", self.simulation), before, "{method} {path} {body}");
        let field = answer.body["field"].as_str().unwrap_or_default();
        if !field.is_empty() {
            let rule = answer.body["rule"].as_str().unwrap();
            assert_eq!(answer.body["detail"], format!("{field} {rule}"));
        }
        (answer.status, field.into())
    }
}

/// An APIv1 shop with one order, and the interface to its gateway.
pub struct Opened {
    pub shop: Shop,
    pub prepayid: String,
    pub interface: Control,
}

pub fn opened() -> Opened {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let interface = Control::of(shop.gateway.clone(), START);
    Opened { shop, prepayid, interface }
}
