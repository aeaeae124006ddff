//! Reversing a code payment on the request of the cashier.

use super::{ActionError, close::ended, place::is_placed};
use crate::{
    app::App,
    ledger::{OrderKey, order::OrderState},
};

impl App {
    /// Reverses a code payment: the order can no longer be paid, and a payment that is not known yet is returned. The
    /// decision is written first. From then on the order never becomes paid, and the reversal is repeated until WeChat Pay
    /// has confirmed it; so an order that is returned as `reversing` needs no other request.
    ///
    /// # Errors
    ///
    /// If the order does not exist, is paid, or is not a code payment.
    pub(crate) async fn reverse(&self, key: &OrderKey) -> Result<OrderState, ActionError> {
        let state = self.order(key).await?.filter(is_placed).ok_or(ActionError::NotFound("order"))?;
        if !state.order.is_code() {
            return Err(ActionError::conflict(
                "not_code_payment",
                "Only an order of the channel code can be reversed",
                "close it, or refund its payment",
            ));
        }
        if let Some(result) = ended(&state) {
            return result;
        }
        let mut signed_at = None;
        // A payment that is known by now is not reversed, but refunded.
        if state.order.may_exist_upstream {
            let queried = self.query(key).await?;
            if let Some(result) = ended(&queried.state) {
                return result;
            }
            signed_at = queried.signed_at;
        }
        let (app, owned) = (self.clone(), key.clone());
        let call = self.spawn_call(async move { app.close_now(&owned, true, signed_at).await });
        let (state, _) = call.await??;
        self.wake_tasks();
        ended(&state).unwrap_or(Ok(state))
    }
}
