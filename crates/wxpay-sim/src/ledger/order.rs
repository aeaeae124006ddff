//! An order as stored: its parties, its terms, its prepays, and what became of it.

mod record;

pub use record::{
    DeliveryRecord, FailedPayment, NotPaidReason, OrderRecord, Payment, PrepayRecord, TradeState, TradeType,
};

use super::{Refund, RefundStatus};
use crate::{front_end::OrderForm, notifications::NotificationRecord};
use serde::Serialize;
use std::{fmt, sync::Arc};
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, MchId, OpenId, OutTradeNo},
};

/// The key of an order: the merchant that placed it, and its number.
pub(crate) type OrderKey = (MchId, OutTradeNo);

/// The number under which the ledger stores an order. Later orders have higher numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OrderId(pub(crate) u64);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The sub-merchant that a service provider places an order for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SubMerchant {
    pub(crate) mchid: MchId,
    /// The sub-merchant's own app, if the order names one.
    pub(crate) appid: Option<AppId>,
}

/// The merchants of an order and their apps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Party {
    /// The merchant that placed the order.
    pub(crate) mchid: MchId,
    pub(crate) appid: AppId,
    /// The sub-merchant, if a service provider placed the order.
    pub(crate) sub_merchant: Option<SubMerchant>,
}

/// The currency of an order (`fee_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Currency {
    /// Renminbi, in fen.
    #[default]
    Cny,
}

impl Currency {
    /// Returns the code of ISO 4217.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cny => "CNY",
        }
    }
}

/// The identity of the request that placed an order: a request with another one is not a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestDigest(pub(crate) [u8; 32]);

/// The payer that an order was placed for.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlacedFor {
    /// The openid under the app of the merchant that placed the order.
    pub(crate) openid: Option<OpenId>,
    /// The openid under the sub-merchant's app.
    pub(crate) sub_openid: Option<OpenId>,
}

/// The terms of a prepay: what is paid, and how the merchant learns of the payment.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) total: Fen,
    pub(crate) currency: Currency,
    pub(crate) description: Box<str>,
    pub(crate) attach: Option<Box<str>>,
    pub(crate) device_id: Option<Box<str>>,
    pub(crate) placed_for: PlacedFor,
    pub(crate) is_profit_sharing: bool,
    pub(crate) notify_url: Option<Arc<str>>,
    pub(crate) request: RequestDigest,
    /// The form in which the order's front end notifies, with what else that front end keeps of the request.
    pub(crate) form: Arc<dyn OrderForm>,
}

/// A prepay. The payer pays by its handle.
#[derive(Clone, Debug)]
pub(crate) struct Prepay {
    /// The handle; `None` for a code payment and for a sub-order.
    pub(crate) handle: Option<Box<str>>,
    pub(crate) created_at: UnixTime,
    pub(crate) expires_at: UnixTime,
    pub(crate) terms: Arc<Terms>,
}

impl Prepay {
    fn record(&self) -> PrepayRecord {
        PrepayRecord {
            handle: self.handle.as_deref().map(String::from),
            total: self.terms.total,
            created_at: self.created_at.as_secs(),
            expires_at: self.expires_at.as_secs(),
        }
    }
}

/// An order as stored.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) party: Arc<Party>,
    pub(crate) out_trade_no: OutTradeNo,
    /// The combined order that this order is a sub-order of.
    pub(crate) combined: Option<Box<OrderKey>>,
    pub(crate) trade_type: TradeType,
    /// The latest prepay.
    pub(crate) prepay: Prepay,
    /// The time at which the order is closed if it is not paid.
    pub(super) closes_at: UnixTime,
    pub(crate) created_at: UnixTime,
    pub(super) recorded_state: Option<RecordedState>,
    /// The events after the order was placed; `None` for nothing yet, as with most orders of a load test.
    pub(super) history: Option<Box<History>>,
}

/// The events of an order after it was placed.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The prepays before the latest one, the oldest first.
    pub(super) earlier_prepays: Vec<Prepay>,
    pub(crate) payments: Vec<Payment>,
    pub(super) failed_attempts: Vec<FailedPayment>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) deliveries: Vec<DeliveryRecord>,
}

static NO_HISTORY: History = History {
    earlier_prepays: Vec::new(),
    payments: Vec::new(),
    failed_attempts: Vec::new(),
    refunds: Vec::new(),
    deliveries: Vec::new(),
};

/// A state that an act caused. Other states follow from the payments and the timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordedState {
    /// The merchant closed the order.
    Closed,
    /// The merchant reversed the code payment.
    Revoked,
    /// The payer of a code payment must type the password. The order is still open.
    UserPaying,
    /// The payer of a code payment did not pay.
    PayError,
}

impl Order {
    pub(crate) fn key(&self) -> OrderKey {
        (self.mchid().clone(), self.out_trade_no.clone())
    }

    pub(crate) fn mchid(&self) -> &MchId {
        &self.party.mchid
    }

    pub(crate) fn appid(&self) -> &AppId {
        &self.party.appid
    }

    pub(crate) fn sub_merchant(&self) -> Option<&SubMerchant> {
        self.party.sub_merchant.as_ref()
    }

    pub(crate) fn sub_mchid(&self) -> Option<&MchId> {
        self.sub_merchant().map(|sub| &sub.mchid)
    }

    pub(crate) fn history(&self) -> &History {
        self.history.as_deref().unwrap_or(&NO_HISTORY)
    }

    pub(crate) fn history_mut(&mut self) -> &mut History {
        self.history.get_or_insert_default()
    }

    /// Returns the prepays, the latest first.
    pub(crate) fn prepays(&self) -> impl Iterator<Item = &Prepay> {
        std::iter::once(&self.prepay).chain(self.history().earlier_prepays.iter().rev())
    }

    /// Returns the prepay with this handle.
    pub(crate) fn prepay_by_handle(&self, handle: &str) -> Option<&Prepay> {
        self.prepays().find(|prepay| prepay.handle.as_deref() == Some(handle))
    }

    /// Returns the terms of the payment, or else of the latest prepay.
    pub(crate) fn terms(&self) -> &Terms {
        self.payment().map_or(&self.prepay.terms, |payment| self.terms_of(payment))
    }

    /// Returns the terms that a payment paid.
    pub(crate) fn terms_of(&self, payment: &Payment) -> &Terms {
        let prepay = payment.handle.as_deref().and_then(|handle| self.prepay_by_handle(handle));
        &prepay.unwrap_or(&self.prepay).terms
    }

    pub(crate) fn total(&self) -> Fen {
        self.terms().total
    }

    pub(crate) fn payment(&self) -> Option<&Payment> {
        self.history().payments.first()
    }

    /// Returns whether the payer of a code payment must still type the password.
    pub(crate) fn awaits_password(&self) -> bool {
        self.recorded_state == Some(RecordedState::UserPaying)
    }

    pub(crate) fn state(&self, now: UnixTime) -> TradeState {
        if !self.history().payments.is_empty() {
            let is_effective = |refund: &Refund| {
                matches!(refund.record.status, RefundStatus::Processing | RefundStatus::Success)
            };
            return match self.recorded_state {
                Some(RecordedState::Revoked) => TradeState::Revoked,
                _ if self.history().refunds.iter().any(is_effective) => TradeState::Refund,
                _ => TradeState::Success,
            };
        }
        match self.recorded_state {
            Some(RecordedState::Closed) => TradeState::Closed,
            Some(RecordedState::Revoked) => TradeState::Revoked,
            Some(RecordedState::UserPaying) => TradeState::UserPaying,
            Some(RecordedState::PayError) => TradeState::PayError,
            None if self.closes_at <= now => TradeState::Closed,
            None => TradeState::NotPay,
        }
    }

    pub(crate) fn record(&self, now: UnixTime, notifications: Vec<NotificationRecord>) -> OrderRecord {
        let (terms, history) = (self.terms(), self.history());
        let sub = self.sub_merchant();
        OrderRecord {
            api_version: terms.form.api_version(),
            out_trade_no: self.out_trade_no.clone(),
            mchid: self.mchid().clone(),
            sub_mchid: self.sub_mchid().cloned(),
            sub_appid: sub.and_then(|sub| sub.appid.clone()),
            combine_out_trade_no: self.combined.as_ref().map(|key| key.1.clone()),
            appid: self.appid().clone(),
            trade_type: self.trade_type,
            trade_state: self.state(now),
            total: terms.total,
            currency: terms.currency,
            description: String::from(&*terms.description),
            attach: terms.attach.as_deref().map(String::from),
            handle: self.prepay.handle.as_deref().map(String::from),
            created_at: self.created_at.as_secs(),
            expires_at: self.prepay.expires_at.as_secs(),
            prepays: history.earlier_prepays.iter().chain([&self.prepay]).map(Prepay::record).collect(),
            payments: history.payments.clone(),
            failed_attempts: history.failed_attempts.clone(),
            refunds: history.refunds.iter().map(|refund| refund.record.clone()).collect(),
            deliveries: history.deliveries.clone(),
            notifications,
        }
    }
}
