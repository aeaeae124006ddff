//! Deciding a case: the remedy is carried out, then the case is resolved.

use super::{
    ActionError,
    refund::{RefundRequest, report, status},
};
use crate::{
    app::App,
    invalid::Invalid,
    ledger::{
        OrderKey, Subject, SubjectKind,
        case::{RecordRedirect, ResolveCase, ResolvedCase},
        rows::{
            case::{CaseKind, CaseRow, CaseStatus, Remedy},
            payment::Source,
            refund::RefundStatus,
            webhook::{EndpointRow, EndpointStatus},
        },
        webhook::{SaveEndpoint, SavedEndpoint},
    },
    upstream::{CallError, CallOf},
};
use serde_json::Value;
use wxpay_proto::{
    id::{OutRefundNo, RefundId, TransactionId},
    v3::{
        Lookup,
        refund::{ApplyAbnormalRefund, BankCard},
    },
};

/// A decision about a case.
#[derive(Clone, Debug)]
pub(crate) struct CaseDecision {
    /// The case, as read.
    pub(crate) case: CaseRow,
    /// The remedy. `None`: the proposed one.
    pub(crate) remedy: Option<Remedy>,
    /// The bank card of the payer to which a refund is redirected. `None`: the merchant's own.
    pub(crate) card: Option<BankCard>,
    /// The actor.
    pub(crate) actor: String,
    /// The remark of the actor.
    pub(crate) note: Option<String>,
}

impl App {
    /// Carries out the remedy of a case, and resolves it. One that was resolved before stays as it is, and one whose refund
    /// is redirected is open until the refund succeeds.
    ///
    /// # Errors
    ///
    /// If the remedy does not suit the case, or fails: the case stays open. A remedy may be repeated: a refund has a
    /// number that follows from the case.
    pub(crate) async fn resolve_case(&self, decision: CaseDecision) -> Result<CaseRow, ActionError> {
        let CaseDecision { case, remedy, card, actor, note } = decision;
        if case.status == CaseStatus::Resolved {
            return Ok(case);
        }
        let remedy = remedy.or(case.proposal).unwrap_or(Remedy::Accept);
        match remedy {
            Remedy::Accept => {}
            Remedy::Refund => self.refund_case(&case, &actor).await?,
            Remedy::Retry => self.retry_case(&case, &actor).await?,
            Remedy::Redirect => return self.redirect_refund(case, card, actor, note).await,
        }
        let (case_id, subject) = (case.case_id, case.subject);
        match self.run(ResolveCase { case_id, subject, remedy, actor, note }).await? {
            // Retrying a refund may have resolved it.
            ResolvedCase::Resolved(case) | ResolvedCase::Already(case) => Ok(case),
            ResolvedCase::NotFound => Err(ActionError::NotFound("case")),
        }
    }

    /// Refunds the rest of the payment that a case is about.
    async fn refund_case(&self, case: &CaseRow, actor: &str) -> Result<(), ActionError> {
        match case.kind {
            CaseKind::SecondPayment
            | CaseKind::PaidAfterClose
            | CaseKind::UnknownPayment
            | CaseKind::AmountMismatch => {}
            CaseKind::RefundAbnormal
            | CaseKind::RefundRefused
            | CaseKind::RefundExceedsPayment
            | CaseKind::TransactionOfAnotherNumber
            | CaseKind::ContradictoryEvidence
            | CaseKind::UnreadableNotification
            | CaseKind::EndpointDisabled
            | CaseKind::BillDifference => return Err(unsuitable()),
        }
        let key = case.subject.order().ok_or_else(unsuitable)?;
        let transaction_id: TransactionId =
            text(case, "transaction_id").and_then(|text| text.parse().ok()).ok_or_else(unsuitable)?;
        let out_refund_no = case_refund_no(case)?;
        let state = self.order(&key).await?.ok_or(ActionError::NotFound("order"))?;
        let payment = state.payments.iter().find(|payment| payment.transaction_id == transaction_id);
        let payment = payment.ok_or_else(unsuitable)?;
        let earlier = state.refund(&out_refund_no).filter(|refund| refund.status != RefundStatus::Closed);
        let amount = earlier.map_or_else(|| payment.refundable(), |refund| refund.amount);
        if amount.get() == 0 {
            // The payment was refunded by other means.
            return Ok(());
        }
        let request = RefundRequest {
            key,
            out_refund_no,
            transaction_id: Some(transaction_id),
            amount,
            reason: None,
            detail: None,
            requested_by: Some(actor.into()),
        };
        self.refund(request).await.map(drop)
    }

    async fn retry_case(&self, case: &CaseRow, actor: &str) -> Result<(), ActionError> {
        match case.kind {
            CaseKind::RefundAbnormal => {
                let (key, out_refund_no) = refund_of(case)?;
                let (state, error) = self.query_refund(&key, &out_refund_no).await?;
                if let Some(error) = error {
                    return Err(error.into());
                }
                let is_abnormal = state
                    .refund(&out_refund_no)
                    .is_some_and(|refund| refund.status == RefundStatus::Abnormal);
                if is_abnormal {
                    return Err(ActionError::conflict(
                        "refund_abnormal",
                        "The refund is still abnormal",
                        "it was queried, and not sent again: choose another account with the remedy redirect, or on the merchant \
                         platform; the case is resolved when the refund succeeds",
                    ));
                }
                Ok(())
            }
            CaseKind::RefundRefused => {
                let (key, out_refund_no) = refund_of(case)?;
                let state = self.order(&key).await?.ok_or(ActionError::NotFound("order"))?;
                let refund = state.refund(&out_refund_no).cloned().ok_or(ActionError::NotFound("refund"))?;
                let request = RefundRequest {
                    key,
                    out_refund_no,
                    transaction_id: Some(refund.transaction_id),
                    amount: refund.amount,
                    reason: refund.reason,
                    detail: refund.detail,
                    requested_by: Some(actor.into()),
                };
                self.refund(request).await.map(drop)
            }
            CaseKind::EndpointDisabled => self.enable_endpoint(case, actor).await,
            CaseKind::SecondPayment
            | CaseKind::PaidAfterClose
            | CaseKind::UnknownPayment
            | CaseKind::AmountMismatch
            | CaseKind::RefundExceedsPayment
            | CaseKind::TransactionOfAnotherNumber
            | CaseKind::ContradictoryEvidence
            | CaseKind::UnreadableNotification
            | CaseKind::BillDifference => Err(unsuitable()),
        }
    }

    /// Sends the abnormal refund that a case is about to another account. May be repeated: WeChat Pay refuses it while the
    /// refund is on its way.
    async fn redirect_refund(
        &self,
        case: CaseRow,
        card: Option<BankCard>,
        actor: String,
        note: Option<String>,
    ) -> Result<CaseRow, ActionError> {
        if case.kind != CaseKind::RefundAbnormal {
            return Err(unsuitable());
        }
        let (key, out_refund_no) = refund_of(&case)?;
        let state = self.order(&key).await?.ok_or(ActionError::NotFound("order"))?;
        let refund = state.refund(&out_refund_no).ok_or(ActionError::NotFound("refund"))?;
        let refund_id: RefundId =
            refund.refund_id.as_deref().and_then(|id| id.parse().ok()).ok_or_else(unsuitable)?;
        let merchant = self.merchant(&key.merchant).ok_or_else(CallError::not_configured)?;
        let v3 = merchant.v3().ok_or_else(CallError::not_configured)?;
        let destination = if card.is_some() { "USER_BANK_CARD" } else { "MERCHANT_BANK_CARD" };
        let (case_id, subject) = (case.case_id.clone(), case.subject.clone());
        if !self.run(RecordRedirect { case_id, subject, destination, actor, note }).await? {
            return self.reloaded(case).await;
        }
        let apply = match card {
            Some(card) => ApplyAbnormalRefund::to_user(refund_id, out_refund_no.clone(), card),
            None => ApplyAbnormalRefund::to_merchant(refund_id, out_refund_no.clone()),
        };
        let flow = v3.call(apply.party(super::query::party(&state)));
        let of = CallOf {
            merchant: key.merchant.clone(),
            subject: Subject::refund(key.merchant.clone(), &out_refund_no),
            label: "v3.refund.apply_abnormal",
            is_kept: true,
        };
        let called = self.upstream().call(of, |client| async move { client.run(flow).await }).await;
        let refund = match called.result {
            Ok(refund) => refund,
            Err(error) => match self.call_query_refund(v3, &state, &out_refund_no).await.result {
                // It was redirected before.
                Ok(Lookup::Found(refund)) if status(&refund.status) != RefundStatus::Abnormal => refund,
                Ok(Lookup::Found(_) | Lookup::NotFound) | Err(_) => return Err(error.into()),
            },
        };
        self.learn_refund(key, report(&refund), Source::Query, None).await?;
        self.reloaded(case).await
    }

    async fn reloaded(&self, case: CaseRow) -> Result<CaseRow, ActionError> {
        let rows = self.ledger().load(CaseRow::of(case.shard, &case.case_id)).await?;
        Ok(rows.into_iter().next().unwrap_or(case))
    }

    async fn enable_endpoint(&self, case: &CaseRow, actor: &str) -> Result<(), ActionError> {
        let endpoint = match case.subject.kind() {
            SubjectKind::Endpoint => Some(case.subject.number().to_owned()),
            SubjectKind::Order | SubjectKind::Refund | SubjectKind::Merchant => text(case, "endpoint"),
        };
        let endpoint = endpoint.ok_or_else(unsuitable)?;
        let known = self.ledger().load(EndpointRow::of(&endpoint)).await?;
        let known = known.into_iter().next().ok_or(ActionError::NotFound("webhook endpoint"))?;
        let seen = Some(known.version);
        let row = EndpointRow { status: EndpointStatus::Enabled, failing_since: None, ..known };
        match self.run(SaveEndpoint { row, seen, actor: actor.into() }).await? {
            SavedEndpoint::Saved(_) => Ok(()),
            SavedEndpoint::Stale(_) => Err(ActionError::Interrupted),
        }
    }
}

/// Returns the number of the refund that resolves a case: the same however often the remedy is repeated.
fn case_refund_no(case: &CaseRow) -> Result<OutRefundNo, ActionError> {
    Ok(case.case_id.parse()?)
}

fn refund_of(case: &CaseRow) -> Result<(OrderKey, OutRefundNo), ActionError> {
    let key = case.subject.order().ok_or_else(unsuitable)?;
    let out_refund_no = text(case, "out_refund_no").and_then(|text| text.parse().ok());
    Ok((key, out_refund_no.ok_or_else(unsuitable)?))
}

fn text(case: &CaseRow, field: &str) -> Option<String> {
    let data: Value = serde_json::from_str(&case.data).ok()?;
    data.get(field)?.as_str().map(str::to_owned)
}

fn unsuitable() -> ActionError {
    Invalid::new("remedy", "must suit the kind of the case")
        .remedy("choose the proposed one, or accept")
        .into()
}
