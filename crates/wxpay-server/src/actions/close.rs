//! Closing an order, so that it can no longer be paid. A code payment is reversed instead.

use super::{
    ActionError,
    place::{already_paid, is_placed},
    query::party,
};
use crate::{
    app::App,
    ledger::{
        OrderKey,
        order::{
            OrderState,
            close::{BeginClose, BegunClose, CloseKind, CloseResult, EndClose},
        },
        rows::order::{ApiVersion, OrderStatus},
    },
    upstream::{CallError, CallOf, Called},
};
use wxpay_proto::{
    Fate, UnixTime,
    refusal::Code,
    v3::pay::{CloseOrder, ReverseOrder},
};

impl App {
    /// Closes an order on the shop's request.
    ///
    /// # Errors
    ///
    /// If it does not exist, is paid or being paid, or the call to WeChat Pay failed.
    pub(crate) async fn close(&self, key: &OrderKey) -> Result<OrderState, ActionError> {
        let state = self.order(key).await?.filter(is_placed).ok_or(ActionError::NotFound("order"))?;
        if let Some(result) = ended(&state) {
            return result;
        }
        if state.order.api_version == Some(ApiVersion::V1) && state.order.may_exist_upstream {
            return Err(ActionError::conflict(
                "not_in_api_v1",
                "APIv1 cannot close an order",
                "wait until its time_expire, or place a new order under a new number",
            ));
        }
        if state.order.is_code() && state.order.may_exist_upstream {
            return Err(ActionError::conflict(
                "code_payment",
                "A code payment is not closed, but reversed",
                "reverse it: send POST /api/orders/{out_trade_no}/reverse",
            ));
        }
        // The payer may have paid at this moment: WeChat Pay's refusal would be the second-best source.
        if state.order.may_exist_upstream
            && let Some(result) = ended(&self.query(key).await?.state)
        {
            return result;
        }
        let (app, owned) = (self.clone(), key.clone());
        let (state, error) =
            self.spawn_call(async move { app.close_now(&owned, true, None).await }).await??;
        match (ended(&state), error) {
            (Some(result), _) => result,
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(state),
        }
    }

    /// Closes an order, or reverses a code payment: writes the decision, calls WeChat Pay, and records the result. Returns
    /// the order, and the error of the call. `signed_at` is the time of the last reply about the order.
    pub(crate) async fn close_now(
        &self,
        key: &OrderKey,
        requested: bool,
        signed_at: Option<UnixTime>,
    ) -> Result<(OrderState, Option<CallError>), ActionError> {
        let state = self.order(key).await?.filter(is_placed).ok_or(ActionError::NotFound("order"))?;
        // The channel may be another one by now only if the order cannot exist at WeChat Pay: then nothing is sent.
        let (kind, schedule) = (CloseKind::of(&state.order), self.schedule());
        let begin = BeginClose { key: key.clone(), kind, requested, signed_at, schedule };
        let (call, state) = match self.run(begin).await? {
            BegunClose::Begun { call, state } => (call, state),
            BegunClose::Later(state) | BegunClose::Done(state) | BegunClose::NotOpen(state) => {
                return Ok((state, None));
            }
        };
        // The order may be created after the reply was signed.
        let is_preparing = self.prepays().is_in_flight(key);
        let called = self.call_close(key, call.kind, &state).await;
        let (result, error) = match called.result {
            Ok(()) => (CloseResult::Closed, None),
            Err(error) => {
                let result = judge(&error, call.kind, called.signed_at.is_some());
                let proves_nothing = is_preparing && result == CloseResult::NotFound;
                (if proves_nothing { CloseResult::Unknown } else { result }, Some(error))
            }
        };
        let signed_at = called.signed_at;
        let end = EndClose { key: key.clone(), call, result, signed_at, schedule: self.schedule() };
        let state = self.run(end).await?.ok_or(ActionError::NotFound("order"))?;
        // WeChat Pay refuses to close a paid order with more than one code. To reverse an order that ended otherwise is
        // refused, too: the query tells how.
        if matches!(result, CloseResult::Paid | CloseResult::Refused) {
            let queried = self.query(key).await?;
            return Ok((queried.state, error));
        }
        Ok((state, error))
    }

    async fn call_close(&self, key: &OrderKey, kind: CloseKind, state: &OrderState) -> Called<()> {
        let of = CallOf {
            merchant: key.merchant.clone(),
            subject: key.subject(),
            label: match kind {
                CloseKind::Close => "v3.pay.close",
                CloseKind::Reverse => "v3.pay.reverse",
            },
            is_kept: true,
        };
        let merchant = self.merchant(&key.merchant);
        let Some(v3) = merchant.as_ref().and_then(|merchant| merchant.v3()) else {
            return Called { result: Err(CallError::not_configured()), signed_at: None };
        };
        let (number, party) = (key.out_trade_no.clone(), party(state));
        match kind {
            CloseKind::Close => {
                let flow = v3.call(CloseOrder::new(number).party(party));
                self.upstream().call(of, |client| async move { client.run(flow).await }).await
            }
            CloseKind::Reverse => {
                let mut reverse = ReverseOrder::new(number).party(party);
                if let Some(appid) = state.order.appid.as_deref().and_then(|text| text.parse().ok()) {
                    reverse = reverse.appid(appid);
                }
                let flow = v3.call(reverse);
                self.upstream().call(of, |client| async move { client.run(flow).await }).await
            }
        }
    }
}

/// Returns the result of closing or reversing an order that needs no call.
pub(super) fn ended(state: &OrderState) -> Option<Result<OrderState, ActionError>> {
    match state.order.status {
        OrderStatus::Closed | OrderStatus::Expired | OrderStatus::Failed | OrderStatus::Reversed => {
            Some(Ok(state.clone()))
        }
        OrderStatus::Paid => Some(Err(already_paid())),
        OrderStatus::Anomalous => Some(Err(ActionError::conflict(
            "order_anomalous",
            "The order needs manual review",
            // WeChat Pay does not close an order that is paid, and this one has a payment.
            "it has a payment, so WeChat Pay does not close it: decide its case, by which the payment is refunded or \
             accepted; from its time_expire on, nobody can pay it",
        ))),
        OrderStatus::Unplaced | OrderStatus::Open | OrderStatus::Closing | OrderStatus::Reversing => None,
    }
}

/// Returns the result of a close or reverse call that failed. A refusal without a signature only leads to a query.
fn judge(error: &CallError, kind: CloseKind, is_verified: bool) -> CloseResult {
    match error.fate() {
        // Only a query tells an order that was closed before from one that was reversed.
        Some(Fate::Refused) if kind == CloseKind::Reverse && !is_verified => CloseResult::Unknown,
        Some(Fate::Refused) if kind == CloseKind::Reverse && error.has_code(&[Code::ORDER_CLOSED]) => {
            CloseResult::Refused
        }
        Some(Fate::NotSent) => CloseResult::NotSent,
        Some(Fate::Refused) if !is_verified => CloseResult::Refused,
        Some(Fate::Refused) if error.has_code(&[Code::ORDERPAID]) => CloseResult::Paid,
        Some(Fate::Refused) if error.has_code(&[Code::ORDER_CLOSED]) => CloseResult::Closed,
        Some(Fate::Refused) if error.has_code(&[Code::ORDER_NOT_EXIST, Code::RESOURCE_NOT_EXISTS]) => {
            CloseResult::NotFound
        }
        Some(Fate::Refused) => CloseResult::Refused,
        Some(Fate::Unknown) | None => CloseResult::Unknown,
    }
}
