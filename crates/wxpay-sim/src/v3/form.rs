//! The form of orders that were placed through APIv3: the numbers of their payments, and their notifications.

use super::{call::Call, combine, notification::Event, pay::transaction::latest_transaction, reply::to_json};
use crate::{
    faults::ApiVersion,
    front_end::OrderForm,
    gateway::Gateway,
    ledger::{Order, OrderKey},
    notifications::Message,
    rng::{DIGITS, Rng},
    time,
};
use std::sync::Arc;
use wxpay_proto::{
    UnixTime,
    id::{MchId, TransactionId},
};

/// The part that APIv3 keeps of the request that placed an order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The `Wechatpay-Serial` of the request. It may select the key that signs notifications.
    pub(super) request_serial: Option<Box<str>>,
    /// The authorization of a sub-order's payee.
    pub(super) individual_auth_id: Option<Box<str>>,
}

impl Form {
    /// Returns the form of the orders of a request, which is shared by the requests that name the same key.
    pub(super) fn of(gateway: &mut Gateway, call: &Call) -> Arc<Self> {
        let request_serial = call.wechatpay_serial.as_deref().map(Box::from);
        let form = Self { request_serial, individual_auth_id: None };
        match &gateway.v3.latest_form {
            Some(latest) if **latest == form => Arc::clone(latest),
            _ => Arc::clone(gateway.v3.latest_form.insert(Arc::new(form))),
        }
    }

    /// Returns the `Wechatpay-Serial` of the request that placed an order, if it was an APIv3 request.
    pub(super) fn request_serial_of(order: &Order) -> Option<String> {
        order.prepay.terms.form.of::<Self>()?.request_serial.as_deref().map(String::from)
    }

    fn payment_event(&self, mchid: &MchId, notify_url: &str, plaintext: Vec<u8>, now: UnixTime) -> Event {
        Event {
            mchid: mchid.clone(),
            notify_url: notify_url.into(),
            created_at: now,
            event_type: "TRANSACTION.SUCCESS",
            summary: "支付成功",
            original_type: "transaction",
            plaintext,
            request_serial: self.request_serial.as_deref().map(String::from),
            retry_schedule: None,
        }
    }
}

impl OrderForm for Form {
    fn api_version(&self) -> ApiVersion {
        ApiVersion::V3
    }

    /// Generates a number of 28 digits.
    fn transaction_id(
        &self,
        _mchid: &MchId,
        serial: u64,
        rng: &mut Rng,
        now: UnixTime,
    ) -> Option<TransactionId> {
        format!("4200{}{}{serial:010}", rng.text(DIGITS, 6), time::yyyymmdd(now)).parse().ok()
    }

    fn default_bank_type(&self) -> &'static str {
        "OTHERS"
    }

    fn payment_message(&self, _gateway: &Gateway, order: &Order, now: UnixTime) -> Option<Arc<dyn Message>> {
        let notify_url = order.terms().notify_url.as_deref()?;
        let plaintext = to_json(&latest_transaction(order, now));
        Some(Arc::new(self.payment_event(order.mchid(), notify_url, plaintext, now)))
    }

    fn combined_message(&self, gateway: &Gateway, key: &OrderKey, now: UnixTime) -> Option<Arc<dyn Message>> {
        let combined = gateway.ledger.combined.get(key)?;
        let notify_url = combined.notify_url.as_deref()?;
        let plaintext = to_json(&combine::order::latest_combined_value(&gateway.ledger, combined, now));
        Some(Arc::new(self.payment_event(&key.0, notify_url, plaintext, now)))
    }
}
