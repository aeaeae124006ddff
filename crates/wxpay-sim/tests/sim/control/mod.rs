//! The control interface: its effects, and that invalid input changes nothing. Every response is validated against the
//! interface's own OpenAPI document.

mod clock;
mod document;
mod faults;
mod merchants;
mod notifications;
mod orders;
mod pages;
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
        let mut simulation = Simulation { gateway, clock: Clock::frozen(now).with_virtual_signatures() };
        let response = simulation.control("GET", "/_sim/v1/openapi.json", b"", now);
        assert_eq!((response.status, response.content_type()), (200, "application/json"));
        Self { simulation, document: Arc::new(Document(response.body)) }
    }

    pub fn call(&mut self, method: &str, path: &str, body: &Value) -> ControlResponse {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = self.simulation.control(method, &format!("/_sim/v1/{path}"), body.as_bytes(), START);
        self.document.assert_conforms(method, path, &response);
        response
    }

    pub fn get(&mut self, path: &str) -> Value {
        let response = self.call("GET", path, &Value::Null);
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        response.body
    }

    pub fn succeed(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let response = self.call(method, path, body);
        assert!(response.status < 300, "{method} {path}: {}", response.body);
        response.body
    }

    /// Sends a request that must be rejected without any change. Returns the status and the invalid field.
    pub fn rejected(&mut self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let before = format!("{:?}", self.simulation);
        let response = self.call(method, path, body);
        assert!(response.status >= 400, "{method} {path} must be rejected: {}", response.body);
        assert_eq!(response.content_type(), "application/problem+json");
        assert_eq!(format!("{:?}", self.simulation), before, "{method} {path} {body}");
        let field = response.body["field"].as_str().unwrap_or_default();
        if !field.is_empty() {
            let rule = response.body["rule"].as_str().unwrap();
            assert_eq!(response.body["detail"], format!("{field} {rule}"));
        }
        (response.status, field.into())
    }
}

/// An APIv1 shop with one order, and the interface to its gateway.
pub struct Fixture {
    pub shop: Shop,
    pub prepayid: String,
    pub interface: Control,
}

pub fn fixture() -> Fixture {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let interface = Control::of(shop.gateway.clone(), START);
    Fixture { shop, prepayid, interface }
}
