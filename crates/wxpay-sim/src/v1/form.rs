//! The form of orders that were placed through APIv1: the numbers of their payments, and their notification.

use super::{
    notification::{NotificationQuery, PaymentNotification},
    package::OrderData,
};
use crate::{
    credentials::Credentials,
    faults::ApiVersion,
    front_end::OrderForm,
    gateway::Gateway,
    ledger::{Currency, Order},
    notifications::Message,
    rng::{DIGITS, Rng},
    time,
};
use std::sync::Arc;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, TransactionId},
};

/// The part that APIv1 keeps of the request that placed an order.
#[derive(Debug)]
pub(super) struct Form {
    /// The app's credentials, which sign the notification.
    credentials: Credentials,
    pub(super) transport_fee: Fen,
    /// The charset as the merchant wrote it.
    pub(super) input_charset: Box<str>,
    /// The attached data in that charset: the notification returns it byte for byte.
    pub(super) attach: Box<[u8]>,
}

impl Form {
    pub(super) fn new(credentials: Credentials, data: &OrderData) -> Self {
        Self {
            credentials,
            transport_fee: data.transport_fee,
            input_charset: data.input_charset.as_str().into(),
            attach: data.attach.as_ref().map(|attach| attach.bytes.as_slice().into()).unwrap_or_default(),
        }
    }
}

/// Returns the number of a currency: 1 is CNY, the only one.
pub(super) const fn fee_type(currency: Currency) -> &'static str {
    match currency {
        Currency::Cny => "1",
    }
}

impl OrderForm for Form {
    fn api_version(&self) -> ApiVersion {
        ApiVersion::V1
    }

    fn transaction_id(
        &self,
        mchid: &MchId,
        serial: u64,
        _rng: &mut Rng,
        now: UnixTime,
    ) -> Option<TransactionId> {
        format!("{mchid}{}{serial:010}", time::yyyymmdd(now)).parse().ok()
    }

    fn default_bank_type(&self) -> &'static str {
        "2032"
    }

    /// Generates a number, unless the payer pays from the balance.
    fn bank_billno(&self, bank_type: &str, rng: &mut Rng, now: UnixTime) -> Option<String> {
        (bank_type != "0").then(|| format!("{}{}", time::yyyymmdd(now), rng.text(DIGITS, 7)))
    }

    fn payment_message(&self, _gateway: &Gateway, order: &Order, _now: UnixTime) -> Option<Arc<dyn Message>> {
        let payment = order.history().payments.last()?;
        let terms = order.terms_of(payment);
        Some(Arc::new(PaymentNotification {
            credentials: self.credentials.clone(),
            notify_url: terms.notify_url.as_deref()?.into(),
            query: NotificationQuery::of(order, terms, payment, self),
            openid: payment.openid.clone(),
        }))
    }
}
