//! Payment of APIv3 orders from the payer's side: pay, fail.

use super::transaction::latest_transaction;
use crate::{
    faults::{ApiVersion, Fault, FaultContext, Operation},
    gateway::{Gateway, PayError, Payer},
    ledger::{CombinedRecord, Order, OrderKey, Payment, RecordedState, TradeState, TransactionRecord},
    rng::{DIGITS, Rng, URL_SAFE},
    v3::{combine, notification::Event, reply::to_json},
};
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, MchId, OpenId, OutTradeNo},
};

/// A reference to an APIv3 order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "an order is identified by its number or by its handle")]
pub enum OrderRef {
    /// By `out_trade_no` or `combine_out_trade_no`. If several merchants use the number, the first one's order.
    OutTradeNo(OutTradeNo),
    /// By merchant and `out_trade_no`.
    OfMerchant(MchId, OutTradeNo),
    /// By its handle: a `prepay_id`, a `code_url` or an `h5_url`.
    Handle(String),
}

/// A successful payment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PaidTransaction {
    /// The gateway's record of the order after the payment.
    pub transaction: TransactionRecord,
    /// `true` if due notifications are sent before the payer's client returns.
    pub notifications_first: bool,
}

impl Gateway {
    /// Pays an APIv3 order. A sub-order is paid together with all sub-orders of its combined order.
    ///
    /// # Errors
    ///
    /// [`PayError`] if the order cannot be paid. Nothing has changed then.
    pub fn pay_transaction(
        &mut self,
        order_ref: &OrderRef,
        payer: &Payer,
        now: UnixTime,
    ) -> Result<PaidTransaction, PayError> {
        self.run_due_tasks(now);
        let order = self.find_order(order_ref).ok_or(PayError::NoSuchOrder)?;
        let key = order.combined.clone().unwrap_or_else(|| order.key());
        let context = || FaultContext {
            api_version: ApiVersion::V3,
            operation: Operation::Pay,
            path: String::new(),
            mchid: Some(key.0.to_string()),
            numbers: vec![key.1.to_string()],
        };
        let fault = self.faults.inject(context, now);
        let allow_second = fault == Some(Fault::SecondPayment);
        let notifications_first = fault == Some(Fault::Early);
        let due = if notifications_first { now } else { now.after(self.settings.notify_delay) };
        self.charge_with_combined(order_ref, payer, allow_second, due, now)?;
        if let Some(fault) = fault {
            self.change_platform_keys(fault, &key.0, now);
        }
        let transaction = self.transaction(order_ref, now).ok_or(PayError::NoSuchOrder)?;
        Ok(PaidTransaction { transaction, notifications_first })
    }

    /// Pays an order, or the combined order that contains it.
    pub(crate) fn charge_with_combined(
        &mut self,
        order_ref: &OrderRef,
        payer: &Payer,
        allow_second: bool,
        due: UnixTime,
        now: UnixTime,
    ) -> Result<(), PayError> {
        let order = self.find_order(order_ref).ok_or(PayError::NoSuchOrder)?;
        match (order.key(), order.combined.clone()) {
            (key, None) => self.charge_transaction(&key, payer, allow_second, due, now),
            (_, Some(combined)) => combine::payer::charge(self, &combined, payer, allow_second, due, now),
        }
    }

    /// Makes the payer of a code payment cancel. Any other order is left unchanged. No notification is sent.
    ///
    /// # Errors
    ///
    /// [`PayError::NoSuchOrder`] for an unknown order.
    pub fn fail_transaction(
        &mut self,
        order_ref: &OrderRef,
        now: UnixTime,
    ) -> Result<TransactionRecord, PayError> {
        self.run_due_tasks(now);
        let key = self.find_order(order_ref).map(Order::key).ok_or(PayError::NoSuchOrder)?;
        let order = self.v3.ledger.order_mut(&key);
        if let Some(order) = order.filter(|order| order.recorded_state == Some(RecordedState::UserPaying)) {
            order.recorded_state = Some(RecordedState::PayError);
        }
        self.transaction(order_ref, now).ok_or(PayError::NoSuchOrder)
    }

    /// Returns the gateway's own record of an APIv3 order.
    pub fn transaction(&self, order_ref: &OrderRef, now: UnixTime) -> Option<TransactionRecord> {
        self.find_order(order_ref).map(|order| self.record_of(order, now))
    }

    /// Returns the gateway's own records of all APIv3 orders.
    pub fn transactions(&self, now: UnixTime) -> Vec<TransactionRecord> {
        self.v3.ledger.orders().map(|order| self.record_of(order, now)).collect()
    }

    /// Returns the gateway's own record of a combined order. A reference to one of its sub-orders finds it too.
    pub fn combined(&self, order_ref: &OrderRef, now: UnixTime) -> Option<CombinedRecord> {
        let key = self.find_order(order_ref)?.combined.as_ref()?;
        let combined = self.v3.ledger.combined.get(key)?;
        let sub_orders = combined.sub_orders.iter().filter_map(|key| self.v3.ledger.order(key));
        let sub_orders = sub_orders.map(|order| self.record_of(order, now)).collect();
        let notifications = self
            .notifications
            .records_of(&[key.1.as_str()], |notification| notification.is_of_v3(&key.0, key.1.as_str()));
        Some(combined.record(sub_orders, notifications))
    }

    fn record_of(&self, order: &Order, now: UnixTime) -> TransactionRecord {
        let key = order.key();
        let keys: Vec<_> = [Some(&key), order.combined.as_ref()].into_iter().flatten().collect();
        let numbers: Vec<&str> = keys.iter().map(|(_, number)| number.as_str()).collect();
        let notifications = self.notifications.records_of(&numbers, |notification| {
            keys.iter().any(|(mchid, number)| notification.is_of_v3(mchid, number.as_str()))
        });
        order.record(now, notifications)
    }

    /// Finds an order. A reference to a combined order finds its first sub-order.
    fn find_order(&self, order_ref: &OrderRef) -> Option<&Order> {
        let ledger = &self.v3.ledger;
        let (order, combined) = match order_ref {
            OrderRef::OutTradeNo(number) => {
                (ledger.order_by_number(number), ledger.combined.by_number(number))
            }
            OrderRef::OfMerchant(mchid, number) => {
                let key = (mchid.clone(), number.clone());
                (ledger.order(&key), ledger.combined.get(&key))
            }
            OrderRef::Handle(handle) => (ledger.order_by_handle(handle), ledger.combined.by_handle(handle)),
        };
        order.or_else(|| combined?.sub_orders.first().and_then(|key| ledger.order(key)))
    }

    /// Makes a payment and queues its notification.
    pub(crate) fn charge_transaction(
        &mut self,
        key: &OrderKey,
        payer: &Payer,
        allow_second: bool,
        due: UnixTime,
        now: UnixTime,
    ) -> Result<(), PayError> {
        let payment = self.payment(key, payer, allow_second, now)?;
        self.v3.ledger.add_payment(key, payment);
        self.notify_payment(key, due, now);
        Ok(())
    }

    /// Builds the payment that a payer would make, without changing anything.
    pub(in crate::v3) fn payment(
        &mut self,
        key: &OrderKey,
        payer: &Payer,
        allow_second: bool,
        now: UnixTime,
    ) -> Result<Payment, PayError> {
        let order = self.v3.ledger.order(key).ok_or(PayError::NoSuchOrder)?;
        match order.state(now) {
            TradeState::Success | TradeState::Refund if !allow_second => return Err(PayError::AlreadyPaid),
            TradeState::Closed | TradeState::Revoked | TradeState::PayError => {
                return Err(PayError::Expired);
            }
            TradeState::NotPay if order.handle_expires_at <= now => return Err(PayError::Expired),
            TradeState::Success | TradeState::Refund | TradeState::NotPay | TradeState::UserPaying => {}
        }
        let payer_total = order.total.checked_sub(payer.discount).filter(|amount| *amount > Fen::ZERO);
        let payer_total = payer_total.ok_or(PayError::DiscountTooLarge)?;
        let (openid, sub_openid) = payer_openids(order, payer, &self.payer)?;
        let bank_type = payer.bank_type_or("OTHERS")?;
        let transaction_id = self.v3.new_transaction_id(now).ok_or(PayError::NoSuchOrder)?;
        Ok(Payment {
            transaction_id,
            openid,
            sub_openid,
            payer_total,
            discount: payer.discount,
            coupon_id: (payer.discount > Fen::ZERO).then(|| self.v3.rng.text(DIGITS, 6)),
            bank_type,
            success_at: now.as_secs(),
        })
    }

    fn notify_payment(&mut self, key: &OrderKey, due: UnixTime, now: UnixTime) {
        let Some(order) = self.v3.ledger.order(key) else { return };
        let Some(notify_url) = order.notify_url.clone() else { return };
        let event = Event {
            mchid: order.mchid.clone(),
            notify_url,
            created_at: now,
            event_type: "TRANSACTION.SUCCESS",
            summary: "支付成功",
            original_type: "transaction",
            plaintext: to_json(&latest_transaction(order, now)),
            request_serial: order.request_serial.clone(),
            retry_schedule: None,
        };
        self.notify(key.1.as_str(), event, due);
    }
}

/// Returns the payer's openids: under the app that placed the order and, if the order has one, under the sub-merchant's
/// app. An order placed for one payer cannot be paid by another.
fn payer_openids(
    order: &Order,
    payer: &Payer,
    default: &OpenId,
) -> Result<(OpenId, Option<OpenId>), PayError> {
    let placed_for = |pointer| order.request_text(pointer).and_then(|openid| openid.parse::<OpenId>().ok());
    let placed_openid = placed_for("/payer/openid").or_else(|| placed_for("/payer/sp_openid"));
    let placed_sub_openid = placed_for("/payer/sub_openid");
    let given = payer.openid.as_ref();
    match (placed_openid.as_ref().or(placed_sub_openid.as_ref()), given) {
        (Some(expected), Some(given)) if expected != given => return Err(PayError::OtherPayer),
        _ => {}
    }
    let openid = match (placed_openid, &placed_sub_openid) {
        (Some(openid), _) => openid,
        (None, Some(sub_openid)) => openid_under_app(sub_openid, &order.appid),
        (None, None) => given.unwrap_or(default).clone(),
    };
    let sub_appid = order.sub_merchant.as_ref().and_then(|sub| sub.appid.as_ref());
    let sub_openid =
        sub_appid.map(|appid| placed_sub_openid.unwrap_or_else(|| openid_under_app(&openid, appid)));
    Ok((openid, sub_openid))
}

/// Returns the openid of the same person under another app. It is derived and therefore stable.
fn openid_under_app(openid: &OpenId, appid: &AppId) -> OpenId {
    let mut rng = Rng::new(0, &format!("{} {appid}", openid.as_str()));
    format!("o{}", rng.text(URL_SAFE, 27)).parse().unwrap_or_else(|_| openid.clone())
}
