//! Partial refunds: each is paid out once, and its evidence is merged.

use super::{
    life::{Life, Outcome},
    records::{OrderKey, RefundIntent},
    shop::{Shop, notify_url},
};
use std::time::Duration;
use wxpay_proto::{
    Fen,
    id::OutRefundNo,
    v3::{
        Lookup,
        refund::{CreateRefund, QueryRefund, RefundAmount, RefundOf},
    },
};

impl Shop {
    /// Returns whether the gateway has a refund of an order.
    fn has_refund(&self, key: &OrderKey, number: &OutRefundNo) -> bool {
        self.recorded(key)
            .is_some_and(|order| order.refunds.iter().any(|refund| refund.out_refund_no == *number))
    }
}

impl Life {
    /// Refunds a paid order in one to three parts, the last of which may exceed what is left.
    pub(super) async fn refund(&mut self, key: &OrderKey) {
        let parts = usize::try_from(1 + self.rng.below(3)).unwrap();
        for part in 0..parts {
            let Some(payment) = self.known_payment(key) else { return };
            let price = self.shop.records.borrow_mut().order(key).state.ordered();
            let amount = Fen::new(1 + self.rng.below(price.get() * 2 / 3));
            let intent = RefundIntent { amount, attempts: Vec::new() };
            self.shop.records.borrow_mut().order(key).refunds.push(intent);
            // A refund that came to nothing is tried once more, under another number.
            for attempt in 0..2 {
                let number = format!("REFUND{}P{part}A{attempt}", key.1).parse().unwrap();
                let by_id = self.rng.one_in(2).then(|| payment.transaction_id().clone());
                if self.refund_once(key, by_id, &number, amount, price).await {
                    break;
                }
            }
            self.pause(Duration::from_secs(20)).await;
            self.query_refunds(key).await;
        }
    }

    /// Requests a refund until it is certain whether the gateway has it.
    async fn refund_once(
        &mut self,
        key: &OrderKey,
        by_id: Option<wxpay_proto::id::TransactionId>,
        number: &OutRefundNo,
        amount: Fen,
        price: Fen,
    ) -> bool {
        let party = {
            let mut records = self.shop.records.borrow_mut();
            let record = records.order(key);
            record.refunds.last_mut().unwrap().attempts.push((number.clone(), None));
            record.party.clone()
        };
        let query = QueryRefund::new(number.clone()).party(party.clone());
        let payment = by_id.map_or_else(|| RefundOf::from(key.1.clone()), RefundOf::from);
        let create = CreateRefund::new(payment, number.clone(), RefundAmount::new(amount, price).unwrap());
        let create = create.party(party).notify_url(notify_url(self.account));
        let call = self.account().merchant.call(create);
        let outcome = self.carry_out(call, &query, |shop| shop.has_refund(key, number)).await;
        let evidence = match &outcome {
            Outcome::Done(refund) | Outcome::Found(refund) => refund.evidence(),
            Outcome::Nothing => None,
        };
        let exists = outcome.exists();
        let mut records = self.shop.records.borrow_mut();
        let record = records.order(key);
        record.refunds.last_mut().unwrap().attempts.last_mut().unwrap().1 = Some(exists);
        if let Some(evidence) = evidence {
            record.merge_refund(&evidence);
        }
        exists
    }

    /// Queries every refund of an order that may exist, and merges what the replies prove.
    pub(super) async fn query_refunds(&mut self, key: &OrderKey) {
        let (party, numbers): (_, Vec<_>) = {
            let mut records = self.shop.records.borrow_mut();
            let record = records.order(key);
            let attempts = record.refunds.iter().flat_map(|intent| &intent.attempts);
            (record.party.clone(), attempts.map(|(number, _)| number.clone()).collect())
        };
        for number in numbers {
            let query = QueryRefund::new(number.clone()).party(party.clone());
            let Ok(lookup) = self.call(query).await else { continue };
            assert_eq!(
                matches!(lookup, Lookup::Found(_)),
                self.shop.has_refund(key, &number),
                "{number}: found wrongly"
            );
            let Lookup::Found(refund) = lookup else { continue };
            if let Some(evidence) = refund.evidence() {
                self.shop.records.borrow_mut().order(key).merge_refund(&evidence);
            }
        }
    }
}
