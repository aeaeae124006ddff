//! Profit sharing: each order is shared once, with the requested amount.

use super::{
    life::Life,
    records::{OrderKey, Shared},
    shop::Shop,
};
use std::rc::Rc;
use wxpay_proto::{
    Fen,
    id::{OpenId, OutOrderNo, TransactionId},
    v3::{
        Party,
        profitsharing::{
            Account, AddReceiver, CreateProfitSharing, ProfitSharingNotification, QueryProfitSharing,
            ReceiverAmount, RelationType, Remainder,
        },
    },
};
use wxpay_testkit::drive::{Driver, Network};

fn receiver() -> Account {
    let openid: OpenId = "oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap();
    Account::PersonalOpenid(openid)
}

impl Shop {
    /// Adds the receiver of all amounts to every merchant, before any failure.
    pub(super) fn add_receivers(self: &Rc<Self>) {
        let mut driver = Driver::default();
        driver.now = self.time.now();
        for account in &self.accounts {
            let relation = RelationType::Staff;
            let add = AddReceiver::new(receiver(), relation).unwrap().appid(account.appid.clone());
            let mut network = |transmit, now| self.sim.borrow_mut().send(transmit, now);
            driver.run(account.merchant.call(add), &mut network).unwrap();
        }
    }

    /// Returns the payment and the amount of the first receiver, from the gateway's records.
    pub(super) fn recorded_sharing(
        &self,
        account: usize,
        number: &OutOrderNo,
    ) -> Option<(TransactionId, Fen)> {
        let mchid = self.accounts[account].merchant.mchid();
        let recorded = self.sim.borrow_mut().gateway.sharing(mchid, number.as_str(), self.time.now())?;
        Some((recorded.transaction_id.clone(), recorded.receivers[0].amount))
    }

    /// Compares a notification of a receiver's amount, or of unfrozen money, with the gateway's records.
    pub(super) fn check_profit_sharing(&self, account: usize, event: &ProfitSharingNotification) {
        let mchid = self.accounts[account].merchant.mchid();
        let number = event.out_order_no.as_str();
        let recorded = self.sim.borrow_mut().gateway.sharing(mchid, number, self.time.now()).unwrap();
        assert!(recorded.receivers.iter().any(|receiver| receiver.amount == event.amount));
        assert_eq!(recorded.transaction_id, event.transaction_id);
    }
}

impl Life {
    /// Shares up to 30 % of a paid order of the merchant itself.
    pub(super) async fn share(&mut self, key: &OrderKey) {
        let Some(payment) = self.known_payment(key) else { return };
        let (party, price) = {
            let mut records = self.shop.records.borrow_mut();
            let record = records.order(key);
            (record.party.clone(), record.state.ordered())
        };
        if party != Party::Direct {
            return;
        }
        let number: OutOrderNo = format!("SHARE{}", key.1).parse().unwrap();
        let amount = Fen::new(1 + self.rng.below(price.get() * 3 / 10));
        let remainder = if self.rng.one_in(2) { Remainder::Unfreeze } else { Remainder::KeepFrozen };
        let paid = payment.transaction_id().clone();
        self.shop.records.borrow_mut().order(key).shared =
            Some(Shared { number: number.clone(), paid: paid.clone(), amount, exists: None });
        let receivers = vec![ReceiverAmount::new(receiver(), amount, "佣金").unwrap()];
        let create = CreateProfitSharing::new(paid.clone(), number.clone(), receivers, remainder)
            .unwrap()
            .appid(self.account().appid.clone());
        let query = QueryProfitSharing::new(paid, number.clone());
        let (call, account) = (self.account().merchant.call(create), self.account);
        let is_recorded = |shop: &Shop| shop.recorded_sharing(account, &number).is_some();
        let exists = self.carry_out(call, &query, is_recorded).await.exists();
        self.shop.records.borrow_mut().order(key).shared.as_mut().unwrap().exists = Some(exists);
    }
}
