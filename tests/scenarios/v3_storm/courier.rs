//! Notifications on their way: late, twice, tampered with, at the wrong address, or without a response.

use super::shop::{ACCOUNTS, Shop, account_of};
use crate::rng::Rng;
use std::{fmt::Debug, rc::Rc, time::Duration};
use wxpay_proto::{
    UnixTime,
    memory::Delivery as Seen,
    v3::{Ack, Event, Notification, RawNotification},
};
use wxpay_sim::notifications::{Delivery, DeliveryResult};
use wxpay_testkit::{drive::Ended, network::v3};

/// The maximum difference between the server's clock and the time at which a notification was signed.
const MAX_OFFSET: Duration = Duration::from_mins(5);

impl Shop {
    /// Delivers every notification when it is due, until there are none and none can follow.
    pub(super) async fn deliver_all(self: Rc<Self>) {
        const POLL_INTERVAL: Duration = Duration::from_secs(2);
        loop {
            let due = self.sim.borrow().gateway.next_due();
            match due {
                None if self.is_calm() => return,
                Some(due) if self.is_calm() => self.time.sleep(due.since(self.time.now())).await,
                _ => self.time.sleep(POLL_INTERVAL).await,
            }
            let deliveries = self.sim.borrow_mut().gateway.due_deliveries(self.time.now());
            for delivery in deliveries {
                self.deliver(delivery);
            }
        }
    }

    /// Delivers one notification, and tells the gateway the response.
    pub(super) fn deliver(self: &Rc<Self>, delivery: Delivery) {
        let mut rng = self.records.borrow_mut().courier.fork();
        let shop = Rc::clone(self);
        self.time.spawn(async move {
            let is_calm = shop.is_calm();
            let raw = v3::raw_notification(&delivery);
            let account = account_of(delivery.url());
            shop.time.sleep(Duration::from_millis(rng.below(3_000))).await;
            // One kind of forgery is genuine except for its age.
            let signed_at = signed_at(&delivery);
            let is_old = shop.time.now().since(signed_at) > MAX_OFFSET;
            let is_forged = delivery.is_forged() && !is_old;
            if !is_calm && !is_forged && rng.one_in(30) {
                shop.replay(raw.clone(), account, signed_at, &mut rng);
            }
            let is_tampered = !is_calm && rng.one_in(12);
            let raw = if is_tampered { tampered(&delivery, &mut rng) } else { raw };
            let is_lost_way = !is_calm && rng.one_in(30);
            let received_by = if is_lost_way { (account + 1) % ACCOUNTS } else { account };
            let signed_at = (!is_tampered && !is_lost_way && !is_forged).then_some(signed_at);
            let ack = shop.receive(received_by, raw, signed_at, &mut rng).await;
            let result = match ack {
                Some(ack) if is_calm || !rng.one_in(10) => {
                    let reply = ack.response();
                    DeliveryResult::Response { status: reply.status(), body: reply.body().to_vec() }
                }
                _ => DeliveryResult::no_response("the response was lost"),
            };
            shop.sim.borrow_mut().gateway.record_delivery(delivery.id(), &result, shop.time.now());
        });
    }

    /// Delivers a copy some time later: an attacker's, or that of a proxy.
    fn replay(self: &Rc<Self>, raw: RawNotification, account: usize, signed_at: UnixTime, rng: &mut Rng) {
        let (shop, mut rng) = (Rc::clone(self), rng.fork());
        self.time.spawn(async move {
            shop.time.sleep(Duration::from_secs(rng.below(900))).await;
            shop.receive(account, raw, Some(signed_at), &mut rng).await;
        });
    }

    /// Receives a notification as the shop's server does: verifies it, handles it once, and responds. Returns `None` if
    /// the server restarts meanwhile. `signed_at` is the time of the signature if the notification is genuine.
    async fn receive(
        self: &Rc<Self>,
        account: usize,
        raw: RawNotification,
        signed_at: Option<UnixTime>,
        rng: &mut Rng,
    ) -> Option<Ack> {
        self.total.borrow_mut().notifications += 1;
        let process = self.process(rng).clone();
        let restarts = process.restarts();
        let received_at = process.now();
        let verify = self.accounts[account].merchant.verify_notification(raw);
        let watch = |_: &dyn Debug| {};
        let notification = match process.drive(verify, None, |transmit| self.send(transmit), watch).await {
            Ok(notification) => notification,
            Err(Ended::Dropped) => return None,
            Err(Ended::Failed(error)) => {
                self.total.borrow_mut().rejected += 1;
                return Some(Ack::for_error(&error));
            }
        };
        let signed_at = signed_at.expect("a notification that is forged or misdirected was accepted");
        let offset = received_at.since(signed_at).max(signed_at.since(received_at));
        assert!(offset <= MAX_OFFSET + Duration::from_secs(1), "a notification was accepted {offset:?} off");
        let key = format!("{account} {}", notification.dedup_key());
        let now = process.now();
        let processing = match process.with_memory(|memory| memory.deduplicator.begin(&key, now)) {
            Seen::New(processing) => processing,
            Seen::InProgress(_) => return Some(Ack::Fail),
            Seen::Duplicate => {
                self.total.borrow_mut().duplicates += 1;
                return Some(Ack::Success);
            }
        };
        self.time.sleep(Duration::from_millis(rng.below(500))).await;
        if process.restarts() != restarts {
            return None;
        }
        if !self.is_calm() && rng.one_in(10) {
            process.with_memory(|memory| memory.deduplicator.fail(&processing));
            return Some(Ack::Fail);
        }
        self.apply(account, &notification);
        process.with_memory(|memory| memory.deduplicator.complete(&processing));
        Some(Ack::Success)
    }

    /// Merges what a notification proves into the shop's records.
    fn apply(&self, account: usize, notification: &Notification) {
        let records = &mut self.records.borrow_mut();
        let event = notification.event().expect("a genuine notification must be readable");
        match event {
            Event::Transaction(transaction) => {
                let evidence = transaction.evidence().expect("a notification of success is evidence");
                records.merge(account, &evidence);
            }
            Event::Combine(transaction) => {
                for evidence in transaction.evidence() {
                    records.merge(account, &evidence);
                }
            }
            Event::Refund(refund) => {
                let record = records.order(&(account, refund.out_trade_no.clone()));
                if let Some(evidence) = refund.evidence() {
                    record.merge_refund(&evidence);
                }
            }
            Event::Transfer(transfer) => {
                records.finish_transfer(&(account, transfer.out_bill_no.clone()), &transfer.state);
            }
            Event::ProfitSharing(shared) => self.check_profit_sharing(account, &shared),
            other => panic!("unexpected event: {other:?}"),
        }
    }
}

/// Returns the time at which the gateway signed a notification.
fn signed_at(delivery: &Delivery) -> UnixTime {
    let header = delivery.headers().iter().find(|(name, _)| *name == "wechatpay-timestamp");
    UnixTime::from_secs(header.unwrap().1.parse().unwrap())
}

/// Changes one byte of a notification's body.
fn tampered(delivery: &Delivery, rng: &mut Rng) -> RawNotification {
    let mut body = delivery.body().to_vec();
    let at = usize::try_from(rng.next()).unwrap() % body.len();
    body[at] ^= 1;
    delivery
        .headers()
        .iter()
        .fold(RawNotification::new(body), |raw, (name, value)| raw.header(name, value.as_bytes()))
}
