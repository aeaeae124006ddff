//! Payment of APIv1 orders from the payer's side: pay, cancel, fail.

use super::{
    Gateway,
    v1::notification::{self, NotificationQuery},
};
use crate::{
    faults::{ApiVersion, Fault, FaultContext, Operation},
    ledger::v1::{FailedPayment, NotPaidReason, OrderRecord, PaymentRecord},
    notifications::{Notification, NotificationContent},
    rng::{ALPHANUMERIC, DIGITS},
    time,
};
use std::fmt;
use wxpay_proto::{
    Fen, UnixTime,
    id::{NotifyId, OpenId, OutTradeNo, PartnerId, PrepayId},
};

/// A payer and the means of payment. The default is the gateway's default payer, a bank and no discount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Payer {
    pub(crate) openid: Option<OpenId>,
    pub(crate) discount: Fen,
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
    pub(crate) fn bank_type_or(&self, default: &str) -> Result<String, PayError> {
        let bank_type = self.bank_type.as_deref().unwrap_or(default);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (1..=16).contains(&bank_type.len()) && bank_type.bytes().all(allowed) {
            Ok(String::from(bank_type))
        } else {
            Err(PayError::BankType)
        }
    }
}

/// A reference to an APIv1 order that a payer is about to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "an order is identified by its number or by a prepayid")]
pub enum PrepayRef {
    /// The latest prepay of an order, by the merchant's number.
    OutTradeNo(OutTradeNo),
    /// A single prepay, by its prepayid.
    Prepayid(PrepayId),
}

/// A successful payment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PaidOrder {
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
        })
    }
}

impl std::error::Error for PayError {}

impl Gateway {
    /// Pays an order.
    ///
    /// # Errors
    ///
    /// [`PayError`] if the order cannot be paid. Nothing has changed then.
    pub fn pay(
        &mut self,
        order_ref: &PrepayRef,
        payer: &Payer,
        now: UnixTime,
    ) -> Result<PaidOrder, PayError> {
        let number = self.find_prepay(order_ref).map(|(number, _)| number).ok_or(PayError::NoSuchOrder)?;
        let order =
            self.find_prepay(order_ref).and_then(|(_, prepayid)| self.ledger.order_by_prepayid(&prepayid));
        let context = || FaultContext {
            api_version: ApiVersion::V1,
            operation: Operation::Pay,
            path: String::new(),
            mchid: order.map(|order| order.partner.to_string()),
            numbers: vec![number.to_string()],
        };
        let fault = self.faults.inject(context, now);
        let allow_second = fault == Some(Fault::SecondPayment);
        let notifications_first = fault == Some(Fault::Early);
        let due = if notifications_first { now } else { now.after(self.settings.notify_delay) };
        let order = self.charge(order_ref, payer, allow_second, due, now)?;
        Ok(PaidOrder { order, notifications_first })
    }

    /// Cancels the payment: the payer goes back without paying.
    ///
    /// # Errors
    ///
    /// [`PayError::NoSuchOrder`] for an unknown order.
    pub fn cancel(&mut self, order_ref: &PrepayRef, now: UnixTime) -> Result<OrderRecord, PayError> {
        self.record_refusal(order_ref, NotPaidReason::Cancelled, now)
    }

    /// Makes the payment fail, for example because of insufficient funds. No notification is sent.
    ///
    /// # Errors
    ///
    /// [`PayError::NoSuchOrder`] for an unknown order.
    pub fn fail(&mut self, order_ref: &PrepayRef, now: UnixTime) -> Result<OrderRecord, PayError> {
        self.record_refusal(order_ref, NotPaidReason::Failed, now)
    }

    fn find_prepay(&self, order_ref: &PrepayRef) -> Option<(OutTradeNo, PrepayId)> {
        match order_ref {
            PrepayRef::OutTradeNo(number) => {
                let latest = self.ledger.order_by_number(number)?.prepays.last()?;
                Some((number.clone(), latest.prepayid.clone()))
            }
            PrepayRef::Prepayid(prepayid) => {
                let order = self.ledger.order_by_prepayid(prepayid)?;
                Some((order.out_trade_no.clone(), prepayid.clone()))
            }
        }
    }

    pub(crate) fn charge(
        &mut self,
        order_ref: &PrepayRef,
        payer: &Payer,
        allow_second: bool,
        due: UnixTime,
        now: UnixTime,
    ) -> Result<OrderRecord, PayError> {
        let (_, prepayid) = self.find_prepay(order_ref).ok_or(PayError::NoSuchOrder)?;
        let order = self.ledger.order_by_prepayid(&prepayid).ok_or(PayError::NoSuchOrder)?;
        let prepay = order.prepay(&prepayid).ok_or(PayError::NoSuchOrder)?.clone();
        let (partner, number, appid) =
            (order.partner.clone(), order.out_trade_no.clone(), order.appid.clone());
        if !order.payments.is_empty() && !allow_second {
            return Err(PayError::AlreadyPaid);
        }
        if prepay.expires_at <= now {
            return Err(PayError::Expired);
        }
        let total_fee =
            prepay.goods.total_fee.checked_sub(payer.discount).filter(|amount| *amount > Fen::ZERO);
        let total_fee = total_fee.ok_or(PayError::DiscountTooLarge)?;
        let bank_type = payer.bank_type_or("2032")?;
        let credentials = self.ledger.app(appid.as_str()).map(|app| app.credentials().clone());
        let credentials = credentials.ok_or(PayError::NoSuchOrder)?;

        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial.checked_rem(10_000_000_000).unwrap_or_default();
        let transaction_id = format!("{partner}{}{serial:010}", time::yyyymmdd(now)).parse();
        let notify_id = self.ids.text(ALPHANUMERIC, 96).parse::<NotifyId>();
        let (Ok(transaction_id), Ok(notify_id)) = (transaction_id, notify_id) else {
            return Err(PayError::NoSuchOrder);
        };
        let bank_billno =
            (bank_type != "0").then(|| format!("{}{}", time::yyyymmdd(now), self.ids.text(DIGITS, 7)));
        let payment = PaymentRecord {
            transaction_id,
            prepayid,
            openid: payer.openid.clone().unwrap_or_else(|| self.payer.clone()),
            total_fee,
            discount: payer.discount,
            bank_type,
            bank_billno,
            time_end: now.as_secs(),
        };
        let query = NotificationQuery::of(&prepay, &payment, partner.as_str(), notify_id.as_str())
            .signed(credentials.partner_key().expose());
        let content = notification::PaymentNotification {
            credentials,
            notify_url: prepay.goods.notify_url,
            query,
            openid: payment.openid.clone(),
        };
        let notification =
            Notification { number: number.to_string(), notify_id, content: NotificationContent::V1(content) };
        if let Some(order) = self.ledger.order_mut(&partner, &number) {
            order.payments.push(payment);
        }
        self.notifications.add(notification, due);
        self.record(&partner, &number, now)
    }

    fn record_refusal(
        &mut self,
        order_ref: &PrepayRef,
        outcome: NotPaidReason,
        now: UnixTime,
    ) -> Result<OrderRecord, PayError> {
        let (_, prepayid) = self.find_prepay(order_ref).ok_or(PayError::NoSuchOrder)?;
        let order = self.ledger.order_by_prepayid(&prepayid).ok_or(PayError::NoSuchOrder)?;
        let (partner, number) = (order.partner.clone(), order.out_trade_no.clone());
        if let Some(order) = self.ledger.order_mut(&partner, &number) {
            order.failed_attempts.push(FailedPayment { at: now.as_secs(), outcome });
        }
        self.record(&partner, &number, now)
    }

    fn record(
        &self,
        partner: &PartnerId,
        number: &OutTradeNo,
        now: UnixTime,
    ) -> Result<OrderRecord, PayError> {
        self.ledger
            .order(partner, number)
            .and_then(|order| {
                order.record(
                    now,
                    self.notifications
                        .records_of(&[number.as_str()], |notification| notification.is_of_v1(number)),
                )
            })
            .ok_or(PayError::NoSuchOrder)
    }
}
