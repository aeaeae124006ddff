//! Refunds in a check.

use super::{LOOK_INTERVAL, Placed, SHOW_WITHIN, Step, Trial, fail, not_checked, word};
use crate::shop::{Call, RefundStateCall};
use std::time::{Duration, Instant};
use wxpay_proto::id::OutRefundNo;
use wxpay_sim::ledger::RefundRecord;

impl<'a> Trial<'a> {
    /// Returns the requests of the shop that refund, or the reason why there are none.
    pub(crate) fn refund_calls(&self) -> Step<(&'a Call, &'a RefundStateCall)> {
        let shop = self.shop;
        let refund = shop.refund.as_ref().ok_or_else(|| not_checked("the shop file has no [refund]"))?;
        let state = shop.refund_state.as_ref();
        Ok((refund, state.ok_or_else(|| not_checked("the shop file has no [refund_state]"))?))
    }

    /// Refunds a part of an order. Returns the refund's number at the gateway, which has exactly one refund then.
    pub(crate) async fn refund(&mut self, order: &Placed) -> Step<OutRefundNo> {
        let (refund, _) = self.refund_calls()?;
        let answer = self.call_until_success(refund, &order.values).await;
        if !answer.is_success() {
            return fail("the shop did not accept the refund");
        }
        let refunds = self.wait_for_refund(order).await;
        let [refund] = refunds.as_slice() else {
            return fail(format!("the gateway must have one refund of the order, and has {}", refunds.len()));
        };
        if refund.refund.get() != order.values.refund {
            let (made, asked) = (refund.refund.get(), order.values.refund);
            return fail(format!(
                "the gateway's refund is of {made} fen, not of the {asked} fen that were asked for"
            ));
        }
        self.note(format!(
            "the gateway has the refund {}: {} fen",
            refund.out_refund_no,
            refund.refund.get()
        ));
        Ok(refund.out_refund_no.clone())
    }

    /// Waits until the gateway has a refund of an order: the shop may send it after its answer. Waits a little more, for
    /// a second one.
    async fn wait_for_refund(&self, order: &Placed) -> Vec<RefundRecord> {
        let began = Instant::now();
        while self.stage.refunds(&order.out_trade_no).is_empty() && began.elapsed() < SHOW_WITHIN {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        self.settle().await;
        self.stage.refunds(&order.out_trade_no)
    }

    /// Notes and returns the word that the shop has for the state of an order's refund.
    pub(crate) async fn refund_state(&mut self, order: &Placed) -> Step<String> {
        let (_, state) = self.refund_calls()?;
        let answer = self.client.call(self.shop, &state.call, &order.values).await;
        match word(&answer, state.value.as_deref()) {
            Ok(word) => {
                self.note(format!("the shop shows the refund as {word:?}"));
                Ok(word)
            }
            Err(reason) => fail(reason),
        }
    }

    /// Waits until the shop shows the refund of an order as a success.
    pub(crate) async fn expect_refunded(&mut self, order: &Placed, within: Duration) -> Step {
        let (_, state) = self.refund_calls()?;
        let what = "the refund as a success";
        self.expect_word(&state.call, state.value.as_deref(), &state.succeeded, order, within, what).await
    }
}
