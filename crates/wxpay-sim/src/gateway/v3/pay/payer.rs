//! What a payer does with an order: pays it, or does not.

use super::transaction::latest;
use crate::{
    chance::{Chance, DIGITS, URL_SAFE},
    faults::{Generation, Operation, Scene, Trouble},
    gateway::{
        CannotPay, Gateway, Payer,
        v3::{combine, notice::Event},
    },
    ledger::v3::{CombinedRecord, Ended, Order, OrderKey, Payment, TradeState, TransactionRecord},
};
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, MchId, OpenId, OutTradeNo},
};

/// Which order is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "an order is named by its number or by what the phone has of it")]
pub enum Named {
    /// By its number, or that of a combined order; the first merchant's, if several have one.
    OutTradeNo(OutTradeNo),
    /// By its number, and whose it is.
    Of(MchId, OutTradeNo),
    /// By its name on the phone: a `prepay_id`, a `code_url`, an `h5_url`.
    Handle(String),
}

/// A payment was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PaidTransaction {
    /// The gateway's record afterwards.
    pub transaction: TransactionRecord,
    /// Whether the notices that are due go out before the phone returns.
    pub notices_first: bool,
}

impl Gateway {
    /// Makes the payer pay an order of the third generation; with one of a combined order, the whole.
    ///
    /// # Errors
    ///
    /// [`CannotPay`]; then nothing has changed.
    pub fn pay_transaction(
        &mut self,
        named: &Named,
        payer: &Payer,
        now: UnixTime,
    ) -> Result<PaidTransaction, CannotPay> {
        self.tick(now);
        let order = self.named(named).ok_or(CannotPay::NoSuchOrder)?;
        let key = order.combined.clone().unwrap_or_else(|| order.key());
        let scene = || Scene {
            generation: Generation::V3,
            operation: Operation::Pay,
            path: String::new(),
            mchid: Some(key.0.to_string()),
            numbers: vec![key.1.to_string()],
        };
        let trouble = self.faults.strike(scene, now);
        let second = trouble == Some(Trouble::SecondPayment);
        let notices_first = trouble == Some(Trouble::Early);
        let due = if notices_first { now } else { now.after(self.settings.notify_delay) };
        self.charge_whole(named, payer, second, due, now)?;
        if let Some(trouble) = trouble {
            self.turn_keys(trouble, &key.0, now);
        }
        let transaction = self.transaction(named, now).ok_or(CannotPay::NoSuchOrder)?;
        Ok(PaidTransaction { transaction, notices_first })
    }

    /// Makes a payment of an order, or of the combined order that it is of.
    pub(in crate::gateway) fn charge_whole(
        &mut self,
        named: &Named,
        payer: &Payer,
        second: bool,
        due: UnixTime,
        now: UnixTime,
    ) -> Result<(), CannotPay> {
        let order = self.named(named).ok_or(CannotPay::NoSuchOrder)?;
        match (order.key(), order.combined.clone()) {
            (key, None) => self.charge_transaction(&key, payer, second, due, now),
            (_, Some(whole)) => combine::payer::charge(self, &whole, payer, second, due, now),
        }
    }

    /// Makes the payer of a code pay give up, and leaves any other order as it is: nobody hears of that.
    ///
    /// # Errors
    ///
    /// [`CannotPay::NoSuchOrder`].
    pub fn fail_transaction(&mut self, named: &Named, now: UnixTime) -> Result<TransactionRecord, CannotPay> {
        self.tick(now);
        let key = self.named(named).map(Order::key).ok_or(CannotPay::NoSuchOrder)?;
        let order = self.v3.ledger.order_mut(&key);
        if let Some(order) = order.filter(|order| order.ended == Some(Ended::UserPaying)) {
            order.ended = Some(Ended::PayError);
        }
        self.transaction(named, now).ok_or(CannotPay::NoSuchOrder)
    }

    /// The gateway's own record of an order of the third generation.
    #[must_use]
    pub fn transaction(&self, named: &Named, now: UnixTime) -> Option<TransactionRecord> {
        self.named(named).map(|order| self.record_of(order, now))
    }

    /// The gateway's own record of every order of the third generation.
    #[must_use]
    pub fn transactions(&self, now: UnixTime) -> Vec<TransactionRecord> {
        self.v3.ledger.orders().map(|order| self.record_of(order, now)).collect()
    }

    /// The gateway's own record of a combined order, by one of its names or by that of an order in it.
    #[must_use]
    pub fn combined(&self, named: &Named, now: UnixTime) -> Option<CombinedRecord> {
        let key = self.named(named)?.combined.as_ref()?;
        let whole = self.v3.ledger.combined.of(key)?;
        let subs = whole.subs.iter().filter_map(|key| self.v3.ledger.order(key));
        let subs = subs.map(|order| self.record_of(order, now)).collect();
        let notices =
            self.notices.records_of(&[key.1.as_str()], |notice| notice.is_of_v3(&key.0, key.1.as_str()));
        Some(whole.record(subs, notices))
    }

    fn record_of(&self, order: &Order, now: UnixTime) -> TransactionRecord {
        let key = order.key();
        let keys: Vec<_> = [Some(&key), order.combined.as_ref()].into_iter().flatten().collect();
        let numbers: Vec<&str> = keys.iter().map(|(_, number)| number.as_str()).collect();
        let notices = self.notices.records_of(&numbers, |notice| {
            keys.iter().any(|(mchid, number)| notice.is_of_v3(mchid, number.as_str()))
        });
        order.record(now, notices)
    }

    /// An order; of a combined one, the first.
    fn named(&self, named: &Named) -> Option<&Order> {
        let ledger = &self.v3.ledger;
        let (order, whole) = match named {
            Named::OutTradeNo(number) => (ledger.by_number(number), ledger.combined.by_number(number)),
            Named::Of(mchid, number) => {
                let key = (mchid.clone(), number.clone());
                (ledger.order(&key), ledger.combined.of(&key))
            }
            Named::Handle(handle) => (ledger.by_handle(handle), ledger.combined.by_handle(handle)),
        };
        order.or_else(|| whole?.subs.first().and_then(|key| ledger.order(key)))
    }

    /// Makes a payment, and queues the notice of it.
    pub(in crate::gateway) fn charge_transaction(
        &mut self,
        key: &OrderKey,
        payer: &Payer,
        second: bool,
        due: UnixTime,
        now: UnixTime,
    ) -> Result<(), CannotPay> {
        let payment = self.payment(key, payer, second, now)?;
        self.v3.ledger.pay(key, payment);
        self.tell_of_payment(key, due, now);
        Ok(())
    }

    /// The payment that a payer would make. Nothing has changed yet.
    pub(in crate::gateway::v3) fn payment(
        &mut self,
        key: &OrderKey,
        payer: &Payer,
        second: bool,
        now: UnixTime,
    ) -> Result<Payment, CannotPay> {
        let order = self.v3.ledger.order(key).ok_or(CannotPay::NoSuchOrder)?;
        match order.state(now) {
            TradeState::Success | TradeState::Refund if !second => return Err(CannotPay::AlreadyPaid),
            TradeState::Closed | TradeState::Revoked | TradeState::PayError => {
                return Err(CannotPay::Expired);
            }
            TradeState::NotPay if order.expires <= now => return Err(CannotPay::Expired),
            TradeState::Success | TradeState::Refund | TradeState::NotPay | TradeState::UserPaying => {}
        }
        let payer_total = order.total.checked_sub(payer.discount).filter(|rest| *rest > Fen::ZERO);
        let payer_total = payer_total.ok_or(CannotPay::DiscountTooLarge)?;
        let (openid, sub_openid) = who_pays(order, payer, &self.payer)?;
        let bank_type = payer.bank_type_or("OTHERS")?;
        let transaction_id = self.v3.new_transaction_id(now).ok_or(CannotPay::NoSuchOrder)?;
        Ok(Payment {
            transaction_id,
            openid,
            sub_openid,
            payer_total,
            discount: payer.discount,
            coupon_id: (payer.discount > Fen::ZERO).then(|| self.v3.chance.text(DIGITS, 6)),
            bank_type,
            success_at: now.as_secs(),
        })
    }

    fn tell_of_payment(&mut self, key: &OrderKey, due: UnixTime, now: UnixTime) {
        let Some(order) = self.v3.ledger.order(key) else { return };
        let Some(notify_url) = order.notify_url.clone() else { return };
        let event = Event {
            mchid: order.mchid.clone(),
            notify_url,
            created: now,
            event_type: "TRANSACTION.SUCCESS",
            summary: "支付成功",
            original_type: "transaction",
            plain: latest(order, now),
            asked: order.asked.clone(),
            schedule: None,
        };
        self.tell(key.1.as_str(), event, due);
    }
}

/// The payer, under the app of whoever placed the order and under the sub-merchant's if the order names one. An order that
/// was placed for somebody is paid by nobody else.
fn who_pays(order: &Order, payer: &Payer, default: &OpenId) -> Result<(OpenId, Option<OpenId>), CannotPay> {
    let placed_for = |pointer| order.said(pointer).and_then(|openid| openid.parse::<OpenId>().ok());
    let own = placed_for("/payer/openid").or_else(|| placed_for("/payer/sp_openid"));
    let subs = placed_for("/payer/sub_openid");
    let given = payer.openid.as_ref();
    match (own.as_ref().or(subs.as_ref()), given) {
        (Some(expected), Some(given)) if expected != given => return Err(CannotPay::OtherPayer),
        _ => {}
    }
    let openid = match (own, &subs) {
        (Some(openid), _) => openid,
        (None, Some(sub_openid)) => elsewhere(sub_openid, &order.appid),
        (None, None) => given.unwrap_or(default).clone(),
    };
    let sub_appid = order.sub.as_ref().and_then(|sub| sub.appid.as_ref());
    let sub_openid = sub_appid.map(|appid| subs.unwrap_or_else(|| elsewhere(&openid, appid)));
    Ok((openid, sub_openid))
}

/// The same person under another app.
fn elsewhere(openid: &OpenId, appid: &AppId) -> OpenId {
    let mut chance = Chance::new(0, &format!("{} {appid}", openid.as_str()));
    format!("o{}", chance.text(URL_SAFE, 27)).parse().unwrap_or_else(|_| openid.clone())
}
