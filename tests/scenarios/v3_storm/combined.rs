//! The life of a purchase from two merchants at once: a combined order of the shop and its sub-merchant.

use super::{
    life::Life,
    orders::MAX_ATTEMPTS,
    records::{OrderKey, OrderRecord},
    shop::{Shop, notify_url},
};
use std::time::Duration;
use wxpay_proto::{
    Fate, Fen,
    id::OutTradeNo,
    v3::{
        Lookup, Party,
        pay::{
            TradeState,
            combine::{
                AppOrder, CloseOrder, JsapiOrder, NativeOrder, Order, QueryOrder, SubOrder, Transaction,
            },
        },
    },
};
use wxpay_sim::gateway::OrderRef;
use wxpay_testkit::drive::Ended;

impl Shop {
    fn has_combined(&self, (account, number): &OrderKey) -> bool {
        let mchid = self.accounts[*account].merchant.mchid().clone();
        let order = OrderRef::OfMerchant(mchid, number.clone());
        self.sim.borrow().gateway.combined(&order, self.time.now()).is_some()
    }
}

pub(super) async fn live(mut life: Life) {
    let prices = [0; 2].map(|_| Fen::new(100 + life.rng.below(5_000)));
    let method = life.rng.below(3);
    let mut orders = Vec::new();
    for attempt in 0..MAX_ATTEMPTS {
        let order = life.combined_order(prices, attempt);
        orders.push(order.clone());
        let exists = life.place_combined(&order, method).await;
        for sub_order in order.sub_orders() {
            let key = (life.account, sub_order.out_trade_no().clone());
            life.shop.records.borrow_mut().order(&key).is_absent = !exists;
        }
        if exists && !(life.rng.one_in(6) && life.close_combined(&order).await) {
            break;
        }
        life.shop.total.borrow_mut().renumbered += 1;
    }
    if !life.rng.one_in(6) {
        life.pause(Duration::from_mins(1)).await;
        for order in orders.iter().rev() {
            let key = (life.account, order.combine_out_trade_no().clone());
            if life.shop.pay(&key, Fen::ZERO) {
                life.shop.total.borrow_mut().paid_combined += 1;
            }
        }
    }
    life.pause(Duration::from_mins(1)).await;
    let order = orders.last().unwrap();
    life.query_combined(order.combine_out_trade_no()).await;
    let index = usize::from(life.rng.one_in(2));
    let key = (life.account, order.sub_orders()[index].out_trade_no().clone());
    if life.rng.one_in(2) {
        life.refund(&key).await;
    }
    let number = order.combine_out_trade_no().clone();
    life.use_up_failures(|| QueryOrder::combine_out_trade_no(number.clone())).await;
}

impl Life {
    /// Stores the numbers of a combined order, and returns it: two sub-orders, of the shop and of its sub-merchant.
    fn combined_order(&mut self, prices: [Fen; 2], attempt: usize) -> Order {
        let number: OutTradeNo = self.number("COMBINED", attempt).parse().unwrap();
        let account = self.account();
        let (mchid, partner) = (account.merchant.mchid().clone(), account.partner.clone());
        let parties = [Party::Direct, partner];
        let mut sub_orders = Vec::new();
        for (item, (price, party)) in prices.into_iter().zip(parties).enumerate() {
            let sub_number: OutTradeNo = format!("{number}S{item}").parse().unwrap();
            let sub_order = SubOrder::new(mchid.clone(), sub_number.clone(), price, "米", "甲").unwrap();
            sub_orders.push(sub_order.party(party.clone()));
            let mut record = OrderRecord::new((self.serial, item), sub_number.clone(), price, party);
            record.combined = Some(number.clone());
            self.shop.records.borrow_mut().orders.insert((self.account, sub_number), record);
        }
        self.add_faults(&number);
        let (appid, url) = (self.account().appid.clone(), notify_url(self.account));
        let order = Order::new(number, sub_orders).unwrap();
        order.combine_appid(appid).notify_url(url).openid(self.shop.openid())
    }

    async fn place_combined(&mut self, order: &Order, method: u64) -> bool {
        let key = (self.account, order.combine_out_trade_no().clone());
        let query = QueryOrder::combine_out_trade_no(key.1.clone());
        let is_recorded = |shop: &Shop| shop.has_combined(&key);
        let merchant = self.account().merchant.clone();
        let without_payer = || {
            let (appid, url) = (self.account().appid.clone(), notify_url(self.account));
            let sub_orders = order.sub_orders().to_vec();
            Order::new(key.1.clone(), sub_orders).unwrap().combine_appid(appid).notify_url(url)
        };
        match method {
            0 => {
                let call = merchant.call(JsapiOrder::new(order.clone()).unwrap());
                self.carry_out(call, &query, is_recorded).await.exists()
            }
            1 => {
                let call = merchant.call(AppOrder::new(without_payer()).unwrap());
                self.carry_out(call, &query, is_recorded).await.exists()
            }
            _ => {
                let call = merchant.call(NativeOrder::new(without_payer()).unwrap());
                self.carry_out(call, &query, is_recorded).await.exists()
            }
        }
    }

    /// Closes a combined order. Returns `true` if it is certain that it can no longer be paid.
    async fn close_combined(&mut self, order: &Order) -> bool {
        let key = (self.account, order.combine_out_trade_no().clone());
        let result = self.call(CloseOrder::of_order(order)).await;
        match result {
            Ok(()) => true,
            Err(Ended::Failed(error)) if error.fate() != Some(Fate::Unknown) => false,
            Err(_) => {
                let query = QueryOrder::combine_out_trade_no(key.1.clone());
                let found = self.resolve(&query, |shop| shop.has_combined(&key)).await;
                let found = found.unwrap_or_else(|| panic!("{key:?}: not found after closing"));
                found.sub_orders.iter().all(|order| order.trade_state == Some(TradeState::Closed))
            }
        }
    }

    /// Queries a combined order, and merges what the reply proves.
    pub(super) async fn query_combined(&mut self, number: &OutTradeNo) -> Option<Lookup<Transaction>> {
        let lookup = self.call(QueryOrder::combine_out_trade_no(number.clone())).await.ok()?;
        let key = (self.account, number.clone());
        let is_found = matches!(lookup, Lookup::Found(_));
        assert_eq!(is_found, self.shop.has_combined(&key), "{key:?}");
        if let Lookup::Found(transaction) = &lookup {
            for evidence in transaction.evidence() {
                self.shop.records.borrow_mut().merge(self.account, &evidence);
            }
        }
        Some(lookup)
    }
}
