//! Notifications on their way to the server: late, twice, lost, forged, stale, at the wrong address, or without a
//! response. The gateway's own faults do most of it.

use super::World;
use crate::{
    engine::Ledger,
    ledger::{
        OrderKey,
        rows::{payment::PaymentRow, refund::RefundRow},
    },
    notify::Incoming,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use wxpay_sim::notifications::{Delivery, DeliveryResult};

/// The pause between two looks at the gateway.
const PAUSE: Duration = Duration::from_secs(1);

impl World {
    /// Delivers notifications when they are due, for ever.
    pub(super) async fn carry(self: Arc<Self>) {
        loop {
            self.deliver_due();
            sleep(PAUSE).await;
        }
    }

    /// Delivers the notifications that are due now.
    pub(super) fn deliver_due(self: &Arc<Self>) {
        let due = self.gateway(|gateway| gateway.due_deliveries(self.now()));
        for delivery in due {
            self.count("notifications");
            tokio::spawn(Arc::clone(self).deliver(delivery));
        }
    }

    async fn deliver(self: Arc<Self>, delivery: Delivery) {
        let incoming = incoming(&delivery);
        if !self.is_calm() {
            self.interfere(&delivery, &incoming).await;
        }
        let status = self.post(incoming).await;
        self.trace(delivery.out_trade_no(), || {
            format!("notification of {} (forged: {}): {status:?}", delivery.url(), delivery.is_forged())
        });
        let result = match status {
            Some((status, body)) => DeliveryResult::Response { status, body },
            None => DeliveryResult::no_response("no response"),
        };
        if result.status().is_some_and(|status| (200..300).contains(&status)) {
            assert!(
                !delivery.is_forged(),
                "{}: a forged notification is acknowledged",
                delivery.out_trade_no()
            );
            self.check_acknowledged(&delivery).await;
        }
        self.gateway(|gateway| gateway.record_delivery(delivery.id(), &result, self.now()));
    }

    /// Sends wrong copies, before the delivery or long after it.
    async fn interfere(self: &Arc<Self>, delivery: &Delivery, incoming: &Incoming) {
        let choice = self.random(|rng| rng.below(100));
        let is_v1 = incoming.kind == "v1";
        let wrong = match choice {
            0..=3 if !is_v1 => {
                let other = if incoming.merchant == "shop1" { "shop3" } else { "shop1" };
                Incoming { merchant: other.into(), ..incoming.clone() }
            }
            4..=5 => Incoming { merchant: "nobody".into(), ..incoming.clone() },
            6..=8 if !is_v1 => {
                let other = if incoming.kind == "payment" { "refund" } else { "payment" };
                Incoming { kind: other.into(), ..incoming.clone() }
            }
            9..=11 if !is_v1 => {
                // A copy that somebody recorded.
                let (world, copy) = (Arc::clone(self), incoming.clone());
                let delay = Duration::from_mins(12);
                tokio::spawn(async move {
                    sleep(delay).await;
                    world.refuse("a stale notification", copy).await;
                });
                return;
            }
            12..=20 => {
                sleep(self.random(|rng| rng.within(Duration::from_secs(20)))).await;
                return;
            }
            _ => return,
        };
        self.trace(delivery.out_trade_no(), || format!("misdirected to {}/{}", wrong.merchant, wrong.kind));
        self.refuse("a misdirected notification", wrong).await;
    }

    async fn refuse(&self, what: &'static str, incoming: Incoming) {
        self.count(what);
        if let Some((status, _)) = self.post(incoming).await {
            assert!(status >= 400, "{what} is answered with {status}");
        }
    }

    /// Posts a notification. Returns status and body of the response.
    async fn post(&self, incoming: Incoming) -> Option<(u16, Vec<u8>)> {
        sleep(Duration::from_millis(20)).await;
        let began = Instant::now();
        let answer = self.ask(|app| async move { app.receive(incoming).await });
        let response = timeout(Duration::from_secs(5), answer).await.ok().flatten()?;
        assert!(began.elapsed() <= Duration::from_secs(5));
        if !self.is_calm() && self.random(|rng| rng.one_in(25)) {
            self.count("acknowledgements lost");
            return None;
        }
        Some((response.status(), response.body().to_vec()))
    }

    /// Checks that an acknowledged notification is in the ledger.
    async fn check_acknowledged(&self, delivery: &Delivery) {
        let path = delivery.url().split_once("/notify/").unwrap().1;
        let (merchant, kind) = path.split_once('/').unwrap();
        let key = OrderKey::new(merchant.parse().unwrap(), delivery.out_trade_no().parse().unwrap());
        let ledger = Ledger::from(self.model.clone());
        let is_known = if kind == "refund" {
            !ledger.load(RefundRow::of(&key)).await.unwrap().is_empty()
        } else {
            !ledger.load(PaymentRow::of(&key)).await.unwrap().is_empty()
        };
        assert!(is_known, "{merchant}/{}: a notification of a {kind} is lost", delivery.out_trade_no());
        self.count("acknowledgements");
    }
}

fn incoming(delivery: &Delivery) -> Incoming {
    let path = delivery.url().split_once("/notify/").unwrap().1;
    let (merchant, kind) = path.split_once('/').unwrap();
    let kind = kind.split('?').next().unwrap();
    let headers = delivery.headers().iter();
    Incoming {
        merchant: merchant.into(),
        kind: kind.into(),
        query: delivery.query().as_bytes().to_vec(),
        headers: headers.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect(),
        body: delivery.body().to_vec(),
    }
}
