//! Profit sharing under network failures: each order is shared once, with the requested amount, whatever replies are lost.

use super::{Shop, Total};
use wxpay_proto::{
    Fen,
    error::PendingOperation,
    id::{OpenId, OutOrderNo, TransactionId},
    payment::PaymentStatus,
    v3::{
        Party,
        profitsharing::{
            Account, AddReceiver, CreateProfitSharing, ProfitSharingLookup, ProfitSharingNotification,
            QueryProfitSharing, ReceiverAmount, RelationType, Remainder, SharingState,
        },
    },
};

/// A profit sharing order of the shop.
pub(super) struct Shared {
    number: OutOrderNo,
    paid: TransactionId,
    part: Fen,
    /// True if the request succeeded, or was resolved as existing.
    exists: bool,
}

fn account() -> Account {
    let openid: OpenId = "oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap();
    Account::PersonalOpenid(openid)
}

impl Shop {
    /// Adds the receiver of all amounts, before any failure.
    pub(super) fn add_receiver(&mut self) {
        let add =
            AddReceiver::new(self.appid.clone(), Party::Direct, account(), RelationType::Staff).unwrap();
        self.lab.run(self.me.call(add), &mut self.storm).unwrap();
    }

    /// Shares up to 30 % of a paid order.
    pub(super) fn share(&mut self, index: usize, total: &mut Total) {
        let book = &self.books[index];
        let PaymentStatus::Paid(paid) = book.state.status() else { return };
        let (paid, ordered) = (paid.transaction_id().clone(), book.state.ordered());
        let number: OutOrderNo = format!("PART{}", book.number).parse().unwrap();
        let script = self.chance.failures(1, 4);
        self.storm.await_for(number.as_str(), script);
        let part = Fen::new(1 + self.chance.below(ordered.get() * 3 / 10));
        let rest = if self.chance.one_in(2) { Remainder::Unfreeze } else { Remainder::KeepFrozen };
        let portions = vec![ReceiverAmount::new(account(), part, "佣金")];
        let share = CreateProfitSharing::new(
            self.appid.clone(),
            Party::Direct,
            paid.clone(),
            number.clone(),
            portions,
            rest,
        )
        .unwrap();
        let result = self.lab.run(self.me.call(share), &mut self.storm).map(drop);
        let held = self.recorded_profit_sharing(&number);
        let exists = held.is_some();
        if let Some(amount) = held {
            assert_eq!(amount, part, "{number}: the amount differs from the request");
        }
        total.shared += usize::from(exists);
        let pending_operation = PendingOperation::ProfitSharing {
            transaction_id: paid.clone(),
            out_order_no: number.clone(),
            sub_mchid: None,
        };
        self.check_result(result, &pending_operation, exists, total);
        self.books[index].shared = Some(Shared { number, paid, part, exists });
    }

    /// Returns the amount of the first receiver, from the gateway's records.
    fn recorded_profit_sharing(&mut self, number: &OutOrderNo) -> Option<Fen> {
        let (mchid, now) = (self.me.mchid().clone(), self.lab.now);
        let held = self.storm.wire.gateway.sharing(&mchid, number.as_str(), now)?;
        Some(held.receivers[0].amount)
    }

    /// Compares a notification of a receiver's amount, or of unfrozen money, with the gateway's records.
    pub(super) fn check_profit_sharing_notification(&mut self, told: &ProfitSharingNotification) {
        let (mchid, now) = (self.me.mchid().clone(), self.lab.now);
        let held = self.storm.wire.gateway.sharing(&mchid, told.out_order_no.as_str(), now).unwrap();
        assert!(held.receivers.iter().any(|part| part.amount == told.amount));
        assert_eq!(held.transaction_id, told.transaction_id);
    }

    /// Compares the shop's record with a query, after the failures.
    pub(super) fn compare_profit_sharing(&mut self, index: usize) {
        let Some(shared) = &self.books[index].shared else { return };
        let query = QueryProfitSharing::new(Party::Direct, shared.paid.clone(), shared.number.clone());
        match self.lab.run(self.me.call(query), &mut self.storm).unwrap() {
            ProfitSharingLookup::Found(sharing) => {
                assert!(shared.exists, "{}: unknown to the shop, but the gateway has it", shared.number);
                assert_eq!(sharing.state, SharingState::Finished);
                assert_eq!(sharing.receivers[0].amount, shared.part);
            }
            ProfitSharingLookup::NotFound => assert!(
                !shared.exists,
                "{}: known to the shop, but the gateway does not have it",
                shared.number
            ),
        }
    }
}
