//! The gateway of a certification, and its records.

use crate::client::NamedSecret;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};
use wxpay_proto::{
    id::{MchId, OutRefundNo, OutTradeNo},
    secret::Secret,
};
use wxpay_sim::{
    clock::Now,
    faults::{Fault, FaultRule, Operation},
    gateway::{OrderRef, PayError, Payer, RequestRecord},
    ledger::{OrderRecord, RefundRecord, RefundStatus},
    merchant::Merchant,
    notifications::{Alteration, NotificationCopy},
    payer::PaymentRequest,
    serve::Server,
};

/// The number of bytes of a private key's Base64 that identify it in an answer.
const KEY_EXCERPT: usize = 48;

/// The simulator, as the certifier uses it.
#[derive(Debug)]
pub(crate) struct Stage {
    server: Server,
    mchid: MchId,
    /// The beginning of the numbers of this run.
    prefix: String,
    last_number: AtomicU64,
}

impl Stage {
    pub(crate) fn new(server: Server) -> Self {
        let mchid = server.with(|simulation, _| simulation.gateway.merchant().mchid().clone());
        // A shop keeps its orders, so another run needs other numbers.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let prefix = format!("CERT{}", since.as_millis());
        Self { server, mchid, prefix, last_number: AtomicU64::new(0) }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn next_number(&self) -> String {
        let number = self.last_number.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        format!("{}{number:03}", self.prefix)
    }

    fn order_ref(&self, number: &OutTradeNo) -> OrderRef {
        OrderRef::OfMerchant(self.mchid.clone(), number.clone())
    }

    pub(crate) fn now(&self) -> Now {
        self.server.with(|_, now| now)
    }

    pub(crate) fn openid(&self) -> String {
        self.server.with(|simulation, _| simulation.gateway.payer().as_str().to_owned())
    }

    fn merchant(&self) -> Merchant {
        self.server.with(|simulation, _| simulation.gateway.merchant().clone())
    }

    /// Returns the secrets that an answer must not contain. A private key is looked for by a part of its Base64, because a program
    /// may print it with other line breaks.
    pub(crate) fn secrets(&self) -> Vec<NamedSecret> {
        let merchant = self.merchant();
        let mut secrets: Vec<NamedSecret> = Vec::new();
        if let Some(key) = merchant.api_v3_key() {
            secrets.push(NamedSecret { name: "the APIv3 key", value: Secret::new(key.expose().clone()) });
        }
        if let Some(key) = merchant.api_keys().last() {
            let pem = key.key_pair.private_pem();
            // The first line of a key says what kind of key it is: all keys have it.
            let line = pem.lines().filter(|line| !line.starts_with('-')).nth(1).unwrap_or_default();
            let excerpt = line.get(..KEY_EXCERPT).unwrap_or(line);
            if !excerpt.is_empty() {
                let value = Secret::new(excerpt.to_owned());
                secrets.push(NamedSecret { name: "the merchant's private key", value });
            }
        }
        secrets
    }

    /// Returns the gateway's record of an order.
    pub(crate) fn order(&self, number: &OutTradeNo) -> Option<OrderRecord> {
        let order_ref = self.order_ref(number);
        self.server.with(|simulation, now| simulation.gateway.order(&order_ref, now.business))
    }

    /// Returns the numbers of all orders, in the order in which they were placed.
    pub(crate) fn order_numbers(&self) -> Vec<OutTradeNo> {
        self.server.with(|simulation, now| {
            simulation.gateway.orders(now.business).map(|order| order.out_trade_no).collect()
        })
    }

    /// Returns the latest requests that fulfil a condition, the oldest first.
    pub(crate) fn requests(&self, is_wanted: impl Fn(&RequestRecord) -> bool) -> Vec<RequestRecord> {
        self.server.with(|simulation, _| {
            simulation.gateway.requests().filter(|request| is_wanted(request)).cloned().collect()
        })
    }

    /// Returns the `Request-ID` of the latest request, for [`requests_after`](Self::requests_after).
    pub(crate) fn latest_request(&self) -> String {
        self.server.with(|simulation, _| {
            let mut ids = simulation.gateway.requests().rev().map(|request| &request.request_id);
            ids.find(|id| !id.is_empty()).cloned().unwrap_or_default()
        })
    }

    /// Returns how many requests that fulfil a condition came after the one with this `Request-ID`. The gateway forgets
    /// old requests, so that a difference of two counts would be wrong.
    pub(crate) fn requests_after(
        &self,
        request_id: &str,
        is_wanted: impl Fn(&RequestRecord) -> bool,
    ) -> usize {
        self.server.with(|simulation, _| {
            let latest = simulation.gateway.requests().rev();
            let later = latest.take_while(|request| request.request_id != request_id);
            later.filter(|request| is_wanted(request)).count()
        })
    }

    /// Adds a fault that is injected once into the next request of an operation.
    pub(crate) fn inject_once(&self, fault: Fault, operation: &str) {
        let Some(operation) = Operation::from_name(operation) else { return };
        let rule = FaultRule::new(fault).for_operation(operation).at_most(1);
        self.server.with(|simulation, _| simulation.gateway.inject(rule));
    }

    /// Loses every notification from now on.
    pub(crate) fn lose_notifications(&self) {
        let rule = FaultRule::new(Fault::NotificationLost).for_operation(Operation::Notification);
        self.server.with(|simulation, _| simulation.gateway.inject(rule));
    }

    /// Ends the faults of a check. Notifications that were lost are not sent later: they would disturb the next check.
    pub(crate) fn clear(&self) {
        self.server.with(|simulation, _| {
            let gateway = &mut simulation.gateway;
            gateway.clear_faults();
            let waiting: Vec<_> = gateway.notifications().map(|record| record.notify_id).collect();
            for id in waiting {
                gateway.cancel_notification(&id);
            }
        });
    }

    /// Pays an order.
    pub(crate) fn pay(&self, number: &OutTradeNo) -> Result<OrderRecord, PayError> {
        let order_ref = self.order_ref(number);
        self.server.with(|simulation, now| {
            let paid = simulation.gateway.pay(&order_ref, &Payer::default(), now.business)?;
            Ok(paid.order)
        })
    }

    /// Returns why an order cannot be paid, if so. Changes nothing: a copy of the gateway tries.
    pub(crate) fn pay_refusal(&self, number: &OutTradeNo) -> Option<PayError> {
        let order_ref = self.order_ref(number);
        self.server.with(|simulation, now| {
            let mut twin = simulation.gateway.clone();
            twin.pay(&order_ref, &Payer::default(), now.business).err()
        })
    }

    /// Pays in the payer's client, with the parameters as the shop returned them, or by scanning its link.
    ///
    /// # Errors
    ///
    /// Returns the reason why the client does not pay.
    pub(crate) fn pay_in_client(&self, parameters: &serde_json::Value) -> Result<OutTradeNo, String> {
        self.server.with(|simulation, now| {
            let gateway = &mut simulation.gateway;
            if let Some(link) = parameters.as_str() {
                let order_ref = OrderRef::Handle(link.to_owned());
                let paid = gateway.pay(&order_ref, &Payer::default(), now.business);
                return paid.map(|paid| paid.order.out_trade_no).map_err(|error| error.to_string());
            }
            let text = parameters.to_string();
            let request = PaymentRequest::parse(gateway, text.as_bytes(), now.business);
            let request = request.map_err(|invalid| invalid.to_string())?;
            let paid = request.pay(gateway, &Payer::default(), now.business);
            paid.map_err(|error| error.to_string())?;
            Ok(request.out_trade_no.clone())
        })
    }

    /// Returns a copy of the notification of a payment. If the order is not paid, a copy of the gateway pays it, so that
    /// the notification reports a payment that was never made.
    pub(crate) fn payment_notification(
        &self,
        number: &OutTradeNo,
        alteration: &Alteration,
    ) -> Option<NotificationCopy> {
        let order_ref = self.order_ref(number);
        self.server.with(|simulation, now| {
            let gateway = &mut simulation.gateway;
            let is_paid = !gateway.order(&order_ref, now.business)?.payments.is_empty();
            let mut twin;
            let gateway = if is_paid {
                gateway
            } else {
                twin = gateway.clone();
                twin.clear_faults();
                twin.pay(&order_ref, &Payer::default(), now.business).ok()?;
                &mut twin
            };
            let order = gateway.order(&order_ref, now.business)?;
            let notification = order
                .notifications
                .iter()
                .find(|notification| notification.event_type == Some("TRANSACTION.SUCCESS"))?;
            gateway.copy_notification(&notification.notify_id, alteration, now)
        })
    }

    /// Returns the refunds of an order.
    pub(crate) fn refunds(&self, number: &OutTradeNo) -> Vec<RefundRecord> {
        self.order(number).map(|order| order.refunds).unwrap_or_default()
    }

    /// Sets the final state of a pending refund, which is notified.
    pub(crate) fn finish_refund(&self, number: &OutRefundNo, outcome: RefundStatus) -> Option<RefundRecord> {
        self.server.with(|simulation, now| {
            simulation.gateway.set_refund_outcome(&self.mchid, number, outcome, now.business)
        })
    }

    /// Returns the shop's last answer to the notification of an order's refund, in words; `None` if there is none yet.
    pub(crate) fn refund_notification(&self, number: &OutTradeNo) -> Option<String> {
        self.server.with(|simulation, _| {
            let is_refund = |event: Option<&str>| event.is_some_and(|event| event.starts_with("REFUND."));
            let notification =
                simulation.gateway.notifications().filter(|record| is_refund(record.event_type));
            let attempt = notification
                .filter(|record| record.out_trade_no == number.as_str())
                .find_map(|record| Some((record.event_type?, record.deliveries.last()?.clone())))?;
            let (event, attempt) = attempt;
            let status = attempt.status?;
            Some(format!("{event} of the order {number} → HTTP {status}"))
        })
    }
}
