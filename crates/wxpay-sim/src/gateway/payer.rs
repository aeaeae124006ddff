//! The payer's side of an order of any API version: pay it, cancel, fail to pay.

use super::Gateway;
use crate::{
    faults::{Fault, FaultContext, Operation},
    ledger::{CombinedPayment, NotPaidReason, Order, OrderKey, OrderRecord, Payment, TradeState, TradeType},
    rng::{DIGITS, Rng, URL_SAFE},
};
use std::{fmt, sync::Arc};
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, MchId, OpenId, OutTradeNo},
};

/// A payer and the means of payment. The default is the gateway's default payer, a bank and no discount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Payer {
    openid: Option<OpenId>,
    discount: Fen,
    bank_type: Option<String>,
}

impl Payer {
    /// Sets the payer.
    pub fn with_openid(self, openid: OpenId) -> Self {
        Self { openid: Some(openid), ..self }
    }

    /// Sets a discount that the platform pays. The payer pays the remainder, at least 1 fen.
    pub fn with_discount(self, discount: Fen) -> Self {
        Self { discount, ..self }
    }

    /// Sets the bank: 1 to 16 characters of `0-9 A-Z a-z _`. `0` is the payer's balance.
    pub fn with_bank_type(self, bank_type: &str) -> Self {
        Self { bank_type: Some(String::from(bank_type)), ..self }
    }

    /// Returns the bank, or the default if none is set.
    fn bank_type_or(&self, default: &str) -> Result<String, PayError> {
        let bank_type = self.bank_type.as_deref().unwrap_or(default);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (1..=16).contains(&bank_type.len()) && bank_type.bytes().all(allowed) {
            Ok(String::from(bank_type))
        } else {
            Err(PayError::BankType)
        }
    }
}

/// A reference to an order of any API version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "an order is identified by its number or by its handle")]
pub enum OrderRef {
    /// By `out_trade_no` or `combine_out_trade_no`. If several merchants use the number, the first one's order.
    OutTradeNo(OutTradeNo),
    /// By merchant and `out_trade_no`.
    OfMerchant(MchId, OutTradeNo),
    /// By its handle: a `prepay_id`, a `code_url` or an `h5_url`. An earlier handle is paid by its own terms.
    Handle(String),
}

/// A successful payment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Paid {
    /// The gateway's record of the order after the payment.
    pub order: OrderRecord,
    /// `true` if due notifications are sent before the payer's client returns.
    pub notifications_first: bool,
}

/// The reason why a payment is not possible. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayError {
    /// The order does not exist.
    NoSuchOrder,
    /// The order was paid already.
    AlreadyPaid,
    /// The order has expired.
    Expired,
    /// The discount leaves less than 1 fen to pay.
    DiscountTooLarge,
    /// The bank type is invalid.
    BankType,
    /// The order was placed for another payer.
    OtherPayer,
    /// The order is paid by a code or a link: no program learns of an attempt that led to no payment.
    Unobservable,
}

impl fmt::Display for PayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchOrder => "the order does not exist",
            Self::AlreadyPaid => "the order is paid already",
            Self::Expired => "the order is expired or closed",
            Self::DiscountTooLarge => "discount must leave at least 1 fen to pay",
            Self::BankType => "bank_type must be 1 to 16 of 0-9 A-Z a-z _",
            Self::OtherPayer => "openid must be that of the payer the order was placed for",
            Self::Unobservable => {
                "an attempt to pay a NATIVE or MWEB order that leads to no payment changes nothing and is reported to \
                 no program; close the order instead"
            }
        })
    }
}

impl std::error::Error for PayError {}

impl Gateway {
    /// Pays an order. A sub-order is paid together with all sub-orders of its combined order.
    ///
    /// # Errors
    ///
    /// [`PayError`] if the order cannot be paid. Nothing has changed then.
    pub fn pay(&mut self, order_ref: &OrderRef, payer: &Payer, now: UnixTime) -> Result<Paid, PayError> {
        self.run_due_tasks(now);
        let order = self.find_order(order_ref).ok_or(PayError::NoSuchOrder)?;
        let api_version = order.terms().form.api_version();
        let key = order.combined.as_deref().cloned().unwrap_or_else(|| order.key());
        let context = || FaultContext {
            api_version,
            operation: Operation::Pay,
            path: String::new(),
            mchid: Some(key.0.to_string()),
            numbers: vec![key.1.to_string()],
        };
        let fault = self.faults.inject(context, now);
        let allow_second = fault == Some(Fault::SecondPayment);
        let notifications_first = fault == Some(Fault::Early);
        let due = if notifications_first { now } else { now.after(self.settings().notify_delay) };
        self.charge(order_ref, payer, allow_second, due, now)?;
        if let Some(fault) = fault {
            self.change_platform_keys(fault, &key.0, now);
        }
        let order = self.order(order_ref, now).ok_or(PayError::NoSuchOrder)?;
        Ok(Paid { order, notifications_first })
    }

    /// Cancels the payment: the payer goes back without paying. A code payment that waits for its password ends
    /// (`PAYERROR`); any other order stays open.
    ///
    /// # Errors
    ///
    /// [`PayError`] for an unknown, paid or closed order, and for one whose merchant cannot learn of it.
    pub fn cancel(&mut self, order_ref: &OrderRef, now: UnixTime) -> Result<OrderRecord, PayError> {
        self.record_failed_payment(order_ref, NotPaidReason::Cancelled, now)
    }

    /// Makes the payment fail for a reason. No notification is sent. A code payment that waits for its password ends
    /// (`PAYERROR`), except after a wrong password: the payer may type another one. Any other order stays open.
    ///
    /// # Errors
    ///
    /// [`PayError`] for an unknown, paid or closed order, and for one whose merchant cannot learn of it.
    pub fn fail(
        &mut self,
        order_ref: &OrderRef,
        reason: NotPaidReason,
        now: UnixTime,
    ) -> Result<OrderRecord, PayError> {
        self.record_failed_payment(order_ref, reason, now)
    }

    fn record_failed_payment(
        &mut self,
        order_ref: &OrderRef,
        outcome: NotPaidReason,
        now: UnixTime,
    ) -> Result<OrderRecord, PayError> {
        self.run_due_tasks(now);
        let order = self.find_order(order_ref).ok_or(PayError::NoSuchOrder)?;
        match order.state(now) {
            TradeState::Success | TradeState::Refund => return Err(PayError::AlreadyPaid),
            TradeState::Closed | TradeState::Revoked | TradeState::PayError => return Err(PayError::Expired),
            TradeState::NotPay | TradeState::UserPaying => {}
        }
        if matches!(order.trade_type, TradeType::Native | TradeType::Mweb) {
            return Err(PayError::Unobservable);
        }
        let key = order.key();
        self.ledger.record_failed_payment(&key, outcome, now);
        self.order(order_ref, now).ok_or(PayError::NoSuchOrder)
    }

    /// Makes a payment and queues its notification.
    pub(crate) fn charge(
        &mut self,
        order_ref: &OrderRef,
        payer: &Payer,
        allow_second: bool,
        due: UnixTime,
        now: UnixTime,
    ) -> Result<(), PayError> {
        let order = self.find_order(order_ref).ok_or(PayError::NoSuchOrder)?;
        if let Some(combined) = order.combined.as_deref().cloned() {
            return self.charge_combined(&combined, payer, allow_second, due, now);
        }
        let key = order.key();
        let handle = match order_ref {
            OrderRef::Handle(handle) => Some(handle.as_str()),
            OrderRef::OutTradeNo(_) | OrderRef::OfMerchant(..) => None,
        };
        let payment = self.new_payment(&key, handle, payer, allow_second, now)?;
        self.ledger.pay(&key, payment);
        let Some(order) = self.ledger.order(&key) else { return Ok(()) };
        if let Some(message) = order.terms().form.payment_message(self, order, now) {
            self.notify(key.1.as_str(), message, due);
        }
        Ok(())
    }

    /// Pays each sub-order with its own payment and queues one notification. The discount is taken from the sub-orders
    /// in turn; each keeps at least 1 fen to pay.
    fn charge_combined(
        &mut self,
        key: &OrderKey,
        payer: &Payer,
        allow_second: bool,
        due: UnixTime,
        now: UnixTime,
    ) -> Result<(), PayError> {
        let combined = self.ledger.combined.get(key).ok_or(PayError::NoSuchOrder)?;
        let (sub_orders, form) = (combined.sub_orders.clone(), combined.form.clone());
        let mut remaining = payer.discount;
        // All payments are built before the first is recorded: if one is not possible, nothing changes.
        let mut payments = Vec::new();
        for key in sub_orders {
            let total = self.ledger.order(&key).map_or(Fen::ZERO, Order::total);
            let discount = remaining.min(total.checked_sub(Fen::new(1)).unwrap_or(Fen::ZERO));
            remaining = remaining.checked_sub(discount).unwrap_or(Fen::ZERO);
            let payer = payer.clone().with_discount(discount);
            let payment = self.new_payment(&key, None, &payer, allow_second, now)?;
            payments.push((key, payment));
        }
        if remaining > Fen::ZERO {
            return Err(PayError::DiscountTooLarge);
        }
        let openid =
            payments.first().map(|(_, payment)| payment.openid.clone()).ok_or(PayError::NoSuchOrder)?;
        let serial = self.next_serial();
        let transaction_id = form.transaction_id(&key.0, serial, &mut self.rng, now);
        let transaction_id = transaction_id.ok_or(PayError::NoSuchOrder)?;
        for (key, payment) in payments {
            self.ledger.pay(&key, payment);
        }
        self.ledger.combined.add_payment(key, CombinedPayment { transaction_id, openid });
        if let Some(message) = form.combined_message(self, key, now) {
            self.notify(key.1.as_str(), message, due);
        }
        Ok(())
    }

    /// Builds the payment that a payer would make by a handle, or by the latest one, without changing anything.
    fn new_payment(
        &mut self,
        key: &OrderKey,
        handle: Option<&str>,
        payer: &Payer,
        allow_second: bool,
        now: UnixTime,
    ) -> Result<Payment, PayError> {
        let order = self.ledger.order(key).ok_or(PayError::NoSuchOrder)?;
        let prepay = handle.and_then(|handle| order.prepay_by_handle(handle)).unwrap_or(&order.prepay);
        match order.state(now) {
            TradeState::Success | TradeState::Refund if !allow_second => return Err(PayError::AlreadyPaid),
            TradeState::Closed | TradeState::Revoked | TradeState::PayError => return Err(PayError::Expired),
            TradeState::NotPay if prepay.expires_at <= now => return Err(PayError::Expired),
            TradeState::Success | TradeState::Refund | TradeState::NotPay | TradeState::UserPaying => {}
        }
        let terms = Arc::clone(&prepay.terms);
        let payer_total = terms.total.checked_sub(payer.discount).filter(|amount| *amount > Fen::ZERO);
        let payer_total = payer_total.ok_or(PayError::DiscountTooLarge)?;
        let (openid, sub_openid) = payer_openids(order, payer, &self.payer)?;
        let bank_type = payer.bank_type_or(terms.form.default_bank_type())?;
        let handle = prepay.handle.as_deref().map(String::from);
        let serial = self.next_serial();
        let rng = &mut self.rng;
        let transaction_id = terms.form.transaction_id(&key.0, serial, rng, now);
        Ok(Payment {
            transaction_id: transaction_id.ok_or(PayError::NoSuchOrder)?,
            openid,
            sub_openid,
            payer_total,
            discount: payer.discount,
            coupon_id: (payer.discount > Fen::ZERO).then(|| rng.text(DIGITS, 6)),
            bank_billno: terms.form.bank_billno(&bank_type, rng, now),
            bank_type,
            handle,
            success_at: now.as_secs(),
        })
    }
}

/// Returns the payer's openids: under the app that placed the order and, if the order has one, under the sub-merchant's
/// app. An order placed for one payer cannot be paid by another.
fn payer_openids(
    order: &Order,
    payer: &Payer,
    default: &OpenId,
) -> Result<(OpenId, Option<OpenId>), PayError> {
    let placed_for = &order.prepay.terms.placed_for;
    let given = payer.openid.as_ref();
    match (placed_for.openid.as_ref().or(placed_for.sub_openid.as_ref()), given) {
        (Some(expected), Some(given)) if expected != given => return Err(PayError::OtherPayer),
        _ => {}
    }
    let openid = match (&placed_for.openid, &placed_for.sub_openid) {
        (Some(openid), _) => openid.clone(),
        (None, Some(sub_openid)) => openid_under_app(sub_openid, order.appid()),
        (None, None) => given.unwrap_or(default).clone(),
    };
    let sub_appid = order.sub_merchant().and_then(|sub| sub.appid.as_ref());
    let sub_openid = sub_appid
        .map(|appid| placed_for.sub_openid.clone().unwrap_or_else(|| openid_under_app(&openid, appid)));
    Ok((openid, sub_openid))
}

/// Returns the openid of the same person under another app. It is derived and therefore stable.
fn openid_under_app(openid: &OpenId, appid: &AppId) -> OpenId {
    let mut rng = Rng::new(0, &format!("{} {appid}", openid.as_str()));
    format!("o{}", rng.text(URL_SAFE, 27)).parse().unwrap_or_else(|_| openid.clone())
}
