//! Querying a refund at WeChat Pay, and sending it again if it is unknown there.

use super::{
    ActionError,
    refund::{SentFor, report},
};
use crate::{
    app::App,
    ledger::{
        OrderKey,
        order::OrderState,
        refund::{RecordRefundQuery, RefundAnswer},
        rows::payment::Source,
    },
    upstream::{CallError, Called},
};
use wxpay_proto::{id::OutRefundNo, v3::Lookup};

impl App {
    /// Queries a refund, and records the answer. A refund that WeChat Pay does not know is sent again under its number.
    /// Returns the order, and the error of the call that failed: the failure is recorded.
    ///
    /// # Errors
    ///
    /// If there is no such refund, or the ledger is away.
    pub(crate) async fn query_refund(
        &self,
        key: &OrderKey,
        out_refund_no: &OutRefundNo,
    ) -> Result<(OrderState, Option<CallError>), ActionError> {
        let state = self.order(key).await?.ok_or(ActionError::NotFound("order"))?;
        if state.refund(out_refund_no).is_none() {
            return Err(ActionError::NotFound("refund"));
        }
        let merchant = self.merchant(&key.merchant);
        let last_call = state.refund_call(out_refund_no);
        let called = match merchant.as_ref().and_then(|merchant| merchant.v3()) {
            Some(v3) => self.call_query_refund(v3, &state, out_refund_no).await,
            None => Called { result: Err(CallError::not_configured()), signed_at: None },
        };
        let (answer, error) = match called.result {
            Ok(Lookup::Found(refund)) => {
                let learned = self.learn_refund(key.clone(), report(&refund), Source::Query, None).await?;
                // A refund that is still on its way is queried again later: the task moves on.
                return Ok((learned.state, None));
            }
            Ok(Lookup::NotFound) => match called.signed_at {
                Some(signed_at) => (RefundAnswer::NotFound { signed_at, last_call }, None),
                None => (RefundAnswer::Failed { error: "the reply has no signed time".into() }, None),
            },
            Err(error) => (RefundAnswer::Failed { error: error.summary() }, Some(error)),
        };
        let window = self.open_window();
        let record = RecordRefundQuery {
            key: key.clone(),
            out_refund_no: out_refund_no.clone(),
            answer,
            call_until: window.until(),
        };
        let queried = self.run(record).await?;
        let Some(merchant) = merchant.filter(|_| queried.should_resend) else {
            return Ok((queried.state, error));
        };
        let (app, number) = (self.clone(), out_refund_no.clone());
        let sending =
            async move { app.send_refund(&merchant, queried.state, &number, window, SentFor::Task).await };
        self.spawn_call(sending).await?
    }
}
