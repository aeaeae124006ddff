//! The prepay call of an order, at most one at a time.

use super::{ActionError, PlacedOrder, learn::payment_of};
use crate::{
    app::{App, CallWindow},
    channels::{self, PayError, Prepay, Reply, Terms},
    invalid::Invalid,
    ledger::{
        OrderKey,
        order::{
            OrderState,
            code::CHANNEL as CODE,
            prepay::{BeginPrepay, BegunPrepay, EndPrepay, PrepayCall, PrepayResult},
        },
        rows::{
            order::{ApiVersion, OrderStatus},
            payment::Source,
        },
    },
    merchants::{self, Merchant},
    single_flight::Outcome,
    upstream::{CallError, CallOf},
};
use std::sync::Arc;
use wxpay_proto::{
    Fate, UnixTime,
    refusal::Code,
    v3::pay::{AuthCode, CodePaymentReply},
};

/// An order that was prepared.
pub(super) enum Prepared {
    /// The order, and the parameters for the payer's client if it is open.
    Ready(Box<PlacedOrder>),
    /// The order has other terms by now.
    Stale,
}

/// The end of a prepay call, which all requests that wait for it share.
#[derive(Clone, Debug)]
pub(crate) enum PrepayEnd {
    /// The order is prepared, or is not open any more. `is_new`: this work created it.
    State { state: Box<OrderState>, is_new: bool },
    /// The order has other terms by now.
    Stale,
    /// The call failed, and the order is still open.
    Failed(ActionError),
}

impl PrepayEnd {
    /// Returns the end for an order that was placed before.
    pub(super) fn of(state: OrderState) -> Self {
        Self::State { state: Box::new(state), is_new: false }
    }

    /// Returns the end for an order that this work created.
    pub(super) fn with_new(self, is_new: bool) -> Self {
        match self {
            Self::State { state, .. } => Self::State { state, is_new },
            Self::Stale | Self::Failed(_) => self,
        }
    }
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
        if let Some(ready) = self.ready(merchant, &state, false)? {
            return Ok(ready);
        }
        if state.order.is_code() {
            return Err(ActionError::conflict(
                "auth_code_required",
                "The payer's code must be scanned again",
                "nothing was charged: send POST /api/orders again, with the same terms and a new auth_code",
            ));
        }
        let key = state.order.key();
        let Some(digest) = state.order.terms_digest.clone() else { return Ok(Prepared::Stale) };
        let work = {
            let (app, merchant, key, digest) =
                (self.clone(), Arc::clone(merchant), key.clone(), digest.clone());
            async move { app.begin_and_prepay(&merchant, key, digest).await }
        };
        self.prepare_by(merchant, &key, digest, work).await
    }

    /// Prepares an order by this work, or waits for the end of that which is in progress for the same terms. The work
    /// goes on even if the caller stops waiting.
    pub(super) async fn prepare_by(
        &self,
        merchant: &Merchant,
        key: &OrderKey,
        terms_digest: String,
        work: impl Future<Output = Result<PrepayEnd, ActionError>> + Send + 'static,
    ) -> Result<Prepared, ActionError> {
        let active = self.shutdown().begin();
        // Boxed: it is large, and is moved several times before it runs.
        let work = Box::pin(async move {
            let end = work.await;
            drop(active);
            end.unwrap_or_else(PrepayEnd::Failed)
        });
        let (end, is_own) = match self.prepays().run(key, terms_digest, work).await {
            Outcome::Own(end) => (end, true),
            Outcome::Shared(end) => (end, false),
            Outcome::Lost => return Err(ActionError::Interrupted),
        };
        match end {
            // It is not ready if it expired at this moment.
            PrepayEnd::State { state, is_new } => {
                Ok(self.ready(merchant, &state, is_new && is_own)?.unwrap_or(Prepared::Stale))
            }
            PrepayEnd::Stale => Ok(Prepared::Stale),
            PrepayEnd::Failed(error) => Err(error),
        }
    }

    /// Returns the order as it is if it is not open, or with a live prepay result, signed.
    fn ready(
        &self,
        merchant: &Merchant,
        state: &OrderState,
        is_new: bool,
    ) -> Result<Option<Prepared>, ActionError> {
        let ready = |pay| Some(Prepared::Ready(Box::new(PlacedOrder { state: state.clone(), pay, is_new })));
        if state.order.is_code() {
            let is_known = state.order.status != OrderStatus::Open || state.order.is_charging();
            return Ok(if is_known { ready(channels::code::pay(state)) } else { None });
        }
        if state.order.status != OrderStatus::Open {
            return Ok(ready(None));
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
        Ok(ready(Some(pay)))
    }

    /// Begins the prepay call of an order that was placed before, and makes it.
    async fn begin_and_prepay(
        &self,
        merchant: &Arc<Merchant>,
        key: OrderKey,
        terms_digest: String,
    ) -> Result<PrepayEnd, ActionError> {
        let window = self.open_window();
        let begin = BeginPrepay { key, terms_digest, call_until: window.until(), schedule: self.schedule() };
        match self.run(begin).await? {
            BegunPrepay::Begun { call, state } => self.prepay(merchant, &window, call, state, None).await,
            BegunPrepay::Ready(state) | BegunPrepay::NotOpen(state) => Ok(PrepayEnd::of(state)),
            BegunPrepay::Stale(_) => Ok(PrepayEnd::Stale),
        }
    }

    /// Makes a prepay call that was begun, in its window. `auth_code` is the payer's code, for a code payment.
    pub(super) async fn prepay(
        &self,
        merchant: &Arc<Merchant>,
        window: &CallWindow,
        call: PrepayCall,
        state: OrderState,
        auth_code: Option<&AuthCode>,
    ) -> Result<PrepayEnd, ActionError> {
        let key = state.order.key();
        let request = window.check().map_err(ActionError::from);
        let request = match request.and_then(|()| self.prepay_request(merchant, &state, auth_code)) {
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
            is_kept: state.order.is_code(),
        };
        let called = self.upstream().call(of, |client| async move { request.run(&client).await }).await;
        match called.result {
            Ok(Reply::Charge(reply)) => self.end_charge(&key, call, reply, called.signed_at).await,
            Ok(Reply::Prepay(prepay)) => {
                let prepared = PrepayResult::Prepared {
                    prepay: prepay.to_json().map_err(|_| ActionError::Interrupted)?,
                    expires_at: self.now().after(prepay.lifetime()),
                };
                Ok(PrepayEnd::of(self.end_prepay(&key, call, prepared).await?))
            }
            Err(error) => {
                let is_verified =
                    called.signed_at.is_some() || state.order.api_version == Some(ApiVersion::V1);
                let (result, must_query) = judge(&error, is_verified);
                let result_is_unknown = !error.is_refused() && result == PrepayResult::Unknown;
                let state = self.end_prepay(&key, call, result).await?;
                self.wake_tasks_of(&state);
                let state = if must_query { self.query_in_doubt(&key, state).await } else { state };
                // An order that turned out to be paid is no failure; nor is a charge in doubt, which is queried and reversed.
                let is_in_doubt = state.order.is_charging() && result_is_unknown;
                if state.order.status == OrderStatus::Open && !is_in_doubt {
                    Err(error.into())
                } else {
                    Ok(PrepayEnd::of(state))
                }
            }
        }
    }

    /// Records the reply to a charge. A payment is learned as from a query.
    async fn end_charge(
        &self,
        key: &OrderKey,
        call: PrepayCall,
        reply: CodePaymentReply,
        signed_at: Option<UnixTime>,
    ) -> Result<PrepayEnd, ActionError> {
        let (result, must_query) = match reply {
            CodePaymentReply::UserPaying => (PrepayResult::UserPaying { signed_at }, false),
            CodePaymentReply::Transaction(transaction) => match payment_of(&transaction) {
                // What the call began is over: its end needs no operation of its own.
                Some(payment) => {
                    let learned = self.learn(key.clone(), payment, Source::Query, None, None).await?;
                    return Ok(PrepayEnd::of(learned.state));
                }
                // Not paid, and not in the payer's hands: the query tells.
                None => (PrepayResult::Unknown, true),
            },
        };
        let state = self.end_prepay(key, call, result).await?;
        self.wake_tasks_of(&state);
        let state = if must_query { self.query_in_doubt(key, state).await } else { state };
        Ok(PrepayEnd::of(state))
    }

    /// Wakes the runner of tasks if a charge is to be queried sooner than the runner looks for new tasks.
    fn wake_tasks_of(&self, state: &OrderState) {
        if state.order.is_charging() {
            self.wake_tasks();
        }
    }

    fn prepay_request(
        &self,
        merchant: &Merchant,
        state: &OrderState,
        auth_code: Option<&AuthCode>,
    ) -> Result<channels::PrepayCall, ActionError> {
        let terms = stored_terms(state)?;
        let app = stored_app(merchant, &terms)?;
        let notify_url = self.order_notify_url(merchant, app)?;
        let expires_at = state.order.expires_at.unwrap_or_else(|| self.now());
        Ok(channels::request(merchant, app, &terms, auth_code, &notify_url, expires_at)?)
    }

    async fn end_prepay(
        &self,
        key: &OrderKey,
        call: PrepayCall,
        result: PrepayResult,
    ) -> Result<OrderState, ActionError> {
        let end = EndPrepay { key: key.clone(), call, result, schedule: self.schedule() };
        self.run(end).await?.ok_or(ActionError::NotFound("order"))
    }

    /// Queries an order whose prepay call left a doubt. Returns it as it was if the query fails.
    async fn query_in_doubt(&self, key: &OrderKey, state: OrderState) -> OrderState {
        self.query_after_prepay(key).await.map_or(state, |queried| queried.state)
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
        Some(CODE) => "v3.pay.codepay",
        Some("app") if state.order.api_version == Some(ApiVersion::V1) => "v1.genprepay",
        Some("app") => "v3.pay.app",
        Some(_) | None => "v3.pay.jsapi",
    }
}
