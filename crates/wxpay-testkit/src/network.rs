//! The simulated gateway as a network in virtual time.

pub mod v3;

use crate::{drive::Network, keys};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    exchange::{Failure, Reply, Transmit},
    v1::{Ack, Builder, Merchant, Notification, RawNotification},
};
use wxpay_sim::{
    Gateway, Outcome, Settings,
    notifications::{Delivery, DeliveryResult},
};

/// A simulated gateway, and the network between it and a client.
#[derive(Debug)]
#[non_exhaustive]
pub struct SimNetwork {
    /// The gateway.
    pub gateway: Gateway,
    /// The time between a request and its response.
    pub latency: Duration,
    /// If set, no connection can be made.
    pub is_down: bool,
    /// The notifications that were sent before the response to a call.
    pub early: Vec<Delivery>,
}

impl SimNetwork {
    /// Creates a network to a gateway with these settings; responses take 80 ms.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let gateway = Gateway::new(settings, seed);
        Self { gateway, latency: Duration::from_millis(80), is_down: false, early: Vec::new() }
    }

    /// Returns the merchant with the gateway's credentials.
    pub fn merchant(&self) -> Merchant {
        self.builder().build()
    }

    /// Returns the builder of that merchant.
    pub fn builder(&self) -> Builder {
        keys::merchant_of(self.gateway.credentials())
    }

    /// Delivers every notification that is due. Passes the verified ones to `on_notification`, and the merchant's
    /// response to the gateway.
    pub fn deliver_due(
        &mut self,
        merchant: &Merchant,
        now: UnixTime,
        mut on_notification: impl FnMut(Notification) -> Ack,
    ) {
        let mut due = std::mem::take(&mut self.early);
        due.extend(self.gateway.due_deliveries(now));
        for delivery in due {
            let raw = RawNotification::new("POST", delivery.query().as_bytes(), delivery.body());
            let ack = match merchant.verify_notification(&raw) {
                Ok(notification) => {
                    assert!(!delivery.is_forged(), "a tampered notification was accepted");
                    on_notification(notification)
                }
                Err(rejected) => rejected.ack(),
            };
            let reply = ack.response();
            let result = DeliveryResult::Response { status: reply.status(), body: reply.body().to_vec() };
            self.gateway.record_delivery(delivery.id(), &result, now);
        }
    }
}

impl Network for SimNetwork {
    fn send(&mut self, transmit: Transmit, now: UnixTime) -> (Reply, Duration) {
        if self.is_down {
            return (Err(Failure::NotSent("connection refused".into())), Duration::from_millis(1));
        }
        let lost = |reason: &'static str| Err(Failure::Lost(reason.into()));
        match self.gateway.answer(&transmit.request, now) {
            Outcome::Reply(reply) => (Ok(reply), self.latency),
            Outcome::AfterNotifications(reply) => {
                let due = self.gateway.due_deliveries(now);
                self.early.extend(due);
                (Ok(reply), self.latency)
            }
            Outcome::Delayed(reply, delay) if delay < transmit.timeout => (Ok(reply), delay),
            Outcome::Delayed(..) => (lost("timed out"), transmit.timeout),
            Outcome::Truncated(..) => (lost("the connection broke during the response"), self.latency),
            Outcome::ConnectionClosed { .. } => (lost("the connection broke"), self.latency),
            Outcome::ConnectionReset { .. } => (lost("the connection was reset"), self.latency),
            Outcome::ConnectionRefused(_) => {
                (Err(Failure::NotSent("connection refused".into())), Duration::from_millis(1))
            }
            Outcome::Slow(reply, bytes_per_second) => {
                let bytes = u64::try_from(reply.body().len()).unwrap_or(u64::MAX);
                let rate = u64::from(bytes_per_second).max(1);
                let time = self.latency + Duration::from_millis(bytes.saturating_mul(1000) / rate);
                if time < transmit.timeout {
                    (Ok(reply), time)
                } else {
                    (lost("timed out"), transmit.timeout)
                }
            }
        }
    }
}
