//! Placing an order, and paying it again.

use super::{
    ActionError,
    prepay::{Prepared, PrepayEnd},
};
use crate::{
    app::{App, NotifyKind},
    channels::{self, Channel, Terms},
    ledger::{
        OrderKey,
        merchants::PlaceStoredMerchantsOrder,
        order::{
            OrderState,
            place::{PlaceOrder, Placed, PlacedTerms},
        },
        rows::order::{ApiVersion, OrderStatus},
    },
    merchants::{self, Merchant, Origin},
};
use serde_json::Value;
use std::sync::Arc;
use wxpay_proto::{UnixTime, v3::pay::AuthCode};

/// The number of times that an order is placed anew because its terms were replaced meanwhile.
const MAX_ATTEMPTS: usize = 4;

/// An order to place.
#[derive(Debug)]
pub(crate) struct PlaceRequest {
    /// The merchant.
    pub(crate) merchant: Arc<Merchant>,
    /// The app.
    pub(crate) app: merchants::App,
    /// The terms, as parsed.
    pub(crate) terms: Terms,
    /// The shop's own data, as JSON.
    pub(crate) metadata: Option<String>,
    /// The payer's code, for the channel `code`. It is no term, and is never stored.
    pub(crate) auth_code: Option<AuthCode>,
}

/// An order to place whose terms are valid.
struct Placing {
    key: OrderKey,
    terms: Terms,
    stored: PlacedTerms,
    metadata: Option<String>,
    expires_at: UnixTime,
    auth_code: Option<AuthCode>,
}

/// A placed order.
#[derive(Clone, Debug)]
pub(crate) struct PlacedOrder {
    /// The order.
    pub(crate) state: OrderState,
    /// The parameters for the payer's client, or the status of a code payment. `None` if the order is not open.
    pub(crate) pay: Option<Value>,
    /// Whether this request created it.
    pub(crate) is_new: bool,
}

impl App {
    /// Places an order, or finds it placed, and returns the parameters for the payer's client.
    ///
    /// # Errors
    ///
    /// If a field is invalid, the number has other terms, or the call to WeChat Pay failed: with the fate
    /// [`Refused`](wxpay_proto::Fate::Refused) or [`NotSent`](wxpay_proto::Fate::NotSent) the number can be used again,
    /// also with other terms; after a refusal that is not signed, once queries have shown that there is no such order.
    pub(crate) async fn place(&self, request: PlaceRequest) -> Result<PlacedOrder, ActionError> {
        let PlaceRequest { merchant, app, terms, metadata, auth_code } = request;
        let terms = terms.resolved(&merchant, &app);
        let key = OrderKey::new(merchant.name().clone(), terms.out_trade_no.clone());
        let digest = terms.digest().map_err(|_| ActionError::Interrupted)?;
        for _ in 0..MAX_ATTEMPTS {
            let prepared = match terms.expires_at(self.now(), self.settings().schedule.lifetime) {
                Ok(expires_at) => {
                    // Invalid terms must not reach the ledger: they would occupy the number.
                    let notify_url = self.order_notify_url(&merchant, &app)?;
                    let code = auth_code.as_ref();
                    drop(channels::request(&merchant, &app, &terms, code, &notify_url, expires_at)?);
                    let placing = Placing {
                        key: key.clone(),
                        stored: placed_terms(&terms, &app, &digest)?,
                        terms: terms.clone(),
                        metadata: metadata.clone(),
                        expires_at,
                        auth_code: auth_code.clone(),
                    };
                    let (this, by) = (self.clone(), Arc::clone(&merchant));
                    let work = async move { this.place_and_prepay(&by, placing).await };
                    self.prepare_by(&merchant, &key, digest.clone(), work).await?
                }
                // The order may have been placed in time: the same request returns it for ever.
                Err(expired) => match self.order(&key).await? {
                    Some(state) if state.order.terms_digest.as_ref() == Some(&digest) => {
                        self.prepare(&merchant, state).await?
                    }
                    Some(_) | None => return Err(expired.into()),
                },
            };
            match prepared {
                Prepared::Ready(placed) => return Ok(*placed),
                // Another request replaced the terms: decide again.
                Prepared::Stale => {}
            }
        }
        Err(ActionError::Interrupted)
    }

    /// Places an order, and makes its prepay call if it needs one.
    async fn place_and_prepay(
        &self,
        merchant: &Arc<Merchant>,
        placing: Placing,
    ) -> Result<PrepayEnd, ActionError> {
        let Placing { key, terms, stored, metadata, expires_at, auth_code } = placing;
        let window = self.open_window();
        let (call_until, schedule) = (window.until(), self.schedule());
        let place = PlaceOrder { key, terms: stored, metadata, expires_at, call_until, schedule };
        let placed = match merchant.origin() {
            Origin::Settings => self.run(place).await?,
            Origin::Api { .. } => {
                let placed = self.run(PlaceStoredMerchantsOrder(place)).await?;
                placed.ok_or(ActionError::NotFound("merchant"))?
            }
        };
        let (state, call, is_new) = match placed {
            Placed::Created { state, call } => {
                self.metrics().order_placed(terms.channel.name());
                (state, call, true)
            }
            Placed::Existing { state, call } => (state, call, false),
            Placed::Differs { stored_terms } => return Err(difference(&terms, &stored_terms)),
        };
        let end = match call {
            Some(call) => self.prepay(merchant, &window, call, state, auth_code.as_ref()).await?,
            None => PrepayEnd::of(state),
        };
        Ok(end.with_new(is_new))
    }

    /// Returns the parameters for the payer's client of an open order, signed anew.
    ///
    /// # Errors
    ///
    /// If the order does not exist or is not open, or the call to WeChat Pay failed.
    pub(crate) async fn pay(&self, key: &OrderKey) -> Result<PlacedOrder, ActionError> {
        for _ in 0..MAX_ATTEMPTS {
            let state = self.order(key).await?.filter(is_placed).ok_or(ActionError::NotFound("order"))?;
            require_open(&state)?;
            let merchant = self.merchant(&key.merchant).ok_or(ActionError::NotFound("merchant"))?;
            match self.prepare(&merchant, state).await? {
                Prepared::Ready(placed) => {
                    require_open(&placed.state)?;
                    return Ok(*placed);
                }
                Prepared::Stale => {}
            }
        }
        Err(ActionError::Interrupted)
    }

    /// Returns the URL for the notifications of an order.
    pub(super) fn order_notify_url(
        &self,
        merchant: &Merchant,
        app: &merchants::App,
    ) -> Result<wxpay_proto::id::NotifyUrl, ActionError> {
        let kind = match app.api_version {
            channels::ApiVersion::V1 => NotifyKind::V1,
            channels::ApiVersion::V3 => NotifyKind::Payment,
        };
        Ok(self.notify_url(merchant.name(), kind)?)
    }
}

/// Returns whether the shop placed an order under the number.
pub(super) fn is_placed(state: &OrderState) -> bool {
    state.order.status != OrderStatus::Unplaced
}

/// Refuses an order that is not open.
fn require_open(state: &OrderState) -> Result<(), ActionError> {
    match state.order.status {
        OrderStatus::Open => Ok(()),
        OrderStatus::Paid => Err(already_paid()),
        OrderStatus::Unplaced
        | OrderStatus::Closing
        | OrderStatus::Closed
        | OrderStatus::Reversing
        | OrderStatus::Reversed
        | OrderStatus::Failed
        | OrderStatus::Expired
        | OrderStatus::Anomalous => Err(ActionError::conflict(
            "order_not_open",
            "The order is not open",
            "place a new order under a new number",
        )),
    }
}

/// Returns the error for an order that is paid.
pub(super) fn already_paid() -> ActionError {
    ActionError::conflict("order_paid", "The order is paid", "deliver the goods, or refund the payment")
}

fn difference(terms: &Terms, stored_terms: &str) -> ActionError {
    let stored = Terms::from_json(stored_terms).ok();
    let field = stored.and_then(|stored| terms.difference(&stored)).unwrap_or("out_trade_no");
    ActionError::Differs { resource: "order", field: field.into() }
}

fn placed_terms(terms: &Terms, app: &merchants::App, digest: &str) -> Result<PlacedTerms, ActionError> {
    Ok(PlacedTerms {
        json: terms.to_json().map_err(|_| ActionError::Interrupted)?,
        digest: digest.into(),
        api_version: match app.api_version {
            channels::ApiVersion::V1 => ApiVersion::V1,
            channels::ApiVersion::V3 => ApiVersion::V3,
        },
        channel: Channel::name(terms.channel).into(),
        appid: Some(app.appid.to_string()),
        sub_mchid: terms.sub_mchid.as_ref().map(ToString::to_string),
        total: terms.amount.total,
        currency: terms.amount.currency.into(),
        payer: terms.payer_id().map(|id| id.as_str().to_owned()),
    })
}
