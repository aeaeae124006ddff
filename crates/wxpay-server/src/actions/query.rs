//! Querying an order at WeChat Pay.

use super::{
    ActionError,
    learn::{payment_of, payment_of_v1},
    place::is_placed,
};
use crate::{
    app::App,
    ledger::{
        OrderKey,
        order::{
            OrderState,
            learn::LearnedPayment,
            query::{Queried, QueryAnswer, RecordQuery},
        },
        rows::{order::ApiVersion, payment::Source},
    },
    merchants::Merchant,
    upstream::{CallError, CallOf},
};
use std::sync::Arc;
use wxpay_proto::{
    UnixTime,
    v1::QueryOutcome,
    v3::{
        Lookup, Party,
        pay::{QueryOrder, Transaction},
    },
};

/// A queried order.
#[derive(Clone, Debug)]
pub(crate) struct QueriedOrder {
    /// The order.
    pub(crate) state: OrderState,
    /// Whether the order must be closed now.
    pub(crate) should_close: bool,
    /// The time that the reply is signed with, if it is.
    pub(crate) signed_at: Option<UnixTime>,
    /// The error of the query. The failure is recorded, and the order is queried again later.
    pub(crate) error: Option<CallError>,
}

/// The reply to a query.
enum Answered {
    Paid(LearnedPayment),
    Other(QueryAnswer),
}

impl App {
    /// Queries an order, and records the answer.
    ///
    /// # Errors
    ///
    /// If nobody placed it, or the ledger is away. A query that fails is no error here.
    pub(crate) async fn query(&self, key: &OrderKey) -> Result<QueriedOrder, ActionError> {
        self.query_beside(key, || self.prepays().is_in_flight(key)).await
    }

    /// Queries an order after its prepay call, within the work that made it: no other call is in progress here.
    pub(super) async fn query_after_prepay(&self, key: &OrderKey) -> Result<QueriedOrder, ActionError> {
        self.query_beside(key, || false).await
    }

    async fn query_beside(
        &self,
        key: &OrderKey,
        is_preparing: impl FnOnce() -> bool,
    ) -> Result<QueriedOrder, ActionError> {
        let state = self.order(key).await?.filter(is_placed).ok_or(ActionError::NotFound("order"))?;
        let begun = state.begin_call();
        // The order may be created after the query's reply was signed. Asked after the read: a call that begins later
        // changes the version.
        let is_preparing = is_preparing();
        let Some(merchant) = self.merchant(&key.merchant) else {
            let answer = QueryAnswer::Failed { error: "the merchant is not configured any more".into() };
            return self.record_query(key, begun, answer, None, Some(CallError::not_configured())).await;
        };
        let (answered, signed_at) = match state.order.api_version {
            Some(ApiVersion::V1) => self.query_v1(&merchant, key).await,
            Some(ApiVersion::V3) | None => self.query_v3(&merchant, key, &state).await,
        };
        match answered {
            Ok(Answered::Paid(payment)) => {
                let learned = self.learn(key.clone(), payment, Source::Query, Some(begun), None).await?;
                Ok(QueriedOrder { state: learned.state, should_close: false, signed_at, error: None })
            }
            Ok(Answered::Other(QueryAnswer::NotFound)) if is_preparing => {
                let answer =
                    QueryAnswer::Failed { error: "not found while its prepay call is in progress".into() };
                self.record_query(key, begun, answer, None, None).await
            }
            Ok(Answered::Other(answer)) => self.record_query(key, begun, answer, signed_at, None).await,
            Err(error) => {
                let answer = QueryAnswer::Failed { error: error.summary() };
                self.record_query(key, begun, answer, None, Some(error)).await
            }
        }
    }

    async fn record_query(
        &self,
        key: &OrderKey,
        begun: crate::ledger::order::query::CallBegun,
        answer: QueryAnswer,
        signed_at: Option<UnixTime>,
        error: Option<CallError>,
    ) -> Result<QueriedOrder, ActionError> {
        let steady_at = signed_at.unwrap_or_else(|| self.steady_now());
        let schedule = self.schedule();
        let record = RecordQuery { key: key.clone(), begun, answer, signed_at, steady_at, schedule };
        let Queried { state, should_close } = self.run(record).await?;
        Ok(QueriedOrder { state, should_close, signed_at, error })
    }

    async fn query_v3(
        &self,
        merchant: &Arc<Merchant>,
        key: &OrderKey,
        state: &OrderState,
    ) -> (Result<Answered, CallError>, Option<UnixTime>) {
        let Some(v3) = merchant.v3() else {
            return (Err(CallError::not_configured()), None);
        };
        let flow = v3.call(QueryOrder::out_trade_no(key.out_trade_no.clone()).party(party(state)));
        let called = self
            .upstream()
            .call(call_of(key, "v3.pay.query"), |client| async move { client.run(flow).await })
            .await;
        let answered = called.result.map(|lookup| match lookup {
            Lookup::Found(transaction) => answer(&transaction),
            Lookup::NotFound => Answered::Other(QueryAnswer::NotFound),
        });
        (answered, called.signed_at)
    }

    async fn query_v1(
        &self,
        merchant: &Arc<Merchant>,
        key: &OrderKey,
    ) -> (Result<Answered, CallError>, Option<UnixTime>) {
        let Some(v1) = merchant.v1() else {
            return (Err(CallError::not_configured()), None);
        };
        let flow = v1.query(key.out_trade_no.clone());
        let called = self
            .upstream()
            .call(call_of(key, "v1.orderquery"), |client| async move { client.run(flow).await })
            .await;
        let answered = called.result.map(|outcome| match outcome {
            QueryOutcome::Paid(info) => {
                match payment_of_v1(&info.payment, v1.appid().as_str(), &info.bank_type, None) {
                    Some(payment) => Answered::Paid(payment),
                    None => failed("the price of the payment overflows"),
                }
            }
            QueryOutcome::NotFound => Answered::Other(QueryAnswer::NotFound),
            QueryOutcome::Unpaid => Answered::Other(QueryAnswer::Unpaid { trade_state: "NOTPAY".into() }),
            // The set of outcomes may grow.
            _ => failed("the reply has an unknown outcome"),
        });
        (answered, None)
    }
}

fn failed(error: &str) -> Answered {
    Answered::Other(QueryAnswer::Failed { error: error.into() })
}

fn answer(transaction: &Transaction) -> Answered {
    match QueryAnswer::of_trade_state(&transaction.trade_state) {
        Some(answer) => Answered::Other(answer),
        None => match payment_of(transaction) {
            Some(payment) => Answered::Paid(payment),
            None => failed("the reply lacks a member of a paid order"),
        },
    }
}

/// Returns the party of an order: a sub-merchant, or the merchant itself.
pub(super) fn party(state: &OrderState) -> Party {
    let sub_mchid = state.order.sub_mchid.as_deref().and_then(|text| text.parse().ok());
    sub_mchid.map_or(Party::Direct, Party::partner)
}

fn call_of(key: &OrderKey, label: &'static str) -> CallOf {
    CallOf { merchant: key.merchant.clone(), subject: key.subject(), label, is_kept: false }
}
