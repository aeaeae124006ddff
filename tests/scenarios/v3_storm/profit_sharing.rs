//! Profit sharing under network failures: each order is shared once, with the requested amount.

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
    amount: Fen,
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
        self.driver.run(self.merchant.call(add), &mut self.network).unwrap();
    }

    /// Shares up to 30 % of a paid order.
    pub(super) fn share(&mut self, index: usize, total: &mut Total) {
        let record = &self.records[index];
        let PaymentStatus::Paid(paid) = record.state.status() else { return };
        let (paid, ordered) = (paid.transaction_id().clone(), record.state.ordered());
        let number: OutOrderNo = format!("SHARE{}", record.number).parse().unwrap();
        let failures = self.rng.failures(1, 4);
        self.network.add_failures(number.as_str(), failures);
        let amount = Fen::new(1 + self.rng.below(ordered.get() * 3 / 10));
        let remainder = if self.rng.one_in(2) { Remainder::Unfreeze } else { Remainder::KeepFrozen };
        let receivers = vec![ReceiverAmount::new(account(), amount, "佣金")];
        let create = CreateProfitSharing::new(
            self.appid.clone(),
            Party::Direct,
            paid.clone(),
            number.clone(),
            receivers,
            remainder,
        )
        .unwrap();
        let result = self.driver.run(self.merchant.call(create), &mut self.network).map(drop);
        let recorded = self.recorded_profit_sharing(&number);
        let exists = recorded.is_some();
        if let Some(recorded) = recorded {
            assert_eq!(recorded, amount, "{number}: the amount differs from the request");
        }
        total.shared += usize::from(exists);
        let pending_operation = PendingOperation::ProfitSharing {
            transaction_id: paid.clone(),
            out_order_no: number.clone(),
            sub_mchid: None,
        };
        self.check_result(result, &pending_operation, exists, total);
        self.records[index].shared = Some(Shared { number, paid, amount, exists });
    }

    /// Returns the amount of the first receiver, from the gateway's records.
    fn recorded_profit_sharing(&mut self, number: &OutOrderNo) -> Option<Fen> {
        let (mchid, now) = (self.merchant.mchid().clone(), self.driver.now);
        let recorded = self.network.sim.gateway.sharing(&mchid, number.as_str(), now)?;
        Some(recorded.receivers[0].amount)
    }

    /// Compares a notification of a receiver's amount, or of unfrozen money, with the gateway's records.
    pub(super) fn check_profit_sharing_notification(&mut self, event: &ProfitSharingNotification) {
        let (mchid, now) = (self.merchant.mchid().clone(), self.driver.now);
        let recorded = self.network.sim.gateway.sharing(&mchid, event.out_order_no.as_str(), now).unwrap();
        assert!(recorded.receivers.iter().any(|receiver| receiver.amount == event.amount));
        assert_eq!(recorded.transaction_id, event.transaction_id);
    }

    /// Compares the shop's record with a query, after the failures.
    pub(super) fn compare_profit_sharing(&mut self, index: usize) {
        let Some(shared) = &self.records[index].shared else { return };
        let query = QueryProfitSharing::new(Party::Direct, shared.paid.clone(), shared.number.clone());
        match self.driver.run(self.merchant.call(query), &mut self.network).unwrap() {
            ProfitSharingLookup::Found(sharing) => {
                assert!(shared.exists, "{}: unknown to the shop, but the gateway has it", shared.number);
                assert_eq!(sharing.state, SharingState::Finished);
                assert_eq!(sharing.receivers[0].amount, shared.amount);
            }
            ProfitSharingLookup::NotFound => assert!(
                !shared.exists,
                "{}: known to the shop, but the gateway does not have it",
                shared.number
            ),
        }
    }
}
