//! The prepay call of an order, at most one at a time.

use super::ActionError;
use crate::{
    app::App,
    channels::{self, PayError, Prepay, Terms},
    invalid::Invalid,
    ledger::{
        OrderKey,
        order::{
            OrderState,
            prepay::{BeginPrepay, BegunPrepay, EndPrepay, PrepayCall, PrepayResult},
        },
        rows::order::{ApiVersion, OrderStatus},
    },
    merchants::{self, Merchant},
    single_flight::Outcome,
    upstream::{CallError, CallOf},
};
use serde_json::Value;
use std::sync::Arc;
use wxpay_proto::{Fate, refusal::Code};

/// An order that was prepared.
pub(super) enum Prepared {
    /// The order, and the parameters for the payer's client if it is open.
    Ready { state: Box<OrderState>, pay: Option<Value> },
    /// The order has other terms by now.
    Stale,
}

/// The end of a prepay call, which all requests that wait for it share.
#[derive(Clone, Debug)]
pub(crate) enum PrepayEnd {
    /// The order is prepared, or is not open any more.
    State(Box<OrderState>),
    /// The order has other terms by now.
    Stale,
    /// The call failed, and the order is still open.
    Failed(ActionError),
}

/// The refusals which prove that the number is in use at WeChat Pay, or may be.
const IN_USE: [Code; 4] =
    [Code::ORDERPAID, Code::OUT_TRADE_NO_USED, Code::INVALID_REQUEST, Code::ORDER_CLOSED];

impl App {
    /// Prepares an order: makes its prepay call unless a live result of one is stored, and signs that.
    pub(super) async fn prepare(
        &self,
        merchant: &Arc<Merchant>,
        state: OrderState,
    ) -> Result<Prepared, ActionError> {
        if let Some(ready) = self.ready(merchant, &state)? {
            return Ok(ready);
        }
        let key = state.order.key();
        let Some(digest) = state.order.terms_digest.clone() else { return Ok(Prepared::Stale) };
        let work = {
            let (app, merchant, key, digest) =
                (self.clone(), Arc::clone(merchant), key.clone(), digest.clone());
            let active = self.shutdown().begin();
            async move {
                let end = app.prepay(&merchant, key, digest).await;
                drop(active);
                end.unwrap_or_else(PrepayEnd::Failed)
            }
        };
        match self.prepays().run(&key, digest, work).await {
            Outcome::Own(end) | Outcome::Shared(end) => match end {
                PrepayEnd::State(state) => match self.ready(merchant, &state)? {
                    Some(ready) => Ok(ready),
                    // It expired at this moment.
                    None => Ok(Prepared::Stale),
                },
                PrepayEnd::Stale => Ok(Prepared::Stale),
                PrepayEnd::Failed(error) => Err(error),
            },
            Outcome::Lost => Err(ActionError::Interrupted),
        }
    }

    /// Returns the order as it is if it is not open, or with a live prepay result, signed.
    fn ready(&self, merchant: &Merchant, state: &OrderState) -> Result<Option<Prepared>, ActionError> {
        if state.order.status != OrderStatus::Open {
            return Ok(Some(Prepared::Ready { state: Box::new(state.clone()), pay: None }));
        }
        let now = self.now();
        let is_live = state.order.prepay_expires_at.is_some_and(|expires_at| now < expires_at);
        let Some(prepay) = state.order.prepay.as_deref().filter(|_| is_live) else { return Ok(None) };
        // What this version cannot read, it asks for again.
        let Ok(prepay) = Prepay::from_json(prepay) else { return Ok(None) };
        let pay =
            prepay.pay(merchant, &stored_terms(state)?, now, self.nonce()).map_err(|error| match error {
                PayError::NotConfigured => ActionError::Invalid(not_configured()),
                PayError::Sign(_) => ActionError::conflict(
                    "key_unavailable",
                    "The merchant's private key is not available",
                    "restore the key, then send the same request again",
                ),
            })?;
        Ok(Some(Prepared::Ready { state: Box::new(state.clone()), pay: Some(pay) }))
    }

    /// Makes the prepay call of an order.
    async fn prepay(
        &self,
        merchant: &Arc<Merchant>,
        key: OrderKey,
        terms_digest: String,
    ) -> Result<PrepayEnd, ActionError> {
        let window = self.open_window();
        let begin = BeginPrepay {
            key: key.clone(),
            terms_digest,
            call_until: window.until(),
            schedule: self.schedule(),
        };
        let (call, state) = match self.run(begin).await? {
            BegunPrepay::Begun { call, state } => (call, state),
            BegunPrepay::Ready(state) | BegunPrepay::NotOpen(state) => {
                return Ok(PrepayEnd::State(Box::new(state)));
            }
            BegunPrepay::Stale(_) => return Ok(PrepayEnd::Stale),
        };
        let request = window.check().map_err(ActionError::from);
        let request = match request.and_then(|()| self.prepay_request(merchant, &state)) {
            Ok(request) => request,
            Err(error) => {
                drop(self.end_prepay(&key, call, PrepayResult::NotSent).await?);
                return Err(error);
            }
        };
        let of = CallOf {
            merchant: key.merchant.clone(),
            subject: key.subject(),
            label: label(&state),
            is_kept: false,
        };
        let called = self.upstream().call(of, |client| async move { request.run(&client).await }).await;
        match called.result {
            Ok(prepay) => {
                let prepared = PrepayResult::Prepared {
                    prepay: prepay.to_json().map_err(|_| ActionError::Interrupted)?,
                    expires_at: self.now().after(prepay.lifetime()),
                };
                self.end_prepay(&key, call, prepared).await
            }
            Err(error) => {
                let is_verified =
                    called.signed_at.is_some() || state.order.api_version == Some(ApiVersion::V1);
                let (result, must_query) = judge(&error, is_verified);
                let state = match self.end_prepay(&key, call, result).await? {
                    PrepayEnd::State(state) => *state,
                    other @ (PrepayEnd::Stale | PrepayEnd::Failed(_)) => return Ok(other),
                };
                let state = if must_query { self.query_in_doubt(&key, state).await } else { state };
                // An order that turned out to be paid is no failure.
                if state.order.status == OrderStatus::Open {
                    Err(error.into())
                } else {
                    Ok(PrepayEnd::State(Box::new(state)))
                }
            }
        }
    }

    fn prepay_request(
        &self,
        merchant: &Merchant,
        state: &OrderState,
    ) -> Result<channels::PrepayCall, ActionError> {
        let terms = stored_terms(state)?;
        let app = stored_app(merchant, &terms)?;
        let notify_url = self.order_notify_url(merchant, app)?;
        let expires_at = state.order.expires_at.unwrap_or_else(|| self.now());
        Ok(channels::request(merchant, app, &terms, &notify_url, expires_at)?)
    }

    async fn end_prepay(
        &self,
        key: &OrderKey,
        call: PrepayCall,
        result: PrepayResult,
    ) -> Result<PrepayEnd, ActionError> {
        let end = EndPrepay { key: key.clone(), call, result, schedule: self.schedule() };
        let state = self.run(end).await?.ok_or(ActionError::NotFound("order"))?;
        Ok(PrepayEnd::State(Box::new(state)))
    }

    /// Queries an order whose prepay call left a doubt. Returns it as it was if the query fails.
    async fn query_in_doubt(&self, key: &OrderKey, state: OrderState) -> OrderState {
        self.query(key).await.map_or(state, |queried| queried.state)
    }
}

/// Returns the result of a prepay call that failed, and whether the order must be queried.
///
/// A refusal that is not verified proves nothing: APIv3's check of fields does not sign its replies, and a proxy may have
/// answered in its place. APIv1 signs no reply at all, so that its refusals count as verified.
fn judge(error: &CallError, is_verified: bool) -> (PrepayResult, bool) {
    match error.fate() {
        Some(Fate::NotSent) => (PrepayResult::NotSent, false),
        Some(Fate::Refused) if !is_verified || error.has_code(&IN_USE) => (PrepayResult::Unknown, true),
        Some(Fate::Refused) => (PrepayResult::Refused, false),
        Some(Fate::Unknown) | None => (PrepayResult::Unknown, true),
    }
}

/// Returns the stored terms of an order.
pub(super) fn stored_terms(state: &OrderState) -> Result<Terms, ActionError> {
    let json = state.order.terms.as_deref().ok_or(ActionError::NotFound("order"))?;
    Ok(Terms::from_json(json)?)
}

/// Returns the app of an order, as configured now.
pub(super) fn stored_app<'a>(
    merchant: &'a Merchant,
    terms: &Terms,
) -> Result<&'a merchants::App, ActionError> {
    let app = terms.app.as_deref().and_then(|appid| merchant.app(Some(appid), terms.channel).ok());
    app.ok_or_else(|| ActionError::Invalid(not_configured()))
}

fn not_configured() -> Invalid {
    Invalid::new("app", "must be an app of the merchant").remedy("add it to the merchant's settings again")
}

fn label(state: &OrderState) -> &'static str {
    match state.order.channel.as_deref() {
        Some("native") => "v3.pay.native",
        Some("h5") => "v3.pay.h5",
        Some("app") if state.order.api_version == Some(ApiVersion::V1) => "v1.genprepay",
        Some("app") => "v3.pay.app",
        Some(_) | None => "v3.pay.jsapi",
    }
}
