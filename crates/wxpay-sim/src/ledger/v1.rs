//! The APIv1 ledger: apps with their access tokens, orders and payments. [`OrderRecord`] is the public view of an
//! order.

use crate::{credentials::App, notifications::NotificationRecord, time, v1::package::OrderData};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, OpenId, OutTradeNo, PartnerId, PrepayId, TransactionId},
};

/// An order as the gateway recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrderRecord {
    /// The merchant's order number.
    pub out_trade_no: OutTradeNo,
    /// The merchant's number.
    pub partner: PartnerId,
    /// The app that the order belongs to.
    pub appid: AppId,
    /// The order's state.
    pub state: OrderState,
    /// The amount to pay, in fen, by the latest genprepay.
    pub total_fee: Fen,
    /// The description of the goods.
    pub body: String,
    /// The merchant's attached data, if there is any.
    pub attach: Option<String>,
    /// The genprepay calls that succeeded.
    pub prepays: Vec<PrepayRecord>,
    /// The payments. There is more than one only if a fault allows a second payment.
    pub payments: Vec<PaymentRecord>,
    /// The payer's attempts that led to no payment.
    pub failed_attempts: Vec<FailedPayment>,
    /// The delivernotify calls that were accepted.
    pub deliveries: Vec<DeliveryRecord>,
    /// The notifications and the merchant's responses to them.
    pub notifications: Vec<NotificationRecord>,
}

/// The state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum OrderState {
    /// The order can be paid.
    Ordered,
    /// The order was paid.
    Paid,
    /// Every prepayid expired before the order was paid.
    Expired,
}

/// A genprepay call. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrepayRecord {
    /// The prepayid that the call returned.
    pub prepayid: PrepayId,
    /// The amount to pay, in fen.
    pub total_fee: Fen,
    /// The IP address of the payer's device, as the merchant sent it.
    pub spbill_create_ip: String,
    /// The time of the call.
    pub created_at: u64,
    /// The time until which the prepayid can be paid.
    pub expires_at: u64,
}

/// A payment. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PaymentRecord {
    /// WeChat Pay's payment number.
    pub transaction_id: TransactionId,
    /// The prepayid that was paid.
    pub prepayid: PrepayId,
    /// The payer's openid.
    #[serde(serialize_with = "openid")]
    pub openid: OpenId,
    /// The amount that the payer paid, in fen.
    pub total_fee: Fen,
    /// The discount that the gateway granted, in fen. Together with `total_fee` it is the ordered amount.
    pub discount: Fen,
    /// The payer's bank; `0` for a payment from the balance.
    pub bank_type: String,
    /// The bank's payment number; `None` for a payment from the balance.
    pub bank_billno: Option<String>,
    /// The time of the payment.
    pub time_end: u64,
}

/// A payer's attempt that led to no payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailedPayment {
    /// The time of the attempt, in seconds of the virtual clock.
    pub at: u64,
    /// The reason why nothing was paid.
    pub outcome: NotPaidReason,
}

/// The reason why an attempt led to no payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotPaidReason {
    /// The payer cancelled; the app receives errCode -2.
    Cancelled,
    /// The payment failed; the app receives errCode -1.
    Failed,
}

/// A delivernotify call of the merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeliveryRecord {
    /// The time of the call, in seconds of the virtual clock.
    pub at: u64,
    /// The payment that was delivered.
    pub transid: TransactionId,
    /// True if `deliver_status` was 1.
    pub delivered: bool,
    /// The reason for not delivering, or `ok`.
    pub deliver_msg: String,
}

fn openid<S: Serializer>(openid: &OpenId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(openid.as_str())
}

/// The APIv1 apps, orders and prepayids of one gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    apps: BTreeMap<AppId, AppAccount>,
    orders: BTreeMap<(PartnerId, OutTradeNo), Order>,
    prepays: BTreeMap<PrepayId, (PartnerId, OutTradeNo)>,
}

/// An app with its access tokens and the number of tokens issued today.
#[derive(Clone, Debug)]
pub(crate) struct AppAccount {
    pub(crate) app: App,
    tokens: Vec<Token>,
    /// The day in Beijing time, `yyyyMMdd`, that `issued_today` counts for.
    day: String,
    issued_today: u32,
}

#[derive(Clone)]
struct Token {
    value: String,
    expires_at: UnixTime,
    /// The time at which a newer token ends the validity; `None` for the newest token.
    replaced_at: Option<UnixTime>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[token]")
    }
}

/// The validity of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenStatus {
    Valid,
    Replaced,
    Expired,
    Unknown,
}

/// The maximum number of tokens stored per app. Old tokens stay, to distinguish a replaced token from an unknown one.
const MAX_TOKENS: usize = 4000;

impl AppAccount {
    /// Counts one more token request if today's quota (in Beijing time) allows it. Returns whether it does.
    pub(crate) fn try_count_token(&mut self, quota: Option<u32>, now: UnixTime) -> bool {
        let today = time::yyyymmdd(now);
        if self.day != today {
            self.day = today;
            self.issued_today = 0;
        }
        let allowed = quota.is_none_or(|quota| self.issued_today < quota);
        if allowed {
            self.issued_today = self.issued_today.saturating_add(1);
        }
        allowed
    }

    /// Uses up today's quota.
    pub(crate) fn exhaust_quota(&mut self, now: UnixTime) {
        self.day = time::yyyymmdd(now);
        self.issued_today = u32::MAX;
    }

    /// Issues a token. The previous tokens stay valid until `previous_valid_until`, but never past the end of an
    /// earlier overlap.
    pub(crate) fn issue_token(
        &mut self,
        value: String,
        expires_at: UnixTime,
        previous_valid_until: UnixTime,
    ) {
        for token in &mut self.tokens {
            // The first replacement counts: a later token must not prolong the overlap.
            token.replaced_at = token.replaced_at.or(Some(previous_valid_until));
        }
        if self.tokens.len() >= MAX_TOKENS {
            self.tokens.remove(0);
        }
        self.tokens.push(Token { value, expires_at, replaced_at: None });
    }

    /// Expires every token now.
    pub(crate) fn expire_tokens(&mut self, now: UnixTime) {
        for token in &mut self.tokens {
            token.expires_at = token.expires_at.min(now);
        }
    }

    fn token_status(&self, value: &str, now: UnixTime) -> TokenStatus {
        match self.tokens.iter().find(|token| token.value == value) {
            None => TokenStatus::Unknown,
            Some(token) if token.replaced_at.is_some_and(|replaced_at| replaced_at <= now) => {
                TokenStatus::Replaced
            }
            Some(token) if token.expires_at <= now => TokenStatus::Expired,
            Some(_) => TokenStatus::Valid,
        }
    }
}

/// An order as stored.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) appid: AppId,
    pub(crate) partner: PartnerId,
    pub(crate) out_trade_no: OutTradeNo,
    pub(crate) prepays: Vec<Prepay>,
    pub(crate) payments: Vec<PaymentRecord>,
    pub(crate) failed_attempts: Vec<FailedPayment>,
    pub(crate) deliveries: Vec<DeliveryRecord>,
}

/// A genprepay call as stored.
#[derive(Clone, Debug)]
pub(crate) struct Prepay {
    pub(crate) prepayid: PrepayId,
    pub(crate) goods: OrderData,
    pub(crate) created_at: UnixTime,
    pub(crate) expires_at: UnixTime,
}

impl Order {
    pub(crate) fn prepay(&self, prepayid: &PrepayId) -> Option<&Prepay> {
        self.prepays.iter().find(|prepay| prepay.prepayid == *prepayid)
    }

    fn state(&self, now: UnixTime) -> OrderState {
        if !self.payments.is_empty() {
            OrderState::Paid
        } else if self.prepays.iter().all(|prepay| prepay.expires_at <= now) {
            OrderState::Expired
        } else {
            OrderState::Ordered
        }
    }

    pub(crate) fn record(
        &self,
        now: UnixTime,
        notifications: Vec<NotificationRecord>,
    ) -> Option<OrderRecord> {
        let latest = self.prepays.last()?;
        Some(OrderRecord {
            out_trade_no: self.out_trade_no.clone(),
            partner: self.partner.clone(),
            appid: self.appid.clone(),
            state: self.state(now),
            total_fee: latest.goods.total_fee,
            body: latest.goods.body.text.clone(),
            attach: latest.goods.attach.as_ref().map(|attach| attach.text.clone()),
            prepays: self
                .prepays
                .iter()
                .map(|prepay| PrepayRecord {
                    prepayid: prepay.prepayid.clone(),
                    total_fee: prepay.goods.total_fee,
                    spbill_create_ip: prepay.goods.spbill_create_ip.clone(),
                    created_at: prepay.created_at.as_secs(),
                    expires_at: prepay.expires_at.as_secs(),
                })
                .collect(),
            payments: self.payments.clone(),
            failed_attempts: self.failed_attempts.clone(),
            deliveries: self.deliveries.clone(),
            notifications,
        })
    }
}

impl Ledger {
    pub(crate) fn register(&mut self, app: App) {
        let appid = app.credentials().appid().clone();
        self.apps.insert(appid, AppAccount { app, tokens: Vec::new(), day: String::new(), issued_today: 0 });
    }

    pub(crate) fn accounts(&mut self) -> impl Iterator<Item = &mut AppAccount> {
        self.apps.values_mut()
    }

    pub(crate) fn account(&mut self, appid: &str) -> Option<&mut AppAccount> {
        self.apps.get_mut(&appid.parse::<AppId>().ok()?)
    }

    pub(crate) fn app(&self, appid: &str) -> Option<&App> {
        self.apps.get(&appid.parse::<AppId>().ok()?).map(|account| &account.app)
    }

    pub(crate) fn apps(&self) -> impl Iterator<Item = &App> {
        self.apps.values().map(|account| &account.app)
    }

    /// Returns the app that a token belongs to, and the token's validity. An unknown token belongs to no app.
    pub(crate) fn token(&self, value: &str, now: UnixTime) -> (Option<&App>, TokenStatus) {
        self.apps
            .values()
            .map(|account| (Some(&account.app), account.token_status(value, now)))
            .find(|(_, status)| *status != TokenStatus::Unknown)
            .unwrap_or((None, TokenStatus::Unknown))
    }

    pub(crate) fn order(&self, partner: &PartnerId, number: &OutTradeNo) -> Option<&Order> {
        self.orders.get(&(partner.clone(), number.clone()))
    }

    pub(crate) fn order_mut(&mut self, partner: &PartnerId, number: &OutTradeNo) -> Option<&mut Order> {
        self.orders.get_mut(&(partner.clone(), number.clone()))
    }

    /// Returns the order with this number; if several merchants have one, that of the first merchant.
    pub(crate) fn order_by_number(&self, number: &OutTradeNo) -> Option<&Order> {
        self.orders.values().find(|order| order.out_trade_no == *number)
    }

    pub(crate) fn order_by_prepayid(&self, prepayid: &PrepayId) -> Option<&Order> {
        self.prepays.get(prepayid).and_then(|key| self.orders.get(key))
    }

    pub(crate) fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// Adds a prepayid to its order. The first prepayid creates the order.
    pub(crate) fn add_prepay(&mut self, app: &App, prepay: Prepay) {
        let (partner, number) = (app.credentials().partner().clone(), prepay.goods.out_trade_no.clone());
        self.prepays.insert(prepay.prepayid.clone(), (partner.clone(), number.clone()));
        self.orders
            .entry((partner.clone(), number.clone()))
            .or_insert_with(|| Order {
                appid: app.credentials().appid().clone(),
                partner,
                out_trade_no: number,
                prepays: Vec::new(),
                payments: Vec::new(),
                failed_attempts: Vec::new(),
                deliveries: Vec::new(),
            })
            .prepays
            .push(prepay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, rng::Rng};

    fn account() -> AppAccount {
        let credentials = Credentials::generate(&mut Rng::new(1, "credentials")).unwrap();
        AppAccount { app: App::new(credentials), tokens: Vec::new(), day: String::new(), issued_today: 0 }
    }

    const fn at(second: u64) -> UnixTime {
        UnixTime::from_secs(second)
    }

    #[test]
    fn a_token_is_valid_until_it_expires_or_is_replaced() {
        let mut account = account();
        account.issue_token("one".into(), at(100), at(0));
        assert_eq!(account.token_status("one", at(99)), TokenStatus::Valid);
        assert_eq!(account.token_status("one", at(100)), TokenStatus::Expired);
        account.issue_token("two".into(), at(150), at(60));
        assert_eq!(account.token_status("one", at(59)), TokenStatus::Valid);
        assert_eq!(account.token_status("one", at(60)), TokenStatus::Replaced);
        assert_eq!(account.token_status("two", at(60)), TokenStatus::Valid);
        assert_eq!(account.token_status("three", at(60)), TokenStatus::Unknown);
    }

    #[test]
    fn a_later_token_does_not_prolong_an_overlap() {
        let mut account = account();
        account.issue_token("one".into(), at(1000), at(0));
        account.issue_token("two".into(), at(1000), at(60));
        account.issue_token("three".into(), at(1000), at(120));
        assert_eq!(account.token_status("one", at(61)), TokenStatus::Replaced);
    }

    #[test]
    fn the_quota_is_counted_per_day_in_beijing_time() {
        let mut account = account();
        let last_second = at(1_399_564_799);
        assert!(account.try_count_token(Some(1), last_second));
        assert!(!account.try_count_token(Some(1), last_second));
        assert!(account.try_count_token(Some(1), at(1_399_564_800)));
        assert!(account.try_count_token(None, at(1_399_564_800)));
    }
}
