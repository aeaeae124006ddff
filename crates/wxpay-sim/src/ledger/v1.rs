//! The first generation: apps and their tokens, orders, payments. [`OrderRecord`] is the view of it.

use crate::{credentials::App, gateway::v1::package::Goods, notices::NoticeRecord, time};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, OpenId, OutTradeNo, PartnerId, PrepayId, TransactionId},
};

/// What the gateway knows of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrderRecord {
    /// The merchant's number.
    pub out_trade_no: OutTradeNo,
    /// The merchant.
    pub partner: PartnerId,
    /// The app.
    pub appid: AppId,
    /// Where it stands.
    pub state: State,
    /// What is to be paid, in fen, by the latest genprepay.
    pub total_fee: Fen,
    /// What is bought.
    pub body: String,
    /// The merchant's own remark.
    pub attach: Option<String>,
    /// Each genprepay that succeeded.
    pub prepays: Vec<PrepayRecord>,
    /// Each payment. More than one only by the fault that asks for it.
    pub payments: Vec<PaymentRecord>,
    /// What the payer did besides paying.
    pub refusals: Vec<PayerRefusal>,
    /// Each delivernotify that was accepted.
    pub deliveries: Vec<DeliveryRecord>,
    /// The notices and how they were answered.
    pub notices: Vec<NoticeRecord>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum State {
    /// It can be paid.
    Ordered,
    /// It was paid.
    Paid,
    /// Nobody paid in time.
    Expired,
}

/// One genprepay. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrepayRecord {
    /// What it was answered with.
    pub prepayid: PrepayId,
    /// What it asks the payer for.
    pub total_fee: Fen,
    /// The address of the payer's device, as the merchant gave it.
    pub spbill_create_ip: String,
    /// When.
    pub created_at: u64,
    /// Until when it can be paid.
    pub expires_at: u64,
}

/// One payment. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PaymentRecord {
    /// The gateway's number.
    pub transaction_id: TransactionId,
    /// By which prepayid.
    pub prepayid: PrepayId,
    /// The payer.
    #[serde(serialize_with = "openid")]
    pub openid: OpenId,
    /// What the payer paid.
    pub total_fee: Fen,
    /// What the gateway added; both together are the ordered amount.
    pub discount: Fen,
    /// The payer's bank; `0` for balance.
    pub bank_type: String,
    /// The bank's number; none for balance.
    pub bank_billno: Option<String>,
    /// When.
    pub time_end: u64,
}

/// A tap that led to no payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PayerRefusal {
    /// When, in seconds of the virtual clock.
    pub at: u64,
    /// What happened.
    pub outcome: NotPaid,
}

/// Why a tap led to no payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotPaid {
    /// The payer cancelled: errCode -2.
    Cancelled,
    /// The payment failed: errCode -1.
    Failed,
}

/// A delivery notice of the merchant's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeliveryRecord {
    /// When it came, in seconds of the virtual clock.
    pub at: u64,
    /// What was delivered.
    pub transid: TransactionId,
    /// `deliver_status` 1.
    pub delivered: bool,
    /// The reason, or `ok`.
    pub deliver_msg: String,
}

fn openid<S: Serializer>(openid: &OpenId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(openid.as_str())
}

/// Everything the gateway keeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    apps: BTreeMap<AppId, Account>,
    orders: BTreeMap<(PartnerId, OutTradeNo), Order>,
    prepays: BTreeMap<PrepayId, (PartnerId, OutTradeNo)>,
}

/// An app, its tokens and how many it fetched today.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) app: App,
    tokens: Vec<Token>,
    day: String,
    fetched: u32,
}

#[derive(Clone)]
struct Token {
    value: String,
    expires: UnixTime,
    dies: Option<UnixTime>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[token]")
    }
}

/// What a token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Replaced,
    Expired,
    Unknown,
}

/// Tokens that are kept to tell a replaced one from one that never was.
const TOKENS_KEPT: usize = 4000;

impl Account {
    /// Whether today's quota allows one more; if so it is counted.
    pub(crate) fn count(&mut self, quota: Option<u32>, now: UnixTime) -> bool {
        let today = time::day(now);
        if self.day != today {
            self.day = today;
            self.fetched = 0;
        }
        let allowed = quota.is_none_or(|quota| self.fetched < quota);
        if allowed {
            self.fetched = self.fetched.saturating_add(1);
        }
        allowed
    }

    pub(crate) fn use_up(&mut self, now: UnixTime) {
        self.day = time::day(now);
        self.fetched = u32::MAX;
    }

    /// A new token; those before it die when their overlap is over.
    pub(crate) fn issue(&mut self, value: String, expires: UnixTime, others_die: UnixTime) {
        for token in &mut self.tokens {
            token.dies = token.dies.or(Some(others_die));
        }
        if self.tokens.len() >= TOKENS_KEPT {
            self.tokens.remove(0);
        }
        self.tokens.push(Token { value, expires, dies: None });
    }

    /// Ends every token now, as if its time had come.
    pub(crate) fn expire(&mut self, now: UnixTime) {
        for token in &mut self.tokens {
            token.expires = token.expires.min(now);
        }
    }

    fn standing(&self, value: &str, now: UnixTime) -> Standing {
        match self.tokens.iter().find(|token| token.value == value) {
            None => Standing::Unknown,
            Some(token) if token.dies.is_some_and(|dies| dies <= now) => Standing::Replaced,
            Some(token) if token.expires <= now => Standing::Expired,
            Some(_) => Standing::Good,
        }
    }
}

/// One order as kept.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) appid: AppId,
    pub(crate) partner: PartnerId,
    pub(crate) out_trade_no: OutTradeNo,
    pub(crate) prepays: Vec<Prepay>,
    pub(crate) payments: Vec<PaymentRecord>,
    pub(crate) refusals: Vec<PayerRefusal>,
    pub(crate) deliveries: Vec<DeliveryRecord>,
}

/// One genprepay as kept.
#[derive(Clone, Debug)]
pub(crate) struct Prepay {
    pub(crate) prepayid: PrepayId,
    pub(crate) goods: Goods,
    pub(crate) created: UnixTime,
    pub(crate) expires: UnixTime,
}

impl Order {
    pub(crate) fn prepay(&self, prepayid: &PrepayId) -> Option<&Prepay> {
        self.prepays.iter().find(|prepay| prepay.prepayid == *prepayid)
    }

    fn state(&self, now: UnixTime) -> State {
        if !self.payments.is_empty() {
            State::Paid
        } else if self.prepays.iter().all(|prepay| prepay.expires <= now) {
            State::Expired
        } else {
            State::Ordered
        }
    }

    pub(crate) fn record(&self, now: UnixTime, notices: Vec<NoticeRecord>) -> Option<OrderRecord> {
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
                    created_at: prepay.created.as_secs(),
                    expires_at: prepay.expires.as_secs(),
                })
                .collect(),
            payments: self.payments.clone(),
            refusals: self.refusals.clone(),
            deliveries: self.deliveries.clone(),
            notices,
        })
    }
}

impl Ledger {
    pub(crate) fn register(&mut self, app: App) {
        let appid = app.credentials().appid().clone();
        self.apps.insert(appid, Account { app, tokens: Vec::new(), day: String::new(), fetched: 0 });
    }

    pub(crate) fn accounts(&mut self) -> impl Iterator<Item = &mut Account> {
        self.apps.values_mut()
    }

    pub(crate) fn account(&mut self, appid: &str) -> Option<&mut Account> {
        self.apps.get_mut(&appid.parse::<AppId>().ok()?)
    }

    pub(crate) fn app(&self, appid: &str) -> Option<&App> {
        self.apps.get(&appid.parse::<AppId>().ok()?).map(|account| &account.app)
    }

    pub(crate) fn apps(&self) -> impl Iterator<Item = &App> {
        self.apps.values().map(|account| &account.app)
    }

    /// Whose token it is, and what it is worth. An unknown token is nobody's.
    pub(crate) fn token(&self, value: &str, now: UnixTime) -> (Option<&App>, Standing) {
        self.apps
            .values()
            .map(|account| (Some(&account.app), account.standing(value, now)))
            .find(|(_, standing)| *standing != Standing::Unknown)
            .unwrap_or((None, Standing::Unknown))
    }

    pub(crate) fn order(&self, partner: &PartnerId, number: &OutTradeNo) -> Option<&Order> {
        self.orders.get(&(partner.clone(), number.clone()))
    }

    pub(crate) fn order_mut(&mut self, partner: &PartnerId, number: &OutTradeNo) -> Option<&mut Order> {
        self.orders.get_mut(&(partner.clone(), number.clone()))
    }

    /// The first merchant's order of that number.
    pub(crate) fn by_number(&self, number: &OutTradeNo) -> Option<&Order> {
        self.orders.values().find(|order| order.out_trade_no == *number)
    }

    pub(crate) fn by_prepayid(&self, prepayid: &PrepayId) -> Option<&Order> {
        self.prepays.get(prepayid).and_then(|key| self.orders.get(key))
    }

    pub(crate) fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// Adds a prepayid to an order, which comes into being by its first.
    pub(crate) fn add(&mut self, app: &App, prepay: Prepay) {
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
                refusals: Vec::new(),
                deliveries: Vec::new(),
            })
            .prepays
            .push(prepay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, chance::Chance};

    fn account() -> Account {
        let credentials = Credentials::thrown_away(&mut Chance::new(1, "credentials")).unwrap();
        Account { app: App::new(credentials), tokens: Vec::new(), day: String::new(), fetched: 0 }
    }

    const fn at(second: u64) -> UnixTime {
        UnixTime::from_secs(second)
    }

    #[test]
    fn a_token_is_good_until_it_expires_or_is_replaced() {
        let mut account = account();
        account.issue("one".into(), at(100), at(0));
        assert_eq!(account.standing("one", at(99)), Standing::Good);
        assert_eq!(account.standing("one", at(100)), Standing::Expired);
        account.issue("two".into(), at(150), at(60));
        assert_eq!(account.standing("one", at(59)), Standing::Good);
        assert_eq!(account.standing("one", at(60)), Standing::Replaced);
        assert_eq!(account.standing("two", at(60)), Standing::Good);
        assert_eq!(account.standing("three", at(60)), Standing::Unknown);
    }

    #[test]
    fn a_later_token_does_not_prolong_an_overlap() {
        let mut account = account();
        account.issue("one".into(), at(1000), at(0));
        account.issue("two".into(), at(1000), at(60));
        account.issue("three".into(), at(1000), at(120));
        assert_eq!(account.standing("one", at(61)), Standing::Replaced);
    }

    #[test]
    fn the_quota_is_counted_by_the_day_of_beijing() {
        let mut account = account();
        let eve = at(1_399_564_799);
        assert!(account.count(Some(1), eve));
        assert!(!account.count(Some(1), eve));
        assert!(account.count(Some(1), at(1_399_564_800)));
        assert!(account.count(None, at(1_399_564_800)));
    }
}
