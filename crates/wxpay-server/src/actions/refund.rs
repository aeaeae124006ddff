//! Refunding a payment: the number is claimed, the amount reserved, then WeChat Pay is called.

use super::{ActionError, refund_terms::RefundTerms};
use crate::{
    app::{App, CallWindow},
    ledger::{
        OrderKey, Subject,
        number::ClaimNumber,
        order::OrderState,
        refund::{
            BeginRefundCall, BegunRefundCall, EndRefundCall, LearnRefund, LearnedRefund, RefundCall,
            RefundReport, ReserveRefund, Reserved,
        },
        rows::{
            inbox::InboxRow,
            number::NumberKind,
            order::ApiVersion,
            payment::Source,
            refund::{RefundRow, RefundStatus},
        },
    },
    merchants::Merchant,
    upstream::{CallError, CallOf, Called},
};
use std::sync::Arc;
use wxpay_proto::{
    Fate, Fen,
    id::{OutRefundNo, TransactionId},
    refusal::Code,
    v3::{
        self, Lookup,
        refund::{QueryRefund, Refund},
    },
};

/// A refund to make.
#[derive(Clone, Debug)]
pub(crate) struct RefundRequest {
    /// The order.
    pub(crate) key: OrderKey,
    /// The merchant's refund number.
    pub(crate) out_refund_no: OutRefundNo,
    /// The payment. Required if there are several.
    pub(crate) transaction_id: Option<TransactionId>,
    /// The amount.
    pub(crate) amount: Fen,
    /// The reason that the payer sees.
    pub(crate) reason: Option<String>,
    /// The goods, as JSON: an object with `goods_detail`.
    pub(crate) detail: Option<String>,
    /// The API key that requests it.
    pub(crate) requested_by: Option<String>,
}

/// A refund that was requested.
#[derive(Clone, Debug)]
pub(crate) struct RequestedRefund {
    /// The order, with the refund.
    pub(crate) state: OrderState,
    /// Whether this request created it.
    pub(crate) is_new: bool,
}

/// The place from which a refund is sent. A refusal in the background may be mended; the shop's request ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SentFor {
    Shop,
    Task,
}

/// The refusals that the merchant can mend, after which the same refund succeeds.
const MENDABLE: [Code; 4] = [Code::NOT_ENOUGH, Code::NO_AUTH, Code::SIGN_ERROR, Code::FREQUENCY_LIMITED];

impl App {
    /// Refunds a payment, or finds it refunded under this number.
    ///
    /// # Errors
    ///
    /// If a field is invalid, the number has other terms, the amount exceeds what can be refunded, or the call to WeChat
    /// Pay failed. After an unknown fate the amount stays reserved, and the refund is queried in the background.
    pub(crate) async fn refund(&self, request: RefundRequest) -> Result<RequestedRefund, ActionError> {
        let RefundRequest { key, out_refund_no, amount, reason, detail, requested_by, .. } = &request;
        let state = self.order(key).await?.ok_or(ActionError::NotFound("order"))?;
        if state.order.api_version == Some(ApiVersion::V1) {
            return Err(ActionError::conflict(
                "not_in_api_v1",
                "APIv1 has no refunds",
                "refund on the merchant platform",
            ));
        }
        let merchant = self.merchant(&key.merchant).ok_or(ActionError::NotFound("merchant"))?;
        let transaction_id = request.transaction_id.clone().or_else(|| only_payment(&state));
        let terms = RefundTerms {
            out_refund_no,
            transaction_id: transaction_id.as_ref(),
            amount: *amount,
            reason: reason.as_deref(),
            detail: detail.as_deref(),
        };
        // Invalid terms must not claim the number. An excessive amount is refused by the reservation.
        let payment =
            state.payments.iter().find(|payment| Some(&payment.transaction_id) == transaction_id.as_ref());
        if let Some(payment) = payment.filter(|payment| *amount <= payment.total) {
            drop(terms.request(self, &state, payment)?);
        }
        self.claim_refund(key, out_refund_no).await?;
        let window = self.open_window();
        let reserve = ReserveRefund {
            key: key.clone(),
            out_refund_no: out_refund_no.clone(),
            transaction_id: transaction_id.clone(),
            amount: *amount,
            reason: reason.clone(),
            detail: detail.clone(),
            terms_digest: terms.digest(),
            requested_by: requested_by.clone(),
            call_until: window.until(),
        };
        let (state, window, is_new) = match self.run(reserve).await? {
            Reserved::Created(state) => (state, window, true),
            // What WeChat Pay has not accepted is sent again: the same request completes it.
            Reserved::Existing(_) => {
                let (key, out_refund_no) = (key.clone(), out_refund_no.clone());
                let window = self.open_window();
                match self.run(BeginRefundCall { key, out_refund_no, call_until: window.until() }).await? {
                    BegunRefundCall::Begun(state) => (state, window, false),
                    BegunRefundCall::InProgress(state)
                    | BegunRefundCall::NotPending(state)
                    | BegunRefundCall::NotFound(state) => {
                        return Ok(RequestedRefund { state, is_new: false });
                    }
                }
            }
            Reserved::Differs(state) => {
                let known = state.refund(out_refund_no);
                let field = known.map_or("out_refund_no", |known| terms.difference(known)).into();
                return Err(ActionError::Differs { resource: "refund", field });
            }
            other @ (Reserved::NotPaid(_)
            | Reserved::TransactionRequired(_)
            | Reserved::UnknownTransaction(_)
            | Reserved::Exceeds { .. }) => return Err(refused(&other)),
        };
        let (app, number) = (self.clone(), out_refund_no.clone());
        let sending = async move { app.send_refund(&merchant, state, &number, window, SentFor::Shop).await };
        let (state, error) = self.spawn_call(sending).await??;
        match error {
            // What WeChat Pay has accepted is no failure, however it was learned.
            Some(error) if state.refund(out_refund_no).is_none_or(|refund| !is_accepted(refund)) => {
                Err(error.into())
            }
            Some(_) | None => Ok(RequestedRefund { state, is_new }),
        }
    }

    async fn claim_refund(&self, key: &OrderKey, out_refund_no: &OutRefundNo) -> Result<(), ActionError> {
        let owner = self
            .run(ClaimNumber {
                merchant: key.merchant.clone(),
                kind: NumberKind::Refund,
                number: out_refund_no.as_str().into(),
                owner: key.subject(),
            })
            .await?;
        if owner == key.subject() {
            Ok(())
        } else {
            Err(ActionError::Differs { resource: "refund", field: "out_trade_no".into() })
        }
    }

    /// Sends a refund whose call was begun, and records the result. Returns the order, and the error of the call.
    pub(super) async fn send_refund(
        &self,
        merchant: &Arc<Merchant>,
        state: OrderState,
        out_refund_no: &OutRefundNo,
        window: CallWindow,
        sent_for: SentFor,
    ) -> Result<(OrderState, Option<CallError>), ActionError> {
        let key = state.order.key();
        let call = state.refund_call(out_refund_no);
        let refund = state.refund(out_refund_no);
        let payment = refund.and_then(|refund| {
            state.payments.iter().find(|payment| payment.transaction_id == refund.transaction_id)
        });
        let request = match (refund, payment, merchant.v3()) {
            (Some(refund), Some(payment), Some(v3)) => {
                window.check().map_err(ActionError::from).and_then(|()| {
                    RefundTerms::stored(refund).request(self, &state, payment).map(|request| v3.call(request))
                })
            }
            _ => Err(CallError::not_configured().into()),
        };
        let flow = match request {
            Ok(flow) => flow,
            Err(error) => {
                let state = self.end_refund(&key, out_refund_no, call, RefundCall::NotSent).await?;
                return match error {
                    ActionError::Call(error) => Ok((state, Some(error))),
                    error @ (ActionError::Invalid(_)
                    | ActionError::NotFound(_)
                    | ActionError::Differs { .. }
                    | ActionError::Conflict { .. }
                    | ActionError::Ledger(_)
                    | ActionError::Interrupted) => Err(error),
                };
            }
        };
        let of = CallOf {
            merchant: key.merchant.clone(),
            subject: Subject::refund(key.merchant.clone(), out_refund_no),
            label: "v3.refund.create",
            is_kept: true,
        };
        let called = self.upstream().call(of, |client| async move { client.run(flow).await }).await;
        match called.result {
            Ok(refund) => {
                Ok((self.learn_refund(key, report(&refund), Source::Query, None).await?.state, None))
            }
            Err(error) => {
                let state = self.refund_failed(merchant, &state, out_refund_no, &error, sent_for).await?;
                Ok((state, Some(error)))
            }
        }
    }

    async fn refund_failed(
        &self,
        merchant: &Arc<Merchant>,
        state: &OrderState,
        out_refund_no: &OutRefundNo,
        error: &CallError,
        sent_for: SentFor,
    ) -> Result<OrderState, ActionError> {
        let (key, call) = (state.order.key(), state.refund_call(out_refund_no));
        let result = match (error.fate(), error.refusal()) {
            (Some(Fate::NotSent), _) => RefundCall::NotSent,
            (Some(Fate::Refused), Some(refusal)) => {
                // WeChat Pay also refuses with this code a number that it has with other terms.
                if refusal.code == Code::INVALID_REQUEST
                    && let Some(found) = self.find_refund(merchant, state, out_refund_no).await?
                {
                    return match found {
                        Lookup::Found(refund) => {
                            let learned = self.learn_refund(key, report(&refund), Source::Query, None);
                            learned.await.map(|learned| learned.state)
                        }
                        Lookup::NotFound => {
                            let refused = refused_call(refusal, sent_for);
                            self.end_refund(&key, out_refund_no, call, refused).await
                        }
                    };
                }
                if refusal.code == Code::INVALID_REQUEST {
                    RefundCall::Unknown
                } else {
                    refused_call(refusal, sent_for)
                }
            }
            (Some(Fate::Refused | Fate::Unknown) | None, _) => RefundCall::Unknown,
        };
        self.end_refund(&key, out_refund_no, call, result).await
    }

    /// Queries a refund, without recording anything. `None` if the query failed.
    async fn find_refund(
        &self,
        merchant: &Arc<Merchant>,
        state: &OrderState,
        out_refund_no: &OutRefundNo,
    ) -> Result<Option<Lookup<Refund>>, ActionError> {
        let Some(v3) = merchant.v3() else { return Ok(None) };
        Ok(self.call_query_refund(v3, state, out_refund_no).await.result.ok())
    }

    pub(super) async fn call_query_refund(
        &self,
        v3: &v3::Merchant,
        state: &OrderState,
        out_refund_no: &OutRefundNo,
    ) -> Called<Lookup<Refund>> {
        let merchant = state.order.merchant.clone();
        let of = CallOf {
            subject: Subject::refund(merchant.clone(), out_refund_no),
            merchant,
            label: "v3.refund.query",
            is_kept: false,
        };
        let flow = v3.call(QueryRefund::new(out_refund_no.clone()).party(super::query::party(state)));
        self.upstream().call(of, |client| async move { client.run(flow).await }).await
    }

    async fn end_refund(
        &self,
        key: &OrderKey,
        out_refund_no: &OutRefundNo,
        call: u64,
        result: RefundCall,
    ) -> Result<OrderState, ActionError> {
        let end = EndRefundCall { key: key.clone(), out_refund_no: out_refund_no.clone(), call, result };
        Ok(self.run(end).await?)
    }

    /// Learns a refund from any source. Its number is claimed first, for the order that WeChat Pay names.
    ///
    /// # Errors
    ///
    /// If it is not, or not known to be, recorded.
    pub(crate) async fn learn_refund(
        &self,
        key: OrderKey,
        report: RefundReport,
        source: Source,
        inbox: Option<InboxRow>,
    ) -> Result<LearnedRefund, ActionError> {
        self.run(ClaimNumber {
            merchant: key.merchant.clone(),
            kind: NumberKind::Refund,
            number: report.out_refund_no.as_str().into(),
            owner: key.subject(),
        })
        .await?;
        Ok(self.run(LearnRefund { key, report, source, inbox }).await?)
    }
}

fn only_payment(state: &OrderState) -> Option<TransactionId> {
    match state.payments.as_slice() {
        [payment] => Some(payment.transaction_id.clone()),
        _ => None,
    }
}

fn is_accepted(refund: &RefundRow) -> bool {
    matches!(refund.status, RefundStatus::Processing | RefundStatus::Success | RefundStatus::Abnormal)
}

fn refused_call(refusal: &wxpay_proto::refusal::Refusal, sent_for: SentFor) -> RefundCall {
    RefundCall::Refused {
        code: refusal.code.to_string(),
        message: refusal.message.clone(),
        // The shop is told of the refusal: the refund must not be made behind its back later.
        is_final: sent_for == SentFor::Shop || !MENDABLE.contains(&refusal.code),
    }
}

/// Returns the report of a refund.
pub(super) fn report(refund: &Refund) -> RefundReport {
    RefundReport {
        out_refund_no: refund.out_refund_no.clone(),
        refund_id: Some(refund.refund_id.clone()),
        transaction_id: refund.transaction_id.clone(),
        amount: refund.amount.refund,
        status: status(&refund.status),
        success_at: refund.success_time,
    }
}

/// Returns the status of a refund that WeChat Pay reported.
pub(crate) fn status(status: &v3::refund::RefundStatus) -> RefundStatus {
    match status {
        v3::refund::RefundStatus::Success => RefundStatus::Success,
        v3::refund::RefundStatus::Closed => RefundStatus::Closed,
        v3::refund::RefundStatus::Abnormal => RefundStatus::Abnormal,
        // A status that is not known yet is not final: the refund is queried again.
        v3::refund::RefundStatus::Processing | v3::refund::RefundStatus::Other(_) | _ => {
            RefundStatus::Processing
        }
    }
}

fn refused(reserved: &Reserved) -> ActionError {
    match reserved {
        Reserved::TransactionRequired(_) => {
            crate::invalid::Invalid::new("transaction_id", "is required: the order has several payments")
                .into()
        }
        Reserved::UnknownTransaction(_) => {
            crate::invalid::Invalid::new("transaction_id", "must be a payment of the order").into()
        }
        Reserved::Exceeds { available, .. } => {
            let rule = format!("must be 1 to {} fen, what can still be refunded", available.get());
            crate::invalid::Invalid::new("amount", rule).into()
        }
        Reserved::NotPaid(_) | Reserved::Created(_) | Reserved::Existing(_) | Reserved::Differs(_) => {
            ActionError::conflict("order_not_paid", "The order is not paid", "query the order first")
        }
    }
}
