//! The life of a payout: a transfer to a user, who confirms it or does not.

use super::{
    life::{Life, Outcome},
    orders::MAX_ATTEMPTS,
    records::TransferRecord,
    shop::{Shop, notify_url, payee},
};
use std::{rc::Rc, time::Duration};
use wxpay_proto::{
    Fen,
    id::OutBillNo,
    v3::{
        Lookup,
        transfer::{
            CancelTransfer, CreateTransfer, QueryTransfer, TransferBill, TransferScene, TransferState,
        },
    },
};
use wxpay_sim::ledger::TransferState as RecordedState;

/// A transfer: the index of its merchant, and its number.
type TransferKey = (usize, OutBillNo);

impl Shop {
    pub(super) fn recorded_transfer(&self, (account, number): &TransferKey) -> Option<(RecordedState, Fen)> {
        let mchid = self.accounts[*account].merchant.mchid();
        let transfer = self.sim.borrow_mut().gateway.transfer(mchid, number, self.time.now())?;
        Some((transfer.state, transfer.transfer_amount))
    }
}

pub(super) async fn live(mut life: Life) {
    let amount = Fen::new(100 + life.rng.below(10_000));
    let mut last = None;
    for attempt in 0..MAX_ATTEMPTS {
        let number: OutBillNo = life.number("TRANSFER", attempt).parse().unwrap();
        let key = (life.account, number);
        last = Some(key.clone());
        if life.transfer(&key, amount).await {
            life.let_payee_act_later(&key);
            if life.rng.one_in(4) {
                life.pause(Duration::from_mins(1)).await;
                life.call(CancelTransfer::new(key.1.clone())).await.ok();
            }
            if life.await_final_state(&key).await.is_none_or(|state| state == TransferState::Success) {
                break;
            }
        }
        // The payee has certainly not got it: the shop may pay again.
        life.shop.total.borrow_mut().renumbered += 1;
    }
    let (_, number) = last.unwrap();
    life.use_up_failures(|| QueryTransfer::out_bill_no(number.clone())).await;
}

impl Life {
    /// Creates a transfer until it is certain whether the gateway has it.
    async fn transfer(&mut self, key: &TransferKey, amount: Fen) -> bool {
        let record = TransferRecord { payout: self.serial, amount, is_absent: false, state: None };
        self.shop.records.borrow_mut().transfers.insert(key.clone(), record);
        let appid = self.account().appid.clone();
        let scene = TransferScene::new("1000", "活动名称", "新会员有礼").unwrap();
        let bill = TransferBill::new(key.1.clone(), amount, "2020年4月报销", scene).unwrap();
        let bill = bill.appid(appid).notify_url(notify_url(self.account));
        let bill = if self.rng.one_in(2) { bill.user_name(payee()) } else { bill };
        let call = self.account().merchant.call(CreateTransfer::new(bill, self.shop.openid()));
        let query = QueryTransfer::out_bill_no(key.1.clone());
        let outcome = self.carry_out(call, &query, |shop| shop.recorded_transfer(key).is_some()).await;
        let exists = outcome.exists();
        self.shop.records.borrow_mut().transfers.get_mut(key).unwrap().is_absent = !exists;
        if let Outcome::Found(transfer) = outcome {
            self.shop.records.borrow_mut().finish_transfer(key, &transfer.state);
        }
        exists
    }

    /// Lets the payee confirm a transfer, or the transfer fail, or nothing happen for a day.
    fn let_payee_act_later(&mut self, key: &TransferKey) {
        let (shop, key, action) = (Rc::clone(&self.shop), key.clone(), self.rng.below(6));
        let delay = Duration::from_millis(self.rng.below(90_000));
        self.shop.time.spawn(async move {
            shop.time.sleep(delay).await;
            let mchid = shop.accounts[key.0].merchant.mchid();
            let mut sim = shop.sim.borrow_mut();
            match action {
                0 => sim.gateway.fail_transfer(mchid, &key.1, "PAYEE_ACCOUNT_ABNORMAL", shop.time.now()),
                1 => false,
                _ => sim.gateway.confirm_transfer(mchid, &key.1, shop.time.now()),
            };
        });
    }

    /// Queries a transfer until its state is final. Returns `None` if it is not by then: the payee may still confirm it.
    async fn await_final_state(&mut self, key: &TransferKey) -> Option<TransferState> {
        for _ in 0..8 {
            self.pause(Duration::from_secs(40)).await;
            if let Some(state) = self.query_transfer(key).await.filter(TransferState::is_final) {
                return Some(state);
            }
        }
        None
    }

    /// Queries a transfer, and stores its state if it is final.
    pub(super) async fn query_transfer(&mut self, key: &TransferKey) -> Option<TransferState> {
        let lookup = self.call(QueryTransfer::out_bill_no(key.1.clone())).await.ok()?;
        let recorded = self.shop.recorded_transfer(key);
        match lookup {
            Lookup::Found(transfer) => {
                assert!(recorded.is_some(), "{key:?}: found, but the gateway does not have it");
                self.shop.records.borrow_mut().finish_transfer(key, &transfer.state);
                Some(transfer.state)
            }
            Lookup::NotFound => {
                assert!(recorded.is_none(), "{key:?}: not found, but the gateway has it");
                None
            }
        }
    }
}
